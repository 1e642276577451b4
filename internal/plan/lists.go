package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// rowsIn reads (a, b) IN ((x, y), ...): each column is in the list of its place. It reports whether it says something.
func (r *reader) rowsIn(row *sqlparse.Row, e *sqlparse.In, sc *scope, d *domain) bool {
	rows := rowsOf(row, e.List)
	if rows == nil {
		return false
	}
	said := false
	whole := &rowList{columns: len(row.X)}
	for i, x := range row.X {
		c := r.exactColumn(x, sc)
		if c == nil {
			continue
		}
		list := &source{kind: srcList, at: e.Start, rows: whole}
		for _, el := range rows {
			s := constant(el.X[i], c.fam)
			if s == nil {
				list = nil
				break
			}
			list.elems = append(list.elems, s)
		}
		if list != nil {
			d.is(c, list)
			said = true
		}
	}
	return said
}

// rowsOf are the elements of a list when each is a row as long as the other.
func rowsOf(row *sqlparse.Row, list []sqlparse.Expr) []*sqlparse.Row {
	rows := make([]*sqlparse.Row, 0, len(list))
	for _, x := range list {
		el, ok := strip(x).(*sqlparse.Row)
		if !ok || !inPairs(row, el) {
			return nil
		}
		rows = append(rows, el)
	}
	return rows
}

// useRows notes the parameters in the rows of an IN: PostgreSQL compares each row by itself, column by column.
func (r *reader) useRows(row *sqlparse.Row, rows []*sqlparse.Row, sc *scope) {
	r.exprs(row.X, sc)
	for _, el := range rows {
		for i, x := range el.X {
			if p, ok := strip(x).(*sqlparse.Param); ok {
				r.use(p, r.familyOf(row.X[i], sc), false)
				continue
			}
			r.expr(x, sc)
		}
	}
}

// arrayOf returns the list that an array is, and the family of its elements, when its type is plain to see: a parameter
// with a cast, or an ARRAY of constants. Otherwise it returns nil.
func arrayOf(e sqlparse.Expr) (*source, family) {
	fam := famNone
	e = strip(e)
	if cast, ok := e.(*sqlparse.Cast); ok {
		if cast.Type.Array != 1 {
			return nil, famNone
		}
		if fam = familyOfCast(&cast.Type); fam == famNone {
			return nil, famNone
		}
		e = strip(cast.X)
	}
	switch e := e.(type) {
	case *sqlparse.Param:
		if fam != famNone {
			return &source{kind: srcAnyOf, param: e.Number, at: e.Start}, fam
		}
	case *sqlparse.Array:
		if fam == famNone {
			fam = familyOfElements(e.X)
		}
		list := &source{kind: srcList, at: e.Start}
		for _, x := range e.X {
			s := constant(x, fam)
			if s == nil {
				return nil, famNone
			}
			list.elems = append(list.elems, s)
		}
		if fam != famNone && len(list.elems) > 0 {
			return list, fam
		}
	}
	return nil, famNone
}

// familyOfElements is the family of the type that PostgreSQL gives ARRAY[...]: that of the elements that have one.
func familyOfElements(list []sqlparse.Expr) family {
	fam := famNone
	for _, x := range list {
		f := familyOfConstant(x)
		switch {
		case neutral(x):
		case f == famNone, fam != famNone && f != fam:
			return famNone
		default:
			fam = f
		}
	}
	if fam == famNone && !slices.ContainsFunc(list, func(x sqlparse.Expr) bool { return !neutral(x) }) {
		return famText
	}
	return fam
}

// unnested are the columns that unnest gives in FROM, when each of its arrays is a list; nil otherwise. The arrays' rows
// are those of their elements that have one number; a shorter array goes on with NULL.
func (r *reader) unnested(f *sqlparse.FuncRef, rel *relation) []*column {
	if len(f.Calls) != 1 || f.ColumnDefs || f.CallDefs != nil {
		return nil
	}
	call, ok := f.Calls[0].(*sqlparse.FuncCall)
	if !ok || !isUnnest(call) {
		return nil
	}
	name := call.Name
	if len(call.Args) == 1 && rel.alias != "" {
		name = rel.alias
	}
	whole, facts := &rowList{columns: len(call.Args)}, &domain{}
	var cols []*column
	for _, x := range call.Args {
		list, fam := arrayOf(x)
		if list == nil {
			return nil
		}
		c := &column{rel: rel, name: name, fam: fam, exact: true}
		if list.unnested, list.rows = true, whole; r.scope == Unscoped {
			facts.is(c, list)
		}
		cols = append(cols, c)
	}
	if f.Ordinality {
		cols = append(cols, &column{rel: rel, name: "ordinality"})
	}
	if len(f.Alias.Columns) > len(cols) {
		return nil
	}
	for i, n := range f.Alias.Columns {
		cols[i].name = n.Value
	}
	rel.dom.set(append(rel.dom.facts, facts.facts...))
	return cols
}

func isUnnest(call *sqlparse.FuncCall) bool {
	return call.Name == "unnest" && call.Schema == "" && !call.Special && !call.Star && !call.Distinct && !call.Variadic &&
		len(call.OrderBy) == 0 && call.Filter == nil && call.Over == nil && len(call.WithinGroup) == 0 && len(call.Args) > 0
}

// unnestedOutput is the output column that SELECT unnest(array) makes, or nil.
func unnestedOutput(e sqlparse.Expr) *column {
	call, ok := strip(e).(*sqlparse.FuncCall)
	if !ok || !isUnnest(call) || len(call.Args) != 1 {
		return nil
	}
	list, fam := arrayOf(call.Args[0])
	if list == nil {
		return nil
	}
	list.unnested = true
	return fixed(fam, list)
}

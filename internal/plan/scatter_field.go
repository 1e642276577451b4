package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// isPlainCall reports whether f(x) may be another way to write (x).f: PostgreSQL reads a call so where no function of the
// name takes a row, and nothing in it is a function's alone.
func isPlainCall(e *sqlparse.FuncCall) bool {
	return len(e.Args) == 1 && e.Schema == "" && e.Over == nil && !e.Star && !e.Distinct && !e.Variadic && e.Filter == nil &&
		len(e.OrderBy) == 0 && len(e.WithinGroup) == 0
}

// takeRows are the aggregates that every version of PostgreSQL which has them gives rows of any type to.
var takeRows = []string{"count", "any_value", "array_agg", "json_agg", "json_agg_strict", "jsonb_agg", "jsonb_agg_strict"}

// checkField refuses max(t) where t is a row with a column max. That is t.max, one value for each row, until a version of
// PostgreSQL has the aggregate for rows; the shards' rows would be put together as if it were one for all.
func (r *reader) checkField(e *sqlparse.FuncCall, sc *scope) {
	if r.tops == nil || !isPlainCall(e) || slices.Contains(takeRows, e.Name) {
		return
	}
	if rel := r.wholeRowOf(e.Args[0], sc); rel != nil && (rel.has(e.Name) || e.Name != rel.alias && slices.Contains(rel.names, e.Name)) {
		panic(refuse(Unsupported, e.Start, e.Name+"("+rel.alias+") is the column "+quote(e.Name)+" of the row, or an aggregate of rows, by "+
			"PostgreSQL's version", "write "+identifier(rel.alias)+"."+identifier(e.Name)+" for the column"))
	}
}

// wholeRowOf returns the relation whose row as a value x is, or nil.
func (r *reader) wholeRowOf(x sqlparse.Expr, sc *scope) *relation {
	switch x := strip(x).(type) {
	case *sqlparse.Star:
		switch len(x.Parts) {
		case 1:
			return r.relationOf(x.Start, sc, "", x.Parts[0].Value)
		case 2:
			return r.relationOf(x.Start, sc, x.Parts[0].Value, x.Parts[1].Value)
		}
	case *sqlparse.ColumnRef:
		if len(x.Parts) != 1 || r.column(x, sc) != opaque {
			return nil
		}
		for s := sc; s != nil; s = s.up {
			if s.ns == nil {
				continue
			}
			for _, rel := range s.ns.rels {
				if rel.alias == x.Parts[0].Value {
					return rel
				}
			}
		}
	}
	return nil
}

// notProjected is a clause that says of an aggregate's call that it is one, where the argument may be a row with a field of
// its name. Other arguments go without: an index on them gives their least and greatest value to a call without FILTER only.
func (r *reader) notProjected(e *sqlparse.FuncCall, sc *scope) string {
	if isPlainCall(e) && r.mayBeRow(e.Args[0], sc) {
		return " filter (where true)"
	}
	return ""
}

// mayBeRow reports whether a value may be a row of a type of the schema, of whose fields nothing is known here.
func (r *reader) mayBeRow(x sqlparse.Expr, sc *scope) bool {
	const userDefined = 16384
	some := func(list ...sqlparse.Expr) bool {
		return slices.ContainsFunc(list, func(x sqlparse.Expr) bool { return x != nil && r.mayBeRow(x, sc) })
	}
	switch x := strip(x).(type) {
	case *sqlparse.ColumnRef:
		c := r.column(x, sc)
		for c.inner != nil {
			c = c.inner
		}
		if c.rel == nil || c.rel.table == nil {
			return true
		}
		i := slices.Index(c.rel.cols, c)
		return i < 0 || c.rel.table.Columns[i].OID >= userDefined
	case *sqlparse.Cast:
		return familyOfCast(&x.Type) == famNone && pageTypes[x.Type.Name] == nil && !slices.Contains(exactTypes, x.Type.Name)
	case *sqlparse.FuncCall:
		return slices.Contains(populates, x.Name) || some(x.Args...)
	case *sqlparse.Coalesce:
		return some(x.Args...)
	case *sqlparse.Case:
		for i := range x.Whens {
			if some(x.Whens[i].Then) {
				return true
			}
		}
		return some(x.Else)
	case *sqlparse.Index:
		return some(x.X)
	case *sqlparse.Collate:
		return false // of text
	case *sqlparse.Subquery, *sqlparse.Field, *sqlparse.Row, *sqlparse.Star:
		return true
	}
	return false // what operators and conditions give
}

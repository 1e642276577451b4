package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// conjuncts adds what a condition proves to d.
func (r *reader) conjuncts(e sqlparse.Expr, sc *scope, d *domain) {
	switch e := strip(e).(type) {
	case nil:
	case *sqlparse.And:
		for _, x := range e.X {
			r.conjuncts(x, sc, d)
		}
	case *sqlparse.Binary:
		said := false
		switch {
		case isEquality(e.Op, e.OpSchema):
			said = r.equality(e.L, e.R, sc, d)
		case e.Op == "is not distinct from":
			said = r.notDistinct(e.L, e.R, sc, d)
		}
		if !said {
			r.notice(e, sc)
		}
	case *sqlparse.In:
		switch {
		case e.Query != nil && !e.Not:
			r.member(e.X, e.Query, sc, d)
			r.notice(e, sc)
		case e.Not || e.Query != nil || !r.inList(e, sc, d):
			r.notice(e, sc)
		}
	case *sqlparse.Quantified:
		switch {
		case e.Query != nil && !e.All && isEquality(e.Op, e.OpSchema):
			r.member(e.X, e.Query, sc, d)
			r.notice(e, sc)
		case e.All || e.Query != nil || !isEquality(e.Op, e.OpSchema) || !r.anyOf(e, sc, d):
			r.notice(e, sc)
		}
	default:
		r.notice(e, sc)
	}
}

func isEquality(op, schema string) bool { return op == "=" && (schema == "" || schema == "pg_catalog") }

// equality reads l = r and reports whether it says something.
func (r *reader) equality(l, rr sqlparse.Expr, sc *scope, d *domain) bool {
	lrow, lok := strip(l).(*sqlparse.Row)
	rrow, rok := strip(rr).(*sqlparse.Row)
	if lok || rok {
		said := false
		if lok && rok && inPairs(lrow, rrow) {
			for i := range lrow.X {
				said = r.equalColumn(lrow.X[i], rrow.X[i], sc, d) || said
			}
		}
		return said
	}
	return r.equalColumn(l, rr, sc, d)
}

// inPairs reports whether the values of two rows are beside each other as they are written.
func inPairs(l, r *sqlparse.Row) bool { return len(l.X) == len(r.X) && !hasStars(l) && !hasStars(r) }

// hasStars reports whether a row has a star among its values, which is any number of them.
func hasStars(row *sqlparse.Row) bool {
	return slices.ContainsFunc(row.X, isStar)
}

// equalColumn reads l = r of two values. Rows inside of rows are compared as records, in which a NULL equals a NULL, so
// that they say nothing.
func (r *reader) equalColumn(l, rr sqlparse.Expr, sc *scope, d *domain) bool {
	lc, rc := r.exactColumn(l, sc), r.exactColumn(rr, sc)
	switch {
	case lc != nil && rc != nil:
		if lc.fam != rc.fam {
			return false
		}
		d.equal(lc, rc)
		return true
	case lc != nil:
		return r.columnIs(lc, rr, d)
	case rc != nil:
		return r.columnIs(rc, l, d)
	}
	return false
}

// notDistinct reads l IS NOT DISTINCT FROM r. It is an equality only where one side cannot be NULL: a constant, or a
// parameter, since Bind refuses a key that is NULL. Between two columns it is none: a row of another key keeps a row of
// an outer join from being filled with NULLs, which are not distinct.
func (r *reader) notDistinct(l, rr sqlparse.Expr, sc *scope, d *domain) bool {
	lrow, lok := strip(l).(*sqlparse.Row)
	rrow, rok := strip(rr).(*sqlparse.Row)
	if lok && rok && inPairs(lrow, rrow) {
		said := false
		for i := range lrow.X {
			said = r.notDistinct(lrow.X[i], rrow.X[i], sc, d) || said
		}
		return said
	}
	c, other := r.exactColumn(l, sc), rr
	if c == nil {
		c, other = r.exactColumn(rr, sc), l
	}
	if c == nil {
		return false
	}
	if src := constant(other, c.fam); src != nil && src.kind != srcNull {
		d.is(c, src)
		return true
	}
	return false
}

func (r *reader) columnIs(c *column, e sqlparse.Expr, d *domain) bool {
	src := constant(e, c.fam)
	if src == nil {
		return false
	}
	d.is(c, src)
	return true
}

func (r *reader) inList(e *sqlparse.In, sc *scope, d *domain) bool {
	if len(e.List) == 1 {
		return r.equality(e.X, e.List[0], sc, d)
	}
	if row, ok := strip(e.X).(*sqlparse.Row); ok && r.scope == Unscoped {
		return r.rowsIn(row, e, sc, d)
	}
	c := r.exactColumn(e.X, sc)
	if c == nil {
		return false
	}
	list := &source{kind: srcList, at: e.Start}
	for _, x := range e.List {
		s := constant(x, c.fam)
		if s == nil {
			return false
		}
		list.elems = append(list.elems, s)
	}
	d.is(c, list)
	return true
}

func (r *reader) anyOf(e *sqlparse.Quantified, sc *scope, d *domain) bool {
	c := r.exactColumn(e.X, sc)
	if c == nil {
		return false
	}
	if list, fam := arrayOf(e.Array); list != nil && list.kind == srcList && r.scope == Unscoped {
		if fam == c.fam {
			d.is(c, list)
		}
		return fam == c.fam
	}
	x := strip(e.Array)
	if cast, ok := x.(*sqlparse.Cast); ok {
		if cast.Type.Array != 1 || familyOfCast(&cast.Type) != c.fam {
			return false
		}
		x = strip(cast.X)
	}
	p, ok := x.(*sqlparse.Param)
	if !ok {
		return false
	}
	d.is(c, &source{kind: srcAnyOf, param: p.Number, at: e.Start})
	return true
}

// exactColumn returns the column that e is, when equality on it is equality of values.
func (r *reader) exactColumn(e sqlparse.Expr, sc *scope) *column {
	ref, ok := strip(e).(*sqlparse.ColumnRef)
	if !ok {
		return nil
	}
	if c := r.column(ref, sc); c.exact {
		return c
	}
	return nil
}

// notice remembers, for the error, why a condition that names a key column pins nothing.
func (r *reader) notice(e sqlparse.Expr, sc *scope) {
	if e == nil {
		return
	}
	n := note{reason: NoShardKey, what: reasonOf(e), offset: e.Pos().Start}
	switch e.(type) {
	case *sqlparse.Or:
		n.reason = Or
	case *sqlparse.Unary:
		n.reason = Or
	}
	for _, ref := range columnsIn(e) {
		c := r.column(ref, sc)
		if c.rel == nil || c.rel.table == nil || c.rel.note != nil || !c.rel.isKey(c) {
			continue
		}
		c.rel.note = &n
	}
}

// columnsIn lists the references of e outside its subqueries.
func columnsIn(e sqlparse.Expr) []*sqlparse.ColumnRef {
	var refs []*sqlparse.ColumnRef
	sqlparse.Walk(e, func(n sqlparse.Node) bool {
		switch n := n.(type) {
		case *sqlparse.Select:
			return false
		case *sqlparse.ColumnRef:
			refs = append(refs, n)
		}
		return true
	})
	return refs
}

func reasonOf(e sqlparse.Expr) string {
	switch e := e.(type) {
	case *sqlparse.Or:
		return "its condition is under OR"
	case *sqlparse.Unary:
		return "its condition is under NOT"
	case *sqlparse.In:
		return "its IN does not compare the bare column with parameters and constants"
	case *sqlparse.Quantified:
		return "its ANY or ALL does not compare the bare column with one array parameter"
	case *sqlparse.Binary:
		switch {
		case e.Op == "is not distinct from":
			return "its IS NOT DISTINCT FROM does not compare the bare column with a parameter or a constant that is not NULL"
		case !isEquality(e.Op, e.OpSchema):
			return "its condition is not an equality of pg_catalog"
		}
		return "its equality does not compare the bare column with a parameter, a constant, or a column that PostgreSQL " +
			"compares exactly"
	default:
		return "its condition is not an equality"
	}
}

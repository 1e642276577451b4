package plan

import "github.com/keyway-go/keyway/internal/sqlparse"

// keepMembers remembers the output of the query of x IN (query), which is read before it is known whether the rows of
// the statement depend on it.
func (r *reader) keepMembers(q *sqlparse.Select, s *shape) {
	if r.members == nil {
		r.members = map[*sqlparse.Select]*shape{}
	}
	r.members[q] = s
}

// member reads x IN (query), or x = ANY (query), that must be true for a row to count. It is then the same as
//
//	EXISTS (SELECT FROM (query) AS q WHERE q.x = x)
//
// so that a row of the query only counts where it equals x, and what x is proven to be is proven of it. What is proven of
// all rows of the query is proven of x, which equals one of them; on a handle that would pin to a list what the handle
// restricts to its key. Nothing follows from NOT IN, which is not true where the query has a NULL.
func (r *reader) member(x sqlparse.Expr, q *sqlparse.Select, sc *scope, d *domain) {
	s := r.members[q]
	if s == nil || s.open {
		return
	}
	list := []sqlparse.Expr{x}
	if row, ok := strip(x).(*sqlparse.Row); ok {
		if hasStars(row) {
			return
		}
		list = row.X
	}
	if len(list) != len(s.outs) {
		return
	}
	where := &domain{} // reached from the query's columns alone
	b := &block{root: where, whereAt: -1, up: r.block}
	rel := r.wrap(s, "", &sqlparse.Alias{}, q.Start, where, b, true)
	for i, y := range list {
		if c, m := r.exactColumn(y, sc), rel.cols[i]; c != nil && m.exact && c.fam == m.fam {
			where.equal(m, c)
			if r.scope == Unscoped {
				d.equal(c, m)
			}
		}
	}
}

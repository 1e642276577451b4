package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// with reads the CTEs; each sees those before it. With RECURSIVE each sees all, so that those behind it hide what else
// has their names, and cannot be read yet.
func (r *reader) with(w *sqlparse.With, outer *scope) *scope {
	if w == nil {
		return outer
	}
	sc := *outer
	if w.Recursive {
		for _, c := range w.CTEs {
			sc.ctes = &cte{name: c.Name.Value, pending: true, up: sc.ctes}
		}
	}
	for _, c := range w.CTEs {
		s := r.commonTable(c, w.Recursive, &sc)
		nameColumns(c, s)
		r.searchAndCycle(c, s, &sc)
		sc.ctes = &cte{name: c.Name.Value, shape: s, up: sc.ctes}
	}
	return &sc
}

// commonTable reads the query of one CTE.
func (r *reader) commonTable(c *sqlparse.CTE, recursive bool, sc *scope) *shape {
	var s *shape
	switch q := c.Query.(type) {
	case *sqlparse.Select:
		if recursive && mentions(q, c.Name.Value) {
			return r.recursive(c, q, sc)
		}
		s = r.query(q, sc)
	default:
		s = r.change(q, sc)
	}
	if c.Search != nil || c.Cycle != nil {
		panic(refuse(Unsupported, c.Start, "SEARCH and CYCLE need a recursive query", ""))
	}
	return &shape{outs: slices.Clone(s.outs), open: s.open, names: s.names, carried: s.carried}
}

func nameColumns(c *sqlparse.CTE, s *shape) {
	if len(c.Columns) > len(s.outs) || len(c.Columns) > 0 && s.open {
		panic(refuse(Unsupported, c.Start, "the column list of the CTE "+quote(c.Name.Value)+" does not fit what is known of its query",
			"name the columns in the query"))
	}
	for i, n := range c.Columns {
		s.outs[i].name = n.Value
	}
}

// mentions reports whether a relation of the query may be the CTE of that name.
func mentions(q *sqlparse.Select, name string) bool {
	found := false
	sqlparse.Walk(q, func(n sqlparse.Node) bool {
		if t, ok := n.(*sqlparse.TableRef); ok && t.Table.Schema.Value == "" && t.Table.Name.Value == name {
			found = true
		}
		return !found
	})
	return found
}

// recursive reads a query UNION a query that names the CTE itself. No condition outside enters it, since each step reads
// rows of the one before. A column carries outwards what the first arm proves of it, if the second proves the same when
// it is supposed of the rows that it reads: then it holds for the rows of every step.
func (r *reader) recursive(c *sqlparse.CTE, q *sqlparse.Select, sc *scope) *shape {
	if q.Op != sqlparse.SetUnion || len(q.OrderBy) > 0 || q.Limit != nil || q.Offset != nil || len(q.Locking) > 0 {
		panic(refuse(Unsupported, q.Start, "the CTE "+quote(c.Name.Value)+" is no recursion that PostgreSQL reads",
			"write a query without it UNION [ALL] a query with it, without ORDER BY and LIMIT"))
	}
	sc = r.with(q.With, sc)
	left := r.query(q.Left, sc)
	if left.open {
		panic(refuse(Unsupported, q.Start, "the columns of the CTE "+quote(c.Name.Value)+" are not known", "name the columns in its first query"))
	}
	s := &shape{names: left.names}
	for _, o := range left.outs {
		out := output{name: o.name, coll: o.coll}
		if o.col != nil && o.col.exact && !r.supposing {
			if proven := sources(o.col); len(proven) > 0 {
				out.col = fixed(o.col.fam, proven...)
			}
		}
		s.outs = append(s.outs, out)
	}
	nameColumns(c, s)
	inner := *sc
	inner.ctes = &cte{name: c.Name.Value, shape: s, up: sc.ctes}
	was := r.supposing
	r.supposing = true
	right := r.query(q.Right, &inner)
	r.supposing = was
	confirm(s, right)
	return s
}

// confirm takes from the columns of a recursion what was supposed and is not proven of its second arm, until all that is
// left is proven from what is left.
func confirm(s, right *shape) {
	for again := true; again; {
		again = false
		for i, o := range s.outs {
			if o.col == nil {
				continue
			}
			var proven []*source
			if i < len(right.outs) && !right.open {
				if c := right.outs[i].col; c != nil && c.exact && c.fam == o.col.fam {
					proven = sources(c)
				}
			}
			d, n := o.col.rel.dom, len(o.col.rel.dom.facts)
			d.set(slices.DeleteFunc(d.facts, func(f fact) bool { return !slices.ContainsFunc(proven, f.src.same) }))
			again = again || len(d.facts) < n
		}
	}
}

// searchAndCycle adds the columns of SEARCH and CYCLE, which PostgreSQL computes from the rows of the CTE alone.
func (r *reader) searchAndCycle(c *sqlparse.CTE, s *shape, sc *scope) {
	if c.Search != nil {
		s.outs = append(s.outs, output{name: c.Search.Set.Value})
	}
	if c.Cycle != nil {
		r.expr(c.Cycle.Mark, sc)
		r.expr(c.Cycle.Default, sc)
		s.outs = append(s.outs, output{name: c.Cycle.Set.Value}, output{name: c.Cycle.Using.Value})
	}
}

package plan

import (
	"slices"
	"strconv"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// groups reads GROUP BY and returns the bare columns in it; nil when it has grouping sets, where a column of the list
// is not always grouped by.
func (r *reader) groups(q *sqlparse.Select, s *shape, sc *scope) []*column {
	var cols []*column
	sets := q.GroupAll
	for _, x := range q.GroupBy {
		switch x := strip(x).(type) {
		case *sqlparse.GroupingSet:
			sets = true
			r.grouping(x, s, sc)
		case *sqlparse.ColumnRef:
			if c, ok := r.groupColumn(x, s, sc); ok {
				cols = append(cols, c)
			}
		case *sqlparse.Literal:
			if n, err := strconv.Atoi(x.Value); err == nil && n >= 1 && n <= len(s.outs) && !s.open && s.outs[n-1].col != nil {
				cols = append(cols, s.outs[n-1].col)
			}
		default:
			r.expr(x, sc)
		}
	}
	if sets {
		r.groupingSets = true
		return nil
	}
	return cols
}

func (r *reader) grouping(g *sqlparse.GroupingSet, s *shape, sc *scope) {
	for _, x := range g.X {
		switch x := strip(x).(type) {
		case *sqlparse.GroupingSet:
			r.grouping(x, s, sc)
		case *sqlparse.ColumnRef:
			r.groupColumn(x, s, sc)
		default:
			r.expr(x, sc)
		}
	}
}

// groupColumn resolves a name in GROUP BY: an input column, else the alias of an output.
func (r *reader) groupColumn(x *sqlparse.ColumnRef, s *shape, sc *scope) (*column, bool) {
	if len(x.Parts) == 1 && sc.ns != nil && r.visible(x, sc.ns, x.Parts[0].Value) == nil && s.named(x.Parts[0].Value) {
		return nil, false
	}
	return r.column(x, sc), true
}

// sortKey reads an item of ORDER BY or DISTINCT ON: a bare name is an output's first.
func (r *reader) sortKey(x sqlparse.Expr, s *shape, sc *scope) {
	if ref, ok := strip(x).(*sqlparse.ColumnRef); ok && len(ref.Parts) == 1 && s.named(ref.Parts[0].Value) {
		return
	}
	r.expr(x, sc)
}

// markEnterable marks the outputs on which a filter gives the same rows before the query's own work as after it.
func (r *reader) markEnterable(q *sqlparse.Select, b *block, s *shape, groups []*column) {
	for i := range s.outs {
		o := &s.outs[i]
		o.enter = o.col != nil && b.admits(q, o.col, groups)
	}
	if r.tops != nil {
		s.carried = b.carries(q, s, groups)
	}
}

// admits reports whether a filter on a column of the block gives the same before the query's own work as after it. Not
// so with LIMIT and OFFSET (which rows are cut changes), DISTINCT ON, row locks, windows whose partitions it divides
// (what a row's frame holds changes), and, in a grouped query, for what is not grouped by.
func (b *block) admits(q *sqlparse.Select, c *column, groups []*column) bool {
	if c.rel == nil || c.rel.blk != b {
		return false // an outer column is there whether this query has rows or not
	}
	if q.Limit != nil || q.Offset != nil || q.WithTies || len(q.DistinctOn) > 0 || len(q.Locking) > 0 {
		return false
	}
	if b.aggregate || len(q.GroupBy) > 0 || q.GroupAll || q.Having != nil {
		if !slices.Contains(groups, c) {
			return false
		}
	}
	return !b.window || b.partitioned(c)
}

// partitioned reports whether every window of the block keeps rows of different values of c apart.
func (b *block) partitioned(c *column) bool {
	for _, p := range b.partitions {
		if !slices.Contains(p, c) {
			return false
		}
	}
	return len(b.partitions) > 0
}

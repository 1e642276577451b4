package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// top is a SELECT with what is known of it after it was read.
type top struct {
	block  *block
	scope  *scope // what its expressions see
	shape  *shape
	groups []*column // the bare columns of GROUP BY; nil with grouping sets
}

func (r *reader) keepTop(q *sqlparse.Select, b *block, sc *scope, s *shape, groups []*column) {
	if r.tops != nil {
		r.tops[q] = &top{block: b, scope: sc, shape: s, groups: groups}
	}
}

// keys lists the keys by which the rows of rel are divided among the shards: a sharded table's own, or those that a
// query in FROM carries. None of their columns is ever NULL.
func (rel *relation) keys() [][]*column {
	if rel.table == nil {
		return rel.carried
	}
	if rel.table.Kind != catalog.Sharded {
		return nil
	}
	cols := make([]*column, 0, len(rel.table.Key))
	for i := range rel.table.Key {
		cols = append(cols, rel.key(i))
	}
	return [][]*column{cols}
}

// carries lists the keys of the block's own tables that a filter outside may fix before the query's work as well as
// after it. Only a table that no outer join null-extends divides the rows of the block.
func (b *block) carries(q *sqlparse.Select, s *shape, groups []*column) [][]*column {
	var found [][]*column
	for _, rel := range b.rels {
		if rel.dom != b.root {
			continue
		}
		for _, k := range rel.keys() {
			if !slices.ContainsFunc(k, func(c *column) bool { return !b.admits(q, c, groups) || q.Distinct && !s.passes(c) }) {
				found = append(found, k)
			}
		}
	}
	return found
}

// passes reports whether c is an output, unchanged.
func (s *shape) passes(c *column) bool {
	return slices.ContainsFunc(s.outs, func(o output) bool { return o.col == c })
}

// carry gives the relation that a query's output is the keys that the query carries, under no name. A filter outside
// may go inside only when the query is read once.
func (rel *relation) carry(s *shape, once bool) {
	for _, k := range s.carried {
		cols := make([]*column, 0, len(k))
		for _, in := range k {
			c := &column{rel: rel, inner: in, fam: in.fam, exact: in.exact}
			if once {
				in.outs = append(in.outs, c)
			}
			cols = append(cols, c)
		}
		rel.carried = append(rel.carried, cols)
	}
}

package plan

import "slices"

// walk is one search along equalities.
type walk struct {
	cols    []*column            // reached
	known   map[*column]struct{} // the same, once there are many
	domains []walked
	found   []*source
}

// walked is a domain whose facts have been held against the first of the columns that a walk has reached.
type walked struct {
	*domain
	cols int
}

// sources returns what start is proven equal to, on every row of its relation that can matter for the result.
//
// It follows equalities from column to column. Each column that is reached is not NULL on the rows in question, so its
// relation is not null-extended there and the equalities of its domain hold too; that is why domains join the walk as
// columns are reached, and only then: the ON of a LEFT JOIN is not among the equalities of its preserved side.
func sources(start *column) []*source {
	w := walk{}
	w.from(start)
	return w.found
}

// from walks until every fact of every domain was held against every column that is reached, once.
func (w *walk) from(start *column) {
	w.reach(start)
	for again := true; again; {
		again = false
		for i := range len(w.domains) {
			for w.domains[i].cols < len(w.cols) {
				c := w.cols[w.domains[i].cols]
				w.domains[i].cols++
				w.domains[i].about(c, func(f fact) { w.follow(c, f) })
				again = true
			}
		}
	}
}

// follow goes on from c.
func (w *walk) follow(c *column, f fact) {
	switch {
	case f.col != c:
		w.reach(f.col)
	case f.src == nil:
		w.reach(f.to)
	case !slices.Contains(w.found, f.src):
		w.found = append(w.found, f.src)
	}
}

func (w *walk) reach(c *column) {
	if c.rel == nil || w.knows(c) {
		return
	}
	w.add(c)
	for d := c.rel.dom; d != nil; d = d.parent {
		if !slices.ContainsFunc(w.domains, func(have walked) bool { return have.domain == d }) {
			w.domains = append(w.domains, walked{domain: d})
		}
	}
	if c.inner != nil {
		w.reach(c.inner)
	}
	for _, out := range c.outs {
		w.reach(out)
	}
}

// manyColumns is from how many columns on a map is better than looking through them.
const manyColumns = 16

func (w *walk) knows(c *column) bool {
	if w.known == nil {
		return slices.Contains(w.cols, c)
	}
	_, known := w.known[c]
	return known
}

func (w *walk) add(c *column) {
	w.cols = append(w.cols, c)
	switch {
	case w.known != nil:
		w.known[c] = struct{}{}
	case len(w.cols) == manyColumns:
		w.known = make(map[*column]struct{}, 2*manyColumns)
		for _, have := range w.cols {
			w.known[have] = struct{}{}
		}
	}
}

// oneRow reports whether what the walks have found is of one row of every query that they have gone into. A CTE that is
// named twice has two: what is proven of a column of the one says nothing of the row of the other.
func oneRow(walks []walk) bool {
	from := map[any]*relation{}
	for i := range walks {
		for _, c := range walks[i].cols {
			if c.inner == nil || c.inner.rel == nil {
				continue
			}
			in := any(c.inner.rel)
			if c.inner.rel.blk != nil {
				in = c.inner.rel.blk
			}
			if from[in] != nil && from[in] != c.rel {
				return false
			}
			from[in] = c.rel
		}
	}
	return true
}

package plan

import (
	"slices"
)

// domain is a set of equalities with the rows they hold for: those of a query that survive its WHERE (no parent), or,
// below it, those of the nullable side of an outer join that are joined.
//
//	from a join b on p left join (c join d on q) on s where w
//
//	w, p   hold in the domain of the query, for a and b and whatever of c and d is not null
//	q, s   hold in the domain below, for c and d only
type domain struct {
	parent *domain
	facts  []fact
}

// fact says that col equals another column or a source. It is strict: where it holds, neither side is NULL.
type fact struct {
	col *column
	to  *column // nil with src
	src *source
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

// sourceKind says where a value comes from.
type sourceKind uint8

const (
	srcParam     sourceKind = iota
	srcLiteral              // text holds its text
	srcNull                 // NULL, which equals nothing
	srcList                 // IN (...), one of elems
	srcAnyOf                // = ANY($n), one of the elements of an array
	srcEmptyList            // = ANY('{}')
	srcOwn                  // part param of the key of the row that divides the result; see splitter
	srcScope                // part param of the key of the scope, which has parts many
)

// source is a value that is the same for every row: a parameter, a constant, or a list of them.
type source struct {
	kind     sourceKind
	param    int
	lit      string
	isInt    bool // the literal is a number, not a string
	elems    []*source
	at       int
	own      *anchor  // with srcOwn
	parts    int      // with srcScope
	unnested bool     // every element of the array makes a row, NULL and repeated ones too
	rows     *rowList // the list is a column of this one, its elements in the order of the rows; nil when it is by itself
}

// rowList is a list of rows whose columns are lists: (a, b) IN ((...), (...)), VALUES, unnest of several arrays. Where two
// columns of it are met on one row of the statement, their values are of one row of the list.
type rowList struct{ columns int }

func (s *source) isList() bool { return s.kind == srcList || s.kind == srcAnyOf }

func (d *domain) equal(a, b *column) { d.facts = append(d.facts, fact{col: a, to: b}) }

func (d *domain) is(c *column, s *source) { d.facts = append(d.facts, fact{col: c, src: s}) }

// walk is one search along equalities.
type walk struct {
	cols    []*column // reached
	domains []*domain
	found   []*source
	again   bool
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

// from walks until nothing new is reached.
func (w *walk) from(start *column) {
	w.reach(start)
	for w.again {
		w.again = false
		for i := range len(w.domains) {
			for _, f := range w.domains[i].facts {
				w.follow(f)
			}
		}
	}
}

func (w *walk) reach(c *column) {
	if c.rel == nil || slices.Contains(w.cols, c) {
		return
	}
	w.cols = append(w.cols, c)
	w.again = true
	for d := c.rel.dom; d != nil; d = d.parent {
		if !slices.Contains(w.domains, d) {
			w.domains = append(w.domains, d)
		}
	}
	if c.inner != nil {
		w.reach(c.inner)
	}
	for _, out := range c.outs {
		w.reach(out)
	}
}

func (w *walk) follow(f fact) {
	from := slices.Contains(w.cols, f.col)
	switch {
	case f.src != nil:
		if from && !slices.Contains(w.found, f.src) {
			w.found = append(w.found, f.src)
		}
	case from:
		w.reach(f.to)
	case slices.Contains(w.cols, f.to):
		w.reach(f.col)
	}
}

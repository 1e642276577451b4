package plan

// domain is a set of equalities with the rows they hold for: those of a query that survive its WHERE (no parent), or,
// below it, those of the nullable side of an outer join that are joined.
//
//	from a join b on p left join (c join d on q) on s where w
//
//	w, p   hold in the domain of the query, for a and b and whatever of c and d is not null
//	q, s   hold in the domain below, for c and d only
//
// The zero value has no parent and no equalities.
type domain struct {
	parent *domain
	facts  []fact               // changed by equal, is and set only
	of     map[*column][]uint32 // where facts name a column, once there are many
}

// fact says that col equals another column or a source. It is strict: where it holds, neither side is NULL.
type fact struct {
	col *column
	to  *column // nil with src
	src *source
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

func (d *domain) equal(a, b *column) { d.set(append(d.facts, fact{col: a, to: b})) }

func (d *domain) is(c *column, s *source) { d.set(append(d.facts, fact{col: c, src: s})) }

func (d *domain) set(facts []fact) { d.facts, d.of = facts, nil }

// manyFacts is from how many facts on a domain is better off with an index: two tables joined have one or two.
const manyFacts = 16

// about calls f with every fact that names c.
func (d *domain) about(c *column, f func(fact)) {
	if len(d.facts) < manyFacts {
		for _, x := range d.facts {
			if x.col == c || x.to == c {
				f(x)
			}
		}
		return
	}
	for _, i := range d.index()[c] {
		f(d.facts[i])
	}
}

func (d *domain) index() map[*column][]uint32 {
	if d.of != nil {
		return d.of
	}
	d.of = make(map[*column][]uint32, len(d.facts))
	for i, x := range d.facts {
		d.of[x.col] = append(d.of[x.col], uint32(i))
		if x.to != nil && x.to != x.col {
			d.of[x.to] = append(d.of[x.to], uint32(i))
		}
	}
	return d.of
}

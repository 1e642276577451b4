package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// shape is the output of a query.
type shape struct {
	outs []output
	open bool // a star over columns that are not known: positions say nothing

	names   []string // what outputs may be called whose names are not known for sure
	figured []string // those of names that PostgreSQL gives written outputs that are no columns

	// carried are the keys of tables inside that a filter outside may fix, also where they are no output; see carry.
	carried [][]*column
}

// output is one output column. col is set when it passes a column on unchanged, enter when a filter on it may be
// applied before the query's own work instead of after.
type output struct {
	name  string // "" when PostgreSQL's name for it is not known here
	col   *column
	enter bool
	coll  collation
	adds  bool // as of a column
}

// block is one SELECT, UPDATE or DELETE: what a predicate of a scope is added to.
type block struct {
	root      *domain
	where     sqlparse.Expr
	whereAt   int
	up        *block      // the block whose expression this one is in
	rels      []*relation // every item of its FROM, and the target of DML
	aggregate bool
	window    bool

	// partitions has, for each window, the bare columns of its PARTITION BY.
	partitions [][]*column

	// first introduces a condition where there is none; "" stands for " where ".
	first string
}

// query reads a query whose names are looked up in outer after its own FROM.
func (r *reader) query(q *sqlparse.Select, outer *scope) *shape {
	outer = r.with(q.With, outer)
	switch {
	case q.Into != nil:
		panic(refuse(Unsupported, q.Start, "SELECT INTO makes a table", "make tables in migrations"))
	case q.Op != sqlparse.SetNone:
		return r.setOperation(q, outer)
	case q.Values != nil:
		return r.values(q, outer)
	default:
		return r.simple(q, outer)
	}
}

// setOperation reads each arm by itself: no equality of one arm says anything of the other.
func (r *reader) setOperation(q *sqlparse.Select, outer *scope) *shape {
	left := r.query(q.Left, outer)
	right := r.query(q.Right, outer)
	if len(q.Locking) > 0 {
		panic(refuse(Unsupported, q.Start, "row locks on a set operation are refused by PostgreSQL too", ""))
	}
	s := &shape{open: left.open || right.open, names: left.names}
	for i, o := range left.outs {
		out := output{name: o.name}
		if i < len(right.outs) {
			out.coll = mergedArms([]collation{o.coll, right.outs[i].coll}).implicit()
		}
		out.adds = i < len(right.outs) && o.adds && right.outs[i].adds
		if i < len(right.outs) && !s.open && !r.supposing {
			out.col = both(o.col, right.outs[i].col)
		}
		s.outs = append(s.outs, out)
	}
	r.outputOrder(q, outer)
	r.limits(q, outer)
	return s
}

// both is an output that is either a or b: what is proven of each is proven of it.
func both(a, b *column) *column {
	if a == nil || b == nil || !a.exact || !b.exact || a.fam != b.fam {
		return nil
	}
	right := sources(b)
	var common []*source
	for _, s := range sources(a) {
		if slices.ContainsFunc(right, s.same) {
			common = append(common, s)
		}
	}
	if len(common) == 0 {
		return nil
	}
	return fixed(a.fam, common...)
}

// outputOrder reads an ORDER BY in which only output columns and positions may be named.
func (r *reader) outputOrder(q *sqlparse.Select, outer *scope) {
	for i := range q.OrderBy {
		r.ordering(&q.OrderBy[i])
		if _, ok := strip(q.OrderBy[i].Expr).(*sqlparse.ColumnRef); !ok {
			r.expr(q.OrderBy[i].Expr, outer)
		}
	}
}

// ordering refuses USING with an operator of another schema.
func (r *reader) ordering(o *sqlparse.OrderItem) {
	if o.Using != "" {
		r.operator(o.UsingSchema, o.Start)
	}
}

// orderBy reads an ORDER BY in which the columns of sc are seen.
func (r *reader) orderBy(list []sqlparse.OrderItem, sc *scope) {
	for i := range list {
		r.ordering(&list[i])
		r.expr(list[i].Expr, sc)
	}
}

// simple reads SELECT ... FROM ... WHERE.
func (r *reader) simple(q *sqlparse.Select, outer *scope) *shape {
	root := &domain{}
	b := &block{root: root, where: q.Where, whereAt: q.WhereAt, up: r.block}
	r.block = b
	defer func() { r.block = b.up }()

	ns := r.from(q.From, outer, root, b)
	sc := outer.within(ns)
	r.expr(q.Where, sc)
	r.conjuncts(q.Where, sc, root)
	s := r.targets(q.Targets, sc)
	groups := r.groups(q, s, sc)
	r.expr(q.Having, sc)
	for i := range q.Windows {
		r.windowDef(&q.Windows[i], sc)
		b.window = true
	}
	for _, x := range q.DistinctOn {
		r.sortKey(x, s, sc)
	}
	for i := range q.OrderBy {
		r.ordering(&q.OrderBy[i])
		r.sortKey(q.OrderBy[i].Expr, s, sc)
	}
	r.limits(q, outer)
	r.locks(q, ns, b)
	r.markEnterable(q, b, s, groups)
	r.keepTop(q, b, sc, s, groups)
	return s
}

// limits reads LIMIT and OFFSET, which see no columns of the query.
func (r *reader) limits(q *sqlparse.Select, outer *scope) {
	for _, x := range [...]sqlparse.Expr{q.Limit, q.Offset} {
		if p, ok := strip(x).(*sqlparse.Param); ok {
			r.use(p, famInt, false)
			continue
		}
		r.expr(x, outer)
	}
}

// targets reads an output list.
func (r *reader) targets(list []sqlparse.Target, sc *scope) *shape {
	s := &shape{}
	for _, t := range list {
		if star, ok := strip(t.Expr).(*sqlparse.Star); ok { // parentheses around it change nothing
			r.star(star, s, sc)
			continue
		}
		r.expr(t.Expr, sc)
		o := output{name: t.Alias.Value, coll: r.collationOf(t.Expr, sc), adds: r.adds(t.Expr, sc)}
		if ref, ok := strip(t.Expr).(*sqlparse.ColumnRef); ok {
			if o.name == "" {
				o.name = ref.Parts[len(ref.Parts)-1].Value
			}
			if c := r.column(ref, sc); c != opaque {
				o.col = c
			}
		} else {
			o.col = constantColumn(t.Expr)
			if o.col == nil && r.scope == Unscoped {
				o.col = unnestedOutput(t.Expr)
			}
		}
		if o.name == "" {
			s.figured = append(s.figured, outputName(&t))
			s.names = append(s.names, outputName(&t))
		}
		s.open = s.open || isStar(t.Expr)
		s.outs = append(s.outs, o)
	}
	return s
}

// maxColumns is the most that PostgreSQL's rows have (MaxTupleAttributeNumber). Stars of queries that have stars double
// with each level, so what a short text names is bounded by nothing else.
const maxColumns = 1664

func (r *reader) star(e *sqlparse.Star, s *shape, sc *scope) {
	cols, open := []*column(nil), false
	switch len(e.Parts) {
	case 0:
		if sc.ns != nil {
			cols, open = sc.ns.cols, sc.ns.open
			for _, rel := range sc.ns.rels {
				s.names = append(s.names, rel.names...)
			}
		}
	case 1:
		rel := r.relationOf(e.Start, sc, "", e.Parts[0].Value)
		cols, open = rel.cols, rel.open
		s.names = append(s.names, rel.names...)
	case 2:
		rel := r.relationOf(e.Start, sc, e.Parts[0].Value, e.Parts[1].Value)
		cols, open = rel.cols, rel.open
		s.names = append(s.names, rel.names...)
	default:
		panic(refuse(Unsupported, e.Start, "the name has too many parts", "write table.*"))
	}
	s.open = s.open || open
	if max(len(s.outs)+len(cols), len(s.names)) > maxColumns {
		panic(refuse(Unsupported, e.Start, "a list of more than 1,664 columns is more than PostgreSQL returns", "name the columns that are needed"))
	}
	for _, c := range cols {
		s.outs = append(s.outs, output{name: c.name, col: c, coll: c.coll, adds: c.adds})
	}
}

// named is has, and true too of the names that PostgreSQL gives outputs that are no columns.
func (s *shape) named(name string) bool { return s.has(name) || slices.Contains(s.figured, name) }

func (s *shape) has(name string) bool {
	for _, o := range s.outs {
		if o.name == name {
			return true
		}
	}
	return false
}

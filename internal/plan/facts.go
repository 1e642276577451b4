package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
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
	kind  sourceKind
	param int
	lit   string
	isInt bool // the literal is a number, not a string
	elems []*source
	at    int
	own   *anchor // with srcOwn
	parts int     // with srcScope
}

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
			r.member(e.X, e.Query, sc)
			r.notice(e, sc)
		case e.Not || e.Query != nil || !r.inList(e, sc, d):
			r.notice(e, sc)
		}
	case *sqlparse.Quantified:
		switch {
		case e.Query != nil && !e.All && isEquality(e.Op, e.OpSchema):
			r.member(e.X, e.Query, sc)
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
		if !lok || !rok || len(lrow.X) != len(rrow.X) {
			return false
		}
		said := false
		for i := range lrow.X {
			said = r.equality(lrow.X[i], rrow.X[i], sc, d) || said
		}
		return said
	}
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
	if lok && rok && len(lrow.X) == len(rrow.X) {
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

// constant returns the source that e is when it is compared with a column of the family, or nil.
func constant(e sqlparse.Expr, fam family) *source {
	switch e := strip(e).(type) {
	case *sqlparse.Param:
		return &source{kind: srcParam, param: e.Number, at: e.Start}
	case *sqlparse.Literal:
		return literal(e, fam)
	case *sqlparse.Unary:
		x, ok := strip(e.X).(*sqlparse.Literal)
		if !ok || e.Op != "-" || e.OpSchema != "" || x.Kind != sqlparse.LitInteger {
			return nil
		}
		s := literal(x, fam)
		if s != nil {
			s.lit = "-" + s.lit
		}
		return s
	case *sqlparse.Cast:
		if e.Type.Array != 0 || familyOfCast(&e.Type) != fam {
			return nil
		}
		return constant(e.X, fam)
	default:
		return nil
	}
}

func literal(e *sqlparse.Literal, fam family) *source {
	switch {
	case e.Kind == sqlparse.LitNull:
		return &source{kind: srcNull, at: e.Start}
	case e.Kind == sqlparse.LitString:
		return &source{kind: srcLiteral, lit: e.Value, at: e.Start}
	case e.Kind == sqlparse.LitInteger && fam == famInt:
		return &source{kind: srcLiteral, lit: e.Value, isInt: true, at: e.Start}
	default:
		return nil
	}
}

// fixed is an output whose value is one of the sources wherever it is not NULL.
func fixed(fam family, from ...*source) *column {
	c := &column{rel: &relation{dom: &domain{}}, fam: fam, exact: true}
	for _, s := range from {
		c.rel.dom.is(c, s)
	}
	return c
}

// constantColumn makes an output column of an expression that is a parameter or constant of a known type, or nil.
func constantColumn(e sqlparse.Expr) *column {
	if fam := familyOfConstant(e); fam != famNone {
		if src := constant(e, fam); src != nil {
			return fixed(fam, src)
		}
	}
	return nil
}

// familyOfConstant is the family of the type that PostgreSQL gives an output by itself. A bare parameter or string has
// none yet.
func familyOfConstant(e sqlparse.Expr) family {
	switch e := strip(e).(type) {
	case *sqlparse.Cast:
		if e.Type.Array == 0 {
			return familyOfCast(&e.Type)
		}
	case *sqlparse.Literal:
		if e.Kind == sqlparse.LitInteger && len(e.Value) <= 18 {
			return famInt
		}
	}
	return famNone
}

// same reports whether two sources are the same value, whatever the arguments.
func (s *source) same(o *source) bool {
	if s == o {
		return true
	}
	if s.kind != o.kind || s.param != o.param || s.lit != o.lit || s.isInt != o.isInt || s.own != o.own || s.parts != o.parts || len(s.elems) != len(o.elems) {
		return false
	}
	for i := range s.elems {
		if !s.elems[i].same(o.elems[i]) {
			return false
		}
	}
	return true
}

// strip removes parentheses.
func strip(e sqlparse.Expr) sqlparse.Expr {
	for {
		p, ok := e.(*sqlparse.Paren)
		if !ok {
			return e
		}
		e = p.X
	}
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

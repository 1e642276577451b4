package plan

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// combine decides what is left to do with the rows of all shards.
func (sp *splitter) combine() {
	q := sp.query
	sp.plan.limit, sp.plan.offset = sp.bound(q.Limit), sp.bound(q.Offset)
	sp.plan.Ties = q.WithTies
	if len(q.OrderBy) == 0 && q.Offset != nil {
		panic(refuse(Inexact, q.Offset.Pos().Start, "OFFSET without ORDER BY skips other rows each time",
			"add ORDER BY, or read on from the last row with a condition"))
	}
	if len(sp.arms) > 1 {
		for _, a := range sp.arms {
			if w := sp.work(a); w != (work{}) {
				f := refuse(Inexact, a.query.Start, "an arm of a UNION groups, or has windows or DISTINCT, over the rows of all shards",
					"group, partition or DISTINCT by the key there, or send the arms as statements of their own")
				f.gathers = true
				panic(f)
			}
		}
		sp.rows(&distinction{all: q.Op == sqlparse.SetUnion && !q.All})
		return
	}
	switch w := sp.work(sp.arms[0]); {
	case w.group, w.window && grouped(q): // whole groups by the key are groups all the same, and the windows are over groups
		sp.group()
	case w.window:
		sp.windows()
	case w.distinct && len(q.DistinctOn) > 0:
		sp.rows(&distinction{on: q.DistinctOn})
	case w.distinct:
		sp.rows(&distinction{all: true})
	default:
		sp.rows(&distinction{})
	}
}

// work is what an arm does with rows of several keys together.
type work struct{ group, window, distinct bool }

func (sp *splitter) work(a *arm) work {
	q, t := a.query, a.top
	for i := range q.Targets {
		checkSetReturning(q.Targets[i].Expr)
	}
	var w work
	if grouped(q) {
		w.group = !a.own.divides(t.groups)
	}
	for _, p := range t.block.partitions {
		w.window = w.window || !a.own.divides(p)
	}
	w.window = w.window || t.block.window && len(t.block.partitions) == 0
	switch {
	case len(q.DistinctOn) > 0:
		var cols []*column
		for _, x := range q.DistinctOn {
			if ref, ok := strip(x).(*sqlparse.ColumnRef); ok {
				cols = append(cols, sp.distinctOn(a, ref))
			}
		}
		w.distinct = !a.own.divides(cols)
	case q.Distinct:
		cols := make([]*column, 0, len(t.shape.outs))
		for _, o := range t.shape.outs {
			cols = append(cols, o.col)
		}
		w.distinct = !a.own.divides(cols)
	}
	return w
}

// distinctOn is the column that an item of DISTINCT ON names: as in ORDER BY a bare name is an output's first. It is nil
// when the output is not a column.
func (sp *splitter) distinctOn(a *arm, ref *sqlparse.ColumnRef) *column {
	if len(ref.Parts) == 1 {
		if i := named(a.query, ref.Parts[0].Value); i >= 0 {
			out, ok := strip(a.query.Targets[i].Expr).(*sqlparse.ColumnRef)
			if !ok {
				return nil
			}
			return sp.column(out, a.top.scope)
		}
		sp.checkStars(ref)
	}
	return sp.column(ref, a.top.scope)
}

// grouped reports whether a SELECT has groups or aggregates of its own.
func grouped(q *sqlparse.Select) bool {
	if len(q.GroupBy) > 0 || q.GroupAll || q.Having != nil {
		return true
	}
	for i := range q.Targets {
		if hasAggregate(q.Targets[i].Expr) {
			return true
		}
	}
	for i := range q.OrderBy {
		if hasAggregate(q.OrderBy[i].Expr) {
			return true
		}
	}
	return slices.ContainsFunc(q.DistinctOn, hasAggregate)
}

func hasAggregate(x sqlparse.Expr) bool {
	found := false
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if call, ok := n.(*sqlparse.FuncCall); ok && isAggregate(call) {
			found = true
		}
		_, query := n.(*sqlparse.Select)
		return !found && !query
	})
	return found
}

func isAggregate(e *sqlparse.FuncCall) bool {
	if e.Over != nil {
		return false
	}
	kind, ok := functions[e.Name]
	if !ok || e.Special {
		if special, ok := specials[e.Name]; ok {
			kind = special
		}
	}
	return kind == aggregate || e.Star || e.Distinct || len(e.WithinGroup) > 0 || e.Filter != nil || len(e.OrderBy) > 0
}

// distinction is what makes rows of several shards one: DISTINCT and UNION (all), or DISTINCT ON.
type distinction struct {
	all bool
	on  []sqlparse.Expr
}

// rows plans a statement whose shards send rows of the result.
func (sp *splitter) rows(d *distinction) {
	q, p := sp.query, sp.plan
	o := &ordering{sp: sp, hide: len(sp.arms) == 1 && !q.Distinct || len(q.DistinctOn) > 0}
	final := &finalQuery{distinct: d.all, ties: q.WithTies}
	if sp.input {
		final.part = sp.partOf()
	}
	for i := range q.OrderBy {
		p.Order = append(p.Order, o.key(&q.OrderBy[i]))
	}
	for _, x := range d.on {
		final.on = append(final.on, o.key(&sqlparse.OrderItem{Span: x.Pos(), Expr: x}))
	}
	p.Hidden = len(o.hidden)
	o.settle(p.Order)
	o.settle(final.on)
	final.order, final.hidden, final.hiddenOf = p.Order, p.Hidden, o.hidden
	switch {
	case d.all || len(d.on) > 0:
		p.Combine = Finished
		final.equal = sp.equalities()
	case len(p.Order) > 0:
		p.Combine = Ordered
	default:
		p.Combine = Concat
	}
	if p.Combine != Concat || sp.input {
		p.final = final
	}
	sp.shardText(slices.Concat(sp.namedClocks(), o.edits(), sp.limitEdits()))
}

// equalities are the collations by which the rows' columns are compared.
func (sp *splitter) equalities() []collation {
	all := make([]collation, len(sp.arms[0].top.shape.outs))
	for i := range all {
		all[i] = sp.armsCollation(func(a *arm) collation {
			if outs := a.top.shape.outs; i < len(outs) {
				return outs[i].coll
			}
			return collation{}
		})
	}
	return all
}

// armsCollation is that of a column of all arms.
func (sp *splitter) armsCollation(of func(*arm) collation) collation {
	all := make([]collation, 0, len(sp.arms))
	for _, a := range sp.arms {
		all = append(all, of(a))
	}
	return mergedArms(all)
}

// shardText writes what the shards are sent.
func (sp *splitter) shardText(edits []edit) {
	span := sqlparse.Span{Start: 0, End: len(sp.text)}
	if sp.input {
		span = sp.query.Pos()
	}
	sp.plan.text = sp.render(span, append(slices.Clone(sp.shard), edits...)...)
}

// limitEdits ask each shard for the rows that the offset skips too, since all of them may be one shard's. Where the rows
// are merged in order the number may be cut; see [ScatterBinding.CutTo].
func (sp *splitter) limitEdits() []edit {
	q, p := sp.query, sp.plan
	mayCut := !sp.input && p.Combine == Ordered && !p.Ties && p.limit.set
	if q.Offset == nil && !mayCut {
		return nil
	}
	var edits []edit
	if q.Offset != nil {
		at := q.Offset.Pos()
		edits = append(edits, edit{at: at.Start, to: at.End, text: "0"})
	}
	if q.Limit != nil {
		at, text := q.Limit.Pos(), " ("+mark(arg{kind: argLimit})+"::int8) "
		if l, o := p.limit, p.offset; l.constant() && (!o.set || o.constant()) && l.n <= math.MaxInt64-o.n {
			text = limitMark(l.n + o.n)
		}
		if at.Start == at.End { // FETCH FIRST ROW
			text = " " + text + " "
		}
		edits = append(edits, edit{at: at.Start, to: at.End, text: text})
	}
	return edits
}

// ordering finds the columns of the shards' rows by which they are ordered.
type ordering struct {
	sp     *splitter
	hide   bool // columns may be added
	hidden []string
	seen   []string // the hidden ones as compared
}

// key finds the column of an item of ORDER BY. A hidden one is counted from 0 in pending form; see settle.
func (o *ordering) key(item *sqlparse.OrderItem) SortKey {
	if item.Using != "" {
		panic(refuse(Inexact, item.Start, "ORDER BY ... USING is not read for several shards", "write ASC or DESC"))
	}
	k := SortKey{Desc: item.Desc, NullsFirst: item.Desc}
	if item.NullsFirst != nil {
		k.NullsFirst = *item.NullsFirst
	}
	var coll collation
	k.Column, coll = o.column(item.Expr)
	k.Collation, k.CollationKnown = coll.name, coll.known
	return k
}

// pending marks a hidden column until their number is known.
const pending = 1 << 30

func (o *ordering) column(x sqlparse.Expr) (int, collation) {
	q, sp := o.sp.query, o.sp
	first := sp.arms[0].query
	x = strip(x)
	if lit, ok := x.(*sqlparse.Literal); ok {
		n, err := strconv.Atoi(lit.Value)
		if err != nil || lit.Kind != sqlparse.LitInteger || n < 1 {
			panic(refuse(Inexact, lit.Start, "a constant in ORDER BY that is no position is not read", "write the expression"))
		}
		if len(q.DistinctOn) > 0 && slices.ContainsFunc(q.Targets, isStarTarget) {
			panic(refuse(Inexact, lit.Start, "a position in ORDER BY that counts the columns of a star is not read beside DISTINCT ON", "write the column"))
		}
		return n - 1, o.collationAt(n-1, lit.Start)
	}
	if ref, ok := x.(*sqlparse.ColumnRef); ok && len(ref.Parts) == 1 {
		if i := named(first, ref.Parts[0].Value); i >= 0 {
			return o.position(first, i, ref.Start)
		}
		sp.checkStars(ref)
	}
	if q.Op != sqlparse.SetNone {
		panic(refuse(Inexact, x.Pos().Start, "the ORDER BY of a UNION whose column is not written in its first SELECT is not read",
			"write the columns instead of a star"))
	}
	scope := sp.arms[0].top.scope
	want := sp.canonical(x, scope)
	for i := range q.Targets {
		if !isStar(q.Targets[i].Expr) && sp.canonical(q.Targets[i].Expr, scope) == want {
			if starBefore(q, i) && starAfter(q, i) {
				break
			}
			return o.position(q, i, x.Pos().Start)
		}
	}
	return o.hiddenColumn(x, want), sp.collationOf(x, scope)
}

// collationAt is that of the output at a position, which may be a column of a star.
func (o *ordering) collationAt(i, at int) collation {
	return o.sp.armsCollation(func(a *arm) collation {
		outs := a.top.shape.outs
		if a.top.shape.open {
			return collation{}
		}
		if i >= len(outs) {
			panic(refuse(Inexact, at, "a position in ORDER BY is not in the list of outputs", "write the column"))
		}
		if slices.ContainsFunc(a.query.Targets, isStarTarget) && slices.ContainsFunc(outs[:i+1], output.isSlot) {
			panic(refuse(Inexact, at, "a position in ORDER BY counts the slot column of a star", "write the column"))
		}
		return outs[i].coll
	})
}

func (o output) isSlot() bool {
	return o.col != nil && o.col.rel != nil && o.col.rel.table != nil && isSlot(o.col.rel.table, o.col.name)
}

// named finds the written output of a name, which may be one that PostgreSQL gives it: date(at) is "date". -1 when there
// is none.
func named(q *sqlparse.Select, name string) int {
	return slices.IndexFunc(q.Targets, func(t sqlparse.Target) bool { return !isStar(t.Expr) && outputName(&t) == name })
}

// checkStars refuses a bare name in ORDER BY that is a star's output to PostgreSQL and another column to the tables in
// FROM: o.* of f LEFT JOIN o USING (k) has o's k, and k alone is f's.
func (sp *splitter) checkStars(ref *sqlparse.ColumnRef) {
	for _, a := range sp.arms {
		if !slices.ContainsFunc(a.query.Targets, isStarTarget) {
			continue
		}
		for _, out := range a.top.shape.outs {
			if out.name == ref.Parts[0].Value && out.col != sp.column(ref, a.top.scope) {
				panic(refuse(Inexact, ref.Start, "the name in ORDER BY is an output of a star and another column of the tables in FROM",
					"write it with its table's name"))
			}
		}
	}
}

// isStar reports whether an expression in a list stands for several: t.*, (t.*), (expression).*.
func isStar(x sqlparse.Expr) bool {
	switch x := strip(x).(type) {
	case *sqlparse.Star:
		return true
	case *sqlparse.Field:
		return x.Star
	}
	return false
}

func isStarTarget(t sqlparse.Target) bool { return isStar(t.Expr) }

func starBefore(q *sqlparse.Select, i int) bool {
	return slices.ContainsFunc(q.Targets[:i], isStarTarget)
}
func starAfter(q *sqlparse.Select, i int) bool {
	return slices.ContainsFunc(q.Targets[i:], isStarTarget)
}

// position is the place of target i among the columns: from the end when a star before it has columns that the server
// may count otherwise than the registry.
func (o *ordering) position(q *sqlparse.Select, i, at int) (int, collation) {
	coll := o.collation(i)
	switch {
	case !starBefore(q, i) && !isStar(q.Targets[i].Expr):
		return i, coll
	case !starAfter(q, i):
		return pending/2 + i - len(q.Targets), coll
	}
	panic(refuse(Inexact, at, "the position of a column between two stars is not known", "write the columns"))
}

// collation is that of output i of all arms.
func (o *ordering) collation(i int) collation {
	return o.sp.armsCollation(func(a *arm) collation {
		if i >= len(a.query.Targets) || starBefore(a.query, i) && a != o.sp.arms[0] {
			return collation{}
		}
		return o.sp.collationOf(a.query.Targets[i].Expr, a.top.scope)
	})
}

func (o *ordering) hiddenColumn(x sqlparse.Expr, want string) int {
	if !o.hide {
		panic(refuse(Inexact, x.Pos().Start, "the ORDER BY of a DISTINCT is not found among the written outputs",
			"write the output as in the list, or its position"))
	}
	if i := slices.Index(o.seen, want); i >= 0 {
		return pending + i
	}
	o.seen = append(o.seen, want)
	o.hidden = append(o.hidden, o.sp.sent(x))
	return pending + len(o.hidden) - 1
}

// settle counts from the end what was pending until the number of hidden columns was known.
func (o *ordering) settle(keys []SortKey) {
	for i := range keys {
		switch c := &keys[i].Column; {
		case *c >= pending:
			*c -= pending + len(o.hidden)
		case *c > pending/4:
			*c -= pending/2 + len(o.hidden)
		}
	}
}

// edits add the hidden columns to the outputs.
func (o *ordering) edits() []edit {
	if len(o.hidden) == 0 {
		return nil
	}
	targets := o.sp.query.Targets
	if len(targets) == 0 || o.sp.query.Table {
		panic(refuse(Unsupported, o.sp.query.Start, "ORDER BY without written outputs is not read for several shards", "write SELECT * FROM"))
	}
	name := "keyway_order_" // that of an output which ORDER BY names would be ambiguous
	for text := strings.ToLower(o.sp.text); strings.Contains(text, name); {
		name += "_"
	}
	var b strings.Builder
	for i, x := range o.hidden {
		b.WriteString(", " + x + " as " + quote(name+strconv.Itoa(i+1)))
	}
	at := targets[len(targets)-1].End
	return []edit{{at: at, to: at, text: b.String()}}
}

// canonical is a text by which expressions that PostgreSQL takes for the same are compared: two that differ may still be
// the same, never the other way round.
func (sp *splitter) canonical(x sqlparse.Expr, sc *scope) string {
	x = strip(x)
	var names []edit
	span := x.Pos()
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if ref, ok := n.(*sqlparse.ColumnRef); ok {
			names = append(names, edit{at: ref.Start - span.Start, to: ref.End - span.Start, text: sp.identity(ref, sc)})
		}
		_, query := n.(*sqlparse.Select)
		return !query
	})
	text := apply(span.Text(sp.text), names)
	if strings.ContainsAny(text, `'"$`) || hasQuery(x) || strings.Contains(text, "--") || strings.Contains(text, "/*") {
		return text
	}
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}

// identity is a column's own number, so that o.total and total are one.
func (sp *splitter) identity(ref *sqlparse.ColumnRef, sc *scope) string {
	c := sp.column(ref, sc)
	if c == opaque {
		return ref.Text(sp.text)
	}
	i := slices.Index(sp.known, c)
	if i < 0 {
		i = len(sp.known)
		sp.known = append(sp.known, c)
	}
	return "#" + strconv.Itoa(i)
}

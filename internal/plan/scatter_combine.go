package plan

import (
	"math"
	"slices"

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

// pending marks a hidden column until their number is known.
const pending = 1 << 30

func (o output) isSlot() bool {
	return o.col != nil && o.col.rel != nil && o.col.rel.table != nil && isSlot(o.col.rel.table, o.col.name)
}

// named finds the written output of a name, which may be one that PostgreSQL gives it: date(at) is "date". -1 when there
// is none.
func named(q *sqlparse.Select, name string) int {
	return slices.IndexFunc(q.Targets, func(t sqlparse.Target) bool { return !isStar(t.Expr) && outputName(&t) == name })
}

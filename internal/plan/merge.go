package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// readMerge reads MERGE INTO target USING source ON condition. It is the outer join source LEFT JOIN target, so ON pins
// the target and never the source: source rows that match nothing are inserted. Target rows that match nothing matter
// for WHEN NOT MATCHED BY SOURCE alone, and there only its own condition can pin them.
func (r *reader) readMerge(q *sqlparse.Merge, top *scope) *shape {
	outer := r.with(q.With, top)
	b := &block{root: &domain{}, whereAt: -1, up: r.block}
	r.block = b
	defer func() { r.block = b.up }()
	source := r.item(q.Source, outer, outer, b.root, b)
	for _, rel := range b.rels {
		rel.inline = true
	}
	on := &domain{parent: b.root}
	matched := &block{root: on, where: q.On, up: b.up}
	rel := r.target(&q.Table, on, matched)
	r.occurrences = append(r.occurrences, rel)
	sc := outer.within(r.single(rel).add(source))
	r.expr(q.On, sc)
	r.conjuncts(q.On, sc, on)
	r.noticeOuter(q.On, sc, on, "its condition is in the ON of MERGE, which source rows that match nothing outlive")
	for i := range q.When {
		switch w := &q.When[i]; {
		case w.Matched:
			r.expr(w.Cond, sc)
			r.set(w.Set, rel, sc, nil)
		case w.BySource:
			r.unmatched(w, rel, outer)
		default:
			from := outer.within(source)
			r.expr(w.Cond, from)
			if w.Action == "INSERT" {
				r.mergeInsert(w, rel, from)
			}
		}
	}
	return r.returning(q.ReturningWith, q.Returning, rel, rowOf(rel, rel.alias, rel.schema), sc)
}

// unmatched reads WHEN NOT MATCHED BY SOURCE, which sees the target alone: as an occurrence of its own.
func (r *reader) unmatched(w *sqlparse.MergeWhen, target *relation, outer *scope) {
	rel := &relation{alias: target.alias, schema: target.schema, table: target.table, ref: target.ref, offset: w.Start, dom: &domain{}}
	rel.blk = &block{root: rel.dom, where: w.Cond, whereAt: w.CondAt, first: " and ", rels: []*relation{rel}}
	rel.takeColumns(&target.ref.Alias)
	sc := outer.within(r.single(rel))
	r.expr(w.Cond, sc)
	r.conjuncts(w.Cond, sc, rel.dom)
	r.set(w.Set, rel, sc, nil)
	if w.Action != "DO NOTHING" {
		r.occurrences = append(r.occurrences, rel)
	}
}

// mergeInsert reads the INSERT of a WHEN clause, which sees the source alone. No slot is appended; the table's own
// trigger computes it.
func (r *reader) mergeInsert(w *sqlparse.MergeWhen, target *relation, sc *scope) {
	if target.table.Kind == catalog.Home {
		r.exprs(w.Values, sc)
		return
	}
	switch {
	case w.Values == nil:
		panic(r.noKey(target, w.Start, "DEFAULT VALUES gives no key", "write the columns and VALUES with the key"))
	case w.Columns == nil:
		panic(positional("INSERT of MERGE", target, w.Start))
	}
	r.insertColumns(w.Columns, target, sc)
	if len(w.Values) != len(w.Columns) {
		panic(refuse(Syntax, w.Start, "VALUES has not as many values as the column list has columns", ""))
	}
	for i, x := range w.Values {
		r.assign(target.table, w.Columns[i].Name.Value, x, sc)
	}
	into := *target
	into.cols, into.fromQuery, into.offset = slices.Clone(target.cols), true, w.Start
	for k, i := range r.keyPositions(w.Columns, target, w.Start) {
		fam := familyOfKey(target.table.Key[k].Type)
		var c *column
		if i < 0 {
			c = fixed(fam, r.scopePart(target.table, k))
			r.scoped = append(r.scoped, scopeValue{table: target.table, part: k,
				names: w.Columns[len(w.Columns)-1].End, values: []int{w.Values[len(w.Values)-1].Pos().End}})
		} else {
			c = r.storedKey(w.Values[i], fam, target, k, sc)
		}
		into.cols[slices.Index(target.cols, target.key(k))] = c
	}
	r.occurrences = append(r.occurrences, &into)
}

// storedKey is the column or constant that becomes part k of a new row's key.
func (r *reader) storedKey(x sqlparse.Expr, fam family, target *relation, k int, sc *scope) *column {
	name := quote(target.table.Key[k].Name)
	if src := constant(x, fam); src != nil && src.kind != srcNull {
		return fixed(fam, src)
	}
	if c := r.exactColumn(x, sc); c != nil && c.fam == fam {
		return c
	}
	panic(r.noKey(target, x.Pos().Start, name+" is neither a parameter, a constant, nor a column that the source pins",
		"pass the key as a parameter, or select it in the source"))
}

package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// target reads the table that DML writes. A CTE of the same name does not hide it.
func (r *reader) target(t *sqlparse.TableRef, d *domain, b *block) *relation {
	rel := r.table(t, d, b)
	if rel.table.Kind == catalog.Reference {
		panic(&Refusal{Reason: ReferenceWrite, Table: nameOf(rel.table), Offset: t.Start,
			Detail: "a write to the reference table " + nameOf(rel.table) + " must reach every shard at once",
			Hint:   "write it on each shard with db.EachShard"})
	}
	return rel
}

func (r *reader) readUpdate(q *sqlparse.Update, top *scope) *shape {
	if q.CurrentOf {
		panic(refuse(Unsupported, q.Start, "WHERE CURRENT OF needs a cursor of the same transaction", "use the key"))
	}
	outer := r.with(q.With, top)
	b := &block{root: &domain{}, where: q.Where, whereAt: q.WhereAt, up: r.block}
	r.block = b
	defer func() { r.block = b.up }()
	rel := r.target(&q.Table, b.root, b)
	r.occurrences = append(r.occurrences, rel)
	ns := r.single(rel).add(r.from(q.From, outer, b.root, b)) // FROM does not see the target
	sc := outer.within(ns)
	r.set(q.Set, rel, sc, nil)
	r.expr(q.Where, sc)
	r.conjuncts(q.Where, sc, b.root)
	return r.returning(q.ReturningWith, q.Returning, rel, storedRow(rel), sc)
}

func (r *reader) readDelete(q *sqlparse.Delete, top *scope) *shape {
	if q.CurrentOf {
		panic(refuse(Unsupported, q.Start, "WHERE CURRENT OF needs a cursor of the same transaction", "use the key"))
	}
	outer := r.with(q.With, top)
	b := &block{root: &domain{}, where: q.Where, whereAt: q.WhereAt, up: r.block}
	r.block = b
	defer func() { r.block = b.up }()
	rel := r.target(&q.Table, b.root, b)
	r.occurrences = append(r.occurrences, rel)
	ns := r.single(rel).add(r.from(q.Using, outer, b.root, b))
	sc := outer.within(ns)
	r.expr(q.Where, sc)
	r.conjuncts(q.Where, sc, b.root)
	return r.returning(q.ReturningWith, q.Returning, rel, rel, sc)
}

// set reads assignments to rel. excluded is the relation of that name in ON CONFLICT, whose key equals the row's own.
func (r *reader) set(clauses []sqlparse.SetClause, rel *relation, sc *scope, excluded *relation) {
	for _, s := range clauses {
		for _, c := range s.Columns {
			r.assignable(&c, rel, s.Value, sc, excluded)
			r.subscripts(&c, sc)
		}
		if len(s.Columns) == 1 && !s.Multi {
			r.assign(rel.table, s.Columns[0].Name.Value, s.Value, sc)
			continue
		}
		if row, ok := strip(s.Value).(*sqlparse.Row); ok && len(row.X) == len(s.Columns) && !hasStars(row) {
			for i, x := range row.X {
				r.assign(rel.table, s.Columns[i].Name.Value, x, sc)
			}
			continue
		}
		r.expr(s.Value, sc)
	}
}

// subscripts reads the expressions of col[i].
func (r *reader) subscripts(c *sqlparse.InsertColumn, sc *scope) {
	for _, i := range c.Subscripts {
		r.expr(i, sc)
	}
}

// assignable refuses to change a key or the slot of a row: the row would be on the wrong shard.
func (r *reader) assignable(c *sqlparse.InsertColumn, rel *relation, value sqlparse.Expr, sc *scope, excluded *relation) {
	name := c.Name.Value
	if _, ok := rel.table.Column(name); !ok {
		panic(refuse(UnknownColumn, c.Start, nameOf(rel.table)+" has no column "+quote(name)+" that the registry knows",
			hintColumn))
	}
	if rel.table.KeyIndex(name) < 0 && !isSlot(rel.table, name) {
		return
	}
	if excluded != nil && !c.Indirection && rel.table.KeyIndex(name) >= 0 {
		if ref, ok := strip(value).(*sqlparse.ColumnRef); ok && len(ref.Parts) == 2 {
			if got := r.column(ref, sc); got.rel == excluded && got.name == name {
				return
			}
		}
	}
	what := "the shard key column " + quote(name)
	if isSlot(rel.table, name) {
		what = "the library's own column slot"
	}
	panic(&Refusal{Reason: KeyUpdate, Table: nameOf(rel.table), Offset: c.Start,
		Detail: "the statement sets " + what + " of " + nameOf(rel.table) + ", which decides on which shard a row lives",
		Hint:   "insert the row under the new key and delete the old one"})
}

func isSlot(t *catalog.Table, name string) bool { return t.HasSlot && name == "slot" }

// assign reads a value that is stored in the column; a parameter there gets the column's type.
func (r *reader) assign(t *catalog.Table, column string, value sqlparse.Expr, sc *scope) {
	if p, ok := strip(value).(*sqlparse.Param); ok {
		fam := famNone
		if c, ok := t.Column(column); ok {
			fam = familyOfColumn(c)
		}
		r.use(p, fam, false)
		return
	}
	r.expr(value, sc)
}

package plan

import (
	"slices"
	"strconv"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// insertion is an INSERT ... VALUES into a sharded table.
type insertion struct {
	rel  *relation
	stmt *sqlparse.Insert
	// keys holds, for each row, what each part of the key is; nil for a part that the scope must give.
	keys [][]*source
}

func (r *reader) readInsert(q *sqlparse.Insert, top *scope) *shape {
	outer := r.with(q.With, top)
	b := &block{root: &domain{}, up: r.block}
	rel := r.target(&q.Table, b.root, b)
	r.insertColumns(q.Columns, rel, outer)
	switch {
	case rel.table.Kind == catalog.Home:
		r.occurrences = append(r.occurrences, rel)
		r.insertAnywhere(q, rel, outer)
	case q.DefaultValues:
		panic(r.noKey(rel, q.Start, "DEFAULT VALUES gives no key", "write the columns and a VALUES list with the key"))
	case q.Columns == nil:
		panic(positional("INSERT", rel, q.Start))
	case q.Query.Values != nil && q.Query.Op == sqlparse.SetNone:
		r.insertValues(q, rel, outer)
	default:
		r.insertSelect(q, rel, outer)
	}
	r.onConflict(q.OnConflict, rel, outer)
	return r.returning(q.ReturningWith, q.Returning, rel, storedRow(rel), outer.within(r.single(rel)))
}

func positional(what string, rel *relation, at int) *Refusal {
	return &Refusal{Reason: Unsupported, Table: nameOf(rel.table), Offset: at,
		Detail: "an " + what + " into the sharded table " + nameOf(rel.table) + " needs a column list: a column added later would take the place of another",
		Hint:   "write the columns after the table's name"}
}

// insertColumns checks the column list.
func (r *reader) insertColumns(list []sqlparse.InsertColumn, rel *relation, outer *scope) {
	for i, c := range list {
		name := c.Name.Value
		r.subscripts(&c, outer)
		if isSlot(rel.table, name) {
			panic(&Refusal{Reason: KeyUpdate, Table: nameOf(rel.table), Offset: c.Start,
				Detail: "the statement sets the library's own column slot of " + nameOf(rel.table),
				Hint:   "leave it out: it is computed from the key"})
		}
		if _, ok := rel.table.Column(name); !ok {
			panic(refuse(UnknownColumn, c.Start, nameOf(rel.table)+" has no column "+quote(name)+" that the registry knows",
				hintColumn))
		}
		if c.Indirection && rel.table.KeyIndex(name) >= 0 {
			panic(r.noKey(rel, c.Start, "a part of the key column is set", "set the whole column"))
		}
		for _, o := range list[:i] {
			if o.Name.Value == name && rel.table.KeyIndex(name) >= 0 {
				panic(refuse(Syntax, c.Start, "the column "+quote(name)+" is named twice", ""))
			}
		}
	}
}

func (r *reader) noKey(rel *relation, at int, what, hint string) *Refusal {
	return &Refusal{Reason: NoShardKey, Table: nameOf(rel.table), Offset: at, Hint: hint,
		Detail: "the key of the new row of " + nameOf(rel.table) + " (" + keyList(rel.table) + ") is not known: " + what}
}

func (r *reader) insertValues(q *sqlparse.Insert, rel *relation, outer *scope) {
	v := q.Query
	if v.With != nil || len(v.OrderBy) > 0 || v.Limit != nil || v.Offset != nil {
		panic(refuse(Unsupported, v.Start, "VALUES with WITH, ORDER BY, LIMIT or OFFSET is not read in an INSERT", "write the rows alone"))
	}
	ins := &insertion{rel: rel, stmt: q}
	at := r.keyPositions(q.Columns, rel, q.Start)
	for _, row := range v.Values {
		if len(row) != len(q.Columns) {
			panic(refuse(Syntax, row[0].Pos().Start, "a row of VALUES has not as many values as the column list has columns", ""))
		}
		for i, x := range row {
			r.assign(rel.table, q.Columns[i].Name.Value, x, outer)
		}
		ins.keys = append(ins.keys, r.rowKey(row, rel, at))
	}
	r.inserts = append(r.inserts, ins)
	ins.prove()
}

// prove notes for RETURNING what the keys of the new rows are, where they are the same in all.
func (ins *insertion) prove() {
	for k, src := range ins.keys[0] {
		if src == nil || slices.ContainsFunc(ins.keys, func(row []*source) bool { return row[k] == nil || !row[k].same(src) }) {
			continue
		}
		ins.rel.dom.is(ins.rel.key(k), src)
	}
}

// keyPositions finds the key's columns in the column list. Only a scope can give what is missing.
func (r *reader) keyPositions(list []sqlparse.InsertColumn, rel *relation, start int) []int {
	at := make([]int, len(rel.table.Key))
	for k := range at {
		at[k] = -1
		for i, c := range list {
			if c.Name.Value == rel.table.Key[k].Name {
				at[k] = i
			}
		}
		if at[k] < 0 && r.scope == Unscoped {
			panic(r.noKey(rel, start, "the column list has no "+quote(rel.table.Key[k].Name), "add it, or use db.ForKey"))
		}
	}
	return at
}

func (r *reader) rowKey(row []sqlparse.Expr, rel *relation, at []int) []*source {
	key := make([]*source, len(at))
	for k, i := range at {
		if i < 0 {
			continue
		}
		name := quote(rel.table.Key[k].Name)
		if _, ok := strip(row[i]).(*sqlparse.DefaultExpr); ok {
			panic(&Refusal{Reason: NullKey, Table: nameOf(rel.table), Offset: row[i].Pos().Start,
				Detail: "the key column " + name + " of " + nameOf(rel.table) + " is DEFAULT, which only the server knows",
				Hint:   "make the key in the program: shard.NewUUIDv7, or a shard sequence"})
		}
		src := constant(row[i], familyOfKey(rel.table.Key[k].Type))
		if src == nil {
			panic(r.noKey(rel, row[i].Pos().Start, name+" is an expression", "pass the value as a parameter"))
		}
		if src.kind == srcNull {
			panic(&Refusal{Reason: NullKey, Table: nameOf(rel.table), Offset: src.at,
				Detail: "the key column " + name + " of " + nameOf(rel.table) + " is NULL, and NULL belongs to no shard"})
		}
		key[k] = src
	}
	return key
}

// insertSelect reads INSERT ... SELECT: the query's key column must itself be pinned, or be left to the scope. No slot is
// appended; the table's own trigger computes it.
func (r *reader) insertSelect(q *sqlparse.Insert, rel *relation, outer *scope) {
	s := r.query(q.Query, outer)
	if s.open || len(s.outs) != len(q.Columns) {
		panic(refuse(Unsupported, q.Query.Start, "the columns of the query do not match the column list", "name the columns in the query"))
	}
	at := r.keyPositions(q.Columns, rel, q.Start)
	into := *rel
	into.cols = slices.Clone(rel.cols)
	for k, i := range at {
		fam := familyOfKey(rel.table.Key[k].Type)
		var c *column
		if i < 0 {
			c = fixed(fam, r.scopePart(rel.table, k))
			r.scoped = append(r.scoped, r.scopeOutput(q, rel, k))
		} else if c = s.outs[i].col; c == nil || !c.exact || c.fam != fam {
			panic(r.unpinnedOutput(q.Query, rel, k, i))
		}
		into.cols[slices.Index(rel.cols, rel.key(k))] = c
		rel.dom.equal(rel.key(k), c) // for RETURNING
	}
	into.fromQuery = true
	r.occurrences = append(r.occurrences, &into)
}

// unpinnedOutput says why output i of a query gives no part k of the key of the rows that are inserted.
func (r *reader) unpinnedOutput(q *sqlparse.Select, rel *relation, k, i int) *Refusal {
	name := quote(rel.table.Key[k].Name)
	if i < len(q.Targets) && !starBefore(q, i) {
		if p, ok := strip(q.Targets[i].Expr).(*sqlparse.Param); ok {
			param := "$" + strconv.Itoa(p.Number)
			return r.noKey(rel, p.Start, name+" is "+param+", whose type the query does not say", "write "+param+"::"+castName(rel.table.Key[k].Type))
		}
	}
	return r.noKey(rel, q.Start, name+" is not a column that the query pins",
		"select the key column of a table that the query pins to one key, or leave it out on db.ForKey")
}

// insertAnywhere reads the rows of an INSERT into a table whose rows are all in one place.
func (r *reader) insertAnywhere(q *sqlparse.Insert, rel *relation, outer *scope) {
	if q.DefaultValues || q.Query == nil {
		return
	}
	if q.Query.Values == nil || q.Query.With != nil || len(q.Query.OrderBy) > 0 || q.Query.Limit != nil || q.Query.Offset != nil {
		r.query(q.Query, outer)
		return
	}
	for _, row := range q.Query.Values {
		for i, x := range row {
			switch {
			case q.Columns != nil && i < len(q.Columns):
				r.assign(rel.table, q.Columns[i].Name.Value, x, outer)
			default:
				r.expr(x, outer)
			}
		}
	}
}

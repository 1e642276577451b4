package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// plan turns what was read into a plan.
func (r *reader) plan() *Plan {
	p := &Plan{Verb: r.verb, ReadOnly: r.readOnly, Text: r.text, Params: r.params}
	sharded, home := r.places()
	for t := range r.tables {
		p.Tables = append(p.Tables, nameOf(t))
	}
	slices.Sort(p.Tables)
	switch {
	case home != "":
		p.Target, p.Home = ToHome, home
		return p
	case len(sharded) == 0 && r.insert == nil:
		p.Target = ToAny
		return p
	}
	r.keyOf(p, sharded)
	p.scoped = r.scope == Scoped
	extras := &extras{next: r.params}
	var open []*relation
	for _, rel := range sharded {
		occ, pinned := r.occurrence(rel)
		switch {
		case pinned:
			p.add(occ)
		case r.scope == Scoped && !rel.fromQuery:
			open = append(open, rel)
			p.addShape(rel.table)
		default:
			panic(r.unpinned(rel))
		}
	}
	r.restrict(open, extras)
	r.insertRows(p, extras)
	p.extras = extras.list
	p.Text = apply(r.text, r.edits)
	p.settle(r)
	return p
}

// places tells sharded from home tables and refuses a statement whose tables are in two places.
func (r *reader) places() (sharded []*relation, home shard.ID) {
	var first *relation
	for _, rel := range r.occurrences {
		switch rel.table.Kind {
		case catalog.Sharded:
			sharded = append(sharded, rel)
		case catalog.Home:
			if first != nil && first.table.Home != rel.table.Home {
				panic(r.mixed(first, rel, "are at home on different shards"))
			}
			if rel.table.Home == "" {
				panic(&Refusal{Reason: Unsupported, Table: nameOf(rel.table), Offset: rel.offset,
					Detail: "the home shard of " + nameOf(rel.table) + " is not known"})
			}
			first, home = rel, rel.table.Home
		case catalog.Reference:
		default:
			panic(&Refusal{Reason: Unsupported, Table: nameOf(rel.table), Offset: rel.offset,
				Detail: "the kind of " + nameOf(rel.table) + " is not known to this version"})
		}
	}
	if first != nil && len(sharded) > 0 {
		panic(r.mixed(first, sharded[0], "are in different places: one is a home table, the other is sharded"))
	}
	if first != nil && r.insert != nil {
		panic(r.mixed(first, r.insert.rel, "are in different places: one is a home table, the other is sharded"))
	}
	return sharded, home
}

func (r *reader) mixed(a, b *relation, what string) *Refusal {
	return &Refusal{Reason: MixedPlaces, Table: nameOf(b.table), Offset: b.offset,
		Detail: nameOf(a.table) + " and " + nameOf(b.table) + " " + what, Hint: "send two statements"}
}

// keyOf names the table whose key decides, for errors: the target of an INSERT, else the first sharded table.
func (r *reader) keyOf(p *Plan, sharded []*relation) {
	var t *catalog.Table
	if r.insert != nil {
		t = r.insert.rel.table
	} else {
		t = sharded[0].table
	}
	p.KeyTable, p.KeyColumns = nameOf(t), keyColumns(t)
}

func keyColumns(t *catalog.Table) []string {
	names := make([]string, 0, len(t.Key))
	for _, k := range t.Key {
		names = append(names, k.Name)
	}
	return names
}

func keyList(t *catalog.Table) string { return strings.Join(keyColumns(t), ", ") }

// occurrence says what the key of a table's occurrence is proven equal to, and whether that is one key or a list.
func (r *reader) occurrence(rel *relation) (occurrence, bool) {
	occ := occurrence{table: nameOf(rel.table), columns: keyColumns(rel.table)}
	for i, k := range rel.table.Key {
		c := rel.key(i)
		if !c.exact {
			return occ, false
		}
		part := part{typ: k.Type}
		for _, src := range sources(c) {
			if !r.usable(src, c.fam) {
				continue
			}
			v := r.value(src, rel, i)
			if src.isList() {
				part.lists = append(part.lists, v)
			} else {
				part.singles = append(part.singles, v)
			}
		}
		// One key decides more than a list that holds it; a list is one part's only.
		if len(part.singles) > 0 {
			part.lists = nil
		}
		if len(part.singles) == 0 && (len(part.lists) == 0 || len(rel.table.Key) > 1) {
			return occ, false
		}
		occ.parts = append(occ.parts, part)
	}
	if occ.isList() && r.verb != "SELECT" && r.scope == Unscoped {
		panic(&Refusal{Reason: KeyList, Table: occ.table, Offset: rel.offset,
			Detail: "the statement writes, and its condition on " + occ.table + " (" + keyList(rel.table) + ") is a list of keys",
			Hint:   "send one statement per key"})
	}
	return occ, true
}

// usable refuses a parameter whose type another use may decide.
func (r *reader) usable(src *source, fam family) bool {
	switch src.kind {
	case srcParam:
		return r.uses[src.param].only(fam, false)
	case srcAnyOf:
		return r.uses[src.param].only(fam, true)
	case srcList:
		for _, e := range src.elems {
			if !r.usable(e, fam) {
				return false
			}
		}
	default:
	}
	return true
}

// value makes what Bind reads from a source.
func (r *reader) value(src *source, rel *relation, part int) value {
	switch src.kind {
	case srcParam:
		return value{param: src.param}
	case srcAnyOf:
		return value{param: src.param, list: true}
	case srcNull:
		return value{null: true}
	case srcList:
		v := value{list: true}
		for _, e := range src.elems {
			v.elems = append(v.elems, r.value(e, rel, part))
		}
		return v
	default:
		return value{key: r.literalKey(src, rel, part)}
	}
}

func (r *reader) literalKey(src *source, rel *relation, part int) shard.Key {
	col := rel.table.Key[part]
	text := src.lit
	if src.isInt {
		// PostgreSQL reads 007 and 7 alike.
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			text = strconv.FormatInt(n, 10)
		}
	}
	key, err := shard.FromLiteral(text, col.Type)
	if err != nil {
		panic(&Refusal{Reason: BadKey, Table: nameOf(rel.table), Offset: src.at,
			Detail: "the constant compared with the key column " + quote(col.Name) + " of " + nameOf(rel.table) + " is no key: " + err.Error(),
			Hint:   "pass it as a parameter"})
	}
	return key
}

// unpinned says which table has no key, and the first thing that stood in the way.
func (r *reader) unpinned(rel *relation) *Refusal {
	t := rel.table
	called := nameOf(t)
	if rel.alias != t.Name {
		called += " (as " + quote(rel.alias) + ")"
	}
	f := &Refusal{Reason: NoShardKey, Table: nameOf(t), Offset: rel.offset,
		Detail: "nothing pins " + called + " to one key (" + keyList(t) + ")"}
	name := rel.alias
	if i := r.unsafeParam(rel); i > 0 {
		f.Detail += ": $" + strconv.Itoa(i) + " is also used where PostgreSQL may give it another type than the key's"
		f.Hint = "write $" + strconv.Itoa(i) + "::" + castName(t.Key[0].Type) + " at each use, or pass it twice"
		return f
	}
	if rel.note != nil {
		f.Reason, f.Offset = rel.note.reason, rel.note.offset
		f.Detail += ": " + rel.note.what
	}
	conds := make([]string, 0, len(t.Key))
	for i := range t.Key {
		conds = append(conds, name+"."+rel.key(i).name+" = $n")
	}
	f.Hint = "add " + strings.Join(conds, " and ") + " with AND, or use db.ForKey; db.Scatter reads every shard"
	return f
}

// castName is the type to write after :: for a parameter of a key's type.
func castName(t shard.Type) string {
	if t == shard.TextUUID {
		return "text"
	}
	return t.String()
}

// unsafeParam finds a parameter that would pin rel if its other uses allowed it.
func (r *reader) unsafeParam(rel *relation) int {
	for i := range rel.table.Key {
		c := rel.key(i)
		for _, src := range sources(c) {
			if src.param > 0 && !r.usable(src, c.fam) {
				return src.param
			}
		}
	}
	return 0
}

// restrict adds the scope's key to the occurrences that the text does not pin.
func (r *reader) restrict(open []*relation, x *extras) {
	// Up to version 17 PostgreSQL itself is wrong here: SELECT DISTINCT k ... WHERE k = 1 GROUP BY ROLLUP (k) loses the row
	// whose k is NULL, because the planner takes k for constant. What the user writes is theirs; this package must not be
	// the one to add the condition.
	if len(open) > 0 && r.groupingSets {
		panic(refuse(Unsupported, open[0].offset, "the handle's key is not added to a statement with ROLLUP, CUBE or GROUPING SETS",
			"write the key's condition in the statement"))
	}
	byBlock := map[*block][]*relation{}
	for _, rel := range open {
		r.distinctAlias(rel)
		if rel.dom == rel.blk.root {
			byBlock[rel.blk] = append(byBlock[rel.blk], rel)
			continue
		}
		r.restrictTable(rel, x)
	}
	for _, rel := range open {
		if rels := byBlock[rel.blk]; rels != nil {
			r.restrictWhere(rel.blk, rels, x)
			delete(byBlock, rel.blk)
		}
	}
}

// distinctAlias refuses to write a predicate whose table name would be ambiguous.
func (r *reader) distinctAlias(rel *relation) {
	for _, o := range rel.blk.rels {
		if o != rel && o.alias == rel.alias {
			panic(refuse(AmbiguousColumn, rel.offset, "the name "+quote(rel.alias)+" stands for several tables of one FROM",
				"give each an alias"))
		}
	}
}

// restrictWhere adds "and t.key = $n" for each of rels to the WHERE of their block.
func (r *reader) restrictWhere(b *block, rels []*relation, x *extras) {
	var conds []string
	for _, rel := range rels {
		for i := range rel.table.Key {
			conds = append(conds, quote(rel.alias)+"."+quote(rel.key(i).name)+" = "+x.part(rel.table, i))
		}
	}
	all := strings.Join(conds, " and ")
	if b.where == nil && b.whereAt < 0 {
		panic(refuse(Unsupported, rels[0].offset, "a condition cannot be added to the command TABLE", "write SELECT * FROM"))
	}
	if b.where == nil {
		r.edits = append(r.edits, edit{at: b.whereAt, to: b.whereAt, text: " where " + all + " "})
		return
	}
	at := b.where.Pos()
	r.edits = append(r.edits, edit{at: at.Start, to: at.Start, text: "("}, edit{at: at.End, to: at.End, text: ") and " + all})
}

// restrictTable replaces a table on the nullable side of an outer join by its rows of the key: a predicate in WHERE
// would also drop the rows of the other side that match nothing.
func (r *reader) restrictTable(rel *relation, x *extras) {
	t := rel.ref
	var conds []string
	for i := range rel.table.Key {
		conds = append(conds, quote(rel.table.Name)+"."+quote(rel.table.Key[i].Name)+" = "+x.part(rel.table, i))
	}
	name := t.Table.Text(r.text)
	if t.Only {
		name = "only " + name
	}
	text := "(select * from " + name + " where " + strings.Join(conds, " and ") + ") as " + quote(rel.alias)
	if len(t.Alias.Columns) > 0 {
		cols := make([]string, 0, len(t.Alias.Columns))
		for _, c := range t.Alias.Columns {
			cols = append(cols, quote(c.Value))
		}
		text += "(" + strings.Join(cols, ", ") + ")"
	}
	r.edits = append(r.edits, edit{at: t.Start, to: t.End, text: text})
}

// insertRows appends the slot of each row, and the parts of the key that the scope gives.
func (r *reader) insertRows(p *Plan, x *extras) {
	ins := r.insert
	if ins == nil {
		return
	}
	t := ins.rel.table
	names := ""
	for k, src := range ins.keys[0] {
		if src == nil {
			names += ", " + quote(t.Key[k].Name)
		}
	}
	if t.HasSlot {
		names += ", slot"
	}
	if names != "" {
		last := ins.stmt.Columns[len(ins.stmt.Columns)-1].End
		r.edits = append(r.edits, edit{at: last, to: last, text: names})
	}
	for i, keys := range ins.keys {
		row := row{table: nameOf(t), columns: keyColumns(t)}
		values := ""
		for k, src := range keys {
			if src == nil {
				values += ", " + x.part(t, k)
				row.parts = append(row.parts, rowPart{typ: t.Key[k].Type, scope: true})
				continue
			}
			row.parts = append(row.parts, r.rowPart(src, ins.rel, k))
		}
		if t.HasSlot {
			values += ", " + x.slot(i)
		}
		if values != "" {
			exprs := ins.stmt.Query.Values[i]
			end := exprs[len(exprs)-1].Pos().End
			r.edits = append(r.edits, edit{at: end, to: end, text: values})
		}
		p.rows = append(p.rows, row)
	}
}

func (r *reader) rowPart(src *source, rel *relation, k int) rowPart {
	typ := rel.table.Key[k].Type
	tc, _ := rel.table.Column(rel.table.Key[k].Name)
	part := rowPart{typ: typ, limit: lengthLimit(tc)}
	if src.kind == srcParam {
		if !r.uses[src.param].only(familyOfKey(typ), false) {
			panic(r.noKey(rel, src.at, "$"+strconv.Itoa(src.param)+" is also used where PostgreSQL may give it another type than the key's",
				"pass the value twice"))
		}
		part.value = value{param: src.param}
		return part
	}
	part.value = value{key: r.literalKey(src, rel, k)}
	if err := part.fits(part.value.key); err != nil {
		panic(&Refusal{Reason: BadKey, Table: nameOf(rel.table), Offset: src.at, Detail: err.Error()})
	}
	return part
}

// edit replaces text[at:to].
type edit struct {
	at, to int
	text   string
}

// apply makes the edits, which do not overlap. Those at one place keep their order.
func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var b strings.Builder
	from := 0
	for _, e := range edits {
		if e.at < from || e.to < e.at || e.to > len(text) {
			panic("bug: plan: edits overlap")
		}
		b.WriteString(text[from:e.at])
		b.WriteString(e.text)
		from = e.to
	}
	b.WriteString(text[from:])
	return b.String()
}

// extras numbers the arguments that are appended after the caller's.
type extras struct {
	next int
	list []extra
}

// part returns the $n that holds part i of the scope's key for a column of t's type.
func (x *extras) part(t *catalog.Table, i int) string {
	e := extra{part: i, parts: len(t.Key), typ: t.Key[i].Type, row: -1}
	for n, o := range x.list {
		if o == e {
			return x.name(n)
		}
	}
	x.list = append(x.list, e)
	return x.name(len(x.list) - 1)
}

// slot returns the $n that holds the slot of row i.
func (x *extras) slot(i int) string {
	x.list = append(x.list, extra{row: i})
	return x.name(len(x.list) - 1)
}

func (x *extras) name(n int) string { return "$" + strconv.Itoa(x.next+n+1) }

package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// splitter makes a scatter plan of a statement that was read.
//
// Its proof rests on the one-shard rule. Let a sharded table A be in FROM where no outer join null-extends it, so that
// each row before grouping comes from exactly one row of A. Were A's key fixed to k, and were the statement then for one
// shard by the one-shard rule, for whatever k, then its rows for k are those that k's shard gives; and all its rows are
// those for every k together. So the shards' rows, each shard asked for the keys whose slots it owns, are the rows of
// one server with all the rows. What comes after (grouping, windows, DISTINCT) may stay on the shards when it keeps rows
// of different keys apart, and is done over the rows of all shards otherwise.
type splitter struct {
	*reader
	query *sqlparse.Select
	plan  *Scatter
	input bool // the query is a part of the statement; see nesting

	arms     []*arm             // the SELECTs of a set operation, or the one
	apartOps []*sqlparse.Select // INTERSECT and EXCEPT, which must keep keys apart

	leaves []edit    // what every text needs
	shard  []edit    // what the shards' text needs besides
	known  []*column // met by identity
}

// arm is one SELECT whose rows are divided among the shards.
type arm struct {
	query *sqlparse.Select
	top   *top
	own   *anchor
}

// anchor is the key that divides the rows of an arm, as a value that equalities carry.
type anchor struct{ cols []*column }

func (sp *splitter) split() {
	sharded, _ := sp.places()
	for t := range sp.tables {
		sp.plan.Tables = append(sp.plan.Tables, nameOf(t))
		if t.Kind == catalog.Sharded && !t.HasSlot {
			sp.plan.Unmarked = append(sp.plan.Unmarked, nameOf(t))
		}
	}
	slices.Sort(sp.plan.Tables)
	slices.Sort(sp.plan.Unmarked)
	sp.findArms(sp.query)
	for _, a := range sp.arms {
		sp.divide(a, sharded)
	}
	for _, q := range sp.apartOps {
		sp.checkSetOperation(q)
	}
	sp.checkColocated(sharded)
	sp.findLeaves()
	sp.keyLists()
	sp.ownSlots(sharded)
	sp.combine()
}

// findArms lists the SELECTs of a set operation.
func (sp *splitter) findArms(q *sqlparse.Select) {
	overAll := func(what, instead string) {
		f := refuse(Inexact, q.Start, what, instead)
		f.gathers = true
		panic(f)
	}
	switch {
	case q.Op == sqlparse.SetNone && q.Values == nil:
		if q != sp.query && (q.Limit != nil || q.Offset != nil) {
			overAll("a LIMIT inside a UNION holds for the rows of all shards together", "put the LIMIT behind the UNION")
		}
		sp.arms = append(sp.arms, &arm{query: q, top: sp.tops[q]})
		return
	case q.Op == sqlparse.SetNone:
		panic(refuse(NotDivided, q.Start, "VALUES in a UNION would come from every shard", "write it as a query of its own"))
	case q != sp.query && (q.Limit != nil || q.Offset != nil):
		overAll("a LIMIT inside a UNION holds for the rows of all shards together", "put the LIMIT behind the UNION")
	case q.Op != sqlparse.SetUnion:
		sp.apartOps = append(sp.apartOps, q)
	case q != sp.query && (sp.query.All || sp.query.Op != sqlparse.SetUnion) && !q.All:
		overAll("a UNION inside a UNION ALL is over the rows of all shards", "make the outer one a UNION")
	}
	sp.findArms(q.Left)
	sp.findArms(q.Right)
}

// checkSetOperation refuses an INTERSECT or EXCEPT of rows of several keys together. Where each arm has its key in the
// same columns, equal rows are of one key, and so on one shard.
func (sp *splitter) checkSetOperation(q *sqlparse.Select) {
	var first *arm
	for _, a := range sp.arms {
		if a.query.Start < q.Start || a.query.End > q.End {
			continue
		}
		if first == nil {
			first = a
		}
		if a.top.shape.open || !a.own.among(a.top.shape, first) {
			f := refuse(Inexact, q.Start, "an INTERSECT or EXCEPT is over the rows of all shards", "select the key in the same place of each arm")
			f.gathers = true
			panic(f)
		}
	}
}

// among reports whether each part of the key is an output, at a place where it is one of the first arm's too.
func (own *anchor) among(s *shape, first *arm) bool {
	if len(own.cols) != len(first.own.cols) {
		return false
	}
	for i := range own.cols {
		if own.cols[i].fam != first.own.cols[i].fam || !slices.ContainsFunc(s.placesOf(own, i), func(at int) bool {
			return slices.Contains(first.top.shape.placesOf(first.own, i), at)
		}) {
			return false
		}
	}
	return true
}

// placesOf lists the outputs that are part i of the key.
func (s *shape) placesOf(own *anchor, i int) []int {
	var places []int
	for at, o := range s.outs {
		if solid(o.col) && own.has(o.col, i) {
			places = append(places, at)
		}
	}
	return places
}

// divide finds the key that divides the rows of an arm: the one that pins most of its tables.
func (sp *splitter) divide(a *arm, sharded []*relation) {
	best, root := -1, a.top.block.root
	plain := root.facts
	for _, rel := range a.top.block.rels {
		if rel.dom != root {
			continue
		}
		if best == len(sharded) {
			break // no other can pin more
		}
		for _, k := range rel.keys() {
			own := &anchor{cols: k}
			root.set(own.facts(plain))
			n := 0
			for _, occ := range sharded {
				if own.pins(occ) {
					n++
				}
			}
			if n > best {
				best, a.own = n, own
			}
		}
	}
	if a.own == nil || best == 0 {
		panic(sp.undivided(a, sharded))
	}
	root.set(a.own.facts(plain))
}

// facts adds to others that the anchor's columns equal its value.
func (own *anchor) facts(others []fact) []fact {
	all := slices.Clone(others)
	for i, c := range own.cols {
		all = append(all, fact{col: c, src: &source{kind: srcOwn, own: own, param: i}})
	}
	return all
}

// pins reports whether every row of rel that matters has the anchor's key.
func (own *anchor) pins(rel *relation) bool {
	if len(rel.table.Key) != len(own.cols) {
		return false
	}
	for i := range rel.table.Key {
		if c := rel.key(i); c.fam != own.cols[i].fam || !own.has(c, i) {
			return false
		}
	}
	return true
}

func (own *anchor) has(c *column, part int) bool {
	return slices.ContainsFunc(sources(c), func(s *source) bool { return s.own == own && s.param == part })
}

// divides reports whether rows that agree in cols have one key. A column that may be NULL does not count: what is
// null-extended on several shards would be one group.
func (own *anchor) divides(cols []*column) bool {
	for i := range own.cols {
		if !slices.ContainsFunc(cols, func(c *column) bool { return solid(c) && own.has(c, i) }) {
			return false
		}
	}
	return true
}

// solid reports whether no outer join null-extends the column, here or inside the query that passes it on.
func solid(c *column) bool {
	return c != nil && c.rel != nil && c.rel.dom.parent == nil && (c.inner == nil || solid(c.inner))
}

func (sp *splitter) checkColocated(sharded []*relation) {
	for _, rel := range sharded {
		if !slices.ContainsFunc(sp.arms, func(a *arm) bool { return a.own.pins(rel) }) {
			panic(sp.apart(rel))
		}
	}
}

// undivided says why the rows of an arm are not the shards' rows put together.
func (sp *splitter) undivided(a *arm, sharded []*relation) *Refusal {
	f := refuse(NotDivided, a.query.Start, "no sharded table divides the rows of the query among the shards",
		"write the query on one key, or shard by shard with db.EachShard")
	for _, rel := range sharded {
		if rel.offset < a.query.Start || rel.offset >= a.query.End {
			continue
		}
		f.Table, f.Offset = nameOf(rel.table), rel.offset
		switch {
		case rel.blk == a.top.block:
			f.Detail = nameOf(rel.table) + " is on the side of an outer join that is filled with NULLs, and the other side is on every shard"
			f.Hint = "make the sharded table the preserved side, or write an inner join"
		case rel.blk.up != nil:
			f.Detail = nameOf(rel.table) + " is in a subquery, and the tables of the outer query have the same rows on every shard"
			f.Hint = "join it in the outer query, with GROUP BY and HAVING where the subquery aggregates; or send the subquery first, " +
				"as a statement of its own, and give its result as an argument"
		default:
			f.Detail = nameOf(rel.table) + " is inside a query whose LIMIT, grouping, DISTINCT or window is over the rows of all shards"
			f.Hint = "group, partition or DISTINCT by its key (" + keyList(rel.table) + ") there, or do that work in the outer query"
		}
		return f
	}
	return f
}

// apart says which table may have its rows on another shard than the rows it is joined to.
func (sp *splitter) apart(rel *relation) *Refusal {
	other := sp.arms[0].own.cols[0]
	f := &Refusal{Reason: NotColocated, Table: nameOf(rel.table), Offset: rel.offset}
	f.Detail = "the rows of " + nameOf(rel.table)
	if rel.alias != rel.table.Name {
		f.Detail += " (as " + quote(rel.alias) + ")"
	}
	f.Detail += " that are joined may be on another shard than those they are joined to"
	var conds []string
	for i := range rel.table.Key {
		to := "the other table's key"
		if other.rel != nil && other.rel.table != nil && len(other.rel.table.Key) == len(rel.table.Key) && other.rel != rel {
			to = identifier(other.rel.alias) + "." + identifier(other.rel.key(i).name)
		}
		conds = append(conds, identifier(rel.alias)+"."+identifier(rel.key(i).name)+" = "+to)
	}
	f.Hint = "join by the key too: " + strings.Join(conds, " and ") + " with AND"
	switch {
	case rel.blk.up != nil && sp.besideGroups(rel.offset):
		f.Hint = "write the groups as a query in FROM, and the subquery beside it: SELECT x.*, (SELECT ...) FROM (SELECT ... GROUP BY ...) x"
	case rel.blk.up != nil && other.rel != nil && other.rel.alias == rel.alias:
		f.Hint = "where the subquery is over the rows of all keys, send it first as a statement of its own and give its result as an argument; " +
			"otherwise give the tables different names, and tie it to its row by the key with AND"
	case rel.blk.up != nil:
		f.Hint = "tie the subquery to its row by the key: " + strings.Join(conds, " and ") +
			" with AND; or, where it is over the rows of all keys, send it first as a statement of its own and give its result as an argument"
	}
	return f
}

// besideGroups reports whether a place is among the outputs of an arm that groups, or behind its WHERE.
func (sp *splitter) besideGroups(at int) bool {
	return slices.ContainsFunc(sp.arms, func(a *arm) bool {
		q := a.query
		rows := q.From[0].Pos().Start <= at && at < q.WhereAt || q.Where != nil && q.Where.Pos().Start <= at && at < q.Where.Pos().End
		return q.Start <= at && at < q.End && !rows && grouped(q)
	})
}

// ownSlots adds the predicate of the owned slots to every sharded table, and to every query that reads one the question
// whether the shard owns them. The arms ask too, whatever is in their FROM: a condition of theirs is evaluated before any
// of their tables is looked at, whatever PostgreSQL makes of those of subqueries that it joins.
func (sp *splitter) ownSlots(sharded []*relation) {
	var blocks []*block
	byBlock := map[*block][]*relation{}
	asks := func(b *block) {
		if !slices.Contains(blocks, b) {
			blocks = append(blocks, b)
		}
	}
	for _, a := range sp.arms {
		asks(a.top.block)
	}
	for _, rel := range sharded {
		asks(rel.blk)
		switch {
		case !rel.table.HasSlot:
		case rel.dom == rel.blk.root && !rel.inline:
			byBlock[rel.blk] = append(byBlock[rel.blk], rel)
		default:
			sp.ownTable(rel)
		}
	}
	for _, b := range blocks {
		sp.ownWhere(b, byBlock[b])
	}
}

func (sp *splitter) ownWhere(b *block, rels []*relation) {
	conds := make([]string, 0, len(rels))
	for _, rel := range rels {
		sp.distinctAlias(rel)
		conds = append(conds, ownMark(quote(rel.alias)+"."+quote(rel.slot().name)))
	}
	all := strings.Join(conds, " and ")
	switch {
	case b.where != nil:
		if all != "" {
			all = " and " + all
		}
		at := b.where.Pos()
		sp.shard = append(sp.shard, edit{at: at.Start, to: at.Start, text: "("}, edit{at: at.End, to: at.End, text: ")" + all + gateMark})
	case b.whereAt < 0:
		at := -1
		if len(rels) > 0 {
			at = rels[0].offset
		}
		panic(refuse(Unsupported, at, "a condition cannot be added to the command TABLE", "write SELECT * FROM"))
	default:
		sp.shard = append(sp.shard, edit{at: b.whereAt, to: b.whereAt, text: " where " + cmp.Or(all, "true") + gateMark + " "})
	}
}

// ownTable replaces a table on the nullable side of an outer join by its owned rows.
func (sp *splitter) ownTable(rel *relation) {
	t := rel.ref
	name := t.Table.Text(sp.text)
	if t.Only {
		name = "only " + name
	}
	text := "(select * from " + name + " where " + ownMark(quote(rel.table.Name)+".slot") + ") as " + quote(rel.alias)
	if len(t.Alias.Columns) > 0 {
		cols := make([]string, 0, len(t.Alias.Columns))
		for _, c := range t.Alias.Columns {
			cols = append(cols, quote(c.Value))
		}
		text += "(" + strings.Join(cols, ", ") + ")"
	}
	sp.shard = append(sp.shard, edit{at: t.Start, to: t.End, text: text})
}

// slot returns the slot column, under whatever name it has here.
func (rel *relation) slot() *column {
	for i := range rel.table.Columns {
		if isSlot(rel.table, rel.table.Columns[i].Name) {
			return rel.cols[i]
		}
	}
	panic("bug: plan: a table with a slot has no column slot")
}

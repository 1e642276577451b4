package plan_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// recursion returns WITH RECURSIVE and what it is called. The key of its steps may be that of the step before, of a
// table, or something else.
func (g *generator) recursion() (string, relationText) {
	first, then := diffTables[g.r.IntN(4)], diffTables[g.r.IntN(4)]
	a := relationText{name: g.newAlias(), cols: first.cols, keys: 1}
	b := relationText{name: g.newAlias(), cols: then.cols, keys: 1}
	name := pick(g, []string{"r", "walk", "orders"})
	for name == first.name || name == then.name {
		name = "walk"
	}
	r := relationText{name: g.newAlias(), cols: ints("k*", "v", "step")}
	key := func(rel relationText) string { k, _ := g.keyOf(relationText{name: rel.name, cols: rel.cols}); return k }
	seed := pick(g, []string{key(a), key(a), key(a), g.keyValue(false) + "::bigint"})
	next := pick(g, []string{r.name + ".k", r.name + ".k", key(b), r.name + ".k + 0", g.keyValue(false) + "::bigint"})
	on := pick(g, []string{key(b) + " = " + r.name + ".k", key(b) + " = " + r.name + ".k", g.pinOf(b), "true"})
	op := pick(g, []string{"union", "union all"})
	q := fmt.Sprintf("select %s, %s::bigint, 0 from %s %s%s %s select %s, %s::bigint, %s.step + 1 from %s %s join %s %s on %s where %s.step < 2",
		seed, g.column([]relationText{a}, false), first.name, a.name, g.where(0, []relationText{a}, nil), op,
		next, g.column([]relationText{b, r}, false), r.name, then.name, b.name, name, r.name, on, r.name)
	if g.chance(0.3) {
		q += " and " + g.condition(0, []relationText{b}, nil)
	}
	tail := ""
	if op == "union" && g.chance(0.2) {
		tail = pick(g, []string{" search depth first by v set path", " cycle k, v set again using path"})
	}
	return "with recursive " + name + "(k, v, step) as (" + q + ")" + tail + " ", relationText{name: name, cols: ints("k*", "v", "step")}
}

// changesInWith returns a statement with a CTE that writes one table, and reads or writes another.
func (g *generator) changesInWith() (string, []string) {
	t := diffTables[g.r.IntN(4)]
	inner, cols := g.returningChange(t)
	c := relationText{name: g.newAlias(), cols: cols}
	with := "with c as (" + inner + ") "
	other := diffTables[g.r.IntN(4)]
	if other.name == t.name || g.chance(0.5) { // two changes of one row would leave open which is made
		text, rel := g.table()
		on := pick(g, []string{"true", g.pinOf(rel)})
		if k, isText := g.keyOf(rel); k != "" && !isText {
			on = pick(g, []string{k + " = " + c.name + ".k", k + " = " + c.name + ".k", k + " = " + c.name + ".v", on})
		}
		return with + "select " + c.name + ".*, " + g.column([]relationText{rel}, false) + " from c " + c.name +
			pick(g, []string{" join ", " left join "}) + text + " on " + on, []string{t.name}
	}
	rel := relationText{name: other.name, cols: other.cols, keys: 1}
	key := rel.name + ".tenant_id = " + pick(g, []string{c.name + ".k", c.name + ".k", c.name + ".v", g.keyValue(false)})
	switch g.r.IntN(3) {
	case 0:
		return with + "delete from " + other.name + " using c " + c.name + " where " + key + g.returning(rel), []string{t.name, other.name}
	case 1:
		col := map[string]string{"orders": "total", "items": "qty", "users": "name", "adopted": "n"}[other.name]
		return with + "update " + other.name + " set " + col + " = null from c " + c.name + " where " + key + g.returning(rel), []string{t.name, other.name}
	}
	names, values := g.newRow(other, pick(g, []string{c.name + ".k", c.name + ".k", c.name + ".v", g.keyValue(false)}))
	return with + "insert into " + other.name + " (" + names + ") select " + values + " from c " + c.name, []string{t.name, other.name}
}

// returningChange returns a change of t that gives back a key k and a number v.
func (g *generator) returningChange(t relationText) (string, []columnText) {
	rel := relationText{name: t.name, cols: t.cols, keys: 1}
	col := map[string]string{"orders": "total", "items": "qty", "users": "id", "adopted": "n"}[t.name]
	back := " returning tenant_id as k, " + col + "::bigint as v"
	if g.chance(0.4) {
		back = " returning tenant_id as k, " + col + " as v"
	}
	cols := ints("k*", "v")
	where := g.where(0, []relationText{rel}, nil)
	if g.chance(0.3) {
		where += map[bool]string{true: " where ", false: " and "}[where == ""] + col + " = " + g.arg(g.intKey())
	}
	switch g.r.IntN(3) {
	case 0:
		names, values := g.newRow(t, g.keyValue(false))
		conflict := ""
		if t.name == "orders" && g.chance(0.4) {
			conflict = " on conflict (tenant_id, id) do update set total = 3"
		}
		return "insert into " + t.name + " (" + names + ") values (" + values + ")" + conflict + back, cols
	case 1:
		set := col
		if t.name == "users" {
			set = "name"
		}
		value := "null"
		if set != "name" {
			value = pick(g, []string{"3", "7", g.arg(g.intKey())})
		}
		return "update " + t.name + " set " + set + " = " + value + where + back, cols
	default:
		return "delete from " + t.name + where + back, cols
	}
}

// newRow returns the columns of a new row of t and their values.
func (g *generator) newRow(t relationText, key string) (names, values string) {
	var ns, vs []string
	for _, c := range t.cols {
		switch {
		case c.key:
			vs = append(vs, key)
		case c.text:
			vs = append(vs, "'m'")
		default:
			vs = append(vs, fmt.Sprint(3+g.r.IntN(1000)))
		}
		ns = append(ns, c.name)
	}
	if g.chance(0.1) {
		i := slices.IndexFunc(t.cols, func(c columnText) bool { return c.key })
		ns, vs = slices.Delete(ns, i, i+1), slices.Delete(vs, i, i+1)
	}
	return strings.Join(ns, ", "), strings.Join(vs, ", ")
}

// mergeStatement returns a MERGE into a tenant table.
func (g *generator) mergeStatement() (string, []string) {
	t := diffTables[g.r.IntN(4)]
	target := relationText{name: g.newAlias(), cols: t.cols, keys: 1}
	source, s := g.mergeSource()
	sk, text := g.keyOf(s)
	var on []string
	if sk != "" && !text {
		on = append(on, target.name+".tenant_id = "+sk)
	}
	if len(on) == 0 || g.chance(0.3) {
		on = append(on, g.pinOf(target))
	}
	if g.chance(0.6) {
		on = append(on, g.column([]relationText{target}, false)+" = "+g.column([]relationText{s}, false))
	}
	col := map[string]string{"orders": "total", "items": "qty", "users": "name", "adopted": "n"}[t.name]
	value := "42"
	if col == "name" {
		value = "'mm'"
	}
	clauses := []string{
		"when matched then update set " + col + " = " + value,
		"when matched and " + g.column([]relationText{target}, false) + " > 1 then delete",
		"when matched then do nothing",
	}
	key := sk
	if key == "" || text || g.chance(0.2) {
		key = pick(g, []string{g.keyValue(false), g.keyValue(false) + "::bigint"})
	}
	names, values := g.newRow(t, key)
	clauses = append(clauses, "when not matched then insert ("+names+") values ("+values+")",
		"when not matched and "+g.column([]relationText{s}, false)+" > 1 then insert ("+names+") values ("+values+")")
	returning := ""
	if pgtest.Major(g.t) >= 17 {
		clauses = append(clauses, "when not matched by source and "+g.pinOf(target)+" then delete",
			"when not matched by source then update set "+col+" = "+value,
			"when not matched by source and "+g.pinOf(target)+" and "+g.column([]relationText{target}, false)+" > 1 then update set "+col+" = "+value)
		returning = pick(g, []string{"", " returning merge_action(), " + target.name + ".tenant_id"})
	}
	g.r.Shuffle(len(clauses), func(i, j int) { clauses[i], clauses[j] = clauses[j], clauses[i] })
	return "merge into " + t.name + " as " + target.name + " using " + source + " on " + strings.Join(on, " and ") + " " +
		strings.Join(clauses[:1+g.r.IntN(3)], " ") + returning, []string{t.name}
}

func (g *generator) mergeSource() (string, relationText) {
	switch g.r.IntN(6) {
	case 0:
		text, rel := g.table()
		return text, rel
	case 1:
		text, rel := g.constants()
		return text, rel
	case 2:
		text, rels := g.join(0, nil, nil)
		return text, pick(g, rels)
	}
	text, inner := g.table()
	rel := relationText{name: g.newAlias(), cols: inner.cols}
	pin := g.pinOf(inner)
	if g.chance(0.2) {
		pin = "true"
	}
	return "(select * from " + text + " where " + pin + ") " + rel.name, rel
}

// constants returns rows of parameters and constants in FROM.
func (g *generator) constants() (string, relationText) {
	rel := relationText{name: g.newAlias(), cols: ints("tenant_id*", "id")}
	row := func() string {
		return pick(g, []string{g.fresh(g.intKey()) + "::bigint", g.fresh(g.intKey()) + "::bigint", fmt.Sprint(g.intKey()), "null::bigint",
			g.fresh(g.intKey()) + "::float8", "'3'"}) + ", " + fmt.Sprint(g.r.IntN(4))
	}
	switch g.r.IntN(3) {
	case 0:
		return "(values (" + row() + ")) " + rel.name + "(tenant_id, id)", rel
	case 1:
		return "(values (" + row() + "), (" + row() + ")) " + rel.name + "(tenant_id, id)", rel
	}
	return "(select " + row() + ") " + rel.name + "(tenant_id, id)", rel
}

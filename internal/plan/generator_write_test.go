package plan_test

import (
	"fmt"
	"strings"
)

// writeStatement returns a statement that writes, and the tables it may write.
func (g *generator) writeStatement() (sql string, tables []string) {
	switch {
	case g.chance(0.15):
		return g.upsert(), []string{badges.name}
	case g.chance(0.08):
		return g.readsWhatItChanged(), []string{"orders"}
	case g.chance(0.2):
		return g.mergeStatement()
	case g.chance(0.25):
		return g.changesInWith()
	}
	sql, table := g.change()
	return sql, []string{table}
}

// change returns an INSERT, UPDATE or DELETE on a tenant table.
func (g *generator) change() (sql, table string) {
	t := diffTables[g.r.IntN(4)]
	if g.chance(0.1) {
		t = homeTable
	}
	switch g.r.IntN(3) {
	case 0:
		return g.insertStatement(t), t.name
	case 1:
		rel := relationText{name: t.name, cols: t.cols, keys: t.keys}
		text := t.name
		if g.chance(0.6) {
			rel.name = g.newAlias()
			text += " as " + rel.name
		}
		from, rels := "", []relationText{rel}
		if g.chance(0.3) {
			f, rs := g.from(1, nil)
			from, rels = " from "+f, append(rels, rs...)
		}
		col := t.cols[len(t.cols)-1]
		for _, c := range t.cols {
			if !c.key && !c.text && c.name != "id" {
				col = c
			}
		}
		value := fmt.Sprint(g.r.IntN(50))
		switch {
		case col.text:
			value = "'z'"
		case g.chance(0.2):
			q, _ := g.oneColumn(0, rels)
			value = "(select count(*) from (" + q + ") z)"
		}
		return "update " + text + " set " + col.name + " = " + value + from + g.where(1, rels, nil) + g.returning(rel), t.name
	default:
		rel := relationText{name: t.name, cols: t.cols, keys: t.keys}
		text := t.name
		if g.chance(0.6) {
			rel.name = g.newAlias()
			text += " " + rel.name
		}
		using, rels := "", []relationText{rel}
		if g.chance(0.3) {
			f, rs := g.from(1, nil)
			using, rels = " using "+f, append(rels, rs...)
		}
		return "delete from " + text + using + g.where(1, rels, nil) + g.returning(rel), t.name
	}
}

func (g *generator) returning(rel relationText) string {
	if g.chance(0.5) {
		return ""
	}
	return " returning " + rel.name + "." + rel.cols[0].name + ", " + rel.name + "." + rel.cols[1].name
}

// readsWhatItChanged returns a statement whose RETURNING reads by a column that WHERE compares with a key, and that the
// statement may change.
func (g *generator) readsWhatItChanged() string {
	k := fmt.Sprint(g.intKey())
	if g.chance(0.3) {
		k = g.fresh(g.intKey()) + "::bigint"
	}
	where := " where o.tenant_id = " + k + " and o.total = " + k
	column := pick(g, []string{"o.total", "total", "o.tenant_id", "o.plan_id"})
	if g.chance(0.3) {
		where += " and o.plan_id = o.total"
	}
	back := " returning o.id, (select count(*) from items i where i.tenant_id = " + column + ")"
	set := "total = " + pick(g, []string{fmt.Sprint(g.intKey() % 8), "total + 1", "total"})
	switch g.r.IntN(4) {
	case 0:
		return "delete from orders o" + where + back
	case 1:
		return "insert into orders as o (tenant_id, id, total) values (" + k + ", " + fmt.Sprint(1+g.r.IntN(6)) +
			", 3) on conflict (tenant_id, id) do update set " + strings.ReplaceAll(set, "total + 1", "o.total + 1") + where + back
	case 2:
		return "with u as (update orders o set " + set + where + " returning " + column + " as k) select count(*) from u join items i on i.tenant_id = u.k"
	}
	return "update orders o set " + set + where + back
}

func (g *generator) insertStatement(t relationText) string {
	if g.chance(0.15) {
		var names, outs []string
		from, rels := g.from(0, nil)
		without := g.chance(0.4)
		for _, c := range t.cols {
			if c.key && without {
				continue
			}
			names = append(names, c.name)
			k, kt := g.keyOf(pick(g, rels))
			switch {
			case c.key && k != "" && kt == c.text:
				outs = append(outs, k)
			case c.name == "id":
				outs = append(outs, fmt.Sprint(100+g.r.IntN(1000)))
			default:
				outs = append(outs, g.column(rels, c.text))
			}
		}
		q := "select " + pick(g, []string{"", "", "distinct "}) + strings.Join(outs, ", ") + " from " + from + g.where(0, rels, nil)
		if without && g.chance(0.3) {
			q += pick(g, []string{" union ", " union all (", " except "}) + q
			q += map[bool]string{true: ")"}[strings.Contains(q, " all (")]
		}
		return "insert into " + t.name + " (" + strings.Join(names, ", ") + ") " + q + pick(g, []string{"", g.returning(relationText{name: t.name, cols: t.cols})})
	}
	cols := append([]columnText(nil), t.cols...)
	g.r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
	if g.chance(0.15) { // without the key
		cols = cols[:0:0]
		for _, c := range t.cols {
			if !c.key {
				cols = append(cols, c)
			}
		}
	}
	names := make([]string, len(cols))
	for i := range cols {
		names[i] = cols[i].name
	}
	var rows []string
	same := g.intKey()
	for range 1 + g.r.IntN(3) {
		values := make([]string, len(cols))
		for i, c := range cols {
			switch {
			case c.key && g.chance(0.6):
				values[i] = g.fresh(same)
			case c.key:
				values[i] = g.keyValue(c.text)
			case c.text:
				values[i] = pick(g, []string{"'n'", "null", g.fresh("p")})
			case c.name == "id":
				values[i] = fmt.Sprint(1 + g.r.IntN(2000))
			case g.chance(0.05):
				q, _ := g.oneColumn(0, nil)
				values[i] = "(select count(*) from (" + q + ") z)"
			default:
				values[i] = pick(g, []string{"7", "default", g.arg(same)})
			}
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	conflict := ""
	if t.name == "orders" && g.chance(0.5) {
		conflict = pick(g, []string{" on conflict do nothing", " on conflict (tenant_id, id) do nothing",
			" on conflict (tenant_id, id) do update set total = excluded.total",
			" on conflict (tenant_id, id) do update set tenant_id = excluded.tenant_id, total = orders.total + 1"})
	}
	return "insert into " + t.name + " (" + strings.Join(names, ", ") + ") values " + strings.Join(rows, ", ") + conflict +
		pick(g, []string{"", " returning *", " returning tenant_id"})
}

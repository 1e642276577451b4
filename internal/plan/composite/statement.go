package composite

import (
	"fmt"
	"slices"
	"strings"
)

// selectStatement is a SELECT whose result is determined. ordered says that its order is, too.
func (g *Generator) selectStatement() (sql string, ordered bool) {
	if g.chance(0.08) {
		from, rels := g.from(1)
		other, more := g.from(0)
		return "select " + g.number(rels) + " as v from " + from + g.where(1, rels) + g.pick(" union ", " union all ", " except ", " intersect ") +
			"select " + g.number(more) + " from " + other + g.where(1, more), false
	}
	if g.chance(0.06 * g.lists) {
		return g.mixed(), false
	}
	with := ""
	from, rels := g.from(1)
	if g.chance(0.1 + 0.1*g.lists) {
		t := pick(g, Tables)
		inner, rel := g.derived(1, t, "w")
		with = "with w as " + strings.TrimSuffix(inner, " w") + " "
		if t.Key != nil && g.chance(g.lists) {
			rel = relation{name: "w", key: t.Key, cols: t.Key}
			with = "with w(" + strings.Join(t.KeyNames(), ", ") + ") as (" + g.listQuery(t.Key) + ") "
		}
		a, b := rel, rel
		a.name = g.newAlias()
		from, rels = "w "+a.name, []relation{a}
		if g.chance(0.5) {
			b.name = g.newAlias()
			from, rels = from+" join w "+b.name+" on "+g.and([]string{g.link(a, b)}), append(rels, b)
		}
		if g.chance(0.5) {
			more, r := g.item(0, rels)
			if on := g.apart(rels, r); on != "true" {
				from, rels = from+g.pick(" join ", " left join ")+more+" on "+on, append(rels, r)
			}
		}
	}
	where := g.where(2, rels)
	rel := pick(g, rels)
	key := g.columns(rel, g.order(rel))
	var outs, groups []string
	tail := ""
	switch {
	case g.chance(0.35):
		if len(key) > 0 && g.chance(0.8) {
			groups = slices.Clone(key)
		}
		if g.chance(0.3) {
			groups = append(groups, g.number(rels)+" % 3")
		}
		outs = append(slices.Clone(groups), "count(*)", "sum("+g.number(rels)+")", "max("+g.number(rels)+")")
		if len(groups) > 0 {
			tail = " group by " + g.pick("%s", "%s", "%s", "%s", "(%s)")
			tail = strings.ReplaceAll(tail, "%s", strings.Join(groups, ", "))
			if g.chance(0.2) {
				tail += " having count(*) > 1"
			}
		}
	default:
		outs = append(key, g.number(rels), g.number(rels))
		if g.chance(0.1) && len(key) > 0 {
			outs = append(outs, "count(*) over (partition by "+strings.Join(g.columns(rel, g.order(rel)), ", ")+")")
		}
		if g.chance(0.1) {
			text, in := g.item(0, rels)
			outs = append(outs, "(select sum("+g.number([]relation{in})+") from "+text+" where "+g.and([]string{g.link(rel, in)})+")")
		}
	}
	for i := range outs {
		outs[i] += fmt.Sprintf(" as v%d", i)
	}
	distinct := ""
	switch g.r.IntN(8) {
	case 0:
		distinct = "distinct "
	case 1:
		distinct, tail, ordered = "distinct on (1, 2) ", tail+" order by "+places(len(outs)), true
	case 2, 3:
		tail, ordered = tail+" order by "+places(len(outs))+g.pick("", " limit 2", " limit "+g.fresh(int64(3)), " limit 2 offset 1"), true
	}
	return with + "select " + distinct + strings.Join(outs, ", ") + " from " + from + where + tail, ordered
}

// writeStatement returns a statement that writes, and the table.
func (g *Generator) writeStatement() (sql, table string) {
	t := g.like(nil)
	for t.Key == nil {
		t = g.like(nil)
	}
	rel := relation{name: g.newAlias(), key: t.Key, cols: t.Columns}
	returning := g.pick("", " returning "+strings.Join(g.columns(rel, t.Key), ", "))
	switch g.r.IntN(5) {
	case 0, 1:
		return g.insert(t, rel), t.Name
	case 2:
		c := t.Columns[len(t.Columns)-1]
		value := g.pick("4", "null", "5")
		if c.Kind == "word" {
			value = "'w'"
		}
		if g.chance(0.03) {
			c, value = t.Key[0], g.constant(t.Key[0])
		}
		from, rels := "", []relation{rel}
		if g.chance(0.3) {
			more, r := g.item(1, rels)
			from, rels = " from "+more, append(rels, r)
		}
		return "update " + t.Name + " " + rel.name + " set " + c.Name + " = " + value + from + g.where(1, rels) + returning, t.Name
	case 3:
		using, rels := "", []relation{rel}
		if g.chance(0.3) {
			more, r := g.item(1, rels)
			using, rels = " using "+more, append(rels, r)
		}
		return "delete from " + t.Name + " " + rel.name + using + g.where(1, rels) + returning, t.Name
	}
	source, s := g.derived(1, g.like([]relation{rel}), g.newAlias())
	on := []string{g.link(rel, s)}
	if g.chance(0.3) {
		on = append(on, g.pinned(rel))
	}
	if g.chance(0.5) {
		on = append(on, rel.name+"."+t.Columns[len(t.Columns)-1].Name+" is not null")
	}
	var names, values []string
	for i, c := range t.Columns {
		names = append(names, c.Name)
		switch at := slices.Index(t.Key, t.Columns[i]); {
		case at >= 0 && at < len(s.key) && s.key[at].Kind == c.Kind && g.chance(0.9):
			values = append(values, s.name+"."+s.key[at].Name)
		case at >= 0:
			values = append(values, g.typed(c))
		case c.Kind == "word":
			values = append(values, "'m'")
		default:
			values = append(values, fmt.Sprint(100+g.r.IntN(900)))
		}
	}
	clause := g.pick("when matched then delete", "when matched then do nothing",
		"when not matched then insert ("+strings.Join(names, ", ")+") values ("+strings.Join(values, ", ")+")")
	return "merge into " + t.Name + " " + rel.name + " using " + source + " on " + g.and(on) + " " + clause, t.Name
}

func (g *Generator) insert(t Table, rel relation) string {
	cols := slices.Clone(t.Columns)
	g.r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
	if g.chance(0.12) { // without the key, or a part of it
		cols = slices.DeleteFunc(cols, func(c Column) bool { return slices.Contains(t.Key, c) && g.chance(0.8) })
	}
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	head := "insert into " + t.Name + " as " + rel.name + " (" + strings.Join(names, ", ") + ") "
	if g.chance(0.2) {
		from, s := g.item(1, []relation{rel})
		var outs []string
		for _, c := range cols {
			at := slices.Index(t.Key, c)
			switch {
			case at >= 0 && at < len(s.key) && s.key[at].Kind == c.Kind && g.chance(0.95):
				outs = append(outs, s.name+"."+s.key[at].Name)
			case at >= 0:
				outs = append(outs, g.typed(c))
			case c.Kind == "word":
				outs = append(outs, "'s'")
			default:
				outs = append(outs, fmt.Sprint(100+g.r.IntN(900)))
			}
		}
		return head + "select " + strings.Join(outs, ", ") + " from " + from + g.where(0, []relation{s})
	}
	var rows []string
	for range 1 + g.r.IntN(3) {
		values := make([]string, len(cols))
		for i, c := range cols {
			switch c.Kind {
			case "int":
				values[i] = fmt.Sprint(1 + g.r.IntN(50))
			case "word":
				values[i] = "'n'"
			default:
				values[i] = g.constant(c)
			}
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	conflict := ""
	if slices.Contains([]string{"legs", "stops", "roads", "posts"}, t.Name) && g.chance(0.5) {
		target := append(g.order(relation{key: t.Key}), Column{Name: "id"})
		var on []string
		for _, c := range target {
			on = append(on, c.Name)
		}
		last := t.Columns[len(t.Columns)-1].Name
		conflict = g.pick(" on conflict do nothing", " on conflict ("+strings.Join(on, ", ")+") do nothing",
			" on conflict ("+strings.Join(on, ", ")+") do update set "+last+" = excluded."+last)
	}
	return head + "values " + strings.Join(rows, ", ") + conflict + g.pick("", " returning "+strings.Join(g.columns(rel, t.Key), ", "))
}

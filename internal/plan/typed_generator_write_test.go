package plan_test

import (
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// write returns a statement that writes a table, whose new keys are of types that PostgreSQL makes the key's.
func (g *typedGenerator) write() (sql, table string) {
	g.writes = true
	t, rel := g.base()
	for t.ref || g.handle != 0 && t.key == shard.TextUUID {
		t, rel = g.base()
	}
	if g.chance(0.9) {
		g.class = rel.class("k")
	}
	value := g.one("1", "2", "3", "null", "'2'", "2.5", g.param(classNumber))
	switch g.r.IntN(6) {
	case 0:
		from, rels := g.source(rel, " from ")
		return "update " + t.name + " as " + rel.name + " set i = " + value + from + g.where(rels, nil, 1) + g.one("", " returning "+rel.name+".k"), t.name
	case 1:
		using, rels := g.source(rel, " using ")
		return "delete from " + t.name + " as " + rel.name + using + g.where(rels, nil, 1) + g.one("", " returning "+rel.name+".k, "+rel.name+".i"), t.name
	case 2:
		q, cols := g.inner(1, nil)
		x := typedRel{name: g.newAlias(), cols: cols}
		if g.chance(0.3) {
			return "insert into " + t.name + " (k, i) " + q, t.name
		}
		return "insert into " + t.name + " (k, i) select " + x.name + ".k, " + g.one("1", x.name+".i") + " from (" + q + ") " + x.name + g.where([]typedRel{x}, nil, 0), t.name
	case 3:
		item, s := g.item(1, nil)
		on := rel.name + ".k = " + s.name + ".k"
		if g.chance(0.4) {
			on += " and " + g.condition([]typedRel{rel, s}, 0)
		}
		if p := g.pin(rel, g.class); p != "" && g.chance(0.5) {
			on += " and " + p
		}
		clauses := g.one(" when matched then delete", " when matched then update set i = "+value, " when matched then do nothing", "")
		if clauses == "" || g.chance(0.4) {
			clauses += " when not matched then insert (k, i) values (" + g.one(s.name+".k", s.name+".k", g.constant(g.class)) + ", 3)"
		}
		return "merge into " + t.name + " as " + rel.name + " using " + item + " on " + on + clauses, t.name
	case 4:
		q, cols := g.inner(1, nil)
		x := typedRel{name: "w", cols: cols}
		return "with w as (" + q + ") delete from " + t.name + " as " + rel.name + " using w where " + rel.name + ".k = w.k" +
			strings.Replace(g.where([]typedRel{x}, nil, 0), " where ", " and ", 1) + g.one("", " returning "+rel.name+".k"), t.name
	}
	key := func() string {
		if t.key == shard.Text && g.chance(0.3) {
			return g.one("'a'", "'a '", "'b'::varchar", "'a'::bpchar", "'a '::name")
		}
		return g.constant(g.class)
	}
	rows := "(" + key() + ", " + value + ")"
	for g.chance(0.3) {
		rows += ", (" + key() + ", 1)"
	}
	return "insert into " + t.name + " (k, i) values " + rows + g.one("", " on conflict do nothing", " returning k, i"), t.name
}

// source is a table with what is beside it.
func (g *typedGenerator) source(rel typedRel, word string) (string, []typedRel) {
	if g.chance(0.4) {
		return "", []typedRel{rel}
	}
	text, rels := g.from(1, nil)
	return word + text, append([]typedRel{rel}, rels...)
}

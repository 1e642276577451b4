package plan_test

import (
	"fmt"
	"slices"
	"strings"
)

// typedGenerator writes random statements in which PostgreSQL finds a type for itself: columns of one name and of several
// types under NATURAL, USING, UNION, CASE, COALESCE, VALUES and lists, rows in rows, stars in rows, and comparisons that
// are no equality, or one of another type than the key's. Outputs are of types whose equal values print alike.
type typedGenerator struct {
	*generator
	class  int // mostly the statement's own kind of values
	writes bool
	ctes   []typedRel
}

type typedRel struct {
	name string
	cols []typedCol
}

type typedCol struct {
	name  string
	class int // what it can be compared with
	typ   string
}

const (
	classNumber = iota
	classText
	classUUID
	classBytes
)

func classOf(typ string) int {
	switch {
	case typ == "uuid":
		return classUUID
	case typ == "bytea":
		return classBytes
	case typ == "text", typ == "name", strings.HasPrefix(typ, "char"):
		return classText
	}
	return classNumber
}

func newTyped(g *generator) *typedGenerator {
	return &typedGenerator{generator: g, class: pick(g, []int{classNumber, classNumber, classNumber, classText, classText, classUUID, classBytes})}
}

func (g *typedGenerator) one(list ...string) string { return pick(g.generator, list) }

// types that values of a class are cast to.
var classTypes = [][]string{
	classNumber: {"int8", "int8", "int4", "int2", "numeric", "float8", "real", "numeric(20,0)", "oid"},
	classText:   {"text", "text", "varchar", "bpchar", "char(4)", "name", "varchar(1)", "varchar(6)"},
	classUUID:   {"uuid"},
	classBytes:  {"bytea"},
}

// bare is a constant's text without a type of its own, which every type of the class reads.
func (g *typedGenerator) bare(class int) string {
	switch class {
	case classNumber:
		return "'" + g.one("1", "1", "2", "3") + "'"
	case classText:
		return pick(g.generator, append(quoted(typedTexts), "'a'", "'a '"))
	case classUUID:
		return pick(g.generator, quoted(typedUUIDs))
	}
	return pick(g.generator, quoted(typedBytes))
}

// param is a parameter of the class, of one type in the whole statement unless it is cast.
func (g *typedGenerator) param(class int) string {
	value := any(strings.Trim(g.bare(class), "'"))
	switch class {
	case classNumber:
		value = pick(g.generator, []int64{1, 1, 2, 3, 9007199254740992, 9007199254740993})
	case classBytes:
		value = []byte(g.one("a", "a ", "\x00"))
	}
	return g.fresh(value)
}

// constant is a value of the class without a column.
func (g *typedGenerator) constant(class int) string {
	typ := pick(g.generator, classTypes[class])
	switch g.r.IntN(9) {
	case 0:
		return "null"
	case 1:
		return g.bare(class) + "::" + typ
	case 2, 3:
		return g.param(class) + "::" + typ
	case 4, 5:
		return g.param(class)
	case 6:
		if class == classNumber {
			return g.one("1", "2", "1::numeric", "2.5", "9007199254740993", "9007199254740993::numeric", "1e0", "-1", "07")
		}
		return g.bare(class)
	case 7:
		return "null::" + typ
	}
	return g.bare(class)
}

// column names a column of the class, or nothing.
func (g *typedGenerator) column(rels []typedRel, class int) string {
	for range 12 {
		rel := pick(g.generator, rels)
		c := pick(g.generator, rel.cols)
		if g.chance(0.5) {
			for _, k := range rel.cols {
				if k.name == "k" {
					c = k
				}
			}
		}
		if c.class != class {
			continue
		}
		if g.chance(0.04) {
			return c.name
		}
		return rel.name + "." + c.name
	}
	return ""
}

// operand is a value of the class: mostly a column or a constant, at times what PostgreSQL finds a type for.
func (g *typedGenerator) operand(rels []typedRel, class, depth int) string {
	if col := g.column(rels, class); col != "" && g.chance(0.55) {
		return col
	}
	if depth <= 0 || g.chance(0.55) {
		return g.constant(class)
	}
	a, b := g.operand(rels, class, depth-1), g.operand(rels, class, depth-1)
	switch g.r.IntN(8) {
	case 0:
		return "coalesce(" + a + ", " + b + ")"
	case 1:
		return "case when " + g.condition(rels, depth-1) + " then " + a + " else " + b + " end"
	case 2:
		return "nullif(" + a + ", " + b + ")"
	case 3:
		return "(" + a + ")"
	case 4:
		return "(select " + a + ")"
	case 5:
		return "(array[" + a + ", " + b + "])[" + g.one("1", "2") + "]"
	case 6:
		return "(select max(x) from (values (" + a + "), (" + b + ")) as z(x))"
	}
	if class == classUUID {
		return a
	}
	return a + "::" + pick(g.generator, classTypes[class])
}

func (g *typedGenerator) classHere() int {
	if g.chance(0.85) {
		return g.class
	}
	return g.r.IntN(4)
}

// condition is a comparison of any form.
func (g *typedGenerator) condition(rels []typedRel, depth int) string {
	class := g.classHere()
	a, b := g.operand(rels, class, depth), g.operand(rels, class, depth)
	switch g.r.IntN(24) {
	case 0:
		return a + " is not distinct from " + b
	case 1:
		return a + " is distinct from " + b
	case 2:
		return a + g.one(" in (", " in (", " not in (") + b + ", " + g.operand(rels, class, depth) + g.one("", ", null") + ")"
	case 3:
		return a + g.one(" = any (array[", " = any (array[", " <> all (array[", " = all (array[") + b + ", " + g.operand(rels, class, 0) + "])"
	case 4:
		return a + g.one(" between ", " between symmetric ") + b + " and " + g.operand(rels, class, 0)
	case 5:
		return "(" + a + ", 1) " + g.one("=", "=", "<", "<=", "is not distinct from") + " (" + b + ", 1)"
	case 6:
		if g.writes { // values of two types fail when they are met, and each server meets others
			break
		}
		return "((" + a + ", 1), 2) " + g.one("=", "=", "is not distinct from") + " ((" + b + ", 1), 2)"
	case 7:
		return "row(" + pick(g.generator, rels).name + ".*, " + a + ") = row(" + pick(g.generator, rels).name + ".*, " + b + ")"
	case 8:
		return "(" + g.condition(rels, depth-1) + g.one(" or ", " and ") + g.condition(rels, depth-1) + ")"
	case 9:
		return g.one("not (", "(") + g.condition(rels, depth-1) + ")" + g.one("", " is true", " is not false")
	case 10, 11:
		if depth > 0 {
			q, in := g.from(depth-1, rels)
			return a + g.one(" in (", " in (", " not in (", " = any (", " <> all (", " = all (") + "select " + g.operand(in, class, 0) + " from " + q + g.where(in, rels, 0) + ")"
		}
	case 12, 13:
		if depth > 0 {
			q, in := g.from(depth-1, rels)
			return g.one("exists (", "not exists (") + "select 1 from " + q + g.where(in, rels, depth-1) + ")"
		}
	case 14:
		return a + g.one(" in (values (", " = any (values (", " not in (values (") + b + "), (" + g.constant(class) + "))"
	case 15:
		return "case when " + g.condition(rels, depth-1) + " then " + g.equality(rels) + " else " + g.one("true", "false") + " end"
	case 16:
		return "(" + a + ", " + b + ") in ((" + g.constant(class) + ", " + g.constant(class) + "), (" + g.constant(class) + ", " + g.constant(class) + "))"
	case 17:
		return "row(" + a + ") " + g.one("=", "in", "<>") + " (" + "row(" + b + "))"
	case 18:
		return a + " in (select x from unnest(array[" + b + ", " + g.constant(class) + "]) as u(x))"
	}
	return a + g.one(" = ", " = ", " = ", " < ", " <> ") + b
}

// equality compares two keys, or a key and a constant.
func (g *typedGenerator) equality(rels []typedRel) string {
	class := g.classHere()
	a := g.column(rels, class)
	if a == "" {
		return "true"
	}
	if b := g.column(rels, class); b != "" && b != a && g.chance(0.6) {
		return a + " = " + b
	}
	if g.chance(0.5) {
		return a + " = " + g.param(class)
	}
	return g.constant(class) + " = " + a
}

// pin compares the key of a relation.
func (g *typedGenerator) pin(rel typedRel, class int) string {
	for _, c := range rel.cols {
		if c.name == "k" && c.class == class {
			return rel.name + ".k" + g.one(" = ", " = ", " = ", " is not distinct from ") + g.one(g.param(class), g.param(class), g.constant(class))
		}
	}
	return ""
}

func (g *typedGenerator) where(rels, outer []typedRel, depth int) string {
	var conds []string
	for i, rel := range rels {
		if p := g.pin(rel, g.class); p != "" && g.chance(g.generator.pin) {
			conds = append(conds, p)
		}
		for _, o := range append(slices.Clone(outer), rels[:i]...) {
			if g.chance(0.6) && (rel.class("k") == o.class("k") || g.chance(0.05)) {
				conds = append(conds, rel.name+".k = "+o.name+".k")
				break
			}
		}
	}
	for g.chance(0.45) {
		conds = append(conds, g.condition(append(slices.Clone(rels), outer...), depth))
	}
	if len(conds) == 0 {
		return ""
	}
	g.r.Shuffle(len(conds), func(i, j int) { conds[i], conds[j] = conds[j], conds[i] })
	return " where " + strings.Join(conds, " and ")
}

// base is a table whose key is of the statement's class, mostly.
func (g *typedGenerator) base() (typedTable, typedRel) {
	t := pick(g.generator, typedTables)
	for range 9 {
		k := typedRelOf(t, "")
		if k.class("k") == g.class && (!t.ref || g.chance(0.35)) {
			break
		}
		t = pick(g.generator, typedTables)
	}
	return t, typedRelOf(t, g.newAlias())
}

func (r typedRel) class(name string) int {
	for _, c := range r.cols {
		if c.name == name {
			return c.class
		}
	}
	return -1
}

func typedRelOf(t typedTable, name string) typedRel {
	rel := typedRel{name: name}
	for _, c := range t.cols {
		n, typ, _ := strings.Cut(c, " ")
		rel.cols = append(rel.cols, typedCol{name: n, class: classOf(typ), typ: typ})
	}
	return rel
}

// item is one item of FROM.
func (g *typedGenerator) item(depth int, outer []typedRel) (string, typedRel) {
	switch {
	case g.chance(0.1) && len(g.ctes) > 0:
		c := pick(g.generator, g.ctes)
		rel := typedRel{name: g.newAlias(), cols: c.cols}
		return c.name + " " + rel.name, rel
	case g.chance(0.14):
		rel := typedRel{name: g.newAlias(), cols: []typedCol{{name: "k", class: g.class}, {name: "i", class: classNumber}}}
		row := func() string {
			return "(" + g.constant(g.class) + ", " + g.one("1", "2", "3::int8", "1::numeric") + ")"
		}
		rows := row()
		for g.chance(0.5) {
			rows += ", " + row()
		}
		return "(values " + rows + ") as " + rel.name + "(k, i)", rel
	case g.chance(0.05):
		rel := typedRel{name: g.newAlias(), cols: []typedCol{{name: "k", class: g.class}, {name: "i", class: classNumber}}}
		array := "array[" + g.constant(g.class) + ", " + g.constant(g.class) + "]"
		return g.one("unnest("+array+", array[1, 2]) as "+rel.name+"(k, i)", "unnest("+array+") with ordinality as "+rel.name+"(k, i)",
			"rows from (unnest("+array+"), generate_series(1, 3)) as "+rel.name+"(k, i)"), rel
	case depth > 0 && g.chance(0.25):
		rel := typedRel{name: g.newAlias()}
		lateral, sees := "", []typedRel(nil)
		if len(outer) > 0 && g.chance(0.3) {
			lateral, sees = "lateral ", outer
		}
		var q string
		q, rel.cols = g.inner(depth-1, sees)
		return lateral + "(" + q + ") " + rel.name, rel
	}
	t, rel := g.base()
	text := t.name + " " + rel.name
	if g.chance(0.1) { // the names go round: k is another column
		var names []string
		for i := range rel.cols {
			names = append(names, rel.cols[(i+1)%len(rel.cols)].name)
		}
		rel.cols = slices.Clone(rel.cols)
		for i := range names {
			rel.cols[i].name = names[i]
		}
		text = t.name + " as " + rel.name + "(" + strings.Join(names, ", ") + ")"
	}
	return text, rel
}

// inner is a query of columns k and i: of one SELECT, or of several that have a type in common.
func (g *typedGenerator) inner(depth int, outer []typedRel) (string, []typedCol) {
	cols := []typedCol{{name: "k", class: g.class}, {name: "i", class: classNumber}}
	arm := func() string {
		if g.chance(0.12) {
			return "values (" + g.constant(g.class) + ", 1)"
		}
		from, rels := g.from(0, outer)
		k := g.column(rels, g.class)
		if k == "" || g.chance(0.25) {
			k = g.operand(rels, g.class, 1)
		}
		i := g.one("1", "2", "null", "1::numeric", "2::float8")
		if c := g.column(rels, classNumber); c != "" && g.chance(0.7) {
			i = "nullif(" + c + "::numeric, 'NaN')::int8"
		}
		return "select " + k + " as k, " + i + " as i from " + from + g.where(rels, outer, depth-1)
	}
	q := arm()
	for g.chance(0.35) {
		op := g.one(" union ", " union all ", " union all ", " except ", " intersect ", " intersect all ", " except all ")
		if g.chance(0.3) {
			q = "(" + q + ")" + op + arm()
		} else if g.chance(0.5) {
			q = q + op + "(" + arm() + ")"
		} else {
			q = q + op + arm()
		}
	}
	return q, cols
}

// from is a tree of joins.
func (g *typedGenerator) from(depth int, outer []typedRel) (string, []typedRel) {
	text, rel := g.item(depth, outer)
	rels := []typedRel{rel}
	for g.chance(0.4) {
		more, rel := g.item(depth, append(slices.Clone(outer), rels...))
		kind := g.one("join", "join", "join", "left join", "left join", "right join", "full join")
		both := append(slices.Clone(rels), rel)
		switch {
		case g.chance(0.12) && len(rels) == 1:
			text += " natural " + kind + " " + more
		case g.chance(0.25):
			names := g.one("k", "k", "k", "k, i", "i")
			text += " " + kind + " " + more + " using (" + names + ")"
			if g.chance(0.2) && names != "i" {
				j := g.newAlias()
				text += " as " + j
				both = append(both, typedRel{name: j, cols: []typedCol{{name: "k", class: g.class}}})
			}
		case g.chance(0.1):
			text += ", " + more
		default:
			on := rels[g.r.IntN(len(rels))].name + ".k = " + rel.name + ".k"
			if g.chance(0.4) {
				on = g.condition(both, depth-1) + g.one("", " and "+on, " and "+on)
			}
			text += " " + kind + " " + more + " on " + on
		}
		rels = both
		if g.chance(0.2) && strings.HasSuffix(text, "using (k)") && len(rels) == 2 {
			name := g.newAlias()
			return "(" + text + ") as " + name, []typedRel{{name: name, cols: []typedCol{{name: "k", class: g.class}}}}
		}
	}
	return text, rels
}

// groups is a GROUP BY. Up to version 17 PostgreSQL itself is wrong about grouping sets of a column that USING merged.
func (g *typedGenerator) groups(from, k string) string {
	if strings.Contains(from, " using ") || strings.Contains(from, " natural ") {
		return g.one(k, k+"::text, "+k)
	}
	return g.one(k, k, k+"::text, "+k, "rollup ("+k+")", "grouping sets (("+k+"), ())")
}

func (g *typedGenerator) output(rels []typedRel, class int) string {
	c := g.column(rels, class)
	if c == "" {
		return "1"
	}
	return c
}

// query returns a SELECT; ordered says that its order is total.
func (g *typedGenerator) query() (sql string, ordered bool) {
	with := ""
	if g.chance(0.2) {
		q, cols := g.inner(1, nil)
		name := g.one("w", "bigs", "texts")
		with = "with " + name + " as " + g.one("", "materialized ", "not materialized ") + "(" + q + ") "
		g.ctes = append(g.ctes, typedRel{name: name, cols: cols})
	}
	if g.chance(0.12) {
		q, _ := g.inner(2, nil)
		switch g.class {
		case classNumber:
			return with + "select trim_scale(k::numeric)::text, i from (" + q + ") x", false
		case classText:
			return with + "select k::text, i from (" + q + ") x", false
		}
		return with + q, false
	}
	from, rels := g.from(2, nil)
	where := g.where(rels, nil, 2)
	exact := func() string { // of a type whose equal values print alike
		c := g.output(rels, g.class)
		switch g.class {
		case classNumber:
			return "trim_scale(" + c + "::numeric)::text"
		case classText:
			return c + "::text"
		}
		return c
	}
	switch g.r.IntN(6) {
	case 0:
		k, x := g.output(rels, g.class), g.output(rels, classNumber)
		agg := g.one("count(*)", "count("+x+")", "count(distinct "+k+")", "count(distinct "+x+")", "bool_or("+g.equality(rels)+")", "max(nullif("+x+"::numeric, 'NaN')::int8)",
			"count(*) filter (where "+g.condition(rels, 0)+")", "round(sum("+x+"::numeric), 3)")
		having := ""
		if g.chance(0.3) {
			having = " having " + g.one("count(*) > 0", "count(*) = 0", "min("+k+") is not null", "count(*) > 1 and "+g.constant(g.class)+" = min("+k+")")
		}
		if g.chance(0.3) {
			return with + "select " + agg + " from " + from + where + having, false
		}
		shown := k + "::text, "
		if g.class == classNumber {
			shown = "trim_scale(" + k + "::numeric)::text, "
		}
		return with + "select " + g.one("count(*), ", shown) + agg + " from " + from + where + " group by " +
			g.groups(from, k) + having, false
	case 1:
		return with + "select distinct " + exact() + ", " + exact() + " from " + from + where, false
	case 2:
		k := exact()
		return with + "select distinct on (" + k + ") " + k + " from " + from + where + " order by " + k, true
	case 3:
		k, x := g.output(rels, g.class), exact()
		return with + "select " + x + ", count(*) over (partition by " + k + "), " + g.one("rank() over w", "dense_rank() over w", "count(*) over (w groups between 1 preceding and current row)") +
			" from " + from + where + " window w as (" + g.one("", "partition by "+k+" ") + "order by " + g.output(rels, classNumber) + "::numeric)", false
	case 4:
		return with + "select " + exact() + " as x, " + exact() + " as y from " + from + where + " order by 1, 2" +
			g.one("", " limit 3", " limit null", " limit all", " fetch first 2 rows with ties", " offset 2", " limit 2 offset 100", " desc nulls last limit 2"), true
	}
	if strings.Contains(with+from, " intersect ") || strings.Contains(with+from, " except ") || strings.Contains(with+from, " union ") {
		return with + "select " + exact() + ", " + exact() + " from " + from + where, false
	}
	return with + "select " + g.one("", fmt.Sprintf("%s.*, ", pick(g.generator, rels).name)) + exact() + ", " + g.operand(rels, g.class, 1) + " from " + from + where, false
}

package composite

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Generator writes random statements over the tables with composite keys. Each has values of its own for the
// columns, so that tables agree mostly.
type Generator struct {
	r     *rand.Rand
	args  []any
	alias int

	own   map[Column]string // what the statement's values are, mostly
	far   float64           // how often a value is another one
	pin   float64           // how often a table gets a condition that may pin it
	lists float64           // how often that is a list of keys
	first Table             // the table that is like the handle's key; none without a handle
}

// New returns a generator for one statement. pin is how often a table gets a condition that may name its key.
func New(r *rand.Rand, pin float64) *Generator {
	return &Generator{r: r, own: map[Column]string{}, far: 0.06, pin: pin, lists: 0.1}
}

// Lists returns one for a statement whose conditions are mostly lists of keys.
func Lists(r *rand.Rand, pin float64) *Generator {
	g := New(r, pin)
	g.lists = 0.75
	return g
}

// Scoped returns one for a statement on a handle.
func Scoped(r *rand.Rand, pin float64, h Handle) *Generator {
	g := New(r, pin)
	g.far, g.first = 0.02, h.Table
	for i, v := range h.Parts {
		g.own[h.Table.Key[i]] = v
	}
	return g
}

// Select returns a SELECT and its arguments. Its result is determined; ordered says that the order of the rows is, too.
func (g *Generator) Select() (sql string, args []any, ordered bool) {
	sql, ordered = g.selectStatement()
	sql, args = g.numbered(sql)
	return sql, args, ordered
}

// Write returns a statement that writes, its arguments, and the table that it changes.
func (g *Generator) Write() (sql string, args []any, table string) {
	sql, table = g.writeStatement()
	sql, args = g.numbered(sql)
	return sql, args, table
}

var paramText = regexp.MustCompile(`\$[0-9]+`)

// numbered gives the parameters that the text uses the numbers from 1 without gaps.
func (g *Generator) numbered(sql string) (string, []any) {
	var args []any
	number := map[string]string{}
	sql = paramText.ReplaceAllStringFunc(sql, func(p string) string {
		if number[p] == "" {
			n, _ := strconv.Atoi(p[1:])
			args = append(args, g.args[n-1])
			number[p] = fmt.Sprintf("$%d", len(args))
		}
		return number[p]
	})
	return sql, args
}

func pick[T any](g *Generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *Generator) pick(of ...string) string { return pick(g, of) }

func (g *Generator) chance(p float64) bool { return g.r.Float64() < p }

// arg adds a parameter, or names one again.
func (g *Generator) arg(v any) string {
	if len(g.args) > 0 && g.chance(0.3) {
		return fmt.Sprintf("$%d", 1+g.r.IntN(len(g.args)))
	}
	return g.fresh(v)
}

func (g *Generator) fresh(v any) string {
	g.args = append(g.args, v)
	return fmt.Sprintf("$%d", len(g.args))
}

func (g *Generator) newAlias() string {
	g.alias++
	return fmt.Sprintf("%c%d", 'a'+g.r.IntN(6), g.alias)
}

// relation is what is visible under a name; key are the columns that hold the table's key, in the key's order.
type relation struct {
	name      string
	key, cols []Column
}

func (g *Generator) value(c Column) string {
	if g.own[c] == "" {
		g.own[c] = pick(g, domain[c.Kind])
	}
	if g.chance(g.far) {
		return pick(g, domain[c.Kind])
	}
	return g.own[c]
}

// constant writes a value for a column as SQL may.
func (g *Generator) constant(c Column) string {
	v := g.value(c)
	if g.chance(0.02) {
		return "null"
	}
	switch c.Kind {
	case "num":
		n := number(v)
		return g.pick(v, "'"+v+"'", g.fresh(n), g.fresh(n), g.arg(n), g.fresh(n)+"::bigint", g.fresh(int32(n))+"::int", g.fresh(int16(n))+"::smallint",
			v+"::int2", "'"+v+"'::bigint")
	case "text":
		return g.pick("'"+v+"'", g.fresh(v), g.fresh(v), g.fresh(v)+"::text", g.fresh(v)+"::varchar", "'"+v+"'::text", "e'"+v+"'")
	case "uuid":
		return g.pick("'"+v+"'", "'"+strings.ToUpper(v)+"'", g.fresh(v), g.fresh(v)+"::uuid", "'"+v+"'::uuid",
			g.fresh(keyPart("uuid", v).Value()))
	default:
		return g.pick("'"+v+"'", "'"+v+"'::bytea", g.fresh(keyPart("bytea", v).Value()), g.fresh(keyPart("bytea", v).Value())+"::bytea")
	}
}

// typed is a constant whose type is known without what it is compared with.
func (g *Generator) typed(c Column) string {
	v := g.value(c)
	switch c.Kind {
	case "num":
		return g.pick(v, g.fresh(number(v))+"::bigint")
	case "text":
		return g.pick("'"+v+"'::text", g.fresh(v)+"::text")
	default:
		return "'" + v + "'::" + c.Kind
	}
}

func (g *Generator) as(rel relation, c Column) string {
	if g.chance(0.02) {
		return c.Name
	}
	return rel.name + "." + c.Name
}

func (g *Generator) columns(rel relation, cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = g.as(rel, c)
	}
	return out
}

func (g *Generator) row(parts []string) string {
	if len(parts) == 1 { // ROW of one is not what one in parentheses is
		return parts[0]
	}
	return g.pick("(", "(", "row(") + strings.Join(parts, ", ") + ")"
}

func (g *Generator) and(conds []string) string {
	conds = slices.DeleteFunc(conds, func(c string) bool { return c == "" })
	if len(conds) == 0 {
		return "true"
	}
	g.r.Shuffle(len(conds), func(i, j int) { conds[i], conds[j] = conds[j], conds[i] })
	return strings.Join(conds, " and ")
}

// order is a permutation of the key's columns, at times without one of them, at times with another column.
func (g *Generator) order(rel relation) []Column {
	cols := slices.Clone(rel.key)
	g.r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
	if len(cols) > 1 && g.chance(0.08) {
		cols = cols[1:]
	}
	return cols
}

// pinned is a condition that looks as if it named one key of a relation, or a few.
func (g *Generator) pinned(rel relation) string {
	cols := g.order(rel)
	if len(cols) == 0 {
		return ""
	}
	names, values, typed := g.columns(rel, cols), make([]string, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		values[i], typed[i] = g.constant(c), g.typed(c)
	}
	if g.chance(g.lists) {
		return g.listed(rel, cols)
	}
	row, list, types := g.row(names), strings.Join(typed, ", "), g.row(values)
	switch g.r.IntN(20) {
	case 0, 1:
		return row + " = " + types
	case 2:
		return row + " in (" + types + ")"
	case 3:
		return row + " in (" + types + ", " + g.row(g.constants(cols)) + ")"
	case 4:
		return row + " in (select " + list + ")"
	case 5:
		return row + " in (values (" + list + "), (" + list + "))"
	case 6:
		return row + g.pick(" = any (select ", " in (select ", " = (select ", " not in (select ") + list + ")"
	case 7:
		return row + " in (select * from " + g.unnest(cols) + ")"
	case 8:
		return row + g.pick(" is not distinct from ", " >= ", " <> ") + types
	case 9:
		return "exists (select from (values (" + list + ")) z(" + letters(len(cols)) + ") where " + row + " = (" + letters(len(cols)) + "))"
	case 10:
		return "(" + row + " = " + types + " or " + g.single(rel) + ")"
	}
	var conds []string
	for i, c := range cols {
		switch g.r.IntN(14) {
		case 0:
			conds = append(conds, values[i]+" = "+names[i])
		case 1:
			conds = append(conds, names[i]+" in ("+values[i]+")")
		case 2:
			conds = append(conds, names[i]+" in ("+values[i]+", "+g.constant(c)+")")
		case 3:
			conds = append(conds, names[i]+" is not distinct from "+values[i])
		case 4:
			conds = append(conds, names[i]+" operator(pg_catalog.=) "+values[i])
		case 5:
			if c.Kind == "num" {
				conds = append(conds, names[i]+" = any("+g.fresh([]int64{number(g.value(c)), 2})+")")
			}
		default:
			conds = append(conds, names[i]+" = "+values[i])
		}
	}
	return g.and(conds)
}

func (g *Generator) constants(cols []Column) []string {
	values := make([]string, len(cols))
	for i, c := range cols {
		values[i] = g.constant(c)
	}
	return values
}

func letters(n int) string { return strings.Join([]string{"x", "y", "z"}[:n], ", ") }

// unnest is a list of keys by arrays of their columns.
func (g *Generator) unnest(cols []Column) string {
	var arrays []string
	for _, c := range cols {
		arrays = append(arrays, "array["+g.typed(c)+", "+g.typed(c)+"]")
	}
	return "unnest(" + strings.Join(arrays, ", ") + ")"
}

// single is any condition on one relation.
func (g *Generator) single(rel relation) string {
	c := pick(g, rel.cols)
	switch c.Kind {
	case "int":
		return g.as(rel, c) + g.pick(" > 1", " < 3", " is not null", " = 2")
	case "word":
		return g.as(rel, c) + g.pick(" <> 'b'", " is not null", " = 'a'")
	}
	return g.as(rel, c) + g.pick(" = ", " <> ", " >= ") + g.constant(c)
}

// linked is an equality of two relations' keys, by place or by name, or one that only looks like it.
func (g *Generator) linked(a, b relation) string {
	var left, right []Column
	byName := g.chance(0.3)
	for i, c := range a.key {
		at := i
		if byName {
			at = slices.IndexFunc(b.key, func(o Column) bool { return o.Name == c.Name })
		}
		if at < 0 || at >= len(b.key) || b.key[at].Kind != c.Kind || g.chance(0.04) {
			continue
		}
		left, right = append(left, c), append(right, b.key[at])
	}
	if len(left) == 0 {
		return ""
	}
	l, r := g.columns(a, left), g.columns(b, right)
	if g.chance(0.05) {
		r[0], r[len(r)-1] = r[len(r)-1], r[0]
	}
	if g.chance(0.25) {
		return g.row(l) + g.pick(" = ", " = ", " = ", " in (", " is not distinct from ") + g.row(r)
	}
	var conds []string
	for i := range l {
		if g.chance(0.4) {
			l[i], r[i] = r[i], l[i]
		}
		conds = append(conds, l[i]+g.pick(" = ", " = ", " = ", " = ", " = ", " = ", " = ", " = ", " is not distinct from ")+r[i])
	}
	return g.and(conds)
}

// closed gives linked's IN its parenthesis.
func closed(cond string) string {
	if strings.Contains(cond, " in (") && strings.Count(cond, "(") > strings.Count(cond, ")") {
		return cond + ")"
	}
	return cond
}

func (g *Generator) link(a, b relation) string { return closed(g.linked(a, b)) }

// like is a table, mostly one whose key has the types of another relation's.
func (g *Generator) like(rels []relation) Table {
	t := pick(g, Tables)
	if len(rels) == 0 && g.first.Name != "" && g.chance(0.9) {
		rels = []relation{{key: g.first.Key}}
	}
	if len(rels) == 0 || g.chance(0.15) {
		return t
	}
	for range 20 {
		if len(t.Key) == len(rels[0].key) && (len(t.Key) == 0 || t.Key[0].Kind == rels[0].key[0].Kind) || len(t.Key) == 0 && g.chance(0.2) {
			return t
		}
		t = pick(g, Tables)
	}
	return t
}

// item is one item of FROM.
func (g *Generator) item(depth int, seen []relation) (string, relation) {
	t := g.like(seen)
	rel := relation{name: g.newAlias(), key: t.Key, cols: t.Columns}
	switch {
	case g.chance(0.1): // the columns under each other's names
		n := 2 + g.r.IntN(2)
		names := make([]string, n)
		rel.cols = slices.Clone(t.Columns)
		rel.key = slices.Clone(t.Key)
		for i := range n {
			names[i] = t.Columns[(i+1)%n].Name
			rel.cols[i].Name = names[i]
			if at := slices.Index(t.Key, t.Columns[i]); at >= 0 {
				rel.key[at].Name = names[i]
			}
		}
		return t.Name + " as " + rel.name + "(" + strings.Join(names, ", ") + ")", rel
	case t.Key != nil && g.chance(0.15*g.lists):
		return g.listItem(t, rel.name)
	case depth > 0 && g.chance(0.2):
		return g.derived(depth-1, t, rel.name)
	}
	return g.pick("", "", "only ") + t.Name + " " + rel.name, rel
}

// derived is a query in FROM over a table, through which its key may be seen.
func (g *Generator) derived(depth int, t Table, name string) (string, relation) {
	in := relation{name: g.newAlias(), key: t.Key, cols: t.Columns}
	out := relation{name: name, cols: slices.Clone(t.Columns)}
	swap := len(t.Key) > 1 && t.Key[0].Kind == t.Key[1].Kind && g.chance(0.3)
	var outs []string
	for i, c := range t.Columns {
		name := c.Name
		switch {
		case swap && c.Name == t.Key[0].Name:
			name = t.Key[1].Name
		case swap && c.Name == t.Key[1].Name:
			name = t.Key[0].Name
		case g.chance(0.05):
			name = fmt.Sprintf("c%d", i)
		}
		out.cols[i].Name = name
		outs = append(outs, in.name+"."+c.Name+" as "+name)
	}
	for _, k := range t.Key {
		at := slices.Index(t.Columns, k)
		out.key = append(out.key, out.cols[at])
	}
	q := t.Name + " " + in.name
	where := ""
	if g.chance(g.pin) {
		where = " where " + g.condition(depth, in)
	}
	all := strings.Join(outs, ", ")
	switch g.r.IntN(8) {
	case 0:
		q = "select distinct " + all + " from " + q + where
	case 1:
		q = "select " + all + " from " + q + where + " order by " + places(len(outs)) + " limit 3"
	case 2:
		by := strings.Join(g.columns(in, t.Columns), ", ")
		q = "select " + all + " from " + q + where + " group by " + by
	case 3:
		if len(t.Key) > 0 {
			by := strings.Join(g.columns(in, g.order(in)), ", ")
			q = "select " + all + " from (select *, count(*) over (partition by " + by + ") as n from " + q + where + ") " + in.name + " where n < 3"
			break
		}
		fallthrough
	default:
		q = "select " + all + " from " + q + where
	}
	return "(" + q + ") " + name, out
}

func places(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i+1))
	}
	return strings.Join(all, ", ")
}

// condition pins a relation, or not.
func (g *Generator) condition(depth int, rel relation) string {
	var conds []string
	if g.chance(0.9) {
		conds = append(conds, g.pinned(rel))
	}
	if g.chance(0.2) {
		conds = append(conds, g.single(rel))
	}
	if depth > 0 && g.chance(0.25) {
		conds = append(conds, g.subquery(depth-1, rel))
	}
	return g.and(conds)
}

// subquery is a condition with a query that may be tied to a row of rel.
func (g *Generator) subquery(depth int, rel relation) string {
	text, in := g.item(0, []relation{rel})
	var conds []string
	if g.chance(0.5) {
		conds = append(conds, g.single(in))
	}
	if g.chance(0.2) {
		conds = append(conds, g.pinned(in))
	}
	cols := g.order(rel)
	if g.chance(0.5) && len(cols) > 0 && len(in.key) == len(rel.key) {
		var outs []string
		for _, c := range cols {
			outs = append(outs, g.as(in, in.key[slices.Index(rel.key, c)]))
		}
		tail := g.pick("", "", "", " group by "+strings.Join(outs, ", ")+" having count(*) > 1")
		return g.row(g.columns(rel, cols)) + g.pick(" in (", " in (", " = any (", " not in (") + "select " + strings.Join(outs, ", ") + " from " + text +
			" where " + g.and(conds) + tail + ")"
	}
	conds = append(conds, g.link(rel, in))
	return g.pick("exists (select from ", "exists (select from ", "not exists (select from ", "2 > (select count(*) from ") + text + " where " + g.and(conds) + ")"
}

// from is a FROM of one to three items.
func (g *Generator) from(depth int) (string, []relation) {
	text, rel := g.item(depth, nil)
	rels := []relation{rel}
	for g.chance(0.4) && len(rels) < 3 {
		more, r := g.item(depth, rels)
		kind := g.pick(" join ", " join ", " left join ", " left join ", " right join ", " full join ")
		var conds []string
		if on := g.apart(rels, r); len(rels) > 1 && on != "true" && g.chance(0.15) {
			conds = append(conds, on)
		} else {
			conds = append(conds, g.link(pick(g, rels), r))
		}
		if g.chance(0.15) {
			conds = append(conds, g.pinned(pick(g, append(rels, r))))
		}
		if g.chance(0.15) {
			conds = append(conds, g.single(r))
		}
		on := " on " + g.and(conds)
		if shared := sharedColumns(rels, r); len(shared) > 0 && len(rels) == 1 && g.chance(0.15) {
			on = " using (" + strings.Join(shared, ", ") + ")"
		}
		text, rels = text+kind+more+on, append(rels, r)
	}
	return text, rels
}

func sharedColumns(rels []relation, r relation) (names []string) {
	for _, k := range rels[0].key {
		if slices.Contains(r.key, k) {
			names = append(names, k.Name)
		}
	}
	return names
}

func (g *Generator) where(depth int, rels []relation) string {
	var conds []string
	for i, rel := range rels {
		switch {
		case g.chance(g.pin):
			conds = append(conds, g.pinned(rel))
		case i > 0 && g.chance(0.3):
			conds = append(conds, g.link(rels[0], rel))
		}
		if depth > 0 && g.chance(0.2) {
			conds = append(conds, g.subquery(depth-1, rel))
		}
		if g.chance(0.2) {
			conds = append(conds, g.single(rel))
		}
	}
	if all := g.and(conds); all != "true" {
		return " where " + all
	}
	return ""
}

// number is a column of numbers that is in no key.
func (g *Generator) number(rels []relation) string {
	for range 20 {
		rel := pick(g, rels)
		if c := pick(g, rel.cols); c.Kind == "int" {
			return rel.name + "." + c.Name
		}
	}
	return "1"
}

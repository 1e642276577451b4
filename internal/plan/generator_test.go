package plan_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// generator writes random statements over the differential schema. It means to be nasty: names that bind to the
// innermost table, column aliases that move the key, conditions that look like pins and are none, keys that contradict
// each other, parameters that are used under several types. Every result is determined: LIMIT and DISTINCT ON come with
// an ORDER BY over all outputs, sums are of integers.
type generator struct {
	t     *testing.T
	r     *rand.Rand
	args  []any
	alias int

	tenant int64
	handle int64 // the tenant of the handle; 0 for none
	ctes   []relationText
	pin    float64 // how often a table gets a real pin
}

// numbered gives the parameters that the text uses the numbers from 1 without gaps.
func (g *generator) numbered(sql string) (string, []any) {
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

var paramText = regexp.MustCompile(`\$[0-9]+`)

// columnText is a column as text may name it.
type columnText struct {
	name string
	text bool // else an integer
	key  bool
}

// relationText is a table, derived table or CTE that is visible under a name.
type relationText struct {
	name string
	cols []columnText
	keys int // 1 for tenant tables, 0 without a key
}

var diffTables = []relationText{
	{name: "orders", keys: 1, cols: ints("tenant_id*", "id", "plan_id", "total").and("state", "note")},
	{name: "items", keys: 1, cols: ints("order_id", "tenant_id*", "qty").and("sku")},
	{name: "users", keys: 1, cols: ints("id", "tenant_id*").and("name")},
	{name: "adopted", keys: 1, cols: ints("tenant_id*", "n")},
	{name: "docs", keys: 2, cols: texts("org*").and("body").andInts("id")},
	{name: "plans", cols: ints("id", "tenant_id").and("name")},
}

var homeTable = relationText{name: "jobs", cols: ints("id", "tenant_id").and("state")}

type columnTexts []columnText

func ints(names ...string) columnTexts  { return columnTexts{}.andInts(names...) }
func texts(names ...string) columnTexts { return columnTexts{}.and(names...) }

func (c columnTexts) andInts(names ...string) columnTexts {
	for _, n := range names {
		c = append(c, columnText{name: strings.TrimSuffix(n, "*"), key: strings.HasSuffix(n, "*")})
	}
	return c
}

func (c columnTexts) and(names ...string) columnTexts {
	from := len(c)
	c = c.andInts(names...)
	for i := range c[from:] {
		c[from+i].text = true
	}
	return c
}

// The keys: few enough to meet, and two that are one as floats.
var (
	intKeys  = []int64{1, 2, 3, 4, 5, 6, 7, 9007199254740992, 9007199254740993}
	textKeys = []string{"acme", "bolt", "core", "dyna", "Acme", "acme "}
)

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) chance(p float64) bool { return g.r.Float64() < p }

// arg adds a parameter, or names one again.
func (g *generator) arg(v any) string {
	if len(g.args) > 0 && g.chance(0.3) {
		return fmt.Sprintf("$%d", 1+g.r.IntN(len(g.args)))
	}
	return g.fresh(v)
}

func (g *generator) fresh(v any) string {
	g.args = append(g.args, v)
	return fmt.Sprintf("$%d", len(g.args))
}

// intKey is mostly the statement's own tenant, so that tables agree, and at times another.
func (g *generator) intKey() int64 {
	if g.tenant == 0 {
		g.tenant = pick(g, intKeys)
	}
	if g.chance(0.88) {
		return g.tenant
	}
	return pick(g, intKeys)
}

// keyValue is a constant that a key of the kind may be compared with.
func (g *generator) keyValue(text bool) string {
	if text {
		k := pick(g, textKeys)
		switch g.r.IntN(4) {
		case 0:
			return "'" + k + "'"
		case 1:
			return g.fresh(k) + "::text"
		default:
			return g.fresh(k)
		}
	}
	k := g.intKey()
	switch g.r.IntN(12) {
	case 0:
		return fmt.Sprint(k)
	case 1:
		return fmt.Sprintf("'%d'", k)
	case 2:
		return g.fresh(k) + "::bigint"
	case 3:
		return fmt.Sprintf("'%d'::int8", k)
	case 4:
		return fmt.Sprintf("(%s)", g.fresh(k))
	case 5:
		return "null"
	default:
		return g.arg(k)
	}
}

func (g *generator) newAlias() string {
	g.alias++
	return fmt.Sprintf("%c%d", 'a'+g.r.IntN(6), g.alias)
}

// any column of the visible relations, of the type asked for.
func (g *generator) column(rels []relationText, text bool) string {
	for range 20 {
		rel := pick(g, rels)
		c := pick(g, rel.cols)
		if c.text != text {
			continue
		}
		if g.chance(0.02) || len(rels) == 1 && g.chance(0.4) {
			return c.name // may be ambiguous, or bind elsewhere
		}
		return rel.name + "." + c.name
	}
	if text {
		return "'x'"
	}
	return "1"
}

// keyOf names the key of a relation, qualified or not; "" when it has none.
func (g *generator) keyOf(rel relationText) (string, bool) {
	for _, c := range rel.cols {
		if c.key {
			if g.chance(0.03) {
				return c.name, c.text
			}
			return rel.name + "." + c.name, c.text
		}
	}
	return "", false
}

// table returns a table's text in FROM and what it is called.
func (g *generator) table() (string, relationText) {
	t := pick(g, diffTables)
	if g.chance(0.6) {
		t = diffTables[g.r.IntN(4)]
	}
	if g.chance(0.03) {
		t = homeTable
	}
	text := t.name
	switch g.r.IntN(12) {
	case 0:
		text = "app." + t.name
	case 1:
		text = "only " + t.name
	}
	rel := relationText{name: t.name, cols: t.cols, keys: t.keys}
	switch {
	case g.chance(0.1): // the key moves under another name
		rel.name = g.newAlias()
		rel.cols = append([]columnText(nil), t.cols...)
		n := min(2+g.r.IntN(2), len(t.cols))
		names := make([]string, n)
		for i := range n {
			names[i] = t.cols[(i+1)%n].name
			rel.cols[i].name = names[i]
		}
		text += " as " + rel.name + "(" + strings.Join(names, ", ") + ")"
	case g.chance(0.97):
		rel.name = g.newAlias()
		text += " " + rel.name
	}
	return text, rel
}

// item returns one item of FROM.
func (g *generator) item(depth int, outer, left []relationText) (string, []relationText) {
	switch {
	case depth > 0 && g.chance(0.18):
		lateral, sees := "", outer
		if g.chance(0.3) {
			lateral, sees = "lateral ", append(append([]relationText(nil), outer...), left...)
		}
		pin := g.pin
		if g.chance(0.6) {
			g.pin = 0.05 // then only a condition outside can pin it, where it may
		}
		q, cols := g.query(depth-1, sees)
		g.pin = pin
		rel := relationText{name: g.newAlias(), cols: cols}
		text := lateral + "(" + q + ") " + rel.name
		if g.chance(0.2) {
			rel.cols = append([]columnText(nil), cols...)
			names := make([]string, len(cols))
			for i := range cols {
				names[i] = fmt.Sprintf("c%d", i)
				if i == 0 && cols[i].key && g.chance(0.5) {
					names[i] = "tenant_id"
				}
				rel.cols[i].name = names[i]
			}
			text += "(" + strings.Join(names, ", ") + ")"
		}
		return text, []relationText{rel}
	case len(g.ctes) > 0 && g.chance(0.3):
		c := pick(g, g.ctes)
		rel := relationText{name: g.newAlias(), cols: c.cols}
		return c.name + " as " + rel.name, []relationText{rel}
	case g.chance(0.05):
		rel := relationText{name: g.newAlias(), cols: ints("id")}
		return "generate_series(1, 2) as " + rel.name + "(id)", []relationText{rel}
	}
	if g.chance(0.06) {
		text, rel := g.constants()
		return text, []relationText{rel}
	}
	text, rel := g.table()
	if g.chance(0.03) { // all rows or none, so that the sample is determined
		text += pick(g, []string{" tablesample bernoulli (100)", " tablesample system (100)", " tablesample pg_catalog.bernoulli (0)"})
	}
	return text, []relationText{rel}
}

// aliased puts a join in parentheses under a name, which hides the names in it.
func (g *generator) aliased(text string, rels []relationText) (string, []relationText) {
	rel := relationText{name: g.newAlias()}
	seen := map[string]int{}
	for _, in := range rels {
		for _, c := range in.cols {
			seen[c.name]++
		}
	}
	var names []string
	for i, in := range rels {
		for _, c := range in.cols {
			if seen[c.name] == 1 {
				rel.cols = append(rel.cols, c)
			} else if g.chance(0.3) && i == 0 {
				names = append(names, "x"+fmt.Sprint(len(names)))
				rel.cols = append(rel.cols, columnText{name: names[len(names)-1], text: c.text, key: c.key})
			}
		}
	}
	if len(rel.cols) == 0 {
		return text, rels
	}
	if len(names) > 0 { // the first columns under other names: the key moves
		rel.cols = nil
		names = nil
		for i, c := range rels[0].cols {
			names = append(names, fmt.Sprintf("x%d", i))
			rel.cols = append(rel.cols, columnText{name: names[i], text: c.text, key: c.key})
		}
		return "(" + text + ") as " + rel.name + "(" + strings.Join(names, ", ") + ")", []relationText{rel}
	}
	return "(" + text + ") as " + rel.name, []relationText{rel}
}

// join returns a tree of joins.
func (g *generator) join(depth int, outer, left []relationText) (string, []relationText) {
	text, rels := g.item(depth, outer, left)
	for g.chance(0.33) {
		var rtext string
		var rrels []relationText
		if g.chance(0.15) && depth > 0 {
			rtext, rrels = g.join(depth-1, outer, append(append([]relationText(nil), left...), rels...))
			if !strings.Contains(rtext, " join ") {
				continue
			}
			rtext = "(" + rtext + ")"
		} else {
			rtext, rrels = g.item(depth, outer, append(append([]relationText(nil), left...), rels...))
		}
		both := append(append([]relationText(nil), rels...), rrels...)
		kind := pick(g, []string{"join", "join", "join", "left join", "left join", "right join", "full join"})
		switch {
		case g.chance(0.07):
			text = text + " cross join " + rtext
		case g.chance(0.05):
			text = text + " natural " + kind + " " + rtext
		case g.chance(0.1):
			text = text + " " + kind + " " + rtext + " using (tenant_id)"
		default:
			text = text + " " + kind + " " + rtext + " on " + g.onCondition(depth, rels, rrels, outer)
		}
		rels = both
		if g.chance(0.12) && !strings.Contains(text, " using ") && !strings.Contains(text, "natural") {
			text, rels = g.aliased(text, rels)
		}
	}
	return text, rels
}

func (g *generator) onCondition(depth int, l, r, outer []relationText) string {
	both := append(append([]relationText(nil), l...), r...)
	var conds []string
	lk, lt := g.keyOf(pick(g, l))
	rk, rt := g.keyOf(pick(g, r))
	if lk != "" && rk != "" && lt == rt && g.chance(0.85) {
		if g.chance(0.5) {
			lk, rk = rk, lk
		}
		conds = append(conds, lk+" = "+rk)
	}
	if g.chance(0.4) || len(conds) == 0 {
		conds = append(conds, g.condition(depth, both, outer))
	}
	if g.chance(0.15) {
		conds = append(conds, g.pinOf(pick(g, both)))
	}
	g.r.Shuffle(len(conds), func(i, j int) { conds[i], conds[j] = conds[j], conds[i] })
	return strings.Join(conds, " and ")
}

// pinOf is a condition that pins a relation, as far as its place allows.
func (g *generator) pinOf(rel relationText) string {
	k, text := g.keyOf(rel)
	if k == "" {
		return "true"
	}
	if g.chance(0.15) {
		return g.listed(k, text)
	}
	switch g.r.IntN(16) {
	case 14:
		return k + " is not distinct from " + g.keyValue(text)
	case 15:
		return g.keyValue(text) + " is not distinct from " + k
	case 12: // what looks like a pin: two keys are one as floats, and "acme" and "acme " as char(n)
		if text {
			return k + "::char(9) = " + g.keyValue(text)
		}
		return k + "::float8 = " + g.keyValue(text)
	case 13:
		if text {
			return k + " = " + g.fresh(pick(g, textKeys)) + "::bpchar"
		}
		return pick(g, []string{k + " = " + g.fresh(g.intKey()) + "::float8", k + " not in (" + g.fresh(g.intKey()) + ")",
			k + " <> all (" + g.fresh([]int64{g.intKey()}) + ")", k + " >= all (" + g.fresh([]int64{g.intKey()}) + ")"})
	case 0:
		return g.keyValue(text) + " = " + k
	case 1:
		return k + " in (" + g.keyValue(text) + ")"
	case 2:
		return "(" + k + ", 1) = (" + g.keyValue(text) + ", 1)"
	case 3:
		return k + " operator(pg_catalog.=) " + g.keyValue(text)
	case 4:
		if g.chance(0.5) {
			return k + " in (" + g.keyValue(text) + ", " + g.keyValue(text) + ")"
		}
		if text {
			return k + " = any(" + g.fresh([]string{pick(g, textKeys), pick(g, textKeys)}) + ")"
		}
		return k + " = any(" + g.fresh([]int64{g.intKey(), g.intKey()}) + ")"
	default:
		return k + " = " + g.keyValue(text)
	}
}

// listed is a list of keys by other means than one array parameter.
func (g *generator) listed(k string, text bool) string {
	array := "array[" + fmt.Sprint(g.intKey()) + ", " + g.fresh(g.intKey()) + "::bigint, null]"
	switch {
	case text && g.chance(0.5):
		array = "array['" + pick(g, textKeys) + "', '" + pick(g, textKeys) + "']"
	case text:
		array = g.fresh([]*string{&pick(g, [][]string{textKeys})[0], nil, &pick(g, [][]string{textKeys})[1]}) + "::text[]"
	case g.chance(0.6):
		same := g.intKey()
		array = pick(g, []string{g.fresh([]int64{same, g.intKey(), same}), g.fresh([]*int64{&same, nil, &same}), g.fresh([]any{same, nil, g.intKey()})}) + "::bigint[]"
	}
	return pick(g, []string{
		k + " = any(" + array + ")", k + " in (select unnest(" + array + "))", k + " = any (select * from unnest(" + array + "))",
		k + " in (select u.x from unnest(" + array + ") as u(x) where u.x is not null)", k + " not in (select unnest(" + array + "))",
		"(" + k + ", 1) in ((" + g.keyValue(text) + ", 1), (" + g.keyValue(text) + ", '1'))",
		"(" + k + ", 1) in (select x, n from unnest(" + array + ") with ordinality as u(x, n))",
	})
}

// condition is anything that is true or false.
func (g *generator) condition(depth int, rels, outer []relationText) string {
	all := append(append([]relationText(nil), rels...), outer...)
	switch g.r.IntN(22) {
	case 0:
		return "(" + g.condition(depth, rels, outer) + " or " + g.condition(depth, rels, outer) + ")"
	case 1:
		return "not (" + g.condition(depth, rels, outer) + ")"
	case 2:
		return g.column(rels, false) + " is not null"
	case 3:
		return g.column(rels, true) + " <> 'b'"
	case 4, 5:
		if depth > 0 {
			q, _ := g.query(depth-1, all)
			return pick(g, []string{"exists (", "not exists ("}) + q + ")"
		}
	case 6:
		if depth > 0 {
			q, _ := g.oneColumn(depth-1, all)
			return g.column(rels, false) + pick(g, []string{" in (", " not in (", " = any (", " <> all ("}) + q + ")"
		}
	case 7:
		if depth > 0 {
			q, _ := g.oneColumn(depth-1, all)
			return g.column(rels, false) + " >= (select coalesce(min(v), 0) from (" + q + ") z(v))"
		}
	case 8:
		return g.pinOf(pick(g, rels))
	case 9:
		return "(" + g.pinOf(pick(g, rels)) + " or " + g.pinOf(pick(g, rels)) + ")"
	case 10:
		if k, text := g.keyOf(pick(g, rels)); k != "" && !text {
			return g.filled(pick(g, []string{k + "::float8 = %s", k + "::int2 = %s", k + " <> %s", k + " is not distinct from %s", k + " <= %s",
				k + " + 0 = %s", "coalesce(" + k + ", 1) = %s", k + " between %s and 3"}))
		}
	case 11:
		return "(" + g.column(rels, false) + ", " + g.column(rels, false) + ") = (" + g.column(rels, false) + ", " + g.column(all, false) + ")"
	case 12:
		return "sqrt(" + g.arg(g.intKey()) + ") > 1"
	case 13: // no equality: NULLs that an outer join makes are not distinct
		a, at := g.keyOf(pick(g, rels))
		b, bt := g.keyOf(pick(g, all))
		if a != "" && b != "" && at == bt {
			return a + " is not distinct from " + b
		}
	case 14:
		if pgtest.Major(g.t) >= 17 {
			return "json_value(json_object('a': " + g.column(all, false) + " returning jsonb), '$.a' returning int) > " + fmt.Sprint(g.r.IntN(3))
		}
	case 15:
		if depth > 0 && pgtest.Major(g.t) >= 16 {
			q, _ := g.oneColumn(depth-1, all)
			return "json_array(" + q + ")::text <> '[1]'"
		}
	}
	return g.column(rels, false) + pick(g, []string{" = ", " < ", " <> "}) + pick(g, []string{g.column(all, false), fmt.Sprint(g.r.IntN(4)), g.arg(g.intKey())})
}

func (g *generator) filled(text string) string {
	return strings.ReplaceAll(text, "%s", g.keyValue(false))
}

// isTable reports whether a relation is a table under its own or another name, rather than a query.
func isTable(rel relationText) bool { return rel.keys > 0 }

// where joins pins and other conditions by AND.
func (g *generator) where(depth int, rels, outer []relationText) string {
	var conds []string
	for i, rel := range rels {
		switch {
		case i > 0 && g.chance(0.4):
			a, at := g.keyOf(rels[g.r.IntN(i)])
			b, bt := g.keyOf(rel)
			if a != "" && b != "" && at == bt {
				conds = append(conds, a+" = "+b)
				continue
			}
			fallthrough
		case g.chance(g.pin) || g.chance(0.5) && !isTable(rel):
			if p := g.pinOf(rel); p != "true" {
				conds = append(conds, p)
			}
		case len(outer) > 0 && g.chance(0.6):
			a, at := g.keyOf(pick(g, outer))
			b, bt := g.keyOf(rel)
			if a != "" && b != "" && at == bt {
				if g.chance(0.25) { // without its table the outer key's name is the inner one's
					a = a[strings.LastIndexByte(a, '.')+1:]
				}
				conds = append(conds, a+" = "+b)
			}
		}
	}
	for g.chance(0.35) {
		conds = append(conds, g.condition(depth, rels, outer))
	}
	if len(conds) == 0 {
		return ""
	}
	g.r.Shuffle(len(conds), func(i, j int) { conds[i], conds[j] = conds[j], conds[i] })
	return " where " + strings.Join(conds, " and ")
}

// from returns a FROM clause.
func (g *generator) from(depth int, outer []relationText) (string, []relationText) {
	text, rels := g.join(depth, outer, nil)
	for g.chance(0.15) {
		more, rs := g.join(depth, outer, rels)
		text, rels = text+", "+more, append(rels, rs...)
	}
	return text, rels
}

func (g *generator) oneColumn(depth int, outer []relationText) (string, columnText) {
	from, rels := g.from(depth, outer)
	c := g.column(rels, false)
	return "select " + c + " from " + from + g.where(depth, rels, outer), columnText{}
}

// query returns a SELECT and its output columns.
func (g *generator) query(depth int, outer []relationText) (string, []columnText) {
	if depth > 0 && g.chance(0.08) {
		return g.setOperation(depth, outer)
	}
	from, rels := g.from(depth, outer)
	where := g.where(depth, rels, outer)
	var outs []string
	var cols []columnText
	add := func(expr, name string, text, key bool) {
		if name != "" {
			expr += " as " + name
		}
		outs = append(outs, expr)
		cols = append(cols, columnText{name: name, text: text, key: key})
	}
	groupBy, distinct, rollup := "", "", false
	all := append(append([]relationText(nil), rels...), outer...)
	switch {
	case g.chance(0.2): // grouped
		var groups []string
		for _, rel := range rels {
			if k, text := g.keyOf(rel); k != "" && g.chance(0.7) {
				groups = append(groups, k)
				add(k, fmt.Sprintf("k%d", len(outs)), text, true)
			}
		}
		if g.chance(0.4) {
			c := g.column(rels, false)
			if strings.Contains(c, ".") {
				groups = append(groups, c)
				add(c, fmt.Sprintf("g%d", len(outs)), false, false)
			}
		}
		add("count(*)", fmt.Sprintf("n%d", len(outs)), false, false)
		add("sum("+g.column(rels, false)+")", fmt.Sprintf("s%d", len(outs)), false, false)
		if len(groups) > 0 {
			groupBy = " group by " + strings.Join(groups, ", ")
			if g.chance(0.15) {
				rollup = true
				groupBy = " group by rollup (" + strings.Join(groups, ", ") + ")"
			}
		}
		if g.chance(0.2) {
			groupBy += " having count(*) < 9"
		}
	default:
		for _, rel := range rels {
			if k, text := g.keyOf(rel); k != "" && g.chance(0.6) {
				name := fmt.Sprintf("k%d", len(outs))
				if len(outs) == 0 && g.chance(0.3) {
					name = "tenant_id"
				}
				add(k, name, text, true)
			}
		}
		for range 1 + g.r.IntN(3) {
			text := g.chance(0.3)
			add(g.column(all, text), fmt.Sprintf("v%d", len(outs)), text, false)
		}
		if g.chance(0.08) {
			p := g.column(rels, false)
			if k, _ := g.keyOf(pick(g, rels)); k != "" && g.chance(0.5) {
				p = k
			}
			add("count(*) over (partition by "+p+")", fmt.Sprintf("w%d", len(outs)), false, false)
		}
		if depth > 0 && g.chance(0.15) {
			q, _ := g.oneColumn(depth-1, all)
			add("(select count(*) from ("+q+") z)", fmt.Sprintf("q%d", len(outs)), false, false)
		}
		if g.chance(0.03) {
			add("sqrt("+g.arg(g.intKey())+")::int", fmt.Sprintf("r%d", len(outs)), false, false)
		}
	}
	every := make([]string, len(outs))
	for i := range outs {
		every[i] = fmt.Sprint(i + 1)
	}
	// Not with ROLLUP: up to version 17 PostgreSQL takes a key that WHERE fixes for constant in ORDER BY and DISTINCT too,
	// although ROLLUP makes it NULL, and cuts whatever rows come first.
	tail, dice := "", g.r.IntN(10)
	if rollup {
		dice = 9
	}
	switch dice {
	case 0:
		distinct = "distinct "
	case 1:
		distinct, tail = "distinct on ("+every[0]+") ", " order by "+strings.Join(every, ", ")
	case 2, 3:
		tail = " order by " + strings.Join(every, ", ") + fmt.Sprintf(" limit %d", 1+g.r.IntN(3))
		if g.chance(0.3) {
			tail += " offset 1"
		}
	}
	return "select " + distinct + strings.Join(outs, ", ") + " from " + from + where + groupBy + tail, cols
}

func (g *generator) setOperation(depth int, outer []relationText) (string, []columnText) {
	arm := func() string {
		from, rels := g.from(0, outer)
		return "select " + g.column(rels, false) + " as tenant_id, " + g.column(rels, true) + " as v from " + from + g.where(depth-1, rels, outer)
	}
	op := pick(g, []string{" union ", " union all ", " except ", " intersect ", " except all "})
	return arm() + op + arm(), columnTexts{{name: "tenant_id"}, {name: "v", text: true}}
}

// selectStatement returns a whole SELECT.
func (g *generator) selectStatement() string {
	with := ""
	if g.chance(0.12) {
		var r relationText
		with, r = g.recursion()
		g.ctes = append(g.ctes, r, r)
	} else if g.chance(0.2) {
		q, cols := g.query(1, nil)
		name := pick(g, []string{"w", "orders", "recent"})
		with = "with " + name + " as (" + q + ") "
		g.ctes = append(g.ctes, relationText{name: name, cols: cols})
	}
	if g.chance(0.08) {
		text, rel := g.table()
		return with + "select * from " + text + g.where(1, []relationText{rel}, nil)
	}
	if g.chance(0.12) {
		return with + g.filteredOutside()
	}
	if g.chance(0.05) {
		text, rel := g.table()
		return with + "select " + rel.name + " from " + text + g.where(1, []relationText{rel}, nil) + pick(g, []string{"", " for update"})
	}
	q, _ := g.query(2, nil)
	return with + q
}

// filteredOutside is a query over an unpinned table in FROM, with a condition on its key outside: right only where
// filtering before is the same.
func (g *generator) filteredOutside() string {
	pin := g.pin
	g.pin = 0
	text, rel := g.table()
	var q string
	cols := rel.cols
	if g.chance(0.5) {
		q = "select * from " + text
		q += pick(g, []string{"", " order by tenant_id desc, 1, 2 limit 3", " where tenant_id > 1", " order by tenant_id, 1, 2 offset 3"})
		if c := pick(g, rel.cols); g.chance(0.3) {
			q = fmt.Sprintf("select distinct on (%[1]s) * from %[2]s order by %[1]s, %[3]s::text", c.name, text, rel.name)
		}
	} else {
		q, cols = g.query(0, nil)
	}
	g.pin = pin
	outside := relationText{name: g.newAlias(), cols: cols}
	if g.chance(0.2) { // read twice: a condition on one says nothing of the other
		other := g.newAlias()
		return "with c as (" + q + ") select " + outside.name + ".*, (select count(*) from c) from c " + outside.name +
			pick(g, []string{"", ", c " + other, " left join c " + other + " on true"}) + " where " + g.pinOf(outside)
	}
	return "select * from (" + q + ") " + outside.name + " where " + g.pinOf(outside)
}

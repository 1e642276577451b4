package differential

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// scatterGenerator makes reads over all tenants whose result is determined: what is equal prints the same, and a LIMIT
// comes with a total order.
type scatterGenerator struct {
	r    *rand.Rand
	args []any
	pin  func() string // a condition on f that every statement has; nil for none
}

func (g *scatterGenerator) chance(p float64) bool { return g.r.Float64() < p }

func (g *scatterGenerator) pick(of ...string) string { return of[g.r.IntN(len(of))] }

// arg returns a mark for an argument; only those that get into the text are sent.
func (g *scatterGenerator) arg(v any) string {
	g.args = append(g.args, v)
	return fmt.Sprintf("⟦%d⟧", len(g.args)-1)
}

var argMark = regexp.MustCompile(`⟦(\d+)⟧`)

func (g *scatterGenerator) statement() (sql string, args []any, ordered bool) {
	g.args = nil
	switch {
	case g.chance(0.15):
		sql, ordered = g.nested()
	case g.chance(0.45):
		sql, ordered = g.grouped()
	case g.chance(0.12) && g.pin == nil:
		sql, ordered = g.union()
	default:
		sql, ordered = g.plain()
	}
	sql = argMark.ReplaceAllStringFunc(sql, func(m string) string {
		i, _ := strconv.Atoi(strings.Trim(m, "⟦⟧"))
		args = append(args, g.args[i])
		return "$" + strconv.Itoa(len(args))
	})
	return sql, args, ordered
}

func (g *scatterGenerator) from() string {
	return g.pick("facts f", "facts f", "facts f", "facts f", "facts f left join plans p on p.id = f.i", "facts f join orders o on o.tenant_id = f.tenant_id",
		"facts f left join orders o on o.tenant_id = f.tenant_id and o.id = f.id", "(select * from facts where id < 4) f",
		"facts f, lateral (select count(*) as c from orders o where o.tenant_id = f.tenant_id) l")
}

func (g *scatterGenerator) where() string {
	var conds []string
	if g.chance(0.5) {
		conds = append(conds, g.condition())
		if g.chance(0.3) {
			conds = append(conds, g.condition())
		}
	}
	others := strings.Join(conds, g.pick(" and ", " or "))
	switch {
	case g.pin != nil && others != "":
		return " where " + g.pin() + " and (" + others + ")"
	case g.pin != nil:
		return " where " + g.pin()
	case others != "":
		return " where " + others
	}
	return ""
}

func (g *scatterGenerator) condition() string {
	return g.pick("f.i > "+g.arg(1), "f.ok", "not f.ok", "f.g is null", "f.g > 'a'", "f.id < "+g.arg(int64(3)), "f.n > 10", "f.md = 'ok'", "false",
		"f.at < now()", "f.tags @> '{a}'", "f.h in ('a', 'B')", "f.u is not null", "f.d between '2026-01-02' and '2026-01-04'",
		"exists (select 1 from orders x where x.tenant_id = f.tenant_id)",
		"(f.tenant_id, f.id) in (select tenant_id, id from orders)", "f.tenant_id = any (select tenant_id from orders group by 1 having count(*) > 1)",
		"f.id not in (select id from orders x where x.tenant_id = f.tenant_id)", "f.tenant_id > "+g.arg(int64(10)),
		"f.tenant_id = any("+g.arg([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9})+")", "f.tenant_id in (3, 5, 7, 11, 13)", "f.i = any("+g.arg([]int32{1, 2})+")")
}

var sortable = []string{"f.g", "f.h", "f.n", "f.m", "f.i", "f.s", "f.b", "f.f", "f.ok", "f.iv", "f.at", "f.d", "f.u", "f.tags", "f.k", "f.md"}

// plain are rows as they are, windows by tenant, and DISTINCT.
func (g *scatterGenerator) plain() (sql string, ordered bool) {
	from := g.from()
	var outs []string
	for range 1 + g.r.IntN(4) {
		outs = append(outs, g.pick(append(sortable, "f.tenant_id", "f.id", "f.i + 1", "f.n * 2", "upper(f.h)", "coalesce(f.g, 'none')", "length(f.k)",
			"f.at at time zone 'UTC'", "f.i::text", "f.s % 7", "case when f.ok then f.g else f.h end",
			"rank() over (partition by f.tenant_id order by f.id, f.i, f.s, f.b)",
			"(select count(*) from orders x where x.tenant_id = f.tenant_id)")...))
	}
	if strings.Contains(from, "orders o on") {
		outs = append(outs, "o.state", "o.total")
	}
	list := strings.Join(outs, ", ")
	switch {
	case g.chance(0.12) && !regexp.MustCompile(`f\.(n|f|iv)\b`).MatchString(list): // of equal values that print differently any one may be kept
		order, ordered := g.distinctOrder(len(outs))
		return "select distinct " + list + " from " + from + g.where() + order, ordered
	case g.chance(0.1):
		k := g.pick(sortable...)
		return "select distinct on (" + k + ") " + k + ", f.tenant_id, f.id from facts f" + g.where() + " order by " + k + ", f.tenant_id, f.id", true
	case g.chance(0.35):
		return "select " + list + " from " + from + g.where(), false
	}
	var keys []string
	for range 1 + g.r.IntN(2) {
		keys = append(keys, g.pick(append(sortable, "f.i + f.s", "upper(f.g)", `f.g collate "C"`, "f.b % 3")...)+g.pick("", " desc", " nulls first", " desc nulls last"))
	}
	keys = append(keys, "f.tenant_id", "f.id")
	if strings.Contains(from, "orders o on") {
		keys = append(keys, "o.id")
	}
	sql = "select " + list + " from " + from + g.where() + " order by " + strings.Join(keys, ", ")
	return sql + g.limit(), true
}

func (g *scatterGenerator) distinctOrder(outs int) (string, bool) {
	if g.chance(0.5) {
		return "", false
	}
	var all []string
	for i := range outs {
		all = append(all, strconv.Itoa(i+1))
	}
	return " order by " + strings.Join(all, ", ") + g.limit(), true
}

func (g *scatterGenerator) limit() string {
	if g.chance(0.4) {
		return ""
	}
	return g.pick(" limit 5", " limit "+g.arg(int64(7)), " limit 0", " limit 4 offset 3", " limit "+g.arg(int64(3))+" offset "+g.arg(int64(2)), " offset 10",
		" fetch first 3 rows only", " fetch first 3 rows with ties", " limit null", " limit 14", " limit "+g.arg(int64(40)), " limit 21 offset 4")
}

func (g *scatterGenerator) union() (string, bool) {
	a := "select f.tenant_id, f.id, f.g from facts f" + g.where()
	b := "select o.tenant_id, o.id, o.state from orders o"
	sql := a + g.pick(" union all ", " union all ", " union ") + b
	if g.chance(0.6) {
		return sql + " order by 1, 2, 3" + g.pick("", " limit 6"), true
	}
	return sql, false
}

// grouped are groups and aggregates over all tenants.
func (g *scatterGenerator) grouped() (sql string, ordered bool) {
	from, p := g.from(), "f.s"
	keys := []string{"f.g", "f.h", "f.i % 3", "f.ok", "date_trunc('day', f.at)", "coalesce(f.g, 'x')", "f.m", "f.d", "f.u", "upper(f.g)", "f.tags", "f.md",
		"case when f.i > 1 then 'x' else f.g end"}
	switch {
	case strings.Contains(from, "plans"):
		keys, p = append(keys, "p.name"), "p.id"
	case strings.Contains(from, "orders o on"):
		keys, p = append(keys, "o.state"), "o.total"
	}
	if g.chance(0.08) {
		keys = []string{"f.tenant_id"}
	}
	var outs, groups, all []string
	told := 0 // of groups, those that are outputs
	for range g.r.IntN(3) {
		k := g.pick(keys...)
		groups = append(groups, k)
		if g.chance(0.8) {
			outs, told = append(outs, k), told+1
		}
	}
	for range 1 + g.r.IntN(4) {
		outs = append(outs, g.aggregate(p))
	}
	if g.chance(0.1) {
		outs = append(outs, "sum(count(*)) over ()")
	}
	g.r.Shuffle(len(outs), func(i, j int) { outs[i], outs[j] = outs[j], outs[i] })
	for i := range outs {
		all = append(all, strconv.Itoa(i+1))
		if g.chance(0.2) {
			outs[i] += fmt.Sprintf(" as v%d", i)
		}
	}
	sql = "select " + strings.Join(outs, ", ") + " from " + from + g.where()
	sets := false
	if len(groups) > 0 {
		list := strings.Join(groups, ", ")
		by := g.pick(list, list, list, list, "rollup ("+list+")", "grouping sets (("+list+"), ())")
		sets = by != list
		sql += " group by " + by
	}
	if g.chance(0.25) {
		sql += " having " + g.pick("count(*) > 1", "sum(f.i) > "+g.arg(int64(1)), "max(f.h) > 'a'", "count(distinct f.g) < 3", "bool_or(f.ok)")
	}
	// Averages that are equal may print differently, so an order must not end with them.
	if g.chance(0.5) && told == len(groups) && !sets {
		return sql + " order by " + strings.Join(all, ", ") + g.pick("", " desc", " nulls first") + g.pick("", "", " limit 2", " limit 3 offset 1"), true
	}
	return sql, false
}

// aggregate returns one that is the same in whatever order the rows come. p is an integer column that may be NULL.
func (g *scatterGenerator) aggregate(p string) string {
	x := g.pick("count(*)", "count(*)", "count(f.g)", "count("+p+")", "sum(f.i)", "sum(f.s)", "sum(f.b)", "sum(f.n)", "sum(f.m)", "sum("+p+")", "avg(f.i)", "avg(f.b)",
		"avg(f.n)", "avg(f.m)", "sum(f.iv)", "min(f.g)", "max(f.g)", "min(f.h)", "max(f.h)", "min(f.m)", "max(f.i)", "min(f.at)", "max(f.d)", "max(f.md)",
		"max(f.tags)", "bool_and(f.ok)", "bool_or(f.ok)", "every(f.i > 0)", "bit_and(f.i)", "bit_or(f.s)", "bit_xor(f.b)", "stddev(f.i)", "stddev_pop(f.b)",
		"variance(f.n)", "var_pop(f.m)", "count(distinct f.g)", "count(distinct f.n)", "sum(distinct f.i)", "avg(distinct f.m)",
		"string_agg(distinct f.h, ',' order by f.h)", "array_agg(distinct f.i order by f.i)", "array_agg(f.i order by f.i)", "jsonb_agg(f.d order by f.d)",
		`string_agg(f.g, '-' order by f.g collate "C")`, "percentile_disc(0.5) within group (order by f.m)", "sum(f.i) + count(*)", "coalesce(sum(f.b), 0)",
		"round(avg(f.n), 3)", "max(f.m) - min(f.m)", "sum(f.i)::text", "case when count(*) > 2 then sum(f.i) end", "sum(f.f)", "avg(f.i) > 1")
	if g.chance(0.12) && strings.HasSuffix(x, ")") && !strings.Contains(x, "within") && !strings.ContainsAny(x, "+-:") && !strings.HasPrefix(x, "round") && !strings.HasPrefix(x, "coalesce") {
		x += " filter (where " + g.pick("f.i > 0", "f.ok", "f.g <> 'a'") + ")"
	}
	return x
}

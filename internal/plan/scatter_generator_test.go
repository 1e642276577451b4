package plan_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// factsSchema is a table with a column of each kind that aggregates tell apart.
const factsSchema = `
create table app.facts (tenant_id bigint not null, id bigint not null, g text, h text collate "C", n numeric, m numeric(14,4), i int,
	s smallint, b bigint, f double precision, ok boolean, iv interval, at timestamptz, d date, u uuid, tags text[], slot smallint not null);
create trigger fill before insert on app.facts for each row execute function app.fill('tenant_id');
`

var scatterRegistry = catalog.NewRegistry(2, append(diffRegistry.Tables(),
	func() *catalog.Table {
		t := table(catalog.Sharded, "facts", key("tenant_id", shard.Int8), "tenant_id bigint", "id bigint", "g text", "h text", "n numeric",
			"m numeric(14,4)", "i integer", "s smallint", "b bigint", "f double precision", "ok boolean", "iv interval",
			"at timestamp with time zone", "d date", "u uuid", "tags text[]", "slot smallint")
		t.Columns[3].Collation = `pg_catalog."C"`
		return t
	}())...)

var scatterModel = model{schema: diffSchema + factsSchema, registry: scatterRegistry, keys: diffModel.keys}

// factRows have values of every scale and size, few of them the same, and NULLs.
func factRows(r *rand.Rand) []rowText {
	var rows []rowText
	maybe := func(v string) string {
		if r.IntN(7) == 0 {
			return "null"
		}
		return v
	}
	number := func() string {
		switch r.IntN(60) {
		case 0:
			return "'NaN'"
		case 1:
			return strconv.FormatInt(r.Int64(), 10) + "12345678901234567890"
		}
		scale := r.IntN(12)
		return strconv.FormatFloat((r.Float64()-0.4)*[]float64{1e-6, 1, 1000, 1e9}[r.IntN(4)], 'f', scale, 64)
	}
	for _, k := range intKeys {
		for i := range r.IntN(9) {
			key := strconv.FormatInt(k, 10)
			values := []string{
				key, strconv.Itoa(i), maybe([]string{"'a'", "'B'", "'b'", "'ä'", "''"}[r.IntN(5)]), maybe([]string{"'a'", "'B'", "'_b'"}[r.IntN(3)]),
				maybe(number()), maybe(fmt.Sprintf("%d.%d", r.IntN(4), r.IntN(3)*25)), maybe(strconv.Itoa(r.IntN(5) - 1)),
				maybe(strconv.Itoa(r.IntN(300))), maybe(strconv.FormatInt(r.Int64N(1<<60)-(1<<59), 10)), maybe(strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64)),
				maybe([]string{"true", "false"}[r.IntN(2)]), maybe(fmt.Sprintf("'%d mon %d days %d us'", r.IntN(9), r.IntN(40), r.IntN(1e9))),
				maybe(fmt.Sprintf("timestamptz '2026-01-01 00:00Z' + interval '%d hours'", r.IntN(200))), maybe(fmt.Sprintf("date '2026-01-%d'", 1+r.IntN(5))),
				maybe(fmt.Sprintf("'00000000-0000-0000-0000-%012d'", r.IntN(20))), maybe([]string{"'{a,b}'", "'{}'", "'{B}'"}[r.IntN(3)]),
			}
			rows = append(rows, rowText{"facts", key, "tenant_id, id, g, h, n, m, i, s, b, f, ok, iv, at, d, u, tags", strings.Join(values, ", ")})
		}
	}
	return rows
}

// grouped is a statement with aggregates whose result is determined: what is equal prints the same, and a LIMIT comes
// with an order over all outputs.
func (g *generator) grouped() (sql string, ordered bool) {
	from := pick(g, []string{"facts f", "facts f", "facts f", "facts f left join plans p on p.id = f.i", "facts f join orders o using (tenant_id)",
		"facts f left join orders o on o.tenant_id = f.tenant_id and o.id = f.id", "(select * from facts where id < 7) f",
		"(select tenant_id, id, g, h, n, m, i, s, b, f, ok, iv, at, d, u, tags from facts) f"})
	p := "f.s"
	keys := []string{"f.g", "f.h", "f.i % 3", "f.ok", "date_trunc('day', f.at)", "coalesce(f.g, 'x')", "f.m", "f.d", "f.u", "(f.i)", "upper(f.g)", "f.tags",
		"f.s + " + g.fresh(int64(1)) + "::int", "case when f.i > 1 then 'x' else f.g end"}
	switch {
	case strings.Contains(from, "plans"):
		keys, p = append(keys, "p.name"), "p.id"
	case strings.Contains(from, "orders"):
		keys, p = append(keys, "o.state", "o.tenant_id"), "o.total"
	}
	if g.chance(0.05) {
		keys = []string{"f.tenant_id", "f.id"}
	}
	var outs, groups, all []string
	for range g.r.IntN(4) {
		k := pick(g, keys)
		groups = append(groups, k)
		if g.chance(0.8) {
			outs = append(outs, k)
		}
	}
	for range 1 + g.r.IntN(4) {
		outs = append(outs, g.aggregate(p))
	}
	if g.chance(0.1) {
		outs = append(outs, "'label'", "now() is null")
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
	sql = "select " + map[bool]string{true: "distinct "}[g.chance(0.08)] + strings.Join(outs, ", ") + " from " + from
	if g.chance(0.4) {
		sql += " where " + pick(g, []string{"f.i > 0", "f.ok", "f.g is not null or f.i = 2", "f.id < " + g.fresh(int64(4)), "false",
			"exists (select 1 from items i where i.tenant_id = f.tenant_id)", "(f.id, f.tenant_id) in (select order_id, tenant_id from items)", "f.tenant_id = any(" + g.fresh([]int64{1, 2, 3, 4}) + ")"})
	}
	if len(groups) > 0 {
		list := strings.Join(groups, ", ")
		sql += " group by " + pick(g, []string{list, list, list, list, "rollup (" + list + ")", "grouping sets ((" + list + "), ())"})
	}
	if g.chance(0.25) {
		sql += " having " + pick(g, []string{"count(*) > 1", "sum(f.i) > " + g.fresh(int64(1)), "max(f.g) > 'a'", "count(distinct f.g) < 3", "bool_or(f.ok)"})
	}
	if g.chance(0.5) {
		sql += " order by " + strings.Join(all, ", ") + pick(g, []string{"", " desc", " nulls first"})
		if g.chance(0.5) {
			sql += pick(g, []string{" limit 2", " limit " + g.fresh(int64(3)) + " offset 1", " fetch first 2 rows with ties"})
		}
		return sql, true
	}
	return sql, false
}

// aggregate returns one that is the same in whatever order the rows come. p is an integer column that may be NULL.
func (g *generator) aggregate(p string) string {
	if g.chance(0.12) {
		return pick(g, []string{"sum(f.i) + count(*)", "count(*) * 2", "coalesce(sum(f.b), 0)", "round(avg(f.n), 3)", "max(f.m) - min(f.m)", "sum(f.i)::text",
			"case when count(*) > 2 then sum(f.i) end", "rank() over (order by sum(f.i), count(*))", "sum(count(*)) over ()", "(max(f.at))::date",
			"avg(f.i) > 1", "greatest(min(f.i), 0)"})
	}
	x := pick(g, []string{
		"count(*)", "count(f.g)", "count(" + p + ")", "count((f.i, f.g))", "sum(f.i)", "sum(f.s)", "sum(f.b)", "sum(f.n)", "sum(f.m)", "sum(" + p + ")",
		"sum(f.i * 2 + 1)", "avg(f.i)", "avg(f.s)", "avg(f.b)", "avg(f.n)", "avg(f.m)", "sum(f.iv)", "avg(f.iv)", "min(f.g)", "max(f.g)", "min(f.h)", "max(f.h)",
		"min(f.m)", "max(f.i)", "min(f.at)", "max(f.d)", "min(f.f)", "max(f.tags)", "bool_and(f.ok)", "bool_or(f.ok)", "every(f.i > 0)", "bit_and(f.i)",
		"bit_or(f.s)", "bit_xor(f.b)", "stddev(f.i)", "stddev_pop(f.b)", "stddev_samp(f.n)", "variance(f.n)", "var_pop(f.m)", "var_samp(f.s)", "stddev(f.m)",
		"stddev_pop(f.n)", "var_pop(f.n)", "stddev(f.b)",
		"count(distinct f.g)", "count(distinct f.h)", "count(distinct f.n)", "sum(distinct f.i)", "avg(distinct f.m)", "max(distinct f.g)",
		"string_agg(distinct f.h, ',' order by f.h)", "array_agg(distinct f.i order by f.i)", "count(distinct (f.i, f.ok))",
		"count(distinct 1)", "max(distinct 'x'::text)",
		"string_agg(f.g, ',' order by f.g)", "array_agg(f.i order by f.i desc nulls last)", "array_agg(f.h order by f.h)", "jsonb_agg(f.d order by f.d)",
		"string_agg(f.g, '-' order by f.g collate \"C\")", "percentile_disc(0.5) within group (order by f.m)", "mode() within group (order by f.h)",
		"percentile_cont(0.3) within group (order by f.i)",
	})
	if g.chance(0.15) && !strings.Contains(x, "within") {
		x += " filter (where " + pick(g, []string{"f.i > 0", "f.ok", "f.g <> 'a'"}) + ")"
	}
	return x
}

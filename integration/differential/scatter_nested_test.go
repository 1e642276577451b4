package differential

import (
	"fmt"
	"strconv"
	"strings"
)

// nested are statements over the rows of queries that are over the rows of all shards: set operations, queries in FROM,
// CTEs, subqueries. Every query gives the columns k, a text, and n and v, integers of eight bytes.
func (g *scatterGenerator) nested() (sql string, ordered bool) {
	switch g.r.IntN(7) {
	case 0:
		return g.setOperation()
	case 3, 4:
		return g.windowed()
	case 1:
		return g.scalars(), false
	case 2:
		return g.commonTables()
	default:
		return g.over("(" + g.part() + ") x")
	}
}

// part is a query whose rows may be made of those of several shards.
func (g *scatterGenerator) part() string {
	k := g.pick("f.g", "f.g", "f.h", "coalesce(f.g, 'none')", "upper(f.g)", "f.md::text", "f.d::text")
	from := g.pick("facts f", "facts f", "facts f join orders o on o.tenant_id = f.tenant_id", "(select * from facts where id < 4) f", "facts f left join plans p on p.id = f.i")
	switch g.r.IntN(12) {
	case 0, 1, 2:
		v := g.pick("sum(f.i)", "sum(f.s)", "max(f.b)", "count(distinct f.g)", "min(f.i)::bigint", "sum(f.i) filter (where f.ok)", "sum(f.i) / nullif(count(*), 0)")
		return "select " + k + " as k, count(*) as n, " + v + " as v from " + from + g.where() + " group by " + g.pick(k, "1") + g.pick("", "", " having count(*) > 1")
	case 3:
		return "select 'all' as k, count(*) as n, sum(f.i) as v from " + from + g.where()
	case 4:
		return "select o.state as k, count(*) as n, sum(o.total) as v from orders o group by o.state"
	case 5:
		return "select distinct " + k + " as k, f.tenant_id % 3 as n, f.i::bigint as v from " + from + g.where()
	case 6:
		return "(select " + k + " as k, f.tenant_id as n, f.id as v from facts f" + g.where() + " order by " + g.pick(sortable...) + g.pick("", " desc", " nulls first") +
			", f.tenant_id, f.id" + g.pick(" limit 5", " limit "+g.arg(int64(7)), " limit 3", " fetch first 4 rows with ties") + ")"
	case 7:
		return "select f.g as k, f.tenant_id as n, count(*) as v from facts f" + g.where() + " group by f.g, f.tenant_id"
	case 8:
		return "select f.g as k, f.id as n, row_number() over (partition by f.tenant_id order by f.id) as v from facts f" + g.where()
	case 9:
		return "select f.g as k, count(*) as n, max(f.id) as v from facts f where f.tenant_id = " + g.pick("5", "7", g.arg(int64(11)), "any("+g.arg([]int64{1, 2, 3, 5, 8})+")") + " group by f.g"
	case 10:
		return g.pick("select 'x'::text as k, 1::bigint as n, 2::bigint as v", "select p.name as k, p.id::bigint as n, 0::bigint as v from plans p", "select * from (values ('a', 1::bigint, null::bigint), ('B', 2, 3)) v (k, n, v)")
	default:
		return "select " + k + " as k, f.tenant_id as n, f.id as v from " + from + g.where()
	}
}

func (g *scatterGenerator) setOperation() (sql string, ordered bool) {
	arm := func() string {
		a := g.part()
		if g.chance(0.2) {
			return "(" + a + g.pick(" union all ", " union ", " except ", " intersect ") + g.part() + ")"
		}
		return a
	}
	sql = arm()
	for range 1 + g.r.IntN(3) {
		sql += g.pick(" union all ", " union all ", " union ", " intersect ", " except ", " intersect all ", " except all ") + arm()
	}
	if g.chance(0.5) {
		return sql + " order by 1, 2, 3" + g.pick("", " limit 5", " limit 4 offset 2"), true
	}
	return sql, false
}

// over is a query over the rows of from, which has the columns x.k, x.n and x.v.
func (g *scatterGenerator) over(from string) (sql string, ordered bool) {
	where := g.pick("", "", "", " where x.n > 1", " where x.k > 'a'", " where x.v is not null or x.n = "+g.arg(int64(1)), " where exists (select 1 from orders o where o.total > 3)",
		" where x.v in (select id from facts where i = 2)", " where x.n >= (select min(total) from orders)")
	switch g.r.IntN(4) {
	case 0:
		keys := g.pick("x.k", "x.n % 2", "x.k, x.v", "rollup (x.k)")
		outs := strings.NewReplacer("rollup (", "", ")", "").Replace(keys)
		return "select " + outs + ", count(*), sum(x.n), avg(x.v), max(x.k), string_agg(x.k, ',' order by x.k, x.n) from " + from + where + " group by " + keys, false
	case 1:
		window := g.pick("order by x.n, x.k, x.v", "partition by x.k order by x.n, x.v", "partition by x.n % 2 order by x.k collate \"C\", x.n, x.v")
		return fmt.Sprintf("select x.k, x.n, x.v, row_number() over (%s), sum(x.v) over (%s), lag(x.n) over (%s) from %s%s", window, window, window, from, where), false
	case 2:
		join := g.pick(" left join plans p on p.id = x.v", " join plans p on p.id = x.n", " left join lateral (select x.n * 2 as id, x.k as name) p on true")
		return "select x.k, x.n, x.v, p.id, p.name from " + from + join + where, false
	}
	return "select x.*, x.n + x.v, upper(x.k), now() is null from " + from + where + " order by x.k" + g.pick("", " desc", " collate \"C\"", " nulls first") +
		", x.n, x.v" + g.pick("", " limit 4", " limit 3 offset 1", " limit "+g.arg(int64(2))), true
}

func (g *scatterGenerator) commonTables() (sql string, ordered bool) {
	with := "with a" + g.pick("", "(k, n, v)") + " as " + g.pick("", "materialized ", "not materialized ") + "(" + g.part() + "), b as (" + g.part() + ") "
	switch g.r.IntN(4) {
	case 0:
		return with + "select k, n, v from a" + g.pick(" union all ", " union ", " except ", " intersect ") + "select k, n, v from b", false
	case 1:
		return with + "select a.k, b.k, a.n, b.v, (select count(*) from a) from a" + g.pick(" join ", " left join ", " full join ") + "b on a.n = b.n", false
	case 2:
		return with + "select k, n, v from a where n " + g.pick("in", "not in") + " (select n from b where n is not null)", false
	}
	sql, ordered = g.over("(select * from a" + g.pick(" union all ", " except all ") + "select * from b) x")
	return with + sql, ordered
}

// windowed has windows over the rows of all shards.
func (g *scatterGenerator) windowed() (sql string, ordered bool) {
	from := g.pick("facts f", "facts f", "facts f left join plans p on p.id = f.i", "(select tenant_id, id, g, h, m, i, s, b, ok, at, d, u, tags, k, md, n, f, iv from facts where id < 5) f")
	last := "f.tenant_id, f.id"
	over := func() string {
		by := g.pick("", "", "f.g", "f.h", "f.i % 3", "f.ok, f.s % 2", "upper(f.g)", "f.m", "f.tags", "f.md")
		if by != "" {
			by = "partition by " + by + " "
		}
		return "(" + by + "order by " + g.pick(sortable...) + g.pick("", " desc", " nulls first") + ", " + last + g.pick("", "", " rows between 1 preceding and 1 following", " groups 2 preceding") + ")"
	}
	var outs, all []string
	if strings.HasPrefix(from, "(") && g.chance(0.5) {
		outs = append(outs, g.pick("*", "f.*"))
	}
	for range 1 + g.r.IntN(3) {
		outs = append(outs, g.pick("row_number() over "+over(), "rank() over "+over(), "sum(f.i) over "+over(), "sum(f.n) over "+over()+" > 3", "lag(f.g) over "+over(), "lag(f.h) over "+over(), "f.h > lag(f.h) over "+over(), "first_value(f.h) over "+over()+" < 'a'", "lead(f.g, 2, f.g) over "+over()+" >= f.g", "lag(f.tags) over "+over()+" < f.tags", "max(f.h) over "+over(),
			"first_value(f.id) over "+over()+" + f.i", "count(*) filter (where f.ok) over "+over(), "lead(f.d, 2) over "+over(), "count(*) over (partition by f.g)", "avg(f.f) over "+over(),
			"case when row_number() over "+over()+" < 5 then f.g else upper(f.h) end", "sum(f.i + "+g.arg(int64(2))+") over w", "dense_rank() over w", "bool_or(f.ok) over w"))
	}
	for range g.r.IntN(3) {
		outs = append(outs, g.pick("f.g", "f.h", "f.i", "f.id", "f.at", "f.tags", "upper(f.g)", "(select count(*) from orders x where x.tenant_id = f.tenant_id)", "'x'", "f.md", "f.k"))
	}
	g.r.Shuffle(len(outs), func(i, j int) { outs[i], outs[j] = outs[j], outs[i] })
	for i := range outs {
		all = append(all, strconv.Itoa(i+1))
	}
	sql = "select " + strings.Join(outs, ", ") + " from " + from + g.where()
	if strings.Contains(sql, "over w") {
		sql += " window w as " + over()
	}
	if strings.Contains(sql, "*,") || strings.Contains(sql, "* from") {
		all = nil
	}
	if g.chance(0.4) {
		return sql, false
	}
	return sql + " order by " + g.pick(strings.Join(append(all, last), ", "), "f.g desc, "+last, "f.md nulls first, "+last) + g.limit(), true
}

// scalars are subqueries that are tied to no row.
func (g *scatterGenerator) scalars() string {
	outs := make([]string, 0, 4)
	for range 1 + g.r.IntN(3) {
		outs = append(outs, g.pick("(select count(*) from facts f"+g.where()+")", "(select max(x.n) from ("+g.part()+") x)", "exists (select 1 from facts f"+g.where()+")",
			"array (select x.k from ("+g.part()+") x order by x.k, x.n, x.v)", "2 > all (select x.n from ("+g.part()+") x)", "(select count(*) from facts f"+g.where()+") * 1.0 / (select count(*) from orders)",
			"(select f.g from facts f order by f.tenant_id, f.id limit 1)"))
	}
	return "select " + strings.Join(outs, ", ") + g.pick("", " from plans p where p.id < 3", " from plans p where p.id in (select x.v from ("+g.part()+") x)")
}

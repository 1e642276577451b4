package plan_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestAServerGoesOnWithTheRowsOfQueriesThatStandForThemselves(t *testing.T) {
	checkScatter(t, [][2]string{
		{"finished by a server", "select sum(n) from (select state, count(*) as n from orders group by state) x"},
		{"finished by a server", "select * from (select * from orders order by total limit 3) x where state = 'a'"},
		{"finished by a server", "with a as (select state, count(*) as n from orders group by state) select * from a x join a y on x.n = y.n"},
		{"finished by a server", "with a as (select count(*) as n from orders), b as (select n from a) select a.n, b.n from a, b"},
		{"finished by a server", "select p.id in (select plan_id from orders) from plans p"},
		{"finished by a server", "select exists (select 1 from orders), array(select id from items i join orders o on o.tenant_id = i.tenant_id order by id)"},
		{"finished by a server", "with w as (select id from orders) select array(select id from w order by id), array(select unnest(array[1, 2])), json_array(select id from w order by id)"},
		{"finished by a server", "select p.name, x.n from plans p left join (select plan_id, count(*) as n from orders group by plan_id) x on x.plan_id = p.id"},
		{"finished by a server", "select id from orders intersect select order_id from items"},
		{"finished by a server", "select 1 union all select id from orders"},
		{"finished by a server", "select id from orders union all select order_id from items union select 1"},

		{"finished by a server", "select x.*, n * 100.0 / (select count(*) from orders) from (select state, count(*) as n from orders group by state) x"},
		{"finished by a server", "select state from (select state, count(*) as n from orders group by state) x where n > (select count(*) from items)"},

		// What is tied to a row outside is no query by itself, and neither is one that reads a CTE of the statement.
		{"refused: not divided", "select (select count(*) from orders o where o.plan_id = p.id) from plans p"},
		{"refused: not divided", "select * from plans p, lateral (select count(*) from orders o where o.plan_id = p.id) x"},
		{"refused: not divided", "with w as (select count(*) as n from orders), v as (select o.id, w.n from w, orders o) select * from v"},
		{"refused: not divided", "with orders as (select state, count(*) as n from orders group by state) select * from orders a, orders b"},
		// A name outside stays a name: the CTE hides the table from the query, which must not read the table.
		{"refused: not divided", "with items as (select id from plans) select * from plans p, (select max(i.id) from items i, orders o) x"},
		{"refused: not divided", "with recursive r as (select count(*) as n from orders union all select n - 1 from r where n > 0) select n from r"},
		{"refused: not divided", "with w as (select state from orders limit 1) select 1"},
		{"refused: not co-located", "select * from orders where total > (select avg(total) from orders)"},
		{"refused: not co-located", "select * from (select * from orders) o join (select * from items) i on i.order_id = o.id"},
		{"finished by a server", "select * from (select * from orders order by id limit 5) o join (select * from items order by sku limit 5) i on i.order_id = o.id"},

		// Rows come in another order than on one server, and their types are not known everywhere.
		{"refused: inexact", "select array_agg(n) from (select count(*) as n from orders group by state) x"},
		{"finished by a server", "select array_agg(n order by n) from (select count(*) as n from orders group by state) x"},
		{"refused: inexact", "select n from (select count(*) as n from orders group by state) x offset 1"},
		{"refused: inexact", "select avg(r) from (select max(ratio) as r from orders group by state) x"},
		{"finished by a server", "select avg(r::numeric), max(r) from (select max(ratio) as r from orders group by state) x"},
		{"finished by a server", "select sum(a), sum(b * 2 + 1), sum(case when a > 1 then c end) from (select count(*) as a, avg(total) as b, max(price) as c from orders group by state) x"},
		{"refused: inexact", "select sum(a * b) from (select count(*) as a, sqrt(max(total)) as b from orders group by state) x"},
		{"refused: inexact", "select sum(b) over () from (select max(ratio) as b from orders group by state) x"},
		{"refused: inexact", "select sum(r) from (select round(max(total)) as r from orders group by state) x"},
		{"finished by a server", "select sum(r) from (select round(max(total), 0) as r from orders group by state) x"},
		{"refused: inexact", "select sum(r) from (select lag(count(*), 1, 0.5::float8) over (order by state) as r from orders group by state) x"},
		{"refused: inexact", "select sum(fee) from (select max(price) as fee from orders group by state) x join plans using (fee)"},
		{"refused: inexact", "select * from (select id from orders order by id offset 3) x"},
		{"refused: inexact", "select null, id from orders union all select 1, count(*) from items"},
		{"refused: inexact", "select $1, id from orders union all select 1, count(*) from items"},
		{"finished by a server", "select null, count(*) from orders union all select 1, count(*) from items"},
		{"refused: inexact", "select n + $1 from (select count(*) as n from orders where total > $1) x"},
		{"finished by a server", "select n + $1 from (select count(*) as n from orders where total > $2) x"},
		{"finished by a server", "select * from (select id from orders order by id limit $1) x where id > $2"},
		{"refused: inexact", "select * from (select id from orders order by id limit $1) x where id > $1"},
	})
}

// TestAnInputKeepsItsLimit: the shards need not send more, and a server counts it once more.
func TestAnInputKeepsItsLimit(t *testing.T) {
	for limit, written := range map[string]string{
		"limit $1": "limit ($1)", "limit 3": "limit (3)", "fetch first row only": "limit (1)", "fetch first 2 rows with ties": "fetch first (2) rows with ties",
	} {
		how, text, server := describeScatter("select count(*) from (select id from orders order by id " + limit + ") x where id > 2")
		require.Equal(t, "finished by a server", how)
		require.Equal(t, "select id from orders where own(orders)  order by id "+limit, text)
		require.Equal(t, "`select count(*) from ((select rows.c1 as \"id\" from rows order by rows.c1 asc nulls last "+written+")) x where id > 2`", server)
	}
}

func TestSetOperationsStayOnTheShardsWhereTheKeyIsInTheirRows(t *testing.T) {
	checkScatter(t, [][2]string{
		{"concatenated", "select tenant_id, id from orders except select tenant_id, order_id from items"},
		{"concatenated", "select tenant_id, id from orders intersect all select tenant_id, order_id from items"},
		{"merged in order", "select tenant_id, id from orders except all select tenant_id, order_id from items order by 2, 1 limit 3"},
		{"concatenated", "select tenant_id, id from orders union all (select tenant_id, id from orders intersect select tenant_id, order_id from items)"},
		{"finished by a server", "select tenant_id, id from orders union (select tenant_id, id from orders except select tenant_id, order_id from items)"},
		{"finished by a server", "select id, tenant_id from orders except select tenant_id, order_id from items"},
		{"finished by a server", "select id from orders except select order_id from items"},
		{"finished by a server", "select tenant_id, id from orders except (select tenant_id, order_id from items order by 1, 2 limit 3)"},
		{"finished by a server", "select tenant_id, id from orders except select tenant_id, id from plans"},
		// Of the nullable side the key is NULL on several shards.
		{"finished by a server", "select i.tenant_id from orders o left join items i on i.tenant_id = o.tenant_id except select tenant_id from items"},
		{"concatenated", "select region, num from legs except select region, num from legs where km > 3"},
		{"finished by a server", "select region, num from legs except select num::text, num from legs"},
		{"finished by a server", "select num from legs except select num from legs where km > 3"},
		{"finished by a server", "select tenant_id from orders except select id from docs"},
		{"concatenated", "select tenant_id from orders except select tenant_id from users"},
	})
}

func TestWindowsOverTheRowsOfAllShards(t *testing.T) {
	for sql, want := range map[string][2]string{
		"select id, sum(total + $1) over (partition by lower(state) order by id) * 2 from orders": {
			`select id as "c1", total + $1 as "c2", lower(state) as "c3" from orders where own(orders) `,
			"`select rows.c1 as \"id\", sum(rows.c2) over (partition by rows.c3 order by rows.c1) * 2 as \"?column?\" from rows`",
		},
		"select count(*) over () from orders limit 2": {
			`select 1 as "c1" from orders where own(orders) `, "`select count(*) over () as \"count\" from rows limit (2)`",
		},
		"select rank() over w, * from plans p join items i on i.qty = p.id window w as (order by i.sku) order by sku": {
			`select *, i.sku as "c1", sku as "c2" from plans p join items i on i.qty = p.id where own(i) `,
			"`select rank() over w as \"rank\", rows.c1 as \"id\", rows.c2 as \"name\", rows.c3 as \"tenant_id\", rows.c4 as \"fee\", rows.c5 as \"tenant_id\", rows.c6 as \"order_id\", " +
				"rows.c7 as \"qty\", rows.c8 as \"slot\", rows.c9 as \"sku\" from rows window w as (order by rows.c10) order by rows.c11`",
		},
	} {
		how, text, server := describeScatter(sql)
		require.Equal(t, "finished by a server", how, sql)
		require.Equal(t, want[0], text)
		require.Equal(t, want[1], server)
	}
	checkScatter(t, [][2]string{
		{"refused: inexact", "select json_agg(id) over (order by id) from orders"},
		{"refused: inexact", "select lag(x.*) over (order by x.id) from (select id from orders) x"},
		{"refused: inexact", "select json_agg(x.* order by x.id) from (select id from orders) x"},
		{"refused: inexact", "select count(distinct (x.*)) from (select id from orders) x"},
		{"refused: inexact", "select id from orders o order by o.*"},
		{"refused: inexact", "select id, rank() over (order by row(o.*)) from orders o"},
		{"refused: inexact", "select string_agg(ref, ',') over (order by id) from orders"},
		{"refused: inexact", "select corr(id, total) over (order by id) from orders"},
		{"refused: inexact", "select o.*, p.*, rank() over (order by o.total) from orders o join plans p on p.id = o.plan_id"},
		{"refused: inexact", "select distinct *, rank() over (order by total) from orders"},
		{"refused: inexact", "select total + $1, rank() over (order by total) + $1 from orders"},
		{"refused: inexact", "select rank() over (order by total using <) from orders"},
	})
	// Floats are only known to be some when the shards have answered.
	s, err := plan.BuildScatter("select avg(ratio) over () from orders", fixture, "app", false)
	require.NoError(t, err)
	_, err = s.Final([]plan.ResultColumn{{Name: "c1", Type: pgtype.Float8OID}})
	require.Equal(t, "inexact", reason(err))
	_, err = s.Final([]plan.ResultColumn{{Name: "c1", Type: pgtype.NumericOID}})
	require.NoError(t, err)
}

func TestWhatAWindowGivesHasTheCollationOfWhatItWasGiven(t *testing.T) {
	for sql, want := range map[string]map[int]string{
		"select id, body collate ci, rank() over (order by id) from docs":                       {},
		"select id, body collate ci, rank() over (order by id) from docs order by 2":            {1: "ci"},
		"select id, body collate ci as b, rank() over (order by id) from docs order by b":       {1: "ci"},
		"select id, lag(body collate ci) over (order by id) from docs":                          {1: "ci"},
		"select id, lag(body collate ci) over (order by id) > 'a' from docs":                    {1: "ci"},
		"select id, body collate ci > lag(body) over (order by id) from docs":                   {1: "ci"},
		"select id, case when rank() over (order by id) > 1 then body collate ci end from docs": {1: "ci"},
		"select id from docs order by first_value(body collate ci) over (order by id)":          {1: "ci"},
	} {
		s, err := plan.BuildScatter(sql, fixture, "app", false)
		require.NoError(t, err, sql)
		columns := s.SentColumns()
		for i := range columns[1:] {
			columns[i+1].Type = pgtype.TextOID
		}
		f, err := s.Final(columns)
		require.NoError(t, err, sql)
		require.Equal(t, want, f.Collations, sql)
	}
	// One that calls different texts equal makes DISTINCT keep any of them.
	s, err := plan.BuildScatter("select distinct lag(body collate ci) over (order by id) from docs", fixture, "app", false)
	require.NoError(t, err)
	_, err = s.Final([]plan.ResultColumn{{Name: "c1", Type: pgtype.TextOID}, {Name: "c2", Type: pgtype.Int8OID}})
	require.Equal(t, "inexact", reason(err))
}

func TestPositionsBehindAStarAreThoseOfTheRegistry(t *testing.T) {
	for sql, column := range map[string]int{
		"select * from orders order by 4":                                                    3,
		"select p.*, o.id from orders o join plans p on p.id = o.plan_id order by 5":         4,
		"select o.id, p.* from orders o join plans p on p.id = o.plan_id order by 3":         2,
		"select * from (select total, state, tenant_id from orders) x order by 2, 3":         1,
		"select *, total * 2 from (select total, state, tenant_id from orders) x order by 4": 3,
	} {
		s, err := plan.BuildScatter(sql, fixture, "app", false)
		require.NoError(t, err, sql)
		require.Equal(t, plan.Ordered, s.Combine)
		require.Equal(t, column, s.Order[0].Column, sql)
		require.True(t, s.Order[0].CollationKnown, sql)
	}
	checkScatter(t, [][2]string{
		{"refused: inexact", "select *, total * 2 from orders order by 11"}, // the star has the slot, which the statement on one server had not
		{"refused: inexact", "select p.*, o.id from orders o join plans p on p.id = o.plan_id order by 6"},
		{"refused: inexact", "select * from orders order by 0"},
		{"refused: inexact", "select distinct on (state) * from (select state, id from orders) x order by 1, 2"},
	})
}

// TestTheShardsColumnsMustBeThoseOfTheInputs: a schema that changes meanwhile must not put a column in another's place.
func TestTheShardsColumnsMustBeThoseOfTheInputs(t *testing.T) {
	s, err := plan.BuildScatter("select count(*) from (select id, state from orders order by id limit 3) x", fixture, "app", false)
	require.NoError(t, err)
	column := func(name string, oid uint32) plan.ResultColumn { return plan.ResultColumn{Name: name, Type: oid} }
	id, state := column("id", pgtype.Int8OID), column("state", pgtype.TextOID)
	_, err = s.Final([]plan.ResultColumn{id, state})
	require.NoError(t, err)
	for _, wrong := range [][]plan.ResultColumn{{id}, {state, id}, {id, state, id}, {id, column("total", pgtype.Int4OID)}} {
		_, err = s.Final(wrong)
		require.Equal(t, "inexact", reason(err), wrong)
	}
	// Text may be compared outside, so its collation has to be known.
	s, err = plan.BuildScatter("select count(*) from (select id, body collate ci as b from docs order by id limit 3) x", fixture, "app", false)
	require.NoError(t, err)
	f, err := s.Final([]plan.ResultColumn{id, column("b", pgtype.TextOID)})
	require.NoError(t, err)
	require.Equal(t, map[int]string{1: "ci"}, f.Collations)
	s, err = plan.BuildScatter("select count(*) from (select id, body::slug || 'x' as b from docs order by id limit 3) x", fixture, "app", false)
	require.NoError(t, err)
	_, err = s.Final([]plan.ResultColumn{id, column("b", pgtype.TextOID)})
	require.Equal(t, "inexact", reason(err))
}

func TestTheRefusalOfAPartIsThatOfTheStatement(t *testing.T) {
	for sql, says := range map[string]string{
		"select 'a', corr(id, total) from orders union all select 'b', count(*) from items":                "corr adds up floats",
		"select * from (select state, array_agg(id) from orders group by state) x":                         "array_agg(... ORDER BY ...)",
		"select state, count(*) * 100.0 / (select count(*) from orders) from orders group by state":        "write the groups as a query in FROM",
		"select state from orders group by state having count(*) > (select count(*) from items)":           "write the groups as a query in FROM",
		"select state, count(*) from orders where id > (select max(order_id) from items i) group by state": "as a statement of its own",
		"select * from orders where total > (select avg(total) from orders)":                               "as a statement of its own",
		"select array(select id from orders)":                                                              "write ORDER BY in it",
		"with w as (select id from orders) select array(select id from w)":                                 "write ORDER BY in it",
		"with w as (select id from orders) select array(select id from w union all select 1)":              "write ORDER BY in it",
		"select json_array(select id from orders)":                                                         "json_agg(... ORDER BY ...)",
		"select json_array(select id from orders order by id)":                                             "json_agg(... ORDER BY ...)",
		"with w as (select id from orders) select json_array(select id from w)":                            "json_agg(... ORDER BY ...)",
	} {
		_, err := plan.BuildScatter(sql, fixture, "app", false)
		refused, ok := errors.AsType[*plan.Refusal](err)
		require.True(t, ok, sql)
		require.True(t, strings.Contains(refused.Detail+refused.Hint, says), "%s: %v", sql, err)
	}
}

func TestARefusalNamesTheExpressionNotTheColumnThatCarriesIt(t *testing.T) {
	for sql, says := range map[string]string{
		"select org || body::slug, count(*) from docs group by 1":                  `of the column "org || body::slug" is compared`,
		"select array_agg(org || body::slug order by id) from docs":                `of the column "org || body::slug" is ordered`,
		"select org || body::slug || 'x', count(*) from docs group by 1":           `of the column "org || body::slug || ..." is compared`,
		"select id, rank() over (order by org || body::slug) from docs order by 1": `of the column "org || body::slug" is ordered`,
	} {
		s, err := plan.BuildScatter(sql, fixture, "app", false)
		require.NoError(t, err, sql)
		columns := s.SentColumns()
		for i := range columns {
			columns[i].Type = pgtype.TextOID
		}
		_, err = s.Final(columns)
		require.ErrorContains(t, err, says, sql)
	}
}

func TestTheRefusalOfAnOrderNamesTheExpressionNotTheHiddenColumn(t *testing.T) {
	s, err := plan.BuildScatter("select id from docs order by lower(body::slug || 'secret')", fixture, "app", false)
	require.NoError(t, err)
	_, err = s.Final([]plan.ResultColumn{{Name: "id", Type: pgtype.Int8OID}, {Name: "keyway_order_1", Type: pgtype.TextOID}})
	require.ErrorContains(t, err, `of the column "lower(body::slug || ...)" is ordered`)
}

func TestTheTablesOfAllInputsAreThePlans(t *testing.T) {
	s, err := plan.BuildScatter("select count(*) from adopted union all select count(*) from items union all select id from plans", fixture, "app", false)
	require.NoError(t, err)
	require.Equal(t, []string{"app.adopted", "app.items", "app.plans"}, s.Tables)
	require.Equal(t, []string{"app.adopted"}, s.Unmarked)
}

func TestAnInputOfAListOfKeysAsksTheirShards(t *testing.T) {
	s, err := plan.BuildScatter("select sum(n) from (select state, count(*) as n from orders where tenant_id = any($1) group by state) x", fixture, "app", false)
	require.NoError(t, err)
	b, err := s.Bind([]any{[]int64{1, 2, 3}})
	require.NoError(t, err)
	require.True(t, b.Few)
	require.True(t, b.OwnKeys())
	_, args := b.Shard(plan.Unasked, []shard.Range{{Lo: 0, Hi: 5}}, b.Keys[:1], time.Time{})
	require.Equal(t, []any{plan.KeyArray{shard.Int64(1)}}, args)
	require.Empty(t, b.FinalArgs(time.Time{}))

	// Two inputs may be of different keys.
	s, err = plan.BuildScatter("select (select count(*) from orders where tenant_id = any($1)), (select count(*) from items)", fixture, "app", false)
	require.NoError(t, err)
	b, err = s.Bind([]any{[]int64{1, 2, 3}})
	require.NoError(t, err)
	require.False(t, b.Few)
}

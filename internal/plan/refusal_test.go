package plan_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestRelationsThatAreNotRegisteredTables(t *testing.T) {
	check(t, []routed{
		{"refused: unknown table", "select * from nope", nil},
		{"refused: unknown table", "select * from nope.orders where tenant_id = $1", with(7)},
		{"refused: catalog table", "select * from pg_temp.orders", nil},
		{"refused: unknown table", `select * from "Orders" where tenant_id = $1`, with(7)},
		{"refused: unknown table", "select * from keyway.tables", nil},
		{"refused: unknown table", "select * from orders o, nope where o.tenant_id = $1", with(7)},
		{"refused: unknown table", "select * from orders where tenant_id = $1 and id in (select 1 from nope)", with(7)},
		{"refused: unknown table", "insert into nope (a) values (1)", nil},
		{"refused: catalog table", "select * from pg_class", nil},
		{"refused: catalog table", "select * from pg_catalog.pg_class", nil},
		{"refused: catalog table", "select * from information_schema.tables", nil},
		{"refused: catalog table", "select * from orders where tenant_id = $1 and exists (select 1 from pg_stat_activity)", with(7)},
		{"refused: catalog table", "select * from pg_temp.orders where tenant_id = $1", with(7)},
	})
}

func TestReferenceAndHomeTables(t *testing.T) {
	check(t, []routed{
		{"any", "select * from plans", nil},
		{"any", "select * from plans p join countries c on c.name = p.name", nil},
		{"any", "select 1", nil},
		{"any", "select now(), random(), gen_random_uuid()", nil},
		{"any", "values (1, 2)", nil},
		{"any", "select * from generate_series(1, $1)", with(3)},
		{"home s0", "select * from jobs", nil},
		{"home s0", "select * from jobs join plans on plans.id = jobs.id", nil},
		{"home s1", "delete from flags where name = $1", with("x")},
		{"home s0", "select * from jobs for update skip locked limit 1", nil},
		{"refused: mixed places", "select * from jobs, flags", nil},
		{"refused: mixed places", "select * from jobs j join orders o on o.tenant_id = j.tenant_id where o.tenant_id = $1", with(7)},
		{"refused: mixed places", "insert into orders (tenant_id, total) values (7, (select count(*) from jobs))", nil},
		{"refused: mixed places", "insert into jobs (id) select id from orders where tenant_id = $1", with(7)},
		{"refused: reference write", "update plans set name = 'x'", nil},
		{"refused: reference write", "delete from plans", nil},
		{"refused: reference write", "insert into plans (id) values (1) on conflict do nothing", nil},
		{"refused: reference write", "select * from plans for update", nil},
		{"refused: reference write", "select * from orders o join plans p on p.id = o.plan_id where o.tenant_id = $1 for share", with(7)},
		{"key 7", "select * from orders o join plans p on p.id = o.plan_id where o.tenant_id = $1 for share of o", with(7)},
		{"refused: reference write", "select * from orders o join plans p on p.id = o.plan_id where o.tenant_id = $1 for share of o for update of p", with(7)},
		{"key 7", "select * from orders where tenant_id = $1 for no key update nowait", with(7)},
		{"refused: unsupported", "select * from (select * from plans) x, orders o where o.tenant_id = $1 for update", with(7)},
	})
}

// SQL/JSON and XML work on their operands, which are read like any other.
func TestFormsOfTheStandard(t *testing.T) {
	check(t, []routed{
		{"key 7", "select json_value(state, '$.a' passing id as x returning int default 0 on empty) from orders where tenant_id = $1", with(7)},
		{"key 7", "select json_object('a': id, 'b': json_array(id, state)), json_exists(state, '$.a') from orders where tenant_id = $1", with(7)},
		{"key 7", "select xmlforest(id), xmlelement(name a, id) from orders where tenant_id = $1", with(7)},
		{"key 7", "select state, json_arrayagg(id order by id), json_objectagg(id: state) from orders where tenant_id = $1 group by state", with(7)},
		{"key 7", "select j.a, b from orders, json_table(state, '$' columns (a int, nested '$.b' columns (b int))) j where tenant_id = $1", with(7)},
		{"key 7", "select json_array(select id from orders where tenant_id = $1)", with(7)},
		{"refused: no shard key", "select json_array(select id from orders) from plans", nil},
		{"refused: no shard key", "select * from (select json_arrayagg(id) as j, 7 as tenant_id from orders) x where tenant_id = $1", with(7)},
		{"refused: user function", "select json_object('a': f(1))", nil},
		{"refused: user function", "select json_value($1, '$' passing f(1) as x)", with("{}")},
		{"refused: user function", "select j.evil from json_table($1, '$' columns (a int)) j", with("{}")},
		{"refused: user operator", "select json_arrayagg(id order by id using operator(app.<)) from plans", nil},
		{"refused: unknown column", "select json_object('a': nope) from plans", nil},
		{"refused: unsupported", "with w as (select id from plans) search depth first by id set s select * from w", nil},
		{"refused: unsupported", "with w as (select id from plans) cycle id set c using p select * from w", nil},
	})
}

func TestFunctionsAndOperatorsThatMayReachFurther(t *testing.T) {
	check(t, []routed{
		{"refused: user function", "select nextval('s')", nil},
		{"refused: user function", "select my_function(1)", nil},
		{"refused: user function", "select app.lower('x')", nil},
		{"any", "select pg_catalog.lower('X')", nil},
		{"refused: user function", "select query_to_xml('select * from orders', true, true, '')", nil},
		{"refused: user function", "select pg_advisory_xact_lock(1)", nil},
		{"refused: user function", "select set_config('a.b', 'c', false)", nil},
		{"refused: user function", "select * from dblink('x', 'y') as t(a int)", nil},
		{"refused: user function", "select pg_notify('a', 'b')", nil},
		{"refused: user function", "select * from orders where tenant_id = $1 order by f(id)", with(7)},
		{"refused: user function", "select * from orders where tenant_id = $1 limit f()", with(7)},
		{"refused: user function", "select count(*) filter (where f(id)) from orders where tenant_id = $1", with(7)},
		{"refused: user function", "select sum(id) over (partition by f(id)) from orders where tenant_id = $1", with(7)},
		{"refused: user function", "select * from orders where tenant_id = $1 group by rollup (f(id))", with(7)},
		{"refused: user function", "update orders set total = f(1) where tenant_id = $1", with(7)},
		{"refused: user function", "update orders set tags[f(1)] = 'x' where tenant_id = $1", with(7)},
		{"refused: user function", "insert into orders (tenant_id, total) values (7, f(1))", nil},
		{"refused: user function", "insert into orders (tenant_id) values (7) on conflict (tenant_id, id) do update set total = f(1)", nil},
		{"refused: user function", "insert into orders (tenant_id) values (7) on conflict (tenant_id, id) where f(1) do nothing", nil},
		{"refused: user function", "insert into orders (tenant_id) values (7) returning f(id)", nil},
		{"refused: user function", "select (o).f from orders o where tenant_id = $1", with(7)},
		{"refused: unknown column", "select o.f from orders o where tenant_id = $1", with(7)},
		{"refused: user operator", "select 1 operator(app.+) 2", nil},
		{"any", "select 1 operator(pg_catalog.+) 2", nil},
		{"key 7", "select (o).id, o, o.*, (o).* from orders o where tenant_id = $1", with(7)},
		{"key 7", "select extract(year from now()), current_date, coalesce(state, 'x'), case when id = 1 then 2 end, array[id], row(id), trim(state), state || 'x', '{}'::jsonb -> 'a', state::app.mood from orders where tenant_id = $1", with(7)},
		{"key 7", "select count(*), sum(total) filter (where id > 1), array_agg(id order by id), percentile_cont(0.5) within group (order by total), rank() over (order by id) from orders where tenant_id = $1 group by id", with(7)},
	})
}

func TestNamesThatPostgreSQLWouldRefuseToo(t *testing.T) {
	check(t, []routed{
		{"refused: unknown column", "select nope from orders where tenant_id = $1", with(7)},
		{"refused: unknown column", "select x.id from orders o where o.tenant_id = $1", with(7)},
		{"refused: unknown column", "select orders.id from orders o where o.tenant_id = $1", with(7)},
		{"refused: unknown column", "select * from orders o where app.orders.tenant_id = $1", with(7)},
		{"refused: ambiguous column", "select id from orders o, users u where o.tenant_id = $1 and u.tenant_id = $1", with(7)},
		{"refused: ambiguous column", "select * from orders, items where tenant_id = $1", with(7)},
		{"refused: ambiguous column", "select o.id from orders o, users o where o.tenant_id = $1", with(7)},
		{"refused: unknown column", "select * from orders o join items i on u.tenant_id = 7 join users u on true where o.tenant_id = 7", nil},
		{"key 7", "select ctid, xmin, o.tableoid from orders o where tenant_id = $1", with(7)},
		{"key 7", "select slot from orders where tenant_id = $1", with(7)},
	})
}

// doubled has twice as many columns in each level as in the one before.
func doubled(levels int) string {
	text := "with c0 as (select * from orders where tenant_id = $1)"
	for i := range levels {
		text += fmt.Sprintf(", c%d as (select a.*, b.* from c%d a, c%d b)", i+1, i, i)
	}
	return text + fmt.Sprintf(" select 1 from c%d", levels)
}

func TestWhatIsNotReadIsRefused(t *testing.T) {
	check(t, []routed{
		{"refused: unsupported", "select * into copy from orders where tenant_id = $1", with(7)},
		{"refused: syntax", "select 1; select 2", nil},
		{"refused: syntax", "selec 1", nil},
		{"refused: unsupported", doubled(30), with(7)},
		{"key 7", doubled(4), with(7)},
		{"refused: syntax", "", nil},
	})
	for _, sql := range []string{"set search_path = x", "begin", "listen x", "notify x", "create table t (a int)", "create temp table orders (a int)",
		"truncate orders", "copy orders to stdout", "explain select 1", "lock orders", "do $$begin end$$", "call p()", "vacuum", "show all"} {
		require.Contains(t, []string{"refused: unsupported", "refused: not DML", "refused: syntax"}, route(sql), sql)
	}
}

func TestRefusalsSayWhatToWriteAndKeepSecrets(t *testing.T) {
	for _, c := range []struct{ sql, detail, hint, table string }{
		{"select * from orders where id = 4242", "nothing pins app.orders to one key (tenant_id)", "orders.tenant_id = $n", "app.orders"},
		{"select * from orders o where o.tenant_id = 4242 or id = 1", "under OR", "o.tenant_id = $n", "app.orders"},
		{"select * from orders as o(k) where k > 4242", "not an equality", "o.k = $n", "app.orders"},
		{"select * from orders o left join items i on o.tenant_id = 4242", "outer join", "", "app.orders"},
		{"select sqrt($1), 4242 from orders where tenant_id = $1", "another type", "$1::bigint", "app.orders"},
		{"select * from invoices where tenant_id = 4242", "not registered", "keyway.shard_table('app.invoices'", "app.invoices"},
		{`select * from "It's" where tenant_id = 4242`, "not registered", `keyway.shard_table('app."It''s"'`, "app.It's"},
		{"select * from docs where org = ''", "constant", "parameter", "app.docs"},
		{"update orders set tenant_id = 4242 where tenant_id = 1", "tenant_id", "insert the row under the new key", "app.orders"},
	} {
		_, err := plan.Build(c.sql, fixture, "app", plan.Unscoped)
		var r *plan.Refusal
		require.True(t, errors.As(err, &r), c.sql)
		assert.Contains(t, r.Detail, c.detail, c.sql)
		assert.Contains(t, r.Hint, c.hint, c.sql)
		assert.Equal(t, c.table, r.Table, c.sql)
		assert.GreaterOrEqual(t, r.Offset, 0, c.sql)
		assert.Less(t, r.Offset, len(c.sql), c.sql)
		assert.NotContains(t, err.Error(), "4242")
		assert.False(t, strings.HasSuffix(r.Detail, "."), c.sql)
	}
}

// TestParametersOfOtherDatabasesAreNamed: what is new to PostgreSQL, or to pgx, writes them so.
func TestParametersOfOtherDatabasesAreNamed(t *testing.T) {
	for _, sql := range []string{
		"select * from orders where tenant_id = ?", "select * from orders where tenant_id = ? and id = 1",
		"select * from orders where tenant_id in (?, ?)", "insert into orders (tenant_id, id) values (?, 1)",
		"select * from orders where tenant_id = :id", "select * from orders where tenant_id=:1", "select * from orders where id = %s",
	} {
		require.Contains(t, refusalOf(t, sql).Hint, "PostgreSQL's parameters are $1, $2", sql)
	}
	for _, sql := range []string{"select * from orders where", "select 1; select 2", "select * from orders where tenant_id = :", "", "select '"} {
		require.Empty(t, refusalOf(t, sql).Hint, sql)
	}
}

func refusalOf(t *testing.T, sql string) *plan.Refusal {
	t.Helper()
	_, err := plan.Build(sql, fixture, "app", plan.Unscoped)
	var refused *plan.Refusal
	require.ErrorAs(t, err, &refused)
	return refused
}

// A hint is copied into a statement, where PostgreSQL folds names that are not quoted.
func TestHintsWriteNamesAsTheyMustBeWritten(t *testing.T) {
	items := table(catalog.Sharded, "Items", key("tenantId", shard.Int8), "tenantId bigint", "id integer", "slot smallint")
	reg := catalog.NewRegistry(5, append(slices.Clone(fixture.Tables()), items)...)
	for sql, hint := range map[string]string{
		`select * from "Items"`:   `add "Items"."tenantId" = $n with AND`,
		`select * from "Items" i`: `add i."tenantId" = $n with AND`,
		`insert into "Items" ("tenantId", id) values ($1, 1) on conflict (id) do update set id = 2`:                            `WHERE "Items"."tenantId" = excluded."tenantId"`,
		`insert into "Items" ("tenantId", id) select $1, n from generate_series(1, 3) as g (n)`:                                `write $1::bigint`,
		`merge into orders o using "Items" i on o.tenant_id = i."tenantId" and i."tenantId" = $1 when matched then do nothing`: `WHERE "tenantId" = $n`,
	} {
		_, err := plan.Build(sql, reg, "app", plan.Unscoped)
		require.ErrorContains(t, err, hint, sql)
	}
	_, err := plan.BuildScatter(`select * from orders o join "Items" i on i.id = o.id`, reg, "app", false)
	require.ErrorContains(t, err, `i."tenantId" = o.tenant_id with AND`)
	_, err = plan.Build(`insert into "Items" ("tenantId", id) select $1::bigint, n from generate_series(1, 3) as g (n)`, reg, "app", plan.Unscoped)
	require.NoError(t, err)
}

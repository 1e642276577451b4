package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestAScopeRestrictsEveryOccurrenceThatTheTextLeavesOpen(t *testing.T) {
	for _, c := range []struct{ sql, sent string }{
		{"select count(*) from orders", `select count(*) from orders where "orders"."tenant_id" = $1 `},
		{"select * from orders o where id = 1 or state = 'x' order by 1",
			`select * from orders o where (id = 1 or state = 'x') and "o"."tenant_id" = $1 order by 1`},
		{"select * from orders -- all\n limit 3", "select * from orders where \"orders\".\"tenant_id\" = $1  -- all\n limit 3"},
		{`select * from orders as "O""x"(k) where k > 3`, `select * from orders as "O""x"(k) where (k > 3) and "O""x"."k" = $1`},
		{"select * from orders o join items i on i.order_id = o.id",
			`select * from orders o join items i on i.order_id = o.id where "o"."tenant_id" = $1 and "i"."tenant_id" = $1 `},
		{"select * from orders o left join only app.items i(a, b) on i.b = o.id where o.id = 1",
			`select * from orders o left join (select * from only app.items where "items"."tenant_id" = $1) as "i"("a", "b") on i.b = o.id where (o.id = 1) and "o"."tenant_id" = $1`},
		{"select * from orders o where exists (select 1 from items i where i.order_id = o.id)",
			`select * from orders o where (exists (select 1 from items i where (i.order_id = o.id) and "i"."tenant_id" = $1)) and "o"."tenant_id" = $1`},
		{"select id from orders union select order_id from items", `select id from orders where "orders"."tenant_id" = $1  union select order_id from items where "items"."tenant_id" = $1 `},
		{"with o as (select * from orders) select * from o", `with o as (select * from orders where "orders"."tenant_id" = $1 ) select * from o`},
		{"update orders set total = 1", `update orders set total = 1 where "orders"."tenant_id" = $1 `},
		{"update orders o set total = 1 from items i where i.order_id = o.id returning o.id",
			`update orders o set total = 1 from items i where (i.order_id = o.id) and "o"."tenant_id" = $1 and "i"."tenant_id" = $1 returning o.id`},
		{"delete from orders where id = 3", `delete from orders where (id = 3) and "orders"."tenant_id" = $1`},
		{"insert into orders (id) values (1), (2)", `insert into orders (id, "tenant_id", slot) values (1, $1, $2), (2, $1, $3)`},
		{"insert into adopted (n) values (1)", `insert into adopted (n, "tenant_id") values (1, $1)`},
		{"select * from orders o join users u on u.id = o.id", `select * from orders o join users u on u.id = o.id where "o"."tenant_id" = $1 and "u"."tenant_id" = $2 `},
		{"select * from (orders o join items i using (tenant_id)) as j (k) where k > 3",
			`select * from ((select * from orders where "orders"."tenant_id" = $1) as "o" join (select * from items where "items"."tenant_id" = $1) as "i" using (tenant_id)) as j (k) where k > 3`},
		{"select * from orders o tablesample bernoulli (10)", `select * from orders o tablesample bernoulli (10) where "o"."tenant_id" = $1 `},
		{"select * from plans p left join orders o tablesample bernoulli (10) on o.plan_id = p.id",
			`select * from plans p left join (select * from orders tablesample bernoulli (10) where "orders"."tenant_id" = $1) as "o" on o.plan_id = p.id`},
		{"with recursive w as (select id from orders union select o.id from orders o join w on w.id = o.plan_id) select * from w",
			`with recursive w as (select id from orders where "orders"."tenant_id" = $1  union select o.id from orders o join w on w.id = o.plan_id where "o"."tenant_id" = $1 ) select * from w`},
		{"with d as (delete from orders returning tenant_id, id) insert into items (tenant_id, order_id) select tenant_id, id from d",
			`with d as (delete from orders where "orders"."tenant_id" = $1  returning tenant_id, id) insert into items (tenant_id, order_id) select tenant_id, id from d`},
		{"insert into items (tenant_id, order_id) select tenant_id, id from orders", `insert into items (tenant_id, order_id) select tenant_id, id from orders where "orders"."tenant_id" = $1 `},
		{"insert into items (order_id) select id from orders order by total limit 3",
			`insert into items (order_id, "tenant_id") select id, $1::bigint as "keyway key" from orders where "orders"."tenant_id" = $1  order by total limit 3`},
		{"insert into items (order_id, qty) select id, 3 from plans union all (select o.order_id, max(qty) n from items o group by 1) returning *",
			`insert into items (order_id, qty, "tenant_id") select id, 3, $1::bigint as "keyway key" from plans union all (select o.order_id, max(qty) n, $1::bigint as "keyway key" from items o where "o"."tenant_id" = $1  group by 1) returning *`},
		{"insert into adopted (n) with w as (select qty from items) select distinct * from w",
			`insert into adopted (n, "tenant_id") with w as (select qty from items where "items"."tenant_id" = $1 ) select distinct *, $1::bigint as "keyway key" from w`},
		{"with i as (insert into items (order_id) select id from orders returning tenant_id, order_id) select * from i join orders o on o.tenant_id = i.tenant_id",
			`with i as (insert into items (order_id, "tenant_id") select id, $1::bigint as "keyway key" from orders where "orders"."tenant_id" = $1  returning tenant_id, order_id) select * from i join orders o on o.tenant_id = i.tenant_id where "o"."tenant_id" = $1 `},
		{"with n as (insert into orders (id) values (1) returning id) insert into items (order_id) values (2), (3)",
			`with n as (insert into orders (id, "tenant_id", slot) values (1, $1, $2) returning id) insert into items (order_id, "tenant_id", slot) values (2, $1, $3), (3, $1, $4)`},
		{"merge into orders o using items i on o.id = i.order_id when matched then delete when not matched then insert (id) values (i.order_id)",
			`merge into orders o using (select * from items where "items"."tenant_id" = $1) as "i" on (o.id = i.order_id) and "o"."tenant_id" = $1 when matched then delete when not matched then insert (id, "tenant_id") values (i.order_id, $1)`},
		{"merge into orders using (select * from items) i on orders.id = i.order_id when not matched then insert (tenant_id) values (i.tenant_id)",
			`merge into orders using (select * from items where "items"."tenant_id" = $1 ) i on (orders.id = i.order_id) and "orders"."tenant_id" = $1 when not matched then insert (tenant_id) values (i.tenant_id)`},
		{"merge into orders o using plans p on o.plan_id = p.id when not matched by source then delete when not matched by source and o.id = 1 or o.id = 2 then update set total = 1",
			`merge into orders o using plans p on (o.plan_id = p.id) and "o"."tenant_id" = $1 when not matched by source and "o"."tenant_id" = $1  then delete when not matched by source and (o.id = 1 or o.id = 2) and "o"."tenant_id" = $1 then update set total = 1`},
		{"select * from plans", "select * from plans"},
		{"select * from jobs", "select * from jobs"},
		{"select 1", "select 1"},
		{"select * from orders o join plans p on p.id = o.plan_id", `select * from orders o join plans p on p.id = o.plan_id where "o"."tenant_id" = $1 `},
	} {
		p, err := plan.Build(c.sql, fixture, "app", plan.Scoped)
		if assert.NoError(t, err, c.sql) {
			assert.Equal(t, c.sent, p.Text)
		}
	}
}

func TestTheScopesKeyIsAppendedToTheArguments(t *testing.T) {
	p := mustBuild(t, "select * from orders where id = $1", plan.Scoped)
	b, err := p.Bind([]any{3}, shard.Int64(7))
	require.NoError(t, err)
	require.Equal(t, plan.Binding{Target: plan.ToKey, Key: shard.Int64(7), Args: []any{3, int64(7)}}, b)

	b, err = mustBuild(t, "delete from legs", plan.Scoped).Bind(nil, shard.Composite(shard.String("eu"), shard.Int64(3)))
	require.NoError(t, err)
	require.Equal(t, []any{"eu", int64(3)}, b.Args)
}

func TestWhatNamesAnotherKeyThanTheScopesIsAMismatch(t *testing.T) {
	for _, c := range []routed{
		{"key 7", "select * from orders where tenant_id = $1", with(7)},
		{"mismatch", "select * from orders where tenant_id = $1", with(8)},
		{"mismatch", "select * from orders where tenant_id = 8", nil},
		{"key 7", "select * from orders where tenant_id = any($1)", with([]int64{7, 7})},
		{"mismatch", "select * from orders where tenant_id = any($1)", with([]int64{7, 8})},
		{"mismatch", "select * from orders o left join items i on i.tenant_id = 8", nil},
		{"mismatch", "insert into orders (tenant_id) values (7), (8)", nil},
		{"mismatch", "delete from orders where tenant_id = any($1)", with([]int64{8})},
		{"mismatch", "with x as (select * from orders where tenant_id = 8) select * from items", nil},
		{"key 7", "insert into orders (tenant_id) values ($1)", with(7)},
		{"any", "select * from orders where tenant_id = 7 and tenant_id = 8", nil},
		{"mismatch", "insert into orders (id, total) values (1, (select count(*) from items where tenant_id = 8))", nil},
		{"key 7", "insert into orders (id, total) values (1, (select count(*) from items))", nil},
	} {
		got := routeIn(plan.Scoped, shard.Int64(7), c.sql, c.args...)
		want := c.want
		if want == "mismatch" {
			want = "bind: mismatch"
		}
		assert.Equal(t, want, got, c.sql)
	}
}

// The uuid and its text are two keys: they hash to two slots.
func TestAScopeOfAUuidIsItsTextForATextColumn(t *testing.T) {
	u := [16]byte{1}
	text := shard.String("01000000-0000-0000-0000-000000000000")
	require.Equal(t, "key "+show(text), routeIn(plan.Scoped, shard.UUID(u), "select * from seats"))
	require.Equal(t, "key [1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0]", routeIn(plan.Scoped, shard.UUID(u), "select * from devices"))
	require.Equal(t, "bind: many keys", routeIn(plan.Scoped, shard.UUID(u), "select * from devices, seats"))
	require.Equal(t, "key "+show(text), routeIn(plan.Scoped, shard.UUID(u), "select * from seats where uid = $1", u))
	require.Equal(t, "key "+show(text), routeIn(plan.Scoped, shard.UUID(u), "insert into seats (n) values (1)"))
}

func TestAScopeThatDoesNotFitIsRefused(t *testing.T) {
	for _, c := range []struct {
		want, sql string
		scope     shard.Key
	}{
		{"bind: key error", "select * from orders", shard.Key{}},
		{"bind: key error", "select * from orders", shard.String("acme")},
		{"bind: key error", "select * from users", shard.Int64(1 << 40)},
		{"bind: arguments", "select * from legs", shard.Int64(7)},
		{"bind: arguments", "select * from orders", shard.Composite(shard.Int64(1), shard.Int64(2))},
		{"refused: unsupported", "table orders", shard.Int64(7)},
		{"refused: unsupported", "select tenant_id from orders group by rollup (tenant_id)", shard.Int64(7)},
		{"refused: no shard key", "insert into orders default values", shard.Int64(7)},
		{"refused: unsupported", "insert into orders values (1)", shard.Int64(7)},
		{"refused: no shard key", "insert into orders (id, ref) table countries", shard.Int64(7)},
		{"refused: no shard key", "insert into orders (id) values (1) union select 2", shard.Int64(7)},
		{"refused: unsupported", "insert into orders (id) select id from plans group by rollup (id)", shard.Int64(7)},
		{"key ab", "insert into codes (n) select 3", shard.String("ab")},
		{"bind: key error", "insert into codes (n) select 3", shard.String("abcd ")},
		{"key abcd", "insert into codes (n) values (3)", shard.String("abcd")},
		{"bind: key error", "insert into codes (n) values (3)", shard.String("abcd ")},
		{"key abcd", "merge into codes using countries on n = 1 when not matched then insert (n) values (3)", shard.String("abcd")},
		{"bind: key error", "merge into codes using countries on n = 1 when not matched then insert (n) values (3)", shard.String("abcd ")},
		{"refused: mixed places", "select * from orders, jobs", shard.Int64(7)},
		{"refused: ambiguous column", "select 1 from app.orders, (select 1) as orders", shard.Int64(7)},
		{"refused: key update", "update orders set tenant_id = 8", shard.Int64(7)},
		{"refused: no shard key", "insert into items (tenant_id, order_id) select id, id from orders", shard.Int64(7)},
		{"refused: no shard key", "insert into items (tenant_id, order_id) select tenant_id, id from plans", shard.Int64(7)},
		{"refused: no shard key", "merge into orders o using items i on o.id = 1 when not matched then insert (tenant_id) values (i.order_id)", shard.Int64(7)},
		{"bind: mismatch", "merge into orders o using items i on o.id = 1 when not matched then insert (tenant_id) values (8)", shard.Int64(7)},
		{"bind: mismatch", "with d as (delete from items where tenant_id = 8) select 1", shard.Int64(7)},
	} {
		assert.Equal(t, c.want, routeIn(plan.Scoped, c.scope, c.sql), c.sql)
	}
}

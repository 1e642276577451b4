package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestAnInsertGetsTheSlotOfEachRow(t *testing.T) {
	slot := func(n int64) int16 { return int16(shard.Int64(n).Slot()) }
	for _, c := range []struct {
		sql, sent string
		args      []any
		want      []any
	}{
		{"insert into orders (tenant_id, id) values ($1, $2)", "insert into orders (tenant_id, id, slot) values ($1, $2, $3)",
			with(7, 1), with(7, 1, slot(7))},
		{"insert into orders(id,tenant_id)values($2,$1)returning *", "insert into orders(id,tenant_id, slot)values($2,$1, $3)returning *",
			with(7, 1), with(7, 1, slot(7))},
		{"insert into orders (tenant_id) values (7)", "insert into orders (tenant_id, slot) values (7, $1)", nil, with(slot(7))},
		{"insert into orders (tenant_id, id) values ($1, 1), ($1, 2), (9, 3)",
			"insert into orders (tenant_id, id, slot) values ($1, 1, $2), ($1, 2, $3), (9, 3, $4)", with(7), with(7, slot(7), slot(7), slot(9))},
		{"insert into orders as o (tenant_id /* , slot */) values ((($1)) -- slot )\n) on conflict (tenant_id, id) do update set total = o.total + 1",
			"insert into orders as o (tenant_id, slot /* , slot */) values ((($1)), $2 -- slot )\n) on conflict (tenant_id, id) do update set total = o.total + 1",
			with(7), with(7, slot(7))},
		{"insert into adopted (tenant_id) values ($1)", "insert into adopted (tenant_id) values ($1)", with(7), with(7)},
		{"insert into legs (num, region) values ($1, $2)", "insert into legs (num, region, slot) values ($1, $2, $3)",
			with(3, "eu"), with(3, "eu", int16(shard.Composite(shard.String("eu"), shard.Int64(3)).Slot()))},
	} {
		p, err := plan.Build(c.sql, fixture, "app", plan.Unscoped)
		require.NoError(t, err, c.sql)
		assert.Equal(t, c.sent, p.Text)
		before := append([]any(nil), c.args...)
		b, err := p.Bind(c.args, shard.Key{})
		require.NoError(t, err, c.sql)
		assert.Equal(t, c.want, b.Args, c.sql)
		assert.Equal(t, before, append([]any(nil), c.args...), "the caller's slice is the caller's")
	}
}

func TestWhereInsertsGo(t *testing.T) {
	check(t, []routed{
		{"key 7", "insert into orders (tenant_id) values ($1)", with(7)},
		{"key 7", "insert into orders (tenant_id) values ($1), (7), ('7')", with(7)},
		{"list 7 8 7", "insert into orders (tenant_id) values ($1), ($2), (7)", with(7, 8)},
		{"key 7", "insert into orders (tenant_id, total) values ($1, (select count(*) from items where tenant_id = $1))", with(7)},
		{"bind: many keys", "insert into orders (tenant_id, total) values ($1, (select count(*) from items where tenant_id = $2))", with(7, 8)},
		{"bind: many keys", "insert into orders (tenant_id, total) values ($1, (select count(*) from items where tenant_id = 7)), (8, 0)", with(7)},
		{"key 7", "insert into orders (tenant_id, total) values ($1, (select count(*) from items where tenant_id = 1 and tenant_id = 2))", with(7)},
		{"refused: no shard key", "insert into orders (tenant_id, total) values ($1, (select count(*) from items))", with(7)},
		{"key 7", "insert into orders (tenant_id, id) values ($1, default) on conflict do nothing", with(7)},
		{"key 7", "insert into orders (tenant_id) values ($1) on conflict (tenant_id, id) do update set tenant_id = excluded.tenant_id, total = excluded.total", with(7)},
		{"key 7", "insert into items (tenant_id, order_id) select tenant_id, id from orders where tenant_id = $1", with(7)},
		{"key 7", "with o as (select * from orders where tenant_id = $1) insert into items (tenant_id, order_id) select tenant_id, id from o", with(7)},
		{"home s0", "insert into jobs values (1, 2, 'x')", nil},
		{"home s0", "insert into jobs (id, tenant_id) select id, tenant_id from plans", nil},
		{"home s0", "insert into jobs default values", nil},
	})
}

// Each of these would put a row where its key does not say, or leave open where it goes.
func TestInsertsWhoseKeyIsNotCertainAreRefused(t *testing.T) {
	check(t, []routed{
		{"refused: unsupported", "insert into orders values ($1, $2)", with(7, 1)},
		{"refused: no shard key", "insert into orders (id) values ($1)", with(7)},
		{"refused: no shard key", "insert into orders default values", nil},
		{"refused: null key", "insert into orders (tenant_id) values (default)", nil},
		{"refused: null key", "insert into orders (tenant_id) values (7), (default)", nil},
		{"refused: null key", "insert into orders (tenant_id) values (null)", nil},
		{"bind: key error", "insert into orders (tenant_id) values ($1)", with(nil)},
		{"bind: key error", "insert into orders (tenant_id) values ($1)", with(7.0)},
		{"bind: key error", "insert into docs (org) values ($1)", with("")},
		{"refused: bad key", "insert into docs (org) values ('')", nil},
		{"refused: no shard key", "insert into orders (tenant_id) values ($1 + 1)", with(7)},
		{"refused: no shard key", "insert into orders (tenant_id) values (7.4)", nil},
		{"refused: no shard key", "insert into orders (tenant_id) values (nullif($1, 3))", with(7)},
		{"refused: no shard key", "insert into devices (uid) values (gen_random_uuid())", nil},
		{"refused: no shard key", "insert into orders (tenant_id) values ((select tenant_id from plans))", nil},
		{"refused: no shard key", "insert into docs (org) values ($1::varchar(2))", with("acme")},
		{"refused: key update", "insert into orders (tenant_id, slot) values ($1, 3)", with(7)},
		{"refused: key update", "insert into orders (tenant_id) values ($1) on conflict (tenant_id, id) do update set tenant_id = 8", with(7)},
		{"refused: key update", "insert into orders (tenant_id) values ($1) on conflict (tenant_id, id) do update set tenant_id = excluded.id", with(7)},
		{"refused: key update", "insert into orders (tenant_id) values ($1) on conflict (tenant_id, id) do update set slot = excluded.slot", with(7)},
		{"refused: syntax", "insert into orders (tenant_id, id) values ($1)", with(7)},
		{"refused: unknown column", "insert into orders (tenant_id, nope) values ($1, 1)", with(7)},
		{"refused: no shard key", "insert into items (tenant_id) select id from orders where tenant_id = $1", with(7)},
		{"refused: no shard key", "insert into items (tenant_id) select tenant_id from orders", nil},
		{"refused: no shard key", "insert into items (tenant_id) select tenant_id + 0 from orders where tenant_id = $1", with(7)},
		{"refused: no shard key", "insert into items (tenant_id) select tenant_id from plans", nil},
		{"bind: key error", "insert into codes (code) select org from docs where org = 'abcdef'", nil},
		{"refused: reference write", "insert into plans (id) values (1)", nil},
	})
}

// varchar(4) cuts trailing blanks in silence: 'abcd ' is stored as 'abcd', whose slot is another.
func TestAKeyLongerThanItsColumnIsRefused(t *testing.T) {
	check(t, []routed{
		{"key abcd", "insert into codes (code) values ($1)", with("abcd")},
		{"bind: key error", "insert into codes (code) values ($1)", with("abcd ")},
		{"refused: bad key", "insert into codes (code) values ('abcd ')", nil},
		{"key äöüß", "insert into codes (code) values ('äöüß')", nil},
		{"key abcd ", "select * from codes where code = $1", with("abcd ")},
	})
}

func TestWritesNeverChangeAKeyOrASlot(t *testing.T) {
	check(t, []routed{
		{"refused: key update", "update orders set tenant_id = 8 where tenant_id = $1", with(7)},
		{"refused: key update", "update orders set tenant_id = tenant_id where tenant_id = $1", with(7)},
		{"refused: key update", "update orders set (id, tenant_id) = (1, 8) where tenant_id = $1", with(7)},
		{"refused: key update", "update orders set (id, tenant_id) = (select 1, 8) where tenant_id = $1", with(7)},
		{"refused: key update", "update orders set slot = 3 where tenant_id = $1", with(7)},
		{"refused: key update", `update orders o set "slot" = default where tenant_id = $1`, with(7)},
		{"refused: key update", "update legs set num = 1 where region = 'eu' and num = 3", nil},
		{"key 7", "update orders set total = slot where tenant_id = $1", with(7)},
		{"key 7", "update orders set tags[$2] = 'x' where tenant_id = $1", with(7, 1)},
		{"home s0", "update jobs set tenant_id = 3", nil},
	})
}

func TestUpdateAndDeleteNeedTheirSourcesPinnedToo(t *testing.T) {
	check(t, []routed{
		{"key 7", "update orders set total = 1 where tenant_id = $1 returning *", with(7)},
		{"key 7", "update orders o set total = i.qty from items i where i.tenant_id = o.tenant_id and o.tenant_id = $1", with(7)},
		{"refused: no shard key", "update orders o set total = i.qty from items i where i.order_id = o.id and o.tenant_id = $1", with(7)},
		{"key 7", "update orders o set total = p.id from plans p where p.id = o.plan_id and o.tenant_id = $1", with(7)},
		{"refused: no shard key", "update orders o set total = (select count(*) from items) where o.tenant_id = $1", with(7)},
		{"key 7", "update orders o set total = (select count(*) from items i where i.tenant_id = o.tenant_id) where o.tenant_id = $1", with(7)},
		{"key 7", "delete from orders o using items i where i.tenant_id = o.tenant_id and o.tenant_id = $1", with(7)},
		{"refused: no shard key", "delete from orders o using items i where i.order_id = o.id and o.tenant_id = $1", with(7)},
		{"refused: mixed places", "update orders set total = 1 from jobs where orders.tenant_id = $1", with(7)},
		{"refused: unsupported", "update orders set total = 1 where current of c", nil},
		// The CTE called orders is not what is updated.
		{"refused: no shard key", "with orders as (select 1 as tenant_id) update orders set total = 1", nil},
		{"key 7", "with orders as (select 1 as tenant_id) update orders set total = 1 where tenant_id = $1", with(7)},
		// The target's name is taken from outside FROM, where it is not visible.
		{"refused: unknown column", "update orders set total = 1 from items i join users u on u.tenant_id = orders.tenant_id where orders.tenant_id = $1", with(7)},
	})
}

func TestTheTextIsSentAsItWasWritten(t *testing.T) {
	for _, sql := range []string{
		"  SELECT\t* from ORDERS /* x */ where tenant_id=$1 -- end",
		"update orders set total = 1 where tenant_id = $1;",
		"select 1;",
	} {
		p, err := plan.Build(sql, fixture, "app", plan.Unscoped)
		require.NoError(t, err)
		require.Equal(t, sql, p.Text)
	}
}

func TestPlansSayWhatTheyAre(t *testing.T) {
	p, err := plan.Build("select * from orders o join plans p on p.id = o.plan_id where o.tenant_id = $1 and o.id = $2", fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	require.Equal(t, []string{"app.orders", "app.plans"}, p.Tables)
	require.Equal(t, "app.orders (tenant_id)", p.KeyTable+" ("+strings.Join(p.KeyColumns, ", ")+")")
	require.Equal(t, 2, p.Params)
	require.True(t, p.ReadOnly)
	require.Equal(t, "SELECT", p.Verb)
	require.Equal(t, plan.ToKey, p.Target)
	p, err = plan.Build("select * from orders where tenant_id = $1 for update", fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	require.False(t, p.ReadOnly, "a row lock writes")
}

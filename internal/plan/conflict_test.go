package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// The unique index that conflicts may not hold the key; then the row that is there may be any key's.
func TestDoUpdateChangesRowsOfTheNewRowsKeyAlone(t *testing.T) {
	insert := "insert into orders as o (tenant_id, id) values ($1, 1) "
	no := "refused: other key's row"
	check(t, []routed{
		{"key 7", insert + "on conflict (tenant_id, id) do update set total = 1", with(7)},
		{"key 7", insert + "on conflict (id, tenant_id) where total > 3 do update set total = 1", with(7)},
		{"key 7", insert + "on conflict (((tenant_id)), lower(state)) do update set total = 1", with(7)},
		{no, insert + "on conflict (id) do update set total = 1", with(7)},
		{no, insert + "on conflict (id) do update set tenant_id = excluded.tenant_id", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 returning *", with(7)},
		{no, insert + "on conflict (id, (tenant_id + 0)) do update set total = 1", with(7)},
		{no, insert + "on conflict (id) where tenant_id = 7 do update set total = 1", with(7)},
		{no, insert + "on conflict on constraint orders_pkey do update set total = 1", with(7)},
		{no, "with n as (" + insert + "on conflict (id) do update set total = 1 returning o.id) select * from n", with(7)},

		{"key 7", insert + "on conflict (id) do update set total = 1 where o.tenant_id = excluded.tenant_id", with(7)},
		{"key 7", insert + "on conflict on constraint orders_pkey do update set total = 1 where o.total > 3 and (excluded.tenant_id = o.tenant_id)", with(7)},
		{"key 7", insert + "on conflict (id) do update set total = 1 where o.tenant_id = $1", with(7)},
		{"key 7", insert + "on conflict (id) do update set total = 1 where (o.tenant_id, o.id) = (excluded.tenant_id, 1)", with(7)},
		{"key 7", insert + "on conflict (id) do update set total = 1 where o.tenant_id = o.plan_id and o.plan_id = excluded.tenant_id", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id = $2", with(7, 8)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id = 8", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id = excluded.id", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where excluded.tenant_id = $1", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id = excluded.tenant_id or o.total = 1", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id is not distinct from excluded.tenant_id", with(7)},
		{no, insert + "on conflict (id) do update set total = 1 where o.tenant_id = o.plan_id and excluded.plan_id = excluded.tenant_id", with(7)},

		// Several rows with several keys: a constant is the key of one of them.
		{no, "insert into orders as o (tenant_id, id) values (7, 1), (8, 2) on conflict (id) do update set total = 1 where o.tenant_id = 7", nil},
		{"list 7 8", "insert into orders as o (tenant_id, id) values (7, 1), (8, 2) on conflict (id) do update set total = 1 where o.tenant_id = excluded.tenant_id", nil},

		// All columns of a key, each in its own way.
		{"key eu/3", "insert into legs as l (region, num, km) values ('eu', 3, 1) on conflict (num) do update set km = 1 where l.region = 'eu'", nil},
		{no, "insert into legs as l (region, num, km) values ('eu', 3, 1) on conflict (num) do update set km = 1", nil},
		{no, "insert into docs (org, id) values ('acme', 3) on conflict ((lower(org)), id) do update set body = ''", nil},
		{no, `insert into docs (org, id) values ('acme', 3) on conflict (org collate "und-x-icu", id) do update set body = ''`, nil},
		{"key acme", "insert into docs (org, id) values ('acme', 3) on conflict (org, id) do update set body = ''", nil},

		{"key 7", "insert into items (tenant_id, order_id) select tenant_id, id from orders where tenant_id = $1 on conflict (tenant_id, sku) do update set qty = 1", with(7)},
		{no, "insert into items (tenant_id, order_id) select tenant_id, id from orders where tenant_id = $1 on conflict (sku) do update set qty = 1", with(7)},
		{"key 7", "insert into items (tenant_id, order_id) select tenant_id, id from orders where tenant_id = $1 on conflict (sku) do update set qty = 1 where items.tenant_id = $1", with(7)},

		// No row is changed; the home table is not divided.
		{"key 7", insert + "on conflict (id) do nothing", with(7)},
		{"key 7", insert + "on conflict on constraint orders_pkey do nothing", with(7)},
		{"home s0", "insert into jobs (id) values (1) on conflict (id) do update set state = 'new'", nil},
	})
}

func TestDoUpdateOnAHandleChangesRowsOfItsKeyAlone(t *testing.T) {
	no := "refused: other key's row"
	for _, c := range []routed{
		{"key 7", "insert into orders (id) values (1) on conflict (tenant_id, id) do update set total = 1", nil},
		{"key 7", "insert into orders (id) values (1), (2) on conflict (id) do update set total = 1 where orders.tenant_id = excluded.tenant_id", nil},
		{"key 7", "insert into orders (id) values (1) on conflict do nothing", nil},
		{no, "insert into orders (id) values (1) on conflict (id) do update set total = 1", nil},
		{no, "insert into orders (id) values (1) on conflict (id) do update set total = 1 where orders.tenant_id = 8", nil},
		{no, "insert into orders (id) values (1) on conflict on constraint orders_pkey do update set total = 1", nil},
		{no, "insert into orders (id, tenant_id) values (1, $1) on conflict (id) do update set total = 1", with(7)},
		{no, "insert into items (tenant_id, order_id) select tenant_id, id from orders on conflict (sku) do update set qty = 1", nil},
		{no, "with n as (insert into orders (id) values (1) on conflict (id) do update set total = 1 returning id) select * from n", nil},
	} {
		require.Equal(t, c.want, routeIn(plan.Scoped, shard.Int64(7), c.sql, c.args...), c.sql)
	}
}

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// The old and the new row stand beside the one that the table's name stands for.
func TestReturningMayNameTheOldAndTheNewRow(t *testing.T) {
	check(t, []routed{
		{"key 7", "update orders set total = 1 where tenant_id = $1 returning with (old as o) o.total, new.total, total", with(7)},
		{"key 7", "update orders set total = 1 where tenant_id = $1 returning old.total, new.*, orders.total, *", with(7)},
		{"key 7", "delete from orders where tenant_id = $1 returning with (old as o, new as n) o.total, n.total", with(7)},
		{"key 7", "insert into orders (tenant_id) values ($1) returning with (new as n) n.total, old.*", with(7)},
		{"key 7", "insert into orders (tenant_id, id) values ($1, 1) on conflict (tenant_id, id) do update set total = 3 returning old.total, old is null", with(7)},
		{"key 7", "merge into orders o using (values (7::bigint)) v (k) on o.tenant_id = v.k when matched then delete returning merge_action(), old.total", nil},
		{"home s0", "update jobs set state = 'x' returning old.state, new.state", nil},
		{"key 7", "update orders as old set total = 1 where tenant_id = $1 returning old.total, new.total", with(7)},

		{"refused: unknown column", "update orders set total = 1 where tenant_id = $1 returning with (old as o) old.total", with(7)},
		{"refused: unknown column", "update orders set total = old.total + 1 where tenant_id = $1", with(7)},
		{"refused: unknown column", "update orders set total = 1 where tenant_id = $1 and old.total = 1 returning total", with(7)},
		{"refused: unknown column", "update orders set total = 1 where tenant_id = $1 returning old.nope", with(7)},
		{"refused: ambiguous column", "update orders o set total = 1 where tenant_id = $1 returning with (old as o) o.total", with(7)},
		{"refused: ambiguous column", "update orders set total = 1 where tenant_id = $1 returning with (old as x, new as x) x.total", with(7)},

		// Both have the key of the row, and it is all that is known of them.
		{"key 7", "update orders set total = 1 where tenant_id = $1 returning (select count(*) from items i where i.tenant_id = old.tenant_id)", with(7)},
		{"key 7", "with d as (delete from orders where tenant_id = $1 returning old.tenant_id) select * from items join d using (tenant_id)", with(7)},
		{"refused: no shard key", "delete from orders where tenant_id = $1 and plan_id = $1 returning (select count(*) from items i where i.tenant_id = new.plan_id)", with(7)},
		{"refused: no shard key", "merge into orders o using (values (7::bigint)) v (k) on o.tenant_id = v.k when matched then delete returning (select count(*) from items i where i.tenant_id = old.tenant_id)", nil},
	})
	require.Equal(t, "key 7", routeIn(plan.Scoped, shard.Int64(7), "update orders set total = 1 returning with (old as o) o.*, (select count(*) from items i where i.order_id = o.id)"))
}

// RETURNING sees the row that was stored: what WHERE said of the one before holds for its key alone.
func TestReturningReadsByTheRowThatWasStored(t *testing.T) {
	items := "returning (select count(*) from items i where i.tenant_id = "
	check(t, []routed{
		{"key 7", "update orders set plan_id = 8 where tenant_id = 7 " + items + "orders.tenant_id)", nil},
		{"refused: no shard key", "update orders set plan_id = 8 where tenant_id = 7 and plan_id = 7 " + items + "orders.plan_id)", nil},
		{"refused: no shard key", "update orders set plan_id = 8 where tenant_id = 7 and plan_id = 7 " + items + "plan_id)", nil},
		{"key 7", "delete from orders where tenant_id = 7 and plan_id = 7 " + items + "plan_id)", nil},
		{"refused: no shard key", "insert into orders (tenant_id, id, plan_id) values (7, 1, 7) on conflict (tenant_id, id) do update set plan_id = 8 where orders.plan_id = 7 " + items + "orders.plan_id)", nil},
		{"key 7", "update orders o set plan_id = 8 from items x where o.tenant_id = 7 and x.tenant_id = 7 and x.order_id = o.plan_id and o.plan_id = 7 " + items + "x.order_id)", nil},
		{"refused: no shard key", "merge into orders o using (values (7::bigint)) v (k) on o.tenant_id = v.k and o.plan_id = 7 when matched then update set plan_id = 8 " + items + "o.plan_id)", nil},
		{"refused: no shard key", "merge into orders o using (values (7::bigint)) v (k) on o.tenant_id = v.k and o.plan_id = 7 when not matched then insert (tenant_id, plan_id) values (7, 8) " + items + "plan_id)", nil},
	})
}

package router_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// idle waits until the connections that statements took are back; the one that listens stays out.
func idle(t *testing.T, db *router.DB) {
	t.Helper()
	require.Eventually(t, func() bool { return inUse(db) <= 1 }, time.Minute, time.Millisecond)
}

func TestABatchOverSeveralShardsGivesResultsInTheCallersOrder(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	tenants := []int64{tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 0), tenantOn(t, db, "s0", 1), tenantOn(t, db, "s1", 1)}
	batch := &pgx.Batch{}
	for i, tenant := range tenants {
		batch.Queue("insert into orders (tenant_id, id, total) values ($1, 1, $2)", tenant, i)
	}
	batch.Queue("select name from plans where id = 1")
	for _, tenant := range tenants {
		batch.Queue("select tenant_id, total from orders where tenant_id = $1", tenant)
	}
	results := db.SendBatch(ctx, batch)
	for range tenants {
		tag, err := results.Exec()
		require.NoError(t, err)
		require.EqualValues(t, 1, tag.RowsAffected())
	}
	var name string
	require.NoError(t, results.QueryRow().Scan(&name))
	for i, tenant := range tenants {
		var got, total int64
		if i%2 == 0 {
			require.NoError(t, results.QueryRow().Scan(&got, &total))
		} else {
			rows, err := results.Query()
			require.NoError(t, err)
			require.True(t, rows.Next())
			require.NoError(t, rows.Scan(&got, &total))
			rows.Close()
			require.NoError(t, rows.Err())
		}
		require.Equal(t, []int64{tenant, int64(i)}, []int64{got, total})
	}
	_, err := results.Exec()
	sentence(t, err, "no more results")
	require.NoError(t, results.Close())
	require.NoError(t, results.Close(), "Close twice is fine")
	idle(t, db)
	require.Len(t, batch.QueuedQueries[0].Arguments, 2, "the caller's batch is not changed")
}

func TestTheFunctionsOfASplitBatchAreCalledInTheCallersOrder(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	var order []int
	batch := &pgx.Batch{}
	for i := range 6 {
		tenant := tenantOn(t, db, shard.ID(fmt.Sprintf("s%d", i%2)), i)
		batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", tenant).Exec(func(pgconn.CommandTag) error {
			order = append(order, i)
			return nil
		})
	}
	require.NoError(t, db.SendBatch(ctx, batch).Close())
	require.Equal(t, []int{0, 1, 2, 3, 4, 5}, order)

	stop := errors.New("enough")
	order = nil
	batch = &pgx.Batch{}
	for i := range 4 {
		tenant := tenantOn(t, db, shard.ID(fmt.Sprintf("s%d", i%2)), i)
		batch.Queue("select 1 from orders where tenant_id = $1", tenant).Query(func(pgx.Rows) error {
			order = append(order, i)
			if i == 1 {
				return stop
			}
			return nil
		})
	}
	require.ErrorIs(t, db.SendBatch(ctx, batch).Close(), stop)
	require.Equal(t, []int{0, 1}, order)
	idle(t, db)

	batch = &pgx.Batch{}
	batch.Queue("select 1 from orders where tenant_id = $1", tenantOn(t, db, "s0", 0)).Query(func(pgx.Rows) error { panic("a caller's bug") })
	batch.Queue("select 1 from orders where tenant_id = $1", tenantOn(t, db, "s1", 0))
	require.PanicsWithValue(t, "a caller's bug", func() { _ = db.SendBatch(ctx, batch).Close() })
	idle(t, db)
}

func TestAnErrorOnOneShardLeavesTheOthersResults(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	batch := &pgx.Batch{}
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", a)
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", b)
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", a) // the same row again
	batch.Queue("insert into orders (tenant_id, id) values ($1, 2)", b)
	results := db.SendBatch(ctx, batch)
	for range 2 {
		_, err := results.Exec()
		require.NoError(t, err)
	}
	_, err := results.Exec()
	sentence(t, err, "statement 3 of 4", "shard s0", "23505")
	_, err = results.Exec()
	require.NoError(t, err, "the other shard's statements go on")
	err = results.Close()
	var partial *router.PartialBatchError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s1"}, partial.Committed)
	require.Equal(t, []shard.ID{"s0"}, partial.Failed)
	require.Empty(t, partial.InDoubt)
	sentence(t, err, "committed on s1", "failed on s0")
	for id, want := range map[shard.ID]int64{"s0": 0, "s1": 2} {
		n, err := router.Get[int64](ctx, db.Shard(id), router.Text("select count(*) from orders"))
		require.NoError(t, err)
		require.Equal(t, want, n, id)
	}
	idle(t, db)
}

func TestASplitBatchIsSentWholeOrNotAtAll(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	batch := &pgx.Batch{}
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", a)
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", b)
	batch.Queue("select * from orders")
	err := db.SendBatch(ctx, batch).Close()
	require.ErrorIs(t, err, router.ErrNoShardKey)
	sentence(t, err, "statement 3 of 3")
	for _, id := range []shard.ID{"s0", "s1"} {
		n, err := router.Get[int64](ctx, db.Shard(id), router.Text("select count(*) from orders"))
		require.NoError(t, err)
		require.Zero(t, n, id)
	}
}

func TestLargeResultsOfASplitBatchAreReadInTurn(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	const rows = 200_000
	batch := &pgx.Batch{}
	for i := range 4 {
		tenant := tenantOn(t, db, shard.ID(fmt.Sprintf("s%d", i%2)), 0)
		batch.Queue("select g, repeat('x', 100) from generate_series(1, 200000) g "+
			"left join (select id from orders where tenant_id = $1) o on o.id = g", tenant)
	}
	results := db.SendBatch(ctx, batch)
	for range 4 {
		got, err := results.Query()
		require.NoError(t, err)
		n := 0
		for got.Next() {
			n++
		}
		require.NoError(t, got.Err())
		require.Equal(t, rows, n)
	}
	require.NoError(t, results.Close())
	idle(t, db)
}

package router_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// sender is a handle that sends batches.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func TestAResultThatAFunctionLeavesIsNotTheNextOnes(t *testing.T) {
	f, db := onShop(t)
	a, b, c := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 1)
	for name, of := range map[string]struct {
		handle  sender
		tenants []int64
	}{
		"several shards":   {db, []int64{a, b, c, a, c, b}},
		"one shard":        {db, []int64{a, c, a, c}},
		"a shard by name":  {db.Shard("s0"), []int64{a, c, a}},
		"one for each":     {db, []int64{b, a}},
		"only one in them": {db, []int64{a}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[int]int64{}
			batch := &pgx.Batch{}
			for i, tenant := range of.tenants {
				q := batch.Queue("select coalesce(max(tenant_id), $1::bigint) from orders where tenant_id = $1::bigint", tenant)
				if i%2 == 0 {
					q.Fn = func(pgx.BatchResults) error { return nil }
					continue
				}
				q.QueryRow(func(row pgx.Row) error {
					var n int64
					err := row.Scan(&n)
					got[i] = n
					return err
				})
			}
			results := of.handle.SendBatch(f.ctx(), batch)
			require.NoError(t, results.Close())
			require.NoError(t, results.Close(), "Close twice is fine")
			for i, tenant := range of.tenants {
				if i%2 == 1 {
					require.Equal(t, tenant, got[i], "statement %d", i+1)
				}
			}
			idle(t, db)
		})
	}
}

// What a function returns says nothing about the shard: the batch was executed, and nothing is in doubt.
func TestWhatAFunctionReturnsIsNoErrorOfTheShard(t *testing.T) {
	f, db := onShop(t)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	id := 0
	for _, mine := range []error{errors.New("enough"), io.ErrUnexpectedEOF, pgx.ErrNoRows} {
		for name, of := range map[string]struct {
			handle  sender
			tenants []int64
		}{"several shards": {db, []int64{a, b}}, "one shard": {db, []int64{a}}, "a shard by name": {db.Shard("s0"), []int64{a}}} {
			batch := &pgx.Batch{}
			for _, tenant := range of.tenants {
				id++
				batch.Queue("insert into orders (tenant_id, id) values ($1, $2)", tenant, id)
			}
			batch.Queue("select 1 from orders where tenant_id = $1", a).Query(func(pgx.Rows) error { return mine })
			batch.Queue("select 1 from orders where tenant_id = $1", a).Query(func(pgx.Rows) error { panic("it is stopped before") })
			results := of.handle.SendBatch(f.ctx(), batch)
			require.Equal(t, mine, results.Close(), name)
			require.Equal(t, mine, results.Close(), "%s: Close twice says the same", name)
		}
	}
	n, err := router.Get[int64](f.ctx(), db, router.Text("select count(*) from orders where tenant_id = $1", a))
	require.NoError(t, err)
	require.EqualValues(t, 9, n, "all of it was executed")

	batch := &pgx.Batch{}
	batch.Queue("select 1 from orders where tenant_id = $1", a).Query(func(pgx.Rows) error { panic("a caller's bug") })
	require.PanicsWithValue(t, "a caller's bug", func() { _ = db.SendBatch(f.ctx(), batch).Close() })
	idle(t, db)
}

// A value that does not fit where it is scanned is the caller's mistake. What became of the batch is told all the same: its
// statements are executed, and commit or fail by themselves.
func TestAScanThatFailsLeavesTheBatchAsItIs(t *testing.T) {
	f, db := onShop(t)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	const insert = "insert into orders (tenant_id, id) values ($1, $2) returning 'text', 1"
	for id, tenants := range [][]int64{{a}, {a, b}} {
		for of, dest := range [][]any{{new(int64), new(int64)}, {new(string)}} {
			batch := &pgx.Batch{}
			for _, tenant := range tenants {
				batch.Queue(insert, tenant, 2*id+of)
			}
			results := db.SendBatch(f.ctx(), batch)
			for range tenants {
				rows, err := results.Query()
				require.NoError(t, err)
				require.True(t, rows.Next())
				err = rows.Scan(dest...)
				require.Error(t, err)
				require.False(t, errors.As(err, new(*txn.InDoubtError)), "%v", err)
				require.Equal(t, err, rows.Err())
			}
			require.NoError(t, results.Close())
		}
	}

	batch := &pgx.Batch{}
	batch.Queue(insert, a, 100)
	batch.Queue(insert, a, 100) // the same row again
	batch.Queue(insert, b, 100)
	results := db.SendBatch(f.ctx(), batch)
	require.Error(t, results.QueryRow().Scan(new(int64)))
	err := results.Close()
	var partial *router.PartialBatchError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s0"}, partial.Failed)
	require.Equal(t, []shard.ID{"s1"}, partial.Committed)
	sentence(t, err, "23505")

	type named struct {
		Name string `db:"?column?"`
	}
	batch = &pgx.Batch{}
	batch.Queue("select 'text' from orders where tenant_id = $1", a)
	results = db.SendBatch(f.ctx(), batch)
	rows, err := results.Query()
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[named])
	require.NoError(t, err)
	require.Equal(t, named{"text"}, list[0])
	require.NoError(t, results.Close())

	var held pgtype.DriverBytes
	for _, row := range []pgx.Row{
		db.QueryRow(f.ctx(), "select 'text' from orders where tenant_id = $1", a), db.Shard("s0").QueryRow(f.ctx(), "select 'text'"),
		db.Scatter().QueryRow(f.ctx(), "select 'text' from orders"),
	} {
		sentence(t, row.Scan(&held), "DriverBytes")
	}
	idle(t, db)
}

// A function of InTx is run again as a whole, with what was made outside of it.
func TestABatchOfATransactionIsNotChanged(t *testing.T) {
	f, db := onShop(t)
	key := shard.Int64(tenantOn(t, db, "s0", 0))
	batch := &pgx.Batch{}
	batch.Queue("insert into orders (id, total) values ($1, 5) on conflict do nothing", 1)
	n := int64(0)
	batch.Queue("select 7 from orders").Fn = func(pgx.BatchResults) error { return nil } // it leaves its result
	batch.Queue("select count(*) from orders").QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	for range 2 {
		require.NoError(t, db.InTx(f.ctx(), key, func(ctx context.Context, tx *txn.Tx) error { return tx.SendBatch(ctx, batch).Close() }))
		require.EqualValues(t, 1, n)
	}
	require.Equal(t, []any{1}, batch.QueuedQueries[0].Arguments)
}

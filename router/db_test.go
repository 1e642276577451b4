package router_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

func TestEachStatementRunsOnTheShardOfItsKey(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	for tenant := int64(1); tenant <= 40; tenant++ {
		tag, err := db.Exec(ctx, "insert into orders (tenant_id, id, state, total) values ($1, $2, $3, $4)", tenant, 1, "new", 10)
		require.NoError(t, err)
		require.EqualValues(t, 1, tag.RowsAffected())
	}
	_, err := db.Exec(ctx, "update orders set state = $1 where tenant_id = $2 and id = $3", "paid", int64(7), 1)
	require.NoError(t, err)
	var state string
	require.NoError(t, db.QueryRow(ctx, "select state from orders where tenant_id = $1 and id = $2", int64(7), 1).Scan(&state))
	require.Equal(t, "paid", state)
	_, err = db.Exec(ctx, "delete from orders where tenant_id = $1", 8)
	require.NoError(t, err)

	total := 0
	require.NoError(t, db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
		got, err := router.Select[struct {
			Tenant int64 `db:"tenant_id"`
			Slot   int16
		}](ctx, s, router.Text("select tenant_id, slot from orders"))
		for _, o := range got {
			r, err := db.Route(shard.Int64(o.Tenant))
			if err != nil || r.Shard != s.ID() || r.Slot != shard.Slot(o.Slot) {
				return fmt.Errorf("tenant %d with slot %d does not belong here: %+v, %w", o.Tenant, o.Slot, r, err)
			}
		}
		if len(got) == 0 {
			return errors.New("no rows at all")
		}
		return err
	}))
	for _, s := range []shard.ID{"s0", "s1"} {
		n, err := router.Get[int](ctx, db.Shard(s), router.Text("select count(*)::int from orders"))
		require.NoError(t, err)
		total += n
	}
	require.Equal(t, 39, total)
}

func TestReferenceAndHomeTablesAndNoTables(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	names, err := router.Select[string](ctx, db, router.Text("select name from plans order by id"))
	require.NoError(t, err)
	require.Equal(t, []string{"free", "paid"}, names)
	_, err = db.Exec(ctx, "insert into jobs (id, what) values ($1, $2)", 1, "mail")
	require.NoError(t, err)
	n, err := router.Get[int64](ctx, db.Shard("s0"), router.Text("select count(*) from jobs"))
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "the home is s0")
	one, err := router.Get[int](ctx, db, router.Text("select 1"))
	require.NoError(t, err)
	require.Equal(t, 1, one)
	_, err = db.Exec(ctx, "insert into plans (id, name) values (3, 'x')")
	sentence(t, err, "plans")
}

func TestAScopedHandleSeesOneTenant(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	a := tenantOn(t, db, "s1", 0)
	b := tenantOn(t, db, "s1", 1)
	for i := range 5 {
		_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, $2)", a, i)
		require.NoError(t, err)
	}
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, $2)", b, 1)
	require.NoError(t, err)

	one := db.ForKey(shard.Int64(a))
	count := router.Text("select count(*) from orders")
	n, err := router.Get[int64](ctx, one, count)
	require.NoError(t, err)
	require.EqualValues(t, 5, n)
	n, err = router.Get[int64](router.WithKey(ctx, shard.Int64(b)), db, count)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	tag, err := one.Exec(ctx, "update orders set state = 'x'")
	require.NoError(t, err)
	require.EqualValues(t, 5, tag.RowsAffected(), "a forgotten predicate cannot reach the other tenant")
	_, err = one.Exec(ctx, "insert into orders (id, state) values ($1, 'y')", 100)
	require.NoError(t, err)
	var tenant int64
	require.NoError(t, one.QueryRow(ctx, "select tenant_id from orders where id = 100").Scan(&tenant))
	require.Equal(t, a, tenant)

	var mismatch *txn.ShardMismatchError
	_, err = one.Exec(ctx, "update orders set state = 'z' where tenant_id = $1", b)
	require.ErrorAs(t, err, &mismatch, "the same shard, and still another tenant")
	err = one.QueryRow(ctx, "select 1 from orders where tenant_id = $1", b).Scan(&tenant)
	require.ErrorAs(t, err, &mismatch)
	for _, unusable := range []shard.Key{{}, shard.String(""), shard.Bytes(nil)} {
		bad := router.WithKey(ctx, unusable)
		_, err = db.Exec(bad, "update orders set state = 'x' where tenant_id = $1", a)
		require.Error(t, err, "a request without a tenant reaches no tenant's rows")
		_, err = db.ForKey(unusable).Exec(ctx, "update orders set state = 'x' where tenant_id = $1", a)
		require.Error(t, err)
		_, err = db.CopyFrom(bad, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{a, 50}}))
		require.Error(t, err)
		require.Error(t, db.SendBatch(bad, batchOf("select 1")).Close())
		require.Error(t, db.InTx(ctx, unusable, func(context.Context, *txn.Tx) error { return nil }))
	}
	_, err = db.ForKey(shard.String("")).Exec(ctx, "update orders set state = 'x'")
	sentence(t, err, "empty")
}

func TestATransactionIsOfOneKey(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	a, other := tenantOn(t, db, "s1", 0), tenantOn(t, db, "s1", 1)
	key := shard.Int64(a)
	err := db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error {
		require.Equal(t, shard.ID("s1"), tx.Shard())
		require.EqualValues(t, 1, tx.MapVersion())
		if _, err := tx.Exec(ctx, "insert into orders (tenant_id, id, total) values ($1, 1, 10)", a); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "insert into items (order_id, n, name) values (1, 1, 'pen')"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update orders set total = total + 1")
		return err
	})
	require.NoError(t, err)
	got, err := router.Get[int](ctx, db, router.Text("select total from orders where tenant_id = $1 and id = 1", a))
	require.NoError(t, err)
	require.Equal(t, 11, got)

	var mismatch *txn.ShardMismatchError
	err = db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx, "update orders set total = 0"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update orders set total = 0 where tenant_id = $1", other)
		return err
	})
	require.ErrorAs(t, err, &mismatch)
	sentence(t, err, "orders", "tenant_id", "s1")
	err = db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "insert into jobs (id) values (9)")
		return err
	})
	require.ErrorAs(t, err, &mismatch, "the home of jobs is another shard")
	for _, sql := range []string{"commit", "rollback", "begin", "savepoint a", "set search_path = x", "copy orders from stdin"} {
		err = db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused, sql)
	}
	got, err = router.Get[int](ctx, db, router.Text("select total from orders where tenant_id = $1 and id = 1", a))
	require.NoError(t, err)
	require.Equal(t, 11, got, "what failed is rolled back")

	n := int64(0)
	require.NoError(t, db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) (err error) {
		n, err = tx.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"order_id", "n"}, pgx.CopyFromRows([][]any{{2, 1}, {2, 2}}))
		return err
	}))
	require.EqualValues(t, 2, n)
}

func TestArgumentsMayBeNamed(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	args := pgx.NamedArgs{"tenant": 5, "id": 1, "state": "@tenant"}
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id, state) values (@tenant, @id, @state)", args)
	require.NoError(t, err)
	got, err := router.Get[string](ctx, db, router.Text("select state from orders where tenant_id = @tenant", args))
	require.NoError(t, err)
	require.Equal(t, "@tenant", got)
	require.NoError(t, db.InTx(ctx, shard.Int64(5), func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "update orders set state = @state where tenant_id = @tenant", pgx.StrictNamedArgs{"state": "x", "tenant": 5})
		return err
	}))
	_, err = db.Exec(ctx, "update orders set state = @state", pgx.StrictNamedArgs{"tenant": 5})
	require.Error(t, err)
}

func TestErrorsOfTheServerNameTheShardAndNoValue(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	const insert = "insert into orders (tenant_id, id, state) values ($1, $2, $3)"
	_, err := db.Exec(ctx, insert, 4242, 777, "secret-state")
	require.NoError(t, err)
	check := func(err error) {
		t.Helper()
		sentence(t, err, "shard s", "duplicate key", "23505")
		require.NotContains(t, err.Error(), "4242")
		require.NotContains(t, err.Error(), "777")
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg)
		require.Contains(t, pg.Detail, "4242", "the server's own error is within reach")
		var at *router.ShardError
		require.ErrorAs(t, err, &at)
	}
	_, err = db.Exec(ctx, insert, 4242, 777, "x")
	check(err)
	got, err := db.Query(ctx, insert+" returning id", 4242, 777, "x")
	require.NoError(t, err)
	require.False(t, got.Next())
	check(got.Err())
	check(db.QueryRow(ctx, insert+" returning id", 4242, 777, "x").Scan(new(int64)))
	require.ErrorIs(t, db.QueryRow(ctx, "select id from orders where tenant_id = 5").Scan(new(int64)), router.ErrNoRows)
}

func TestACancelledContextReturnsPromptly(t *testing.T) {
	f, db := opened(t, 1)
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	_, err := db.Exec(ctx, "select 1")
	require.ErrorIs(t, err, context.Canceled)
	_, err = db.Query(ctx, "select 1")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, db.QueryRow(ctx, "select 1").Scan(new(int)), context.Canceled)
	require.ErrorIs(t, db.InTx(ctx, shard.Int64(1), func(context.Context, *txn.Tx) error { return nil }), context.Canceled)
	require.ErrorIs(t, db.EachShard(ctx, func(context.Context, *router.ShardDB) error { return nil }), context.Canceled)
	_, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{1, 1}}))
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(f.ctx(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = db.Shard("s0").Exec(ctx, "select pg_sleep(30)")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestCloseEndsRunningQueriesWithATypedError(t *testing.T) {
	f, db := opened(t, 2, router.WithCloseGrace(0))
	ctx := f.ctx()
	running := make(chan error)
	go func() { // pg_sleep, which no routed handle takes; the first row is there when it runs
		_, err := router.Select[string](ctx, db.Shard("s0"), router.Text("select 'x' union all select pg_sleep(30)::text"))
		running <- err
	}()
	go func() {
		running <- db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			_, err := tx.Conn().Exec(ctx, "select pg_sleep(30)")
			return err
		})
	}()
	require.Eventually(t, func() bool {
		inUse := 0
		for _, in := range db.Stat().Instances {
			inUse += in.InUse
		}
		return inUse >= 3 // with the one that listens
	}, time.Minute, 5*time.Millisecond)
	began := time.Now()
	db.Close()
	db.Close()
	require.Less(t, time.Since(began), 20*time.Second)
	for range 2 {
		err := <-running
		require.ErrorIs(t, err, router.ErrClosed)
		sentence(t, err, "closed")
	}
	_, err := db.Exec(ctx, "select 1")
	require.ErrorIs(t, err, router.ErrClosed)
	sentence(t, err, "closed")
	require.ErrorIs(t, db.QueryRow(ctx, "select 1").Scan(new(int)), router.ErrClosed)
	require.ErrorIs(t, db.InTx(ctx, shard.Int64(1), func(context.Context, *txn.Tx) error { return nil }), router.ErrClosed)
	_, err = db.Shard("s0").Exec(ctx, "select 1")
	require.ErrorIs(t, err, router.ErrClosed)
	require.ErrorIs(t, db.EachShard(ctx, func(context.Context, *router.ShardDB) error { return nil }), router.ErrClosed)
	_, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{1, 1}}))
	require.ErrorIs(t, err, router.ErrClosed)
	require.ErrorIs(t, db.SendBatch(ctx, batchOf("select 1")).Close(), router.ErrClosed)
}

func batchOf(statements ...string) *pgx.Batch {
	b := &pgx.Batch{}
	for _, s := range statements {
		b.Queue(s)
	}
	return b
}

package router_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/txn"
)

// TestAWriteWhoseReplyIsLostIsInDoubtAndNotSentAgain: the server dies while the statement waits for a lock, so the
// client cannot know whether it was executed.
func TestAWriteWhoseReplyIsLostIsInDoubtAndNotSentAgain(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, dead)
	f.init()
	f.everywhere(shop)
	db := f.open()
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id, total) values (1, 1, 0)")
	require.NoError(t, err)
	tx, err := f.migrator("s0").Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "lock table orders in access exclusive mode")
	require.NoError(t, err)

	write, read := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := db.Exec(ctx, "update orders set total = total + 1 where tenant_id = $1", 1)
		write <- err
	}()
	go func() {
		_, err := router.Get[int](ctx, db, router.Text("select total from orders where tenant_id = $1", 1))
		read <- err
	}()
	watch := f.superuser("s0")
	require.Eventually(t, func() bool {
		n := 0
		err := watch.QueryRow(ctx, `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`).Scan(&n)
		return err == nil && n == 2
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, dead.Kill())

	var doubt *txn.InDoubtError
	err = <-write
	require.ErrorAs(t, err, &doubt)
	require.ErrorIs(t, err, txn.ErrInDoubt)
	sentence(t, err, "shard s0", "in doubt")
	err = <-read
	require.Error(t, err)
	require.False(t, errors.As(err, &doubt), "a read has no effect to be in doubt about: %v", err)
	sentence(t, err, "shard s0")

	require.NoError(t, dead.Start(ctx))
	require.Eventually(t, func() bool {
		var total int
		total, err = router.Get[int](ctx, db, router.Text("select total from orders where tenant_id = 1"))
		return err == nil && total == 0
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

func TestACancelledReadIsThePlainErrorOfItsContext(t *testing.T) {
	f := initialised(t, 1)
	f.everywhere(shop)
	db := f.open()
	tx, err := f.migrator("s0").Begin(f.ctx())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(f.ctx(), "lock table orders in access exclusive mode")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(f.ctx(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = router.Get[int64](ctx, db, router.Text("select count(*) from orders where tenant_id = 1"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	require.Less(t, time.Since(began), 10*time.Second)
	sentence(t, err, "shard s0")
}

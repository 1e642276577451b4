package pool_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/pool"
)

func TestCloseWaitsForWorkInFlightAndRefusesNewWork(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	conns := takeAll(t, db.Acquire, 2)
	waiting := make(chan error, 1)
	go func() { waiting <- db.Ping(ctx) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })

	closed := make(chan error, 1)
	go func() { closed <- in.Close(ctx) }()
	require.ErrorIs(t, <-waiting, pool.ErrClosed)
	require.ErrorIs(t, db.Ping(ctx), pool.ErrClosed)
	require.Contains(t, db.Ping(ctx).Error(), "pg-a")

	_, err := conns[0].Exec(ctx, "select 1")
	require.NoError(t, err, "work in flight goes on")
	conns[0].Release()
	select {
	case err := <-closed:
		t.Fatalf("Close did not wait: %v", err)
	default:
	}
	conns[1].Release()
	require.NoError(t, <-closed)
	require.NoError(t, in.Close(ctx), "a second Close is fine")
	st := in.Stat()
	require.Zero(t, st.Open)
	require.EqualValues(t, 2, st.Closes.Shutdown)
}

func TestCloseEndsByForceWhatDoesNotEndInTime(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3))
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 3) // one runs, one is in a transaction, one is never given back
	_, err := conns[1].Exec(within(t, soon), "begin")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer conns[0].Release()
		_, err := conns[0].Exec(context.Background(), "select pg_sleep(60)")
		assert.ErrorIs(t, err, pool.ErrClosed)
		assert.False(t, pgconn.SafeToRetry(err), "the server may have run it")
	})
	eventually(t, "it runs", s.sleeping())

	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err = in.Close(ctx)
	var forced *pool.CloseError
	require.ErrorAs(t, err, &forced)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 3, forced.Forced)
	require.Zero(t, forced.Open, "every backend was seen to end")
	require.Less(t, time.Since(start), 40*time.Second, "not for the minute of the statement")
	wg.Wait()

	_, err = conns[1].Exec(context.Background(), "commit")
	require.ErrorIs(t, err, pool.ErrClosed)
	conns[1].Release()
	require.Zero(t, in.Stat().Open)
	require.NoError(t, in.Close(ctx), "what its holder forgot has no socket any more")
	conns[2].Release()
}

func TestCloseOfAPoolWhoseDialsHangDoesNotHang(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { slowDials(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	got := make(chan error, 1)
	go func() { got <- db.Ping(context.Background()) }()
	eventually(t, "dialling", func() bool { return in.Stat().Dialling == 1 })
	require.NoError(t, in.Close(within(t, soon)))
	require.ErrorIs(t, <-got, pool.ErrClosed)
}

func TestCloseDoesNotWaitForCodeOfTheConfigurationThatHangs(t *testing.T) {
	s := shared(t)
	h := blocked{Handler: slog.DiscardHandler, until: make(chan struct{})}
	defer close(h.until)
	in := s.instance(limit(3), func(c *pool.Config) { c.Log = slog.New(h) })
	require.NoError(t, in.SetLimit(2))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	start := time.Now()
	var forced *pool.CloseError
	require.ErrorAs(t, in.Close(ctx), &forced)
	require.Equal(t, 1, forced.Hanging)
	require.ErrorContains(t, forced, "a log handler")
	require.Less(t, time.Since(start), soon)
}

func TestCloseDuringAStormLeavesNothing(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4))
	db := in.Database(s.db, pool.DatabaseConfig{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				_, err := db.Exec(context.Background(), "select pg_sleep(0.001)")
				if err != nil {
					assert.ErrorIs(t, err, pool.ErrClosed)
					return
				}
			}
		})
	}
	eventually(t, "busy", func() bool { return in.Stat().Acquires > 50 })
	require.NoError(t, in.Close(within(t, soon)))
	wg.Wait()
	require.Zero(t, in.Stat().Open)
}

func TestCloseLeavesNoGoroutineWhateverItsCallersForgot(t *testing.T) {
	s := shared(t)
	before := goleak.IgnoreCurrent()
	in := s.instance(limit(8), func(c *pool.Config) { c.MinOpen, c.HealthInterval = 1, 20*time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	for _, f := range forget {
		require.NoError(t, f(ctx, db))
	}
	rows, err := db.Query(ctx, "select generate_series(1, 100000)")
	require.NoError(t, err)
	require.True(t, rows.Next())

	var forced *pool.CloseError
	require.ErrorAs(t, in.Close(within(t, 50*time.Millisecond)), &forced)
	require.Equal(t, len(forget)+1, forced.Forced)
	require.Zero(t, forced.Open)
	for rows.Next() {
	}
	require.ErrorIs(t, rows.Err(), pool.ErrClosed)
	rows.Close()
	rows.Close()
	require.NoError(t, in.Close(ctx))
	require.Zero(t, in.Stat().Open)
	goleak.VerifyNone(t, before)
}

package pool_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestABusyPoolCannotTakeTheControlConnection(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(4), func(c *pool.Config) { c.Control = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 3)
	_, err := db.Acquire(within(t, 30*time.Millisecond))
	require.ErrorIs(t, err, context.DeadlineExceeded, "one is kept back")

	c, err := in.Control(within(t, soon), db)
	require.NoError(t, err)
	_, err = c.Exec(within(t, soon), "listen keyway_map")
	require.NoError(t, err)
	require.Equal(t, 4, in.Stat().Open)

	second := make(chan error, 1)
	go func() {
		c, err := in.Control(within(t, soon), db)
		if err == nil {
			c.Release()
		}
		second <- err
	}()
	eventually(t, "the second one waits", func() bool { return in.Stat().Waiting == 1 })
	for _, h := range held {
		h.Release()
	}
	require.Equal(t, 1, in.Stat().Waiting, "tokens for work are not for control either")
	c.Release()
	require.NoError(t, <-second)
	eventually(t, "a released control connection is closed", func() bool { return in.Stat().Open == 3 })
	require.EqualValues(t, 2, in.Stat().Closes.Control)
	seen.stop()
	require.LessOrEqual(t, seen.of(s.app), 4)
}

func TestControlIsRefusedWhereItCannotBe(t *testing.T) {
	s := shared(t)
	none := s.instance(limit(2))
	_, err := none.Control(within(t, soon), none.Database(s.db, pool.DatabaseConfig{}))
	require.ErrorContains(t, err, "no connection is kept")
	in := s.instance(limit(2), func(c *pool.Config) { c.Control = 1; c.Name = "pg-b" })
	_, err = in.Control(within(t, soon), none.Database(s.db, pool.DatabaseConfig{}))
	require.ErrorContains(t, err, "of instance pg-a")

	_, err = in.Control(within(t, soon), in.Database("there_is_no_such_database", pool.DatabaseConfig{}))
	var e *pool.ConnectError
	require.ErrorAs(t, err, &e)
	c, err := in.Control(within(t, soon), in.Database(s.db, pool.DatabaseConfig{}))
	require.NoError(t, err, "the failed one gave its token back")

	closed := make(chan error, 1)
	go func() { closed <- in.Close(within(t, soon)) }()
	eventually(t, "closing", func() bool { return in.Database(s.db, pool.DatabaseConfig{}).Ping(context.Background()) != nil })
	c.Release()
	require.NoError(t, <-closed)
	_, err = in.Control(within(t, soon), in.Database(s.db, pool.DatabaseConfig{}))
	require.ErrorIs(t, err, pool.ErrClosed)
}

func TestALimitTooSmallForControlIsSharedWithWork(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(3), func(c *pool.Config) { c.Control = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := in.Control(within(t, soon), db)
	require.NoError(t, err)
	held := takeAll(t, db.Acquire, 2)
	notified, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Conn().WaitForNotification(within(t, soon))
		notified <- err
	}()
	go func() {
		_, err := in.Control(within(t, soon), db)
		second <- err
	}()
	eventually(t, "the second one waits", func() bool { return in.Stat().Waiting == 1 })
	held[0].Release()

	require.NoError(t, in.SetLimit(1))
	err = <-notified
	require.ErrorIs(t, err, pool.ErrNoControl, "its holder hears of it")
	require.False(t, pgconn.SafeToRetry(err), "a statement may have been under way")
	require.ErrorIs(t, <-second, pool.ErrNoControl)
	c.Discard()
	_, err = in.Control(within(t, soon), db)
	require.ErrorIs(t, err, pool.ErrNoControl)
	require.True(t, pgconn.SafeToRetry(err))
	eventually(t, "its token is back", func() bool { return in.Stat().Open == 1 })
	held[1].Release()
	require.NoError(t, db.Ping(within(t, soon)), "work may use all of the limit")

	held = takeAll(t, db.Acquire, 1)
	require.NoError(t, in.SetLimit(2))
	c, err = in.Control(within(t, soon), db)
	require.NoError(t, err, "there is room for it again")
	c.Release()
	held[0].Release()
	seen.stop()
	require.LessOrEqual(t, seen.of(s.app), 3)
}

func TestAControlConnectionNeverExceedsALimitThatFell(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), func(c *pool.Config) { c.Control = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 3)
	require.NoError(t, in.SetLimit(2))
	_, err := in.Control(within(t, 50*time.Millisecond), db)
	require.ErrorIs(t, err, context.DeadlineExceeded, "work still has more than the limit")
	require.Equal(t, 3, in.Stat().Peak)
	for _, c := range held {
		c.Release()
	}
	c, err := in.Control(within(t, soon), db)
	require.NoError(t, err)
	c.Release()
}

func TestALimitThatFallsWhileControlIsDialledEndsIt(t *testing.T) {
	s := shared(t)
	var pass chan struct{}
	in := s.instance(limit(2), func(c *pool.Config) { c.Control = 1; pass = slowDials(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	got := make(chan error, 1)
	go func() {
		_, err := in.Control(within(t, soon), db)
		got <- err
	}()
	eventually(t, "its token is taken", func() bool { return in.Stat().Open == 1 })
	require.NoError(t, in.SetLimit(1))
	close(pass)
	require.ErrorIs(t, <-got, pool.ErrNoControl)
	require.NoError(t, db.Ping(within(t, soon)), "its token is work's")
	require.Equal(t, 1, in.Stat().Peak)
}

func TestAPgxpoolSharesTheLimit(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	const n = 5
	in := s.instance(limit(n))
	db := in.Database(s.db, pool.DatabaseConfig{})
	other := in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{})
	p, err := db.PgxPool(within(t, soon), 4)
	require.NoError(t, err)
	require.EqualValues(t, 4, p.Config().MaxConns)

	for _, c := range takeAll(t, db.Acquire, n) { // ours are idle on every token
		c.Release()
	}
	theirs := takeAll(t, p.Acquire, 3)
	require.Equal(t, 3, in.Stat().Lent, "idle ones of ours made room")
	require.LessOrEqual(t, in.Stat().Open, n)
	for _, c := range theirs {
		c.Release()
	}
	ours := takeAll(t, other.Acquire, n) // and its idle ones make room for ours
	require.Equal(t, 0, in.Stat().Lent)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, p.Ping(short), "no token, no connection")
	for _, c := range ours {
		c.Release()
	}
	require.NoError(t, p.Ping(within(t, soon)))

	storm(3*n, time.Second, impatient(p.Query))
	p.Reset()
	require.NoError(t, p.Ping(within(t, soon)))
	seen.stop()
	require.LessOrEqual(t, seen.of(s.app), n)
	require.LessOrEqual(t, in.Stat().Peak, n)
}

func TestAPgxpoolIsClosedWithItsInstance(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3))
	db := in.Database(s.db, pool.DatabaseConfig{RuntimeParams: map[string]string{"keyway.client": "1"}})
	var pools []*pgxpool.Pool
	for range 2 {
		p, err := db.PgxPool(within(t, soon), 2)
		require.NoError(t, err)
		pools = append(pools, p)
	}
	var client string
	require.NoError(t, pools[0].QueryRow(within(t, soon), "select current_setting('keyway.client')").Scan(&client))
	require.Equal(t, "1", client)
	pools[1].Close() // earlier, by its user

	require.NoError(t, in.Close(within(t, soon)))
	require.Error(t, pools[0].Ping(within(t, soon)))
	require.Zero(t, in.Stat().Open)
	_, err := db.PgxPool(within(t, soon), 2)
	require.ErrorIs(t, err, pool.ErrClosed)
}

func TestAPgxpoolThatWouldLeaveNothingIsRefused(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), func(c *pool.Config) { c.Control = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	_, err := db.PgxPool(within(t, soon), 3)
	var many *pool.TooManyError
	require.ErrorAs(t, err, &many)
	require.Equal(t, 2, many.Lendable)
	_, err = db.PgxPool(within(t, soon), 0)
	require.Error(t, err)

	t.Setenv("PGSERVICE", "there_is_no_such_service")
	t.Setenv("PGHOST", "/nowhere")
	t.Setenv("PGOPTIONS", "-c work_mem=77kB")
	p, err := db.PgxPool(within(t, soon), 2)
	if err == nil {
		var mem string
		require.NoError(t, p.QueryRow(within(t, soon), "select current_setting('work_mem')").Scan(&mem))
		require.NotEqual(t, "77kB", mem)
		return
	}
	require.ErrorContains(t, err, "PG* variables")
}

// TestACallerOfAScatterDoesNotWaitForMoreThanTheControlConnectionsDial: while it is dialled its token looks like one that
// is on its way out, of which Scatter and Batch may have nothing.
func TestACallerOfAScatterDoesNotWaitForMoreThanTheControlConnectionsDial(t *testing.T) {
	s := shared(t)
	var dialled atomic.Int32
	gate := make(chan struct{})
	in := s.instance(limit(3), func(c *pool.Config) {
		c.Control, c.Reserve = 1, 1
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dialled.Add(1) == 2 {
				<-gate
			}
			return dial(ctx, network, addr)
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	c.Release()

	control := make(chan error, 1)
	var conn *pool.Conn
	go func() {
		var err error
		conn, err = in.Control(within(t, soon), db)
		control <- err
	}()
	eventually(t, "the control connection is dialled", func() bool { return dialled.Load() == 2 })
	served := make(chan error, 1)
	go func() {
		c, err := db.Acquire(of(t, pool.Scatter))
		if err == nil {
			c.Release()
		}
		served <- err
	}()
	eventually(t, "it waits", func() bool { return in.Stat().Waiting == 1 })
	close(gate)
	for waits := true; waits; {
		require.Empty(t, pool.Audit(in))
		select {
		case err := <-served:
			require.NoError(t, err)
			waits = false
		default:
		}
	}
	require.NoError(t, <-control)
	conn.Release()
}

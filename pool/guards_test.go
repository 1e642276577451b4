package pool_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// A lossy connection ends, once cut, as a network ends one: without a word of the server's.
type lossy struct {
	*net.TCPConn
	cut *atomic.Bool
}

func (c lossy) Read(p []byte) (int, error) {
	if c.cut.Load() {
		return 0, io.EOF
	}
	return c.TCPConn.Read(p)
}

// cutTogether makes connections that all end when cut is set.
func cutTogether(c *pool.Config, cut *atomic.Bool) {
	dial := c.Conn.DialFunc
	c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		if tcp, ok := nc.(*net.TCPConn); ok && !cut.Load() { // what comes after is sound
			return lossy{tcp, cut}, err
		}
		return nc, err
	}
}

func TestAConnectionThatBreaksWithoutAWordPutsTheOthersUnderSuspicion(t *testing.T) {
	s := shared(t)
	var cut atomic.Bool
	in := s.instance(limit(2), func(c *pool.Config) {
		c.PingAfter, c.HealthInterval = -1, -1
		cutTogether(c, &cut)
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 2)
	conns[1].Release()
	cut.Store(true)

	_, err := conns[0].Exec(within(t, soon), "select 1")
	require.Error(t, err)
	var pg *pgconn.PgError
	require.False(t, errors.As(err, &pg), "the server says nothing: %v", err)
	conns[0].Release()
	require.NoError(t, db.Ping(within(t, soon)), "nobody is lent the other one")
	require.EqualValues(t, 1, in.Stat().PingErrors)
}

func TestACallerWhoseTimeIsOverPutsNoConnectionUnderSuspicion(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.PingAfter, c.HealthInterval = -1, -1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 2)
	conns[1].Release()
	_, err := conns[0].Exec(within(t, 20*time.Millisecond), "select pg_sleep(1000)")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	conns[0].Release()
	require.EqualValues(t, 1, in.Stat().Closes.Broken)

	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	c.Release()
	require.Zero(t, in.Stat().Pings, "our own impatience says nothing of the server")
}

func TestAfterAFailedDialOneIsMadeAtATimeHoweverManyWait(t *testing.T) {
	s := shared(t)
	var dials atomic.Int32
	pass := make(chan struct{})
	in := s.instance(limit(4), func(c *pool.Config) {
		c.MaxDials = 4
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				return nil, errors.New("the network is down")
			}
			select {
			case <-pass:
				return dial(ctx, network, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	var down *pool.ConnectError
	require.ErrorAs(t, db.Ping(within(t, soon)), &down)

	const callers = 8
	errs := make(chan error, callers)
	for i := range callers {
		go func() { errs <- db.Ping(within(t, soon)) }()
		// From the second caller on the pause is over: the first one's dial has begun.
		eventually(t, "waits", func() bool { st := in.Stat(); return st.Waiting == i+1 && st.Dialling > 0 })
	}
	require.Equal(t, 1, in.Stat().Dialling)
	require.EqualValues(t, 2, dials.Load())
	close(pass)
	for range callers {
		require.NoError(t, <-errs)
	}
}

// TestACancelRequestThatIsLostIsRepeated: nothing else ends the backend, which neither writes nor looks for its client.
func TestACancelRequestThatIsLostIsRepeated(t *testing.T) {
	s := shared(t)
	var dials atomic.Int32
	in := s.instance(limit(1), func(c *pool.Config) {
		c.ClientCheckInterval = -1
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if n := dials.Add(1); n > 1 && n < 6 { // pgx may have sent one of its own
				return nil, errors.New("lost")
			}
			return dial(ctx, network, addr)
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	_, err := db.Exec(pgtest.Until(t, s.sleeping()), "select pg_sleep(1000)")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	eventually(t, "the backend has ended", func() bool { return in.Stat().Open == 0 })
	require.GreaterOrEqual(t, in.Stat().CancelDials, int64(5))
}

func TestAnAcquireManyThatFailsGivesBackWhatItsOtherWaitersGet(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) { c.MaxDials = 3 })
	broken, fail := errors.New("not prepared"), make(chan struct{})
	good := in.Database(s.db, pool.DatabaseConfig{})
	bad := in.Database(s.db, pool.DatabaseConfig{AfterConnect: func(context.Context, *pgx.Conn) error {
		<-fail
		return broken
	}})
	t.Run("waiters that wait", func(t *testing.T) {
		held := takeAll(t, good.Acquire, 3)
		_, err := pool.AcquireMany(within(t, 20*time.Millisecond), good, good, good)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, in.Stat().Waiting, "nobody is left in the queue")
		for _, c := range held {
			c.Release()
		}
		require.Equal(t, 3, in.Stat().Idle)
	})
	t.Run("waiters that were served", func(t *testing.T) {
		in.Recycle()
		eventually(t, "nothing is open", func() bool { return in.Stat().Open == 0 })
		got := make(chan error, 1)
		go func() {
			_, err := pool.AcquireMany(within(t, soon), bad, good, good)
			got <- err
		}()
		eventually(t, "two are there", func() bool { st := in.Stat(); return st.InUse == 2 && st.Waiting == 1 })
		close(fail)
		require.ErrorIs(t, <-got, broken)
		require.Zero(t, in.Stat().InUse)
	})
	for _, c := range takeAll(t, good.Acquire, 3) { // every token is there
		c.Release()
	}
}

func TestAnAcquireManyWhosePreparationFailsGivesBackTheRest(t *testing.T) {
	s := shared(t)
	refused := errors.New("not now")
	var calls atomic.Int32
	in := s.instance(limit(3), func(c *pool.Config) {
		c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
			if calls.Add(1) == 2 { // of the first AcquireMany
				return true, refused
			}
			return true, nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	_, err := pool.AcquireMany(within(t, soon), db, db, db)
	require.ErrorIs(t, err, refused)
	require.Zero(t, in.Stat().InUse)
	for _, c := range takeAll(t, db.Acquire, 3) {
		c.Release()
	}
	require.EqualValues(t, 3, in.Stat().Dials)
}

func TestWhoseDatabaseHasConnectionsInUseWaitsForThoseFirst(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	pool.BePatient(in, time.Hour)
	one := in.Database(s.db, pool.DatabaseConfig{})
	other := in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{})
	require.NoError(t, other.Ping(within(t, soon)))
	held, err := one.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { got <- one.Ping(within(t, soon)) }()
	eventually(t, "waits", func() bool { return in.Stat().Waiting == 1 })
	require.Zero(t, in.Stat().Evictions, "the other database keeps what it has")
	held.Release()
	require.NoError(t, <-got)
	st := in.Stat()
	require.Zero(t, st.Evictions)
	require.EqualValues(t, 2, st.Dials)

	pool.BePatient(in, 0)
	held, err = one.Acquire(within(t, soon))
	require.NoError(t, err)
	defer held.Release()
	require.NoError(t, one.Ping(within(t, soon)), "but not for ever")
	require.EqualValues(t, 1, in.Stat().Evictions)
}

func TestAConnectionThatIsReturnedStaysWithItsDatabaseUnlessAnotherHasWaitedForMuchLonger(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	pool.BePatient(in, time.Millisecond)
	one, other := in.Database(s.db, pool.DatabaseConfig{}), in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{})
	mine, err := one.Acquire(within(t, soon))
	require.NoError(t, err)
	theirs, err := other.Acquire(within(t, soon))
	require.NoError(t, err)

	// What is admitted by one Resume has the same place in the order, however long it has waited before.
	paused := make(chan error, 1)
	go func() { paused <- in.Pause(within(t, soon)) }()
	eventually(t, "paused", in.Paused)
	mineToo, theirsToo := make(chan *pool.Conn, 1), make(chan *pool.Conn, 1)
	for i, d := range []*pool.Database{one, other} {
		go func() {
			c, err := d.Acquire(within(t, soon))
			if assert.NoError(t, err) {
				[]chan *pool.Conn{mineToo, theirsToo}[i] <- c
			}
		}()
		eventually(t, "waits", func() bool { return in.Stat().Waiting == i+1 })
	}
	eventually(t, "both have waited for longer than that", func() bool { return in.Stat().Databases[1].OldestWait > time.Millisecond })
	in.Resume()
	require.Error(t, <-paused)

	theirs.Release()
	eventually(t, "one is served", func() bool { return in.Stat().Waiting < 2 })
	require.Zero(t, in.Stat().Evictions)
	(<-theirsToo).Release()
	mine.Release()
	(<-mineToo).Release()
}

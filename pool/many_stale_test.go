package pool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// suspected ends one connection of in by the server's own word, so that all idle ones must be pinged before their next use.
func suspected(t *testing.T, db *pool.Database) {
	t.Helper()
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	_, err = c.Exec(within(t, soon), "select pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	c.Release()
}

// unasked is a configuration in which only what is suspected is pinged, and by nobody but callers.
func unasked(c *pool.Config) { c.PingAfter, c.HealthInterval = -1, -1 }

func takeMany(t *testing.T, dbs ...*pool.Database) []*pool.Conn {
	t.Helper()
	conns, err := pool.AcquireMany(within(t, soon), dbs...)
	require.NoError(t, err)
	return conns
}

func releaseMany(conns []*pool.Conn) {
	for _, c := range conns {
		c.Release()
	}
}

func TestSeveralConnectionsThatWereIdleForLongArePingedAndKept(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), unasked)
	db := in.Database(s.db, pool.DatabaseConfig{})
	releaseMany(takeAll(t, db.Acquire, 4))
	suspected(t, db)

	releaseMany(takeMany(t, db, db, db))
	st := in.Stat()
	require.EqualValues(t, []int64{4, 3, 0}, []int64{st.Dials, st.Pings, st.Closes.Idle}, "asked, not dialled anew")
	releaseMany(takeMany(t, db, db, db))
	require.EqualValues(t, 3, in.Stat().Pings, "once")
}

func TestSeveralConnectionsOfWhichOneHasDiedAreTakenAnew(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), unasked)
	other := s.instance(limit(3), unasked, func(c *pool.Config) { c.Name = "pg-b" })
	db, quiet := in.Database(s.db, pool.DatabaseConfig{}), other.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 3)
	_, err := conns[2].Exec(within(t, soon), "select pg_terminate_backend($1)", conns[1].Conn().PgConn().PID())
	require.NoError(t, err)
	releaseMany(conns)
	suspected(t, db) // the newest of the three

	conns = takeMany(t, quiet, db, db)
	for _, c := range conns {
		require.NoError(t, c.Conn().Ping(within(t, soon)))
	}
	releaseMany(conns)
	st := in.Stat()
	require.EqualValues(t, 1, st.PingErrors)
	require.LessOrEqual(t, st.Peak, 3)
	require.Zero(t, st.InUse+st.Waiting+other.Stat().InUse)
	require.EqualValues(t, 1, other.Stat().Dials, "what is sound is given back and taken again")
}

func TestSeveralConnectionsArePingedAtOnce(t *testing.T) {
	s := shared(t)
	var dbs []*pool.Database
	var asked atomic.Int32
	together := make(chan struct{})
	for _, name := range []string{"a", "b", "c"} {
		in := s.instance(limit(2), unasked, func(c *pool.Config) {
			c.Name = name
			c.PrepareConn = func(ctx context.Context, _ *pgx.Conn) (bool, error) { // comes after the ping
				switch n := asked.Add(1); {
				case n <= 3:
					return true, nil // of new connections, one after another
				case n == 6:
					close(together)
				}
				select {
				case <-together:
					return true, nil
				case <-ctx.Done():
					return false, ctx.Err()
				}
			}
		})
		dbs = append(dbs, in.Database(s.db, pool.DatabaseConfig{}))
	}
	releaseMany(takeMany(t, dbs...))
	for _, db := range dbs {
		require.NoError(t, db.Instance().Pause(within(t, soon))) // what is idle then is asked before it is used again
		db.Instance().Resume()
	}
	releaseMany(takeMany(t, dbs...))
	for _, db := range dbs {
		require.EqualValues(t, 1, db.Instance().Stat().Pings)
	}
}

func TestAConnectionGivenBackUnaskedIsAskedTheNextTime(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.Name, c.PingAfter, c.HealthInterval = "a", 2*time.Second, -1 })
	full := s.instance(limit(1), unasked, func(c *pool.Config) { c.Name = "b" })
	db, none := in.Database(s.db, pool.DatabaseConfig{}), full.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	held, err := none.Acquire(within(t, soon))
	require.NoError(t, err)
	time.Sleep(3500 * time.Millisecond) // being idle is what is tested

	_, err = pool.AcquireMany(within(t, 50*time.Millisecond), db, none)
	require.True(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
	held.Release()
	require.Zero(t, in.Stat().Pings, "there was nothing to use it for")
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 1, in.Stat().Pings)
}

// TestAConnectionThatAnAbandonedWaitGotIsAskedTheNextTime: an AcquireMany gives up while one connection is missing and
// another, which had been idle for long, was lent to it.
func TestAConnectionThatAnAbandonedWaitGotIsAskedTheNextTime(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), func(c *pool.Config) { c.PingAfter, c.HealthInterval, c.Reserve = 2*time.Second, -1, 2 })
	missing, idle := in.Database("postgres", pool.DatabaseConfig{}), in.Database(s.db, pool.DatabaseConfig{})
	others := in.Database("template1", pool.DatabaseConfig{})
	require.NoError(t, idle.Ping(within(t, soon)))
	time.Sleep(3500 * time.Millisecond) // being idle is what is tested

	low := pool.WithClass(within(t, soon), pool.Scatter)
	held := takeAll(t, func(context.Context) (*pool.Conn, error) { return others.Acquire(low) }, 2) // all but the reserve
	ctx, cancel := context.WithCancel(low)
	done := make(chan error)
	go func() {
		_, err := pool.AcquireMany(ctx, missing, idle)
		done <- err
	}()
	eventually(t, "both wait", waiting(in, 2))
	last, err := missing.Acquire(within(t, soon))
	require.NoError(t, err)
	held[0].Release()
	eventually(t, "one waits", waiting(in, 1))
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	held[1].Release()
	last.Release()
	require.Zero(t, in.Stat().Pings)
	require.NoError(t, idle.Ping(within(t, soon)))
	require.EqualValues(t, 1, in.Stat().Pings)
}

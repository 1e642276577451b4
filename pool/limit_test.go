package pool_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestARaisedLimitServesThoseWhoWait(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { got <- db.Ping(within(t, soon)) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	require.NoError(t, in.SetLimit(2))
	require.NoError(t, <-got)
	require.Equal(t, 2, in.Limit())
	held.Release()
}

func TestALoweredLimitClosesIdleConnectionsAtOnceAndOthersOnReturn(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(6))
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 6)
	for _, c := range conns[:2] {
		c.Release()
	}
	require.NoError(t, in.SetLimit(3))
	eventually(t, "the idle ones are closed", func() bool { return in.Stat().Open == 4 })
	require.Zero(t, in.Stat().Idle)
	conns[2].Release()
	eventually(t, "the surplus one is closed on return", func() bool { return in.Stat().Open == 3 })
	conns[3].Release()
	require.Equal(t, 1, in.Stat().Idle)
	conns[4].Release()
	conns[5].Release()
	st := in.Stat()
	require.Equal(t, []int{3, 3}, []int{st.Idle, st.Open})
	require.EqualValues(t, 3, st.Closes.Shrunk)
}

func TestALoweredLimitClosesNoMoreThanItMust(t *testing.T) {
	s := shared(t)
	closing := make(chan struct{})
	in := s.instance(limit(8), func(c *pool.Config) { c.BeforeClose = func(*pgx.Conn) { <-closing } })
	t.Cleanup(func() { close(closing) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 8)
	for _, c := range conns[4:] {
		c.Release()
	}
	for range 3 { // a lease that is renewed says the same limit again
		require.NoError(t, in.SetLimit(7))
		require.Equal(t, []int{3, 1}, []int{in.Stat().Idle, in.Stat().Draining})
	}
	require.NoError(t, in.SetLimit(2))
	require.Equal(t, []int{0, 4}, []int{in.Stat().Idle, in.Stat().Draining})
	for _, c := range conns[:4] {
		c.Release()
	}
	st := in.Stat()
	require.Equal(t, []int{2, 6}, []int{st.Idle, st.Draining}, "a returned one is not closed for those that are closing")
	require.EqualValues(t, 6, st.Closes.Shrunk)
}

func TestWithoutABudgetCallersAreToldAndServedOnceThereIsOne(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 2)
	waits := make(chan error, 2)
	go func() { waits <- db.Ping(within(t, soon)) }()
	go func() {
		_, err := pool.AcquireMany(within(t, soon), db, db)
		waits <- err
	}()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 3 })
	in.Suspend("the lease is not there yet")
	want := pool.NoBudgetError{Instance: "pg-a", Reason: "the lease is not there yet"}
	for range 2 {
		var e *pool.NoBudgetError
		require.ErrorAs(t, <-waits, &e)
		require.Equal(t, want, *e)
		require.True(t, pgconn.SafeToRetry(e))
	}
	_, err := db.Acquire(within(t, soon))
	require.ErrorContains(t, err, "may hold no connection to it now: the lease is not there yet")
	_, err = pool.AcquireMany(within(t, soon), db)
	require.ErrorAs(t, err, new(*pool.NoBudgetError))
	require.Equal(t, 2, in.Stat().InUse, "work in flight is not disturbed")
	_, err = held[0].Exec(within(t, soon), "select 1")
	require.NoError(t, err)
	for _, c := range held {
		c.Release()
	}
	eventually(t, "nothing is left", func() bool { return in.Stat().Open == 0 })

	require.NoError(t, in.SetLimit(0))
	_, err = db.Exec(within(t, soon), "select 1")
	require.ErrorContains(t, err, "its limit is 0")
	require.NoError(t, in.SetLimit(1))
	require.NoError(t, db.Ping(within(t, soon)))
	require.ErrorContains(t, in.SetLimit(-1), "0 is the least")
	require.Equal(t, 1, in.Limit())
}

func TestAPgxpoolGivesUpWhatALoweredLimitDoesNotCarry(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(5))
	db := in.Database(s.db, pool.DatabaseConfig{})
	p, err := db.PgxPool(within(t, soon), 4)
	require.NoError(t, err)
	conns := takeAll(t, p.Acquire, 4)
	conns[0].Release()
	conns[1].Release()
	require.NoError(t, in.SetLimit(2))
	eventually(t, "idle ones are closed", func() bool { return in.Stat().Open == 2 })
	require.NoError(t, in.SetLimit(1))
	conns[2].Release()
	eventually(t, "and those that are returned", func() bool { return in.Stat().Open == 1 })
	in.Suspend("")
	conns[3].Release()
	eventually(t, "to the last", func() bool { return in.Stat().Open == 0 })
	require.ErrorAs(t, p.Ping(within(t, soon)), new(*pool.NoBudgetError))
	require.NoError(t, in.SetLimit(2))
	require.NoError(t, p.Ping(within(t, soon)))
}

func TestWhatIsIdleGoesWhenWhatIsClosingDoesNotEnd(t *testing.T) {
	t.Parallel()
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.DrainTimeout = 100 * time.Millisecond })
	db, other := in.Database(s.db, pool.DatabaseConfig{}), in.Database("postgres", pool.DatabaseConfig{})
	require.NoError(t, other.Ping(within(t, soon)))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	_, err = c.Exec(ctx, fmt.Sprintf(stubborn, 3000))
	require.Error(t, err)
	c.Release()
	require.NoError(t, in.SetLimit(1))
	eventually(t, "the one that is closing would be enough, but its backend does not end", func() bool {
		return in.Stat().Closes.Shrunk == 1
	})
}

func TestAPgxpoolGivesUpNoMoreThanALoweredLimitNeeds(t *testing.T) {
	s := shared(t)
	var closed atomic.Int32
	in := s.instance(limit(4), func(c *pool.Config) { c.BeforeClose = func(*pgx.Conn) { closed.Add(1) } })
	p, err := in.Database(s.db, pool.DatabaseConfig{}).PgxPool(within(t, soon), 3)
	require.NoError(t, err)
	for _, c := range takeAll(t, p.Acquire, 3) {
		c.Release()
	}
	eventually(t, "all three are idle", func() bool { return p.Stat().IdleConns() == 3 })
	require.NoError(t, in.SetLimit(2))
	eventually(t, "one is given up", func() bool { return in.Stat().Open <= 2 })
	eventually(t, "the others are idle again", func() bool { return p.Stat().AcquiredConns() == 0 })
	require.Equal(t, 2, in.Stat().Lent)
	require.EqualValues(t, 1, closed.Load())
}

func TestDemandIsThePeakOfUseAndWaiting(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.Zero(t, in.Demand())
	held := takeAll(t, db.Acquire, 2)
	ctx, cancel := context.WithCancel(within(t, soon))
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() { assert.ErrorIs(t, db.Ping(ctx), context.Canceled) })
	}
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 3 })
	cancel()
	waiting.Wait()
	for _, c := range held {
		c.Release()
	}
	require.Equal(t, 5, in.Demand(), "two in use and three who waited")
	require.Zero(t, in.Demand(), "counted once")
	require.NoError(t, db.Ping(within(t, soon)))
	require.Equal(t, 1, in.Demand())
	in.Suspend("")
	require.Error(t, db.Ping(within(t, soon)))
	require.Equal(t, 1, in.Demand(), "somebody wanted one and was refused")
	require.Zero(t, in.Demand())
}

func TestAnImpossibleConfigurationIsRefused(t *testing.T) {
	s := shared(t)
	_, err := pool.New(pool.Config{Name: "x", Conn: s.connConfig()})
	require.ErrorContains(t, err, "Config.Limit is 0")
	_, err = pool.New(pool.Config{Name: "x", Limit: 5})
	require.ErrorContains(t, err, "Config.Conn")
	_, err = pool.New(pool.Config{Name: "x", Conn: &pgx.ConnConfig{}, Limit: 5})
	require.ErrorContains(t, err, "pgx.ParseConfig")
	_, err = pool.New(pool.Config{Conn: s.connConfig(), Limit: 5})
	require.ErrorContains(t, err, "Config.Name")
}

func TestOldAndIdleConnectionsAreClosed(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.IdleTimeout = 100 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	eventually(t, "idle for too long", func() bool { return in.Stat().Open == 0 })
	require.EqualValues(t, 1, in.Stat().Closes.Idle)

	in = s.instance(limit(2), func(c *pool.Config) { c.MaxLifetime = 100 * time.Millisecond })
	db = in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 2)
	conns[0].Release()
	eventually(t, "the idle one is too old", func() bool { return in.Stat().Open == 1 })
	require.Equal(t, 1, in.Stat().InUse, "nothing is taken from its holder")
	eventually(t, "the other one is too old on its return", func() bool {
		conns[1].Release()
		return in.Stat().Open == 0
	})
	require.EqualValues(t, 2, in.Stat().Closes.Lifetime)
}

func TestAConnectionThatGrewOldInUseIsNotHandedOn(t *testing.T) {
	s := shared(t)
	const lifetime = 100 * time.Millisecond
	in := s.instance(limit(1), func(c *pool.Config) { c.MaxLifetime = lifetime })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	next := make(chan uint32, 1)
	go func() {
		var pid uint32
		_ = db.QueryRow(within(t, soon), "select pg_backend_pid()").Scan(&pid)
		next <- pid
	}()
	eventually(t, "somebody waits", func() bool { return in.Stat().Waiting == 1 })
	time.Sleep(3 * lifetime) // its age is the scenario
	mine := held.Conn().PgConn().PID()
	held.Release()
	got := <-next
	require.NotZero(t, got)
	require.NotEqual(t, mine, got)
}

func TestAConnectionThatWasIdleForLongIsPingedBeforeUse(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.PingAfter = 40 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	require.NoError(t, db.Ping(within(t, soon)))
	eventually(t, "pinged", func() bool {
		time.Sleep(50 * time.Millisecond) // being idle is what is tested
		return db.Ping(within(t, soon)) == nil && in.Stat().Pings > 0
	})
	require.EqualValues(t, 1, in.Stat().Dials)
}

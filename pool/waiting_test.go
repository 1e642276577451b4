package pool_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// slowDials makes every dial wait for a token from the returned channel; closing it lets all pass.
func slowDials(c *pool.Config) chan struct{} {
	pass := make(chan struct{})
	dial := c.Conn.DialFunc
	c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		select {
		case <-pass:
			return dial(ctx, network, addr)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return pass
}

func TestWaitersAreServedInTheOrderOfTheirArrival(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	held, err := db.Acquire(ctx)
	require.NoError(t, err)

	const n = 50
	var served []int
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c, err := db.Acquire(ctx)
			if assert.NoError(t, err) {
				served = append(served, i) // guarded by holding the only connection
				c.Release()
			}
		})
		eventually(t, "in the queue", func() bool { return in.Stat().Waiting == i+1 })
	}
	held.Release()
	wg.Wait()
	for i, got := range served {
		require.Equal(t, i, got)
	}
	require.Len(t, served, n)
	require.EqualValues(t, n, in.Stat().Handoffs)
	require.EqualValues(t, 1, in.Stat().Dials)
}

func TestAWaiterTakesAReturnedConnectionWhileItsDialIsStillUnderWay(t *testing.T) {
	s := shared(t)
	var pass chan struct{}
	in := s.instance(limit(2), func(c *pool.Config) { pass = slowDials(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	go func() { pass <- struct{}{} }()
	held, err := db.Acquire(ctx)
	require.NoError(t, err)

	got := make(chan error, 1)
	go func() {
		c, err := db.Acquire(ctx)
		if err == nil {
			c.Release()
		}
		got <- err
	}()
	eventually(t, "its dial has begun", func() bool { return in.Stat().Dialling == 1 })
	held.Release()
	require.NoError(t, <-got)
	require.Equal(t, 1, in.Stat().Dialling, "the dial is still under way")
	close(pass)
	eventually(t, "the dial ends in an idle connection", func() bool { return in.Stat().Idle == 2 })
}

func TestASpikeDialsFewConnectionsAndIsServedByThoseThatExist(t *testing.T) {
	s := shared(t)
	var pass chan struct{}
	in := s.instance(limit(50), func(c *pool.Config) { pass = slowDials(c) })
	go func() {
		for range 5 {
			pass <- struct{}{}
		}
	}()
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 5) {
		c.Release()
	}
	before := in.Stat().Dials
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := db.Exec(within(t, soon), "select pg_sleep(0.002)")
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	require.Equal(t, 2, in.Stat().Dialling, "all were served while two dials were under way")
	close(pass)
	eventually(t, "the dials end", func() bool { return in.Stat().Dialling == 0 })
	require.EqualValues(t, 2, in.Stat().Dials-before)
}

func TestACancelledWaiterGetsItsErrorAndNoConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan error, 1)
	go func() {
		_, err := db.Acquire(ctx)
		got <- err
	}()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	cancel()
	require.ErrorIs(t, <-got, context.Canceled)
	st := in.Stat()
	require.Zero(t, st.Waiting)
	require.EqualValues(t, 1, st.Cancels)

	held.Release()
	require.Equal(t, 1, in.Stat().Idle)

	_, err = db.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled, "a context that has ended is refused even when a connection is idle")
	require.Equal(t, 1, in.Stat().Idle)
}

func TestAWaitEndsWithAnErrorThatSaysWhatThePoolWasDoing(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.AcquireTimeout = 20 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{})
	var held *pool.Conn
	eventually(t, "dialled: a loaded machine takes longer than the timeout, and the dial goes on", func() (ok bool) {
		var err error
		held, err = db.Acquire(within(t, soon))
		return err == nil
	})
	defer held.Release()
	timeouts := in.Stat().Timeouts

	_, err := db.Exec(context.Background(), "select 1")
	var e *pool.AcquireTimeoutError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "pg-a", e.Instance)
	require.Equal(t, s.db, e.Database)
	require.Equal(t, []int{1, 1, 1, 0}, []int{e.Limit, e.Open, e.InUse, e.Waiting})
	require.GreaterOrEqual(t, e.Waited, 20*time.Millisecond)
	require.Equal(t, timeouts+1, in.Stat().Timeouts)
	require.ErrorAs(t, db.QueryRow(context.Background(), "select 1").Scan(), &e)
	rows, err := db.Query(context.Background(), "select 1")
	require.ErrorAs(t, err, &e)
	require.False(t, rows.Next())
	require.ErrorAs(t, rows.Err(), &e)
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.MaxWaiting = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx, cancel := context.WithCancel(within(t, soon))
	held, err := db.Acquire(ctx)
	require.NoError(t, err)
	defer held.Release()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := db.Acquire(ctx)
		assert.ErrorIs(t, err, context.Canceled)
	}()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	_, err = db.Acquire(ctx)
	var full *pool.QueueFullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, 1, full.Waiting)
	require.EqualValues(t, 1, in.Stat().Refused.QueueFull)
	cancel()
	<-done
}

func TestAStormOfCancelledWaitersLosesNoToken(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3))
	db := in.Database(s.db, pool.DatabaseConfig{})
	var served atomic.Int64
	for began := time.Now(); served.Load() == 0 && time.Since(began) < soon; { // the first dial may take longer than a storm
		storm(64, time.Second, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(time.Now().UnixNano()%2000)*time.Microsecond)
			defer cancel()
			c, err := db.Acquire(ctx)
			if err == nil {
				served.Add(1)
				c.Release()
			}
		})
	}
	st := in.Stat()
	require.Positive(t, served.Load())
	require.Positive(t, st.Timeouts+st.Cancels)
	require.Zero(t, st.Waiting)
	require.Zero(t, st.InUse)
	for _, c := range takeAll(t, db.Acquire, 3) { // every token is there
		c.Release()
	}
	require.LessOrEqual(t, in.Stat().Peak, 3)
}

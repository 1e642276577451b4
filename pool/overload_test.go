package pool_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// offer makes callers come at an even pace for d, each holding a connection for hold, and returns what those who were
// served waited, and how many were refused for overload.
func offer(t *testing.T, db *pool.Database, every, hold, d time.Duration, c pool.Class) (waits []time.Duration, refused int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx := pool.WithClass(context.Background(), c)
	tick := time.NewTicker(every)
	defer tick.Stop()
	due, start := 0, time.Now()
	for time.Since(start) < d {
		<-tick.C
		for ; due < int(time.Since(start)/every); due++ { // a ticker drops what it is late for
			wg.Go(func() {
				came := time.Now()
				conn, err := db.Acquire(ctx)
				waited := time.Since(came)
				if err == nil {
					time.Sleep(hold)
					conn.Release()
				}
				mu.Lock()
				defer mu.Unlock()
				var e *pool.OverloadError
				switch {
				case err == nil:
					waits = append(waits, waited)
				case assert.ErrorAs(t, err, &e):
					refused++
				}
			})
		}
	}
	wg.Wait()
	return waits, refused
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func TestUnderTwiceItsLoadAPoolWithATargetKeepsItAndOneWithoutDoesNot(t *testing.T) {
	const hold, load = 20 * time.Millisecond, 2 * time.Second
	s := shared(t)
	var busy float64 // the part of the run for which a connection was in use, on average
	run := func(c pool.Class, target time.Duration) (time.Duration, int, int) {
		in := s.instance(limit(4), func(c *pool.Config) {
			c.QueueTarget, c.QueueInterval = target, 200*time.Millisecond
			c.AcquireTimeout = -1
		})
		db := in.Database(s.db, pool.DatabaseConfig{})
		for _, c := range takeAll(t, db.Acquire, 4) {
			c.Release()
		}
		before, start := in.Stat().Use.Sum, time.Now()
		waits, refused := offer(t, db, hold/8, hold, load, c) // 4 connections can serve one every hold/4
		busy = (in.Stat().Use.Sum - before).Seconds() / time.Since(start).Seconds() / 4
		return median(waits), len(waits), refused
	}
	target := 50 * time.Millisecond
	with, served, refused := run(pool.Interactive, target)
	busyWith := busy
	without, all, none := run(pool.Interactive, 0)
	t.Logf("with a target of %s: median %s, %d served, %d refused, busy %.2f; without: median %s, %d served",
		target, with, served, refused, busyWith, without, all)
	require.Positive(t, refused)
	require.Zero(t, none)
	require.Less(t, 4*with, without)
	require.Greater(t, busyWith, 0.7, "it does not shed what it could serve")
	_, _, refused = run(pool.Batch, target)
	require.Zero(t, refused, "only Interactive is refused")
}

func TestWhoseTimeIsClearlyOverBeforeItsTurnIsRefusedAtOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := db.Acquire(context.Background())
				if !assert.NoError(t, err) {
					return
				}
				time.Sleep(10 * time.Millisecond)
				c.Release()
			}
		})
	}
	var e *pool.OverloadError
	eventually(t, "twenty callers are 200 ms and more", func() bool {
		return errors.As(db.Ping(within(t, 20*time.Millisecond)), &e) && e.Waiting >= 15
	})
	require.Greater(t, e.Estimated, 40*time.Millisecond)
	require.True(t, pgconn.SafeToRetry(e))
	require.ErrorContains(t, e, "the caller's deadline does not allow")
	require.NoError(t, db.Ping(within(t, soon)), "who has time is served")
	require.NoError(t, db.Ping(pool.WithClass(within(t, 5*time.Second), pool.Control)), "Control has nobody ahead")
	stop()
	wg.Wait()
}

func TestNobodyIsRefusedBeforeThePoolHasServedAnybody(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	for range 20 {
		_, err := db.Acquire(within(t, time.Millisecond))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	held.Release()
}

func TestManyCallersOnFewConnectionsWaitEquallyLong(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(10))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 10) {
		c.Release()
	}
	const callers = 300
	var mu sync.Mutex
	var waits []time.Duration
	var overtaken []int64 // by how many others, who were served during the wait
	var served atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range 10 {
				came, before := time.Now(), served.Load()
				c, err := db.Acquire(within(t, time.Minute))
				if !assert.NoError(t, err) {
					return
				}
				waited, others := time.Since(came), served.Add(1)-1-before
				time.Sleep(time.Millisecond)
				c.Release()
				mu.Lock()
				waits, overtaken = append(waits, waited), append(overtaken, others)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	middle := median(waits)
	worst := waits[len(waits)-1]
	slices.Sort(overtaken)
	many := overtaken[len(overtaken)*19/20] // the few beyond it may have been kept from the processor before they stood in line
	t.Logf("median %s, worst %s: %.2f; %d others in between, at most %d", middle, worst, float64(worst)/float64(middle), many,
		overtaken[len(overtaken)-1])
	require.Less(t, many, int64(2*callers), "first come first served is %d; with waiters taken at random it is 900", callers)
}

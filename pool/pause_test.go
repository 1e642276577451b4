package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestAPausedPoolLendsNothingAndForgetsNobody(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 2)
	held[0].Release()
	paused := make(chan error, 1)
	go func() { paused <- in.Pause(within(t, soon)) }()
	eventually(t, "about to be paused", in.Paused)
	q := &queue{t: t, in: in}
	q.add("a", func() (*pool.Conn, error) { return db.Acquire(within(t, soon)) })
	q.add("b", func() (*pool.Conn, error) { return db.Acquire(within(t, soon)) })
	require.Empty(t, paused, "one is still in use")
	held[1].Release()
	require.NoError(t, <-paused)
	require.NoError(t, in.Pause(within(t, soon)), "it is paused already")
	require.Equal(t, []int{2, 2, 0}, []int{in.Stat().Idle, in.Stat().Waiting, in.Stat().InUse}, "idle ones are kept")
	require.True(t, in.Stat().Paused)

	_, err := db.Acquire(pgtest.Until(t, waiting(in, 3)))
	require.ErrorContains(t, err, "the pool is paused")
	in.Resume()
	require.Len(t, q.order(), 2)
	require.False(t, in.Paused())
	in.Resume()
	require.EqualValues(t, 2, in.Stat().Dials)
}

func TestAPauseThatTakesTooLongEndsByItself(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	err = in.Pause(within(t, 20*time.Millisecond))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "1 connections were still in use")
	require.False(t, in.Paused())
	held.Release()
	require.NoError(t, db.Ping(within(t, soon)))
}

func TestAPauseWaitsForAnAcquireManyThatHadBegunAndServesIt(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 2)
	held[0].Release()
	many := make(chan error, 1)
	go func() {
		conns, err := pool.AcquireMany(within(t, soon), db, db)
		for _, c := range conns {
			c.Release()
		}
		many <- err
	}()
	eventually(t, "it has one and waits for the other", func() bool { return in.Stat().Waiting == 1 && in.Stat().InUse == 2 })
	paused := make(chan error, 1)
	go func() { paused <- in.Pause(within(t, soon)) }()
	eventually(t, "about to be paused", in.Paused)
	held[1].Release()
	require.NoError(t, <-many)
	require.NoError(t, <-paused)
	_, err := pool.AcquireMany(within(t, 20*time.Millisecond), db)
	require.ErrorIs(t, err, context.DeadlineExceeded, "a later one waits")
	in.Resume()
}

func TestAControlConnectionOutlivesAPause(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.Control = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := in.Control(within(t, soon), db)
	require.NoError(t, err)
	require.NoError(t, in.Pause(within(t, soon)))
	_, err = c.Exec(within(t, soon), "select 1")
	require.NoError(t, err)
	c.Release()
	in.Resume()
}

func TestCallersWithPatienceDoNotNoticeARestartDuringAPause(t *testing.T) {
	cluster := pgtest.Private(t)
	s := on(t, cluster)
	in := s.instance(limit(4))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx, stop := context.WithCancel(context.Background())
	var served atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := db.Exec(context.Background(), "select pg_sleep(0.001)")
				assert.NoError(t, err)
				served.Add(1)
			}
		})
	}
	eventually(t, "at work", func() bool { return served.Load() > 50 })
	require.NoError(t, in.Pause(within(t, soon)))
	before := served.Load()
	require.NoError(t, cluster.Restart(within(t, soon)))
	eventually(t, "all of them wait", func() bool { return in.Stat().Waiting == 8 })
	require.LessOrEqual(t, served.Load(), before+8)
	in.Resume()
	eventually(t, "at work again", func() bool { return served.Load() > before+100 })
	stop()
	wg.Wait()
}

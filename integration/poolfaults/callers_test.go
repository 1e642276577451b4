package poolfaults_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestTwoThousandGoroutinesShareFortyConnectionsOverEightServers(t *testing.T) {
	const servers, goroutines, each = 8, 2000, 8
	s := begin(t, servers, func(c *pool.Config) { c.Limit, c.AcquireTimeout = 5, -1 })
	var all []*pool.Database
	for _, v := range s.servers {
		all = append(all, v.db)
	}
	var work sync.WaitGroup
	var fans, cancelled atomic.Int64
	for g := range goroutines {
		work.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(g)))
			for range each {
				switch random.IntN(20) {
				case 0: // all servers at once
					conns, err := pool.AcquireMany(s.ctx, all...)
					if !assert.NoError(t, err) {
						return
					}
					for _, c := range conns {
						c.Release()
					}
					fans.Add(1)
				case 1: // somebody in a hurry
					ctx, cancel := context.WithTimeout(s.ctx, time.Duration(random.IntN(3000))*time.Microsecond)
					if _, err := s.servers[random.IntN(servers)].db.Exec(ctx, "select pg_sleep(0.01)"); err != nil {
						cancelled.Add(1)
					}
					cancel()
				default:
					v := s.servers[random.IntN(servers)]
					if _, err := v.db.Exec(s.ctx, "select 1"); !assert.NoError(t, err) {
						return
					}
					v.served.Add(1)
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d fan-outs over all servers, %d cancelled calls", fans.Load(), cancelled.Load())
	for i, v := range s.servers {
		st := v.in.Stat()
		require.Zero(t, st.Waiting, "server %d", i)
		require.LessOrEqual(t, st.Peak, 5, "server %d", i)
		require.LessOrEqual(t, st.Timeouts+st.Cancels, cancelled.Load(), "server %d: only those in a hurry gave up: %+v", i, st)
	}
}

func TestAStormOfCancelledStatements(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	var storm sync.WaitGroup
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	for g := range 20 {
		storm.Go(func() {
			random := rand.New(rand.NewPCG(5, uint64(g)))
			for ctx.Err() == nil {
				hurry, done := context.WithTimeout(ctx, time.Duration(1+random.IntN(40))*time.Millisecond)
				rows, err := broken.db.Query(hurry, "select count(*) from generate_series(1, 3000000)")
				if err == nil {
					for rows.Next() {
					}
					rows.Close()
				}
				done()
			}
		})
	}
	s.during(outage(t))
	cancel()
	storm.Wait()
	s.progress(broken, 200, "after the storm")
}

func TestCloseWithWorkInFlight(t *testing.T) {
	s := begin(t, 2)
	for _, v := range s.servers {
		for range callers {
			s.work.Go(func() {
				for s.ctx.Err() == nil {
					_, err := v.db.Exec(context.Background(), "select pg_sleep(30)")
					if errors.Is(err, pool.ErrClosed) {
						return
					}
					assert.Error(t, err)
				}
			})
		}
	}
	broken := s.servers[0]
	require.Eventually(t, func() bool { return broken.in.Stat().InUse == share }, soon, 5*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	var forced *pool.CloseError
	require.ErrorAs(t, broken.in.Close(ctx), &forced)
	require.Equal(t, share, forced.Forced)
	require.Zero(t, forced.Open, "every backend was seen to end")

	forced = nil
	ctx2, cancel2 := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel2()
	require.ErrorAs(t, s.servers[1].in.Close(ctx2), &forced)
}

func TestCallersThatForgetToCloseHoldWhatTheyTookAndNoMore(t *testing.T) {
	s := begin(t, 2, func(c *pool.Config) { c.AcquireTimeout = 200 * time.Millisecond })
	broken := s.servers[0]
	for range share - 1 {
		rows, err := broken.db.Query(s.ctx, "select generate_series(1, 1000)") //nolint:sqlclosecheck // forgotten on purpose
		require.NoError(t, err)
		require.True(t, rows.Next())
	}
	s.call(short)
	s.progress(broken, 500, "what is left serves everybody")
	require.Equal(t, share, broken.in.Stat().Peak)

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	s.stop()
	s.work.Wait()
	var forced *pool.CloseError
	require.ErrorAs(t, broken.in.Close(ctx), &forced, "Close does not wait for them for ever")
	require.Equal(t, share-1, forced.Forced)
}

package pool_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// dialsAtOnce counts the dials in flight, from the first packet to the end of AfterConnect, and refuses some.
type dialsAtOnce struct {
	refuse          atomic.Int64 // how many more fail
	now, most, made atomic.Int64
}

func (n *dialsAtOnce) watch(c *pool.Config) {
	c.MaxDials = 2
	dial := c.Conn.DialFunc
	c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		now := n.now.Add(1)
		for most := n.most.Load(); now > most && !n.most.CompareAndSwap(most, now); most = n.most.Load() {
		}
		time.Sleep(2 * time.Millisecond) // a network
		if n.refuse.Add(-1) >= 0 {
			n.now.Add(-1)
			return nil, errors.New("refused by the test")
		}
		return dial(ctx, network, addr)
	}
	c.AfterConnect = func(context.Context, *pgx.Conn) error {
		time.Sleep(5 * time.Millisecond)
		n.now.Add(-1)
		n.made.Add(1)
		return nil
	}
}

// TestPgxPoolsAndThePoolShareMaxDials: both grow at once.
func TestPgxPoolsAndThePoolShareMaxDials(t *testing.T) {
	s, dials := shared(t), &dialsAtOnce{}
	in := s.instance(limit(16), dials.watch)
	db := in.Database(s.db, pool.DatabaseConfig{})
	p, err := db.PgxPool(within(t, soon), 8)
	require.NoError(t, err)
	ctx := within(t, soon)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := p.Acquire(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Release()
			_, _ = c.Exec(ctx, "select pg_sleep(0.2)")
		})
		wg.Go(func() {
			_, err := db.Exec(ctx, "select pg_sleep(0.2)")
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Greater(t, dials.made.Load(), int64(8), "both have grown")
	require.LessOrEqual(t, dials.most.Load(), int64(2))
	require.NoError(t, in.Warm(ctx, 4), "the turns came back")
}

// TestADialOfAPgxPoolThatFailsEndsItsTurn: as often as there are turns and more, in DialFunc and after it.
func TestADialOfAPgxPoolThatFailsEndsItsTurn(t *testing.T) {
	s, dials := shared(t), &dialsAtOnce{}
	fail := atomic.Bool{}
	in := s.instance(limit(6), dials.watch, func(c *pool.Config) {
		c.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
			if fail.Load() {
				cc.Database = "there is no such database"
			}
			return nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	p, err := db.PgxPool(within(t, soon), 4)
	require.NoError(t, err)
	dials.refuse.Store(4)
	for range 4 {
		require.ErrorContains(t, p.Ping(within(t, soon)), "refused by the test")
	}
	fail.Store(true)
	for range 4 {
		require.ErrorContains(t, p.Ping(within(t, soon)), "there is no such database")
	}
	fail.Store(false)
	require.NoError(t, p.Ping(within(t, soon)))
}

// TestWhoWaitsForATurnGivesItsTokenBack: one dial hangs, two wait for their turn, and all give up.
func TestWhoWaitsForATurnGivesItsTokenBack(t *testing.T) {
	t.Parallel()
	s := shared(t)
	hang := make(chan struct{})
	in := s.instance(limit(4), func(c *pool.Config) {
		c.MaxDials = 1
		c.DialTimeout = 4 * time.Second // for all three to be seen with their tokens
		c.AcquireTimeout = 4 * time.Second
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			select {
			case <-hang:
				return dial(ctx, network, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	p, err := db.PgxPool(within(t, soon), 3)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { _ = p.Ping(within(t, soon)) })
	}
	eventually(t, "all have a token", func() bool { return in.Stat().Lent == 3 })
	eventually(t, "all have given up", func() bool { return in.Stat().Lent == 0 })
	close(hang)
	wg.Wait()
	eventually(t, "served", func() bool { return db.Ping(within(t, soon)) == nil })
}

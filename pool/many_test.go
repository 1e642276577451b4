package pool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// pair is two instances of the shared server, which is all the same to the pool.
func pair(t *testing.T, n int) (s *server, a, b *pool.Instance, da, db *pool.Database) {
	s = shared(t)
	a = s.instance(limit(n), func(c *pool.Config) { c.Name = "a" })
	b = s.instance(limit(n), func(c *pool.Config) { c.Name = "b" })
	return s, a, b, a.Database(s.db, pool.DatabaseConfig{}), b.Database(s.db, pool.DatabaseConfig{})
}

func TestSeveralConnectionsComeInTheOrderAskedFor(t *testing.T) {
	_, a, b, da, db := pair(t, 2)
	conns, err := pool.AcquireMany(within(t, soon), db, da, db)
	require.NoError(t, err)
	require.Equal(t, []*pool.Database{db, da, db},
		[]*pool.Database{conns[0].Database(), conns[1].Database(), conns[2].Database()})
	require.NotSame(t, conns[0].Conn(), conns[2].Conn())
	require.Equal(t, 1, a.Stat().InUse)
	require.Equal(t, 2, b.Stat().InUse)
	for _, c := range conns {
		c.Release()
	}
	none, err := pool.AcquireMany(within(t, soon))
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestMoreConnectionsThanCouldEverBeLentAreRefusedAtOnce(t *testing.T) {
	_, a, b, da, db := pair(t, 2)
	_, err := pool.AcquireMany(context.Background(), da, db, db, db)
	var many *pool.TooManyError
	require.ErrorAs(t, err, &many)
	require.Equal(t, pool.TooManyError{Instance: "b", Wanted: 3, Lendable: 2}, *many)
	require.Zero(t, a.Stat().Dials+b.Stat().Dials, "nothing was begun")
}

func TestSeveralConnectionsAreAllOrNone(t *testing.T) {
	_, a, b, da, db := pair(t, 2)
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	_, err = pool.AcquireMany(within(t, 100*time.Millisecond), da, da, db, db)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 0, a.Stat().InUse)
	require.Equal(t, 1, b.Stat().InUse)
	require.Zero(t, b.Stat().Waiting)
	held.Release()

	conns, err := pool.AcquireMany(within(t, soon), da, da, db, db)
	require.NoError(t, err)
	for _, c := range conns {
		c.Release()
	}
}

func TestALoweredLimitEndsAnAcquireManyThatCanNoLongerBeServed(t *testing.T) {
	s := shared(t)
	a := s.instance(limit(3))
	da := a.Database(s.db, pool.DatabaseConfig{})
	held, err := da.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() {
		_, err := pool.AcquireMany(context.Background(), da, da, da)
		got <- err
	}()
	eventually(t, "two are there, one is waited for", func() bool { st := a.Stat(); return st.Waiting == 1 && st.InUse == 3 })
	require.NoError(t, a.SetLimit(2))
	var many *pool.TooManyError
	require.ErrorAs(t, <-got, &many)
	held.Release()
	eventually(t, "down to the limit", func() bool { return a.Stat().Open <= 2 })
}

func TestAnAcquireManyEndsWithThePoolWhilePrepareConnIsAtWork(t *testing.T) {
	s := shared(t)
	preparing, closing := make(chan struct{}), make(chan struct{})
	in := s.instance(limit(2), func(c *pool.Config) {
		c.AcquireTimeout = -1
		c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
			close(preparing)
			<-closing
			return false, nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	got := make(chan error, 1)
	go func() {
		_, err := pool.AcquireMany(context.Background(), db)
		got <- err
	}()
	<-preparing
	closed := make(chan error, 1)
	go func() { closed <- in.Close(within(t, soon)) }()
	eventually(t, "closing", func() bool { return errors.Is(db.Ping(within(t, soon)), pool.ErrClosed) })
	close(closing)
	require.ErrorIs(t, <-got, pool.ErrClosed)
	require.NoError(t, <-closed)
}

func TestCallersThatNameInstancesInOppositeOrdersDoNotDeadlock(t *testing.T) {
	s, a, b, da, db := pair(t, 3)
	da2 := a.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{})
	sets := [][]*pool.Database{{da, db, db}, {db, da, da}, {da, da2, db}, {db, da2, da2}, {db, db, db}, {da}}
	ctx := within(t, soon)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for n := range 25 {
				conns, err := pool.AcquireMany(ctx, sets[(i+n)%len(sets)]...)
				if !assert.NoError(t, err) {
					return
				}
				for _, c := range conns {
					c.Release()
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, a.Stat().Peak, 3)
	require.LessOrEqual(t, b.Stat().Peak, 3)
	require.Zero(t, a.Stat().InUse+b.Stat().InUse+a.Stat().Waiting+b.Stat().Waiting)
}

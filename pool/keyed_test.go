package pool_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func maxPerKey(n int) func(*pool.Config) { return func(c *pool.Config) { c.MaxPerKey = n } }

func TestOneKeyCannotHaveMoreThanItsCapAndDoesNotStandInTheWay(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), maxPerKey(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	noisy := db.ForKey(7777777777)
	held := takeAll(t, noisy.Acquire, 2)
	q := &queue{t: t, in: in}
	q.add("first", func() (*pool.Conn, error) { return noisy.Acquire(within(t, soon)) })
	q.add("second", func() (*pool.Conn, error) { return noisy.Acquire(within(t, soon)) })
	_, err := db.ForKey(8).Exec(within(t, soon), "select 1")
	require.NoError(t, err, "another key passes by")
	require.NoError(t, db.Ping(within(t, soon)), "and who has none")
	require.Equal(t, 2, in.Stat().Waiting, "although a connection is idle")

	_, err = noisy.Exec(pgtest.Until(t, waiting(in, 3)), "select 1")
	var e *pool.AcquireTimeoutError
	require.ErrorAs(t, err, &e)
	require.Equal(t, 2, e.MaxPerKey)
	require.ErrorContains(t, err, "its key had the 2 that one key may have")
	require.NotContains(t, err.Error(), "77777")

	held[0].Release()
	require.Equal(t, []string{"first", "second"}, q.order())
	held[1].Discard()
	for _, c := range takeAll(t, noisy.Acquire, 2) { // every turn is there
		c.Release()
	}
	require.Empty(t, pool.Audit(in))
}

func TestAKeysTurnIsNotLostByThoseWhoGiveUp(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), maxPerKey(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	ctx, giveUp := context.WithCancel(within(t, soon))
	inLine := make(chan error, 1)
	go func() { _, err := db.ForKey(7).Acquire(ctx); inLine <- err }()
	eventually(t, "in line", func() bool { return in.Stat().Waiting == 1 })
	q := &queue{t: t, in: in}
	q.add("next of the key", func() (*pool.Conn, error) { return db.ForKey(7).Acquire(within(t, soon)) })
	giveUp()
	require.ErrorIs(t, <-inLine, context.Canceled)
	held.Release()
	require.Equal(t, []string{"next of the key"}, q.order())
}

func TestACapAllocatesNothing(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), maxPerKey(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	key := uint64(0)
	require.Zero(t, allocs(t, func() error {
		key++
		c, err := db.ForKey(key).Acquire(context.Background())
		if err == nil {
			c.Release()
		}
		return err
	}))
}

func TestAKeysTurnComesBackThroughAResetAndAGivenUpWait(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), maxPerKey(1), func(c *pool.Config) {
		c.Reset = func(context.Context, *pgx.Conn) error { return nil }
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 3 {
		_, err := db.ForKey(7).Exec(within(t, soon), "select 1")
		require.NoError(t, err)
		require.NoError(t, db.Ping(within(t, soon)))
		require.Empty(t, pool.Audit(in))
	}
}

package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/pool"
)

func TestTheRoundTripIsMeasuredOnNewSessionsAndByChecks(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(2), func(c *pool.Config) {
		proxy = s.behind(c)
		c.HealthInterval = 20 * time.Millisecond
	})
	const delay = 100 * time.Millisecond
	slow := proxy.On(faultproxy.Match{Backend: "ReadyForQuery", Times: -1}, faultproxy.Delay(delay))
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.Zero(t, db.RoundTrip())
	require.NoError(t, db.Ping(within(t, soon)))
	require.GreaterOrEqual(t, db.RoundTrip(), delay)
	eventually(t, "told by both, between two checks", func() bool { return db.RoundTrip() == in.Stat().Databases[0].RoundTrip })
	conn, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	require.NoError(t, conn.MeasureRoundTrip(within(t, soon), 2))
	conn.Release()
	require.ErrorIs(t, conn.MeasureRoundTrip(within(t, soon), 2), pool.ErrReleased)
	require.GreaterOrEqual(t, db.RoundTrip(), delay)

	slow.Remove()
	eventually(t, "a check finds it nearer", func() bool { return db.RoundTrip() < delay })
	proxy.On(faultproxy.Match{Backend: "ReadyForQuery", Times: -1}, faultproxy.Delay(delay))
	eventually(t, "some checks find it farther", func() bool { return db.RoundTrip() >= delay })
}

func TestADatabaseServesUntilItsPoolOrItsServerDoesNot(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(2), func(c *pool.Config) { proxy = s.behind(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.True(t, db.Serves(), "nothing is known against it")
	require.NoError(t, db.Ping(within(t, soon)))

	in.Suspend("a test")
	require.False(t, db.Serves())
	require.NoError(t, in.SetLimit(2))
	require.True(t, db.Serves())

	require.NoError(t, in.Pause(within(t, soon)))
	require.False(t, db.Serves())
	in.Resume()
	require.True(t, db.Serves())

	require.NoError(t, proxy.Refuse())
	proxy.Cut()
	require.Error(t, db.Ping(within(t, soon)))
	require.False(t, db.Serves())
	require.NoError(t, proxy.Accept())
	eventually(t, "Retry finds that it is back", func() bool { db.Retry(); return db.Serves() })
	require.NoError(t, db.Ping(within(t, soon)))

	require.NoError(t, in.Close(within(t, soon)))
	require.False(t, db.Serves())
	db.Retry()
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// behind puts a proxy between an instance and its server.
func (s *server) behind(c *pool.Config) *faultproxy.Proxy {
	p, err := faultproxy.New(context.Background(), s.cluster.Addr())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, p.Close()) })
	c.Conn.Host, c.Conn.Port = p.Host(), uint16(p.Port())
	return p
}

// cutWhileComputing runs sql on n connections and cuts them all in the middle.
func cutWhileComputing(t *testing.T, s *server, db *pool.Database, proxy *faultproxy.Proxy, n int, sql string) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_, err := db.Exec(context.Background(), sql)
			assert.Error(t, err)
			assert.False(t, pgconn.SafeToRetry(err))
		})
	}
	watch := pgtest.Conn(t, s.cluster, localpg.Superuser, "postgres")
	eventually(t, "all compute", func() bool {
		var running int
		err := watch.QueryRow(context.Background(), "select count(*) from pg_stat_activity "+
			"where application_name = $1 and state = 'active' and query = $2", s.app, sql).Scan(&running)
		return err == nil && running == n
	})
	proxy.Cut()
	wg.Wait()
}

func TestWhatCutsConnectionsInBetweenDoesNotRaiseTheNumberOfBackends(t *testing.T) {
	t.Parallel()
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(4), func(c *pool.Config) {
		c.MaxDials = 4
		c.PingTimeout = soon // with the last connection given up too, one of the others would be presumed to be gone
		proxy = s.behind(c)
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	cutWhileComputing(t, s, db, proxy, 3, fmt.Sprintf(stubborn, 3000))
	served := storm(8, 2*time.Second, func(context.Context) { _ = db.Ping(context.Background()) })
	require.Positive(t, served, "the connection that is left serves")
	require.NoError(t, in.Warm(within(t, soon), 4), "every token comes back")
	seen.stop()
	t.Logf("limit 4, 3 connections cut while their backends compute: %d backends", seen.of(s.app))
	require.Equal(t, 4, seen.of(s.app), "%+v", in.Stat())
	require.Zero(t, in.Stat().Forgotten)
}

func TestAPoolRecoversWhenAllItsConnectionsAreCutAtOnce(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(3), func(c *pool.Config) {
		c.ClientCheckInterval = -1 // the backends do not look for their clients, and compute for longer than the test waits
		proxy = s.behind(c)
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	cutWhileComputing(t, s, db, proxy, 3, "select pg_sleep(600)")
	require.NoError(t, db.Ping(within(t, soon)))
	require.NoError(t, in.Warm(within(t, soon), 3))
	// One is presumed to be gone, and the next connection asks about the others; where that takes too long, about the last.
	require.Positive(t, in.Stat().Forgotten)
	require.LessOrEqual(t, in.Stat().Forgotten, int64(2))
}

func TestADirectConnectionThatEndsGivesItsTokenBackWithoutAQuestion(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 5 {
		_, err := db.Exec(within(t, soon), "select pg_terminate_backend(pg_backend_pid())")
		require.Error(t, err)
	}
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 6, in.Stat().Acquires, "nobody asked about a backend")
}

func TestAPoolOfOneBehindAProxyReplacesItsConnectionAtOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.DrainTimeout = time.Minute; s.behind(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	in.Recycle()
	require.NoError(t, db.Ping(within(t, soon)), "a backend that was idle and got Terminate has ended")
}

func TestALostConnectionIsNotSafeToRetryInAnyOfItsFaces(t *testing.T) {
	s := shared(t)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(4), func(c *pool.Config) { proxy = s.behind(c) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	faces := map[string]func(sql string) error{
		"Exec":     func(sql string) error { _, err := db.Exec(ctx, sql); return err },
		"QueryRow": func(sql string) error { return db.QueryRow(ctx, sql).Scan(new(int)) },
		"Query": func(sql string) error {
			rows, err := db.Query(ctx, sql)
			for rows.Next() {
			}
			return errors.Join(err, rows.Err())
		},
		"Query of a connection": func(sql string) error {
			c, err := db.Acquire(ctx)
			require.NoError(t, err)
			defer c.Release()
			rows, err := c.Query(ctx, sql)
			for rows.Next() {
			}
			return errors.Join(err, rows.Err())
		},
		"QueryRow of a connection": func(sql string) error {
			c, err := db.Acquire(ctx)
			require.NoError(t, err)
			defer c.Release()
			return c.QueryRow(ctx, sql).Scan(new(int))
		},
	}
	for name, f := range faces {
		for _, action := range []faultproxy.Action{faultproxy.CutAfter, faultproxy.LoseReply} {
			t.Run(name, func(t *testing.T) {
				rule := proxy.On(faultproxy.Match{Frontend: "select 42"}, action)
				err := f("select 42")
				require.Error(t, err)
				require.Equal(t, 1, rule.Hits())
				require.False(t, pgconn.SafeToRetry(err), "the server may have executed it: %v", err)
			})
		}
	}
}

// TestAQuestionAboutABackendHasThePingsTime: the answer takes longer than the pool waits for a connection to ask over.
func TestAQuestionAboutABackendHasThePingsTime(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var proxy *faultproxy.Proxy
	in := s.instance(limit(2), func(c *pool.Config) {
		c.DrainTimeout, c.PingTimeout = 50*time.Millisecond, soon
		proxy = s.behind(c)
	})
	slow := proxy.On(faultproxy.Match{Frontend: "select backend_start from", Times: -1}, faultproxy.Delay(1200*time.Millisecond))
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, in.Warm(within(t, soon), 2))
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	resume := stopBackend(t, c)
	c.Discard()
	eventually(t, "it was answered and asked again", func() bool { return slow.Hits() >= 2 })
	require.Zero(t, in.Stat().Closes.Broken, "the connection that was asked over is sound")
	require.Equal(t, 2, in.Stat().Open)
	slow.Remove()
	resume()
	eventually(t, "the answer gave the token back", func() bool { return in.Stat().Open == 1 })
}

package pool_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// sharedTokens is the obvious way to put two pgxpools under one budget: a token for each socket.
func (s *server) sharedTokens(n int, dbs ...string) []*pgxpool.Pool {
	tokens := make(chan struct{}, n)
	pools := make([]*pgxpool.Pool, len(dbs))
	for i, name := range dbs {
		pools[i] = s.plainPool("shared-tokens", func(c *pgxpool.Config) {
			c.ConnConfig.Database = name
			c.MaxConns = int32(n)
			dial := c.ConnConfig.DialFunc
			c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				select {
				case tokens <- struct{}{}:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				c, err := dial(ctx, network, addr)
				return &tokenConn{Conn: c, free: sync.OnceFunc(func() { <-tokens })}, err
			}
		})
	}
	return pools
}

type tokenConn struct {
	net.Conn
	free func()
}

func (c *tokenConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}

func TestIdleConnectionsOfOneDatabaseDoNotStarveAnother(t *testing.T) {
	s := shared(t)
	other := pgtest.Database(t, s.cluster)
	const tokens = 4
	const patience = 500 * time.Millisecond

	plain := s.sharedTokens(tokens, s.db, other)
	for _, c := range takeAll(t, plain[0].Acquire, tokens) {
		c.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t.Logf("two pgxpools, %d shared tokens, the first was busy: the second gets %v", tokens, plain[1].Ping(ctx))

	in := s.instance(limit(tokens))
	first := in.Database(s.db, pool.DatabaseConfig{})
	second := in.Database(other, pool.DatabaseConfig{})
	for _, c := range takeAll(t, first.Acquire, tokens) {
		c.Release()
	}
	require.Equal(t, tokens, in.Stat().Idle)
	require.NoError(t, second.Ping(within(t, soon)))
	st := in.Stat()
	require.EqualValues(t, 1, st.Evictions)
	require.EqualValues(t, 1, st.Closes.Evicted)
	require.Equal(t, tokens, st.Idle, "no more was evicted than was needed")
	require.Equal(t, tokens, st.Peak)
}

func TestADatabaseUnderLoadLetsAnotherHaveAConnection(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	const tokens = 4
	in := s.instance(limit(tokens))
	busy := in.Database(s.db, pool.DatabaseConfig{})
	quiet := in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{})

	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var ran atomic.Int64
	for range 4 * tokens { // always more callers than connections: nothing is ever idle
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := busy.Exec(context.Background(), "select pg_sleep(0.001)")
				assert.NoError(t, err)
				ran.Add(1)
			}
		})
	}
	eventually(t, "the load has begun", func() bool { return ran.Load() > 50 })
	var worst time.Duration
	for range 10 {
		start := time.Now()
		require.NoError(t, quiet.Ping(within(t, soon)))
		worst = max(worst, time.Since(start))
	}
	stop()
	wg.Wait()
	t.Logf("worst of 10 statements beside a saturating load on %d connections: %s; %d conversions, %d statements of the load",
		tokens, worst, in.Stat().Closes.Evicted, ran.Load())
	require.LessOrEqual(t, in.Stat().Peak, tokens)
	seen.stop()
	require.LessOrEqual(t, seen.of(s.app), tokens)
}

func TestTwoDatabasesUnderLoadDoNotConvertConnectionsAllTheTime(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(6))
	dbs := []*pool.Database{
		in.Database(s.db, pool.DatabaseConfig{}),
		in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{}),
	}
	var ran [2]atomic.Int64
	var next atomic.Int64
	storm(24, 2*time.Second, func(context.Context) {
		i := next.Add(1) % 2
		_, err := dbs[i].Exec(context.Background(), "select pg_sleep(0.001)")
		assert.NoError(t, err)
		ran[i].Add(1)
	})
	st := in.Stat()
	t.Logf("statements %d and %d, dials %d, conversions %d", ran[0].Load(), ran[1].Load(), st.Dials, st.Closes.Evicted)
	require.Less(t, st.Closes.Evicted*20, ran[0].Load()+ran[1].Load())
	require.Positive(t, ran[0].Load())
	require.Positive(t, ran[1].Load())
}

func TestTheDatabasesOptionsReachTheServer(t *testing.T) {
	s := shared(t)
	role := pgtest.Role(t, s.cluster, "")
	var prepared []string
	in := s.instance(limit(2), func(c *pool.Config) {
		c.AfterConnect = func(context.Context, *pgx.Conn) error { prepared = append(prepared, "instance"); return nil }
	})
	db := in.Database(s.db, pool.DatabaseConfig{
		User:          role,
		RuntimeParams: map[string]string{"keyway.client": "1", "search_path": "pg_catalog"},
		AfterConnect:  func(context.Context, *pgx.Conn) error { prepared = append(prepared, "database"); return nil },
	})
	var user, app, client, path string
	err := db.QueryRow(within(t, soon), `select current_user, current_setting('application_name'),
		current_setting('keyway.client'), current_setting('search_path')`).Scan(&user, &app, &client, &path)
	require.NoError(t, err)
	require.Equal(t, []string{role, s.app, "1", "pg_catalog"}, []string{user, app, client, path})
	require.Equal(t, []string{"instance", "database"}, prepared)
	require.Equal(t, s.db, db.Name())
	require.Same(t, in, db.Instance())
}

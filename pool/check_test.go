package pool_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestADeadServerIsNoticedWithoutCallers(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	const interval = 3 * time.Second
	in := s.instance(limit(3), func(c *pool.Config) { c.HealthInterval = interval })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, in.Warm(within(t, soon), 3))
	eventually(t, "checked", func() bool { return in.Stat().Checks > 0 })
	require.Zero(t, in.Stat().CheckErrors)
	require.NoError(t, s.cluster.Kill())
	eventually(t, "one check fails", func() bool { return in.Stat().CheckErrors > 0 })
	failed := time.Now()
	eventually(t, "and with it all the others", func() bool { return in.Stat().Idle == 0 })
	require.Less(t, time.Since(failed), interval, "not one after the other")
	eventually(t, "gone", func() bool { return in.Stat().Open == 0 })
	st := in.Stat()
	require.EqualValues(t, 3, st.Closes.Broken)
	require.Zero(t, st.Pings, "no caller paid for it")
	require.Error(t, db.Ping(within(t, soon)))
}

func TestAServerThatHangsIsNoticedWithoutCallers(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	in := s.instance(limit(2), func(c *pool.Config) {
		c.HealthInterval, c.PingTimeout = 50*time.Millisecond, 3*time.Second
	})
	in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, in.Warm(within(t, soon), 2))
	require.NoError(t, s.cluster.Pause())
	eventually(t, "both are given up", func() bool { return in.Stat().Closes.Broken == 2 })
	require.Equal(t, 2, in.Stat().Open, "their backends are still there")
	require.NoError(t, s.cluster.Resume())
	eventually(t, "gone", func() bool { return in.Stat().Open == 0 })
}

func TestSilentConnectionsAreKeptAliveOneAtATimeAndStillTimeOut(t *testing.T) {
	t.Parallel()
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) {
		// Time for two pings of each, which take a tenth of a second, on a machine that does many other things.
		c.HealthInterval, c.KeepAlive, c.IdleTimeout = -1, 40*time.Millisecond, 5*time.Second
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 3) {
		c.Release()
	}
	eventually(t, "each was pinged", func() bool { return in.Stat().Checks >= 6 })
	eventually(t, "a ping is no use", func() bool { return in.Stat().Closes.Idle == 3 })
	require.EqualValues(t, 3, in.Stat().Dials)
}

// TestAPoolLeavesADemotedPrimary: the address first leads to a server that is then a standby, and later to another one
// that is writable, as after a failover behind one name.
func TestAPoolLeavesADemotedPrimary(t *testing.T) {
	t.Parallel()
	old, next := pgtest.Private(t), pgtest.Private(t)
	for _, c := range []*localpg.Cluster{old, next} {
		pgtest.Exec(t, c, "postgres", "create table t (a int)")
	}
	s := &server{t: t, cluster: old, db: "postgres", app: "demoted"}
	var address atomic.Value
	address.Store(old.Addr())
	in := s.instance(limit(3), func(c *pool.Config) {
		c.PingAfter, c.HealthInterval = -1, -1
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, address.Load().(string))
		}
	})
	db := in.Database("postgres", pool.DatabaseConfig{})
	insert := func() error { _, err := db.Exec(within(t, soon), "insert into t values (1)"); return err }
	require.NoError(t, insert())

	ctx := within(t, time.Minute)
	require.NoError(t, old.Stop(ctx))
	require.NoError(t, os.WriteFile(filepath.Join(old.DataDir(), "standby.signal"), nil, 0o600))
	require.NoError(t, old.Start(ctx))
	eventually(t, "a connection to the demoted server", func() bool {
		var pg *pgconn.PgError
		return errors.As(insert(), &pg) && pg.Code == "25006"
	})
	require.NoError(t, in.Warm(ctx, 3))
	thrown := in.Stat().Closes.Demoted
	require.Error(t, insert())
	address.Store(next.Addr())
	require.NoError(t, insert(), "every connection to the old server is found before its next use")
	require.NoError(t, insert())
	for _, c := range takeAll(t, db.Acquire, 3) {
		require.Equal(t, "off", c.Conn().PgConn().ParameterStatus("in_hot_standby"))
		c.Release()
	}
	require.Equal(t, thrown+3, in.Stat().Closes.Demoted)
}

func TestABusyPoolLeavesAFencedPrimaryToo(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	pgtest.Exec(t, s.cluster, s.db, "create table t (a int)")
	in := s.instance(limit(1), func(c *pool.Config) { c.PingAfter, c.HealthInterval = -1, -1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	require.NoError(t, s.cluster.Set(within(t, soon), "default_transaction_read_only", "on"))
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	eventually(t, "read-only", func() bool {
		_, err := held.Exec(within(t, soon), "insert into t values (1)")
		return err != nil
	})
	var next uint32
	got := make(chan error, 1)
	go func() { got <- db.QueryRow(within(t, soon), "select pg_backend_pid()").Scan(&next) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	old := held.Conn().PgConn().PID()
	held.Release()
	require.NoError(t, <-got)
	require.NotEqual(t, old, next, "it is not handed to the one who waits")
	require.EqualValues(t, 1, in.Stat().Closes.Demoted)
}

func TestAReadOnlyTransactionOfTheCallerCostsNoConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.PingAfter, c.HealthInterval = -1, -1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	for range 3 {
		tx, err := db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
		require.NoError(t, err)
		_, err = tx.Exec(ctx, "create table t (a int)")
		require.Error(t, err)
		require.NoError(t, tx.Rollback(ctx))
	}
	require.NoError(t, db.Ping(ctx))
	st := in.Stat()
	require.EqualValues(t, []int64{1, 3}, []int64{st.Dials, st.Pings}, "each time it is asked once")
}

func TestAStandbyThatNeverWasAPrimaryIsUsed(t *testing.T) {
	t.Parallel()
	c := pgtest.Private(t)
	ctx := within(t, time.Minute)
	require.NoError(t, c.Stop(ctx))
	require.NoError(t, os.WriteFile(filepath.Join(c.DataDir(), "standby.signal"), nil, 0o600))
	require.NoError(t, c.Start(ctx))
	s := &server{t: t, cluster: c, db: "postgres", app: "standby"}
	in := s.instance(limit(1), func(c *pool.Config) { c.HealthInterval = 20 * time.Millisecond })
	db := in.Database("postgres", pool.DatabaseConfig{})
	_, err := db.Exec(ctx, "create table t (a int)")
	require.Error(t, err)
	require.NoError(t, db.Ping(ctx))
	eventually(t, "checked", func() bool { return in.Stat().Checks > 2 })
	require.EqualValues(t, []int64{1, 0}, []int64{in.Stat().Dials, in.Stat().Closes.Demoted})
}

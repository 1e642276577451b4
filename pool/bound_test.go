package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// bound is what both pools are told to keep to.
const bound = 10

// plainPool is a pgxpool with the same bound, under an application_name of its own.
func (s *server) plainPool(app string, change ...func(*pgxpool.Config)) *pgxpool.Pool {
	pc, err := pgxpool.ParseConfig(s.cluster.DSN(localpg.Superuser, s.db))
	require.NoError(s.t, err)
	pc.ConnConfig = s.connConfig()
	pc.ConnConfig.RuntimeParams["application_name"] = app
	pc.MaxConns = bound
	for _, f := range change {
		f(pc)
	}
	p, err := pgxpool.NewWithConfig(context.Background(), pc)
	require.NoError(s.t, err)
	s.t.Cleanup(p.Close)
	return p
}

// storm runs f in n goroutines until d is over and returns how often it ran.
func storm(n int, d time.Duration, f func(ctx context.Context)) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	var runs atomic.Int64
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				f(ctx)
				runs.Add(1)
			}
		})
	}
	wg.Wait()
	return runs.Load()
}

type queryFunc = func(context.Context, string, ...any) (pgx.Rows, error)

// impatient starts a statement that runs for a second and gives up after 30 ms.
func impatient(query queryFunc) func(context.Context) {
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		rows, err := query(ctx, "select count(*) from generate_series(1, 4000000)")
		if err != nil {
			return
		}
		for rows.Next() {
		}
	}
}

func TestTheServerNeverSeesMoreBackendsThanTheLimitWhileQueriesAreCancelled(t *testing.T) {
	s := shared(t)
	cancelStorm(t, s, 2*time.Second)
}

func TestTheServerNeverSeesMoreBackendsThanTheLimitOverTLS(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t, localpg.Options{TLS: true, Auth: "scram-sha-256"}))
	cancelStorm(t, s, 2*time.Second)
}

func cancelStorm(t *testing.T, s *server, d time.Duration) {
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(bound))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, bound) {
		c.Release()
	}
	ours := storm(2*bound, d, impatient(db.Query))
	closeWithin(t, in, soon)

	plain := s.plainPool("plain")
	for _, c := range takeAll(t, plain.Acquire, bound) {
		c.Release()
	}
	theirs := storm(2*bound, d, impatient(plain.Query))
	plain.Close()

	seen.stop()
	st := in.Stat()
	t.Logf("limit %d: ours %d backends (%d of %d statements got a connection), plain pgxpool %d (%d statements)",
		bound, seen.of(s.app), st.Acquires, ours, seen.of("plain"), theirs)
	require.Equal(t, bound, seen.of(s.app), "no more than the limit, and the limit was used")
	require.Equal(t, bound, st.Peak)
	require.Zero(t, st.Open)
	require.Positive(t, st.CancelDials)
	require.Zero(t, st.Cancelling)
}

// holdBackends keeps the backends of sessions from ending until the returned function is called: each has a temporary
// table to drop when its client has gone, and that is locked.
func (s *server) holdBackends(n int, on func(context.Context, string) error) (letGo func()) {
	ctx := within(s.t, soon)
	for range n {
		require.NoError(s.t, on(ctx, "create temporary table held (a int)"))
	}
	locker := pgtest.Conn(s.t, s.cluster, localpg.Superuser, s.db)
	_, err := locker.Exec(ctx, "begin")
	require.NoError(s.t, err)
	rows, err := locker.Query(ctx, "select format('lock table %s in access share mode', c.oid::regclass) "+
		"from pg_class c where relname = 'held' and relpersistence = 't'")
	require.NoError(s.t, err)
	locks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	require.Len(s.t, locks, n)
	for _, lock := range locks {
		_, err := locker.Exec(ctx, lock)
		require.NoError(s.t, err)
	}
	return func() {
		_, err := locker.Exec(ctx, "rollback")
		require.NoError(s.t, err)
	}
}

func TestTheServerNeverSeesMoreBackendsThanTheLimitWhileConnectionsAreReplaced(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)

	in := s.instance(limit(bound), func(c *pool.Config) { c.MaxDials = bound })
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, bound)
	i := 0
	letGo := s.holdBackends(bound, func(ctx context.Context, sql string) error {
		i++
		_, err := conns[i-1].Exec(ctx, sql)
		return err
	})
	for _, c := range conns {
		c.Discard()
	}
	_, err := db.Acquire(within(t, 300*time.Millisecond))
	var full *pool.AcquireTimeoutError
	require.ErrorAs(t, err, &full, "the server still has every backend")
	require.Equal(t, []int{bound, bound, 0}, []int{full.Open, full.Draining, full.InUse})
	letGo()
	for _, c := range takeAll(t, db.Acquire, bound) {
		c.Release()
	}

	plain := s.plainPool("plain-reset")
	theirs := takeAll(t, plain.Acquire, bound)
	i = 0
	letGo = s.holdBackends(bound, func(ctx context.Context, sql string) error {
		i++
		_, err := theirs[i-1].Exec(ctx, sql)
		return err
	})
	for _, c := range theirs {
		c.Release()
	}
	plain.Reset()
	for _, c := range takeAll(t, plain.Acquire, bound) {
		c.Release()
	}
	eventually(t, "sampled", func() bool { return seen.of("plain-reset") >= bound })
	letGo()
	seen.stop()
	t.Logf("limit %d: ours %d backends, plain pgxpool %d", bound, seen.of(s.app), seen.of("plain-reset"))
	require.Equal(t, bound, seen.of(s.app))
	require.Equal(t, bound, in.Stat().Peak)
	require.EqualValues(t, bound, in.Stat().Closes.Discard)
}

// stubborn takes no notice of cancel requests for so long that pgx gives its connection up.
const stubborn = `do $$
declare until timestamptz := clock_timestamp() + interval '%d milliseconds';
begin
	while clock_timestamp() < until loop
		begin
			perform pg_sleep(0.2);
		exception when query_canceled then null;
		end;
	end loop;
end $$`

// runStubborn runs it on n connections at once and gives each up after 100 ms.
func runStubborn(t *testing.T, n int, lasting time.Duration,
	exec func(context.Context, string, ...any) (pgconn.CommandTag, error)) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			_, err := exec(ctx, fmt.Sprintf(stubborn, lasting.Milliseconds()))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	wg.Wait()
}

func TestABackendThatOutlivesItsConnectionKeepsItsToken(t *testing.T) {
	t.Parallel()
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(bound), func(c *pool.Config) { c.DrainTimeout = 200 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{})
	plain := s.plainPool("plain-stubborn", impatientDials)
	for _, c := range takeAll(t, db.Acquire, bound) {
		c.Release()
	}
	for _, c := range takeAll(t, plain.Acquire, bound) {
		c.Release()
	}
	const outlive = 5 * time.Second // pgx waits for pgxPatience
	runStubborn(t, bound, outlive, db.Exec)
	runStubborn(t, bound, outlive, plain.Exec)

	for _, c := range takeAll(t, plain.Acquire, bound) { // opened while the old ones are still there
		c.Release()
	}
	require.NoError(t, db.Ping(within(t, soon)))
	seen.stop()
	t.Logf("limit %d: ours %d backends, plain pgxpool %d", bound, seen.of(s.app), seen.of("plain-stubborn"))
	require.Equal(t, bound, seen.of(s.app))
	require.Zero(t, in.Stat().Forgotten)
}

// pgxPatience is what impatientDials leave of the 15 seconds for which pgx waits for a backend to end.
const pgxPatience = 2 * time.Second

// impatientDials make connections with no deadline further away than pgxPatience.
func impatientDials(c *pgxpool.Config) {
	dial := c.ConnConfig.DialFunc
	c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		return impatientConn{nc}, err
	}
}

type impatientConn struct{ net.Conn }

func (c impatientConn) SetDeadline(t time.Time) error {
	if latest := time.Now().Add(pgxPatience); t.After(latest) {
		t = latest
	}
	return c.Conn.SetDeadline(t)
}

func takeAll[C any](t *testing.T, acquire func(context.Context) (C, error), n int) []C {
	t.Helper()
	ctx := within(t, soon)
	got := make([]C, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { got[i], errs[i] = acquire(ctx) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	return got
}

package pool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// bound is what both pools are told to keep to.
const bound = 10

// plainPool is a pgxpool with the same bound, under an application_name of its own. Its connections are slow to close,
// as over a network.
func (s *server) plainPool(app string) *pgxpool.Pool {
	pc, err := pgxpool.ParseConfig(s.cluster.DSN(localpg.Superuser, s.db))
	require.NoError(s.t, err)
	pc.ConnConfig = s.connConfig()
	pc.ConnConfig.RuntimeParams["application_name"] = app
	pc.MaxConns = bound
	pc.BeforeClose = func(*pgx.Conn) { time.Sleep(50 * time.Millisecond) }
	p, err := pgxpool.NewWithConfig(context.Background(), pc)
	require.NoError(s.t, err)
	s.t.Cleanup(p.Close)
	return p
}

// storm runs f in n goroutines until d is over and returns how often it ran.
func storm(n int, d time.Duration, f func(ctx context.Context)) (runs int) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				f(ctx)
				mu.Lock()
				runs++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return runs
}

// impatient starts a statement that would run for a minute and gives up after 30 ms.
func impatient(query func(context.Context, string, ...any) (pgx.Rows, error)) func(context.Context) {
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		rows, err := query(ctx, "select count(*) from generate_series(1, 30000000)")
		if err != nil {
			return
		}
		for rows.Next() {
		}
	}
}

func TestTheServerNeverSeesMoreBackendsThanTheLimitWhileQueriesAreCancelled(t *testing.T) {
	for name, o := range map[string]localpg.Options{"plain": {}, "tls": {TLS: true, Auth: "scram-sha-256"}} {
		t.Run(name, func(t *testing.T) {
			s := shared(t)
			if o.TLS {
				s = on(t, pgtest.Private(t, o))
			}
			seen := watchBackends(t, s.cluster)

			in := s.instance(limit(bound))
			db := in.Database(s.db, pool.DatabaseConfig{})
			ours := storm(4*bound, 2*time.Second, impatient(db.Query))
			closeWithin(t, in, soon)

			plain := s.plainPool("plain")
			theirs := storm(4*bound, 2*time.Second, impatient(plain.Query))
			plain.Close()

			seen.stop()
			st := in.Stat()
			t.Logf("limit %d: ours %d backends (%d statements), plain pgxpool %d (%d); %+v",
				bound, seen.of(s.app), ours, seen.of("plain"), theirs, st)
			require.LessOrEqual(t, seen.of(s.app), bound)
			require.Greater(t, seen.of(s.app), bound/2, "the test must have used the limit")
			require.LessOrEqual(t, st.Peak, bound)
			require.Zero(t, st.Open)
			require.Positive(t, st.CancelDials)
		})
	}
}

func TestTheServerNeverSeesMoreBackendsThanTheLimitWhileConnectionsAreReplaced(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)

	in := s.instance(limit(bound), func(c *pool.Config) { c.MaxDials = bound })
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 5 {
		conns := takeAll(t, db.Acquire, bound)
		for _, c := range conns {
			c.Discard()
		}
	}

	plain := s.plainPool("plain-reset")
	for range 5 {
		conns := takeAll(t, plain.Acquire, bound)
		for _, c := range conns {
			c.Release()
		}
		plain.Reset()
	}
	seen.stop()
	t.Logf("limit %d: ours %d backends, plain pgxpool %d", bound, seen.of(s.app), seen.of("plain-reset"))
	require.LessOrEqual(t, seen.of(s.app), bound)
	require.Equal(t, bound, in.Stat().Peak)
	require.EqualValues(t, 5*bound, in.Stat().Closes.Discard)
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

package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// caller is what a connection and a transaction have in common.
type caller interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
	CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error)
	Begin(context.Context) (pgx.Tx, error)
}

// awaitStatement returns when a connection of the test's runs sql.
func (s *server) awaitStatement(sql string) {
	s.t.Helper()
	super := pgtest.Conn(s.t, s.cluster, localpg.Superuser, "postgres")
	eventually(s.t, sql, func() (runs bool) {
		err := super.QueryRow(s.t.Context(), "select exists (select from pg_stat_activity where application_name = $1 and "+
			"state = 'active' and query = $2)", s.app, sql).Scan(&runs)
		return err == nil && runs
	})
}

func TestASecondGoroutineIsKeptOutOfAConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	tx, err := c.Begin(within(t, soon))
	require.NoError(t, err)
	savepoint, err := tx.Begin(within(t, soon))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(within(t, soon))
	ended := make(chan error, 1)
	go func() {
		_, err := savepoint.Exec(ctx, "select pg_sleep(1000)")
		ended <- err
	}()
	s.awaitStatement("select pg_sleep(1000)")
	for name, who := range map[string]caller{"connection": c, "transaction": tx, "savepoint": savepoint} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, soon)
			_, err := who.Exec(ctx, "select 1")
			require.ErrorIs(t, err, pool.ErrInUse)
			rows, err := who.Query(ctx, "select 1") //nolint:sqlclosecheck // there are none
			require.ErrorIs(t, err, pool.ErrInUse)
			require.ErrorIs(t, rows.Err(), pool.ErrInUse)
			require.ErrorIs(t, who.QueryRow(ctx, "select 1").Scan(new(int)), pool.ErrInUse)
			b := &pgx.Batch{}
			b.Queue("select 1")
			require.ErrorIs(t, who.SendBatch(ctx, b).Close(), pool.ErrInUse)
			_, err = who.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"a"}, pgx.CopyFromRows([][]any{{1}}))
			require.ErrorIs(t, err, pool.ErrInUse)
			_, err = who.Begin(ctx)
			require.ErrorIs(t, err, pool.ErrInUse)
		})
	}
	_, err = tx.Prepare(within(t, soon), "p", "select 1")
	require.ErrorIs(t, err, pool.ErrInUse)
	require.ErrorIs(t, tx.Commit(within(t, soon)), pool.ErrInUse)
	require.ErrorIs(t, savepoint.Rollback(within(t, soon)), pool.ErrInUse)
	require.False(t, c.TryLock())
	require.ErrorIs(t, c.MeasureRoundTrip(within(t, soon), 1), pool.ErrInUse)

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	c.Release()
	require.NoError(t, db.Ping(within(t, soon)))
}

func TestAConnectionThatIsReleasedUnderAnotherGoroutineIsClosed(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(within(t, soon), "select pg_sleep(1000)")
		ended <- err
	}()
	s.awaitStatement("select pg_sleep(1000)")
	c.Release()
	require.ErrorIs(t, <-ended, pool.ErrInUse)
	_, err = c.Exec(within(t, soon), "select 1")
	require.ErrorIs(t, err, pool.ErrReleased)
	require.NoError(t, db.Ping(within(t, soon)), "the token is back")
	st := in.Stat()
	require.EqualValues(t, 1, st.Closes.Dirty)
	require.EqualValues(t, 2, st.Dials)
	require.Equal(t, 1, st.Peak)
}

// TestGoroutinesThatShareAConnectionByMistakeMixNothingUp: without the turnstile, each sends parameters of the other.
func TestGoroutinesThatShareAConnectionByMistakeMixNothingUp(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	_, err := db.Exec(within(t, soon), "create table twice (a int, b int, c text, check (a = b and c = 'c' || a))")
	require.NoError(t, err)
	var done, kept atomic.Int64
	for round := range 60 {
		c, err := db.Acquire(within(t, soon))
		require.NoError(t, err)
		var wg sync.WaitGroup
		for g := range 3 {
			wg.Go(func() {
				for i := range 20 {
					n := round*1000 + g*100 + i
					_, err := c.Exec(within(t, soon), "insert into twice values ($1, $2, 'c' || $3::int)", n, n, n)
					switch {
					case err == nil:
						done.Add(1)
					case errors.Is(err, pool.ErrInUse), errors.Is(err, pool.ErrReleased):
						kept.Add(1)
					default:
						assert.NoError(t, err)
						return
					}
					if g == 0 && i == 15 && round%3 == 0 {
						c.Release() // while the others go on
					}
				}
			})
		}
		wg.Wait()
		c.Release()
	}
	require.Positive(t, kept.Load())
	var rows int64
	require.NoError(t, db.QueryRow(within(t, soon), "select count(*) from twice").Scan(&rows))
	require.GreaterOrEqual(t, rows, done.Load(), "a statement whose connection is closed under it may have run")
	require.LessOrEqual(t, rows, done.Load()+20)
	for _, c := range takeAll(t, db.Acquire, 2) {
		c.Release()
	}
	require.Equal(t, 2, in.Stat().Idle)
	require.LessOrEqual(t, in.Stat().Peak, 2)
	require.Empty(t, pool.Audit(in))
	t.Logf("%d statements ran, %d were kept out", done.Load(), kept.Load())
}

func TestALockedConnectionKeepsCallsOutUntilItIsUnlocked(t *testing.T) {
	s := shared(t)
	db := s.instance(limit(1)).Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, time.Minute))
	require.NoError(t, err)
	require.True(t, c.TryLock())
	require.False(t, c.TryLock())
	_, err = c.Exec(within(t, soon), "select 1")
	require.ErrorIs(t, err, pool.ErrInUse)
	c.Unlock()
	_, err = c.Exec(within(t, soon), "select 1")
	require.NoError(t, err)
	c.Release()
	require.False(t, c.TryLock())
	c.Unlock()
}

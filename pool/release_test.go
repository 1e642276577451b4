package pool_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestAReleaseCountsOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	first, err := db.Acquire(ctx)
	require.NoError(t, err)
	first.Release()
	second, err := db.Acquire(ctx)
	require.NoError(t, err)
	first.Release() // must not give back what second has
	first.Discard()
	first.ReleaseClean()
	require.Equal(t, 1, in.Stat().InUse)
	require.NoError(t, second.QueryRow(ctx, "select").Scan())
	second.Release()

	_, err = first.Exec(ctx, "select 1")
	require.ErrorIs(t, err, pool.ErrReleased)
	_, err = first.Query(ctx, "select 1")
	require.ErrorIs(t, err, pool.ErrReleased)
	_, err = first.Begin(ctx)
	require.ErrorIs(t, err, pool.ErrReleased)
	_, err = first.CopyFrom(ctx, pgx.Identifier{"t"}, nil, nil)
	require.ErrorIs(t, err, pool.ErrReleased)
	require.ErrorIs(t, first.QueryRow(ctx, "select 1").Scan(), pool.ErrReleased)
	require.ErrorIs(t, first.SendBatch(ctx, &pgx.Batch{}).Close(), pool.ErrReleased)
	require.Panics(t, func() { first.Conn() })
}

func TestAConnectionThatIsNotCleanIsClosedInsteadOfLentAgain(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	spoil := map[string]func(*pool.Conn){
		"in a transaction": func(c *pool.Conn) {
			_, err := c.Exec(ctx, "begin")
			require.NoError(t, err)
		},
		"in a failed transaction": func(c *pool.Conn) {
			_, err := c.Exec(ctx, "begin")
			require.NoError(t, err)
			_, err = c.Exec(ctx, "nonsense")
			require.Error(t, err)
		},
		"unread rows": func(c *pool.Conn) {
			rows, err := c.Query(ctx, "select * from generate_series(1, 100000)")
			require.NoError(t, err)
			require.True(t, rows.Next())
		},
		"a statement that was given up": func(c *pool.Conn) {
			_, err := c.Exec(pgtest.Until(t, s.sleeping()), "select pg_sleep(60)")
			require.ErrorIs(t, err, context.DeadlineExceeded)
		},
		"closed by the server": func(c *pool.Conn) {
			_, err := c.Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
			require.Error(t, err)
		},
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			c, err := db.Acquire(ctx)
			require.NoError(t, err)
			old := c.Conn().PgConn().PID()
			f(c)
			c.Release()
			c, err = db.Acquire(ctx)
			require.NoError(t, err)
			require.NotEqual(t, old, c.Conn().PgConn().PID())
			c.Release()
		})
	}
	st := in.Stat()
	require.EqualValues(t, 3, st.Closes.Dirty)
	require.EqualValues(t, 2, st.Closes.Broken)
	require.Equal(t, 1, st.Peak)
}

func TestACleanReleaseLeavesNothingOfTheSession(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{RuntimeParams: map[string]string{"keyway.client": "1"}})
	ctx := within(t, soon)
	c, err := db.Acquire(ctx)
	require.NoError(t, err)
	pid := c.Conn().PgConn().PID()
	for range 2 { // prepared and cached on both sides
		_, err = c.Exec(ctx, "select $1::int", 1)
		require.NoError(t, err)
	}
	_, err = c.Exec(ctx, "create temporary table orders (a int); set keyway.client = '0'; set work_mem = '1MB'; select pg_advisory_lock(1)")
	require.NoError(t, err)
	c.ReleaseClean()

	c, err = db.Acquire(ctx)
	require.NoError(t, err)
	defer c.Release()
	require.Equal(t, pid, c.Conn().PgConn().PID(), "the same session")
	_, err = c.Exec(ctx, "select $1::int", 1)
	require.NoError(t, err)
	var client, table, mem any
	var locks int
	require.NoError(t, c.QueryRow(ctx, `select current_setting('keyway.client'), to_regclass('orders')::text,
		current_setting('work_mem'), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())`).
		Scan(&client, &table, &mem, &locks))
	require.Equal(t, []any{"1", nil, 0}, []any{client, table, locks})
	require.NotEqual(t, "1MB", mem)
}

func TestAResetRunsBeforeTheNextCallerAndItsFailureClosesTheConnection(t *testing.T) {
	s := shared(t)
	bad := errors.New("cannot reset")
	var fail atomic.Bool
	in := s.instance(limit(1), func(c *pool.Config) {
		c.Reset = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "reset work_mem")
			if fail.Load() {
				return bad
			}
			return err
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	mem := func() (m string, pid uint32) {
		require.NoError(t, db.QueryRow(ctx, "select current_setting('work_mem'), pg_backend_pid()").Scan(&m, &pid))
		return m, pid
	}
	before, first := mem()
	_, err := db.Exec(ctx, "set work_mem = '123kB'")
	require.NoError(t, err)
	after, second := mem()
	require.Equal(t, before, after)
	require.Equal(t, first, second)

	eventually(t, "reset", func() bool { return in.Stat().Idle == 1 })
	fail.Store(true)
	require.NoError(t, db.Ping(ctx))
	eventually(t, "closed", func() bool { return in.Stat().Closes.Dirty == 1 })
	fail.Store(false)
	_, third := mem()
	require.NotEqual(t, first, third)
}

type panicking struct{}

func (panicking) Scan(any) error { panic("a Scanner of the caller") }

func TestAPanicInAScannerGivesTheConnectionBack(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	require.Panics(t, func() { _ = db.QueryRow(ctx, "select 1").Scan(panicking{}) })
	require.NoError(t, db.Ping(ctx))
	require.Zero(t, in.Stat().InUse)
}

type panickingValue struct{}

func (panickingValue) Value() (driver.Value, error) { panic("a Valuer of the caller") }

func TestAPanicInAValuerGivesTheConnectionBack(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	const sql = "select $1::text"
	batch := &pgx.Batch{}
	batch.Queue(sql, panickingValue{})
	for name, f := range map[string]func(){
		"Exec":      func() { _, _ = db.Exec(ctx, sql, panickingValue{}) },
		"Query":     func() { _, _ = db.Query(ctx, sql, panickingValue{}) },
		"QueryRow":  func() { _ = db.QueryRow(ctx, sql, panickingValue{}) },
		"SendBatch": func() { _ = db.SendBatch(ctx, batch) },
	} {
		require.PanicsWithValue(t, "a Valuer of the caller", f, name)
		require.NoError(t, db.Ping(ctx), name)
		require.Zero(t, in.Stat().InUse, name)
	}
}

func TestAPanicInATracerGivesTheConnectionBack(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.Conn.Tracer = panickingTracer{} })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	require.Panics(t, func() { _, _ = db.Begin(ctx) })
	require.NoError(t, db.Ping(ctx))
	require.Zero(t, in.Stat().InUse)
}

type panickingTracer struct{}

func (panickingTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (panickingTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {
	panic("a tracer of the caller")
}

// TestWhatHasEndedDoesNotLookAtItsConnection is for the race detector: somebody else has the connection by then.
func TestWhatHasEndedDoesNotLookAtItsConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				tx, err := db.Begin(ctx)
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, tx.Commit(ctx))
				_, err = tx.Exec(ctx, "select 1")
				assert.ErrorIs(t, err, pgx.ErrTxClosed)
				assert.ErrorIs(t, tx.SendBatch(ctx, &pgx.Batch{}).Close(), pgx.ErrTxClosed)
				assert.ErrorIs(t, tx.Rollback(ctx), pgx.ErrTxClosed, "as a deferred one does")
				rows, err := db.Query(ctx, "select 1")
				if !assert.NoError(t, err) {
					return
				}
				rows.Close()
				assert.ErrorContains(t, rows.Scan(new(int)), "closed")
			}
		})
	}
	wg.Wait()
}

func TestFieldsOutliveTheirRows(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec,
		pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheStatement} {
		mine, err := db.Query(ctx, "select 1 as mine", mode)
		require.NoError(t, err)
		mine.Close()
		_, err = db.Exec(ctx, "select 1 as others", mode)
		require.NoError(t, err)
		require.Equal(t, "mine", mine.FieldDescriptions()[0].Name, mode)
	}
}

func TestABatchThatBeginsATransactionGivesItsConnectionBackAtTheTransactionsEnd(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	b := &pgx.Batch{}
	b.BeginTx(pgx.TxOptions{})
	b.Queue("select 1")
	results := db.SendBatch(ctx, b)
	tx := results.Tx()
	require.NotNil(t, tx)
	require.NoError(t, results.Close())
	require.Equal(t, 1, in.Stat().InUse)
	require.NoError(t, tx.Commit(ctx))
	require.Zero(t, in.Stat().InUse)
	require.Equal(t, 1, in.Stat().Idle)
}

// panickingSource panics in its n-th call of Next, or with n of 0 in Values.
type panickingSource struct{ n int }

func (s *panickingSource) Next() bool {
	if s.n--; s.n == 0 {
		panic("a source of the caller")
	}
	return true
}

func (s *panickingSource) Values() ([]any, error) {
	if s.n < 0 {
		panic("a source of the caller")
	}
	return []any{1}, nil
}

func (*panickingSource) Err() error { return nil }

func TestAPanicInASourceOfCopyFromIsTheCallersAndStoresNothing(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	_, err := db.Exec(ctx, "create table copied (n int)")
	require.NoError(t, err)
	for _, at := range []int{0, 1, 3, 100_000} {
		require.PanicsWithValue(t, "a source of the caller", func() {
			_, _ = db.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"n"}, &panickingSource{n: at})
		})
	}
	var n int
	require.NoError(t, db.QueryRow(ctx, "select count(*) from copied").Scan(&n))
	require.Zero(t, n)
	require.Zero(t, in.Stat().InUse)
	require.EqualValues(t, 1, in.Stat().Dials, "the connection is fit for others")
}

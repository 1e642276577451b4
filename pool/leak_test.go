package pool_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// leaks collects reports.
type leaks struct {
	mu  sync.Mutex
	all []pool.Leak
}

func (l *leaks) add(one pool.Leak) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, one)
}

func (l *leaks) list() []pool.Leak {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]pool.Leak(nil), l.all...)
}

func TestAConnectionHeldForTooLongIsReportedOnceWithItsCaller(t *testing.T) {
	s := shared(t)
	var seen leaks
	in := s.instance(limit(3), func(c *pool.Config) { c.LeakAfter, c.OnLeak = 60*time.Millisecond, seen.add })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	conns, err := pool.AcquireMany(within(t, soon), db)
	require.NoError(t, err)
	eventually(t, "reported", func() bool { return len(seen.list()) == 2 })
	time.Sleep(200 * time.Millisecond) // nothing more may come
	require.Len(t, seen.list(), 2)
	for _, leak := range seen.list() {
		require.Equal(t, []string{"pg-a", s.db}, []string{leak.Instance, leak.Database})
		require.False(t, leak.Dropped)
		require.GreaterOrEqual(t, leak.Held, 30*time.Millisecond)
		require.Contains(t, leak.Caller, "pool_test.TestAConnectionHeldForTooLongIsReportedOnceWithItsCaller")
		require.Contains(t, leak.Caller, "leak_test.go:")
	}
	require.EqualValues(t, 2, in.Stat().Leaks)
	require.NoError(t, held.QueryRow(within(t, soon), "select").Scan(), "it is not taken away")
	held.Release()
	conns[0].Release()
	require.EqualValues(t, 0, in.Stat().Closes.Leaked)
	require.Equal(t, 2, in.Stat().Idle)

	again, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	eventually(t, "each loan is watched for itself", func() bool { return in.Stat().Leaks == 3 })
	again.Release()
	again.Release()
	require.Equal(t, 2, in.Stat().Idle)
}

// forget takes a connection in every way there is and drops what it got.
var forget = map[string]func(context.Context, *pool.Database) error{
	"Conn": func(ctx context.Context, db *pool.Database) error {
		_, err := db.Acquire(ctx)
		return err
	},
	"AcquireMany": func(ctx context.Context, db *pool.Database) error {
		_, err := pool.AcquireMany(ctx, db)
		return err
	},
	"Rows": func(ctx context.Context, db *pool.Database) error {
		rows, err := db.Query(ctx, "select generate_series(1, 1000)")
		rows.Next()
		return err
	},
	"Row": func(ctx context.Context, db *pool.Database) error {
		db.QueryRow(ctx, "select $1::int", 1)
		return nil
	},
	"Tx": func(ctx context.Context, db *pool.Database) error {
		tx, err := db.Begin(ctx)
		if err == nil {
			_, err = tx.Exec(ctx, "select 1")
		}
		return err
	},
	"Batch": func(ctx context.Context, db *pool.Database) error {
		b := &pgx.Batch{}
		b.Queue("select 1")
		db.SendBatch(ctx, b)
		return nil
	},
}

func TestWhatItsHolderDropsIsReclaimedAndReported(t *testing.T) {
	s := shared(t)
	for name, f := range forget {
		t.Run(name, func(t *testing.T) {
			var seen leaks
			in := s.instance(limit(1), func(c *pool.Config) { c.LeakAfter, c.OnLeak = time.Hour, seen.add })
			db := in.Database(s.db, pool.DatabaseConfig{})
			require.NoError(t, f(within(t, soon), db))
			eventually(t, "the token is back", func() bool { runtime.GC(); return in.Stat().Open == 0 })
			require.NoError(t, db.Ping(within(t, soon)), "the next caller gets a connection")
			eventually(t, "reported", func() bool { return len(seen.list()) == 1 })
			leak := seen.list()[0]
			require.True(t, leak.Dropped)
			require.Contains(t, leak.Caller, "leak_test.go:")
			st := in.Stat()
			require.EqualValues(t, []int64{1, 1, 0}, []int64{st.Leaks, st.Closes.Leaked, int64(st.InUse)})
		})
	}
}

func TestWithoutLeakAfterADroppedConnectionStaysTakenUntilClose(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, forget["Rows"](within(t, soon), db))
	runtime.GC()
	require.Equal(t, 1, in.Stat().InUse)
	require.Error(t, in.Close(within(t, 50*time.Millisecond)))
	require.Zero(t, in.Stat().Open)
}

func TestHandlesThatAreReleasedAreNeverReclaimed(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.LeakAfter = time.Hour })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	use := func() {
		_ = db.QueryRow(ctx, "select 1").Scan(new(int))
		if c, err := db.Acquire(ctx); err == nil {
			c.Release()
			c.Release()
		}
		if tx, err := db.Begin(ctx); err == nil {
			_ = tx.Rollback(ctx)
		}
		if rows, err := db.Query(ctx, "select generate_series(1, 10)"); err == nil {
			_, _ = pgx.CollectRows(rows, pgx.RowTo[int])
		}
		runtime.GC()
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				use()
			}
		})
	}
	wg.Wait()
	st := in.Stat()
	require.EqualValues(t, []int64{0, 0, 0}, []int64{st.Leaks, st.Closes.Leaked, int64(st.InUse)})
	require.EqualValues(t, 4*8*10, st.Acquires)
}

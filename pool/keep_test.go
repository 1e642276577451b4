package pool_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestMinimumsAreDialledInTheBackgroundAndKept(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(6), func(c *pool.Config) {
		c.MinOpen, c.MinIdle, c.IdleTimeout = 3, 2, 60*time.Millisecond
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	eventually(t, "three are open before anybody came", func() bool { return in.Stat().Idle == 3 })
	conns := takeAll(t, db.Acquire, 3)
	eventually(t, "two are idle beside those in use", func() bool { return in.Stat().Idle == 2 && in.Stat().Open == 5 })
	for _, c := range conns {
		c.Release()
	}
	eventually(t, "the surplus times out", func() bool { return in.Stat().Open == 3 })
	dials := in.Stat().Dials
	time.Sleep(300 * time.Millisecond) // nothing may happen: five times the idle timeout
	require.Equal(t, dials, in.Stat().Dials, "nothing is closed only to be dialled again")
	require.EqualValues(t, 2, in.Stat().Closes.Idle)
}

func TestMinimumsNeverExceedTheLimitAndAreGivenUpForThoseWhoWait(t *testing.T) {
	s := shared(t)
	second := pgtest.Database(t, s.cluster)
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(4), func(c *pool.Config) { c.MinOpen, c.MinIdle = 4, 4 })
	first, other := in.Database(s.db, pool.DatabaseConfig{}), in.Database(second, pool.DatabaseConfig{})
	eventually(t, "full", func() bool { return in.Stat().Idle == 4 })
	conns := takeAll(t, other.Acquire, 4)
	require.Equal(t, 4, in.Stat().InUse, "the minimum of one database gives way to callers of another")
	got := make(chan error, 1)
	go func() { got <- first.Ping(within(t, soon)) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	for _, c := range conns {
		c.Release()
	}
	require.NoError(t, <-got)
	seen.stop()
	require.Equal(t, 4, seen.of(s.app))
	require.Equal(t, 4, in.Stat().Peak)
}

func TestMinimumsAreDialledNoFasterThanMaxDials(t *testing.T) {
	s := shared(t)
	var dialling, most atomic.Int32
	overlap := make(chan struct{})
	three := sync.OnceFunc(func() { close(overlap) })
	in := s.instance(limit(8), func(c *pool.Config) {
		c.MinOpen, c.MaxDials = 8, 3
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			n := dialling.Add(1)
			defer dialling.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if n == 3 {
				three()
			}
			select { // the first ones wait until as many overlap as may
			case <-overlap:
			case <-ctx.Done():
			}
			time.Sleep(10 * time.Millisecond) // for one more to come
			return dial(ctx, network, addr)
		}
	})
	in.Database(s.db, pool.DatabaseConfig{})
	eventually(t, "all are open", func() bool { return in.Stat().Idle == 8 })
	require.Equal(t, int32(3), most.Load())
}

func TestMaxIdleClosesWhatIsReturnedBeyondIt(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), func(c *pool.Config) { c.MaxIdle = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 3) {
		c.Release()
	}
	eventually(t, "one stays", func() bool { return in.Stat().Open == 1 })
	require.EqualValues(t, 2, in.Stat().Closes.Surplus)
	require.NoError(t, in.Warm(within(t, soon), 3), "no more than MaxIdle, or they would be opened and closed for ever")
	require.EqualValues(t, 1, in.Stat().Open)
}

func TestWithNoIdleNothingIsKeptButAReturnedConnectionGoesToAWaiter(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.NoIdle = true })
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { got <- db.Ping(within(t, soon)) }()
	eventually(t, "in the queue", func() bool { return in.Stat().Waiting == 1 })
	held.Release()
	require.NoError(t, <-got)
	eventually(t, "closed", func() bool { return in.Stat().Open == 0 })
	st := in.Stat()
	require.EqualValues(t, []int64{1, 1, 1}, []int64{st.Dials, st.Handoffs, st.Closes.Surplus})
	require.ErrorContains(t, in.Warm(within(t, soon), 1), "NoIdle")
}

func TestIdleConnectionsAreLentInTheConfiguredOrder(t *testing.T) {
	s := shared(t)
	for order, want := range map[pool.IdleOrder]int{pool.LIFO: 2, pool.FIFO: 0} {
		in := s.instance(limit(3), func(c *pool.Config) { c.IdleOrder = order })
		db := in.Database(s.db, pool.DatabaseConfig{})
		var pids []uint32
		for _, c := range takeAll(t, db.Acquire, 3) {
			pids = append(pids, c.Conn().PgConn().PID())
			c.Release()
		}
		c, err := db.Acquire(within(t, soon))
		require.NoError(t, err)
		require.Equal(t, pids[want], c.Conn().PgConn().PID())
		c.Release()
	}
}

func TestSizesThatContradictEachOtherAreRefused(t *testing.T) {
	s := shared(t)
	for sentence, change := range map[string]func(*pool.Config){
		"Config.MaxWaiting is -1":    func(c *pool.Config) { c.MaxWaiting = -1 },
		"Config.Reserve is -1":       func(c *pool.Config) { c.Reserve = -1 },
		"Config.MaxPerKey is -1":     func(c *pool.Config) { c.MaxPerKey = -1 },
		"Config.MaxDials is -1":      func(c *pool.Config) { c.MaxDials = -1 },
		"Config.MinOpen is -1":       func(c *pool.Config) { c.MinOpen = -1 },
		"Config.MinIdle is -1":       func(c *pool.Config) { c.MinIdle = -1 },
		"Config.MaxIdle is -1":       func(c *pool.Config) { c.MaxIdle = -1 },
		"Config.QueueInterval is -":  func(c *pool.Config) { c.QueueInterval = -1 },
		"Config.DialTimeout is -":    func(c *pool.Config) { c.DialTimeout = -1 },
		"Conn.ConnectTimeout is -":   func(c *pool.Config) { c.Conn.ConnectTimeout = -1 },
		"Config.DrainTimeout is -":   func(c *pool.Config) { c.DrainTimeout = -1 },
		"Config.LingerTimeout is -":  func(c *pool.Config) { c.LingerTimeout = -1 },
		"Config.PingTimeout is -":    func(c *pool.Config) { c.PingTimeout = -1 },
		"one of pgx's modes":         func(c *pool.Config) { c.PoolerExecMode = 99 },
		"NoIdle keeps no connection": func(c *pool.Config) { c.NoIdle, c.MinOpen = true, 1 },
		"less than the 3 of MinIdle": func(c *pool.Config) { c.MaxIdle, c.MinIdle = 2, 3 },
		"less than the 4 of MinIdle": func(c *pool.Config) { c.MaxIdle, c.MinOpen = 2, 4 },
		"LIFO or FIFO":               func(c *pool.Config) { c.IdleOrder = 7 },
	} {
		c := pool.Config{Name: "x", Conn: s.connConfig(), Limit: 5}
		change(&c)
		_, err := pool.New(c)
		require.ErrorContains(t, err, sentence)
	}
}

func TestWarmOpensTheSameNumberForEachDatabaseAsFarAsTheLimitAllows(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(5))
	dbs := []*pool.Database{
		in.Database(s.db, pool.DatabaseConfig{}), in.Database(pgtest.Database(t, s.cluster), pool.DatabaseConfig{}),
	}
	require.NoError(t, in.Warm(within(t, soon), 2))
	require.Equal(t, []int{4, 4}, []int{in.Stat().Idle, in.Stat().Open})
	require.NoError(t, in.Warm(within(t, soon), 2), "there is nothing left to do")
	require.EqualValues(t, 4, in.Stat().Dials)
	for _, db := range dbs {
		for _, c := range takeAll(t, db.Acquire, 2) {
			c.Release()
		}
	}
	require.EqualValues(t, 4, in.Stat().Dials, "two of each")
	require.NoError(t, in.Warm(within(t, soon), 100))
	require.Equal(t, 5, in.Stat().Open)
	require.Equal(t, 5, in.Stat().Peak)
}

func TestWarmDoesNotWaitForThoseWhoMayNotHaveWhatIsFree(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) { c.Reserve = 2 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := pool.WithClass(within(t, soon), pool.Batch)
	held, err := db.Acquire(ctx)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- db.Ping(ctx) }()
	eventually(t, "it waits, while two tokens are free that it may not have", func() bool { return in.Stat().Waiting == 1 })
	require.NoError(t, in.Warm(within(t, soon), 3))
	require.Equal(t, []int{3, 2, 1}, []int{in.Stat().Open, in.Stat().Idle, in.Stat().Waiting})
	held.Release()
	require.NoError(t, <-served)
}

func TestWarmAndReadySayWhatIsMissingWhenTheirTimeEnds(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) { c.Control = 1 })
	in.Database(s.db, pool.DatabaseConfig{})
	in.Database("there_is_no_such_database", pool.DatabaseConfig{})
	err := in.Warm(pgtest.Until(t, func() bool { st := in.Stat(); return st.Idle == 1 && st.DialErrors > 0 }), 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "1 of 2 connections were not opened in time")
	require.ErrorContains(t, err, "3D000")

	uses, failed := in.Stat().Databases[0].Acquires, in.Stat().DialErrors
	err = in.Ready(pgtest.Until(t, func() bool { // one has been used and is back, and the other has failed once more
		st := in.Stat()
		return st.Databases[0].Acquires > uses && st.InUse == 0 && st.DialErrors > failed
	}))
	require.ErrorContains(t, err, "database there_is_no_such_database is not ready")
	require.ErrorContains(t, err, "3D000")
	require.NotContains(t, err.Error(), "database "+s.db+" is not ready")
}

func TestReadyWaitsForAServerThatComesLater(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	require.NoError(t, s.cluster.Stop(within(t, soon)))
	in := s.instance(limit(2))
	in.Database(s.db, pool.DatabaseConfig{})
	got := make(chan error, 1)
	go func() { got <- in.Ready(within(t, time.Minute)) }()
	eventually(t, "a dial has failed", func() bool { return in.Stat().DialErrors > 0 })
	require.Empty(t, got)
	require.NoError(t, s.cluster.Start(within(t, time.Minute)))
	require.NoError(t, <-got)
}

func TestRecycleReplacesEveryConnectionAndNeverExceedsTheLimit(t *testing.T) {
	s := shared(t)
	seen := watchBackends(t, s.cluster)
	slowly := func(*pgx.Conn) { time.Sleep(50 * time.Millisecond) } // the length of a close is the scenario

	in := s.instance(limit(bound), func(c *pool.Config) { c.MaxDials, c.BeforeClose = bound, slowly })
	db := in.Database(s.db, pool.DatabaseConfig{})
	churn(t, in.Recycle, db.Exec)
	eventually(t, "no dial is under way that a later Recycle would replace", func() bool { return in.Stat().Dialling == 0 })
	held := takeAll(t, db.Acquire, 2)
	in.Recycle()
	_, err := held[0].Exec(within(t, soon), "select 1")
	require.NoError(t, err, "what is in use is not disturbed")
	recycled := in.Stat().Closes.Recycled
	held[0].Release()
	held[1].Release()
	require.Equal(t, recycled+2, in.Stat().Closes.Recycled)
	require.NoError(t, in.Close(within(t, soon)))

	theirs := s.plainPool("plain-recycle", func(c *pgxpool.Config) { c.BeforeClose = slowly })
	churn(t, theirs.Reset, theirs.Exec)
	theirs.Close()
	seen.stop()
	t.Logf("limit %d, all connections replaced 5 times under load: ours %d backends, pgxpool's Reset %d",
		bound, seen.of(s.app), seen.of("plain-recycle"))
	require.LessOrEqual(t, seen.of(s.app), bound)
	require.LessOrEqual(t, in.Stat().Peak, bound)
}

// churn recycles five times while callers use everything.
func churn(t *testing.T, recycle func(), exec func(context.Context, string, ...any) (pgconn.CommandTag, error)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			time.Sleep(100 * time.Millisecond)
			recycle()
		}
	}()
	storm(3*bound, 700*time.Millisecond, func(ctx context.Context) {
		if _, err := exec(ctx, "select pg_sleep(0.02)"); err != nil && ctx.Err() == nil {
			t.Errorf("exec: %v", err)
		}
	})
	<-done
}

func TestWarmOpensNoMoreThanMaxIdleWouldKeep(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) { c.MaxIdle = 1 })
	in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, in.Warm(within(t, soon), 3))
	require.Equal(t, []int{1, 1}, []int{in.Stat().Open, int(in.Stat().Dials)})
}

func TestConnectionsOfPgxpoolsAreRecycledToo(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3))
	p, err := in.Database(s.db, pool.DatabaseConfig{}).PgxPool(within(t, soon), 1)
	require.NoError(t, err)
	backend := func() (pid int) {
		require.NoError(t, p.QueryRow(within(t, soon), "select pg_backend_pid()").Scan(&pid))
		return pid
	}
	before := backend()
	require.Equal(t, before, backend())
	in.Recycle()
	eventually(t, "another one", func() bool { return backend() != before })
}

func TestAConnectionThatWasBeingDialledIsRecycledToo(t *testing.T) {
	s := shared(t)
	var pass chan struct{}
	var dialling atomic.Bool
	in := s.instance(limit(1), func(c *pool.Config) {
		pass = slowDials(c)
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialling.Store(true)
			return dial(ctx, network, addr)
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	got := make(chan error, 1)
	go func() { got <- db.Ping(within(t, soon)) }()
	eventually(t, "dialling", dialling.Load)
	in.Recycle()
	close(pass)
	require.NoError(t, <-got)
	st := in.Stat()
	require.EqualValues(t, []int64{2, 1}, []int64{st.Dials, st.Closes.Recycled})
}

// TestWarmEndsWithThePool: it is between two attempts to dial a server that refuses, and its context never ends.
func TestWarmEndsWithThePool(t *testing.T) {
	s := shared(t)
	in := s.instance(func(c *pool.Config) {
		c.Conn.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	})
	in.Database(s.db, pool.DatabaseConfig{})
	warmed := make(chan error, 1)
	go func() { warmed <- in.Warm(context.Background(), 1) }()
	eventually(t, "the pauses between attempts are long", func() bool { return in.Stat().DialErrors >= 6 })
	closeWithin(t, in, soon)
	select {
	case err := <-warmed:
		require.ErrorIs(t, err, pool.ErrClosed)
	case <-time.After(soon):
		t.Fatal("Warm still waits")
	}
}

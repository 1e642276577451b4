package pool_test

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// of is a context of a class.
func of(t testing.TB, c pool.Class) context.Context { return pool.WithClass(within(t, soon), c) }

// queue makes callers wait one after the other and returns a function that waits for all of them and says in which order
// they were served. The order means something where the pool has a single connection, which the caller holds.
type queue struct {
	t  *testing.T
	in *pool.Instance
	wg sync.WaitGroup

	mu     sync.Mutex
	served []string // guarded by mu
}

func (q *queue) add(name string, acquire func() (*pool.Conn, error)) {
	before := q.in.Stat().Waiting
	q.wg.Go(func() {
		c, err := acquire()
		if assert.NoError(q.t, err) {
			q.mu.Lock()
			q.served = append(q.served, name)
			q.mu.Unlock()
			c.Release()
		}
	})
	eventually(q.t, name+" waits", func() bool { return q.in.Stat().Waiting == before+1 })
}

func (q *queue) order() []string {
	q.wg.Wait()
	return q.served
}

func TestClassesAreServedInTheirOrderAndFirstComeFirstServedWithin(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	q := &queue{t: t, in: in}
	start := time.Now()
	for _, round := range []string{"1", "2"} {
		for _, c := range []pool.Class{pool.Batch, pool.Scatter, pool.Interactive, pool.Control} {
			q.add(c.String()+round, func() (*pool.Conn, error) { return db.Acquire(of(t, c)) })
		}
	}
	held.Release()
	got := q.order()
	inTime := time.Since(start) < time.Second // afterwards the first Scatter rightly goes before the last Interactive
	if inTime {
		require.Equal(t, []string{"control1", "control2", "interactive1", "interactive2", "scatter1", "scatter2", "batch1",
			"batch2"}, got)
	}
	require.Len(t, got, 8)
}

func TestScatterAndBatchLeaveTheReserveToOthers(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(4), func(c *pool.Config) { c.Reserve = 2 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 4) {
		c.Release()
	}
	var low []*pool.Conn
	for _, c := range []pool.Class{pool.Batch, pool.Scatter} {
		conn, err := db.Acquire(of(t, c))
		require.NoError(t, err)
		low = append(low, conn)
	}
	q := &queue{t: t, in: in}
	q.add("batch", func() (*pool.Conn, error) { return db.Acquire(of(t, pool.Batch)) })
	require.Equal(t, 2, in.Stat().Idle, "connections are idle, and not for it")
	others := takeAll(t, db.Acquire, 2)
	others[0].Release()
	require.Equal(t, 1, in.Stat().Waiting, "what others return is not for it either")
	low[0].Release()
	require.Equal(t, []string{"batch"}, q.order())
	low[1].Release()
	others[1].Release()

	_, err := pool.AcquireMany(of(t, pool.Scatter), db, db, db)
	var many *pool.TooManyError
	require.ErrorAs(t, err, &many)
	require.Equal(t, 2, many.Lendable)
	conns, err := pool.AcquireMany(of(t, pool.Scatter), db, db)
	require.NoError(t, err)
	_, err = db.Acquire(pool.WithClass(within(t, 20*time.Millisecond), pool.Batch))
	require.ErrorIs(t, err, context.DeadlineExceeded, "those of an AcquireMany count")
	for _, c := range conns {
		c.Release()
	}
	require.NoError(t, in.SetLimit(1))
	require.NoError(t, db.Ping(of(t, pool.Batch)), "a limit no greater than the reserve leaves them one")
}

func TestWhatIsOnItsWayOutIsNotForScatterAndBatch(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.Reserve = 1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(of(t, pool.Batch))
	require.NoError(t, err)
	freeze := stopBackend(t, c)
	c.Discard()
	_, err = db.Acquire(pool.WithClass(within(t, 50*time.Millisecond), pool.Batch))
	require.ErrorIs(t, err, context.DeadlineExceeded, "the other token is the reserve")
	require.NoError(t, db.Ping(within(t, soon)))
	freeze()
	require.NoError(t, db.Ping(of(t, pool.Batch)))
}

// stopBackend stops the server's process of a connection until the returned function is called.
func stopBackend(t *testing.T, c *pool.Conn) (resume func()) {
	pid := int(c.Conn().PgConn().PID())
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	resume = sync.OnceFunc(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	t.Cleanup(resume)
	return resume
}

package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// small is a budget with quick times.
func small(connections, processes, floor, reserve int) lease.Budget {
	b := quick
	b.Connections, b.Processes, b.Floor, b.Reserve = connections, processes, floor, reserve
	return b
}

func TestConnectionsGoWhereTheDemandIs(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(20, 4, 2, 2))
	s.census(18, 20)
	a, b, c := s.process(), s.process(), s.process()
	for _, p := range []*process{a, b, c} {
		require.NoError(t, p.keeper.Ready(within(t, soon)))
	}
	a.load(20, 5*time.Millisecond)
	eventually(t, "the busy one has what nobody else wants", func() bool { return a.keeper.State().Limit >= 10 })
	b.load(20, 5*time.Millisecond)
	eventually(t, "two busy ones have the same", func() bool {
		return a.keeper.State().Limit <= 8 && b.keeper.State().Limit >= 6
	})
	v := s.view()
	require.Len(t, v.Leases, 3)
	require.LessOrEqual(t, v.Charged, 18)
	require.Equal(t, 2, c.keeper.State().Floor)
	require.Contains(t, a.keeper.State().String(), "pg-a: leased, limit")

	a.sick.Store(true)
	eventually(t, "a server that fails a process gets nobody's connections for it", func() bool {
		return a.keeper.State().Limit == 2 && b.keeper.State().Limit >= 10
	})
}

// TestASurgeIsAskedForAtOnce: the heartbeat is too long to wait for.
func TestASurgeIsAskedForAtOnce(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	b := small(20, 4, 2, 2)
	b.TTL, b.MemberTTL = 20*time.Minute, 20*time.Minute
	s.set(b)
	idle, busy := s.process(), s.process()
	for _, p := range []*process{idle, busy} {
		require.NoError(t, p.keeper.Ready(within(t, soon)))
	}
	idle.close(t)
	before := s.view().Leases[0].Seq
	busy.load(20, 5*time.Millisecond)
	eventually(t, "it has what nobody else wants", func() bool { return busy.keeper.State().Limit >= 12 })
	require.LessOrEqual(t, s.view().Leases[0].Seq, before+2, "a lasting shortage is not asked for again and again")
}

func TestASurplusProcessWaitsAndThenStarts(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	budget := small(6, 2, 2, 2)
	budget.MemberTTL = 20 * time.Minute // a place that is free before was given back
	s.set(budget)
	s.census(4, 6)
	a, b := s.process(), s.process()
	require.NoError(t, a.keeper.Ready(within(t, soon)))
	require.NoError(t, b.keeper.Ready(within(t, soon)))

	c := s.process()
	err := c.keeper.Ready(c.until(t, "all 2 places"))
	var notReady *lease.NotReadyError
	require.ErrorAs(t, err, &notReady)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Contains(t, notReady.Reason, "all 2 places of the budget are taken (by 2 processes)")
	require.Zero(t, c.Open())
	_, err = c.db.Acquire(within(t, soon))
	require.ErrorContains(t, err, "all 2 places")
	v := s.view()
	require.Len(t, v.Leases, 3, "who waits is shown")
	require.Zero(t, v.Leases[2].Floor)

	a.close(t)
	require.NoError(t, c.keeper.Ready(within(t, soon)))
	require.ErrorIs(t, a.keeper.Ready(within(t, soon)), lease.ErrClosed)
	require.NoError(t, a.keeper.Close(within(t, soon)), "again")
}

func TestWithoutABudgetAProcessSaysSo(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	p := s.process()
	require.ErrorContains(t, p.keeper.Ready(p.until(t, "keyway pool set")), "keyway pool set")
	s.set(small(4, 1, 1, 1))
	require.NoError(t, p.keeper.Ready(within(t, soon)))
}

func TestAGraceShorterThanADialIsRefused(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(4, 1, 1, 1))
	p := s.process(func(c *lease.Config) { c.DialTimeout = 2 * time.Second })
	const reason = "not longer than this process's dial timeout of 2s"
	require.ErrorContains(t, p.keeper.Ready(p.until(t, reason)), reason)
}

// TestALockedLeaseTable: the processes go on with their floors, then with nothing, and come back by themselves.
func TestALockedLeaseTable(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(12, 2, 2, 2))
	s.census(10, 12)
	a, b := s.process(), s.process()
	a.load(10, 5*time.Millisecond)
	eventually(t, "granted", func() bool { return a.keeper.State().Granted > 2 })

	lock := pgtest.Conn(t, s.cluster, localpg.Superuser, s.db)
	_, err := lock.Exec(t.Context(), "begin; lock table keyway.pool_budget in access exclusive mode")
	require.NoError(t, err)
	eventually(t, "the floor", a.mode(lease.Safe))
	state := a.keeper.State()
	require.Equal(t, 2, state.Limit)
	require.NotEmpty(t, state.Reason)
	before := a.done.Load()
	eventually(t, "work goes on", func() bool { return a.done.Load() > before })
	eventually(t, "not for ever", a.mode(lease.NotReady))
	eventually(t, "not for ever", b.mode(lease.NotReady))
	require.ErrorContains(t, a.keeper.MayDial(), "this process has no connection to use")

	_, err = lock.Exec(t.Context(), "rollback")
	require.NoError(t, err)
	eventually(t, "back", a.mode(lease.Leased))
	eventually(t, "back", b.mode(lease.Leased))
}

func TestRightsThatWereTakenAway(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(12, 2, 2, 2))
	p := s.process()
	require.NoError(t, p.keeper.Ready(within(t, soon)))
	s.super("revoke execute on function keyway.pool_lock from " + s.app)
	eventually(t, "the floor", p.mode(lease.Safe))
	require.Contains(t, p.keeper.State().Reason, "permission denied for function pool_lock")
	require.ErrorContains(t, p.keeper.State().Err, "run `keyway init` again")
	s.super("grant execute on function keyway.pool_lock to " + s.app)
	eventually(t, "back", p.mode(lease.Leased))
}

func TestARestartedServer(t *testing.T) {
	s := newSite(t, pgtest.Private(t))
	s.set(small(12, 3, 2, 2))
	a, b := s.process(), s.process()
	a.load(6, 5*time.Millisecond)
	b.load(6, 5*time.Millisecond)
	eventually(t, "leased", a.mode(lease.Leased))
	eventually(t, "leased", b.mode(lease.Leased))
	require.NoError(t, s.cluster.Kill())
	eventually(t, "noticed", func() bool { return !a.mode(lease.Leased)() && !b.mode(lease.Leased)() })
	require.NoError(t, s.cluster.Start(within(t, time.Minute)))
	s.census(10, 12)
	eventually(t, "back", a.mode(lease.Leased))
	eventually(t, "back", b.mode(lease.Leased))
	before := a.done.Load()
	eventually(t, "work goes on", func() bool { return a.done.Load() > before+20 })
}

func TestABudgetThatChangesWhileItIsUsed(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(20, 2, 2, 2))
	c := s.census(18, 20)
	a, b := s.process(), s.process()
	a.load(20, 5*time.Millisecond)
	b.load(20, 5*time.Millisecond)
	eventually(t, "all of it is used", func() bool { return c.seen() == 18 })

	s.set(small(10, 2, 2, 2))
	eventually(t, "it has shrunk", func() bool { return s.view().Charged <= 8 })
	c.allow(8, 10)
	require.Never(t, func() bool { return a.keeper.State().Limit+b.keeper.State().Limit > 8 }, time.Second, 20*time.Millisecond)
	c.allow(28, 30)
	s.set(small(30, 2, 6, 2))
	eventually(t, "it has grown", func() bool { return c.seen() == 28 })
	require.Equal(t, 6, a.keeper.State().Floor)

	// Fewer places than there are processes: the oldest stay.
	s.set(small(30, 1, 6, 2))
	eventually(t, "one has to go", func() bool { return (a.mode(lease.NotReady)() || b.mode(lease.NotReady)()) })
	eventually(t, "the other has its part", func() bool {
		return a.keeper.State().Limit+b.keeper.State().Limit >= 26
	})
}

// TestAfterAFailoverNobodyNewIsLetIn: the server may have forgotten who uses it.
func TestAfterAFailoverNobodyNewIsLetIn(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(12, 3, 2, 2))
	s.census(10, 12)
	a := s.process()
	require.NoError(t, a.keeper.Ready(within(t, soon)))
	s.super("update keyway.pool_budget set origin = 'another server'")
	began := time.Now()
	eventually(t, "it was noticed", func() bool {
		var since time.Time
		require.NoError(t, s.owner.QueryRow(t.Context(), "select origin_since from keyway.pool_budget").Scan(&since))
		return time.Since(since) < time.Minute
	})
	b := s.process()
	require.ErrorContains(t, b.keeper.Ready(b.until(t, "the server failed over")), "the server failed over")
	require.NoError(t, b.keeper.Ready(within(t, soon)))
	require.Greater(t, time.Since(began), quick.MemberTTL+quick.Grace)
	eventually(t, "who was there is there: a heartbeat may be late, on a machine that does many other things", a.mode(lease.Leased))
}

// TestAProcessWithOneBusyConnectionKeepsItsLease: it renews over a connection beside its pool.
func TestAProcessWithOneBusyConnectionKeepsItsLease(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(3, 2, 1, 1))
	s.census(2, 3)
	p := s.process()
	require.NoError(t, p.keeper.Ready(within(t, soon)))
	q := s.process()
	require.NoError(t, q.keeper.Ready(within(t, soon)))
	conn, err := p.db.Acquire(within(t, soon))
	require.NoError(t, err)
	_, err = conn.Exec(within(t, soon), "select pg_sleep($1)", (quick.MemberTTL + quick.Grace + time.Second).Seconds())
	require.NoError(t, err)
	require.Equal(t, 1, p.keeper.State().Limit)
	require.NotEqual(t, lease.NotReady, p.keeper.State().Mode)
	conn.Release()
}

// TestAKeeperThatIsClosedBeforeItsPool: what is open stays charged, and nothing is opened any more.
func TestAKeeperThatIsClosedBeforeItsPool(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(4, 1, 2, 2))
	s.census(2, 4)
	p := s.process()
	require.NoError(t, p.keeper.Ready(within(t, soon)))
	conn, err := p.db.Acquire(within(t, soon))
	require.NoError(t, err)
	require.NoError(t, p.keeper.Close(within(t, soon)))
	require.Zero(t, p.in.Limit())
	_, err = p.db.Acquire(within(t, soon))
	require.ErrorContains(t, err, "it is closed")
	require.ErrorContains(t, p.keeper.MayDial(), "it is closed")
	q := s.process()
	require.ErrorContains(t, q.keeper.Ready(q.until(t, "still in use by others")), "still in use by others")
	require.Equal(t, 1, s.view().Charged)
	conn.Release()
	require.NoError(t, q.keeper.Ready(within(t, soon)))
}

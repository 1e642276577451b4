package fleet_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// TestAStoppedProcessWakesUpWhenAnotherHasItsPlace: its connections are charged for as long as the server shows them.
func TestAStoppedProcessWakesUpWhenAnotherHasItsPlace(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, 1), lease.Budget{Connections: 14, Processes: 2, Floor: 2, Reserve: 4})
	stopped, other := s.start().load(6, held), s.start().load(6, held)
	s.eventually("both work", func() bool { return s.ready() == 2 })
	stopped.signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = stopped.cmd.Process.Signal(syscall.SIGCONT) })
	third := s.start().load(6, held)
	time.Sleep(reclaimed + time.Second)
	require.False(t, third.status().Open, "the stopped one's backends are still there")
	s.super(0, "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%"+stopped.name+"%'")
	s.eventually("its place is given away", func() bool { return third.status().Ready == "" })
	s.progress(20, "the others work", other, third)

	stopped.signal(syscall.SIGCONT)
	s.eventually("it wakes up, has no place and says why", func() bool {
		st := stopped.status()
		return st.Ready != "" && st.Limits["pg-0"] == 0
	})
	t.Log(stopped.last.Ready)
	third.leave()
	s.eventually("there is room again", func() bool { return stopped.status().Ready == "" })
	s.progress(20, "and it works", stopped, other)
}

func TestASurplusProcessThatMayNotWaitGivesUpWithTheReason(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, 1), lease.Budget{Connections: 12, Processes: 1, Floor: 2, Reserve: 4})
	s.start().load(6, held)
	s.eventually("one works", func() bool { return s.ready() == 1 })
	surplus := s.start(func(p *plan) { p.OpenTimeout = 5 * time.Second }) // to come as far as the leases
	s.eventually("Open has given up", func() bool { return surplus.status().OpenErr != "" })
	require.Contains(t, surplus.last.OpenErr, "all 1 places of the budget are taken")
	s.eventually("nothing is left of it", func() bool { return len(s.view(0).Leases) == 1 })
}

// TestAServerIsDown: at the start, where that is allowed, and when a process closes.
func TestAServerIsDown(t *testing.T) {
	clusters := []*localpg.Cluster{pgtest.Shared(t), pgtest.Private(t)}
	s := begin(t, clusters, lease.Budget{Connections: 14, Processes: 2, Floor: 2, Reserve: 4})
	require.NoError(t, clusters[1].Kill())
	p := s.start(func(p *plan) { p.AllowDown = true })
	s.eventually("it opens without the server", func() bool { return p.status().Open })
	require.Contains(t, p.last.Ready, "pg-1")
	p.load(4, held)
	s.eventually("the other server serves", func() bool { return p.status().Served["s0"] > 20 })
	require.Zero(t, p.last.Served["s1"])
	require.NoError(t, clusters[1].Start(t.Context()))
	s.within(2*soon, "it is used when it is back", func() bool { return p.status().Served["s1"] > 20 })
	require.Empty(t, p.last.Ready)

	require.NoError(t, clusters[1].Kill())
	took := p.leave()
	t.Logf("Close took %s with a server down", took.Round(time.Millisecond))
	require.Less(t, took, 5*time.Second)
	require.NoError(t, clusters[1].Start(t.Context()))
}

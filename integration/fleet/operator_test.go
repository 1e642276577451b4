package fleet_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// shown is what keyway pool --json prints of one server.
type shown struct {
	Instance    string
	Connections int
	Processes   int
	Reserve     int
	Held        int
	Free        int
	Strangers   int
	Leases      []struct {
		Application, State         string
		Floor, Granted, Held, Open int
	}
}

func (s *site) pool() []shown {
	s.t.Helper()
	var v struct{ Instances []shown }
	require.NoError(s.t, json.Unmarshal(s.keyway("--json", "pool"), &v))
	require.Len(s.t, v.Instances, len(s.clusters))
	for _, in := range v.Instances {
		open, held := in.Strangers, in.Strangers
		for _, l := range in.Leases {
			require.LessOrEqual(s.t, l.Open, l.Held, "%s: %+v", in.Instance, l)
			open, held = open+l.Open, held+l.Held
		}
		require.Equal(s.t, held, in.Held, "%s: the sum of what is held", in.Instance)
		require.LessOrEqual(s.t, open, in.Held, in.Instance)
		require.Equal(s.t, in.Connections-in.Reserve-in.Held, in.Free, in.Instance)
	}
	return v.Instances
}

func TestTheBudgetIsShownAndChangedWhileProcessesWork(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, 2), lease.Budget{Connections: 32, Processes: 4, Floor: 2, Reserve: 4})
	var all []*process
	for range 4 {
		all = append(all, s.start().load(10, held))
	}
	full := func(least int) func() bool {
		return func() bool { return s.censuses[0].seen().leased >= least && s.censuses[1].seen().leased >= least }
	}
	s.eventually("the budget is used", full(26))
	looks := 0
	watch := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); looks++ {
			for _, in := range s.pool() {
				require.LessOrEqual(t, in.Held, in.Connections-in.Reserve, "%+v", in)
			}
		}
	}
	watch(length(t))

	for _, n := range []int{16, 32, 18} {
		from, _ := s.allowed()
		began := time.Now()
		if n-4 > from { // processes follow before the command has ended
			s.allow(n-4, n)
		}
		s.keyway("pool", "set", "--connections", fmt.Sprint(n), "--reserve", "4", "--floor", "2")
		if n-4 < from {
			// Not until the servers show fewer: a process that has not heard of it yet may open up to its old lease.
			s.eventually("what is too much is given up", func() bool {
				return !slices.ContainsFunc(s.pool(), func(in shown) bool { return in.Held > n-4 })
			})
		}
		s.allow(n-4, n)
		s.eventually("the new budget is used", full(n-5))
		t.Logf("%d connections: followed after %s", n, time.Since(began).Round(10*time.Millisecond))
		watch(length(t))
		s.progress(10, "all of them serve", all...)
	}
	t.Logf("%d looks with keyway pool", looks)
	if still := s.stoodStill(); still > ttl {
		t.Logf("the machine stood still for %s, in which no lease was renewed: the processes had to stop", still)
		return
	}
	for _, p := range all {
		require.Empty(t, p.last.Failed, "%v", p.last.Last)
	}
}

// allow changes what the servers may show from now on, and allowed is what they may show.
func (s *site) allow(leased, all int) {
	for _, c := range s.censuses {
		c.allow(leased, all)
	}
}

func (s *site) allowed() (leased, all int) {
	c := s.censuses[0]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leasedMost, c.allMost
}

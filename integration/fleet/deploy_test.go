package fleet_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

func TestADeployOfTwiceTheProcesses(t *testing.T) {
	const processes = 4
	s := begin(t, pgtest.SharedN(t, 2), lease.Budget{Connections: 30, Processes: 2 * processes, Floor: 2, Reserve: 5})
	s.backstop()
	var old, next []*process
	for range processes {
		old = append(old, s.start().load(6, held))
	}
	s.eventually("the old ones work", func() bool { return s.ready() == processes })
	s.eventually("they use what is not kept for the others", func() bool { return s.censuses[0].seen().leased >= 14 })
	for range processes {
		next = append(next, s.start().load(6, held))
	}
	s.eventually("the new ones work beside them", func() bool { return s.ready() == 2*processes })
	s.progress(20, "all of them", append(old, next...)...)
	for i, p := range old {
		took := p.leave()
		require.Less(t, took, 8*time.Second, "Close of process %d", i)
	}
	s.progress(20, "the new ones go on", next...)
	s.eventually("they use it again", func() bool { return s.censuses[0].seen().leased >= 14 })
	for _, p := range s.processes {
		require.Empty(t, p.last.Failed, "%s: nobody was refused: %v", p.name, p.last.Last)
	}
}

// TestFiftyProcessesAndADeployOnAServerOfAHundred has the default times.
func TestFiftyProcessesAndADeployOnAServerOfAHundred(t *testing.T) {
	if os.Getenv("KEYWAY_FLEET") == "" {
		t.Skip("eighty processes take a minute; set KEYWAY_FLEET=10s, as make soak does")
	}
	s := begin(t, []*localpg.Cluster{pgtest.Private(t)}, lease.Budget{
		Connections: 95, Processes: 75, TTL: lease.DefaultTTL, MemberTTL: lease.DefaultMemberTTL, Grace: lease.DefaultGrace,
	})
	require.Equal(t, 1, s.budget.Floor)
	require.Equal(t, 5, s.budget.Reserve)
	start := func(n int) (all []*process) {
		for range n {
			all = append(all, s.start(func(p *plan) { p.Poll = 0 }))
		}
		at(all, func(p *process) { p.load(2, 200*time.Millisecond) })
		return all
	}
	all := start(50)
	s.within(2*soon, "fifty work", func() bool { return s.ready() == 50 })
	surge := start(30)
	s.within(2*soon, "seventy-five work", func() bool { return s.ready() == 75 })
	waiting := 0
	for _, p := range surge {
		if !p.last.Open {
			waiting++
			s.eventually("it says why it waits", func() bool { return mentions(p.status().Log, "all 75 places of the budget are taken") })
		}
	}
	require.Equal(t, 5, waiting)
	at(all[:10], func(p *process) { p.leave() })
	s.within(2*soon, "those who waited work", func() bool { return s.ready() == 70 })
	s.progress(1, "every one of them", append(all[10:], surge...)...)
}

package fleet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// held is how long statements of these stories keep their connection.
const held = 10 * time.Millisecond

func TestProcessesCrashAndNewOnesStartUnderLoad(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, 2), lease.Budget{Connections: 16, Processes: 4, Floor: 2, Reserve: 3})
	var first []*process
	for range 4 {
		first = append(first, s.start().load(6, held))
	}
	s.eventually("four processes work", func() bool { return s.ready() == 4 })
	s.progress(20, "each of them", first...)

	// Two are killed while all that they have is in use; two take their places when these have run out.
	first[0].load(6, 3*time.Second)
	s.eventually("statements are long", func() bool { return s.censuses[0].seen().leased >= 10 })
	killed := time.Now()
	first[0].kill()
	first[1].kill()
	next := []*process{s.start().load(6, held), s.start().load(6, held)}
	s.eventually("who comes too early says why it waits", func() bool {
		st := next[0].status()
		return !st.Open && mentions(st.Log, "places of the budget are taken")
	})
	s.eventually("they start by themselves", func() bool { return s.ready() == 4 })
	t.Logf("%s after the kill the new ones work; places run out after %s", time.Since(killed).Round(10*time.Millisecond), reclaimed)
	s.progress(20, "all of them work", append(next, first[2:]...)...)

	// One too many, and one that leaves.
	late := s.start().load(6, held)
	s.eventually("the fifth waits", func() bool { return mentions(late.status().Log, "places of the budget are taken") })
	time.Sleep(length(t))
	require.False(t, late.status().Open)
	left := time.Now()
	require.Less(t, first[2].leave(), 5*time.Second)
	s.eventually("the fifth starts", func() bool { return late.status().Ready == "" })
	t.Logf("%s after another has left", time.Since(left).Round(10*time.Millisecond))
	s.progress(20, "and works", late)
	s.eventually("the budget is used", func() bool { return s.censuses[0].seen().leased >= 12 })
}

func mentions(lines []string, text string) bool {
	for _, line := range lines {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

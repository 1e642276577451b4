package pool

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACheckedConnectionGoesBackToItsPlaceInTheIdleList(t *testing.T) {
	d := &Database{}
	l := &d.idle
	rs := make([]*resource, 5)
	for i := range rs {
		rs[i] = &resource{returned: uint64(i)}
		rs[i].node.of = rs[i]
		d.insertIdleLocked(rs[i])
	}
	for range 200 {
		i, j := rand.IntN(len(rs)), rand.IntN(len(rs))
		rs[i].node.leave()
		if i != j {
			rs[j].node.leave()
			d.insertIdleLocked(rs[j])
		}
		d.insertIdleLocked(rs[i])
		n := 0
		for e := l.first; e != nil; e = e.next {
			require.Same(t, rs[n], e.of)
			n++
		}
		for e := l.last; e != nil; e = e.prev {
			n--
			require.Same(t, rs[n], e.of)
		}
		require.Zero(t, n)
		require.Equal(t, len(rs), l.n)
	}
}

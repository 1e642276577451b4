package pool

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACheckedConnectionGoesBackToItsPlaceInTheIdleList(t *testing.T) {
	var l idleList
	rs := make([]*resource, 5)
	for i := range rs {
		rs[i] = &resource{returned: uint64(i)}
		l.push(rs[i])
	}
	for range 200 {
		i, j := rand.IntN(len(rs)), rand.IntN(len(rs))
		l.remove(rs[i])
		if i != j {
			l.remove(rs[j])
			l.insert(rs[j])
		}
		l.insert(rs[i])
		n := 0
		for r := l.oldest; r != nil; r = r.next {
			require.Same(t, rs[n], r)
			n++
		}
		for r := l.newest; r != nil; r = r.prev {
			n--
			require.Same(t, rs[n], r)
		}
		require.Zero(t, n)
		require.Equal(t, len(rs), l.n)
	}
}

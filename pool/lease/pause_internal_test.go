package lease

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHowLongAProcessWaitsBetweenRequests: in heartbeats of a second.
func TestHowLongAProcessWaitsBetweenRequests(t *testing.T) {
	keeper := func(floor int) *Keeper {
		k := &Keeper{begun: time.Now(), member: NewMember(Holder{})}
		k.state.Renewed, k.state.Budget = time.Now(), Budget{TTL: 6 * time.Second}
		k.member.floor = promise{n: floor, life: time.Hour}
		k.member.grant = promise{n: 1, life: time.Hour}
		k.state.Held = 1
		return k
	}
	const about = 110 * time.Millisecond
	require.InDelta(t, time.Second, keeper(2).pause(), float64(about))

	short := keeper(2)
	short.state.Want = 9
	require.InDelta(t, time.Second, short.pause(), float64(about), "a shortage that lasts")
	short.rose = true
	require.InDelta(t, time.Second/2, short.pause(), float64(about), "one that has begun")

	outside := keeper(0)
	outside.failed = 20
	for range 100 {
		require.Less(t, outside.pause(), outside.state.Budget.TTL, "who waits for a place keeps its row")
	}
}

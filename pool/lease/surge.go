package lease

import "time"

// A process looks at its own demand so often in a heartbeat, and at least once in longestGlance.
const (
	glances       = 5
	longestGlance = time.Second
)

// surges reports whether callers want more connections than this process has asked for and than it has. It asks then,
// whatever is left of the heartbeat: a process that starts has its floor, and its first callers should not wait for a
// heartbeat to end. Want does not rise again before the reply, so a lasting shortage is no surge.
func (k *Keeper) surges() bool {
	if k.sick { // callers pile up for another reason
		return false
	}
	want := k.wanted()
	if k.cfg.Most > 0 {
		want = min(want, k.cfg.Most)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	floor, granted := k.member.Allowance(k.now())
	return k.failed == 0 && floor > 0 && want > max(k.state.Want, floor+granted)
}

// wanted is the estimate of the demand as of now. It is called by run only.
func (k *Keeper) wanted() int {
	sample, at := k.cfg.Pool.Sample(), time.Since(k.begun)
	k.demand.SetWindow(at, k.window())
	k.demand.Observe(at, sample)
	return k.demand.Want()
}

// untilGlance is how long until run should look at the demand.
func (k *Keeper) untilGlance() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return min(k.heartbeatLocked()/glances, longestGlance)
}

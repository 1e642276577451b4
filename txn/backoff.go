package txn

import (
	"context"
	"time"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// maxReroutes bounds a loop that is otherwise bounded by time alone.
const maxReroutes = 1000

// minReroutes are tried however long they took: each may have waited for the move's own locks.
const minReroutes = 5

// rerouteDelay is the largest bound of the waits for a moved slot: the map's change should be seen quickly.
const rerouteDelay = 100 * time.Millisecond

// next says how long to wait before another attempt, or which limit forbids one. The budget is asked last, so that
// only a retry that happens costs something.
func (t *trial) next(ctx context.Context, out outcome) (time.Duration, Limit) {
	if out.Verdict == pgerr.Reroute && out.Limit == 0 {
		return t.nextReroute(ctx)
	}
	t.failed++
	if t.failed >= t.o.MaxAttempts || !t.allowed(out) {
		return 0, LimitAttempts
	}
	base, floor := t.cfg.BaseDelay, time.Duration(0)
	if out.Verdict == pgerr.RetryLater || out.Verdict == pgerr.RetryTxIfRerunnable {
		base, floor = t.cfg.ConnectDelay, t.cfg.ConnectDelay/2
	}
	wait := t.jitter(floor, bound(base, t.failed, t.cfg.MaxDelay))
	if !t.fits(ctx, wait) {
		return 0, LimitDeadline
	}
	cost := t.cfg.Budget.Cost
	if out.Timeout {
		cost = t.cfg.Budget.TimeoutCost
	}
	if !t.budget.take(out.shard, cost) {
		return 0, LimitBudget
	}
	return wait, ""
}

// nextReroute is for a slot that its shard does not own: the move's pause is tens of milliseconds, seldom more, and
// until it is over the map may still name the old shard.
func (t *trial) nextReroute(ctx context.Context) (time.Duration, Limit) {
	if t.o.MaxAttempts == 1 {
		return 0, LimitAttempts
	}
	if t.rerouted.IsZero() {
		t.rerouted = time.Now()
	}
	n := t.attempts - t.failed
	wait := t.jitter(0, bound(t.cfg.BaseDelay, n, rerouteDelay))
	if time.Since(t.rerouted)+wait > t.cfg.RerouteTime && n >= minReroutes || n > maxReroutes {
		return 0, LimitReroute
	}
	if !t.fits(ctx, wait) {
		return 0, LimitDeadline
	}
	return wait, ""
}

// allowed counts a retry against the limit of its kind.
func (t *trial) allowed(out outcome) bool {
	if out.Limit == 0 {
		return true
	}
	if t.causes == nil {
		t.causes = map[string]int{}
	}
	c := cause(out)
	t.causes[c]++
	return t.causes[c] <= out.Limit
}

// fits reports whether an attempt as quick as the quickest so far ends before ctx does.
func (t *trial) fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait+t.fastest
}

// bound doubles base with each failure and stops at most.
func bound(base time.Duration, failures int, most time.Duration) time.Duration {
	for range failures - 1 {
		if base >= most {
			break
		}
		base *= 2
	}
	return min(base, most)
}

// jitter draws evenly between floor and bound ("full jitter"): callers that failed together do not come back together.
func (t *trial) jitter(floor, bound time.Duration) time.Duration {
	return floor + time.Duration(t.cfg.Rand()*float64(bound-floor))
}

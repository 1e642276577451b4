package pool

import (
	"context"
	"math"
	"time"
)

const (
	// paceTime and paceLeast are how long and how many services the pace of a busy pool is measured over.
	paceTime  = 500 * time.Millisecond
	paceLeast = 16

	// growTime is how long a pool with a queue may take to get all the connections it may have: afterwards it is
	// taken for what it is.
	growTime = 5 * time.Second

	// hopeless is how many times a caller's time the estimated wait must be for the caller to be refused: the estimate
	// is rough, and a refusal costs more than a wait.
	hopeless = 2
)

// A pace is how fast those who wait are served. It is forgotten when nobody waits, since the next queue may be of other
// work, and when the pool is going to be another one. Guarded by the instance's mu.
type pace struct {
	grown  bool          // the pool has what it may have: waits are not those for dials
	began  time.Duration // of the present measurement, or of the growth
	served int
	gap    time.Duration // between two services, from the measurement before; 0 while there was none
}

// grownLocked reports whether the pool has got what it may have since the queue began. mu must be held.
func (in *Instance) grownLocked(now time.Duration) bool {
	p := &in.pace
	if !p.grown {
		grows := in.dialling > 0 || in.drainingLocked() > 0 || in.freeLocked(work) > 0
		if !grows || now-p.began > growTime {
			*p = pace{grown: true, began: now}
		}
	}
	return p.grown
}

// notePaceLocked counts somebody who is served. mu must be held.
func (in *Instance) notePaceLocked(now time.Duration) {
	if !in.grownLocked(now) {
		return
	}
	p := &in.pace
	p.served++
	if took := now - p.began; took >= paceTime && p.served >= paceLeast {
		*p = pace{grown: true, began: now, gap: took / time.Duration(p.served)}
	}
}

// estimateLocked is how long a newcomer of class c is going to wait, or 0 when that cannot be said: before enough of
// those who wait were served, and while there is room for more connections. It is rather too short: lower classes that
// have waited for long go first, and count as behind. mu must be held.
func (in *Instance) estimateLocked(c Class) time.Duration {
	if in.paused != nil || in.freeLocked(work) > 0 {
		return 0
	}
	ahead := in.lined[Control] + in.raw.n
	if c != Control {
		for higher := range c + 1 {
			ahead += in.lined[higher]
		}
	}
	return time.Duration(ahead+1) * in.pace.gap
}

// hopelessLocked refuses a newcomer whose time will clearly be over before its turn, or returns nil. mu must be held.
func (in *Instance) hopelessLocked(ctx context.Context, w *waiter) error {
	estimated := in.estimateLocked(w.class)
	if estimated == 0 || estimated/hopeless <= in.timeLeft(ctx) {
		return nil
	}
	return &OverloadError{
		Instance: in.cfg.Name, Database: w.db.name, Class: w.class, Limit: in.limit, Waiting: in.waitingLocked(),
		Estimated: estimated,
	}
}

// timeLeft is how long a wait that begins now can be.
func (in *Instance) timeLeft(ctx context.Context) time.Duration {
	left := time.Duration(math.MaxInt64)
	if in.cfg.AcquireTimeout > 0 {
		left = in.cfg.AcquireTimeout
	}
	if until, ends := ctx.Deadline(); ends {
		left = min(left, time.Until(until))
	}
	return left
}

// codel sheds load when a queue does not only take up a burst but stands. It is CoDel (Nichols and Jacobson,
// "Controlling Queue Delay", ACM Queue 10(5), 2012) with the drop rule of Elixir's db_connection: a pool is overloaded
// when for QueueInterval not even the shortest wait was below QueueTarget, and then refuses whoever has waited for
// twice QueueTarget. Those who are served have then waited for a time near the target, and the pool stays as busy as
// without it. A network drops packets ever more often until the senders slow down; callers do not slow down, hence the
// simpler rule.
//
// The oldest are refused, and the order stays first come first served. Serving the newest first would keep more waits
// short, but the oldest would wait for their whole patience only to be refused then.
//
// Only Interactive callers are measured and refused. Guarded by the instance's mu.
type codel struct {
	slow    bool
	until   time.Duration // end of the interval, since epoch
	least   time.Duration // the shortest wait of the interval; negative while nobody was served
	returns uint64        // the instance's when least was noted: a connection that became idle since means no queue
}

// shedLocked refuses those who have waited for too long while the pool is overloaded. It is called before anybody is
// served and when somebody joins. mu must be held; pumpLocked must follow.
func (in *Instance) shedLocked() {
	if in.cfg.QueueTarget <= 0 || in.lined[Interactive] == 0 {
		return
	}
	now := sinceEpoch()
	in.codel.turn(in, now)
	if !in.codel.slow {
		return
	}
	for _, d := range in.dbs {
		for e := d.line.classes[Interactive].first; e != nil; e = d.line.classes[Interactive].first {
			waited := now - e.of.rank // since it was admitted: its key's turn and a pause are nobody's overload
			if waited <= 2*in.cfg.QueueTarget || e.of.many {
				break
			}
			in.settleLocked(e.of, nil, &OverloadError{
				Instance: in.cfg.Name, Database: d.name, Limit: in.limit, Waiting: in.waitingLocked() - 1,
				Waited: waited, Target: in.cfg.QueueTarget,
			})
		}
	}
}

// turn begins a new interval when the present one is over.
func (c *codel) turn(in *Instance, now time.Duration) {
	if c.returns != in.returns {
		c.returns, c.least = in.returns, 0
	}
	switch {
	case !in.grownLocked(now): // whoever waits now waits for a dial
		c.slow = false
	case now < c.until:
		return
	case now-c.until > in.cfg.QueueInterval: // nobody waited for a while
		c.slow = false
	case c.least >= 0:
		c.slow = c.least > in.cfg.QueueTarget
	default:
		c.slow = true // somebody waited, and nobody was served for all of an interval
	}
	c.until, c.least = now+in.cfg.QueueInterval, -1
}

// note is told how long somebody who is served has waited.
func (c *codel) note(waited time.Duration) {
	if c.least < 0 || waited < c.least {
		c.least = waited
	}
}

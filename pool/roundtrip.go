package pool

import (
	"context"
	"sync/atomic"
	"time"
)

// tripsKept is how many of the last round trips the least is taken of. What a round trip takes above the distance is
// the load of a moment, so the least of some is the distance; a distance that grew is believed after so many.
const tripsKept = 8

// A roundTrip is how far away a server is, by what the pool asks it anyway: each new session, and each connection that
// is checked.
type roundTrip struct {
	last  [tripsKept]time.Duration // a ring; guarded by the instance's mu
	n     int                      // how many there were; guarded by the instance's mu
	least atomic.Int64             // of last, in nanoseconds; 0 while nothing was measured
}

// tookLocked notes one. The instance's mu must be held.
func (t *roundTrip) tookLocked(d time.Duration) {
	t.last[t.n%tripsKept] = max(d, 1)
	t.n++
	least := t.last[0]
	for _, d := range t.last[1:min(t.n, tripsKept)] {
		least = min(least, d)
	}
	t.least.Store(int64(least))
}

// tripped notes a round trip that began at start.
func (d *Database) tripped(start time.Duration) {
	took := sinceEpoch() - start
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	d.trip.tookLocked(took)
}

// MeasureRoundTrip asks the server n times for nothing, for [Database.RoundTrip]. A single round trip is mostly the load
// of its moment. The error is that of the connection, which is broken then, or [ErrReleased] or [ErrInUse].
func (c *Conn) MeasureRoundTrip(ctx context.Context, n int) error {
	r, err := c.enter()
	if err != nil {
		return err
	}
	defer c.exit(r)
	for range n {
		start := sinceEpoch()
		if err := r.conn.PgConn().Exec(ctx, "").Close(); err != nil {
			return err
		}
		r.db.tripped(start)
	}
	return nil
}

// RoundTrip is how long the server takes to answer when it has nothing to do: the least of the last eight questions that
// the pool asked it for its own purposes, one on each new session and one with each check. 0 while it has asked none; see
// [Conn.MeasureRoundTrip]. It takes no lock.
func (d *Database) RoundTrip() time.Duration { return time.Duration(d.trip.least.Load()) }

// Serves reports whether a connection can be had as far as is known: the pool is neither closed nor paused, its limit is
// not 0, and the last dial did not fail. It takes no lock and asks nobody, so the next call may find otherwise.
func (d *Database) Serves() bool { return !d.in.closedOff.Load() && !d.failed.Load() }

// Retry dials in the background when the last dial failed and the next one is due. A caller's wish for a connection does
// that too; Retry is for those who keep away from a database that does not serve, and want to hear when it does again.
func (d *Database) Retry() {
	d.in.mu.Lock()
	defer d.in.mu.Unlock()
	if d.failures == 0 {
		return
	}
	d.missed = true
	if !d.backingOffLocked() {
		d.tryAgainLocked()
	}
}

// noteServesLocked keeps what Serves sees. mu must be held.
func (in *Instance) noteServesLocked() { in.closedOff.Store(in.shut || in.limit == 0) }

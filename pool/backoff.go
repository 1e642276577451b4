package pool

import (
	"math/rand/v2"
	"time"
)

const (
	firstBackoff = 10 * time.Millisecond
	// lastBackoff is the longest pause between two dials to a database that cannot be reached. With full jitter and one
	// dial at a time, 50 processes that miss a server make 50 dials a second between them, which costs a server that
	// comes back nothing; a process finds it a second after its return on average, two at most.
	lastBackoff = 2 * time.Second

	// lastFullBackoff is the same for a server that answers that it is full: a slot may come free at any time.
	lastFullBackoff = 500 * time.Millisecond

	// hopeful is how long a waiter keeps hoping for a returned connection or for the next dial when dialling fails.
	hopeful = time.Second
)

// dialFailedLocked decides who hears of it. With no connection of d in use and no other dial under way nothing can come
// to those who wait, so they get the error now; otherwise those who have waited for a while do. A server that is merely
// full is tried again for as long as they are willing to wait. mu must be held.
func (d *Database) dialFailedLocked(err error) {
	in := d.in
	if in.closing {
		return
	}
	d.failures++
	d.failed.Store(true)
	d.dialErr, d.failing = err, dialErrorKind(err)
	longest, full := lastBackoff, d.failing == tooManyConnections
	if full {
		longest = lastFullBackoff
	}
	d.retryAt = time.Now().Add(rand.N(min(firstBackoff<<min(d.failures-1, 10), longest)))
	if full {
		return
	}
	d.line.each(func(w *waiter) {
		if d.lent+d.dialling == 0 || sinceEpoch()-w.since > hopeful {
			in.settleLocked(w, nil, err)
		}
	})
}

// backingOffLocked reports whether d must not be dialled yet, and sees to it that the queue is looked at when it may
// be. The instance's mu must be held.
func (d *Database) backingOffLocked() bool {
	if d.failures == 0 {
		return false
	}
	if d.dialling > 0 {
		return true // one attempt at a time tells as much as several
	}
	wait := time.Until(d.retryAt)
	if wait <= 0 {
		return false
	}
	if d.retry == nil {
		in := d.in
		d.retry = time.AfterFunc(wait, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			d.retry = nil
			in.progressLocked()
			in.pumpLocked()
			d.tryAgainLocked()
		})
	}
	return true
}

// unreachableLocked is the last dial's error when nothing can come to a caller before the next dial, and that is too
// far away to wait for: callers of a server that is down do not pile up. The instance's mu must be held.
func (d *Database) unreachableLocked() error {
	if d.lent+d.dialling > 0 || !d.backingOffLocked() || time.Until(d.retryAt) <= hopeful {
		return nil
	}
	d.missed = true
	return d.dialErr
}

// tryAgainLocked dials when a caller was refused meanwhile and nobody waits: the next one need not pay for finding out
// that the server is back. The instance's mu must be held.
func (d *Database) tryAgainLocked() {
	if d.missed && d.failures > 0 && d.dialling == 0 && d.in.mayDialLocked() {
		d.missed = false
		d.in.startDialLocked(d)
	}
}

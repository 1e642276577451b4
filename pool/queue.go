package pool

import (
	"context"
	"errors"
	"sync"
	"time"
)

// patience is how long a caller whose database has connections in use waits for one of them before a connection is
// taken away from another database for it: an idle one, or one that is just returned and that a caller who came so
// much later could have. Taking it costs a close and a dial, some milliseconds of the server's processor, and under
// load on several databases it would be paid for nearly every statement.
const patience = 10 * time.Millisecond

// A waiter is one caller that could not be served at once. The instance's mu guards all but what await reads after
// done: res and err are written before the send.
type waiter struct {
	list       *waitList // nil once settled or gone
	prev, next *waiter
	db         *Database
	seq        uint64
	since      time.Time
	purpose    purpose
	many       bool // belongs to an AcquireMany

	res  *resource // nil for a token
	err  error
	took time.Duration // the wait, when it was ended by the pool

	// Kept from one use to the next.
	done  chan struct{} // receives once when settled
	timer *time.Timer   // stopped while not waiting; nil until first needed
}

// waiters keeps waiters with their channels; one is put back only when its channel is empty and nobody has it listed.
var waiters = sync.Pool{New: func() any { return &waiter{done: make(chan struct{}, 1)} }}

func newWaiter(d *Database) *waiter {
	w := waiters.Get().(*waiter)
	*w = waiter{db: d, since: time.Now(), done: w.done, timer: w.timer}
	return w
}

// waitList is a queue: first has waited longest.
type waitList struct {
	first, last *waiter
	n           int
}

func (l *waitList) push(w *waiter) {
	w.list, w.prev, w.next = l, l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.n++
}

func (l *waitList) remove(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.list, w.prev, w.next = nil, nil, nil
	l.n--
}

// at is the i-th waiter, or nil.
func (l *waitList) at(i int) *waiter {
	w := l.first
	for ; w != nil && i > 0; i-- {
		w = w.next
	}
	return w
}

// enqueueLocked puts a caller at the end of d's queue. mu must be held; pumpLocked must follow.
func (in *Instance) enqueueLocked(d *Database) *waiter {
	w := newWaiter(d)
	in.arrivals++
	w.seq = in.arrivals
	d.queue.push(w)
	in.waiting++
	in.noteDemandLocked()
	return w
}

// leaveLocked takes w out of its queue. mu must be held.
func (in *Instance) leaveLocked(w *waiter) {
	if w.list != &in.controls {
		in.waiting--
	}
	w.list.remove(w)
}

// settleLocked ends a wait: with a resource, with an error, or with neither, which is a token. mu must be held.
func (in *Instance) settleLocked(w *waiter, r *resource, err error) {
	in.leaveLocked(w)
	in.waitedLocked(w, r, err)
	w.res, w.err = r, err
	w.done <- struct{}{} // never blocks: room for one, sent once
}

// await waits until w is settled, ctx ends or AcquireTimeout has passed since w came. What was settled in the very
// moment in which ctx ended goes back to the pool: a caller that gets an error holds nothing. w is not the caller's
// afterwards.
func (in *Instance) await(ctx context.Context, w *waiter) (*resource, error) {
	cause := in.block(ctx, w)
	if cause != nil && in.leave(w) {
		<-w.done // settled meanwhile
		if ctx.Err() == nil {
			cause = nil
		} else {
			in.returnUnused(w)
		}
	}
	r, err := w.res, w.err
	if cause != nil {
		r, err = nil, in.gaveUp(w, cause)
	}
	if r != nil {
		in.observe(MeasuredWait, w.db, w.took, nil)
	}
	*w = waiter{done: w.done, timer: w.timer} // holds on to nothing
	waiters.Put(w)
	return r, err
}

// block returns nil when w was settled, and otherwise why it stopped waiting.
func (in *Instance) block(ctx context.Context, w *waiter) (cause error) {
	var expired <-chan time.Time
	if in.cfg.AcquireTimeout > 0 {
		left := in.cfg.AcquireTimeout - time.Since(w.since)
		if w.timer == nil {
			w.timer = time.NewTimer(left)
		} else {
			w.timer.Reset(left)
		}
		expired = w.timer.C
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		cause = ctx.Err()
	case <-expired:
		cause = context.DeadlineExceeded
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	return cause
}

// leave takes w out of its queue, unless it was settled meanwhile.
func (in *Instance) leave(w *waiter) (settled bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if w.list == nil {
		return true
	}
	in.leaveLocked(w)
	return false
}

// returnUnused gives back what a waiter got that no longer wants it.
func (in *Instance) returnUnused(w *waiter) {
	switch {
	case w.err != nil:
	case w.res != nil:
		in.putBackUnused(w.res)
	default:
		in.giveBack(w.purpose)
	}
}

// gaveUp is the error of a wait that ended without a connection.
func (in *Instance) gaveUp(w *waiter, cause error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	waited := time.Since(w.since)
	if !errors.Is(cause, context.DeadlineExceeded) {
		w.db.unservedLocked(&in.classes[Interactive].Cancels, &w.db.stat.Cancels, waited)
		return &waitCanceledError{instance: in.cfg.Name, database: w.db.name, waited: waited, err: cause}
	}
	w.db.unservedLocked(&in.classes[Interactive].Timeouts, &w.db.stat.Timeouts, waited)
	e := &AcquireTimeoutError{
		Instance: in.cfg.Name, Database: w.db.name, Waited: waited, Limit: in.limit,
		Open: in.openLocked(), InUse: in.inUse, Draining: in.drainingLocked(), Waiting: in.waiting,
	}
	if w.db.failures > 0 {
		e.Dial = w.db.dialErr
	}
	return e
}

// pumpLocked lets everything that waits have what is free: for those who wait longest and for whom no dial is under
// way yet, a token that is free, one that is on its way back, or one of a connection that another database has idle.
// It is called after every event that could change the answer, so nobody waits while a token is free. mu must be held.
func (in *Instance) pumpLocked() {
	if in.closing {
		return
	}
	if in.waiting == 0 {
		in.keepLocked()
		return
	}
	promised, slots := in.evicting, in.dialRoomLocked()
	for _, d := range in.dbs {
		d.cursor = d.queue.at(d.dialling)
		if d.cursor != nil && d.backingOffLocked() {
			d.cursor = nil
		}
	}
	raw := in.raw.first
	for {
		w := raw
		if slots > 0 {
			w = in.earliestLocked(raw)
		}
		if w == nil {
			return
		}
		isRaw, takeFromAllBut := w == raw, w.db
		if isRaw {
			raw, takeFromAllBut = raw.next, nil // a socket of a pgxpool has no use for ours
		} else {
			w.db.cursor = w.next
			slots--
		}
		switch {
		case in.freeLocked(work) > 0 && isRaw:
			in.chargeLocked(w.purpose)
			in.settleLocked(w, nil, nil)
		case in.freeLocked(work) > 0:
			in.startDialLocked(w.db)
		case promised > 0:
			promised--
		case !isRaw && !in.mayTakeLocked(w):
			w.db.cursor = nil // nor may those who came later
			slots++
		case in.freeLocked(work) == 0 && in.evictLocked(takeFromAllBut):
			if !isRaw {
				in.noteConversionLocked(w.db)
			}
		default:
			in.reclaimLentLocked()
			return
		}
	}
}

// mayTakeLocked reports whether an idle connection of another database may be closed for w, and sees to it that the
// queue is looked at again when it may. mu must be held.
func (in *Instance) mayTakeLocked(w *waiter) bool {
	if in.idle == 0 {
		return true
	}
	left := in.untilDueLocked(w)
	if left > 0 && in.patient == nil {
		in.patient = time.AfterFunc(left, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.patient = nil
			in.pumpLocked()
		})
	}
	return left <= 0
}

// untilDueLocked is how long w must still wait before a connection may be converted for it. mu must be held.
//
// Conversions for a database that has connections in use are spaced, so that they cost at most a twentieth of the
// pool's time: with two databases under changing load, each one's queue grows while the other has more of the
// connections, and they would be exchanged for ever.
func (in *Instance) untilDueLocked(w *waiter) time.Duration {
	if w.many || w.db.lent+w.db.dialling == 0 {
		return 0 // nothing of its own will ever come back to it; an AcquireMany may itself have what is lent
	}
	return max(patience-time.Since(w.since), time.Until(in.converted.Add(20*in.dialTime/time.Duration(max(in.limit, 1)))))
}

// noteConversionLocked starts the time until the next one. mu must be held.
func (in *Instance) noteConversionLocked(d *Database) {
	if d.lent+d.dialling > 0 { // the first one is never held up by the spacing, nor holds it up
		in.converted = time.Now()
	}
}

// earliestLocked is the one of the databases' cursors and raw that came first. mu must be held.
func (in *Instance) earliestLocked(raw *waiter) *waiter {
	first := raw
	for _, d := range in.dbs {
		if d.cursor != nil && (first == nil || d.cursor.seq < first.seq) {
			first = d.cursor
		}
	}
	return first
}

// overdueLocked reports whether a connection of d that comes free must be given up because someone else has waited
// for too long: since patience before d's own first waiter, or at all when there is nothing of theirs that could ever
// be returned to them. mu must be held.
func (in *Instance) overdueLocked(d *Database) bool {
	if in.waiting == d.queue.n || in.evicting > 0 {
		return false
	}
	own := d.queue.first
	if w := in.raw.first; w != nil && w.seq < own.seq {
		return true
	}
	if in.dialRoomLocked() <= 0 {
		return false
	}
	for _, e := range in.dbs {
		w := e.queue.at(e.dialling)
		if e == d || w == nil || w.seq > own.seq || e.backingOffLocked() {
			continue
		}
		if (e.lent+e.dialling == 0 || own.since.Sub(w.since) > patience) && in.untilDueLocked(w) <= 0 {
			in.noteConversionLocked(e)
			return true
		}
	}
	return false
}

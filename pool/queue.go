package pool

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A waiter is one caller that could not be served at once. The instance's mu guards all but what await reads after
// done: res and err are written before the send.
type waiter struct {
	node    node[waiter]
	turn    node[waiter] // in its database's turns, beside node in its tenant's queue
	place   place
	db      *Database
	class   Class
	tenant  *tenant       // nil when its key is not capped, and once it was given to res
	since   time.Duration // when it came, since epoch
	rank    time.Duration // its place in the order: when it was admitted, since epoch, and its handicap
	purpose purpose
	many    bool // belongs to an AcquireMany
	fresh   bool // wants no connection that must be pinged first
	capped  bool // it ended while waiting for its key's turn

	res   *resource // nil for a token
	stale bool      // res must be pinged first
	err   error
	took  time.Duration // the wait, when it was ended by the pool

	// Kept from one use to the next.
	done  chan struct{} // receives once when settled
	timer *time.Timer   // stopped while not waiting; nil until first needed
}

// A place is where a waiter waits.
type place uint8

const (
	nowhere    place = iota // settled or gone
	inLine                  // in its database's line
	isHeld                  // in its database's held list: the pool is paused
	inTurn                  // in its tenant's queue
	forToken                // in raw
	forControl              // in controls
)

// waiters keeps waiters with their channels; one is put back only when its channel is empty and nobody has it listed.
var waiters = sync.Pool{New: func() any { return &waiter{done: make(chan struct{}, 1)} }}

func newWaiter(d *Database) *waiter {
	w := waiters.Get().(*waiter)
	w.db, w.since = d, sinceEpoch()
	w.node.of, w.turn.of = w, w
	return w
}

// putAway keeps a waiter that nobody has any more for the next caller.
func (w *waiter) putAway() {
	*w = waiter{done: w.done, timer: w.timer} // holds on to nothing
	waiters.Put(w)
}

// joinLocked makes w wait for a connection: for its key's turn first, if that is capped. mu must be held; pumpLocked
// must follow.
func (in *Instance) joinLocked(w *waiter, key uint64) {
	w.tenant = w.db.tenantLocked(key)
	if !w.db.turnFreeLocked(w.tenant) {
		w.place = inTurn
		w.tenant.queue.push(&w.node)
		w.db.turns.push(&w.turn)
		in.capped++
		in.parked[w.class]++
		return
	}
	if w.tenant != nil {
		w.tenant.admitted++
	}
	in.admitLocked(w, w.since)
	in.noteDemandLocked()
}

// admitLocked puts w, whose key has its turn, at the end of the line, or keeps it until Resume. mu must be held;
// pumpLocked must follow.
func (in *Instance) admitLocked(w *waiter, now time.Duration) {
	if in.paused != nil && !in.paused.mayFinish(w) {
		w.place = isHeld
		w.db.held.push(&w.node)
		in.held++
		in.parked[w.class]++
		return
	}
	w.place = inLine
	w.rank = now + handicap[w.class]
	w.db.line.push(w)
	in.lined[w.class]++
	in.oneMoreLocked(now)
}

// oneMoreLocked counts somebody who begins to wait in a line or for a token. mu must be held.
func (in *Instance) oneMoreLocked(now time.Duration) {
	if in.waiting == 0 {
		in.pace = pace{began: now}
	}
	in.waiting++
}

// leaveLocked takes w out of where it waits. mu must be held.
func (in *Instance) leaveLocked(w *waiter) {
	w.node.leave()
	switch w.place {
	case inLine:
		w.db.line.n--
		in.lined[w.class]--
		in.waiting--
	case forToken:
		in.waiting--
	case isHeld:
		in.held--
		in.parked[w.class]--
	case inTurn:
		w.turn.leave()
		in.capped--
		in.parked[w.class]--
	}
	w.place = nowhere
}

// waitingLocked is how many callers wait, for whatever. mu must be held.
func (in *Instance) waitingLocked() int { return in.waiting + in.held + in.capped + in.controls.n }

// settleLocked ends a wait: with a resource, with an error, or with neither, which is a token. mu must be held.
func (in *Instance) settleLocked(w *waiter, r *resource, err error) {
	now := sinceEpoch()
	if err != nil {
		in.waitedLocked(w, now, nil, err)
		in.quitLocked(w)
	} else {
		in.serveLocked(w, now, r)
	}
	w.res, w.err = r, err
	w.done <- struct{}{} // never blocks: room for one, sent once
}

// serveLocked is leaveLocked for who gets a resource or, without one, a token. mu must be held.
func (in *Instance) serveLocked(w *waiter, now time.Duration, r *resource) {
	if !w.stale { // otherwise nobody knows yet whether it is served
		in.waitedLocked(w, now, r, nil)
	}
	if w.place != forControl {
		in.notePaceLocked(now)
	}
	if r != nil {
		in.beginUseLocked(r, w.class, w.tenant)
		w.tenant = nil
		if w.class == Interactive && in.cfg.QueueTarget > 0 {
			in.codel.note(now - w.rank)
		}
	}
	in.leaveLocked(w)
}

// quitLocked is leaveLocked for who gets nothing: its place is for the next one of its key. mu must be held; pumpLocked
// must follow.
func (in *Instance) quitLocked(w *waiter) {
	admitted := w.tenant != nil && w.place != inTurn
	w.capped = w.place == inTurn
	in.leaveLocked(w)
	if admitted {
		w.db.giveUpTurnLocked(w.tenant)
	}
}

// await waits until w is settled, ctx ends or AcquireTimeout has passed since w came. What was settled in the very
// moment in which ctx ended goes back to the pool: a caller that gets an error holds nothing. A stale resource must be
// pinged before its use. w is not the caller's afterwards.
func (in *Instance) await(ctx context.Context, w *waiter) (r *resource, stale bool, err error) {
	cause := in.block(ctx, w)
	if cause != nil && in.leave(w) {
		<-w.done // settled meanwhile
		if ctx.Err() == nil {
			cause = nil
		} else {
			in.returnUnused(w)
		}
	}
	r, stale, err = w.res, w.stale, w.err
	if cause != nil {
		r, stale, err = nil, false, in.gaveUp(w, cause)
	}
	if r != nil {
		in.observe(MeasuredWait, w.db, w.took, nil)
	}
	w.putAway()
	return r, stale, err
}

// block returns nil when w was settled, and otherwise why it stopped waiting.
func (in *Instance) block(ctx context.Context, w *waiter) (cause error) {
	var expired <-chan time.Time
	if in.cfg.AcquireTimeout > 0 {
		left := in.cfg.AcquireTimeout
		if w.many { // others of its AcquireMany were waited for since it came
			left -= sinceEpoch() - w.since
		}
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
	if w.place == nowhere {
		return true
	}
	in.quitLocked(w)
	in.pumpLocked()
	in.noteQuietLocked()
	return false
}

// returnUnused gives back what a waiter got that no longer wants it.
func (in *Instance) returnUnused(w *waiter) {
	switch {
	case w.err != nil:
	case w.stale:
		in.putBackUnasked(w.res)
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
	waited := sinceEpoch() - w.since
	if !errors.Is(cause, context.DeadlineExceeded) {
		w.db.unservedLocked(&in.classes[w.class].Cancels, &w.db.stat.Cancels, waited)
		return &waitCanceledError{instance: in.cfg.Name, database: w.db.name, waited: waited, err: cause}
	}
	w.db.unservedLocked(&in.classes[w.class].Timeouts, &w.db.stat.Timeouts, waited)
	e := &AcquireTimeoutError{
		Instance: in.cfg.Name, Database: w.db.name, Waited: waited, Limit: in.limit,
		Open: in.openLocked(), InUse: in.inUse, Draining: in.drainingLocked(), Waiting: in.waitingLocked(),
		Paused: in.paused != nil,
	}
	if w.capped {
		e.MaxPerKey = in.cfg.MaxPerKey
	}
	if w.db.failures > 0 {
		e.Dial = w.db.dialErr
	}
	return e
}

package pool

import "time"

// ownPatience is the instance's patience: how long a caller whose database has connections in use waits for one of them
// before a connection is taken away from another database for it: an idle one, or one that is just returned and that a
// caller who came so much later could have. Taking it costs a close and a dial, some milliseconds of the server's
// processor, and under load on several databases it would be paid for nearly every statement.
const ownPatience = 10 * time.Millisecond

// pumpLocked lets everything that waits have what is free: for those who wait longest and for whom no dial is under
// way yet, a token that is free, one that is on its way back, or one of a connection that another database has idle.
// It is called after every event that could change the answer, so nobody waits while a token is free. mu must be held.
func (in *Instance) pumpLocked() {
	if in.closing {
		return
	}
	in.trimLocked()
	if in.waiting == 0 {
		in.keepLocked()
		return
	}
	in.shedLocked()
	if in.freeLocked(work) <= 0 && in.idle == 0 && in.charged[lent] == 0 {
		return // nothing is free or could be made so; this is how most calls of a busy pool end
	}
	in.lendIdleLocked()
	promised, slots, low := in.evicting, in.dialRoomLocked(), in.lowFreeLocked()
	for _, d := range in.dbs {
		low = d.passDialledLocked(low)
	}
	raw := in.raw.first.value()
	if in.paused != nil {
		raw = nil
	}
	for {
		w := raw
		if slots > 0 {
			w = in.earliestLocked(raw, low > 0)
		}
		if w == nil {
			return
		}
		isRaw, takeFromAllBut := w == raw, w.db
		if isRaw {
			raw, takeFromAllBut = raw.node.next.value(), nil // a socket of a pgxpool has no use for ours
		} else {
			w.db.cursor.pass(w)
			slots--
			if w.class.low() {
				low--
			}
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
			w.db.cursor = spot{} // nor may those who come later
			slots++
			if w.class.low() {
				low++
			}
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

// lendIdleLocked serves those who wait although their database has idle connections: after a pause, or when Scatter and
// Batch may have more again. mu must be held.
func (in *Instance) lendIdleLocked() {
	if in.idle == 0 {
		return
	}
	for _, d := range in.dbs {
		for d.idle.n > 0 {
			w := d.line.first(in.lowFreeLocked() > 0)
			if w == nil {
				break
			}
			r := d.nextIdleLocked()
			if w.fresh && in.staleLocked(r) {
				in.fromIdleLocked(r)
				in.closeLocked(r, &in.stat.Closes.Idle) // see takeOrQueue
				continue
			}
			w.stale = in.lendLocked(r, w.class)
			in.settleLocked(w, r, nil)
		}
	}
}

// passDialledLocked places the database's cursor behind those who count on dials that are under way, and at the end of
// the line while it must not be dialled. It returns what is left of low, the connections that Scatter and Batch may
// have. The instance's mu must be held.
func (d *Database) passDialledLocked(low int) int {
	d.cursor = spot{}
	if d.line.n == 0 {
		return low
	}
	d.cursor = d.line.start()
	for range d.dialling {
		w := d.cursor.next(low > 0)
		if w == nil {
			return low
		}
		d.cursor.pass(w)
		if w.class.low() {
			low--
		}
	}
	if d.cursor.next(low > 0) != nil && d.backingOffLocked() {
		d.cursor = spot{}
	}
	return low
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
	return max(w.since+in.patience-sinceEpoch(), time.Until(in.converted.Add(20*in.dialTime/time.Duration(max(in.limit, 1)))))
}

// noteConversionLocked starts the time until the next one. mu must be held.
func (in *Instance) noteConversionLocked(d *Database) {
	if d.lent+d.dialling > 0 { // the first one is never held up by the spacing, nor holds it up
		in.converted = time.Now()
	}
}

// earliestLocked is the one at the databases' cursors and raw whose turn is first. mu must be held.
func (in *Instance) earliestLocked(raw *waiter, low bool) *waiter {
	first := raw
	for _, d := range in.dbs {
		if w := d.cursor.next(low); w != nil && (first == nil || w.rank < first.rank) {
			first = w
		}
	}
	return first
}

// overdueLocked reports whether a connection of d that comes free, and that own is the next of d to have, must be given
// up because someone else has waited for too long: since patience before own, or at all when there is nothing of theirs
// that could ever be returned to them. mu must be held.
func (in *Instance) overdueLocked(d *Database, own *waiter) bool {
	if in.waiting == d.line.n || in.evicting > 0 {
		return false
	}
	if w := in.raw.first.value(); w != nil && w.rank < own.rank && in.paused == nil {
		return true
	}
	if in.dialRoomLocked() <= 0 {
		return false
	}
	low := in.lowFreeLocked()
	for _, e := range in.dbs {
		if e == d || e.line.n == 0 {
			continue
		}
		e.passDialledLocked(low)
		w := e.cursor.next(low > 0)
		if w == nil || w.rank > own.rank {
			continue
		}
		if (e.lent+e.dialling == 0 || own.rank-w.rank > in.patience) && in.untilDueLocked(w) <= 0 {
			in.noteConversionLocked(e)
			return true
		}
	}
	return false
}

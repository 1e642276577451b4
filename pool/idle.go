package pool

// A database's idle connections are a list in the order of their return. The newest is lent first, so that a quiet pool
// shrinks, unless IdleOrder says otherwise; the oldest is closed first.

// toIdleLocked makes an in-use connection idle. mu must be held.
func (in *Instance) toIdleLocked(r *resource) {
	in.returns++
	r.returned, r.idleSince, r.checkedAt = in.returns, in.clock, in.clock
	in.inUse--
	in.idle++
	r.db.lent--
	r.db.idle.push(&r.node)
}

// insertIdleLocked puts r where its time of return belongs in the list: a check in between does not count as use. The
// instance's mu must be held.
func (d *Database) insertIdleLocked(r *resource) {
	at := d.idle.last
	for at != nil && at.of.returned > r.returned {
		at = at.prev
	}
	d.idle.insert(at, &r.node)
}

// nextIdleLocked is the idle connection to lend next, or nil. The instance's mu must be held.
func (d *Database) nextIdleLocked() *resource {
	if d.in.cfg.IdleOrder == FIFO {
		return d.idle.first.value()
	}
	return d.idle.last.value()
}

// fromIdleLocked makes an idle connection in use. mu must be held.
func (in *Instance) fromIdleLocked(r *resource) {
	r.node.leave()
	r.db.lent++
	in.idle--
	in.inUse++
}

// oldestIdleLocked takes the connection that has been idle for longest in any database but except out of its list,
// or returns nil. It counts as in use then. mu must be held.
func (in *Instance) oldestIdleLocked(except *Database) *resource {
	if in.idle == 0 {
		return nil
	}
	var oldest *resource
	for _, d := range in.dbs {
		if r := d.idle.first.value(); d != except && r != nil && (oldest == nil || r.returned < oldest.returned) {
			oldest = r
		}
	}
	if oldest != nil {
		in.fromIdleLocked(oldest)
	}
	return oldest
}

// evictLocked closes an idle connection of another database for the sake of a waiter, and reports whether there was
// one. Its token arrives later, through giveBackLocked. mu must be held.
func (in *Instance) evictLocked(except *Database) bool {
	r := in.oldestIdleLocked(except)
	if r != nil {
		in.closeForOthersLocked(r)
	}
	return r != nil
}

// expireLocked applies the idle timeout and the lifetime. The instance's mu must be held.
func (d *Database) expireLocked() {
	in := d.in
	for e := d.idle.first; e != nil; {
		r := e.of
		e = e.next
		switch {
		case tickPassed(in.clock, r.expires):
			in.fromIdleLocked(r)
			in.closeLocked(r, &in.stat.Closes.Lifetime)
		case in.cfg.IdleTimeout > 0 && in.clock-r.idleSince > in.ticks(in.cfg.IdleTimeout) && d.spareLocked():
			in.fromIdleLocked(r)
			in.closeLocked(r, &in.stat.Closes.Idle)
		}
	}
	for r := range d.resources {
		if r.doom == nil && tickPassed(in.clock, r.expires) {
			r.doom = &in.stat.Closes.Lifetime
		}
	}
}

// spareLocked reports whether one idle connection less would still be enough for MinIdle and MinOpen. The instance's
// mu must be held.
func (d *Database) spareLocked() bool {
	return d.idle.n > d.in.cfg.MinIdle && len(d.resources) > d.in.cfg.MinOpen
}

// tickPassed compares ticks of a clock that may wrap.
func tickPassed(now, then uint32) bool { return int32(now-then) >= 0 }

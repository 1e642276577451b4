package pool

// A tenant is one key with callers, while Config.MaxPerKey caps them. At most so many of them are admitted, which is
// to the line of those who wait for a connection or to a connection itself; the others wait for their turn, and do not
// stand in the way of anybody else. Guarded by the instance's mu.
type tenant struct {
	key      uint64
	admitted int
	queue    list[waiter] // first has waited longest for its turn
}

// tenantLocked is the tenant of key, or nil when nothing is capped. The instance's mu must be held.
func (d *Database) tenantLocked(key uint64) *tenant {
	if d.in.cfg.MaxPerKey <= 0 || key == 0 {
		return nil
	}
	if t := d.tenants[key]; t != nil {
		return t
	}
	if d.tenants == nil {
		d.tenants = make(map[uint64]*tenant)
	}
	var t *tenant
	if n := len(d.former); n > 0 {
		t, d.former = d.former[n-1], d.former[:n-1]
	} else {
		t = new(tenant)
	}
	t.key = key
	d.tenants[key] = t
	return t
}

// mostFormer bounds the tenants that are kept for the next keys.
const mostFormer = 1024

// giveUpTurnLocked ends an admission, and admits who has waited longest for it. The instance's mu must be held;
// pumpLocked must follow.
func (d *Database) giveUpTurnLocked(t *tenant) {
	t.admitted--
	if e := t.queue.first; e != nil {
		w := e.of
		d.in.leaveLocked(w)
		t.admitted++
		d.in.admitLocked(w, sinceEpoch())
		return
	}
	if t.admitted == 0 {
		delete(d.tenants, t.key)
		if len(d.former) < mostFormer {
			d.former = append(d.former, t)
		}
	}
}

// turnFreeLocked reports whether one more caller of the tenant, which may be nil, is admitted at once. The instance's
// mu must be held.
func (d *Database) turnFreeLocked(t *tenant) bool {
	return t == nil || t.admitted < d.in.cfg.MaxPerKey
}

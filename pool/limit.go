package pool

import "fmt"

// Limit is the number of sockets that may be open now.
func (in *Instance) Limit() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.limit
}

// SetLimit changes the limit while the pool works, to any number that is not negative. When it falls, idle connections
// are closed at once and others as they are returned; work in flight is not disturbed, so Open falls to the new limit
// only as fast as callers release.
//
// A limit of at most Config.Control is too small to keep anything back: work may use all of it, an open control
// connection is ended, and [Instance.Control] is refused with [ErrNoControl]. A limit of 0 leaves nothing at all: those
// who wait and those who come are refused with [*NoBudgetError], until the limit rises again.
func (in *Instance) SetLimit(n int) error {
	if n < 0 {
		return fmt.Errorf("pool: instance %s: a limit of %d sockets is not possible; 0 is the least", in.cfg.Name, n)
	}
	in.setLimit(n, "")
	return nil
}

// Suspend sets the limit to 0. Reason is what callers are told, a clause such as "more processes run than the budget
// was divided for". SetLimit ends it.
func (in *Instance) Suspend(reason string) { in.setLimit(0, reason) }

func (in *Instance) setLimit(n int, reason string) {
	in.mu.Lock()
	in.tellLimitLocked(n, reason)
	in.limit, in.reason = n, reason
	in.noteServesLocked()
	in.pace = pace{began: sinceEpoch()} // what was measured was another pool
	in.trimLocked()
	in.failManyLocked()
	if n == 0 {
		in.refuseWaitersLocked(in.noBudgetLocked())
	}
	ended := in.uncarriedControlLocked()
	in.serveControlLocked()
	in.pumpLocked()
	in.mu.Unlock()
	for _, s := range ended { // outside mu: see the lock order
		s.end(&noControlError{instance: in.cfg.Name, limit: n})
	}
}

// trimLocked closes what is idle and over a lowered limit. mu must be held; pumpLocked calls it.
func (in *Instance) trimLocked() {
	for over := in.overLocked(); over > 0; over-- {
		r := in.oldestIdleLocked(nil)
		if r == nil {
			in.reclaimLentLocked()
			return
		}
		in.closeLocked(r, &in.stat.Closes.Shrunk)
	}
}

// overLocked is how many connections must be closed for a lowered limit, beside those that are on their way out: closing
// takes a moment, in which a busy pool has all its connections returned. What lingers may do so for long and does not
// count as on its way. mu must be held.
func (in *Instance) overLocked() int {
	over := -in.freeLocked(work)
	if over <= 0 {
		return 0
	}
	leaving := in.charged[work] - in.idle - in.lentLocked() - in.dialling - in.lingering
	return over - max(leaving, 0) - in.reclaimed
}

// keptLocked is how many sockets are kept back for control: none when that would leave nothing for work. mu must be
// held.
func (in *Instance) keptLocked() int {
	if in.limit <= in.cfg.Control {
		return 0
	}
	return in.cfg.Control
}

// lendableLocked is how many connections callers can ever hold at once. mu must be held.
func (in *Instance) lendableLocked() int { return in.limit - in.keptLocked() }

// refusalLocked is why nobody may wait for a socket of that purpose now, or nil. mu must be held.
func (in *Instance) refusalLocked(p purpose) error {
	switch {
	case in.closing:
		return &closedError{in.cfg.Name}
	case p == control && in.keptLocked() == 0:
		return in.noControlLocked()
	case in.limit == 0:
		in.demand = max(in.demand, in.demandLocked()+1)
		return in.noBudgetLocked()
	}
	return nil
}

func (in *Instance) noBudgetLocked() error {
	return &NoBudgetError{Instance: in.cfg.Name, Reason: in.reason}
}

func (in *Instance) noControlLocked() error {
	return &controlRefusedError{noControlError{instance: in.cfg.Name, limit: in.limit}}
}

// uncarriedControlLocked refuses those who wait for a control connection and finds the open ones, when none is kept
// back. Those that are still being dialled are found by connectNow. mu must be held.
func (in *Instance) uncarriedControlLocked() []*socket {
	if in.keptLocked() > 0 {
		return nil
	}
	for in.controls.first != nil {
		in.settleLocked(in.controls.first.of, nil, in.noControlLocked())
	}
	var open []*socket
	for s := range in.sockets {
		if s.purpose == control {
			open = append(open, s)
		}
	}
	return open
}

// refuseWaitersLocked tells everybody who waits for a connection or for a token of work. mu must be held.
func (in *Instance) refuseWaitersLocked(err error) {
	for in.raw.first != nil {
		in.settleLocked(in.raw.first.of, nil, err)
	}
	for _, d := range in.dbs {
		for _, t := range d.tenants { // first, so that nobody has a turn any more
			for t.queue.first != nil {
				in.settleLocked(t.queue.first.of, nil, err)
			}
		}
		for d.held.first != nil {
			in.settleLocked(d.held.first.of, nil, err)
		}
		for w := d.line.first(true); w != nil; w = d.line.first(true) {
			in.settleLocked(w, nil, err)
		}
	}
}

// Demand is the most connections that were in use or waited for at one moment since the last call of Demand: what this
// process could have made use of. Sockets of pgxpools count as in use; callers who wait for their key's turn do not
// count, for more connections would be none for them. A caller who was refused with [*NoBudgetError]
// counts as one who waits, so a pool without any budget still has a demand.
func (in *Instance) Demand() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	most := max(in.demand, in.demandLocked())
	in.demand = in.demandLocked()
	return most
}

// demandLocked is the demand now. mu must be held.
func (in *Instance) demandLocked() int {
	return in.inUse + in.charged[lent] + in.waiting + in.held + in.controls.n
}

// noteDemandLocked is called whenever it has risen. mu must be held.
func (in *Instance) noteDemandLocked() { in.demand = max(in.demand, in.demandLocked()) }

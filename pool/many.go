package pool

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// AcquireMany takes a connection to each of dbs, in the order given, all or none: when one cannot be had, those taken
// before are given back and the error says which. A database may be named several times. More connections than an
// instance may lend are refused at once with [*TooManyError].
//
// Two calls of AcquireMany cannot wait for each other: instances are taken in the order of their names, and on one
// instance only one caller at a time collects.
func AcquireMany(ctx context.Context, dbs ...*Database) ([]*Conn, error) {
	order := make([]int, len(dbs)) // indexes of dbs, those of one instance side by side
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return dbs[a].in.compare(dbs[b].in) })

	groups := slices.Collect(chunkByInstance(order, dbs))
	for _, g := range groups {
		if err := dbs[g[0]].in.checkMany(ctx, len(g)); err != nil {
			return nil, err
		}
	}
	got := make([]*resource, len(dbs))
	for _, g := range groups {
		if err := dbs[g[0]].in.acquireMany(ctx, g, dbs, got); err != nil {
			releaseAll(got)
			return nil, err
		}
	}
	conns := make([]*Conn, len(dbs))
	for i, r := range got {
		conns[i] = r.newConn()
	}
	return conns, nil
}

func (in *Instance) compare(o *Instance) int {
	return cmp.Or(cmp.Compare(in.cfg.Name, o.cfg.Name), cmp.Compare(in.id, o.id))
}

// chunkByInstance yields the runs of order that lead to one instance.
func chunkByInstance(order []int, dbs []*Database) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		for len(order) > 0 {
			n := 1
			for n < len(order) && dbs[order[n]].in == dbs[order[0]].in {
				n++
			}
			if !yield(order[:n]) {
				return
			}
			order = order[n:]
		}
	}
}

func releaseAll(rs []*resource) {
	for _, r := range rs {
		if r != nil {
			r.release()
		}
	}
}

func (in *Instance) checkMany(ctx context.Context, n int) error {
	c := ClassOf(ctx)
	in.mu.Lock()
	defer in.mu.Unlock()
	err := in.checkManyLocked(n, c)
	if err != nil {
		in.refusedLocked(c, err)
	}
	return err
}

// checkManyLocked refuses what could never be had. mu must be held.
func (in *Instance) checkManyLocked(n int, c Class) error {
	if in.limit == 0 {
		return in.refusalLocked(work)
	}
	most := in.lendableLocked()
	if c.low() {
		most = in.lowMostLocked()
	}
	if n > most {
		return &TooManyError{Instance: in.cfg.Name, Wanted: n, Lendable: most}
	}
	return nil
}

// acquireMany fills got[i] with a connection to dbs[i] for each i of group, or gives back what it got.
//
// It holds some while it waits for others, which cannot deadlock: it is the only collector here, everybody else who
// holds connections of this instance either waits for nothing or collects on an instance later in the order.
func (in *Instance) acquireMany(ctx context.Context, group []int, dbs []*Database, got []*resource) error {
	start := sinceEpoch()
	if err := in.startCollecting(ctx, dbs[group[0]], start); err != nil {
		return err
	}
	defer in.stopCollecting()

	ws := make([]*waiter, len(group))
	if err := in.takeOrQueue(ctx, group, dbs, got, ws); err != nil {
		return err
	}
	var failed error
	for i, w := range ws {
		switch {
		case w == nil:
			in.observe(MeasuredWait, dbs[group[i]], 0, nil)
		case failed == nil:
			got[group[i]], _, failed = in.await(ctx, w)
		default:
			in.abandon(w)
		}
	}
	if failed != nil {
		return failed
	}
	return in.fitMany(ctx, group, dbs, got)
}

// fitMany makes the connections of a group ready for their holder and replaces those that are not fit.
func (in *Instance) fitMany(ctx context.Context, group []int, dbs []*Database, got []*resource) error {
	for _, at := range group {
		r := got[at]
		got[at] = nil // not ours to give back until it is known to be fit
		r, err := in.fitOne(ctx, dbs[at], r)
		if err != nil {
			return err
		}
		got[at] = r
	}
	return nil
}

func (in *Instance) fitOne(ctx context.Context, d *Database, r *resource) (*resource, error) {
	for tries := 0; in.attended; tries++ {
		ok, err := r.fit(ctx, false)
		switch {
		case ok:
			return r, nil
		case err != nil:
			return nil, err
		case tries > maxPings:
			return nil, d.noneFit(tries)
		}
		w, err := in.enqueueForMany(ctx, d)
		if err != nil {
			return nil, err
		}
		if r, _, err = in.await(ctx, w); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (in *Instance) enqueueForMany(ctx context.Context, d *Database) (*waiter, error) {
	c := ClassOf(ctx)
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.refusalLocked(work); err != nil {
		in.refusedLocked(c, err)
		return nil, err
	}
	w := newWaiter(d)
	w.class, w.many = c, true
	in.joinLocked(w, 0)
	in.pumpLocked()
	return w, nil
}

// takeOrQueue takes what is idle and queues for the rest, in one step.
func (in *Instance) takeOrQueue(ctx context.Context, group []int, dbs []*Database, got []*resource, ws []*waiter) error {
	c := ClassOf(ctx)
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.refusalLocked(work); err != nil {
		in.refusedLocked(c, err)
		return err
	}
	if err := in.checkManyLocked(len(group), c); err != nil {
		in.refusedLocked(c, err)
		return err
	}
	in.wanted, in.wantedBy = len(group), c
	for i, at := range group {
		d := dbs[at]
		if r := d.nextIdleLocked(); r != nil && !in.shut && in.mayHaveLocked(c) {
			if !in.staleLocked(r) {
				in.beginUseLocked(r, c, nil)
				in.lendLocked(r, c)
				got[at] = r
				continue
			}
			in.fromIdleLocked(r)
			// Not pinged here: waiting for answers while holding the others is no better than dialling anew.
			in.closeLocked(r, &in.stat.Closes.Idle)
		}
		ws[i] = newWaiter(d)
		ws[i].class, ws[i].many = c, true
		in.joinLocked(ws[i], 0)
	}
	in.pumpLocked()
	return nil
}

// startCollecting waits for the turn to collect.
func (in *Instance) startCollecting(ctx context.Context, d *Database, since time.Duration) error {
	select {
	case in.many <- struct{}{}:
		return nil
	default:
	}
	var expired <-chan time.Time
	if in.cfg.AcquireTimeout > 0 {
		t := time.NewTimer(in.cfg.AcquireTimeout)
		defer t.Stop()
		expired = t.C
	}
	cause := context.DeadlineExceeded
	select {
	case in.many <- struct{}{}:
		return nil
	case <-ctx.Done():
		cause = ctx.Err()
	case <-in.stopTicks:
		return &closedError{in.cfg.Name}
	case <-expired:
	}
	return in.gaveUp(&waiter{db: d, since: since}, cause)
}

func (in *Instance) stopCollecting() {
	in.mu.Lock()
	in.wanted = 0
	if in.paused != nil {
		in.paused.collecting = false
	}
	in.noteQuietLocked()
	in.mu.Unlock()
	<-in.many
}

// abandon takes a waiter out of the queue, or gives back what it got.
func (in *Instance) abandon(w *waiter) {
	if in.leave(w) {
		<-w.done
		in.returnUnused(w)
	}
	w.putAway()
}

// failManyLocked ends the current AcquireMany if it wants more than a lowered limit allows. mu must be held.
func (in *Instance) failManyLocked() {
	if in.wanted == 0 {
		return
	}
	err := in.checkManyLocked(in.wanted, in.wantedBy)
	if err == nil {
		return
	}
	for _, d := range in.dbs {
		d.line.each(func(w *waiter) {
			if w.many {
				in.settleLocked(w, nil, err)
			}
		})
		for e := d.held.first; e != nil; {
			w := e.of
			e = e.next
			if w.many {
				in.settleLocked(w, nil, err)
			}
		}
	}
}

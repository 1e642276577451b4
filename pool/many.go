package pool

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// AcquireMany takes a connection to each of dbs, in the order given, all or none: when one cannot be had, those taken
// before are given back and the error says which. A database may be named several times. More connections than an
// instance may lend are refused at once with [*TooManyError].
//
// Two calls of AcquireMany cannot wait for each other: instances are taken in the order of their names, and on one
// instance only one caller at a time collects.
//
// Connections that have been idle for long are pinged, all at once. When one does not answer, all are given back and the
// call begins anew, with new connections in the place of such.
func AcquireMany(ctx context.Context, dbs ...*Database) ([]*Conn, error) {
	c := newCollection(dbs)
	ready, err := c.collect(ctx, false)
	if err == nil && !ready {
		_, err = c.collect(ctx, true)
	}
	if err != nil {
		return nil, err
	}
	conns := make([]*Conn, len(dbs))
	for i, t := range c.taken {
		conns[i] = t.r.newConn()
	}
	return conns, nil
}

// collection is what one AcquireMany wants, and what it has of it.
type collection struct {
	dbs    []*Database
	groups [][]int // indexes of dbs, those of one instance together, in the order in which instances are taken
	taken  []taken // by index of dbs
}

// taken is a connection of a collection; r is nil while there is none.
type taken struct {
	r     *resource
	stale bool // has been idle for long and was not pinged yet
}

func newCollection(dbs []*Database) *collection {
	order := make([]int, len(dbs)) // indexes of dbs, those of one instance side by side
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return dbs[a].in.compare(dbs[b].in) })
	return &collection{dbs: dbs, groups: slices.Collect(chunkByInstance(order, dbs)), taken: make([]taken, len(dbs))}
}

// collect takes all or none. It is not ready when a connection did not answer its ping; with fresh there are none that
// are pinged.
func (c *collection) collect(ctx context.Context, fresh bool) (ready bool, err error) {
	for _, g := range c.groups {
		if err := c.dbs[g[0]].in.checkMany(ctx, len(g)); err != nil {
			return false, err
		}
	}
	for _, g := range c.groups {
		if err = c.dbs[g[0]].in.acquireMany(ctx, g, c, fresh); err != nil {
			break
		}
	}
	if err == nil {
		ready, err = c.fitStale(ctx)
	}
	if !ready {
		c.giveBack()
	}
	return ready, err
}

// fitStale pings what has been idle for long, all at once, and lets go of what is not fit for use.
func (c *collection) fitStale(ctx context.Context) (all bool, err error) {
	if !slices.ContainsFunc(c.taken, func(t taken) bool { return t.stale }) {
		return true, nil
	}
	var pings sync.WaitGroup
	errs := make([]error, len(c.taken))
	for i := range c.taken {
		if t := &c.taken[i]; t.stale {
			pings.Go(func() {
				var ok bool
				t.stale = false
				if ok, errs[i] = t.r.fit(ctx, true); !ok {
					t.r = nil // it is not ours any more
				}
			})
		}
	}
	pings.Wait()
	unfit := func(t taken) bool { return t.r == nil }
	return !slices.ContainsFunc(c.taken, unfit), cmp.Or(errs...)
}

// giveBack gives back what was taken.
func (c *collection) giveBack() {
	for i, t := range c.taken {
		switch {
		case t.stale:
			t.r.db.in.putBackUnasked(t.r)
		case t.r != nil:
			t.r.release()
		}
		c.taken[i] = taken{}
	}
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

// acquireMany takes a connection to dbs[i] for each i of group. What it has when it fails stays in the collection.
//
// It holds some while it waits for others, which cannot deadlock: it is the only collector here, everybody else who
// holds connections of this instance either waits for nothing or collects on an instance later in the order.
func (in *Instance) acquireMany(ctx context.Context, group []int, c *collection, fresh bool) error {
	start := sinceEpoch()
	if err := in.startCollecting(ctx, c.dbs[group[0]], start); err != nil {
		return err
	}
	defer in.stopCollecting()

	ws := make([]*waiter, len(group))
	if err := in.takeOrQueue(ctx, group, c, ws, fresh); err != nil {
		return err
	}
	var failed error
	for i, w := range ws {
		switch t := &c.taken[group[i]]; {
		case w == nil:
			in.observe(MeasuredWait, c.dbs[group[i]], 0, nil)
		case failed == nil:
			t.r, t.stale, failed = in.await(ctx, w)
		default:
			in.abandon(w)
		}
	}
	if failed != nil {
		return failed
	}
	return in.fitMany(ctx, group, c)
}

// fitMany makes the connections of a group ready for their holder, but for those that are pinged first, and replaces
// what is not fit.
func (in *Instance) fitMany(ctx context.Context, group []int, c *collection) error {
	for _, at := range group {
		t := &c.taken[at]
		if t.stale {
			continue
		}
		r := t.r
		t.r = nil // not ours to give back until it is known to be fit
		r, err := in.fitOne(ctx, c.dbs[at], r)
		if err != nil {
			return err
		}
		t.r = r
	}
	return nil
}

func (in *Instance) fitOne(ctx context.Context, d *Database, r *resource) (*resource, error) {
	stale := false
	for tries := 0; stale || in.attended; tries++ {
		ok, err := r.fit(ctx, stale)
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
		if r, stale, err = in.await(ctx, w); err != nil {
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

// takeOrQueue takes what is idle and queues for the rest, in one step. With fresh, what would have to be pinged is closed.
func (in *Instance) takeOrQueue(ctx context.Context, group []int, many *collection, ws []*waiter, fresh bool) error {
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
		d := many.dbs[at]
		if r := d.nextIdleLocked(); r != nil && !in.shut && in.mayHaveLocked(c) {
			if !fresh || !in.staleLocked(r) {
				in.beginUseLocked(r, c, nil)
				many.taken[at] = taken{r, in.lendLocked(r, c)}
				continue
			}
			in.fromIdleLocked(r)
			in.closeLocked(r, &in.stat.Closes.Idle)
		}
		ws[i] = newWaiter(d)
		ws[i].class, ws[i].many, ws[i].fresh = c, true, fresh
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

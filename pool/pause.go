package pool

import (
	"context"
	"fmt"
)

// A pause is from Pause to Resume. Guarded by the instance's mu.
type pause struct {
	quiet  chan struct{} // closed when nothing is in use any more
	over   chan struct{} // closed by Resume
	noted  bool          // quiet is closed
	asking int           // calls of Pause that wait for quiet

	// collecting is true while the AcquireMany goes on that had begun before: it may hold connections already.
	collecting bool
}

// mayFinish reports whether w is served all the same: the pause would wait for it otherwise.
func (p *pause) mayFinish(w *waiter) bool { return w.many && p.collecting }

// Pause lets nobody have a connection until [Instance.Resume], and returns when all that were in use are back: the
// server may be restarted or switched then. It is PgBouncer's PAUSE. Whoever wants a connection waits meanwhile, for as
// long as ctx and AcquireTimeout allow; idle connections are kept. An [AcquireMany] that had begun gets what it lacks.
//
// When ctx ends first, the pool resumes at once, unless another Pause still waits, and the error says how many
// connections were still in use: a pause that failed must not be forgotten. Pausing a paused pool waits in the same way.
//
// The control connection and those that pgxpools have already are not paused. Who holds a connection of one pool and
// wants one of another that is paused holds up a Pause of the first.
func (in *Instance) Pause(ctx context.Context) error {
	p, err := in.beginPause()
	if err != nil {
		return err
	}
	select {
	case <-p.quiet:
	case <-p.over:
		return fmt.Errorf("pool: instance %s: it was resumed before the pause had begun", in.cfg.Name)
	case <-in.stopTicks:
		return &closedError{in.cfg.Name}
	case <-ctx.Done():
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	p.asking--
	if p.noted {
		return nil
	}
	if p.asking == 0 && in.paused == p {
		in.resumeLocked()
	}
	return fmt.Errorf("pool: instance %s: not paused, since %d connections were still in use: %w",
		in.cfg.Name, in.lentLocked(), ctx.Err())
}

func (in *Instance) beginPause() (*pause, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		return nil, &closedError{in.cfg.Name}
	}
	if in.paused == nil {
		in.paused = &pause{quiet: make(chan struct{}), over: make(chan struct{}), collecting: in.wanted > 0}
		in.shut = true
		in.noteServesLocked()
		for _, d := range in.dbs {
			d.holdLocked()
		}
	}
	in.paused.asking++
	in.noteQuietLocked()
	return in.paused, nil
}

// Resume ends a pause: those who wait are served. Idle connections are pinged before their next use, since the server
// may be another one. Without a pause it does nothing.
func (in *Instance) Resume() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.resumeLocked()
}

// Paused reports whether the pool is paused, or about to be.
func (in *Instance) Paused() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.paused != nil
}

// resumeLocked is Resume. mu must be held.
func (in *Instance) resumeLocked() {
	if in.paused == nil {
		return
	}
	close(in.paused.over)
	in.paused, in.shut = nil, in.closing
	in.noteServesLocked()
	in.suspicion++
	now := sinceEpoch()
	for _, d := range in.dbs {
		for e := d.held.first; e != nil; e = d.held.first {
			w := e.of
			in.leaveLocked(w)
			in.admitLocked(w, now)
		}
	}
	in.pumpLocked()
}

// holdLocked takes those who wait out of the line. The instance's mu must be held.
func (d *Database) holdLocked() {
	s := d.line.start()
	for w := s.next(true); w != nil; w = s.next(true) {
		s.pass(w)
		if d.in.paused.mayFinish(w) {
			continue
		}
		d.in.leaveLocked(w)
		d.in.admitLocked(w, w.since)
	}
}

// lentLocked is how many connections a pause waits for. mu must be held.
func (in *Instance) lentLocked() int { return in.inUse - in.controlsInUse }

// notePausedLocked tells Pause when nothing is in use and nobody may still get anything. mu must be held.
func (in *Instance) notePausedLocked() {
	p := in.paused
	if p == nil || p.noted || in.lentLocked() > 0 || in.waiting > in.raw.n {
		return
	}
	p.noted = true
	close(p.quiet)
}

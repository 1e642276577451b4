package pool

import (
	"context"
	"time"
)

// forcedGrace is how long Close waits for backends after it has ended their connections by force.
const forcedGrace = 5 * time.Second

// lastGrace is how long it then waits for its goroutines. None takes that long, unless it is inside the caller's code.
const lastGrace = time.Second

// Close refuses new callers and those who wait, closes idle connections, and waits for work in flight and for the
// server to have closed every socket. When ctx ends first, connections still in use are cancelled and closed under
// their holders, whose statements then fail with [ErrClosed], and Close returns [*CloseError] at most 6s later. In
// both cases no goroutine of the pool is left but those that are inside a function of the configuration that does not
// return (a DialFunc, a log handler, an [Observer]). Close may be called again: it then waits in the same way.
func (in *Instance) Close(ctx context.Context) error {
	in.beginClose()
	select {
	case <-in.quiet:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-in.quiet: // both were ready
		return nil
	default:
		return in.force(ctx.Err())
	}
}

func (in *Instance) beginClose() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		return
	}
	in.closing, in.shut = true, true
	in.noteServesLocked()
	in.stopDials()
	close(in.stopTicks)
	err := &closedError{in.cfg.Name}
	for in.controls.first != nil {
		in.settleLocked(in.controls.first.of, nil, err)
	}
	in.refuseWaitersLocked(err)
	if in.patient != nil {
		in.patient.Stop()
	}
	for _, d := range in.dbs {
		if d.retry != nil {
			d.retry.Stop()
		}
	}
	for r := in.oldestIdleLocked(nil); r != nil; r = in.oldestIdleLocked(nil) {
		in.closeLocked(r, &in.stat.Closes.Shutdown)
	}
	in.closePgxPoolsLocked()
	in.progressLocked() // whoever waits for the next attempt to dial: there is none
	in.noteQuietLocked()
}

// noteQuietLocked tells Close when there is nothing left to wait for. Connections that were ended by force may stay
// in their holders' hands for ever; they hold no socket. mu must be held.
func (in *Instance) noteQuietLocked() {
	in.notePausedLocked()
	if !in.closing || in.quietNoted || in.tasks > 0 || in.openLocked() > 0 || in.inUse > 0 && !in.forced {
		return
	}
	in.quietNoted = true
	close(in.quiet)
}

// force ends what is in use.
func (in *Instance) force(cause error) error {
	in.mu.Lock()
	e := &CloseError{Instance: in.cfg.Name, Forced: in.inUse, Err: cause}
	in.forced = true
	sockets := in.socketsLocked()
	in.noteQuietLocked()
	in.mu.Unlock()

	for _, s := range sockets {
		s.end(&endedError{in.cfg.Name})
	}
	grace := forcedGrace
	if len(sockets) == 0 {
		grace = 0 // what is left has nothing to do with backends
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-in.quiet:
		return e
	case <-t.C:
	}
	in.mu.Lock()
	e.Open = in.openLocked()
	sockets = in.socketsLocked()
	in.mu.Unlock()
	in.die()
	for _, s := range sockets {
		_ = s.Conn.Close() // ends its drain
	}
	t.Reset(lastGrace)
	select {
	case <-in.quiet:
	case <-t.C:
		in.mu.Lock()
		e.Hanging = in.tasks
		in.mu.Unlock()
	}
	return e
}

// socketsLocked is a copy of the open sockets. mu must be held.
func (in *Instance) socketsLocked() []*socket {
	all := make([]*socket, 0, len(in.sockets))
	for s := range in.sockets {
		all = append(all, s)
	}
	return all
}

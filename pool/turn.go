package pool

import (
	"context"
	"slices"
)

// turns makes pgxpools dial no more at once than MaxDials allows: they dial when they like, each in a goroutine of its
// own. A turn comes after the token and ends with AfterConnect, or with the socket if it does not get that far. Guarded
// by the instance's mu.
type turns struct {
	taken   int             // dials of pgxpools in flight
	waiting []chan struct{} // closed when the turn has come; first come, first served
}

// dialRoomLocked is how many dials may begin now. mu must be held.
func (in *Instance) dialRoomLocked() int { return in.cfg.MaxDials - in.dialling - in.turns.taken }

// serveTurnsLocked is called when a dial has ended, before anyone else is thought of: who waits here has a token that
// nobody uses. mu must be held.
func (in *Instance) serveTurnsLocked() {
	t := &in.turns
	for len(t.waiting) > 0 && in.dialRoomLocked() > 0 {
		t.taken++
		close(t.waiting[0])
		t.waiting = t.waiting[1:]
	}
}

// takeTurn waits until a pgxpool's dial may begin; others need none. The caller has a token.
func (dl *dialer) takeTurn(ctx context.Context) error {
	if dl.purpose != lent {
		return nil
	}
	in, mine := dl.in, make(chan struct{})
	in.mu.Lock()
	in.turns.waiting = append(in.turns.waiting, mine)
	in.serveTurnsLocked()
	in.mu.Unlock()
	var err error
	select {
	case <-mine:
	case <-ctx.Done():
		err = ctx.Err()
	case <-in.dialCtx.Done():
		err = &closedError{in.cfg.Name}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if i := slices.Index(in.turns.waiting, mine); i >= 0 {
		in.turns.waiting = slices.Delete(in.turns.waiting, i, i+1)
		return err
	}
	dl.turn.Store(true) // also when ctx ended meanwhile: the dial fails at once then, and ends it
	return nil
}

// endTurn is the end of a dial, whatever became of it. Only the first call counts.
func (dl *dialer) endTurn() {
	if !dl.turn.CompareAndSwap(true, false) {
		return
	}
	in := dl.in
	in.mu.Lock()
	defer in.mu.Unlock()
	in.turns.taken--
	in.serveTurnsLocked()
	in.progressLocked()
	in.pumpLocked()
}

package pool

import "context"

// A purpose says what a socket is for, and so which part of the limit it is charged to.
type purpose uint8

const (
	work    purpose = iota // connections of ours
	lent                   // connections of a pgxpool
	control                // kept back
	purposes
)

// freeLocked is how many sockets may be opened now for a purpose; negative after the limit was lowered. mu must be held.
func (in *Instance) freeLocked(p purpose) int {
	kept := in.keptLocked()
	if p == control {
		// What is kept may be taken by work of before the limit fell.
		return min(kept-in.charged[control], in.limit-in.openLocked())
	}
	return in.limit - max(kept, in.charged[control]) - in.charged[work] - in.charged[lent]
}

// openLocked is the number of sockets that the server may still have. mu must be held.
func (in *Instance) openLocked() int {
	return in.charged[work] + in.charged[lent] + in.charged[control]
}

// drainingLocked is the number of our own sockets that are on their way out: whatever has a token and is neither idle
// nor lent nor being dialled. mu must be held.
func (in *Instance) drainingLocked() int {
	return max(in.charged[work]+in.charged[control]-in.idle-in.inUse-in.dialling, 0)
}

// chargeLocked takes a token. mu must be held, and freeLocked(p) be positive.
func (in *Instance) chargeLocked(p purpose) {
	if in.freeLocked(p) <= 0 {
		panic("bug: a socket without a token")
	}
	in.charged[p]++
	in.peak = max(in.peak, in.openLocked())
}

// giveBackLocked returns a token and lets those who wait use it. mu must be held.
func (in *Instance) giveBackLocked(p purpose) {
	in.charged[p]--
	if in.charged[p] < 0 {
		panic("bug: a token was given back twice")
	}
	in.serveControlLocked()
	in.pumpLocked()
	in.noteQuietLocked()
}

func (in *Instance) giveBack(p purpose) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.giveBackLocked(p)
}

// takeToken waits for a token for a socket that the caller is going to dial. The caller then owns one charge of p.
func (in *Instance) takeToken(ctx context.Context, d *Database, p purpose) error {
	w := newWaiter(d)
	w.purpose = p
	if p == control {
		w.class = Control
	}
	in.mu.Lock()
	if err := in.refusalLocked(p); err != nil {
		in.refusedLocked(w.class, err)
		in.mu.Unlock()
		w.putAway()
		return err
	}
	w.rank = w.since
	if p == control {
		w.place = forControl
		in.controls.push(&w.node)
		in.noteDemandLocked()
		in.serveControlLocked()
	} else {
		w.place = forToken
		in.raw.push(&w.node)
		in.oneMoreLocked(w.since)
		in.noteDemandLocked()
		in.pumpLocked()
	}
	in.mu.Unlock()
	_, _, err := in.await(ctx, w)
	return err
}

// serveControlLocked gives the control token to who has waited longest for it. mu must be held.
func (in *Instance) serveControlLocked() {
	for in.freeLocked(control) > 0 && in.controls.first != nil {
		in.chargeLocked(control)
		in.settleLocked(in.controls.first.of, nil, nil)
	}
}

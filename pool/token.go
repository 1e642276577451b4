package pool

import "context"

// A class says what a socket is for, and so which part of the limit it is charged to.
type class uint8

const (
	work    class = iota // connections of ours
	lent                 // connections of a pgxpool
	control              // kept back
	classes
)

// freeLocked is how many sockets of a class may be opened now; negative after the limit was lowered. mu must be held.
func (in *Instance) freeLocked(c class) int {
	if c == control {
		return in.cfg.Control - in.charged[control]
	}
	return in.limit - in.cfg.Control - in.charged[work] - in.charged[lent]
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

// chargeLocked takes a token. mu must be held, and freeLocked(c) be positive.
func (in *Instance) chargeLocked(c class) {
	if in.freeLocked(c) <= 0 {
		panic("bug: a socket without a token")
	}
	in.charged[c]++
	in.peak = max(in.peak, in.openLocked())
}

// giveBackLocked returns a token and lets those who wait use it. mu must be held.
func (in *Instance) giveBackLocked(c class) {
	in.charged[c]--
	if in.charged[c] < 0 {
		panic("bug: a token was given back twice")
	}
	if c == control {
		in.serveControlLocked()
	}
	in.pumpLocked()
	in.noteQuietLocked()
}

func (in *Instance) giveBack(c class) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.giveBackLocked(c)
}

// takeToken waits for a token for a socket that the caller is going to dial. The caller then owns one charge of c.
func (in *Instance) takeToken(ctx context.Context, d *Database, c class) error {
	in.mu.Lock()
	if in.closing {
		in.mu.Unlock()
		return &closedError{in.cfg.Name}
	}
	w := newWaiter(d)
	w.class = c
	if c == control {
		in.controls.push(w)
		in.serveControlLocked()
	} else {
		in.arrivals++
		w.seq = in.arrivals
		in.raw.push(w)
		in.waiting++
		in.pumpLocked()
	}
	in.mu.Unlock()
	_, err := in.await(ctx, w)
	return err
}

// serveControlLocked gives the control token to who has waited longest for it. mu must be held.
func (in *Instance) serveControlLocked() {
	for in.freeLocked(control) > 0 && in.controls.first != nil {
		in.chargeLocked(control)
		in.settleLocked(in.controls.first, nil, nil)
	}
}

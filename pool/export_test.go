package pool

import (
	"fmt"
	"time"
)

// Audit compares an instance's books with each other and says what is wrong with them, or "". It holds whenever nobody
// has the lock: whoever changes anything lets those who wait have what is free before giving the lock back.
func Audit(in *Instance) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	waiting, held, turns, low, idle := in.raw.n, 0, 0, 0, 0
	lined, parked := [numClasses]int{}, [numClasses]int{}
	park := func(l *list[waiter]) {
		for e := l.first; e != nil; e = e.next {
			parked[e.of.class]++
		}
	}
	for _, d := range in.dbs {
		n := 0
		d.line.each(func(w *waiter) { lined[w.class]++; n++ })
		if n != d.line.n {
			return fmt.Sprintf("a line of %d says it has %d", n, d.line.n)
		}
		waiting += n
		held += d.held.n
		park(&d.held)
		park(&d.turns)
		idle += d.idle.n
		admitted := map[*tenant]int{}
		for r := range d.resources {
			if r.low {
				low++
			}
			admitted[r.tenant]++
		}
		count := func(w *waiter) { admitted[w.tenant]++ }
		d.line.each(count)
		for e := d.held.first; e != nil; e = e.next {
			count(e.of)
		}
		for _, t := range d.tenants {
			turns += t.queue.n
			switch {
			case admitted[t] != t.admitted:
				return fmt.Sprintf("a key has %d, its tenant says %d", admitted[t], t.admitted)
			case t.admitted > in.cfg.MaxPerKey || t.admitted == 0:
				return fmt.Sprintf("a key has %d of %d", t.admitted, in.cfg.MaxPerKey)
			case t.queue.n > 0 && t.admitted < in.cfg.MaxPerKey:
				return "a caller waits for a turn that is free"
			}
		}
	}
	switch {
	case waiting != in.waiting || held != in.held || turns != in.capped || low != in.low || idle != in.idle || lined != in.lined ||
		parked != in.parked:
		return fmt.Sprintf("counted %d waiting, %d held, %d turns, %d low, %d idle, %v, %v; the books have %d, %d, %d, %d, %d, %v, %v",
			waiting, held, turns, low, idle, lined, parked, in.waiting, in.held, in.capped, in.low, in.idle, in.lined, in.parked)
	case in.overLocked() > 0 && in.idle > 0 && !in.closing:
		return "connections over the limit are idle"
	case in.paused == nil && in.held > 0:
		return "somebody waits for the end of a pause that is over"
	}
	return in.sleeperLocked()
}

// sleeperLocked finds a waiter who could be served.
func (in *Instance) sleeperLocked() string {
	if in.closing {
		return ""
	}
	low := in.lowFreeLocked() // less what dials under way are for, whichever database they lead to
	for _, d := range in.dbs {
		low = d.passDialledLocked(low)
	}
	for _, d := range in.dbs {
		w := d.line.first(in.lowFreeLocked() > 0)
		switch {
		case w == nil:
		case d.idle.n > 0:
			return "somebody waits while a connection is idle"
		case in.freeLocked(work) > 0 && in.dialRoomLocked() > 0 && d.line.n > d.dialling && d.failures == 0:
			if d.cursor.next(low > 0) != nil {
				return "somebody waits while a token is free"
			}
		}
	}
	if in.raw.n > 0 && in.freeLocked(work) > 0 && in.paused == nil {
		return "a pgxpool waits while a token is free"
	}
	return ""
}

// Clock is how many ticks the coarse clock has made: fewer than its period tells on a machine that has no time for it.
func Clock(in *Instance) uint32 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.clock
}

// TellOverLimitAfter changes how long the pool may be over a lowered limit before that is told.
func TellOverLimitAfter(in *Instance, d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.news.patience = d
}

// BePatient changes how long callers wait for a connection of their own database before another one's is taken.
func BePatient(in *Instance, d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.patience = d
}

package pool

import (
	"context"
	"math"
	"time"
)

// handicap is how much later a caller of a class counts as having come than one of Interactive. Whoever waits is
// served in the order of arrival plus handicap, so that within a class first come is first served, and a caller is
// passed by none of those of another class who come after its lead is used up: a Batch caller only by Interactive
// ones of the next ten seconds. Nobody starves, however many come. Control passes everybody: it is what keeps the
// others' budget, and there is little of it.
var handicap = [numClasses]time.Duration{Scatter: time.Second, Batch: 10 * time.Second, Control: -time.Hour}

// low reports whether the class leaves Config.Reserve to the others.
func (c Class) low() bool { return c == Scatter || c == Batch }

type classKey struct{}

// WithClass returns a context whose acquires are of class c. A class that is not one of this package's counts as Batch.
func WithClass(ctx context.Context, c Class) context.Context {
	if c >= numClasses {
		c = Batch
	}
	return context.WithValue(ctx, classKey{}, c)
}

// ClassOf is the class of a context's acquires: what [WithClass] gave it, or Interactive.
func ClassOf(ctx context.Context) Class {
	c, _ := ctx.Value(classKey{}).(Class)
	return c
}

// A line is the callers who wait for a connection to one database, in a list for each class.
type line struct {
	classes [numClasses]list[waiter]
	n       int
}

func (l *line) push(w *waiter) {
	l.classes[w.class].push(&w.node)
	l.n++
}

// each calls f for everybody in the line; f may take them out of it.
func (l *line) each(f func(*waiter)) {
	for c := range l.classes {
		for e := l.classes[c].first; e != nil; {
			w := e.of
			e = e.next
			f(w)
		}
	}
}

// spot is a place in a line: of each class, the first who has not been passed.
type spot [numClasses]*node[waiter]

func (l *line) start() (s spot) {
	for c := range l.classes {
		s[c] = l.classes[c].first
	}
	return s
}

// next is whose turn it is at the spot, or nil; without low, of those who need not leave the reserve to others.
func (s *spot) next(low bool) *waiter {
	var first *waiter
	for c, e := range s {
		if e == nil || !low && Class(c).low() {
			continue
		}
		if first == nil || e.of.rank < first.rank {
			first = e.of
		}
	}
	return first
}

func (s *spot) pass(w *waiter) { s[w.class] = w.node.next }

// first is who is served next, or nil.
func (l *line) first(low bool) *waiter {
	if n := &l.classes[Interactive]; n.n == l.n { // nearly always
		return n.first.value()
	}
	s := l.start()
	return s.next(low)
}

// lowFreeLocked is how many more connections Scatter and Batch may take now. What is on its way out counts as theirs:
// its token is nobody's yet, and they must not take the others meanwhile. mu must be held.
func (in *Instance) lowFreeLocked() int {
	if in.cfg.Reserve == 0 {
		return math.MaxInt
	}
	return in.lowMostLocked() - in.low - in.drainingLocked()
}

// mayHaveLocked reports whether a caller of class c may have a connection that is free. mu must be held.
func (in *Instance) mayHaveLocked(c Class) bool { return !c.low() || in.lowFreeLocked() > 0 }

// lowMostLocked is how many connections Scatter and Batch may have at once. A limit so small that the reserve would be
// all of it leaves them one. mu must be held.
func (in *Instance) lowMostLocked() int {
	return max(in.lendableLocked()-in.cfg.Reserve, min(in.lendableLocked(), 1))
}

// beginUseLocked charges a connection that is lent to what its holder has a share of. mu must be held.
func (in *Instance) beginUseLocked(r *resource, c Class, t *tenant) {
	if in.cfg.Reserve > 0 && c.low() {
		r.low = true
		in.low++
	}
	r.tenant = t
}

// endUseLocked is its opposite. mu must be held; pumpLocked must follow.
func (in *Instance) endUseLocked(r *resource) {
	if r.low {
		r.low = false
		in.low--
	}
	if t := r.tenant; t != nil {
		r.tenant = nil
		r.db.giveUpTurnLocked(t)
	}
}

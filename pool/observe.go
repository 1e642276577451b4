package pool

import (
	"slices"
	"time"
)

// A Measure says what was measured.
type Measure uint8

const (
	MeasuredWait  Measure = iota // from the call to a connection, 0 when one was idle
	MeasuredUse                  // from a connection to its return
	MeasuredDial                 // of one connection, AfterConnect included
	MeasuredDrain                // from a socket's close to the end of its backend
)

// An Observation is one measured duration.
type Observation struct {
	What     Measure
	Database *Database
	Took     time.Duration
	Err      error // of a dial that failed
}

// An Observer is told single durations, for metrics that cannot be made of [Stat]. Its method is called by the
// goroutine that was measured, outside the pool's locks, from many goroutines at once, and must return quickly. A panic of
// it is counted in [Counters].HookErrors and nothing else.
type Observer interface {
	Observe(o Observation)
}

// Observe tells o everything that is measured from here on, until stop is called. Nothing is paid for observers while
// there is none; with one, every use is measured, which takes two readings of the clock.
func (in *Instance) Observe(o Observer) (stop func()) {
	registered := &o // tells two registrations of one observer apart
	in.changeObservers(func(all []*Observer) []*Observer { return append(slices.Clone(all), registered) })
	return func() {
		in.changeObservers(func(all []*Observer) []*Observer {
			return slices.DeleteFunc(slices.Clone(all), func(p *Observer) bool { return p == registered })
		})
	}
}

func (in *Instance) changeObservers(f func([]*Observer) []*Observer) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []*Observer
	if p := in.observers.Load(); p != nil {
		all = *p
	}
	if all = f(all); len(all) == 0 {
		in.observers.Store(nil)
	} else {
		in.observers.Store(&all)
	}
	in.tickUsesLocked()
}

// observe tells the observers. mu must not be held.
func (in *Instance) observe(what Measure, d *Database, took time.Duration, err error) {
	if in.observers.Load() != nil {
		in.tellObservers(Observation{What: what, Database: d, Took: took, Err: err})
	}
}

func (in *Instance) tellObservers(o Observation) {
	if all := in.observers.Load(); all != nil {
		for _, p := range *all {
			in.tellObserver(*p, o)
		}
	}
}

func (in *Instance) tellObserver(to Observer, o Observation) {
	defer in.recovered()
	to.Observe(o)
}

// observeUse is called by the holder of r, before it gives r back.
func (in *Instance) observeUse(r *resource) {
	if in.observers.Load() != nil && r.use.weight == 1 {
		in.tellObservers(Observation{What: MeasuredUse, Database: r.db, Took: sinceEpoch() - r.use.began})
	}
}

package pool

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/keyway-go/keyway/internal/callsite"
)

// Leak is a connection that its holder has had for longer than Config.LeakAfter, or has dropped.
type Leak struct {
	Instance string
	Database string
	Held     time.Duration // to about half of LeakAfter, a second at most
	Dropped  bool          // nobody has the handle any more: the connection was closed

	// Caller is where the connection was taken, as "function file:line": the first place outside this module's own
	// packages, or the outermost in them when the work is their own.
	Caller string
}

var errLeaked = errors.New("pool: the connection was closed because its holder dropped it without giving it back")

// A loan is what is known of a connection's holder while LeakAfter is set. Handles are single allocations then, not
// parts of slabs: the garbage collector can only say of a whole allocation that nobody has it.
type loan struct {
	// id is odd while the connection is lent. Whoever makes it even, by CompareAndSwap from the value of their own loan,
	// has ended that loan: the holder's release or the collector, never both.
	id atomic.Uint64

	// Guarded by the instance's mu.
	out      bool
	reported bool
	since    uint32 // on the coarse clock
	depth    int
	callers  [32]uintptr
}

// watched reports whether the connection's holders are watched.
func (r *resource) watched() bool { return r.db.in.cfg.LeakAfter > 0 && !r.control }

// lend notes who takes a watched connection.
func (r *resource) lend() {
	var callers [32]uintptr
	depth := runtime.Callers(3, callers[:])
	in := r.db.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if r.loan == nil {
		r.loan = &loan{}
	}
	l := r.loan
	l.id.Store((l.id.Load() + 1) | 1)
	l.out, l.reported, l.since, l.depth, l.callers = true, false, in.clock, depth, callers
}

// cameBack ends the loan and reports whether it was the holder's to end.
func (r *resource) cameBack() bool {
	if r.loan == nil {
		return true
	}
	id := r.loan.id.Load()
	return id%2 == 1 && r.loan.id.CompareAndSwap(id, id+1)
}

// notOut ends the watch over a connection that was released.
func (r *resource) notOut() {
	if r.loan == nil {
		return
	}
	r.db.in.mu.Lock()
	defer r.db.in.mu.Unlock()
	r.loan.out = false
}

// forgotten is what the garbage collector calls with when a handle is gone. It must not lead to the handle.
type forgotten struct {
	r  *resource
	id uint64
}

// handed is called once for each handle that owns r.
func (r *resource) handed() *forgotten { return &forgotten{r: r, id: r.loan.id.Load()} }

// watch makes the garbage collector tell when handle is gone, which owns r.
func watch[H any](handle *H, r *resource) {
	if r.watched() {
		runtime.AddCleanup(handle, (*forgotten).reclaim, r.handed())
	}
}

// reclaim closes the connection if the handle was dropped without a release. pgx's connection is not touched: rows or a
// transaction of it may still be in somebody's hands.
func (f *forgotten) reclaim() {
	r, in := f.r, f.r.db.in
	if !r.loan.id.CompareAndSwap(f.id, f.id+1) {
		return
	}
	r.abandon(errLeaked)
	in.mu.Lock()
	if !r.loan.reported {
		in.stat.Leaks++
	}
	in.reportLocked(r, true)
	in.mu.Unlock()
	in.drop(r, &in.stat.Closes.Leaked)
}

// findLeaksLocked reports, once, what is held for too long. mu must be held.
func (in *Instance) findLeaksLocked() {
	if in.cfg.LeakAfter <= 0 {
		return
	}
	after := in.ticks(in.cfg.LeakAfter)
	for _, d := range in.dbs {
		for r := range d.resources {
			l := r.loan
			if l == nil || !l.out || l.reported || in.clock-l.since <= after {
				continue
			}
			l.reported = true
			in.stat.Leaks++
			in.reportLocked(r, false)
		}
	}
}

// reportLocked tells OnLeak in the background. mu must be held.
func (in *Instance) reportLocked(r *resource, dropped bool) {
	if in.cfg.OnLeak == nil {
		return
	}
	held := time.Duration(in.clock-r.loan.since) * in.cfg.tick()
	callers, depth := r.loan.callers, r.loan.depth
	in.backgroundLocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_, _ = in.runHook(ctx, "OnLeak", func() error {
			in.cfg.OnLeak(Leak{
				Instance: in.cfg.Name, Database: r.db.name, Held: held, Dropped: dropped, Caller: callsite.Long(callsite.Find(callers[:depth])),
			})
			return nil
		})
	})
}

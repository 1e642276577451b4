package pool

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// measuredUses is how many uses are measured in each second.
	measuredUses = 10_000

	// useSample is how many uses each measured one of the others stands for.
	useSample = 32

	// longUse is how many ticks of the coarse clock a use has seen that is counted in any case.
	longUse = 2

	// maxDialErrors bounds Counters.DialErrorsBy, whatever a server makes up.
	maxDialErrors = 50
)

// epoch is the zero of all measurements; [time.Since] of it reads one clock, [time.Now] two.
var epoch = time.Now()

func sinceEpoch() time.Duration { return time.Since(epoch) }

// A use is one loan of a connection. Guarded by mu; the holder may read it.
type use struct {
	tick   uint32        // of the coarse clock when it began
	weight int32         // how many uses it stands for; 0 when it is not measured
	began  time.Duration // since epoch, if it is measured
}

// acquiredLocked counts a connection that is handed out. mu must be held.
func (in *Instance) acquiredLocked(r *resource) {
	r.db.acquires[r.class]++
	r.use.tick = in.clock
	if in.unmeasured--; in.unmeasured < 0 {
		in.measureLocked(r)
	}
}

// measureLocked starts the measurement of a use that has just begun. mu must be held.
func (in *Instance) measureLocked(r *resource) {
	if in.measured > 0 {
		in.measured--
		in.unmeasured, r.use.weight = 0, 1
	} else {
		in.unmeasured, r.use.weight = rand.Int32N(2*useSample-1), useSample // useSample-1 on average
	}
	r.use.began = sinceEpoch()
}

// returnedLocked counts the end of a use. mu must be held.
func (in *Instance) returnedLocked(r *resource) {
	if r.use.weight > 0 || in.clock-r.use.tick >= longUse {
		in.countUseLocked(r)
	}
}

func (in *Instance) countUseLocked(r *resource) {
	weight, ticks := int64(r.use.weight), in.clock-r.use.tick
	took := time.Duration(ticks) * in.cfg.tick()
	if weight > 0 {
		took = sinceEpoch() - r.use.began
	}
	if ticks >= longUse {
		weight = 1 // all such are counted
	}
	in.forgetUseLocked(r)
	in.stat.Use.add(took, weight)
	r.db.stat.UseTime += took * time.Duration(weight)
}

// forgetUseLocked lets the time since the last use, or one that never was, not count. mu must be held.
func (in *Instance) forgetUseLocked(r *resource) { r.use = use{tick: in.clock} }

// tickUsesLocked starts a new allowance of measured uses. mu must be held.
func (in *Instance) tickUsesLocked() {
	in.measured = int32(max(measuredUses*in.cfg.tick()/time.Second, 1))
	if in.observers.Load() != nil {
		in.measured, in.unmeasured = math.MaxInt32, 0
	}
}

// acquired is acquiredLocked for who does not hold mu.
func (in *Instance) acquired(r *resource) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.acquiredLocked(r)
}

// waitedLocked counts the end of a wait that the pool has ended: with a connection, an error or a token. mu must be
// held.
func (in *Instance) waitedLocked(w *waiter, now time.Duration, r *resource, err error) {
	took, c, d := now-w.since, &in.classes[w.class], w.db
	w.took = took
	switch {
	case r != nil:
		c.Waits++
		c.Wait.add(took, 1)
		d.stat.Waits++
		d.stat.WaitTime += took
	case err == nil:
		in.stat.TokenWaits++
		in.stat.TokenWaitTime += took
	case isConnectError(err):
		d.unservedLocked(&c.Failed, &d.stat.Failed, took)
	default:
		in.refusedLocked(w.class, err)
	}
}

// unservedLocked counts a wait that ended without a connection, in both its counters. The instance's mu must be held.
func (d *Database) unservedLocked(ofClass, ofDatabase *int64, took time.Duration) {
	*ofClass++
	*ofDatabase++
	d.in.stat.WastedWait += took
}

// handedOffLocked counts a returned connection that goes straight to the next caller. mu must be held.
func (in *Instance) handedOffLocked() {
	in.stat.Handoffs++
	if in.freeLocked(work) > 0 {
		in.stat.Elided++
	}
}

// pingedFor counts a ping's duration.
func (in *Instance) pingedFor(took time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stat.PingTime += took
}

// refusedLocked counts a caller that was turned away, by the type of what it is told. mu must be held.
func (in *Instance) refusedLocked(c Class, err error) {
	in.classes[c].Refused++
	r := &in.stat.Refused
	switch err.(type) { //nolint:errorlint // the pool made it itself just before, unwrapped
	case *QueueFullError:
		r.QueueFull++
	case *OverloadError:
		r.Overload++
	case *NoBudgetError:
		r.NoBudget++
	case *closedError:
		r.Closed++
	case *TooManyError:
		r.TooMany++
	case *controlRefusedError:
		r.NoControl++
	default:
		r.Other++
	}
}

func isConnectError(err error) bool {
	_, is := errors.AsType[*ConnectError](err)
	return is
}

// dialledLocked counts the end of a dial. mu must be held.
func (d *Database) dialledLocked(took time.Duration, err error) {
	in := d.in
	in.stat.Dials++
	d.stat.Dials++
	d.tellDialLocked(err)
	if err == nil {
		in.stat.Dial.add(took, 1)
		return
	}
	in.stat.DialErrors++
	d.stat.DialErrors++
	kind := dialErrorKind(err)
	if kind == tooManyConnections {
		in.stat.DialsFull++
	}
	if _, known := in.stat.DialErrorsBy[kind]; !known && len(in.stat.DialErrorsBy) >= maxDialErrors {
		kind = "other"
	}
	by := map[string]int64{kind: 1} // a new one: snapshots share the old
	for k, n := range in.stat.DialErrorsBy {
		by[k] += n
	}
	in.stat.DialErrorsBy = by
}

const tooManyConnections = "53300"

// givenUp is the kind of a dial whose caller no longer wanted it.
const givenUp = "given up"

// dialErrorKind is the SQLSTATE of a failed dial, or a word for what it failed with: never a text, which may say more
// than statistics should.
func dialErrorKind(err error) string {
	var pg *pgconn.PgError
	var ne net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pg):
		return pg.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &ne) && ne.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return givenUp
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &ne):
		return "network"
	default:
		return "other"
	}
}

package pool

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

var errNotReset = errors.New("reset left the connection inside a transaction or busy")

// release gives the connection to the next caller if it is sound, and closes it otherwise.
func (r *resource) release() {
	in := r.db.in
	r.notOut()
	switch {
	case r.control:
		in.drop(r, &in.stat.Closes.Control)
	case r.conn.IsClosed():
		in.drop(r, &in.stat.Closes.Broken)
	case r.dirty():
		in.drop(r, &in.stat.Closes.Dirty)
	case in.cfg.Reset != nil || in.cfg.AfterRelease != nil:
		r.resetWith(in.afterUse)
	default:
		in.putBack(r)
	}
}

// releaseUnless gives the connection back when no handle was made that will: because of an error, or of a panic in
// the caller's own code, which pgx runs (a Valuer, a tracer) and which whoever called may have recovered from.
func (r *resource) releaseUnless(handed *bool) {
	if !*handed {
		r.release()
	}
}

// dirty reports unread rows or an open transaction.
func (r *resource) dirty() bool {
	pg := r.conn.PgConn()
	return pg.IsBusy() || pg.TxStatus() != 'I'
}

func (r *resource) discard() { r.db.in.drop(r, &r.db.in.stat.Closes.Discard) }

func (r *resource) releaseClean() {
	if r.control || r.conn.IsClosed() || r.dirty() {
		r.release()
		return
	}
	if r.db.Pooling() == TransactionPooling { // DISCARD ALL would meet any backend
		r.discard()
		return
	}
	in := r.db.in
	r.resetWith(func(ctx context.Context, c *pgx.Conn) error {
		// DISCARD ALL drops prepared statements that pgx believes to be there, so pgx forgets them first.
		err := c.DeallocateAll(ctx)
		if err == nil {
			_, err = c.Exec(ctx, "discard all", pgx.QueryExecModeSimpleProtocol)
		}
		if err == nil {
			err = r.setUp(ctx) // what DISCARD ALL has undone
		}
		if err == nil {
			err = in.afterUse(ctx, c)
		}
		return err
	})
}

// resetWith runs f in the background and only then lends the connection again.
func (r *resource) resetWith(f func(context.Context, *pgx.Conn) error) {
	in := r.db.in
	in.observeUse(r)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.returnedLocked(r)
	in.backgroundLocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), resetTimeout)
		defer cancel()
		err := r.connHook(ctx, "Reset or AfterRelease", func() error { return f(ctx, r.conn) })
		if err == nil && (r.conn.IsClosed() || r.dirty()) {
			err = errNotReset
		}
		switch {
		case err == nil:
			in.putBackUnused(r)
		case errors.Is(err, errRefusedAfterRelease) || r.abandoned:
			in.dropUnused(r, &in.stat.Closes.Refused)
		default:
			in.dropUnused(r, &in.stat.Closes.Dirty)
		}
	})
}

// putBack makes a sound connection available.
func (in *Instance) putBack(r *resource) {
	in.observeUse(r)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.returnedLocked(r)
	if in.selective {
		in.endUseLocked(r)
	}
	if in.waiting == 0 && !in.shut && r.doom == nil && in.freeLocked(work) >= 0 && r.db.idle.n < in.mostIdle {
		in.toIdleLocked(r)
		return
	}
	in.placeLocked(r)
	in.noteQuietLocked()
}

// putBackUnused is putBack for a connection that no caller has at the moment.
func (in *Instance) putBackUnused(r *resource) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.forgetUseLocked(r)
	in.placeLocked(r)
	in.noteQuietLocked()
}

// putBackUnasked is putBackUnused for one that should have been pinged and was not.
func (in *Instance) putBackUnasked(r *resource) {
	in.mu.Lock()
	r.suspicion = in.suspicion - 1
	in.mu.Unlock()
	in.putBackUnused(r)
}

// placeLocked finds the next owner of a sound connection that is nobody's: who has waited longest, or the idle list.
// r counts as in use. mu must be held.
func (in *Instance) placeLocked(r *resource) {
	d := r.db
	in.endUseLocked(r) // whose holder gave up, or which was reset or checked in between
	in.shedLocked()
	next := d.line.first(in.lowFreeLocked() > 0)
	switch {
	case in.closing:
		in.closeLocked(r, &in.stat.Closes.Shutdown)
	case r.doom != nil:
		in.closeLocked(r, r.doom)
	case in.overLocked() > 0:
		in.closeLocked(r, &in.stat.Closes.Shrunk)
	case next == nil && d.idle.n >= in.mostIdle:
		in.closeLocked(r, &in.stat.Closes.Surplus)
	case next == nil:
		in.toIdleLocked(r)
	case r.suspicion != in.suspicion && !r.fresh:
		in.backgroundLocked(r.checkAndPlace)
	case in.overdueLocked(d, next):
		in.closeForOthersLocked(r)
	default:
		r.class = next.class
		in.acquiredLocked(r)
		if !r.fresh {
			in.handedOffLocked()
		}
		in.settleLocked(next, r, nil)
	}
	r.fresh = false
	in.pumpLocked()
}

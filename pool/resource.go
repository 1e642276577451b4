package pool

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A resource is one connection of ours from the end of its dial to its close. It belongs to its instance (idle, under
// mu) or to exactly one holder, who alone may touch conn and the slabs.
type resource struct {
	db   *Database
	conn *pgx.Conn
	sock *socket

	backend uint32 // who answered first; a session behind a pooler never sees another one

	node       node[resource] // in the idle list; guarded by mu
	returned   uint64         // when it became idle, in the order of returns
	idleSince  uint32         // the same on the coarse clock
	expires    uint32         // on the coarse clock
	checkedAt  uint32         // when it was last used or checked, on the coarse clock
	suspicion  uint32         // the instance's when it was last known to be sound; guarded by mu
	generation uint32         // the instance's when its dial began
	doom       *int64         // why it must not be lent again, a counter of the instance, or nil; guarded by mu
	control    bool           // made by Control: closed on release
	low        bool           // its holder is Scatter or Batch, and there is a reserve; guarded by mu
	tenant     *tenant        // the key of its holder, if that is capped; guarded by mu
	class      Class          // of its holder; guarded by mu
	use        use            // guarded by mu
	fresh      bool           // dialled, not yet placed; guarded by mu
	abandoned  bool           // somebody may still use conn: only the socket may be touched
	loan       *loan          // who holds it; nil without LeakAfter
	loans      uint64         // twice the number of times it was lent to a handle; the holder's
	turnstile  atomic.Uint64  // see holder.enter

	// Handles are cut from slabs, so that a statement through the pool allocates no more than one without it. A handle
	// is never used again: a second Release of it must find nothing to release.
	conns []Conn
	rows  []rows
	row   []row

	fields []pgconn.FieldDescription
}

const slabSize = 128

func (r *resource) newConn() *Conn {
	if r.watched() {
		c := &Conn{}
		c.set(r)
		watch(c, r)
		return c
	}
	if len(r.conns) == 0 {
		r.conns = make([]Conn, slabSize)
	}
	c := &r.conns[0]
	r.conns = r.conns[1:]
	c.set(r)
	return c
}

func (r *resource) newRows(wrapped pgx.Rows) *rows {
	if r.watched() {
		w := &rows{Rows: wrapped}
		w.set(r)
		watch(w, r)
		return w
	}
	if len(r.rows) == 0 {
		r.rows = make([]rows, slabSize)
	}
	w := &r.rows[0]
	r.rows = r.rows[1:]
	w.Rows = wrapped
	w.set(r)
	return w
}

func (r *resource) newRow(wrapped pgx.Row) *row {
	if r.watched() {
		w := &row{Row: wrapped}
		w.set(r)
		watch(w, r)
		return w
	}
	if len(r.row) == 0 {
		r.row = make([]row, slabSize)
	}
	w := &r.row[0]
	r.row = r.row[1:]
	w.Row = wrapped
	w.set(r)
	return w
}

// ownFields is a copy of the fields of a statement of r.
func (r *resource) ownFields(fields []pgconn.FieldDescription) []pgconn.FieldDescription {
	n := len(fields)
	if n == 0 {
		return nil
	}
	if len(r.fields) < n {
		r.fields = make([]pgconn.FieldDescription, max(n, slabSize))
	}
	own := r.fields[:n:n]
	r.fields = r.fields[n:]
	copy(own, fields)
	return own
}

// A holder owns a resource until take, which gives it away once whoever asks how often.
type holder struct {
	r    atomic.Pointer[resource]
	loan uint64 // even, never zero; set once
}

func (h *holder) set(r *resource) {
	r.loans += 2
	h.loan = r.loans
	r.turnstile.Store(h.loan)
	h.r.Store(r)
}

func (h *holder) take() *resource { return h.r.Swap(nil) }

func (h *holder) peek() *resource { return h.r.Load() }

func (h *holder) release() { h.end((*resource).release) }

// end gives the resource back by f, if h still has it.
func (h *holder) end(f func(*resource)) {
	r := h.take()
	if r == nil || !r.cameBack() {
		return
	}
	if !r.turnstile.CompareAndSwap(h.loan, 0) {
		r.endUnder()
		return
	}
	f(r)
}

// endUnder closes a connection that was released while another goroutine is inside a call on it: that call fails.
func (r *resource) endUnder() {
	r.notOut()
	r.turnstile.Store(0)
	r.abandon(ErrInUse)
	r.db.in.drop(r, &r.db.in.stat.Closes.Dirty)
}

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

var errNotReset = errors.New("reset left the connection inside a transaction or busy")

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

// drop closes a connection that must not be used again. reason is a counter of in.stat.
func (in *Instance) drop(r *resource, reason *int64) {
	in.observeUse(r)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.returnedLocked(r)
	in.dropLocked(r, reason)
}

// dropUnused is drop for a connection that no caller has at the moment.
func (in *Instance) dropUnused(r *resource, reason *int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.forgetUseLocked(r)
	in.dropLocked(r, reason)
}

// dropLocked is drop after the use was counted. mu must be held.
func (in *Instance) dropLocked(r *resource, reason *int64) {
	if reason == &in.stat.Closes.Broken && !r.sock.timedOut() {
		in.suspicion++ // the server ended it: it may have ended the others too
	}
	in.closeLocked(r, reason)
	in.pumpLocked()
	in.noteQuietLocked()
}

// closeLocked closes a connection that counts as in use; its token comes back when the server has closed too.
// mu must be held.
func (in *Instance) closeLocked(r *resource, reason *int64) {
	*reason++
	in.endUseLocked(r)
	if r.control {
		in.controlsInUse--
	}
	in.inUse--
	r.db.lent--
	r.db.stat.Closed++
	delete(r.db.resources, r)
	in.backgroundLocked(r.close)
}

// closeForOthersLocked is closeLocked for a connection whose token someone waits for. mu must be held.
func (in *Instance) closeForOthersLocked(r *resource) {
	if r.sock.promiseLocked() {
		in.stat.Evictions++
	}
	in.closeLocked(r, &in.stat.Closes.Evicted)
}

const (
	closeTimeout = 5 * time.Second

	// firstNudge and lastNudge are the shortest and the longest time between two cancel requests to a backend that
	// does not end.
	firstNudge = 100 * time.Millisecond
	lastNudge  = 2 * time.Second
)

// close ends the session and sees to it that the backend ends: it owns the connection until the socket has ended.
//
// A backend does not notice a closed socket while it computes, hence the cancel request; and a cancel request that
// arrives before the backend has read the statement is lost, hence the repetition. In a storm of short timeouts that
// happens to most of them, and each would keep its slot for as long as its statement runs.
func (r *resource) close() {
	r.beforeClose()
	if !r.abandoned && !r.conn.IsClosed() {
		if r.conn.PgConn().IsBusy() {
			r.cancel()
		} else {
			r.sock.polite.Store(true)
		}
		ctx, cancel := context.WithTimeout(r.db.in.alive, closeTimeout)
		defer cancel()
		_ = r.conn.Close(ctx)
	}
	t := time.NewTimer(firstNudge)
	defer t.Stop()
	for wait := firstNudge; ; wait = min(2*wait, lastNudge) {
		select {
		case <-r.sock.gone:
			return
		case <-t.C:
		}
		r.cancel()
		if wait > firstNudge {
			// pgx closes a broken connection by telling the server, which it cannot do over TLS when a write was
			// interrupted. A socket that ends is understood in any case.
			r.sock.end(net.ErrClosed)
		}
		t.Reset(wait)
	}
}

// cancel asks the server to cancel the running statement. It may be called after the connection was closed.
func (r *resource) cancel() {
	ctx, cancel := context.WithTimeout(r.db.in.alive, closeTimeout)
	defer cancel()
	_ = r.conn.PgConn().CancelRequest(ctx)
}

package pool

import (
	"context"
	"net"
	"time"
)

const (
	closeTimeout = 5 * time.Second

	// firstNudge and lastNudge are the shortest and the longest time between two cancel requests to a backend that
	// does not end.
	firstNudge = 100 * time.Millisecond
	lastNudge  = 2 * time.Second
)

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

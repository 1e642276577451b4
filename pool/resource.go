package pool

import (
	"sync/atomic"

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

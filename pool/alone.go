package pool

import "errors"

// ErrInUse is what a call gets while another goroutine is inside a call on the same connection or transaction. Nothing
// was sent. pgx's connections are for one goroutine: two at once would share the buffer in which parameters are encoded,
// and each could send the other's.
//
// It is not safe to rely on: rows are read outside of it (whoever comes then gets pgx's "conn busy"), and [Conn.Conn] is
// pgx's own.
var ErrInUse = errors.New("pool: the connection is used by another goroutine at this moment; take one for each, or let " +
	"one wait for the other")

// enter begins a call on the connection, which ends with exit. One goroutine is inside at a time, and only for the
// present loan: the turnstile is the number of the loan, plus one while somebody is inside, and zero between loans. Who
// holds an earlier loan finds another number, and so neither gets in nor keeps out whoever has the connection now.
//
// It is no pointer to the holder, which the garbage collector could then not find dropped; see loan.
func (h *holder) enter() (*resource, error) {
	r := h.peek()
	switch {
	case r == nil:
		return nil, ErrReleased
	case r.turnstile.CompareAndSwap(h.loan, h.loan+1):
		return r, nil
	case h.peek() == nil:
		return nil, ErrReleased
	default:
		return nil, ErrInUse
	}
}

// exit ends enter. The loan may have ended between the two; see end.
func (h *holder) exit(r *resource) { r.turnstile.CompareAndSwap(h.loan+1, h.loan) }

// TryLock keeps every other call on the connection out, with [ErrInUse], until Unlock, for work on [Conn.Conn] itself. It
// reports false when another goroutine is inside a call, or the connection was released.
func (c *Conn) TryLock() bool {
	_, err := c.enter()
	return err == nil
}

// Unlock ends TryLock.
func (c *Conn) Unlock() {
	if r := c.peek(); r != nil {
		c.exit(r)
	}
}

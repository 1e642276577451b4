package pool

import "sync/atomic"

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

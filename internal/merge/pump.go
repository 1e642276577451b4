package merge

import (
	"slices"
	"sync"
)

// drainBytes of an unwanted result are read before its server is asked to stop: reading what has been sent is cheaper.
const drainBytes = 64 << 10

// pump reads one input and keeps what the caller has not taken yet.
type pump struct {
	rows  *Rows
	index int
	in    Input
	sent  bool // the input's statement is under way before run

	mu    sync.Mutex
	queue []*batch // oldest first; the last one grows while it is here. Guarded by mu
	held  int      // bytes in queue. Guarded by mu
	ended bool     // nothing is added to queue any more. Guarded by mu

	room chan struct{} // a signal that held has shrunk

	// released forbids to call the input's Cancel. Both that and Release happen while cancelMu is held, or after.
	cancelMu sync.Mutex
	released bool

	// The caller's side, touched by nobody else.
	current *batch
	at      int
	key     []byte // of the current row, in a merge with an order
}

// run opens the input, reads it to its end or until the merge stops, and gives it back. On the caller's own goroutine,
// here, it reads only what there is room for: the caller makes room.
func (p *pump) run(here bool) {
	if p.rows.stopping() && !p.sent {
		p.end()
		return
	}
	src, err := p.open(here)
	if err != nil {
		p.rows.fail(p, err)
		p.end()
		return
	}
	if !src.Next() {
		p.leave(src, p.empty(src))
		return
	}
	if err := p.rows.describe(p, src); err != nil {
		p.rows.fail(p, err)
		p.leave(src, false)
		return
	}
	p.read(src, here)
}

// send reports whether the statement was sent. One whose arguments panic was not: open comes to that again.
func (p *pump) send() (sent bool) {
	s, ok := p.in.(Sender)
	if !ok {
		return false
	}
	var err error
	defer recovered(&err)
	return s.Send(p.rows.ctx)
}

// open opens the input. What an argument's own code panics with is for the caller, who could not recover from it on this
// goroutine.
func (p *pump) open(here bool) (src Source, err error) {
	returned := false
	defer func() {
		if !returned && err == nil {
			p.exit(here)
		}
	}()
	defer recovered(&err)
	src, err = p.in.Open(p.rows.ctx)
	returned = true
	return src, err
}

// exit is the end of a pump whose goroutine an argument's own code is ending. Others read what it would have read.
func (p *pump) exit(here bool) {
	p.rows.fail(p, &PanicError{Exited: true})
	p.end()
	if here {
		p.rows.Close()
	} else {
		go p.rows.work(false)
	}
}

// empty is for a source without rows. One that failed has no columns.
func (p *pump) empty(src Source) bool {
	if src.Err() != nil {
		return true
	}
	if err := p.rows.describe(p, src); err != nil {
		p.rows.fail(p, err)
	}
	return true
}

// read takes the row that src has, and all after it.
func (p *pump) read(src Source, here bool) {
	for more := true; more; more = src.Next() {
		row := src.RawValues()
		size := sizeOf(row)
		if here && !p.hasRoom(size+len(row)*valueBytes) {
			p.rows.spread()
			go p.read(src, false)
			return
		}
		if !p.add(row, size) {
			p.leave(src, false)
			return
		}
	}
	p.leave(src, true)
}

// leave gives the input back after its rows, or before the last of them when they are not wanted any more.
func (p *pump) leave(src Source, read bool) {
	if !read {
		p.drain(src)
	}
	src.Close()
	if err := src.Err(); err != nil {
		p.rows.fail(p, err)
	}
	p.end()
}

// hasRoom reports whether add would not wait.
func (p *pump) hasRoom(cost int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fits(cost)
}

// fits is hasRoom for who holds mu.
func (p *pump) fits(cost int) bool {
	return p.rows.holding || p.held == 0 || p.held+cost <= p.rows.opt.Prefetch
}

// add copies a row of that size, and waits for room when there is none. It returns false when the merge stops.
func (p *pump) add(row [][]byte, size int) bool {
	if p.rows.stopping() {
		return false
	}
	cost := size + len(row)*valueBytes
	if !p.rows.charge(p, int64(cost)) {
		return false
	}
	p.mu.Lock()
	for !p.fits(cost) {
		p.mu.Unlock()
		p.rows.spread()
		select {
		case <-p.room:
		case <-p.rows.stop:
			return false
		}
		p.mu.Lock()
	}
	wasEmpty := len(p.queue) == 0
	if wasEmpty || !p.queue[len(p.queue)-1].fits(size) {
		p.queue = append(p.queue, newBatch(size))
	}
	p.queue[len(p.queue)-1].add(row)
	p.held += cost
	p.mu.Unlock()
	if wasEmpty {
		p.rows.wakeFor(p.index)
	}
	return true
}

// drain reads on for a while, so that a result which is nearly read leaves without a cancel request.
func (p *pump) drain(src Source) {
	for dropped := 0; dropped < drainBytes; {
		if !src.Next() {
			return
		}
		dropped += sizeOf(src.RawValues()) + valueBytes
	}
	p.cancel()
}

// cancel asks the server to stop.
func (p *pump) cancel() {
	p.cancelMu.Lock()
	defer p.cancelMu.Unlock()
	if c, ok := p.in.(Canceler); ok && !p.released {
		c.Cancel()
	}
}

// end gives the input back, unless the rows decode with its connection's types, and says that no more rows will come. It
// is the last that touches the pump, but for the caller.
func (p *pump) end() {
	p.cancelMu.Lock()
	p.released = true
	p.cancelMu.Unlock()
	if p.index != p.rows.lender {
		p.in.Release()
	}
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.rows.inputEnded(p.index)
}

// take moves to the next row, which is valid until the next call. ok is false when there is none yet or no more will
// come; ended tells which.
func (p *pump) take() (row [][]byte, ok, ended bool) {
	if p.current != nil {
		if p.at++; p.at < p.current.rows {
			return p.current.row(p.at), true, false
		}
		p.current.recycle()
		p.current = nil
	}
	p.mu.Lock()
	if len(p.queue) == 0 {
		defer p.mu.Unlock()
		return nil, false, p.ended
	}
	p.current, p.at = p.queue[0], 0
	p.queue = slices.Delete(p.queue, 0, 1)
	p.held -= len(p.current.data) + len(p.current.values)*valueBytes
	p.mu.Unlock()
	select {
	case p.room <- struct{}{}:
	default:
	}
	return p.current.row(0), true, false
}

// ready is how many rows are here that were not taken, and the one that was taken last.
func (p *pump) ready() int {
	n := 0
	if p.current != nil {
		n = p.current.rows - p.at
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.queue {
		n += b.rows
	}
	return n
}

// head is the row that take moved to.
func (p *pump) head() [][]byte { return p.current.row(p.at) }

// charge counts bytes that are held whatever the caller reads. It returns false past the budget.
func (r *Rows) charge(p *pump, cost int64) bool {
	if !r.holding {
		return true
	}
	held := r.charged.Add(cost)
	switch {
	case r.opt.Cut > 0:
		// No more than a merge that is not cut would hold.
		if held > int64(r.opt.Prefetch)*int64(r.inputs) {
			r.fail(p, ErrCut)
			return false
		}
	case held > r.opt.Budget:
		r.fail(p, &TooLargeError{What: "the rows to be sorted", Budget: r.opt.Budget})
		return false
	}
	return true
}

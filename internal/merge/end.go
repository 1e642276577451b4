package merge

import (
	"sync"
	"time"
)

// inputEnded is called by each pump as its last. Close takes the pumps apart when all have ended.
func (r *Rows) inputEnded(index int) {
	if r.live.Add(-1) == 0 {
		close(r.ended)
	}
	r.wakeFor(index)
}

// fail records what happened first and stops everything else.
func (r *Rows) fail(p *pump, err error) {
	r.mu.Lock()
	if r.failed == nil && !r.finishing {
		r.failed = err
		if _, own := err.(ownError); !own {
			r.failed = &ShardError{Shard: p.in.Shard(), Err: err}
		}
	}
	r.mu.Unlock()
	r.stopPumps()
}

// ownError is an error of the merge itself rather than of one shard.
type ownError interface{ ofMerge() }

func (*MismatchError) ofMerge() {}
func (*TooLargeError) ofMerge() {}
func (cutError) ofMerge()       {}

// refuse fails the merge on the caller's side.
func (r *Rows) refuse(err error) {
	r.mu.Lock()
	if r.failed == nil {
		r.failed = err
	}
	r.mu.Unlock()
	r.stopPumps()
}

func (r *Rows) stopPumps() {
	if r.stopped.CompareAndSwap(false, true) {
		close(r.stop)
		r.wakeCaller()
	}
}

func (r *Rows) stopping() bool { return r.stopped.Load() }

// Close implements [pgx.Rows]. It returns when every input has been given back; those that do not end within the grace
// are cancelled.
func (r *Rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.mu.Lock()
	r.finishing = true
	r.err = r.failed
	r.mu.Unlock()
	r.stopPumps()
	if r.late != nil && !r.late.Stop() {
		<-r.guarded
	} else {
		r.spread()
		r.endAll()
	}
	if r.lender >= 0 {
		r.pumps[r.lender].in.Release()
	}
	r.forget()
}

// endAll returns when all inputs have ended; those that do not within the grace are cancelled.
func (r *Rows) endAll() {
	if !r.endsWithin(r.opt.Grace) {
		r.cancelAll()
	}
}

func (r *Rows) endsWithin(d time.Duration) bool {
	select {
	case <-r.ended:
		return true
	default:
	}
	expired := time.NewTimer(d)
	defer expired.Stop()
	select {
	case <-r.ended:
		return true
	case <-expired.C:
		return false
	}
}

// cancelAll returns when all pumps have ended. It asks again and again: a request that overtakes its statement is lost.
func (r *Rows) cancelAll() {
	const longest = time.Second
	for pause := r.opt.Grace; ; pause = min(2*pause, longest) {
		var cancels sync.WaitGroup
		for i := range r.pumps {
			cancels.Go(r.pumps[i].cancel)
		}
		cancels.Wait()
		if r.endsWithin(pause) {
			return
		}
	}
}

// forget lets go of what a caller who keeps closed rows would keep alive.
func (r *Rows) forget() {
	for i := range r.pumps {
		p := &r.pumps[i]
		if p.current != nil {
			p.current.recycle()
		}
		for _, b := range p.queue {
			b.recycle()
		}
		p.current, p.queue, p.in = nil, nil, nil
	}
	r.row, r.ctx, r.types, r.pumps = nil, nil, nil, nil
	r.plans = scanPlans{}
}

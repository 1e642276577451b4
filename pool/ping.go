package pool

import (
	"context"
	"sync/atomic"
)

// ping asks whether a connection may still be used. When it may not, it is closed and the answer is false; when ctx
// ends first, the error says so and the connection goes its own way once the server has answered: a caller in a hurry
// must not cost a healthy connection, as it would if the ping ran under ctx.
func (r *resource) ping(ctx context.Context) (bool, error) {
	in := r.db.in
	answer := make(chan *int64, 1)
	var taken atomic.Bool // by the caller or by the goroutine, whoever is first to end
	in.mu.Lock()
	start := sinceEpoch()
	in.backgroundLocked(func() {
		reason := r.check(&in.stat.Pings, &in.stat.PingErrors)
		in.pingedFor(sinceEpoch() - start)
		if taken.CompareAndSwap(false, true) {
			answer <- reason
			return
		}
		r.checked(reason)
	})
	in.mu.Unlock()

	select {
	case reason := <-answer:
		return r.answered(reason), nil
	case <-ctx.Done():
	}
	if taken.CompareAndSwap(false, true) {
		in.mu.Lock()
		r.db.unservedLocked(&in.classes[r.class].Cancels, &r.db.stat.Cancels, sinceEpoch()-start)
		in.mu.Unlock()
		return false, &waitCanceledError{instance: in.cfg.Name, database: r.db.name, err: ctx.Err()}
	}
	return r.answered(<-answer), nil
}

// answered closes the connection if there is a reason to.
func (r *resource) answered(reason *int64) bool {
	if reason != nil {
		r.db.in.dropUnused(r, reason)
	}
	return reason == nil
}

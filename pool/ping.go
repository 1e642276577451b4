package pool

import (
	"context"
	"sync/atomic"
)

// ping asks whether a connection still lives. When it does not, it is closed and the answer is false; when ctx ends
// first, the error says so and the connection goes its own way once the server has answered: a caller in a hurry
// must not cost a healthy connection, as it would if the ping ran under ctx.
func (r *resource) ping(ctx context.Context) (bool, error) {
	in := r.db.in
	answer := make(chan error, 1)
	var taken atomic.Bool // by the caller or by the goroutine, whoever is first to end
	in.mu.Lock()
	in.stat.Pings++
	start := sinceEpoch()
	in.backgroundLocked(func() {
		pctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), in.cfg.PingTimeout)
		defer cancel()
		err := r.probe(pctx)
		in.pingedFor(sinceEpoch() - start)
		if taken.CompareAndSwap(false, true) {
			answer <- err
			return
		}
		r.pinged(err)
	})
	in.mu.Unlock()

	select {
	case err := <-answer:
		return r.answered(err), nil
	case <-ctx.Done():
	}
	if taken.CompareAndSwap(false, true) {
		in.mu.Lock()
		r.db.unservedLocked(&in.classes[Interactive].Cancels, &r.db.stat.Cancels, sinceEpoch()-start)
		in.mu.Unlock()
		return false, &waitCanceledError{instance: in.cfg.Name, database: r.db.name, err: ctx.Err()}
	}
	return r.answered(<-answer), nil
}

// answered notes a ping's result and closes the connection if it was none.
func (r *resource) answered(err error) bool {
	in := r.db.in
	if err == nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		r.suspicion = in.suspicion
		return true
	}
	in.mu.Lock()
	in.stat.PingErrors++
	in.mu.Unlock()
	in.dropUnused(r, &in.stat.Closes.Broken)
	return false
}

// pinged is answered for a connection whose caller has gone.
func (r *resource) pinged(err error) {
	if r.answered(err) {
		r.db.in.putBackUnused(r)
	}
}

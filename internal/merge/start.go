package merge

import "time"

// patience is how long the caller may take to read what all inputs have sent, before each has a goroutine of its own.
const patience = time.Millisecond

// start opens the inputs. Each goroutine ends when it has no more inputs to read; Close waits for all inputs to end.
//
// Where all statements could be sent, the caller reads the answers itself, one after another, once it wants the first
// row: what a few servers send at about the same time is read in less time than it takes to wake goroutines. When that
// takes longer, because a server takes its time or sends much, or because the caller does not come, goroutines are
// started for what is left.
func (r *Rows) start() {
	if r.opt.Together && r.send() {
		r.late = time.AfterFunc(patience, r.guard)
		return
	}
	if r.opt.Wave < r.inputs && !r.holding {
		r.startFirst()
		return
	}
	r.spread()
}

// startFirst opens the first input alone; describe starts the others. The caller waits for the first one's columns. Another
// input would meanwhile keep its connection for rows that wait for the caller, and who has the first one's connection may
// be waiting for that.
func (r *Rows) startFirst() {
	r.spare.Add(-1)
	go r.work(false)
}

// send sends what can be sent without waiting, and reports whether that was everything.
func (r *Rows) send() bool {
	all, returned := true, false
	defer func() {
		if !returned { // an argument's own code ends the caller's goroutine
			r.Close()
		}
	}()
	for i := range r.pumps {
		p := &r.pumps[(r.opt.First+i)%r.inputs]
		p.sent = p.send()
		all = all && p.sent
	}
	returned = true
	return all
}

// spread starts the goroutines, unless they are started or there is nothing left for them.
func (r *Rows) spread() {
	if int(r.next.Load()) >= r.inputs {
		return
	}
	for range r.spare.Swap(0) {
		go r.work(false)
	}
}

// work reads inputs that nobody has taken.
func (r *Rows) work(here bool) {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= r.inputs {
			return
		}
		r.pumps[i].run(here)
	}
}

// guard is started when patience has run out. It does for a caller who is still reading what Close does: a read that does
// not end keeps nobody from seeing that another input has failed.
func (r *Rows) guard() {
	defer close(r.guarded)
	r.spread()
	select {
	case <-r.ended:
	case <-r.stop:
		r.endAll()
	}
}

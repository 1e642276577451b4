package pool

import "time"

// Stat is a snapshot of an instance. Fields that say "since New" only grow.
type Stat struct {
	Name  string
	Limit int // sockets allowed
	Open  int // sockets charged: dialling, idle, in use, control, lent to pgxpools, draining
	Peak  int // the most Open since New

	Idle     int
	InUse    int // lent to callers, the control connection included; one whose server died counts until its release
	Dialling int
	Draining int // closed by us, not yet seen to be closed by the server
	Lent     int // sockets of pgxpools made with [Database.PgxPool]
	Waiting  int

	Cancelling int // cancel requests in flight; they need no token

	Acquires    int64         // connections handed out, since New
	Waits       int64         // of them: not served at once
	WaitTime    time.Duration // the sum of those waits
	Handoffs    int64         // waiters that got a connection which another caller returned
	Timeouts    int64         // waits ended by time
	Cancels     int64         // waits ended by cancellation
	Refused     int64         // callers refused because the queue was full or the pool closed
	Dials       int64
	DialErrors  int64
	DialsFull   int64 // of DialErrors: the server had no slot left (53300)
	Pings       int64
	PingErrors  int64
	CancelDials int64 // cancel requests sent
	Evictions   int64 // idle connections closed so that another database could have one
	Forgotten   int64 // tokens given back after LingerTimeout without having seen the backend end
	Closes      Closes
}

// Closes counts closed connections by reason, since New.
type Closes struct {
	Lifetime int64 // older than MaxLifetime
	Idle     int64 // unused for IdleTimeout
	Broken   int64 // closed by the server, by a fatal error or by a cancelled context
	Dirty    int64 // returned inside a transaction or with unread rows, or its reset failed
	Discard  int64 // [Conn.Discard]
	Evicted  int64 // for another database
	Shrunk   int64 // over a lowered limit
	Control  int64 // a released control connection
	Shutdown int64 // [Instance.Close]
}

// Stat takes a snapshot.
func (in *Instance) Stat() Stat {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.stat
	s.Name, s.Limit = in.cfg.Name, in.limit
	s.Open, s.Peak = in.openLocked(), in.peak
	s.Idle, s.InUse, s.Dialling, s.Draining = in.idle, in.inUse, in.dialling, in.drainingLocked()
	s.Lent, s.Waiting = in.charged[lent], in.waiting+in.controls.n
	s.Cancelling, s.CancelDials = len(in.cancels), in.cancelDials.Load()
	return s
}

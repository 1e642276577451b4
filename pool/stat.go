package pool

import (
	"iter"
	"maps"
	"time"
)

// Stat is a snapshot of an instance: gauges as they are now, and in [Counters] what has been counted since New. As
// JSON every duration is in nanoseconds and says so in its name. docs/pool.md says which field is which in the
// statistics of other pools.
type Stat struct {
	Name  string `json:"name"`
	Bound string `json:"bound"` // what Limit bounds: "backends" of the server, or "sockets" when a pooler is in between

	Limit     int `json:"limit"`     // sockets allowed
	MinIdle   int `json:"min_idle"`  // Config.MinIdle for all databases, as far as Limit allows
	MaxIdle   int `json:"max_idle"`  // Config.MaxIdle for all databases, or Limit
	Open      int `json:"open"`      // sockets charged: dialling, idle, in use, control, lent to pgxpools, draining
	Peak      int `json:"peak"`      // the most Open since New
	Idle      int `json:"idle"`      // open and nobody's
	InUse     int `json:"in_use"`    // lent to callers, the control connection included; one whose server died counts until its release
	Dialling  int `json:"dialling"`  // being opened
	Draining  int `json:"draining"`  // closed by us, not yet seen to be closed by the server
	Lingering int `json:"lingering"` // of Draining: for longer than DrainTimeout
	Lent      int `json:"lent"`      // sockets of pgxpools made with [Database.PgxPool]
	Waiting   int `json:"waiting"`   // callers in the queue

	OldestWait time.Duration `json:"oldest_wait_ns"` // how long the first of them has waited
	Cancelling int           `json:"cancelling"`     // cancel requests in flight; they need no token
	Paused     bool          `json:"paused"`

	// BackingOff is how many of Databases cannot be dialled: their last dial failed. LastDialError is why the latest of
	// them could not, "" when BackingOff is 0: an SQLSTATE, or one of the words of [Counters].DialErrorsBy.
	BackingOff    int    `json:"backing_off"`
	LastDialError string `json:"last_dial_error,omitempty"`

	Counters

	Classes   [numClasses]ClassStat `json:"classes"`   // by [Class]
	Databases []DatabaseStat        `json:"databases"` // in the order of the calls of [Instance.Database]
}

// Counters only grow. A call for a connection ends as one of Acquires, Timeouts, Cancels, Failed and Refused; as two of
// them only when the caller gave up in the very moment in which it was served.
type Counters struct {
	Acquires int64    `json:"acquires"` // connections handed out
	Waits    int64    `json:"waits"`    // of Acquires: not served at once
	Handoffs int64    `json:"handoffs"` // of Waits: served with a connection that another caller returned
	Elided   int64    `json:"elided"`   // of Handoffs: while there was room to dial another one, which was not needed
	Timeouts int64    `json:"timeouts"` // waits ended by time
	Cancels  int64    `json:"cancels"`  // waits ended by cancellation
	Failed   int64    `json:"failed"`   // waits ended by a dial that failed
	Refused  Refusals `json:"refused"`

	// Wait is how long callers that got a connection waited for it. Those served at once count as 0.
	Wait Histogram `json:"wait"`

	// WastedWait is how long the callers of Timeouts, Cancels and Failed waited, together.
	WastedWait time.Duration `json:"wasted_wait_ns"`

	// Use is how long connections were in callers' hands. The first 10,000 uses of each second or so are measured, and
	// of the others one in 32 (drawn at random, and counted 32 times), since reading a clock twice takes longer than
	// lending a connection. What is longer than two ticks of the instance's coarse clock (1s, less when the timeouts
	// are short) is always counted, to the precision of a tick. With an [Observer] every use is measured.
	Use Histogram `json:"use"`

	Dials      int64     `json:"dials"`
	DialErrors int64     `json:"dial_errors"`
	DialsFull  int64     `json:"dials_full"` // of DialErrors: the server had no slot left (53300)
	Dial       Histogram `json:"dial"`       // of good dials, AfterConnect included

	// DialErrorsBy is DialErrors by SQLSTATE, or by "timeout", "refused", "network", "given up" and "other" where the server did not
	// say one.
	DialErrorsBy map[string]int64 `json:"dial_errors_by,omitempty"`

	// Drain is from a socket's close to the end of its backend, all causes included.
	Drain Histogram `json:"drain"`

	TokenWaits    int64         `json:"token_waits"`        // sockets of pgxpools and of Control that were given room
	TokenWaitTime time.Duration `json:"token_wait_time_ns"` // how long they waited for it

	Pings       int64         `json:"pings"` // of connections that had been idle for long, before their use
	PingErrors  int64         `json:"ping_errors"`
	PingTime    time.Duration `json:"ping_time_ns"`
	CancelDials int64         `json:"cancel_dials"` // cancel requests sent
	Evictions   int64         `json:"evictions"`    // idle connections closed so that another database could have one
	Forgotten   int64         `json:"forgotten"`    // tokens given back after LingerTimeout without having seen the backend end

	Checks      int64 `json:"checks"`       // of idle connections in the background, and of suspicious ones between two uses
	CheckErrors int64 `json:"check_errors"` // of Checks: the connection was closed
	Leaks       int64 `json:"leaks"`        // connections held for longer than LeakAfter, or dropped
	HookErrors  int64 `json:"hook_errors"`  // hooks that panicked or hung

	// Transactions is how many were begun with Begin and BeginTx of the pool's own handles.
	Transactions int64 `json:"transactions"`

	Closes Closes `json:"closes"`
}

// Refusals counts callers that were turned away by the pool itself, before or while they waited, by reason.
type Refusals struct {
	QueueFull int64 `json:"queue_full"` // Config.MaxWaiting others wait
	Overload  int64 `json:"overload"`   // the wait would have been too long
	KeyCap    int64 `json:"key_cap"`    // the key has its share of connections already
	NoBudget  int64 `json:"no_budget"`  // the limit is 0
	NoControl int64 `json:"no_control"` // [Instance.Control] with a limit that keeps nothing back
	Closed    int64 `json:"closed"`     // [Instance.Close] has begun
	TooMany   int64 `json:"too_many"`   // [AcquireMany] wanted more than could ever be lent
	Other     int64 `json:"other"`
}

// Total is all of them.
func (r Refusals) Total() int64 { return total(r) }

// All yields each reason, by its name in JSON, with its count.
func (r Refusals) All() iter.Seq2[string, int64] { return counts(r) }

// Closes counts closed connections by reason.
type Closes struct {
	Lifetime int64 `json:"lifetime"` // older than MaxLifetime
	Idle     int64 `json:"idle"`     // unused for IdleTimeout
	Broken   int64 `json:"broken"`   // closed by the server, by a fatal error or by a cancelled context
	Dirty    int64 `json:"dirty"`    // returned inside a transaction or with unread rows, or its reset failed
	Discard  int64 `json:"discard"`  // [Conn.Discard]
	Evicted  int64 `json:"evicted"`  // for another database
	Shrunk   int64 `json:"shrunk"`   // over a lowered limit
	Control  int64 `json:"control"`  // a released control connection
	Surplus  int64 `json:"surplus"`  // returned while MaxIdle others were idle, or with NoIdle
	Recycled int64 `json:"recycled"` // [Instance.Recycle]
	Refused  int64 `json:"refused"`  // by PrepareConn or AfterRelease, or a hook panicked or hung
	Demoted  int64 `json:"demoted"`  // the server is read-only, though it was a primary
	Leaked   int64 `json:"leaked"`   // its holder dropped it without giving it back
	Shutdown int64 `json:"shutdown"` // [Instance.Close]
}

// Total is all of them.
func (c Closes) Total() int64 { return total(c) }

// All yields each reason, by its name in JSON, with its count.
func (c Closes) All() iter.Seq2[string, int64] { return counts(c) }

// ClassStat is the part of one class of work in the [Counters] of the same names.
type ClassStat struct {
	Class    Class     `json:"class"`
	Waiting  int       `json:"waiting"` // a gauge
	Acquires int64     `json:"acquires"`
	Waits    int64     `json:"waits"`
	Timeouts int64     `json:"timeouts"`
	Cancels  int64     `json:"cancels"`
	Failed   int64     `json:"failed"`
	Refused  int64     `json:"refused"`
	Wait     Histogram `json:"wait"`
}

// DatabaseStat is the part of one database, reached as one user.
type DatabaseStat struct {
	Database string `json:"database"`
	User     string `json:"user"`
	Shard    string `json:"shard,omitempty"` // of [DatabaseConfig]

	Idle          int           `json:"idle"`
	InUse         int           `json:"in_use"`
	Dialling      int           `json:"dialling"`
	Waiting       int           `json:"waiting"`
	OldestWait    time.Duration `json:"oldest_wait_ns"`
	BackingOff    bool          `json:"backing_off"` // the last dial failed
	LastDialError string        `json:"last_dial_error,omitempty"`
	RoundTrip     time.Duration `json:"round_trip_ns"` // [Database.RoundTrip]

	DatabaseCounters
}

// DatabaseCounters are those of [Counters] that are kept for each database.
type DatabaseCounters struct {
	Acquires     int64         `json:"acquires"`
	Waits        int64         `json:"waits"`
	WaitTime     time.Duration `json:"wait_time_ns"`
	UseTime      time.Duration `json:"use_time_ns"` // to the precision of [Counters].Use
	Timeouts     int64         `json:"timeouts"`
	Cancels      int64         `json:"cancels"`
	Failed       int64         `json:"failed"`
	Dials        int64         `json:"dials"`
	DialErrors   int64         `json:"dial_errors"`
	Closed       int64         `json:"closed"`
	Transactions int64         `json:"transactions"`
}

// Stat takes a snapshot. It holds the pool up for as long as it takes to copy the numbers: about a microsecond, some
// more with hundreds of databases, and the same with any number of connections and of callers.
func (in *Instance) Stat() Stat {
	dbs := make([]databaseNumbers, in.databases.Load())
	s, first := in.copyStat(&dbs)
	if first > 0 {
		s.OldestWait = sinceEpoch() - first
	}
	s.DialErrorsBy = maps.Clone(s.DialErrorsBy)
	s.CancelDials, s.Cancelling = in.cancelDials.Load(), len(in.cancels)
	s.sumDatabases(dbs)
	s.sumClasses()
	return s
}

// databaseNumbers is what mu guards of a database.
type databaseNumbers struct {
	of                            *Database
	idle, lent, dialling, waiting int
	first                         time.Duration // when the first of those who wait came, since epoch; zero while nobody does
	failing                       string        // the kind of the last dial's error
	retryAt                       time.Time
	counters                      DatabaseCounters
	acquires                      [numClasses]int64
}

// copyStat copies everything that mu guards, and since when, from epoch, the first of those who wait has waited.
// Nothing in it depends on how many there are of anything but databases, whose numbers go to dbs.
func (in *Instance) copyStat(dbs *[]databaseNumbers) (s Stat, first time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s = Stat{
		Name: in.cfg.Name, Limit: in.limit, Open: in.openLocked(), Peak: in.peak, Idle: in.idle, InUse: in.inUse,
		Dialling: in.dialling, Draining: in.drainingLocked(), Lingering: in.lingering, Lent: in.charged[lent],
		Waiting: in.waitingLocked(), Paused: in.paused != nil, Counters: in.stat, Classes: in.classes,
	}
	s.MinIdle = min(in.cfg.MinIdle*len(in.dbs), in.limit)
	s.MaxIdle = min(min(in.mostIdle, in.limit)*len(in.dbs), in.limit)
	for c := range s.Classes {
		s.Classes[c].Waiting = in.lined[c] + in.parked[c]
	}
	s.Classes[Interactive].Waiting += in.raw.n
	s.Classes[Control].Waiting += in.controls.n
	first = earlier(firstSince(&in.raw), firstSince(&in.controls))
	if extra := len(in.dbs) - len(*dbs); extra > 0 { // somebody has just come
		*dbs = append(*dbs, make([]databaseNumbers, extra)...)
	}
	for i, d := range in.dbs {
		n := &(*dbs)[i]
		n.of, n.idle, n.lent, n.dialling, n.failing, n.retryAt = d, d.idle.n, d.lent, d.dialling, d.failing, d.retryAt
		n.waiting, n.counters, n.acquires = d.line.n+d.held.n+d.turns.n, d.stat, d.acquires
		n.first = earlier(firstSince(&d.held), firstSince(&d.turns))
		for c := range d.line.classes {
			n.first = earlier(n.first, firstSince(&d.line.classes[c]))
		}
		first = earlier(first, n.first)
	}
	return s, first
}

// sumDatabases makes the parts of the databases, and what the whole has of them.
func (s *Stat) sumDatabases(dbs []databaseNumbers) {
	failed := time.Time{}
	s.Databases = make([]DatabaseStat, len(dbs))
	s.Bound = "backends"
	for i := range dbs {
		n, ds := &dbs[i], &s.Databases[i]
		*ds = DatabaseStat{Database: n.of.name, User: n.of.conn.User, Shard: n.of.shard, Idle: n.idle, InUse: n.lent,
			Dialling: n.dialling, Waiting: n.waiting, BackingOff: n.failing != "", LastDialError: n.failing,
			RoundTrip:        n.of.RoundTrip(),
			DatabaseCounters: n.counters}
		ds.Transactions = n.of.begun.Load()
		s.Transactions += ds.Transactions
		for c, acquires := range n.acquires {
			ds.Acquires += acquires
			s.Classes[c].Acquires += acquires
		}
		if n.first > 0 {
			ds.OldestWait = sinceEpoch() - n.first
		}
		if n.of.Pooling() != NoPooling { // its backends are the pooler's affair
			s.Bound = "sockets"
		}
		if !ds.BackingOff {
			continue
		}
		s.BackingOff++
		if !n.retryAt.Before(failed) {
			failed, s.LastDialError = n.retryAt, n.failing
		}
	}
}

// sumClasses makes the totals of what is counted by class.
func (s *Stat) sumClasses() {
	for i := range s.Classes {
		c := &s.Classes[i]
		c.Class = Class(i)
		// Who did not wait has been counted nowhere but in Acquires.
		c.Wait.Count += c.Acquires - c.Waits
		c.Wait.Buckets[0] += c.Acquires - c.Waits
		s.Acquires += c.Acquires
		s.Waits += c.Waits
		s.Timeouts += c.Timeouts
		s.Cancels += c.Cancels
		s.Failed += c.Failed
		s.Wait.merge(&c.Wait)
	}
}

// firstSince is when the first one in l came, since epoch, or zero.
func firstSince(l *list[waiter]) time.Duration {
	if l.first == nil {
		return 0
	}
	return l.first.of.since
}

// earlier is the earlier one of those that are not zero.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

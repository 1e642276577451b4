package pool

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// maxCancels is how many cancel requests may be in flight at once. They use no backend slot, only a short-lived child
// of the postmaster, but a storm of them should not be a storm of forks.
const maxCancels = 2

// An Instance is one PostgreSQL server and the connections this process has to it. It is safe for concurrent use.
// [Instance.Close] must be called to end its goroutines.
//
// Lock order: many or popping, then mu. A socket's own locks are never held while mu is taken, nor mu while they are.
type Instance struct {
	cfg       Config
	pingTicks uint32        // PingAfter on the coarse clock
	attended  bool          // each connection needs attention before it is lent: PrepareConn or LeakAfter
	id        uint64        // orders instances of one name in AcquireMany
	selective bool          // not everybody may have a connection that is idle
	patience  time.Duration // see ownPatience; another one only in tests

	// many is held (by sending) by the one AcquireMany that is collecting connections here. Two collectors could each
	// hold half of what both want.
	many chan struct{}

	inspecting chan struct{} // held (by sending) by the one Inspect that is at work

	cancels     chan struct{} // a slot for each cancel request in flight
	cancelDials atomic.Int64

	databases atomic.Int64

	observers     atomic.Pointer[[]*Observer] // nil when there is none; replaced under mu, never modified
	noClientCheck atomic.Bool                 // the server does not know client_connection_check_interval
	closedOff     atomic.Bool                 // shut, or the limit is 0; stored under mu

	// dialCtx ends the dials in flight when Close begins.
	dialCtx   context.Context
	stopDials context.CancelFunc

	stopTicks chan struct{} // closed by Close; ends keepTime
	quiet     chan struct{} // closed when Close has nothing left to wait for

	// alive ends when Close gives up on sockets that do not end.
	alive context.Context
	die   context.CancelFunc

	mu sync.Mutex // guards everything below

	// charged counts sockets by what they are for, from before the dial until the server has closed. Only charge and
	// giveBack change it. Their sum is at most limit, and charged[work] + charged[lent] leave room for what is kept
	// for control, except after SetLimit has lowered limit: then the sum only shrinks until it is so again.
	charged [purposes]int
	limit   int
	reason  string // of Suspend; "" when limit is 0 for no known reason
	peak    int
	demand  int // the most connections in use or waited for since the last call of Demand

	dbs       []*Database // only grows; databases is its length
	sockets   map[*socket]struct{}
	dialling  int // dials of ours in flight; each has a token
	turns     turns
	evicting  int // tokens that are on their way back from connections closed for someone who waits
	reclaimed int // of evicting: from pgxpools
	inUse     int // resources lent to callers
	idle      int // resources in the databases' idle lists

	// waiting counts the callers in the databases' lines and in raw: while it is 0 a returned connection needs no
	// thought.
	waiting   int
	lined     [numClasses]int // callers in the databases' lines
	held      int             // callers who wait for the end of a pause
	capped    int             // callers who wait for their key's turn
	parked    [numClasses]int // the callers of both
	low       int             // connections in use by Scatter and Batch, while there is a reserve
	raw       list[waiter]    // callers that want a token for a socket of their own
	controls  list[waiter]    // callers that want the control token
	converted time.Time       // when a connection was last closed for a database that had others
	dialTime  time.Duration   // how long the last good dial took
	patient   *time.Timer     // looks at the queue when somebody's patience ends; stopped by Close
	wanted    int             // how many connections the current AcquireMany wants
	wantedBy  Class
	pace      pace
	codel     codel
	paused    *pause
	shut      bool // closing or paused: nothing idle is lent

	controlsInUse int // resources in use that Control made

	mostIdle   int           // of each database
	progress   chan struct{} // closed when a dial has ended; nil while nobody wants to know
	generation uint32        // raised by Recycle
	presumed   *socket       // whose token is on its way back though nobody could be asked about its backend
	primary    bool          // the server has been writable
	readOnlyAt time.Time     // when 25006 last raised suspicion
	healthAt   uint32        // of the last background check, on the coarse clock
	checking   bool          // a background check is under way

	clock      uint32 // coarse time in ticks, so that the hot path reads no clock
	returns    uint64 // orders idle connections by their last use
	suspicion  uint32 // raised when a connection breaks: idle ones are pinged before their next use
	pgxpools   pgxpools
	tasks      int // background goroutines that Close waits for
	closing    bool
	forced     bool
	quietNoted bool

	// What is counted. The counters that exist by class are in classes alone, acquires in the databases.
	stat       Counters
	classes    [numClasses]ClassStat
	lingering  int
	measured   int32 // how many more uses are measured before the next tick
	unmeasured int32 // how many uses come before the next one that is measured

	news news

	popping sync.Mutex // guards popped; taken before mu
	popped  Stat       // what Pop began from
}

var instances atomic.Uint64

// New makes an instance. It dials nothing: the first connection is made when somebody wants one, or when there is a
// database and MinOpen or MinIdle.
func New(c Config) (*Instance, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	in := &Instance{
		cfg:        c,
		selective:  c.Reserve > 0 || c.MaxPerKey > 0,
		patience:   ownPatience,
		id:         instances.Add(1),
		many:       make(chan struct{}, 1),
		cancels:    make(chan struct{}, maxCancels),
		inspecting: make(chan struct{}, 1),
		stopTicks:  make(chan struct{}),
		quiet:      make(chan struct{}),
		limit:      c.Limit,
		sockets:    make(map[*socket]struct{}),
		tasks:      1,
	}
	in.news.patience = overLimitNews
	in.pingTicks = in.ticks(c.PingAfter)
	in.tickUsesLocked() // nobody else has it yet
	in.noteServesLocked()
	in.attended = c.PrepareConn != nil || c.LeakAfter > 0
	in.mostIdle = c.mostIdle()
	in.alive, in.die = context.WithCancel(context.Background())
	in.dialCtx, in.stopDials = context.WithCancel(context.Background())
	go in.keepTime(c.tick())
	return in, nil
}

// Name is Config.Name.
func (in *Instance) Name() string { return in.cfg.Name }

// Database gives access to one database of the instance. Call it once for each and keep the result: each call makes a
// list of idle connections of its own.
func (in *Instance) Database(name string, o DatabaseConfig) *Database {
	template := in.cfg.Conn
	if o.Conn != nil {
		template = o.Conn
	}
	d := &Database{in: in, name: name, shard: o.Shard, conn: template.Copy(), password: in.cfg.Password,
		prepare: o.AfterConnect, resources: make(map[*resource]struct{})}
	d.conn.Database = name
	if o.User != "" {
		d.conn.User = o.User
	}
	if o.Password != nil {
		d.password = o.Password
	}
	if d.conn.RuntimeParams == nil && len(o.RuntimeParams) > 0 {
		d.conn.RuntimeParams = make(map[string]string, len(o.RuntimeParams))
	}
	maps.Copy(d.conn.RuntimeParams, o.RuntimeParams)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dbs = append(in.dbs, d)
	in.databases.Store(int64(len(in.dbs)))
	in.pumpLocked()
	return d
}

// keepTime owns the coarse clock until Close.
func (in *Instance) keepTime(tick time.Duration) {
	defer in.taskDone()
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			in.onTick()
		case <-in.stopTicks:
			return
		}
	}
}

// onTick closes what is idle for too long or too old, and marks what is too old but in use.
func (in *Instance) onTick() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.clock++
	in.tickUsesLocked()
	in.tellOverLimitLocked()
	for _, d := range in.dbs {
		d.expireLocked()
	}
	if in.freeLocked(work) < 0 {
		in.reclaimLentLocked()
	}
	in.findLeaksLocked()
	in.watchLocked()
	in.pumpLocked()
}

// ticks is d in ticks of the coarse clock, at least 1; "never" for d <= 0.
func (in *Instance) ticks(d time.Duration) uint32 {
	const never = 1 << 31
	if d <= 0 {
		return never
	}
	return uint32(min(max(d/in.cfg.tick(), 1), never))
}

// taskDone ends a background goroutine that was counted in tasks.
func (in *Instance) taskDone() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.tasks--
	in.noteQuietLocked()
}

// backgroundLocked runs f in a goroutine that Close waits for. mu must be held.
func (in *Instance) backgroundLocked(f func()) {
	in.tasks++
	go func() {
		defer in.taskDone()
		f()
	}()
}

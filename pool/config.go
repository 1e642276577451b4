package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config describes one instance, which is one PostgreSQL server, and how many sockets this process may hold to it.
// Name, Conn and Limit are required; everything else has a useful zero value.
type Config struct {
	// Name is what errors and statistics call the instance. [AcquireMany] takes connections in the order of names.
	Name string

	// Conn is the template of every connection: address, TLS, user, start-up parameters, tracer. It must come from
	// [pgx.ParseConfig]. It is copied, so later changes have no effect. Its database is replaced by that of the
	// [Database]; its DialFunc is called for every socket that is opened.
	Conn *pgx.ConnConfig

	// PoolerExecMode replaces Conn.DefaultQueryExecMode where connections turn out to lead to a pooler. Zero keeps it,
	// except that QueryExecModeCacheStatement and QueryExecModeDescribeExec become QueryExecModeCacheDescribe: they
	// leave a statement on one backend and use it on another.
	PoolerExecMode pgx.QueryExecMode

	// Limit is the most sockets that may be open at once: dialling, idle, in use and closing ones all count, until the
	// server has closed its end. It is at least 1; [Instance.SetLimit] changes it later, also to 0.
	Limit int

	// Control is how many of Limit are kept for [Instance.Control] and never lent to anyone else. Zero means 1;
	// negative means none, and Control is refused. A limit of no more than Control keeps none either: control and work
	// share it.
	Control int

	// AcquireTimeout is the longest wait for a connection; a context that ends earlier wins. Zero means 30s; negative
	// means that only the context ends a wait.
	AcquireTimeout time.Duration

	// MaxWaiting is the most callers that may wait at once; the next one is refused with [*QueueFullError]. Zero means
	// no bound.
	MaxWaiting int

	// Reserve is how many connections of the limit callers of the classes [Scatter] and [Batch] never have, so that
	// something is left for a caller of [Interactive] who comes while they are at work. When the limit is no greater,
	// they may have one. Zero means none.
	Reserve int

	// MaxPerKey is the most connections that callers of one key have at once; see [Database.ForKey]. Further ones wait
	// for the turn of their key, and others pass them by. Zero means no bound.
	MaxPerKey int

	// QueueTarget is the wait for a connection that a busy pool should keep. When for a whole QueueInterval no caller
	// of [Interactive] waited for less, the pool is overloaded, and refuses with [*OverloadError] those of them who have
	// waited for twice as long, until it is so no more. 50ms suits short statements.
	//
	// Zero or less means that nobody is refused for that: a job of many workers that share few connections waits as long all
	// the time, is content with it, and is of class Interactive unless it says otherwise.
	QueueTarget time.Duration

	// QueueInterval is how long waits are watched before the pool counts as overloaded. Zero means 1s.
	QueueInterval time.Duration

	// MaxDials is how many connections may be dialled at once, those of pgxpools included; Control's is not counted. Zero
	// means 2: enough to grow quickly, too few to hurt a server that has just come back.
	MaxDials int

	// DialTimeout bounds one dial, from the first packet to the end of AfterConnect. Zero means Conn.ConnectTimeout,
	// and 10s when that is zero too. Where a name has several addresses, each is tried for an equal part of what is left.
	DialTimeout time.Duration

	// DrainTimeout is how long a closed socket is read to its end before the server is asked whether the backend is
	// still there. Its token stays charged all the same. Zero means 15s.
	DrainTimeout time.Duration

	// LingerTimeout is the longest a token stays charged for a backend that can neither be seen to end nor be asked
	// about (a host that vanished). It should be longer than the server takes to notice a lost client; see
	// client_connection_check_interval and tcp_keepalives_idle. Zero means 5m.
	LingerTimeout time.Duration

	// MaxLifetime is the age at which a connection is closed instead of being used again; each connection's own age is
	// drawn between 90 % and 100 % of it, so that they do not all end together. Zero means 1h; negative means never.
	MaxLifetime time.Duration

	// IdleTimeout closes connections that nobody has used for that long, but never so many that MinIdle or MinOpen
	// would have to dial them again. Zero means 10m; negative means never.
	IdleTimeout time.Duration

	// MinOpen is how many connections each [Database] keeps open, idle or in use, and MinIdle how many it keeps idle.
	// They are dialled in the background with what the limit leaves and nobody waits for, and given up like any other
	// idle connection when somebody does: with a limit too small for all databases some have fewer. Zero means none.
	MinOpen, MinIdle int

	// MaxIdle is how many connections each Database keeps idle; one more that is returned is closed. Zero means as many
	// as the limit allows.
	MaxIdle int

	// NoIdle keeps no connection: one that is returned goes to a caller who waits, and is closed when there is none. It
	// is for servers behind a pooler that does the keeping. MinOpen, MinIdle and MaxIdle must be zero with it.
	NoIdle bool

	// IdleOrder says which idle connection is lent next. Zero means [LIFO].
	IdleOrder IdleOrder

	// PingAfter is how long a connection may have been idle to be handed out without a ping. Zero means 1s; negative
	// means that only connections under suspicion (another one has just broken) are pinged.
	PingAfter time.Duration

	// PingTimeout bounds every ping, every background check and every question to the server about a backend that should
	// have ended, whatever the caller's context allows. Zero means 1s.
	PingTimeout time.Duration

	// KeepAlive is how long a connection may lie idle without a ping in the background, for networks that forget silent
	// connections. One is pinged at a time. Zero or less means never.
	KeepAlive time.Duration

	// HealthInterval is the time between background checks of one idle connection, by which a dead or demoted server is
	// noticed without callers: when the check fails, the other idle connections are checked too and the dead ones
	// closed. Zero means 30s; negative means never.
	HealthInterval time.Duration

	// ClientCheckInterval is client_connection_check_interval on every connection: how often a backend that computes
	// looks whether its client still exists, and so how long it outlives a process that was killed. Servers that do not
	// know the setting are left as they are. It is 1ms at least and 24 days at most. Zero means 10s; negative leaves it alone, which is right behind a pooler
	// that shares sessions.
	ClientCheckInterval time.Duration

	// LeakAfter is how long a connection may be held before it is reported to OnLeak, once, with the place that took it.
	// With it, a handle that its holder has dropped without giving it back is found by the garbage collector, and the
	// connection is closed and reported. Zero or less means never; it then costs nothing.
	LeakAfter time.Duration

	// OnLeak hears of connections held for longer than LeakAfter or dropped. It runs in a goroutine of its own.
	OnLeak func(Leak)

	// Password is called before every dial, for secrets that rotate. Nil means Conn.Password.
	Password PasswordFunc

	// Log is told what an operator must know: a server that cannot be reached or is full and when that ends, a limit
	// that changes, connections that do not end. Lines are for the beginning and the end of a state, however many calls
	// fail in between. Nil means that nothing is logged.
	Log *slog.Logger

	// The hooks below run in a goroutine of their own and outside all locks. One that panics or does not return in its
	// time costs its connection, which is closed, and fails the call with [*HookError]; the pool goes on. So does what pgx
	// calls while it connects: functions and tracers of Conn. A hook may use the pool, but whoever waits in PrepareConn
	// for another connection has one already: with as many callers as connections all of them wait for their time to end.

	// BeforeConnect may change the config of one dial, after Password. An error fails the dial. Its time is DialTimeout.
	BeforeConnect func(context.Context, *pgx.ConnConfig) error

	// AfterConnect prepares a new connection; an error closes it and fails the dial. Its time is the rest of DialTimeout.
	AfterConnect func(context.Context, *pgx.Conn) error

	// PrepareConn looks at a connection before it is lent, as pgxpool's does: false closes it and the caller gets
	// another one, unless there is an error, which the caller gets. With true and an error the connection is kept.
	// Its time is the caller's, and AcquireTimeout at most. [Instance.Control] does not call it.
	PrepareConn func(context.Context, *pgx.Conn) (bool, error)

	// Reset runs on every returned connection before anyone else gets it, in the background and for at most 5s; an
	// error closes the connection. Nil means that nothing runs, which is right for connections that only ever ran
	// statements without session state. See also [Conn.ReleaseClean].
	Reset func(context.Context, *pgx.Conn) error

	// AfterRelease says whether a returned connection may be lent again; false closes it. It runs after Reset, in the
	// background and for at most 5s.
	AfterRelease func(*pgx.Conn) bool

	// BeforeClose runs before a connection is closed, for at most 5s. The connection may be broken already.
	BeforeClose func(*pgx.Conn)
}

// IdleOrder says which idle connection is lent next.
type IdleOrder uint8

const (
	// LIFO lends the connection that was returned last: the server's caches are warm for it, and the rest can time out.
	LIFO IdleOrder = iota

	// FIFO lends the one that has been idle for longest, so that all are used alike: for addresses behind a TCP
	// balancer, whose members would otherwise have very different shares of the work.
	FIFO
)

// A PasswordFunc gives the password for user when a connection is about to be dialled.
type PasswordFunc func(ctx context.Context, user string) (string, error)

// DatabaseConfig is what differs between the databases of one instance. The zero value changes nothing.
type DatabaseConfig struct {
	// Shard is what statistics and metrics say of the database, nothing more: the shard that lives in it.
	Shard string

	// Conn replaces the template: another way to the same server, such as the one past its pooler. Its sockets are
	// charged to the same limit.
	Conn *pgx.ConnConfig

	// User replaces the template's user.
	User string

	// Password replaces the template's password and its PasswordFunc. Nil keeps them.
	Password PasswordFunc

	// RuntimeParams are start-up parameters added to the template's.
	RuntimeParams map[string]string

	// AfterConnect runs after the instance's AfterConnect.
	AfterConnect func(context.Context, *pgx.Conn) error
}

const (
	defaultAcquireTimeout = 30 * time.Second
	defaultQueueInterval  = time.Second
	defaultMaxDials       = 2
	defaultDialTimeout    = 10 * time.Second
	defaultDrainTimeout   = 15 * time.Second
	defaultLingerTimeout  = 5 * time.Minute
	defaultMaxLifetime    = time.Hour
	defaultIdleTimeout    = 10 * time.Minute
	defaultPingAfter      = time.Second
	defaultPingTimeout    = time.Second
	defaultHealth         = 30 * time.Second
	defaultClientCheck    = 10 * time.Second

	resetTimeout = 5 * time.Second
	maxTick      = time.Second
	minTick      = 20 * time.Millisecond
)

// withDefaults checks c and returns a copy without zero values: after it a timeout <= 0 means "never".
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Name == "":
		return c, errors.New("pool: Config.Name is empty; errors and statistics need a name for the instance")
	case c.Limit < 1:
		return c, fmt.Errorf("pool: instance %s: Config.Limit is %d; it must be at least 1 (Suspend sets it to 0 later)",
			c.Name, c.Limit)
	case c.Conn == nil || c.Conn.DialFunc == nil:
		return c, fmt.Errorf("pool: instance %s: Config.Conn must come from pgx.ParseConfig", c.Name)
	}
	if err := c.checkNegative(); err != nil {
		return c, err
	}
	c.Conn = c.Conn.Copy()
	if c.Control == 0 {
		c.Control = 1
	}
	c.Control = max(c.Control, 0)
	orDefault(&c.AcquireTimeout, defaultAcquireTimeout)
	orDefault(&c.QueueInterval, defaultQueueInterval)
	if c.MaxDials == 0 {
		c.MaxDials = defaultMaxDials
	}
	orDefault(&c.DialTimeout, c.Conn.ConnectTimeout)
	orDefault(&c.DialTimeout, defaultDialTimeout)
	orDefault(&c.DrainTimeout, defaultDrainTimeout)
	orDefault(&c.LingerTimeout, defaultLingerTimeout)
	orDefault(&c.MaxLifetime, defaultMaxLifetime)
	orDefault(&c.IdleTimeout, defaultIdleTimeout)
	orDefault(&c.PingAfter, defaultPingAfter)
	orDefault(&c.PingTimeout, defaultPingTimeout)
	orDefault(&c.HealthInterval, defaultHealth)
	orDefault(&c.ClientCheckInterval, defaultClientCheck)
	return c, c.checkIdle()
}

// checkNegative refuses what has no meaning below zero. A negative LingerTimeout would forget backends at once, and a
// negative PingTimeout close every connection.
func (c Config) checkNegative() error {
	for _, n := range []struct {
		name  string
		value int
	}{
		{"MaxWaiting", c.MaxWaiting}, {"Reserve", c.Reserve}, {"MaxPerKey", c.MaxPerKey}, {"MaxDials", c.MaxDials},
		{"MinOpen", c.MinOpen}, {"MinIdle", c.MinIdle}, {"MaxIdle", c.MaxIdle},
	} {
		if n.value < 0 {
			return fmt.Errorf("pool: instance %s: Config.%s is %d; it must not be negative", c.Name, n.name, n.value)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"QueueInterval", c.QueueInterval}, {"DialTimeout", c.DialTimeout}, {"Conn.ConnectTimeout", c.Conn.ConnectTimeout},
		{"DrainTimeout", c.DrainTimeout}, {"LingerTimeout", c.LingerTimeout}, {"PingTimeout", c.PingTimeout},
	} {
		if d.value < 0 {
			return fmt.Errorf("pool: instance %s: Config.%s is %s; it must not be negative", c.Name, d.name, d.value)
		}
	}
	return nil
}

// checkIdle refuses sizes that contradict each other.
func (c Config) checkIdle() error {
	switch {
	case c.NoIdle && (c.MinOpen > 0 || c.MinIdle > 0 || c.MaxIdle > 0):
		return fmt.Errorf("pool: instance %s: NoIdle keeps no connection, so MinOpen, MinIdle and MaxIdle must be 0", c.Name)
	case c.MaxIdle > 0 && c.MaxIdle < max(c.MinIdle, c.MinOpen):
		// What is dialled for MinOpen would be closed for MaxIdle, and dialled again, for ever.
		return fmt.Errorf("pool: instance %s: MaxIdle of %d is less than the %d of MinIdle or MinOpen", c.Name, c.MaxIdle,
			max(c.MinIdle, c.MinOpen))
	case c.IdleOrder > FIFO:
		return fmt.Errorf("pool: instance %s: IdleOrder must be LIFO or FIFO", c.Name)
	case c.PoolerExecMode < 0 || c.PoolerExecMode > pgx.QueryExecModeSimpleProtocol:
		return fmt.Errorf("pool: instance %s: PoolerExecMode must be one of pgx's modes, not %d", c.Name, c.PoolerExecMode)
	}
	return nil
}

// mostIdle is how many idle connections a database may keep.
func (c Config) mostIdle() int {
	switch {
	case c.NoIdle:
		return 0
	case c.MaxIdle > 0:
		return c.MaxIdle
	default:
		return math.MaxInt
	}
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// tick is the period of the instance's coarse clock: fine enough for the shortest of its timeouts.
func (c Config) tick() time.Duration {
	t := maxTick
	for _, d := range []time.Duration{c.PingAfter, c.IdleTimeout, c.MaxLifetime, c.KeepAlive, c.HealthInterval, c.LeakAfter} {
		if d > 0 {
			t = min(t, d/2)
		}
	}
	return max(t, minTick)
}

// lifetime draws the age at which one connection ends. Earlier than MaxLifetime, never later: it is a maximum.
func (c Config) lifetime() time.Duration {
	return c.MaxLifetime - time.Duration(rand.Float64()*float64(c.MaxLifetime)/10)
}

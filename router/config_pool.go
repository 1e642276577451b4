package router

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
)

// PoolConfig is how each instance's pool works: how callers wait, which connections are kept, when they are checked and
// closed. How many there may be is the [Budget]'s. The fields are those of [pool.Config] of the same names, which says
// more of each; the zero value is right for most services.
//
// Of a Duration zero means the default and negative means never, where that makes sense. In YAML it is the word never.
type PoolConfig struct {
	// AcquireTimeout is the longest wait for a connection; a context that ends earlier wins. Zero means 30s; negative
	// means that only contexts end a wait.
	AcquireTimeout time.Duration

	// MaxWaiting is the most callers that wait at once on one instance. Zero means no bound.
	MaxWaiting int

	// Reserve is how many of this process's connections to an instance callers of the classes Scatter and Batch leave
	// to others.
	Reserve int

	// MaxPerKey is the most connections of this process that statements and transactions of one shard key have at once,
	// so that one tenant cannot have them all. Zero means no bound. It is about statements of a single key: those
	// without a key, of several keys, batches, CopyFrom and what is sent with [DB.Shard] are not counted.
	MaxPerKey int

	// QueueTarget is the wait that an overloaded pool keeps by refusing callers with [*pool.OverloadError]. Zero or
	// negative means that it refuses nobody.
	QueueTarget time.Duration

	// QueueInterval is for how long every wait must be above QueueTarget before anybody is refused. Zero means 1s.
	QueueInterval time.Duration

	// MinOpen is how many connections to each shard are kept open, MinIdle how many idle ones, as far as the budget
	// allows and nobody else needs them. [Open] waits for MinOpen of them. Zero means none.
	MinOpen, MinIdle int

	// MaxIdle is how many idle connections to each shard are kept. Zero means as many as the budget allows.
	MaxIdle int

	// IdleOrder says which idle connection is used next. Zero means [pool.LIFO].
	IdleOrder pool.IdleOrder

	// NoIdle keeps no connection: for instances behind a pooler that does the keeping.
	NoIdle bool

	// MaxDials is how many connections to one instance are opened at once. Zero means 2.
	MaxDials int

	// MaxLifetime is the age at which a connection is replaced. Zero means 1h; negative means never.
	MaxLifetime time.Duration

	// IdleTimeout closes connections that nobody has used for that long. Zero means 10m; negative means never.
	IdleTimeout time.Duration

	// KeepAlive is how long a connection may lie idle without a ping in the background. Zero or negative means for ever.
	KeepAlive time.Duration

	// HealthInterval is the time between background checks of an idle connection. Zero means 30s; negative means never.
	HealthInterval time.Duration

	// PingAfter is how long a connection may have been idle to be used without a ping. Zero means 1s; negative means
	// that only connections under suspicion are pinged.
	PingAfter time.Duration

	// PingTimeout bounds every ping, and every question about a backend that should have ended. Zero means 1s.
	PingTimeout time.Duration

	// DrainTimeout is how long a closed connection is watched before the server is asked for its backend. Zero means
	// 15s.
	DrainTimeout time.Duration

	// LingerTimeout is the longest that a connection counts whose backend cannot be seen to end. Zero means 5m.
	LingerTimeout time.Duration

	// ClientCheckInterval is client_connection_check_interval on every connection. Zero means 10s; negative leaves the
	// server's.
	ClientCheckInterval time.Duration

	// LeakAfter is how long a connection may be held before that is told, with the place in the code that took it. Zero
	// or negative means for ever.
	LeakAfter time.Duration

	// OnLeak is told instead of the logger of [WithLogger]. It is called only when LeakAfter is given.
	OnLeak func(pool.Leak) `json:"-"`

	// The hooks are those of [pool.Config], for every connection of the pools; [Init], migrations and what is asked
	// beside the pools have none. After BeforeConnect and AfterConnect it is verified that the connection leads to its
	// shard, has the settings that statements are routed by, and bears the name by which leases are counted. The others
	// must leave search_path and application_name alone.
	BeforeConnect func(context.Context, *pgx.ConnConfig) error   `json:"-"`
	AfterConnect  func(context.Context, *pgx.Conn) error         `json:"-"`
	PrepareConn   func(context.Context, *pgx.Conn) (bool, error) `json:"-"`
	Reset         func(context.Context, *pgx.Conn) error         `json:"-"`
	AfterRelease  func(*pgx.Conn) bool                           `json:"-"`
	BeforeClose   func(*pgx.Conn)                                `json:"-"`
}

// apply writes the settings into the configuration of an instance's pool.
func (p PoolConfig) apply(c *pool.Config) {
	c.AcquireTimeout, c.MaxWaiting = p.AcquireTimeout, p.MaxWaiting
	c.Reserve, c.MaxPerKey, c.QueueTarget, c.QueueInterval = p.Reserve, p.MaxPerKey, p.QueueTarget, p.QueueInterval
	c.MinOpen, c.MinIdle, c.MaxIdle, c.IdleOrder, c.NoIdle = p.MinOpen, p.MinIdle, p.MaxIdle, p.IdleOrder, p.NoIdle
	c.MaxDials, c.MaxLifetime, c.IdleTimeout = p.MaxDials, p.MaxLifetime, p.IdleTimeout
	c.KeepAlive, c.HealthInterval, c.PingAfter, c.PingTimeout = p.KeepAlive, p.HealthInterval, p.PingAfter, p.PingTimeout
	c.DrainTimeout, c.LingerTimeout, c.ClientCheckInterval = p.DrainTimeout, p.LingerTimeout, p.ClientCheckInterval
	c.LeakAfter, c.OnLeak = p.LeakAfter, p.OnLeak
	c.AfterConnect, c.PrepareConn, c.Reset = p.AfterConnect, p.PrepareConn, p.Reset
	c.AfterRelease, c.BeforeClose = p.AfterRelease, p.BeforeClose
	if p.BeforeConnect != nil {
		c.BeforeConnect = sameName(p.BeforeConnect)
	}
	if c.OnLeak == nil && c.Log != nil {
		c.OnLeak = logLeak(c.Log)
	}
}

// sameName refuses dials whose application_name hook changed.
func sameName(hook func(context.Context, *pgx.ConnConfig) error) func(context.Context, *pgx.ConnConfig) error {
	return func(ctx context.Context, cc *pgx.ConnConfig) error {
		name := cc.RuntimeParams["application_name"]
		if err := hook(ctx, cc); err != nil {
			return err
		}
		if cc.RuntimeParams["application_name"] != name {
			return errors.New(errPrefix + "BeforeConnect changed application_name, by which the server tells whose lease a " +
				"connection is charged to; set Config.Application instead")
		}
		return nil
	}
}

// logLeak warns of a connection that is held for too long, or was dropped.
func logLeak(log *slog.Logger) func(pool.Leak) {
	return func(l pool.Leak) {
		text := "keyway: a connection is held for longer than leak_after"
		if l.Dropped {
			text = "keyway: a connection was dropped by its holder without being given back, and is closed"
		}
		log.Warn(text, "instance", l.Instance, "database", l.Database, "held", l.Held, "caller", l.Caller)
	}
}

func (c Config) checkPool(v *validation) {
	p := c.Pool
	for key, n := range map[string]int{
		"max_waiting": p.MaxWaiting, "min_open": p.MinOpen, "min_idle": p.MinIdle, "max_idle": p.MaxIdle, "max_dials": p.MaxDials,
		"reserve": p.Reserve, "max_per_key": p.MaxPerKey,
	} {
		if n < 0 {
			v.add("pool.%s: must not be negative", key)
		}
	}
	for key, d := range map[string]time.Duration{
		"ping_timeout": p.PingTimeout, "drain_timeout": p.DrainTimeout, "linger_timeout": p.LingerTimeout,
		"queue_interval": p.QueueInterval,
	} {
		if d < 0 {
			v.add("pool.%s: must not be negative", key)
		}
	}
	if p.NoIdle && (p.MinOpen > 0 || p.MinIdle > 0 || p.MaxIdle > 0) {
		v.add("pool.no_idle: keeps no connection, so min_open, min_idle and max_idle cannot be given with it")
	}
	if least := max(p.MinOpen, p.MinIdle); p.MaxIdle > 0 && p.MaxIdle < least {
		v.add("pool.max_idle: %d is less than the %d connections that min_open or min_idle keep", p.MaxIdle, least)
	}
	if p.IdleOrder > pool.FIFO {
		v.add("pool.idle_order: is unknown; use lifo or fifo")
	}
	if p.OnLeak != nil && p.LeakAfter <= 0 {
		v.add("pool.leak_after: is not given, so that OnLeak would never be called")
	}
}

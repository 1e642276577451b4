package pool

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lentIdleTime is how long a pgxpool of ours keeps idle connections: they hold tokens that others may want.
	lentIdleTime = 10 * time.Second

	// reclaimPeriod is the least time between two looks at the idle connections of pgxpools.
	reclaimPeriod = 20 * time.Millisecond
)

// pgxpools are those made from one instance. Guarded by the instance's mu.
type pgxpools struct {
	all        []*pgxpool.Pool // closed ones too: a closed pgxpool has nothing idle
	reclaimed  time.Time
	reclaiming bool
}

// PgxPool makes a pgxpool of at most size connections to the database, for libraries that want one. Its sockets are
// charged to the instance's limit, before they are dialled and until the server has closed them; while there is no
// token, its Acquire waits in the same order as everyone else, and idle connections of the pool are closed for it, as
// its idle ones are for others.
//
// A size that would leave the instance nothing else to lend is refused with [*TooManyError]. ctx is used for its
// values alone. The instance's Close closes the pgxpool too; its own Close may be called earlier. It has the
// template's hooks, and no minimum of connections.
func (d *Database) PgxPool(ctx context.Context, size int) (*pgxpool.Pool, error) {
	in := d.in
	if size < 1 || size > math.MaxInt32 {
		return nil, fmt.Errorf("pool: instance %s: a pgxpool of %d connections cannot be made", in.cfg.Name, size)
	}
	pc, err := d.pgxConfig(size)
	if err != nil {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch most := in.lendableLocked() - 1; {
	case in.closing:
		return nil, &closedError{in.cfg.Name}
	case size > most:
		return nil, &TooManyError{Instance: in.cfg.Name, Wanted: size, Lendable: most}
	}
	p, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("pool: instance %s: make a pgxpool: %w", in.cfg.Name, err)
	}
	in.pgxpools.all = append(in.pgxpools.all, p)
	return p, nil
}

// pgxConfig is the pgxpool's config, with the database's in the place of all that was parsed.
func (d *Database) pgxConfig(size int) (*pgxpool.Config, error) {
	// pgxpool accepts only what its ParseConfig has made. Everything parsed is replaced, and every key that the
	// environment could set is named, so that none of it leaks in.
	pc, err := pgxpool.ParseConfig("host=127.0.0.1 port=5432 user=u dbname=d sslmode=disable passfile= connect_timeout=1")
	if err != nil {
		return nil, fmt.Errorf("pool: instance %s: the environment's PG* variables keep pgxpool from working: %w",
			d.in.cfg.Name, err)
	}
	in, cfg := d.in, d.in.cfg
	pc.ConnConfig = d.conn.Copy()
	pc.ConnConfig.ConnectTimeout = cfg.DialTimeout + max(cfg.AcquireTimeout, 0) // the wait for a token included
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = int32(size), 0, 0
	pc.MaxConnLifetime, pc.MaxConnLifetimeJitter = cfg.MaxLifetime, max(cfg.MaxLifetime/10, 0)
	pc.MaxConnIdleTime, pc.HealthCheckPeriod = lentIdleTime, lentIdleTime/2
	pc.PingTimeout = cfg.PingTimeout
	pc.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error {
		d.seen().apply(cc, cfg.PoolerExecMode)
		err := in.callHook("Password or BeforeConnect", func() error {
			if err := d.setPassword(ctx, cc); err != nil || cfg.BeforeConnect == nil {
				return err
			}
			return cfg.BeforeConnect(ctx, cc)
		})
		cc.DialFunc = (&dialer{in: d.in, db: d, purpose: lent, dial: cc.DialFunc}).DialFunc
		return err
	}
	pc.PrepareConn = func(ctx context.Context, c *pgx.Conn) (sound bool, err error) {
		switch {
		case in.overLimit(c):
			return false, nil
		case cfg.PrepareConn == nil:
			return true, nil
		}
		err = in.callHook("PrepareConn", func() (err error) {
			sound, err = cfg.PrepareConn(ctx, c)
			return err
		})
		return sound, err
	}
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		r := &resource{db: d, conn: c, sock: socketOf(c)}
		if r.sock != nil {
			defer r.sock.dl.endTurn()
			r.sock.establish(c.PgConn().PID())
			if err := r.setUp(ctx); err != nil {
				return err
			}
		}
		return in.callHook("AfterConnect", func() error { return d.afterConnect(ctx, c) })
	}
	if cfg.AfterRelease != nil {
		pc.AfterRelease = func(c *pgx.Conn) (sound bool) {
			return in.callHook("AfterRelease", func() error { sound = cfg.AfterRelease(c); return nil }) == nil && sound
		}
	}
	if cfg.BeforeClose != nil {
		pc.BeforeClose = func(c *pgx.Conn) {
			_ = in.callHook("BeforeClose", func() error { cfg.BeforeClose(c); return nil })
		}
	}
	return pc, nil
}

// callHook calls a hook for a pgxpool, in pgxpool's goroutine and for as long as it takes. Its panic would end the
// process, and is a [*HookError] instead.
func (in *Instance) callHook(name string, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = &HookError{Instance: in.cfg.Name, Hook: name, Panic: p, Stack: debug.Stack()}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.stat.HookErrors++
	}()
	return f()
}

// resetPgxPoolsLocked makes them close what they have, now and on return. It needs a goroutine because pgxpool may run
// hooks. mu must be held.
func (in *Instance) resetPgxPoolsLocked() {
	if all := slices.Clone(in.pgxpools.all); len(all) > 0 {
		in.backgroundLocked(func() {
			for _, p := range all {
				p.Reset()
			}
		})
	}
}

// overLimit reports whether a connection that a pgxpool is about to lend must be closed because the limit has fallen.
// Of several that are asked about, only as many are as the limit fell by.
func (in *Instance) overLimit(c *pgx.Conn) bool {
	s := socketOf(c)
	in.mu.Lock()
	defer in.mu.Unlock()
	return s != nil && in.overLocked() > 0 && s.promiseLocked()
}

// reclaimLentLocked makes pgxpools give up an idle connection for somebody who waits, or what is over the limit. It needs a goroutine because pgxpool may run hooks, and is not asked more often than reclaimPeriod.
// mu must be held.
func (in *Instance) reclaimLentLocked() {
	p := &in.pgxpools
	if len(p.all) == 0 || p.reclaiming || in.charged[lent] == 0 || time.Since(p.reclaimed) < reclaimPeriod {
		return
	}
	p.reclaiming = true
	all, reclaim := slices.Clip(p.all), reclaimOne
	if in.freeLocked(work) < 0 {
		reclaim = lookAtIdle
	}
	in.backgroundLocked(func() {
		reclaim(all)
		in.mu.Lock()
		defer in.mu.Unlock()
		p.reclaiming = false
		p.reclaimed = time.Now()
	})
}

// lookAtIdle has PrepareConn close those idle connections that are over the limit.
func lookAtIdle(pools []*pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, p := range pools {
		for _, c := range p.AcquireAllIdle(ctx) {
			c.Release()
		}
	}
}

// reclaimOne closes one idle connection of the first pgxpool that has any.
func reclaimOne(pools []*pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, p := range pools {
		idle := p.AcquireAllIdle(ctx)
		for i, c := range idle {
			if i == 0 {
				_ = c.Hijack().Close(ctx)
				continue
			}
			c.Release()
		}
		if len(idle) > 0 {
			return
		}
	}
}

// closePgxPoolsLocked closes them in the background: pgxpool's Close waits for its borrowers without a deadline, so
// the instance's does not wait for it, only for the sockets. mu must be held.
func (in *Instance) closePgxPoolsLocked() {
	for _, p := range in.pgxpools.all {
		go p.Close()
	}
}

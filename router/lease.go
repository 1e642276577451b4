package router

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/budget"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
)

// leaveTime bounds how long Close tells the servers that their leases are free.
const leaveTime = 2 * time.Second

// leaseholder is this process's part of one instance's connection budget. Its keeper sets the limit of the instance's
// pool from Open to Close; a leaseholder without a keeper is that of a tool, whose limit is fixed.
type leaseholder struct {
	instance string
	home     shard.ID // the shard whose database holds the budget
	holder   lease.Holder
	pool     *pool.Instance
	db       *pool.Database                                 // home's, through the pool
	dial     func(context.Context) (*pgx.ConnConfig, error) // home's, past the pool
	rose     func()                                         // called when the limit has risen; may be nil

	keeper  atomic.Pointer[lease.Keeper]
	changed chan struct{} // has a token when the keeper's state changed
	named   atomic.Bool   // home's database was seen to name itself as the budget's home

	mu   sync.Mutex
	last pool.Stat // at the last Healthy
}

// start begins to hold the lease. The pool is suspended until the server has answered.
func (l *leaseholder) start(cfg Config, o options) error {
	k, err := lease.Start(lease.Config{
		Instance: l.instance, Holder: l.holder, Pool: l, Connections: l, DialTimeout: cfg.connectTimeout(), Log: o.log,
		OnChange: func(lease.State) {
			select {
			case l.changed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	l.keeper.Store(k)
	return nil
}

// await waits until this process has a place in the budget or knows why it has not: because the server did not answer
// as it should, or because ctx ended while all places were taken, or others were asking.
func (l *leaseholder) await(ctx context.Context) error {
	k := l.keeper.Load()
	if k == nil {
		return nil
	}
	for {
		s := k.State()
		switch {
		case s.Mode != lease.NotReady:
			return nil
		case s.Err != nil && !passes(s.Err):
			return s.Err
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return &lease.NotReadyError{Instance: l.instance, Reason: k.State().Reason}
		}
	}
}

// passes reports whether a failed request is one of many at the same moment, as when all processes of a service start
// together: the lock was taken, or the server full. The keeper asks again.
func passes(err error) bool {
	code := pgerr.Code(err)
	return code == "55P03" || code == "53300"
}

// close gives the lease back. The pool is closed by then.
func (l *leaseholder) close(ctx context.Context) error {
	if k := l.keeper.Load(); k != nil {
		return k.Close(ctx)
	}
	return nil
}

// mayDial is asked before every dial.
func (l *leaseholder) mayDial() error {
	if k := l.keeper.Load(); k != nil {
		return k.MayDial()
	}
	return nil
}

// SetLimit implements lease.Pool.
func (l *leaseholder) SetLimit(n int) error {
	before := l.pool.Limit()
	err := l.pool.SetLimit(n)
	if n > before && l.rose != nil {
		l.rose()
	}
	return err
}

// Suspend implements lease.Pool.
func (l *leaseholder) Suspend(reason string) { l.pool.Suspend(reason) }

// Open implements lease.Pool.
func (l *leaseholder) Open() int { return l.pool.Stat().Open }

// Sample implements lease.Pool.
func (l *leaseholder) Sample() budget.Sample { return budget.Sample{Peak: l.pool.Demand()} }

// Healthy implements lease.Pool: since the last call more callers were served than were left waiting or had no server.
func (l *leaseholder) Healthy() bool {
	now := l.pool.Stat()
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.last
	l.last = now
	failed := now.DialErrors - now.DialsFull - (before.DialErrors - before.DialsFull)
	return failed <= now.Acquires-before.Acquires
}

// Borrow implements lease.Connections. That it took a connection is no demand: a process would want one more on every
// server than its callers can use.
func (l *leaseholder) Borrow(ctx context.Context, use func(*pgx.Conn) error) error {
	defer l.pool.Demand()
	conn, err := l.db.Acquire(pool.WithClass(ctx, pool.Control))
	if err != nil {
		return err
	}
	defer conn.Release()
	return l.use(ctx, conn.Conn(), use)
}

// Knock implements lease.Connections.
func (l *leaseholder) Knock(ctx context.Context, use func(*pgx.Conn) error) error {
	cc, err := l.dial(ctx)
	if err != nil {
		return err
	}
	err = lease.Knock(ctx, cc, func(conn *pgx.Conn) error { return l.use(ctx, conn, use) })
	return pgerr.Public(err)
}

// use makes sure, once, that the databases of the server agree on where its budget is.
func (l *leaseholder) use(ctx context.Context, conn *pgx.Conn, use func(*pgx.Conn) error) error {
	if !l.named.Load() {
		database := conn.Config().Database
		if err := lease.CheckHome(ctx, conn, database, database); err != nil {
			return err
		}
		l.named.Store(true)
	}
	return use(conn)
}

// awaitBudget waits for a place on every instance at once and returns what kept it from one, by instance. Only an error
// of ctx is returned as an error: the servers that failed are looked at once more by verify, which says more.
func (db *DB) awaitBudget(ctx context.Context) (map[string]error, error) {
	var mu sync.Mutex
	failed := map[string]error{}
	var wg sync.WaitGroup
	for name, l := range db.leases {
		wg.Go(func() {
			err := l.await(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[name] = err
			}
		})
	}
	wg.Wait()
	f := &openFailure{}
	for _, err := range failed {
		if _, full := errors.AsType[*lease.NotReadyError](err); full {
			f.cluster = append(f.cluster, err)
		}
	}
	return failed, f.err()
}

// explainBudget returns what kept this process from a lease on instances whose shards are all as they should be.
func (db *DB) explainBudget(failed map[string]error) error {
	f := &openFailure{}
	for _, n := range db.sortedNodes() {
		if err := failed[n.instance]; err != nil && n.down.Load() == nil {
			f.cluster = append(f.cluster, fmt.Errorf("instance %s: %w", n.instance, err))
			delete(failed, n.instance)
		}
	}
	return f.err()
}

// closeLeases gives all leases back at once.
func (db *DB) closeLeases() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	var wg sync.WaitGroup
	for name, l := range db.leases {
		wg.Go(func() {
			if err := l.close(ctx); err != nil {
				db.opts.log.Info("keyway: a lease was not given back; it ends by itself", "instance", name, "error", err.Error())
			}
		})
	}
	wg.Wait()
}

// warnBudget tells where the configuration asserts another budget than the servers have. The servers' counts.
func (db *DB) warnBudget() {
	connections, known := 0, true
	for _, s := range db.leaseStates() {
		if s.Renewed.IsZero() {
			known = false
			continue
		}
		connections += s.Budget.Connections
		if err := lease.Assert(s.Instance, s.Budget, 0, db.cfg.Budget.Processes); err != nil {
			db.opts.log.Warn("keyway: the budget on the server is not the configuration's; the server's counts",
				"instance", s.Instance, "error", err.Error())
		}
	}
	if known && len(db.leases) > 0 && connections != db.cfg.Budget.Connections {
		db.opts.log.Warn("keyway: the servers' budgets together are not the configuration's; the servers' count",
			"servers", connections, "configuration", db.cfg.Budget.Connections)
	}
}

// leaseStates are sorted by instance.
func (db *DB) leaseStates() []lease.State {
	var list []lease.State
	for _, name := range db.cfg.instanceNames() {
		if l := db.leases[name]; l != nil {
			if k := l.keeper.Load(); k != nil {
				list = append(list, k.State())
			}
		}
	}
	return list
}

// Ready reports whether statements can be served now, for a readiness probe: nil, or an error that says for every
// instance why this process holds no connection to it, and for every shard why it is down. It asks no server. A process
// that is not ready becomes so by itself; restarting it does not help.
func (db *DB) Ready() error {
	if err := db.open(); err != nil {
		return err
	}
	var reasons []error
	for _, s := range db.leaseStates() {
		if s.Mode == lease.NotReady {
			reasons = append(reasons, &lease.NotReadyError{Instance: s.Instance, Reason: s.Reason})
		}
	}
	for _, n := range db.sortedNodes() {
		reasons = append(reasons, n.check())
	}
	return errors.Join(reasons...)
}

package pool

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Database is one database of an [Instance], reached as one user. Its methods are those of pgxpool and may be
// called from many goroutines.
//
// A statement that cannot get a connection returns [*AcquireTimeoutError], [*QueueFullError], [*ConnectError],
// [*OverloadError], [*NoBudgetError], [ErrClosed] or the context's error, and was not sent then.
type Database struct {
	in       *Instance
	name     string
	shard    string
	conn     *pgx.ConnConfig // never modified; copied for each dial
	front    atomic.Pointer[front]
	password PasswordFunc
	prepare  func(context.Context, *pgx.Conn) error // DatabaseConfig.AfterConnect

	begun  atomic.Int64 // transactions
	failed atomic.Bool  // failures > 0; stored under mu
	trip   roundTrip

	// Guarded by the instance's mu.
	idle      list[resource] // the newest is last; empty while somebody in line may have one
	line      line
	held      list[waiter] // those who wait for the end of a pause
	turns     list[waiter] // those who wait for their key's turn, whichever key
	stat      DatabaseCounters
	acquires  [numClasses]int64
	refusing  trouble
	tenants   map[uint64]*tenant
	former    []*tenant // to be used again
	cursor    spot      // of pumpLocked
	resources map[*resource]struct{}
	lent      int  // resources in use
	dialling  int  // dials in flight; the first so many of line count on them
	missed    bool // a caller was refused because the next dial was too far away
	failures  int  // dials failed in a row
	dialErr   error
	failing   string      // its kind, while failures > 0
	retryAt   time.Time   // no dial before, while failures > 0
	retry     *time.Timer // looks at the queue then; owned by Close, which stops it
}

// Name is the database's name.
func (d *Database) Name() string { return d.name }

// User is the role it is reached as.
func (d *Database) User() string { return d.conn.User }

// Shard is DatabaseConfig.Shard.
func (d *Database) Shard() string { return d.shard }

// Instance is the server it is on.
func (d *Database) Instance() *Instance { return d.in }

// ConnConfig is a copy of what its connections are dialled with, password included.
func (d *Database) ConnConfig() *pgx.ConnConfig { return d.conn.Copy() }

// Acquire takes a connection, waiting for one if need be. The caller must give it back with [Conn.Release].
func (d *Database) Acquire(ctx context.Context) (*Conn, error) {
	return d.ForKey(0).Acquire(ctx)
}

// acquire is Acquire without a handle. A connection that has been idle for long is pinged first; one that does not
// answer is closed and the next one taken.
func (d *Database) acquire(ctx context.Context, key uint64) (*resource, error) {
	for tries := 0; ; tries++ {
		r, stale, err := d.take(ctx, key)
		if err != nil || !stale && !d.in.attended {
			return r, err
		}
		ok, err := r.fit(ctx, stale)
		switch {
		case ok:
			return r, nil
		case err != nil:
			return nil, err
		case tries > maxPings:
			return nil, d.noneFit(tries)
		}
	}
}

// fit makes a connection ready for its holder. When it is not fit for use it is not the caller's any more; without an
// error there may be another one.
func (r *resource) fit(ctx context.Context, stale bool) (ok bool, err error) {
	if stale {
		if ok, err := r.ping(ctx); !ok {
			return false, err
		}
		r.db.in.acquired(r)
	}
	ok, err = r.readied(ctx)
	if ok && r.watched() {
		r.lend()
	}
	return ok, err
}

func (d *Database) noneFit(tries int) error {
	return fmt.Errorf("pool: instance %s: %d connections to database %s in a row did not answer a ping within %s or were "+
		"refused by PrepareConn", d.in.cfg.Name, tries, d.name, d.in.cfg.PingTimeout)
}

// maxPings bounds acquire's loop. New connections are not pinged, so only a burst of breaking ones, or a PrepareConn
// that refuses all, comes near.
const maxPings = 1000

// take takes an idle connection or waits for one.
func (d *Database) take(ctx context.Context, key uint64) (r *resource, stale bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, &waitCanceledError{instance: d.in.cfg.Name, database: d.name, err: err}
	}
	in, c := d.in, Interactive
	if in.cfg.Reserve > 0 { // otherwise the class is only asked for when it comes to waiting
		c = ClassOf(ctx)
	}
	in.mu.Lock()
	if r := d.nextIdleLocked(); r != nil && !in.shut && d.lendAtOnceLocked(r, c, key) {
		stale := in.lendLocked(r, c)
		in.mu.Unlock()
		in.observe(MeasuredWait, d, 0, nil)
		return r, stale, nil
	}
	w, err := d.queueUpLocked(ctx, key)
	in.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	return in.await(ctx, w)
}

// lendAtOnceLocked reports whether a caller may have r, which is idle, and charges it to the caller's class and key
// then. The instance's mu must be held.
func (d *Database) lendAtOnceLocked(r *resource, c Class, key uint64) bool {
	if !d.in.selective {
		return true
	}
	if !d.in.mayHaveLocked(c) {
		return false
	}
	t := d.tenantLocked(key)
	if !d.turnFreeLocked(t) {
		return false
	}
	if t != nil {
		t.admitted++
	}
	d.in.beginUseLocked(r, c, t)
	return true
}

// lendLocked takes an idle connection and reports whether it must be pinged; it counts as acquired after that. mu must
// be held.
func (in *Instance) lendLocked(r *resource, c Class) (stale bool) {
	r.class = c
	stale = in.staleLocked(r)
	in.fromIdleLocked(r)
	in.noteDemandLocked()
	if !stale {
		in.acquiredLocked(r)
	}
	return stale
}

// staleLocked reports whether an idle connection is only believed to live. mu must be held.
func (in *Instance) staleLocked(r *resource) bool {
	return r.suspicion != in.suspicion || in.cfg.PingAfter > 0 && in.clock-r.idleSince >= in.pingTicks
}

// queueUpLocked makes the caller wait, if it may. The instance's mu must be held.
func (d *Database) queueUpLocked(ctx context.Context, key uint64) (*waiter, error) {
	in, w := d.in, newWaiter(d)
	w.class = ClassOf(ctx)
	if err := d.turnAwayLocked(ctx, w); err != nil {
		in.waitedLocked(w, w.since, nil, err)
		w.putAway()
		return nil, err
	}
	in.joinLocked(w, key)
	in.pumpLocked()
	return w, nil
}

// turnAwayLocked is why w may not even wait, or nil. The instance's mu must be held.
func (d *Database) turnAwayLocked(ctx context.Context, w *waiter) error {
	in := d.in
	if err := in.refusalLocked(work); err != nil {
		return err
	}
	if n := in.waiting + in.held + in.capped; in.cfg.MaxWaiting > 0 && n >= in.cfg.MaxWaiting {
		return &QueueFullError{Instance: in.cfg.Name, Waiting: n, Limit: in.limit}
	}
	if in.paused != nil {
		return nil
	}
	if err := d.unreachableLocked(); err != nil {
		return err
	}
	return in.hopelessLocked(ctx, w)
}

// Exec runs sql on one connection, as [pgx.Conn.Exec] does.
func (d *Database) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return d.ForKey(0).Exec(ctx, sql, args...)
}

// Query runs sql on one connection, as [pgx.Conn.Query] does. The connection is given back when the rows are closed,
// which reading them to the end or an error of Scan does too.
func (d *Database) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return d.ForKey(0).Query(ctx, sql, args...)
}

// QueryRow runs sql on one connection, as [pgx.Conn.QueryRow] does. The connection is given back by the row's Scan,
// which must be called.
func (d *Database) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return d.ForKey(0).QueryRow(ctx, sql, args...)
}

// SendBatch sends b on one connection, as [pgx.Conn.SendBatch] does. The connection is given back by the results'
// Close, or by the end of the transaction when b begins one.
func (d *Database) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return d.ForKey(0).SendBatch(ctx, b)
}

// CopyFrom copies rows into a table on one connection, as [pgx.Conn.CopyFrom] does.
func (d *Database) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return d.ForKey(0).CopyFrom(ctx, table, columns, src)
}

// Begin starts a transaction, as [pgx.Conn.Begin] does. The connection is given back by Commit or Rollback.
func (d *Database) Begin(ctx context.Context) (pgx.Tx, error) { return d.ForKey(0).Begin(ctx) }

// BeginTx starts a transaction with options. ctx is for the start alone: its end does not roll back.
func (d *Database) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	return d.ForKey(0).BeginTx(ctx, o)
}

// Ping takes a connection and sends an empty statement over it.
func (d *Database) Ping(ctx context.Context) error {
	r, err := d.acquire(ctx, 0)
	if err != nil {
		return err
	}
	defer r.release()
	return r.conn.Ping(ctx)
}

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
// [*NoBudgetError], [ErrClosed] or the context's error, and was not sent then.
type Database struct {
	in       *Instance
	name     string
	shard    string
	conn     *pgx.ConnConfig // never modified; copied for each dial
	front    atomic.Pointer[front]
	password PasswordFunc
	prepare  func(context.Context, *pgx.Conn) error // DatabaseConfig.AfterConnect

	begun atomic.Int64 // transactions

	// Guarded by the instance's mu.
	idle      idleList // empty while somebody waits in queue
	queue     waitList
	stat      DatabaseCounters
	acquires  [numClasses]int64
	refusing  trouble
	cursor    *waiter // of pumpLocked
	resources map[*resource]struct{}
	lent      int  // resources in use
	dialling  int  // dials in flight; the first so many of queue count on them
	missed    bool // a caller was refused because the next dial was too far away
	failures  int  // dials failed in a row
	dialErr   error
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
	r, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return r.newConn(), nil
}

// acquire is Acquire without a handle. A connection that has been idle for long is pinged first; one that does not
// answer is closed and the next one taken.
func (d *Database) acquire(ctx context.Context) (*resource, error) {
	for tries := 0; ; tries++ {
		r, stale, err := d.take(ctx)
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
		r.db.in.acquired(r, Interactive)
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
func (d *Database) take(ctx context.Context) (r *resource, stale bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, &waitCanceledError{instance: d.in.cfg.Name, database: d.name, err: err}
	}
	in := d.in
	in.mu.Lock()
	if r := d.nextIdleLocked(); r != nil && !in.closing {
		stale := in.lendLocked(r)
		in.mu.Unlock()
		in.observe(MeasuredWait, d, 0, nil)
		return r, stale, nil
	}
	w, err := d.queueUpLocked()
	in.mu.Unlock()
	if err != nil {
		return nil, false, err
	}
	r, err = in.await(ctx, w)
	return r, false, err
}

// lendLocked takes an idle connection and reports whether it must be pinged; it counts as acquired after that. mu must
// be held.
func (in *Instance) lendLocked(r *resource) (stale bool) {
	stale = in.staleLocked(r)
	in.fromIdleLocked(r)
	in.noteDemandLocked()
	if !stale {
		in.acquiredLocked(r, Interactive)
	}
	return stale
}

// staleLocked reports whether an idle connection is only believed to live. mu must be held.
func (in *Instance) staleLocked(r *resource) bool {
	return r.suspicion != in.suspicion || in.cfg.PingAfter > 0 && in.clock-r.idleSince >= in.pingTicks
}

// queueUpLocked makes the caller wait, if it may. The instance's mu must be held.
func (d *Database) queueUpLocked() (*waiter, error) {
	in := d.in
	err := in.refusalLocked(work)
	if err == nil && in.cfg.MaxWaiting > 0 && in.waiting >= in.cfg.MaxWaiting {
		err = &QueueFullError{Instance: in.cfg.Name, Waiting: in.waiting, Limit: in.limit}
	}
	if err != nil {
		in.refusedLocked(Interactive, err)
		return nil, err
	}
	if err := d.unreachableLocked(); err != nil {
		d.unservedLocked(&in.classes[Interactive].Failed, &d.stat.Failed, 0)
		return nil, err
	}
	w := in.enqueueLocked(d)
	in.pumpLocked()
	return w, nil
}

// Exec runs sql on one connection, as [pgx.Conn.Exec] does.
func (d *Database) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r, err := d.acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer r.release()
	return r.exec(ctx, sql, args...)
}

// Query runs sql on one connection, as [pgx.Conn.Query] does. The connection is given back when the rows are closed,
// which reading them to the end or an error of Scan does too.
func (d *Database) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := d.acquire(ctx)
	if err != nil {
		return failedRows{err: err}, err
	}
	rows, err := r.conn.Query(ctx, sql, args...)
	if err != nil {
		r.release()
		return rows, err
	}
	return r.newRows(rows), nil
}

// QueryRow runs sql on one connection, as [pgx.Conn.QueryRow] does. The connection is given back by the row's Scan,
// which must be called.
func (d *Database) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := d.acquire(ctx)
	if err != nil {
		return failedRows{err: err}
	}
	return r.newRow(r.conn.QueryRow(ctx, sql, args...))
}

// SendBatch sends b on one connection, as [pgx.Conn.SendBatch] does. The connection is given back by the results'
// Close, or by the end of the transaction when b begins one.
func (d *Database) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	r, err := d.acquire(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	results := r.sendBatch(ctx, b)
	if results.tx != nil {
		results.tx.set(r)
		watch(results.tx, r)
	} else {
		results.set(r)
		watch(results, r)
	}
	return results
}

// CopyFrom copies rows into a table on one connection, as [pgx.Conn.CopyFrom] does.
func (d *Database) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	r, err := d.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer r.release()
	return r.conn.CopyFrom(ctx, table, columns, src)
}

// Begin starts a transaction, as [pgx.Conn.Begin] does. The connection is given back by Commit or Rollback.
func (d *Database) Begin(ctx context.Context) (pgx.Tx, error) { return d.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a transaction with options. ctx is for the start alone: its end does not roll back.
func (d *Database) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	r, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	t, err := r.beginTx(ctx, o)
	if err != nil {
		r.release()
		return nil, err
	}
	t.set(r)
	watch(t, r)
	return t, nil
}

// Ping takes a connection and sends an empty statement over it.
func (d *Database) Ping(ctx context.Context) error {
	r, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer r.release()
	return r.conn.Ping(ctx)
}

package router

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// ShardDB is one shard by name. Statements are sent as they stand: nothing is read, routed or checked, and nothing is
// sent again. What a statement leaves in its session is reset before anybody else gets the connection; where statements
// go through a pooler in transaction mode, they therefore go to the instance's direct address, and are refused without
// one.
//
// The server still refuses rows whose slot the shard does not own.
type ShardDB struct {
	db   *DB
	node *node
	err  error // the shard does not exist

	observed *observedRun // of what observe mode lets run; nil on a handle that a caller has
}

// Shard returns the shard of that name. For one that does not exist every call returns an error.
func (db *DB) Shard(id shard.ID) *ShardDB {
	n, ok := db.nodes[id]
	if !ok {
		return &ShardDB{
			db: db, err: fmt.Errorf("%sshard %q is not among the shards (%s)", errPrefix, string(id), joined(db.nodes)),
		}
	}
	return &ShardDB{db: db, node: n}
}

// ID returns the shard's name; "" when there is no such shard.
func (s *ShardDB) ID() shard.ID {
	if s.node == nil {
		return ""
	}
	return s.node.id
}

// acquire takes a connection that is reset when it is given back.
func (s *ShardDB) acquire(ctx context.Context) (*pool.Conn, error) {
	if s.err != nil {
		return nil, s.err
	}
	if err := s.node.check(); err != nil {
		return nil, err
	}
	conn, err := s.node.acquireSession(ctx)
	if err != nil || s.observed == nil {
		return conn, s.fail(err)
	}
	if err := s.observed.begin(ctx, s, conn); err != nil {
		conn.ReleaseClean()
		return nil, err
	}
	return conn, nil
}

func (s *ShardDB) fail(err error) error {
	if err == nil {
		return nil
	}
	if s.observed != nil {
		s.db.learnFrom(err)
	}
	return shardError(s.node.id, err)
}

// Exec runs a statement, or several without arguments, on the shard.
func (s *ShardDB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.ReleaseClean()
	tag, err := conn.Exec(ctx, sql, args...)
	return tag, s.fail(err)
}

// Query runs a query on the shard. Its connection is busy until the rows are closed or read to the end.
func (s *ShardDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return failedRows(err), err
	}
	got, err := conn.Query(ctx, sql, args...)
	if err != nil {
		got.Close()
		conn.ReleaseClean()
		err = s.fail(err)
		return failedRows(err), err
	}
	return &shardRows{Rows: got, fail: s.fail, release: sync.OnceFunc(conn.ReleaseClean)}, nil
}

// QueryRow runs a query on the shard. Whatever goes wrong is the error of Scan.
func (s *ShardDB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	got, err := s.Query(ctx, sql, args...)
	if err != nil {
		return failedRow{err}
	}
	return firstRow{got}
}

// SendBatch sends a batch to the shard. Its connection is busy until the results are closed.
func (s *ShardDB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	conn, err := s.acquire(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	sent := unread(b)
	results := &batchResults{BatchResults: conn.SendBatch(ctx, sent), shard: s.node.id, of: b.Len(), queued: b.QueuedQueries, sent: sent}
	if s.observed != nil {
		results.db = s.db
	}
	return &releasingBatch{batchResults: results, release: sync.OnceFunc(conn.ReleaseClean)}
}

type releasingBatch struct {
	*batchResults
	release func()
}

// Close implements pgx.BatchResults.
func (r *releasingBatch) Close() error {
	defer r.release()
	return r.batchResults.Close()
}

// CopyFrom copies rows into a table of the shard, as they are. The server computes the slot.
func (s *ShardDB) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.ReleaseClean()
	quiet := &quietSource{CopyFromSource: src}
	n, err := conn.CopyFrom(ctx, table, columns, quiet)
	switch err = quiet.uncommitted(err); {
	case quiet.err != nil:
		return 0, quiet.err
	case isMisfit(err):
		return 0, quiet.failureOn(ctx, conn, s.node, table, columns, err)
	default:
		return n, s.fail(err)
	}
}

// Begin starts a plain transaction on the shard.
func (s *ShardDB) Begin(ctx context.Context) (pgx.Tx, error) { return s.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a plain transaction on the shard. Its connection is busy until Commit or Rollback.
func (s *ShardDB) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, o)
	if err != nil {
		conn.ReleaseClean()
		return nil, s.fail(err)
	}
	return &shardTx{Tx: tx, release: conn.ReleaseClean}, nil
}

// shardTx gives its connection back when the transaction ends, and does not touch it afterwards: a deferred Rollback
// comes when somebody else has it.
type shardTx struct {
	pgx.Tx
	release func()
	ended   bool
}

// Commit implements pgx.Tx.
func (t *shardTx) Commit(ctx context.Context) error { return t.end(ctx, t.Tx.Commit) }

// Rollback implements pgx.Tx.
func (t *shardTx) Rollback(ctx context.Context) error { return t.end(ctx, t.Tx.Rollback) }

func (t *shardTx) end(ctx context.Context, how func(context.Context) error) error {
	if t.ended {
		return pgx.ErrTxClosed
	}
	t.ended = true
	defer t.release()
	return how(ctx)
}

// PgxPool returns a real pgxpool of at most n connections to the shard, for a library that wants one. Its connections
// count in the budget. Close it before [DB.Close].
func (s *ShardDB) PgxPool(ctx context.Context, n int) (*pgxpool.Pool, error) {
	if s.err != nil {
		return nil, s.err
	}
	if err := s.node.check(); err != nil {
		return nil, err
	}
	sessions, err := s.node.sessions()
	if err != nil {
		return nil, err
	}
	p, err := sessions.PgxPool(ctx, n)
	return p, s.fail(err)
}

// shardRows are rows whose errors name the shard and whose connection is given back once.
type shardRows struct {
	pgx.Rows
	fail    func(error) error
	release func() // nil when somebody else has the connection
}

// Next implements pgx.Rows.
func (r *shardRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Err implements pgx.Rows.
func (r *shardRows) Err() error { return r.fail(r.Rows.Err()) }

// Close implements pgx.Rows.
func (r *shardRows) Close() {
	r.Rows.Close()
	if r.release != nil {
		r.release()
	}
}

// Conn implements pgx.Rows. It is nil for a routed batch, as for routed rows.
func (r *shardRows) Conn() *pgx.Conn {
	if r.release == nil {
		return nil
	}
	return r.Rows.Conn()
}

// Scan implements pgx.Rows.
func (r *shardRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

// firstRow is the pgx.Row of rows.
type firstRow struct{ rows pgx.Rows }

// Scan implements pgx.Row.
func (r firstRow) Scan(dest ...any) error {
	defer r.rows.Close()
	if err := outlives(dest); err != nil {
		return err
	}
	if !r.rows.Next() {
		return cmpErr(r.rows.Err(), ErrNoRows)
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// outlives refuses what would hold on to the connection's buffer after the row is closed, as pgx does.
func outlives(dest []any) error {
	for _, d := range dest {
		if _, ok := d.(*pgtype.DriverBytes); ok {
			return errors.New("cannot scan into *pgtype.DriverBytes from QueryRow")
		}
	}
	return nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

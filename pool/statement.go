package pool

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/batchrows"
	"github.com/keyway-go/keyway/internal/copyguard"
)

// The wrappers here tell a connection that is lost under way from one that was closed before; see [LostError]. Those
// made for a [Database] own the connection too and give it back; those of a [Conn] leave it to the caller.

func (r *resource) exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	closed := r.conn.IsClosed()
	tag, err := r.conn.Exec(ctx, sql, args...)
	return tag, r.explain(err, closed)
}

// Explain tells what err, of a call on [Conn.Conn] itself, means: a connection that was lost under way becomes a
// [LostError], unless wasClosed says that it was closed before the call.
func (c *Conn) Explain(err error, wasClosed bool) error {
	if r := c.peek(); r != nil {
		return r.explain(err, wasClosed)
	}
	return err
}

// tx gives its connection back, if it owns one, when the transaction ends.
type tx struct {
	pgx.Tx
	holder
	on    *resource   // where it runs
	by    *holder     // of on: the transaction itself, or the Conn that it was begun on
	ended atomic.Bool // by Commit or Rollback: the connection may be somebody else's
}

// closed reports whether the connection was closed before a call, as far as that is the transaction's to know: after
// Commit, when a deferred Rollback comes, it must not be looked at.
func (w *tx) closed() bool { return w.ended.Load() || w.Conn().IsClosed() }

// enter is holder.enter for a call in the transaction.
func (w *tx) enter() (*resource, error) {
	if w.ended.Load() {
		return nil, pgx.ErrTxClosed
	}
	r, err := w.by.enter()
	if err == nil && w.ended.Load() {
		w.by.exit(r)
		return nil, pgx.ErrTxClosed
	}
	return r, err
}

func (r *resource) beginTx(ctx context.Context, o pgx.TxOptions) (*tx, error) {
	closed := r.conn.IsClosed()
	t, err := r.conn.BeginTx(ctx, o)
	if err != nil {
		return nil, r.explain(err, closed)
	}
	r.db.begun.Add(1)
	return r.newTx(t), nil
}

// newTx wraps a transaction on r, which it may come to own.
func (r *resource) newTx(t pgx.Tx) *tx {
	w := &tx{Tx: t, on: r}
	w.by = &w.holder
	return w
}

// Begin makes a savepoint, whose calls exclude those of the transaction.
func (w *tx) Begin(ctx context.Context) (pgx.Tx, error) {
	r, err := w.enter()
	if err != nil {
		return nil, err
	}
	defer w.by.exit(r)
	savepoint, err := w.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: savepoint, on: w.on, by: w.by}, nil
}

func (w *tx) Commit(ctx context.Context) error { return w.end(ctx, w.Tx.Commit) }

func (w *tx) Rollback(ctx context.Context) error { return w.end(ctx, w.Tx.Rollback) }

func (w *tx) end(ctx context.Context, f func(context.Context) error) error {
	r, err := w.enter()
	if err != nil {
		return err
	}
	defer w.release()
	defer w.by.exit(r)
	defer w.ended.Store(true)
	closed := w.closed()
	return w.on.explain(f(ctx), closed)
}

func (w *tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r, err := w.enter()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer w.by.exit(r)
	closed := w.closed()
	tag, err := w.Tx.Exec(ctx, sql, args...)
	return tag, w.on.explain(err, closed)
}

func (w *tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := w.enter()
	if err != nil {
		return failedRows{err: err}, err
	}
	defer w.by.exit(r)
	return w.Tx.Query(ctx, sql, args...)
}

func (w *tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := w.enter()
	if err != nil {
		return failedRows{err: err}
	}
	defer w.by.exit(r)
	return w.Tx.QueryRow(ctx, sql, args...)
}

func (w *tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	r, err := w.enter()
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	defer w.by.exit(r)
	closed := w.closed()
	return &batchResults{BatchResults: batchrows.New(w.Tx.SendBatch(ctx, b), ErrRowsLeft), on: w.on, wasClosed: closed}
}

func (w *tx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	r, err := w.enter()
	if err != nil {
		return 0, err
	}
	defer w.by.exit(r)
	return copyguard.Run(ctx, table, columns, src, w.Tx.CopyFrom)
}

func (w *tx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	r, err := w.enter()
	if err != nil {
		return nil, err
	}
	defer w.by.exit(r)
	return w.Tx.Prepare(ctx, name, sql)
}

// batchResults gives its connection back, if it owns one, when it is closed. A transaction that the batch began owns
// it instead.
type batchResults struct {
	pgx.BatchResults
	holder
	tx        *tx
	on        *resource
	wasClosed bool // before the batch was sent
}

func (r *resource) sendBatch(ctx context.Context, b *pgx.Batch) *batchResults {
	closed := r.conn.IsClosed()
	w := &batchResults{BatchResults: batchrows.New(r.conn.SendBatch(ctx, b), ErrRowsLeft), on: r, wasClosed: closed}
	if t := w.BatchResults.Tx(); t != nil {
		w.tx = r.newTx(t)
	}
	return w
}

func (w *batchResults) Exec() (pgconn.CommandTag, error) {
	tag, err := w.BatchResults.Exec()
	return tag, w.on.explain(err, w.wasClosed)
}

func (w *batchResults) Query() (pgx.Rows, error) {
	rows, err := w.BatchResults.Query()
	return rows, w.on.explain(err, w.wasClosed)
}

func (w *batchResults) QueryRow() pgx.Row {
	return &batchRow{Row: w.BatchResults.QueryRow(), of: w}
}

// batchRow explains what its Scan fails with.
type batchRow struct {
	pgx.Row
	of *batchResults
}

func (w *batchRow) Scan(dest ...any) error {
	return w.of.on.explain(w.Row.Scan(dest...), w.of.wasClosed)
}

func (w *batchResults) Close() error {
	defer w.release()
	return w.on.explain(w.BatchResults.Close(), w.wasClosed)
}

func (w *batchResults) Tx() pgx.Tx {
	if w.tx == nil {
		return nil
	}
	return w.tx
}

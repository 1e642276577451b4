package pool

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows gives its connection back when the wrapped rows are closed, by whatever closes them.
type rows struct {
	pgx.Rows
	holder
}

func (w *rows) Close() {
	w.Rows.Close()
	w.release()
}

func (w *rows) Next() bool {
	if w.Rows.Next() {
		return true
	}
	w.Close()
	return false
}

func (w *rows) Scan(dest ...any) error {
	err := w.Rows.Scan(dest...)
	if err != nil {
		w.Close()
	}
	return err
}

func (w *rows) Values() ([]any, error) {
	values, err := w.Rows.Values()
	if err != nil {
		w.Close()
	}
	return values, err
}

// row gives its connection back when it is scanned, also when a Scanner of the caller panics.
type row struct {
	pgx.Row
	holder
}

func (w *row) Scan(dest ...any) error {
	defer w.release()
	return w.Row.Scan(dest...)
}

// tx gives its connection back when the transaction ends.
type tx struct {
	pgx.Tx
	holder
}

func newTx(r *resource, t pgx.Tx) *tx {
	w := &tx{Tx: t}
	w.set(r)
	return w
}

func (w *tx) Commit(ctx context.Context) error {
	defer w.release()
	return w.Tx.Commit(ctx)
}

func (w *tx) Rollback(ctx context.Context) error {
	defer w.release()
	return w.Tx.Rollback(ctx)
}

// batchResults gives its connection back when it is closed, unless the batch began a transaction: then that has it.
type batchResults struct {
	pgx.BatchResults
	holder
	tx *tx
}

func newBatchResults(r *resource, b pgx.BatchResults) *batchResults {
	w := &batchResults{BatchResults: b}
	if t := b.Tx(); t != nil {
		w.tx = newTx(r, t)
	} else {
		w.set(r)
	}
	return w
}

func (w *batchResults) Close() error {
	defer w.release()
	return w.BatchResults.Close()
}

func (w *batchResults) Tx() pgx.Tx {
	if w.tx == nil {
		return nil
	}
	return w.tx
}

// failedRows is the result of a query that got no connection. The embedded interface is nil: it is there so that a
// method which a later pgx adds does not break the build.
type failedRows struct {
	pgx.Rows
	err error
}

func (failedRows) Close()                                       {}
func (f failedRows) Err() error                                 { return f.err }
func (failedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (failedRows) Next() bool                                   { return false }
func (f failedRows) Scan(...any) error                          { return f.err }
func (f failedRows) Values() ([]any, error)                     { return nil, f.err }
func (failedRows) RawValues() [][]byte                          { return nil }
func (failedRows) Conn() *pgx.Conn                              { return nil }
func (failedRows) TypeMap() *pgtype.Map                         { return nil }

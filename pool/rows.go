package pool

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows gives its connection back when the wrapped rows are closed, by whatever closes them.
type rows struct {
	pgx.Rows
	holder
	fields []pgconn.FieldDescription // a copy, made before the connection is given back
}

var errRowsClosed = errors.New("pool: the rows are closed")

func (w *rows) Close() {
	w.Rows.Close()
	w.keepFields()
	w.release()
}

// FieldDescriptions works after Close too, and what it returns stays as it is. pgx keeps them in the connection, whose
// next statement overwrites them.
func (w *rows) FieldDescriptions() []pgconn.FieldDescription {
	w.keepFields()
	return w.fields
}

func (w *rows) keepFields() {
	if r := w.peek(); r != nil && w.fields == nil {
		w.fields = r.ownFields(w.Rows.FieldDescriptions())
	}
}

func (w *rows) Next() bool {
	if w.Rows.Next() {
		return true
	}
	w.Close()
	return false
}

func (w *rows) Scan(dest ...any) error {
	if w.peek() == nil {
		return errRowsClosed // pgx would look into the connection
	}
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

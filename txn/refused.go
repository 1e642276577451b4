package txn

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusedRow is the row of a query that was not sent.
type refusedRow struct{ err error }

func (r refusedRow) Scan(...any) error { return r.err }

// rows are the rows of a query that was not sent. The embedded interface is nil: it is there for methods that pgx may
// add.
type rows struct {
	pgx.Rows
	err error
}

func refusedRows(err error) pgx.Rows { return &rows{err: err} }

func (r *rows) Close()                                       {}
func (r *rows) Err() error                                   { return r.err }
func (r *rows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (r *rows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (r *rows) Next() bool                                   { return false }
func (r *rows) Scan(...any) error                            { return r.err }
func (r *rows) Values() ([]any, error)                       { return nil, r.err }
func (r *rows) RawValues() [][]byte                          { return nil }
func (r *rows) Conn() *pgx.Conn                              { return nil }

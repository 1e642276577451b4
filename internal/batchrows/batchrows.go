// Package batchrows ends the rows of a batch's statement when its turn is over.
//
// pgx reads the first row of a statement before it gives out the rows, and gives it out later too: after the next result
// was asked for, and after Close, from a buffer of the connection in which there may be something else by then.
package batchrows

import (
	"cmp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Results are a batch's results, of which one is read at a time.
type Results struct {
	pgx.BatchResults
	left error                     // what is left of a result says
	last interface{ leave(error) } // the result that ends when another one is asked for; nil before the first
}

// New wraps the results of pgx. Rows that are not read to their end before their turn is over end with left.
func New(results pgx.BatchResults, left error) *Results {
	return &Results{BatchResults: results, left: left}
}

func (r *Results) leaveLast() {
	if r.last != nil {
		r.last.leave(r.left)
	}
}

// Exec implements pgx.BatchResults.
func (r *Results) Exec() (pgconn.CommandTag, error) {
	r.leaveLast()
	return r.BatchResults.Exec()
}

// Query implements pgx.BatchResults.
func (r *Results) Query() (pgx.Rows, error) {
	r.leaveLast()
	got, err := r.BatchResults.Query()
	if err != nil {
		return got, err
	}
	last := &rows{Rows: got}
	r.last = last
	return last, nil
}

// QueryRow implements pgx.BatchResults.
func (r *Results) QueryRow() pgx.Row {
	r.leaveLast()
	last := &row{Row: r.BatchResults.QueryRow()}
	r.last = last
	return last
}

// Close implements pgx.BatchResults.
func (r *Results) Close() error {
	r.leaveLast()
	return r.BatchResults.Close()
}

// rows are the rows of one statement.
type rows struct {
	pgx.Rows
	ended bool
	err   error
}

// leave ends rows that were not read to their end.
func (r *rows) leave(left error) {
	if r.ended {
		return
	}
	r.Close()
	if r.Rows.Err() == nil {
		r.err = left
	}
}

func (r *rows) Next() bool {
	if r.ended {
		return false
	}
	r.ended = !r.Rows.Next()
	return !r.ended
}

func (r *rows) Close() {
	r.ended = true
	r.Rows.Close()
}

func (r *rows) Err() error { return cmp.Or(r.err, r.Rows.Err()) }

// FieldDescriptions implements pgx.Rows. Those of rows that were left may be of somebody else's statement.
func (r *rows) FieldDescriptions() []pgconn.FieldDescription {
	if r.err != nil {
		return nil
	}
	return r.Rows.FieldDescriptions()
}

func (r *rows) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.Rows.Scan(dest...)
}

func (r *rows) Values() ([]any, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.Rows.Values()
}

// RawValues implements pgx.Rows.
func (r *rows) RawValues() [][]byte {
	if r.err != nil {
		return nil
	}
	return r.Rows.RawValues()
}

// row is the first row of one statement.
type row struct {
	pgx.Row
	err error // another result was asked for
}

func (r *row) leave(left error) { r.err = left }

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.Row.Scan(dest...)
}

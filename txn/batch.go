package txn

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// readsResult is the function of a queued query, followed by reading the result where it did not: pgx would call it again,
// for ever.
func readsResult(f func(pgx.BatchResults) error) func(pgx.BatchResults) error {
	if f == nil {
		return nil
	}
	return func(results pgx.BatchResults) error {
		r := &askedResults{BatchResults: results}
		err := f(r)
		if err == nil && !r.asked {
			_, err = results.Exec()
		}
		return err
	}
}

// askedResults knows whether a result was asked for.
type askedResults struct {
	pgx.BatchResults
	asked bool
}

// Exec implements pgx.BatchResults.
func (r *askedResults) Exec() (pgconn.CommandTag, error) {
	r.asked = true
	return r.BatchResults.Exec()
}

// Query implements pgx.BatchResults.
func (r *askedResults) Query() (pgx.Rows, error) {
	r.asked = true
	return r.BatchResults.Query()
}

// QueryRow implements pgx.BatchResults.
func (r *askedResults) QueryRow() pgx.Row {
	r.asked = true
	return r.BatchResults.QueryRow()
}

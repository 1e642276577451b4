// Package copyguard keeps the panic of a source of rows in the goroutine of whoever called CopyFrom.
package copyguard

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Run runs copyFrom with a source that pgx may read on a goroutine of its own. A panic of src there would end the
// process whatever the caller recovers from: it ends the COPY, of which nothing is stored, and goes on in the caller's
// goroutine when the connection is fit for others.
func Run(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
	copyFrom func(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error),
) (int64, error) {
	guarded := &source{src: src}
	n, err := copyFrom(ctx, table, columns, guarded)
	if guarded.panicked != nil {
		panic(guarded.panicked)
	}
	return n, err
}

var errSourcePanicked = errors.New("the source of the rows panicked")

// source keeps a panic of src. It is pgx's until CopyFrom has returned.
type source struct {
	src      pgx.CopyFromSource
	panicked any
}

// keep makes a panic of src an error.
func (s *source) keep(err *error) {
	if p := recover(); p != nil {
		s.panicked, *err = p, errSourcePanicked
	}
}

// Next implements pgx.CopyFromSource.
func (s *source) Next() bool {
	var err error // that of Err
	defer s.keep(&err)
	return s.src.Next()
}

// Values implements pgx.CopyFromSource.
func (s *source) Values() (values []any, err error) {
	defer s.keep(&err)
	return s.src.Values()
}

// Err implements pgx.CopyFromSource.
func (s *source) Err() (err error) {
	if s.panicked != nil {
		return errSourcePanicked
	}
	defer s.keep(&err)
	return s.src.Err()
}

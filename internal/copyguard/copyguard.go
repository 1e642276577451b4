// Package copyguard keeps the panic of a source of rows in the goroutine of whoever called CopyFrom.
package copyguard

import (
	"context"
	"errors"
	"runtime"

	"github.com/jackc/pgx/v5"
)

// Run runs copyFrom with a source that pgx may read on a goroutine of its own. A panic of src there would end the
// process whatever the caller recovers from: it ends the COPY, of which nothing is stored, and goes on in the caller's
// goroutine when the connection is fit for others. runtime.Goexit there, which t.FailNow of a test is, would leave pgx
// waiting for the next row for ever: it ends the COPY with its connection, and then the caller's goroutine.
func Run(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
	copyFrom func(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error),
) (int64, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	guarded := &source{src: src, end: end}
	n, err := copyFrom(ctx, table, columns, guarded)
	switch {
	case guarded.exited:
		runtime.Goexit()
	case guarded.panicked != nil:
		panic(guarded.panicked)
	}
	return n, err
}

var errSourcePanicked = errors.New("the source of the rows panicked")

// source keeps how src ended other than by returning. It is pgx's until CopyFrom has returned.
type source struct {
	src      pgx.CopyFromSource
	end      context.CancelFunc
	panicked any
	exited   bool
}

// keep makes a panic of src an error. After Goexit nothing that is returned here is seen by pgx.
func (s *source) keep(returned *bool, err *error) {
	if *returned {
		return
	}
	*err = errSourcePanicked
	if s.panicked = recover(); s.panicked == nil {
		s.exited = true
		s.end()
	}
}

// Next implements pgx.CopyFromSource.
func (s *source) Next() (more bool) {
	var returned bool
	var err error // that of Err
	defer s.keep(&returned, &err)
	more, returned = s.src.Next(), true
	return more
}

// Values implements pgx.CopyFromSource.
func (s *source) Values() (values []any, err error) {
	var returned bool
	defer s.keep(&returned, &err)
	values, err = s.src.Values()
	returned = true
	return values, err
}

// Err implements pgx.CopyFromSource.
func (s *source) Err() (err error) {
	if s.panicked != nil {
		return errSourcePanicked
	}
	var returned bool
	defer s.keep(&returned, &err)
	err = s.src.Err()
	returned = true
	return err
}

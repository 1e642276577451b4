package migrate

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// bodyError remembers which of the file's statements failed.
type bodyError struct {
	error
	statement int // from 0
}

func (e *bodyError) Unwrap() error { return e.error }

// failed puts the file and the line before an error.
func (s *session) failed(f *file, err error, attempts int) error {
	e := &FileError{Shard: s.target.Shard, File: f.name, Code: code(err), Err: err}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Hint = pg.Hint
		e.Line = f.errorLine(err, int(pg.Position))
	}
	switch {
	case lockTrouble(err):
		e.Hint = fmt.Sprintf("tried %d times; a transaction that holds a lock is in the way (see pg_blocking_pids), "+
			"nothing was changed, and a later run tries again", attempts)
	case e.Code == "25001":
		e.Hint = "put the statement alone in a file with the line -- keyway:" + noTransaction
	}
	return e
}

// errorLine takes PostgreSQL's position, in characters from 1, or the start of
// the statement that failed.
func (f *file) errorLine(err error, position int) int {
	var body *bodyError
	switch {
	case !errors.As(err, &body):
		return 0
	case position > 0:
		runes := []rune(f.body)
		return f.line(len(string(runes[:min(position-1, len(runes))])))
	case body.statement < len(f.statements):
		return f.line(f.statements[body.statement].offset)
	}
	return 0
}

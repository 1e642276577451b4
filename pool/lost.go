package pool

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// LostError says that the connection broke while a statement was under way. The statement may have been executed.
//
// It exists because pgx (5.12) reports such a loss, for statements without arguments and for batches, as "conn closed":
// the error of a connection that was closed before the call, of which [pgconn.SafeToRetry] says that nothing was sent.
// Whoever believes that executes the statement twice.
type LostError struct {
	Instance string
	Err      error // what the read or write failed with
}

func (e *LostError) Error() string {
	return fmt.Sprintf("pool: instance %s: the connection was lost while a statement was under way: %v", e.Instance, e.Err)
}

// Unwrap gives the cause, which is [ErrClosed] when Close ended the connection.
func (e *LostError) Unwrap() error { return e.Err }

// SafeToRetry is false: the server may have executed the statement.
func (e *LostError) SafeToRetry() bool { return false }

// explain replaces pgx's "conn closed" by what really happened, unless the connection was closed before the call.
func (r *resource) explain(err error, wasClosed bool) error {
	if err == nil || wasClosed || !errors.Is(err, pgconn.ErrConnClosed) {
		return err
	}
	return &LostError{Instance: r.db.in.cfg.Name, Err: r.sock.lostBy()}
}

package txn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// reply is what came back for COMMIT. err is nil when it is committed; usable tells whether the connection can serve
// others.
type reply struct {
	err    error
	usable bool
}

// commit sends COMMIT and waits for its reply, for at most timeout. The caller's context has no part in it: giving up
// early can only make a known outcome unknown.
//
// No cancel request may reach the backend meanwhile: one that meets a COMMIT which waits for its synchronous standby
// makes the server report success for something that is only on one disk, and one that meets a deferred constraint
// rolls back what another moment later had been committed. But pgx sends one whenever a call fails (PgConn.asyncClose),
// and the pool when it closes a connection whose backend stays. So COMMIT is sent by pgproto3, where a timeout is only a
// timeout, and the connection is made unable to cancel for as long as the outcome is open. Do not replace this by
// Tx.Commit.
func commit(pg *pgconn.PgConn, timeout time.Duration) reply {
	conn := pg.Conn()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return reply{err: err}
	}
	canCancel := forbidCancel(pg)
	pg.Frontend().SendQuery(&pgproto3.Query{String: "commit"})
	if err := pg.Frontend().Flush(); err != nil {
		return reply{err: fmt.Errorf("send COMMIT: %w", err)}
	}
	r := receive(pg)
	if !r.usable {
		return r
	}
	canCancel()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		r.usable = false
	}
	return r
}

// forbidCancel wipes the secret that a cancel request carries: the server ignores a request with a wrong one. The
// result restores it.
func forbidCancel(pg *pgconn.PgConn) (restore func()) {
	secret := pg.SecretKey() // the connection's own slice
	kept := bytes.Clone(secret)
	clear(secret)
	return func() { copy(secret, kept) }
}

// receive reads up to the end of the reply. Notices may come in any number; the connection's deadline bounds them.
func receive(pg *pgconn.PgConn) reply {
	tag := ""
	var refused error
	for {
		msg, err := pg.ReceiveMessage(context.Background())
		switch {
		case err != nil && tag == "COMMIT":
			return reply{} // the connection broke after it had said so
		case err != nil && refused != nil:
			return reply{err: refused}
		case err != nil:
			return reply{err: fmt.Errorf("receive the reply to COMMIT: %w", notSafe(err))}
		}
		switch msg := msg.(type) {
		case *pgproto3.CommandComplete:
			tag = string(msg.CommandTag)
		case *pgproto3.ErrorResponse:
			refused = pgconn.ErrorResponseToPgError(msg)
		case *pgproto3.ReadyForQuery:
			return judgeTag(tag, refused, msg.TxStatus == 'I')
		}
	}
}

// judgeTag looks at the command tag, since a COMMIT that rolled back is no error to the server.
func judgeTag(tag string, refused error, usable bool) reply {
	switch {
	case refused != nil:
		return reply{err: refused, usable: usable}
	case tag == "COMMIT":
		return reply{usable: usable}
	case tag == "ROLLBACK":
		return reply{err: errors.Join(ErrSwallowed, pgx.ErrTxCommitRollback), usable: usable}
	default:
		return reply{err: fmt.Errorf("the reply to COMMIT is %q", tag)}
	}
}

// notSafe takes off the layer by which ReceiveMessage claims that whatever failed is safe to retry.
func notSafe(err error) error {
	if inner := errors.Unwrap(err); inner != nil && pgconn.SafeToRetry(err) {
		return inner
	}
	return err
}

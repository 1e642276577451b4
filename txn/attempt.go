package txn

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
)

// attempt begins a transaction, calls the function and ends the transaction. Whatever happens, the connection has been
// given back when it returns or panics.
func (t *trial) attempt(ctx context.Context) outcome {
	at, err := t.src.Begin(ctx, t.attempts)
	out := outcome{shard: at.Shard, version: at.MapVersion}
	if err != nil {
		return out.before(err)
	}
	// No statement_timeout is sent along: one that never raises a smaller timeout of the role costs 57 us of the 208 us of
	// an empty transaction, and when ctx ends in a statement, pgx and the pool cancel it on the server.
	pgxTx, err := at.Conn.Conn().BeginTx(ctx, pgx.TxOptions{BeginQuery: t.o.begin()})
	if err != nil {
		at.Conn.Release() // the pool closes it when it is not sound
		return out.before(err)
	}
	tx := newTx(pgxTx, at, t.attempts)
	if err := t.call(ctx, tx, at.Conn); err != nil {
		return out.during(err, t.rollback(ctx, tx, at.Conn), t.o)
	}
	return t.commit(ctx, tx, at.Conn, out)
}

// call runs the function. When it panics or ends its goroutine, the transaction is rolled back on the way; the panic is
// not recovered, so its stack stays whole.
func (t *trial) call(ctx context.Context, tx *Tx, conn *pool.Conn) error {
	returned := false
	defer func() {
		tx.state.ended.Store(true)
		if !returned {
			t.rollback(ctx, tx, conn)
			t.counters.add(func(s *Stat) { s.Failed++; s.Panics++ })
		}
	}()
	err := t.fn(inside(ctx), tx)
	returned = true
	return err
}

// ending is what is known of a transaction's connection when it was rolled back.
type ending uint8

const (
	endedHere   ending = iota // a live connection, still in the transaction
	endedLost                 // the connection was closed already
	endedInside               // a live connection, not in a transaction any more
)

// rollback ends the transaction and gives the connection back. The caller's context may have ended, so it does not
// bound this. A connection on which rows are open, or which does not answer, is closed: the server rolls back.
func (t *trial) rollback(ctx context.Context, tx *Tx, conn *pool.Conn) ending {
	if !deserted(conn) {
		conn.Discard()
		return endedHere
	}
	pg := conn.Conn().PgConn()
	switch {
	case pg.IsClosed():
		conn.Release() // the pool learns that the server ended it
		return endedLost
	case pg.IsBusy():
		conn.Discard()
		return endedHere
	case pg.TxStatus() == 'I':
		conn.Discard()
		return endedInside
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.RollbackTimeout)
	defer cancel()
	_ = tx.Tx.Rollback(ctx) // pgx closes the connection when it fails
	tx.release(conn)
	return endedHere
}

// before judges an error from before the function was called. Nothing was done at all, so a connection that turns out
// to be dead when the transaction begins on it is as good as one that could not be opened.
func (out outcome) before(err error) outcome {
	out.err, out.Judgement = err, pgerr.Judge(err, pgerr.BeforeCommit)
	if out.Verdict == pgerr.RetryTxIfRerunnable {
		out.Verdict = pgerr.RetryLater
	}
	return out
}

// during judges the function's error.
func (out outcome) during(err error, end ending, o Options) outcome {
	out.err, out.Judgement = err, pgerr.Judge(err, pgerr.BeforeCommit)
	var inDoubt *InDoubtError
	switch {
	case end == endedInside:
		out.err, out.Judgement = errors.Join(ErrEndedInside, err), pgerr.Judgement{}
	case errors.As(err, &inDoubt):
		out.Judgement = pgerr.Judgement{} // of an independent transaction inside; it must not be repeated
	case out.Verdict == pgerr.RetryTxIfRerunnable && end != endedLost:
		out.Judgement = pgerr.Judgement{} // a connection was lost, but not this transaction's
	case pgerr.Code(err) == pgerr.ReadOnly && o.Access == pgx.ReadOnly:
		out.Judgement = pgerr.Judgement{} // it was asked for
	}
	return out
}

// commit ends a transaction whose function returned nil.
func (t *trial) commit(ctx context.Context, tx *Tx, conn *pool.Conn, out outcome) outcome {
	if !deserted(conn) {
		conn.Discard()
		out.err, out.Judgement = pool.ErrInUse, pgerr.Judgement{}
		return out
	}
	if err := t.refuseCommit(ctx, conn.Conn().PgConn()); err != nil {
		t.rollback(ctx, tx, conn)
		out.err, out.Judgement = err, pgerr.Judgement{}
		if errors.Is(err, ErrLost) {
			out.Verdict = pgerr.RetryTxIfRerunnable
		}
		return out
	}
	reply := commit(conn.Conn().PgConn(), t.cfg.CommitTimeout)
	if reply.usable || conn.Conn().IsClosed() {
		tx.release(conn)
	} else {
		conn.Discard()
	}
	if reply.err != nil {
		out.err, out.Judgement = reply.err, pgerr.Judge(reply.err, pgerr.AtCommit)
	}
	return out
}

// refuseCommit says why COMMIT must not be sent.
func (t *trial) refuseCommit(ctx context.Context, pg *pgconn.PgConn) error {
	switch {
	case pg.IsClosed():
		if err := context.Cause(ctx); err != nil {
			return errors.Join(ErrLost, err)
		}
		return ErrLost
	case ctx.Err() != nil:
		return ctx.Err()
	case pg.IsBusy():
		return ErrOpenRows
	case pg.TxStatus() == 'E':
		return ErrSwallowed
	case pg.TxStatus() != 'T':
		return ErrEndedInside
	default:
		return nil
	}
}

package pool

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/copyguard"
)

// A Conn is one connection lent to the caller, who alone may use it, until Release, ReleaseClean or Discard: the first
// of them counts and the others then do nothing. Using it afterwards is an error, [ErrReleased], or a panic where a
// method cannot return one. So is using it in two goroutines at the same time, [ErrInUse]; a connection that is released
// while another goroutine is inside a call on it is closed.
type Conn struct{ holder }

// Conn is the pgx connection. It must not be closed, hijacked or kept after the release.
func (c *Conn) Conn() *pgx.Conn { return c.mustHave().conn }

// Database is where the connection leads.
func (c *Conn) Database() *Database { return c.mustHave().db }

func (c *Conn) mustHave() *resource {
	r := c.peek()
	if r == nil {
		panic(ErrReleased.Error())
	}
	return r
}

// Release gives the connection back. It is closed instead of lent again if it is broken, inside a transaction, or has
// unread rows.
func (c *Conn) Release() { c.release() }

// ReleaseClean gives the connection back after DISCARD ALL, for callers that ran statements nobody has read: settings,
// temporary tables, advisory locks, prepared statements and LISTENs of theirs are gone before the next caller gets it.
//
// Behind a pooler with [TransactionPooling] nothing can be cleaned: the connection is closed, and what was left stays on
// a backend that others get. Statements that nobody has read need a database whose address is the server's.
func (c *Conn) ReleaseClean() { c.end((*resource).releaseClean) }

// Discard closes the connection instead of giving it back.
func (c *Conn) Discard() { c.end((*resource).discard) }

// Exec is [pgx.Conn.Exec].
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r, err := c.enter()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer c.exit(r)
	return r.exec(ctx, sql, args...)
}

// Query is [pgx.Conn.Query].
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := c.enter()
	if err != nil {
		return failedRows{err: err}, err
	}
	defer c.exit(r)
	return r.conn.Query(ctx, sql, args...)
}

// QueryRow is [pgx.Conn.QueryRow].
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := c.enter()
	if err != nil {
		return failedRows{err: err}
	}
	defer c.exit(r)
	return r.conn.QueryRow(ctx, sql, args...)
}

// SendBatch is [pgx.Conn.SendBatch].
func (c *Conn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	r, err := c.enter()
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	defer c.exit(r)
	results := r.sendBatch(ctx, b)
	if results.tx != nil {
		results.tx.by = &c.holder
	}
	return results
}

// CopyFrom is [pgx.Conn.CopyFrom].
func (c *Conn) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	r, err := c.enter()
	if err != nil {
		return 0, err
	}
	defer c.exit(r)
	return copyguard.Run(ctx, table, columns, src, r.conn.CopyFrom)
}

// Begin is [pgx.Conn.Begin]. The connection stays the caller's after the transaction.
func (c *Conn) Begin(ctx context.Context) (pgx.Tx, error) { return c.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is [pgx.Conn.BeginTx]. The connection stays the caller's after the transaction.
func (c *Conn) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	r, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer c.exit(r)
	t, err := r.beginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	t.by = &c.holder
	return t, nil
}

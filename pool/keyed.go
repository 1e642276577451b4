package pool

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/copyguard"
)

// Keyed is a [Database] for callers of one key, of whom Config.MaxPerKey have a connection at once. It is a value that
// costs nothing to make.
type Keyed struct {
	db  *Database
	key uint64
}

// ForKey is d for callers of one key, such as a tenant: a hash of it, which is used to tell keys apart and for nothing
// else. Two keys of one hash share a cap. Zero is no key, and without Config.MaxPerKey any key is none.
func (d *Database) ForKey(key uint64) Keyed { return Keyed{db: d, key: key} }

// Acquire is [Database.Acquire] for the key.
func (k Keyed) Acquire(ctx context.Context) (*Conn, error) {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return nil, err
	}
	return r.newConn(), nil
}

// Exec is [Database.Exec] for the key.
func (k Keyed) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer r.release()
	return r.exec(ctx, sql, args...)
}

// Query is [Database.Query] for the key.
func (k Keyed) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return failedRows{err: err}, err
	}
	handed := false
	defer r.releaseUnless(&handed)
	rows, err := r.conn.Query(ctx, sql, args...)
	if err != nil {
		return rows, err
	}
	handed = true
	return r.newRows(rows), nil
}

// QueryRow is [Database.QueryRow] for the key.
func (k Keyed) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return failedRows{err: err}
	}
	handed := false
	defer r.releaseUnless(&handed)
	w := r.newRow(r.conn.QueryRow(ctx, sql, args...))
	handed = true
	return w
}

// SendBatch is [Database.SendBatch] for the key.
func (k Keyed) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	handed := false
	defer r.releaseUnless(&handed)
	results := r.sendBatch(ctx, b)
	handed = true
	if results.tx != nil {
		results.tx.set(r)
		watch(results.tx, r)
	} else {
		results.set(r)
		watch(results, r)
	}
	return results
}

// CopyFrom is [Database.CopyFrom] for the key.
func (k Keyed) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return 0, err
	}
	defer r.release()
	return copyguard.Run(ctx, table, columns, src, r.conn.CopyFrom)
}

// Begin is [Database.Begin] for the key.
func (k Keyed) Begin(ctx context.Context) (pgx.Tx, error) { return k.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is [Database.BeginTx] for the key.
func (k Keyed) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	r, err := k.db.acquire(ctx, k.key)
	if err != nil {
		return nil, err
	}
	handed := false
	defer r.releaseUnless(&handed)
	t, err := r.beginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	handed = true
	t.set(r)
	watch(t, r)
	return t, nil
}

package router

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// KeyDB is a cluster seen through one key: every sharded table in its statements is restricted to the rows of that
// key. Where the text does not pin a table, the predicate is added (and the key's column to an INSERT that leaves it
// out), so that `select count(*) from orders` counts one tenant's orders, and a forgotten condition can never reach
// another tenant's. What is pinned to another key is a [*txn.ShardMismatchError]; what cannot be judged is refused.
//
// It is about rows, not about errors: PostgreSQL may evaluate a condition before it compares the key, on its own just as
// here. A cast or division in a WHERE that other tenants' values do not fit may fail, with such a value in the server's
// text. Row-level security evaluates its condition first; or write the cast inside CASE.
type KeyDB struct {
	db  *DB
	key shard.Key
}

// Exec runs a statement for the handle's key.
func (k *KeyDB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := k.key.Err(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return k.db.exec(ctx, k.key, sql, args)
}

// Query runs a query for the handle's key.
func (k *KeyDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := k.key.Err(); err != nil {
		return failedRows(err), err
	}
	return k.db.query(ctx, k.key, sql, args)
}

// QueryRow runs a query for the handle's key.
func (k *KeyDB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := k.key.Err(); err != nil {
		return failedRow{err}
	}
	return k.db.queryRow(ctx, k.key, sql, args)
}

// SendBatch sends the statements of b, all for the handle's key, as [DB.SendBatch] does.
func (k *KeyDB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := k.key.Err(); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return k.db.sendBatch(ctx, k.key, b)
}

// CopyFrom copies rows of the handle's key. A row of another key is an error, and nothing is copied.
func (k *KeyDB) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	if err := k.key.Err(); err != nil {
		return 0, err
	}
	return k.db.copyFrom(ctx, k.key, table, columns, src)
}

// InTx is [DB.InTx] for the handle's key.
func (k *KeyDB) InTx(
	ctx context.Context, fn func(ctx context.Context, tx *txn.Tx) error, opts ...txn.Options,
) error {
	return k.db.InTx(ctx, k.key, fn, opts...)
}

// Explain is [DB.Explain] for the handle's key.
func (k *KeyDB) Explain(sql string, args ...any) (Plan, error) {
	if err := k.key.Err(); err != nil {
		return Plan{}, err
	}
	return k.db.explain(k.key, sql, args)
}

// Route is [DB.Route] for the handle's key.
func (k *KeyDB) Route() (Route, error) { return k.db.Route(k.key) }

// failedRow is a pgx.Row that has only an error.
type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

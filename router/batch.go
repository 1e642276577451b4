package router

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// BatchError is an error of one statement of a batch. When routing refused it, nothing of the batch was sent.
type BatchError struct {
	Statement int // counted from 1, in the order of Queue
	Of        int
	Err       error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("statement %d of %d in the batch: %v", e.Statement, e.Of, e.Err)
}

// Unwrap gives the cause.
func (e *BatchError) Unwrap() error { return e.Err }

// SendBatch sends the statements of b to one shard in one round trip: they run in one implicit transaction there, and
// the results come in the order of Queue. A batch whose statements belong to several shards is refused, and nothing of
// it is sent. b itself is not changed.
//
// What the batch writes is committed when Close of the results has returned nil. When the reply to a batch that writes is
// lost, the error holds a [*txn.InDoubtError].
func (db *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return db.sendBatch(ctx, contextKey(ctx), b)
}

func (db *DB) sendBatch(ctx context.Context, key shard.Key, b *pgx.Batch) pgx.BatchResults {
	var results batchResults
	routed, n, err := db.routeBatch(ctx, key, b, &results)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	// Not sent again after a guard's refusal: the caller's functions may have seen results already.
	results.BatchResults, results.db, results.shard, results.of = n.db.SendBatch(ctx, routed), db, n.id, routed.Len()
	return &results
}

// routeBatch returns a batch of what is to be sent, and the one shard for it. It notes in results what kind it is.
func (db *DB) routeBatch(
	ctx context.Context, key shard.Key, b *pgx.Batch, results *batchResults,
) (*pgx.Batch, *node, error) {
	snap := db.current.Load()
	results.version = snap.slots.Version()
	routed := &pgx.Batch{}
	var at *node
	var anywhere *node
	for i, q := range b.QueuedQueries {
		c := call{db: db, ctx: ctx, sql: q.SQL, args: q.Arguments, key: key}
		args, err := c.place(snap)
		if err != nil {
			return nil, nil, &BatchError{Statement: i + 1, Of: b.Len(), Err: err}
		}
		switch {
		case c.target == plan.ToAny:
			anywhere = c.node
		case at == nil:
			at = c.node
		case at != c.node:
			return nil, nil, &BatchError{Statement: i + 1, Of: b.Len(), Err: &RefusedError{
				Reason: plan.MixedPlaces.String(), Table: c.plan.KeyTable, Offset: -1,
				Detail: fmt.Sprintf("the statement is for shard %s and those before it are for shard %s", c.node.id, at.id),
				Hint:   "send one batch for each shard, grouped by DB.Route",
			}}
		}
		results.writes = results.writes || !c.plan.ReadOnly
		routed.Queue(c.plan.Text, args...).Fn = q.Fn
	}
	if at == nil {
		at = anywhere
	}
	if at == nil { // an empty batch
		n, err := snap.anyOwner()
		if err == nil {
			err = n.check()
		}
		return routed, n, err
	}
	return routed, at, at.check()
}

// batchResults says which statement an error is of.
type batchResults struct {
	pgx.BatchResults
	db      *DB // nil when nobody has read the statements
	shard   shard.ID
	version uint64 // of the slot map
	writes  bool   // some statement does; false when nobody has read them
	next    int    // statements whose result was asked for
	of      int
}

// public gives an error its public form.
func (r *batchResults) public(err error) error {
	if r.db != nil {
		r.db.learnFrom(err)
	}
	if r.writes {
		return writeError(r.shard, r.version, 1, err)
	}
	return shardError(r.shard, err)
}

func (r *batchResults) fail(err error) error {
	if err == nil {
		return nil
	}
	return &BatchError{Statement: r.next, Of: r.of, Err: r.public(err)}
}

// Exec implements pgx.BatchResults.
func (r *batchResults) Exec() (pgconn.CommandTag, error) {
	r.next++
	tag, err := r.BatchResults.Exec()
	return tag, r.fail(err)
}

// Query implements pgx.BatchResults.
func (r *batchResults) Query() (pgx.Rows, error) {
	r.next++
	got, err := r.BatchResults.Query()
	return &shardRows{Rows: got, fail: r.failure(r.next)}, r.fail(err)
}

// QueryRow implements pgx.BatchResults.
func (r *batchResults) QueryRow() pgx.Row {
	r.next++
	return shardRow{row: r.BatchResults.QueryRow(), fail: r.failure(r.next)}
}

// failure is fail for a statement whose result is read later.
func (r *batchResults) failure(statement int) func(error) error {
	return func(err error) error {
		if err == nil {
			return nil
		}
		return &BatchError{Statement: statement, Of: r.of, Err: r.public(err)}
	}
}

// Close implements pgx.BatchResults. Which statement an error is of is not known here.
func (r *batchResults) Close() error {
	err := r.BatchResults.Close()
	if err == nil {
		return nil
	}
	return r.public(err)
}

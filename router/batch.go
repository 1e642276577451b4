package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
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

// SendBatch sends the statements of b in one round trip, each to its shard, and gives the results in the order of
// Queue. A statement that routing refuses is a [*BatchError], and nothing of the batch is sent then. b itself is not
// changed.
//
// The statements of one shard run in one implicit transaction there. A batch for several shards is not atomic: each
// shard's part commits or rolls back by itself, an error of one leaves the results of the others as they are, and Close
// returns a [*PartialBatchError] when a part that writes was committed and another one was not. [DB.InTx] keeps writes of
// one key together. An argument whose own code panics fails its shard's part there, since others may be committed.
//
// What the batch writes is committed when Close of the results has returned nil. When the reply to a part that writes is
// lost, the error holds a [*txn.InDoubtError].
func (db *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return db.sendBatch(ctx, contextKey(ctx), b)
}

// sendBatch does not send again after a guard's refusal: the caller's functions may have seen results already.
func (db *DB) sendBatch(ctx context.Context, key shard.Key, b *pgx.Batch) pgx.BatchResults {
	parts, err := db.routeBatch(ctx, key, b)
	if err != nil {
		if s := db.observeBatch(ctx, key, b, err); s != nil {
			return s.SendBatch(ctx, b)
		}
		return pgx.FailedBatchResults(b, err)
	}
	if len(parts) > 1 {
		return db.sendSplit(ctx, b, parts)
	}
	p := parts[0]
	p.results.queued = b.QueuedQueries
	p.results.BatchResults = p.node.db.SendBatch(ctx, p.batch)
	return &p.results
}

// batchPart is what one shard gets of a batch.
type batchPart struct {
	node    *node
	batch   *pgx.Batch
	results batchResults
}

// add puts statement i of the caller's batch at the end of the part.
func (p *batchPart) add(i int, r routedQuery) {
	p.batch.Queue(r.text, r.args...)
	p.results.numbers = append(p.results.numbers, i+1)
	p.results.writes = p.results.writes || r.writes
}

// routedQuery is one statement of a batch with its place; node is nil when any will do.
type routedQuery struct {
	node   *node
	text   string
	args   []any
	writes bool
}

// routeBatch divides the batch by shard. The parts are sorted by shard, and there is at least one. What may run
// anywhere runs where the batch goes anyway.
func (db *DB) routeBatch(ctx context.Context, key shard.Key, b *pgx.Batch) ([]*batchPart, error) {
	snap := db.current.Load()
	routed := make([]routedQuery, b.Len())
	var home *node
	byNode := map[*node]*batchPart{}
	for i, q := range b.QueuedQueries {
		c := call{db: db, ctx: ctx, sql: q.SQL, args: q.Arguments, key: key}
		args, err := c.place(snap)
		if err != nil {
			return nil, &BatchError{Statement: i + 1, Of: b.Len(), Err: err}
		}
		routed[i] = routedQuery{text: c.plan.Text, args: args, writes: !c.plan.ReadOnly}
		if c.target != plan.ToAny {
			routed[i].node, home = c.node, c.node
		} else if home == nil {
			home = c.node
		}
	}
	if home == nil { // an empty batch
		var err error
		if home, err = snap.anyOwner(); err != nil {
			return nil, err
		}
	}
	for i := range routed {
		n := cmp.Or(routed[i].node, home)
		p := byNode[n]
		if p == nil {
			p = db.newPart(snap, n, b.Len())
			byNode[n] = p
		}
		p.add(i, routed[i])
	}
	if len(byNode) == 0 {
		byNode[home] = db.newPart(snap, home, 0)
	}
	parts := slices.SortedFunc(maps.Values(byNode), func(a, b *batchPart) int { return cmp.Compare(a.node.id, b.node.id) })
	for _, p := range parts {
		if err := p.node.check(); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (db *DB) newPart(snap *snapshot, n *node, of int) *batchPart {
	batch := &pgx.Batch{}
	return &batchPart{
		node: n, batch: batch,
		results: batchResults{db: db, shard: n.id, version: snap.slots.Version(), of: of, sent: batch},
	}
}

// batchResults says which statement an error is of.
type batchResults struct {
	pgx.BatchResults
	db      *DB // learns from errors; nil when it is not to
	shard   shard.ID
	version uint64 // of the slot map
	writes  bool   // some statement does; false when nobody has read them
	numbers []int  // of the statements in the caller's batch, from 1; nil when they are the same
	sent    *pgx.Batch
	next    int // statements whose result was asked for
	of      int
	rows    *batchRows // of the statement before, when it was asked for by Query
	refused int        // the first statement that its server refused, so that none after it ran; zero when none is known

	queued []*pgx.QueuedQuery // whose functions Close runs; nil for the parts of a batch, where splitBatch does
	closed bool
	err    error // what Close returned
}

// statement is the number of the i-th statement in the caller's batch.
func (r *batchResults) statement(i int) int {
	if i < 1 || i > len(r.numbers) {
		return i
	}
	return r.numbers[i-1]
}

// public gives an error its public form.
func (r *batchResults) public(err error) error {
	if r.db != nil {
		r.db.learnFrom(err)
	}
	if r.writes && !errors.Is(err, pool.ErrRowsLeft) { // which puts nothing in doubt
		return writeError(r.shard, r.version, 1, err)
	}
	return shardError(r.shard, err)
}

// failure is the public form of what the i-th statement's result fails with.
func (r *batchResults) failure(i int, err error) error {
	if err == nil {
		return nil
	}
	shown := r.public(err)
	switch unsent, orLater := r.unsent(err); {
	case unsent > 0 && (unsent != i || orLater):
		shown = &notRunError{after: r.statement(unsent), orLater: orLater, cause: shown}
	case r.refused > 0 && r.refused < i:
		shown = &notRunError{after: r.statement(r.refused), cause: shown}
	case isRefusal(err):
		r.refused = i
	}
	return &BatchError{Statement: r.statement(i), Of: r.of, Err: shown}
}

// isRefusal reports whether err is what the server said of one statement. When a connection is lost, nobody knows how far
// the server came.
func isRefusal(err error) bool { return errors.As(err, new(*pgconn.PgError)) }

// unsent is the statement for which nothing of the batch was sent, 0 for another error: the server could not prepare its
// text, or an argument of it could not be encoded. pgx tells the text, so the second may be true of a later statement that
// has the same.
func (r *batchResults) unsent(err error) (first int, orLater bool) {
	before, ok := errors.AsType[pgx.ErrPreprocessingBatch](err)
	if !ok || r.sent == nil {
		return 0, false
	}
	is := func(q *pgx.QueuedQuery) bool { return q.SQL == before.SQL() }
	first = 1 + slices.IndexFunc(r.sent.QueuedQueries, is)
	return first, first > 0 && !isRefusal(err) && slices.ContainsFunc(r.sent.QueuedQueries[first:], is)
}

// notRunError is of a statement that the server skipped.
type notRunError struct {
	after   int  // the statement that failed
	orLater bool // or a later one of the same text
	cause   error
}

func (e *notRunError) Error() string {
	which := fmt.Sprintf("statement %d", e.after)
	if e.orLater {
		which += ", or a later one of the same text,"
	}
	return fmt.Sprintf("not run, since %s failed: %v", which, e.cause)
}

func (e *notRunError) Unwrap() error { return e.cause }

// lookBack notes what became of rows when the next result has been asked for, which ended them.
func (r *batchResults) lookBack() {
	if r.rows != nil {
		_ = r.rows.Err()
		r.rows = nil
	}
}

// Exec implements pgx.BatchResults.
func (r *batchResults) Exec() (pgconn.CommandTag, error) {
	r.next++
	tag, err := r.BatchResults.Exec()
	r.lookBack()
	return tag, r.failure(r.next, err)
}

// Query implements pgx.BatchResults.
func (r *batchResults) Query() (pgx.Rows, error) {
	r.next++
	got, err := r.BatchResults.Query()
	r.lookBack()
	if err != nil {
		err = r.failure(r.next, err)
		return failedRows(err), err
	}
	i := r.next
	r.rows = &batchRows{shardRows: shardRows{Rows: got, fail: func(err error) error { return r.failure(i, err) }}}
	return r.rows, nil
}

// batchRows are the rows of one statement of a batch.
type batchRows struct {
	shardRows
	err error // of Scan
}

// Scan implements pgx.Rows. That a value does not fit is kept from pgx, which would take it for an error of the batch, and
// not say any more what became of the other statements.
func (r *batchRows) Scan(dest ...any) error {
	if r.err = r.scan(dest); r.err != nil {
		r.Close()
	}
	return r.err
}

func (r *batchRows) scan(dest []any) error {
	if err := r.shardRows.Err(); err != nil { // the connection may be somebody else's
		return err
	}
	if len(dest) == 1 {
		if s, ok := dest[0].(pgx.RowScanner); ok {
			return s.ScanRow(r)
		}
	}
	return pgx.ScanRow(r.Rows.Conn().TypeMap(), r.FieldDescriptions(), r.RawValues(), dest...)
}

// Err implements pgx.Rows.
func (r *batchRows) Err() error { return cmpErr(r.err, r.shardRows.Err()) }

// QueryRow implements pgx.BatchResults.
func (r *batchResults) QueryRow() pgx.Row {
	rows, err := r.Query()
	if err != nil {
		return failedRow{err}
	}
	return firstRow{rows}
}

// Close implements pgx.BatchResults. Which statement an error is of is not known here. What a function returned is
// returned as it is: the shard had no part in it.
func (r *batchResults) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	called := false
	defer func() {
		if !called { // a function panics
			_ = r.BatchResults.Close()
		}
	}()
	r.err = callFunctions(r.queued, &r.next, r)
	called = true
	if err := r.BatchResults.Close(); err != nil {
		r.err = r.public(err)
	}
	return r.err
}

// callFunctions runs the functions of the statements whose results were not asked for, in the order of Queue until one
// returns an error. A result that a function does not ask for is dropped, so that the next one does not find it instead of
// its own.
func callFunctions(queued []*pgx.QueuedQuery, next *int, results pgx.BatchResults) (err error) {
	for err == nil && *next < len(queued) {
		at := *next
		if f := queued[at].Fn; f != nil {
			err = f(results)
		}
		if err == nil && *next == at {
			_, err = results.Exec()
		}
	}
	return err
}

// unread is b without its functions, which [batchResults] runs.
func unread(b *pgx.Batch) *pgx.Batch {
	queries := make([]pgx.QueuedQuery, b.Len())
	list := make([]*pgx.QueuedQuery, b.Len())
	for i, q := range b.QueuedQueries {
		queries[i] = pgx.QueuedQuery{SQL: q.SQL, Arguments: q.Arguments}
		list[i] = &queries[i]
	}
	c := *b
	c.QueuedQueries = list
	return &c
}

package txn

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/batchrows"
	"github.com/keyway-go/keyway/internal/copyguard"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// Tx is the transaction that a function gets from [Runner.Run]. It is a pgx.Tx, so what takes one (sqlc's DBTX, scany)
// takes it. Statements are checked by the source before they are sent, which may refuse them, with
// [*ShardMismatchError] for another key's; a refused statement leaves the transaction usable.
//
// Commit and Rollback return [ErrManaged] but on a savepoint made by Begin. After the function has returned, every
// method returns pgx.ErrTxClosed, or panics where it has no error to return.
//
// It is for one goroutine: a call that comes while another is inside one gets [pool.ErrInUse], and when the function
// returns while a goroutine of its still is, the transaction is rolled back with that error.
type Tx struct {
	pgx.Tx

	state *state
	depth int // of savepoints; 0 is the transaction itself
}

// state is shared by a transaction and its savepoints.
type state struct {
	Attempt

	number int

	// ended is set when the function has returned: the connection then belongs to someone else.
	ended atomic.Bool

	// exposed is set when the function took the connection itself, and so may have run what nobody has read.
	exposed atomic.Bool
}

func newTx(tx pgx.Tx, at Attempt, number int) *Tx {
	return &Tx{Tx: tx, state: &state{Attempt: at, number: number}}
}

// Shard returns the shard the transaction is on.
func (tx *Tx) Shard() shard.ID { return tx.state.Shard }

// MapVersion returns the version of the slot map that chose the shard.
func (tx *Tx) MapVersion() uint64 { return tx.state.MapVersion }

// Attempt returns which attempt this is, counted from 1.
func (tx *Tx) Attempt() int { return tx.state.number }

// Conn gives the connection itself, whose statements nobody checks. Before others get it, everything that is left of
// them (settings, temporary tables, session locks) is discarded, and its prepared statements with it.
func (tx *Tx) Conn() *pgx.Conn {
	if tx.state.ended.Load() {
		panic("txn: Tx.Conn was called after the transaction's function had returned: the connection serves others now")
	}
	tx.state.exposed.Store(true)
	return tx.Tx.Conn()
}

// release gives the connection back, cleaned when statements ran on it that nobody had read.
func (tx *Tx) release(conn *pool.Conn) {
	if tx.state.Statements == nil || tx.state.exposed.Load() {
		conn.ReleaseClean()
		return
	}
	conn.Release()
}

// enter keeps other goroutines out until leave: two at once would send each other's parameters.
func (tx *Tx) enter() error {
	entered := tx.state.Conn.TryLock()
	switch {
	case tx.state.ended.Load():
		if entered {
			tx.leave()
		}
		return pgx.ErrTxClosed
	case !entered:
		return pool.ErrInUse
	}
	return nil
}

func (tx *Tx) leave() { tx.state.Conn.Unlock() }

// deserted reports whether no goroutine that the function has left behind is inside a call. None gets in any more.
func deserted(conn *pool.Conn) bool {
	free := conn.TryLock()
	if free {
		conn.Unlock()
	}
	return free
}

// check judges a statement before it is sent.
func (tx *Tx) check(ctx context.Context, sql string, args []any) (string, []any, error) {
	if tx.state.Statements == nil {
		return sql, args, nil
	}
	return tx.state.Statements.Check(ctx, sql, args)
}

// Exec checks sql and sends it.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := tx.enter(); err != nil {
		return pgconn.CommandTag{}, err
	}
	defer tx.leave()
	sql, args, err := tx.check(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return tx.Tx.Exec(ctx, sql, args...)
}

// Query checks sql and sends it. The rows must be closed before the next statement, as with pgx.
func (tx *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := tx.enter(); err != nil {
		return refusedRows(err), err
	}
	defer tx.leave()
	sql, args, err := tx.check(ctx, sql, args)
	if err != nil {
		return refusedRows(err), err
	}
	got, err := tx.Tx.Query(ctx, sql, args...)
	return &openRows{Rows: got, state: tx.state}, err
}

// QueryRow checks sql and sends it. An error comes from Scan.
func (tx *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := tx.enter(); err != nil {
		return refusedRow{err}
	}
	defer tx.leave()
	sql, args, err := tx.check(ctx, sql, args)
	if err != nil {
		return refusedRow{err}
	}
	return tx.Tx.QueryRow(ctx, sql, args...)
}

// SendBatch checks each statement of b and sends it; if one is refused, nothing is sent. b itself is not changed, so that
// one that was made outside the function may be sent by each attempt.
func (tx *Tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := tx.enter(); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	defer tx.leave()
	checked := *b
	checked.QueuedQueries = make([]*pgx.QueuedQuery, b.Len())
	for i, q := range b.QueuedQueries {
		sql, args, err := tx.check(ctx, q.SQL, q.Arguments)
		if err != nil {
			return pgx.FailedBatchResults(b, fmt.Errorf("statement %d of the batch: %w", i+1, err))
		}
		checked.QueuedQueries[i] = &pgx.QueuedQuery{SQL: sql, Arguments: args, Fn: readsResult(q.Fn)}
	}
	return &openBatch{BatchResults: batchrows.New(tx.Tx.SendBatch(ctx, &checked), pool.ErrRowsLeft), state: tx.state}
}

// CopyFrom copies rows into table. Where statements are checked, each row is; see [CopyChecker]. An error of rows is
// returned as it is.
func (tx *Tx) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource,
) (int64, error) {
	if err := tx.enter(); err != nil {
		return 0, err
	}
	defer tx.leave()
	if tx.state.Statements != nil {
		checker, ok := tx.state.Statements.(CopyChecker)
		if !ok {
			return 0, ErrCopy
		}
		var err error
		if columns, rows, err = checker.CheckCopy(ctx, table, columns, rows); err != nil {
			return 0, err
		}
	}
	source := &copySource{CopyFromSource: rows}
	n, err := copyguard.Run(ctx, table, columns, source, tx.Tx.CopyFrom)
	if err != nil && source.err != nil {
		return n, source.err
	}
	return n, err
}

// copySource remembers why the rows ended. pgx tells the server, and what comes back is the server's error with the
// reason quoted in its text, which neither errors.As nor a person can tell from a cancelled query.
type copySource struct {
	pgx.CopyFromSource
	err error
}

func (s *copySource) Values() ([]any, error) {
	values, err := s.CopyFromSource.Values()
	s.note(err)
	return values, err
}

func (s *copySource) Err() error {
	err := s.CopyFromSource.Err()
	s.note(err)
	return err
}

func (s *copySource) note(err error) {
	if err != nil && s.err == nil {
		s.err = err
	}
}

// Prepare is refused with [ErrPrepare] where statements are checked.
func (tx *Tx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := tx.enter(); err != nil {
		return nil, err
	}
	defer tx.leave()
	if tx.state.Statements != nil {
		return nil, ErrPrepare
	}
	return tx.Tx.Prepare(ctx, name, sql)
}

// LargeObjects gives the database's large objects. They belong to no key, so it panics where statements are checked.
func (tx *Tx) LargeObjects() pgx.LargeObjects {
	if tx.state.Statements != nil {
		panic("txn: large objects belong to no shard key; use a transaction on a named shard for them")
	}
	return tx.Tx.LargeObjects()
}

// Begin makes a savepoint. The result is a [*Tx] whose statements are checked like those of the transaction, and whose
// Commit and Rollback end the savepoint. After a serialization failure a savepoint does not help: return the error.
func (tx *Tx) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := tx.enter(); err != nil {
		return nil, err
	}
	defer tx.leave()
	sp, err := tx.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &Tx{Tx: sp, state: tx.state, depth: tx.depth + 1}, nil
}

// Commit releases a savepoint. On the transaction itself it returns [ErrManaged].
func (tx *Tx) Commit(ctx context.Context) error {
	if err := tx.managed(); err != nil {
		return err
	}
	if err := tx.enter(); err != nil {
		return err
	}
	defer tx.leave()
	return tx.Tx.Commit(ctx)
}

// Rollback rolls back to a savepoint. On the transaction itself it returns [ErrManaged].
func (tx *Tx) Rollback(ctx context.Context) error {
	if err := tx.managed(); err != nil {
		return err
	}
	if err := tx.enter(); err != nil {
		return err
	}
	defer tx.leave()
	return tx.Tx.Rollback(ctx)
}

func (tx *Tx) managed() error {
	switch {
	case tx.state.ended.Load():
		return pgx.ErrTxClosed
	case tx.depth == 0:
		return ErrManaged
	default:
		return nil
	}
}

package txn

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// Source finds the place of a transaction. It is asked anew for each attempt, so that a key whose slot has moved is
// found at its new shard.
type Source interface {
	// Begin takes a connection to the shard. attempt counts from 1. Run begins and ends the transaction and gives the
	// connection back. An error here is judged like one before COMMIT: what cannot be reached is tried again, at the
	// expense of the Attempt's Shard when that is set all the same.
	Begin(ctx context.Context, attempt int) (Attempt, error)
}

// Attempt is where one attempt runs.
type Attempt struct {
	Conn       *pool.Conn
	Shard      shard.ID
	MapVersion uint64     // of the slot map that chose the shard; for errors and Tx.MapVersion
	Statements Statements // nil: statements are sent unchecked, and the connection is cleaned (DISCARD ALL) afterwards
}

// Statements judges the statements of one transaction before they are sent.
type Statements interface {
	// Check returns what to send in place of sql and args, mostly both as they are, or an error such as
	// [*ShardMismatchError], which refuses the statement and leaves the transaction usable. It must refuse text that
	// ends or begins a transaction. args are as the caller gave them to Exec, pgx options included.
	Check(ctx context.Context, sql string, args []any) (string, []any, error)
}

// CopyChecker is the optional ability of [Statements] to judge a COPY. Without it CopyFrom is refused.
type CopyChecker interface {
	// CheckCopy returns the columns and rows to send in place of the given ones. The returned source refuses, from its
	// Err, a row that does not belong to the transaction.
	CheckCopy(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (
		[]string, pgx.CopyFromSource, error)
}

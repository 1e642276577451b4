// Package txn runs a function inside one PostgreSQL transaction on one shard, and runs it again when that is known to
// be safe.
//
//	err := runner.Run(ctx, source, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
//		_, err := tx.Exec(ctx, "update accounts set abalance = abalance + $1 where aid = $2", delta, aid)
//		return err
//	})
//
// Users of the router call its InTx, which is Run with a source that finds the shard of a key.
//
// # When the function runs again
//
// The whole function, on a new transaction, after: a serialization failure or a deadlock (the server rolled back); a
// lock that was not available; a server that was full, starting, or could not be reached before the function began; a
// shard that does not own the row's slot any more (the source is asked for the shard again). After a connection that
// was lost in the middle only with [Options.Rerunnable]: the server rolls back, but what the function did elsewhere it
// did. So the function must keep its effects inside the transaction, or be able to repeat them.
//
// Never after an error of the function itself, and never when the reply to COMMIT was lost: that is [*InDoubtError].
// The rules are one table, in internal/pgerr.
//
// Retries are limited by number, by the context's deadline, and by a budget for each shard, so that a shard in trouble
// gets at most about a tenth more work. Waits are drawn between zero and a bound that doubles (full jitter).
//
// # What the function gets
//
// A [*Tx], which is a pgx.Tx whose statements are checked by the source before they are sent. It must not be used after
// the function returns, and only by one goroutine at a time, as pgx has it.
//
// Return the error of each statement. A function that goes on after an error and returns nil has its transaction
// rolled back by the server, and gets [ErrSwallowed].
package txn

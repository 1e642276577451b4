package txn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

var (
	// ErrInDoubt is matched by every [*InDoubtError].
	ErrInDoubt = errors.New("txn: the transaction is in doubt")

	// ErrNested refuses a Run whose context comes from the function of another Run.
	ErrNested = errors.New("txn: a transaction was started inside another: use the *txn.Tx the function was given " +
		"(its Begin makes a savepoint), or txn.Independent(ctx) for a transaction that commits on its own")

	// ErrSwallowed says that a statement failed and the function returned nil all the same. It was rolled back.
	ErrSwallowed = errors.New("txn: rolled back: a statement of the transaction failed, but the function returned nil; " +
		"return the error of each statement, or use tx.Begin for a part that may fail")

	// ErrManaged is what Commit and Rollback of the [Tx] return: the function's result decides.
	ErrManaged = errors.New("txn: the transaction is committed when the function returns nil and rolled back when it " +
		"returns an error; do not call Commit or Rollback inside")

	// ErrOpenRows says that the function returned before it had read or closed the rows of a query. It was rolled back.
	ErrOpenRows = errors.New("txn: rolled back: the function returned with rows open; close them before it returns")

	// ErrEndedInside says that the transaction had ended before the function returned, by a COMMIT or ROLLBACK sent as
	// text. Whether its work is committed only the function knows. It is never run again.
	ErrEndedInside = errors.New("txn: the function ended the transaction by SQL text of its own; " +
		"whether its work is committed only the function knows")

	// ErrLost says that the connection was lost before COMMIT was sent. Nothing is committed. With Options.Rerunnable the
	// function is run again.
	ErrLost = errors.New("txn: rolled back: the connection was lost before COMMIT")

	// ErrPrepare is what Prepare of a checked [Tx] returns.
	ErrPrepare = errors.New("txn: Prepare is refused, because a statement is routed by its text and arguments; " +
		"send the text, pgx prepares it by itself")

	// ErrCopy is what CopyFrom returns when the source of the transaction cannot judge the rows.
	ErrCopy = errors.New("txn: CopyFrom is refused in this transaction, because nothing checks that the rows " +
		"belong to its shard")
)

// InDoubtError says that COMMIT was sent and its reply was lost: the transaction is committed or it is not. It is
// never run again. Look for its effect, or repeat it with an idempotency key. [errors.Is] matches [ErrInDoubt], and
// [errors.As] reaches the connection's error.
type InDoubtError struct {
	Shard      shard.ID
	MapVersion uint64 // of the slot map that chose the shard
	Attempt    int    // counted from 1; earlier ones are known to be rolled back
	Err        error  // what came in place of the reply
}

// Error implements error.
func (e *InDoubtError) Error() string {
	return fmt.Sprintf("txn: shard %s: in doubt: COMMIT was sent but its reply was lost, so it may or may not be "+
		"committed; look before you repeat it: %v", e.Shard, e.Err)
}

// Unwrap returns Err.
func (e *InDoubtError) Unwrap() error { return e.Err }

// Is matches ErrInDoubt.
func (e *InDoubtError) Is(target error) bool { return target == ErrInDoubt }

// GaveUpError says that a transaction could have been run again but was not. Nothing is committed.
type GaveUpError struct {
	Shard    shard.ID
	Attempts int   // how often it was tried
	Why      Limit // what forbade another attempt
	Err      error // how the last attempt ended
}

// Error implements error.
func (e *GaveUpError) Error() string {
	where := ""
	if e.Shard != "" { // a source may fail before it knows
		where = fmt.Sprintf("shard %s: ", e.Shard)
	}
	return fmt.Sprintf("txn: %sgave up after %d attempt(s), %s: %v", where, e.Attempts, e.Why, e.Err)
}

// Unwrap returns Err.
func (e *GaveUpError) Unwrap() error { return e.Err }

// Limit is what ended the retries of a [GaveUpError].
type Limit string

// The limits of retrying.
const (
	LimitAttempts Limit = "the most there are"
	LimitDeadline Limit = "no time for another before the deadline"
	LimitBudget   Limit = "the shard's retry budget is spent"
	LimitReroute  Limit = "the map did not say in time where the slot is now"
)

// ShardMismatchError refuses a statement that is for another key than the transaction (or the scoped handle) it was
// sent on. Nothing was sent. Slots of one shard may part at any time, so another key is refused even where it happens
// to be on the same shard today.
type ShardMismatchError struct {
	Table             string   // the table whose key decided
	Columns           []string // its key columns; none of a home table, which is on another shard
	Want, Got         shard.ID // the transaction's shard, the statement's shard; Got is empty when unknown
	WantSlot, GotSlot shard.Slot
}

// Error implements error.
func (e *ShardMismatchError) Error() string {
	if len(e.Columns) == 0 {
		return fmt.Sprintf("keyway: the statement is for the home table %s on shard %s, but it was sent on a handle for slot "+
			"%d on shard %s; send it by itself, outside this transaction", e.Table, e.Got, e.WantSlot, e.Want)
	}
	got := "another key"
	if e.Got != "" {
		got = fmt.Sprintf("slot %d on shard %s", e.GotSlot, e.Got)
	}
	return fmt.Sprintf("keyway: the statement is for %s (table %s, key %s), but it was sent on a handle for slot %d on "+
		"shard %s; send it on its own key's handle", got, e.Table, strings.Join(e.Columns, ", "), e.WantSlot, e.Want)
}

package merge

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Source is what is read from one shard. A [pgx.Rows] is one.
//
// [pgx.Rows]: https://pkg.go.dev/github.com/jackc/pgx/v5#Rows
type Source interface {
	Next() bool
	RawValues() [][]byte
	FieldDescriptions() []pgconn.FieldDescription
	TypeMap() *pgtype.Map
	Err() error
	Close()
}

// Input is one shard's share of a statement. Its methods are called on a goroutine that belongs to the merge, in the
// order Open, Release. An input that is no [Canceler] is read to its end when its rows are not wanted any more.
type Input interface {
	// Shard is the shard's name in errors.
	Shard() string
	// Open sends the statement. When it returns an error the source is not looked at.
	Open(ctx context.Context) (Source, error)
	// Release is called exactly once for every input given to this package, after the source was closed, also when Open
	// failed or was never called.
	Release()
}

// Sender is an [Input] that can send its statement without waiting for the answer.
type Sender interface {
	// Send sends the statement where that needs no answer, and reports whether it did; Open then only waits for the
	// answer, and what failed is its error. It is called by the caller of this package, before Open.
	Send(ctx context.Context) bool
}

// Canceler is an [Input] that can ask its server to stop.
type Canceler interface {
	// Cancel asks the server to stop a running Open, or the Next or Close of its source. It is called from any goroutine,
	// possibly before Open, and again after a pause while the input does not end, since a request can arrive before the
	// statement it means. It is never called after Release, and Release waits for it: it must return only when the
	// request can no longer reach a later statement of the connection.
	Cancel()
}

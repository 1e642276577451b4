package merge

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

const (
	defaultPrefetch = 64 << 10
	defaultBudget   = 64 << 20
	defaultGrace    = 5 * time.Millisecond
)

// Options of a merge. The zero value reads all inputs at once and gives out every row.
type Options struct {
	// Offset rows are dropped from the front of the merged rows.
	Offset int64
	// Limit of the rows that are given out after the offset. The zero value is no limit.
	Limit Limit
	// WithTies also gives out the rows that sort equal to the last one within the limit. It needs an order.
	WithTies bool
	// Hidden is the number of trailing columns that exist for sorting only and are not given out.
	Hidden int

	// Cut says that each input was asked for no more rows than this: one that gave so many may have more. Rows are then
	// held, Prefetch for each input, until every input has ended, and the merge fails with [ErrCut] before the first is
	// given out unless offset and limit are filled without more. Zero is no cut. It is for [Ordered] with a limit and
	// without ties.
	Cut int64

	// Wave is the most inputs that are open at once. Zero is all of them. With fewer than there are inputs, an ordered
	// merge holds the rows of every input under Budget before it gives out the first; a concatenation does not.
	Wave int
	// Together gives out no row before each input has its first one, or none, so that what fails until then can be tried
	// again. It is for inputs that are all open at once.
	Together bool
	// First is the index of the input whose statement is sent before the others' with Together: what takes longest should
	// begin first. The others follow in turn, those before it last.
	First int
	// Prefetch is the bytes that wait for the caller, for each input. Zero means 64 KiB.
	Prefetch int
	// Budget is the bytes that a merge may hold where it has to hold rows. Zero means 64 MiB. Past it the merge fails
	// with [*TooLargeError].
	Budget int64
	// Grace is how long the other inputs may take to end by themselves, once a limit is reached, an input has failed, or
	// the caller closed, before they are cancelled. Zero means 5ms: cancelling costs the server a connection.
	Grace time.Duration

	// Types decodes the values. Nil means that of the first input's source, whose Release then waits for the end of the
	// merged rows; where inputs are opened in waves nil means pgx's default types. Nobody else may use Types meanwhile.
	Types *pgtype.Map
	// CompareTypes says what differs between the types of two inputs, given by their index, or "". It is asked for types
	// that somebody made, whose numbers mean nothing in another database. Nil means that the numbers tell.
	CompareTypes func(a int, oidA uint32, b int, oidB uint32) string
}

// Limit is a number of rows, or none.
type Limit struct {
	rows int64
	set  bool
}

// AtMost is a limit of n rows; it panics when n is negative.
func AtMost(n int64) Limit {
	if n < 0 {
		panic("merge: a limit must not be negative")
	}
	return Limit{rows: n, set: true}
}

func (o Options) withDefaults(inputs int) Options {
	if o.Wave <= 0 || o.Wave > inputs {
		o.Wave = inputs
	}
	o.Together = o.Together && o.Wave == inputs
	if o.Prefetch <= 0 {
		o.Prefetch = defaultPrefetch
	}
	if o.Budget <= 0 {
		o.Budget = defaultBudget
	}
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	return o
}

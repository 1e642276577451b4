package merge

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Rows are the rows of all inputs as one result. It is a [pgx.Rows]: it must be closed, or read to its end, and only one
// goroutine may use it. What fails on a shard is in Err as [*ShardError].
type Rows struct {
	pgx.Rows // nil; methods that a later pgx adds must not break the build

	ctx   context.Context
	opt   Options
	pumps []pump
	from  sequence

	// holding says that pumps keep everything they read, under the budget, because later inputs wait for their turn.
	holding bool
	// lender is the index of the input whose connection owns types, which is given back last; -1 when there is none.
	lender int

	mu        sync.Mutex
	fields    []pgconn.FieldDescription // fixed once known is closed
	described int                       // the input whose fields they are; -1 before
	widened   []int                     // fields with another type modifier in another input
	failed    error                     // what happened first
	finishing bool                      // what happens from here on is of no interest

	silent   int           // inputs without columns so far. Guarded by mu
	types    *pgtype.Map   // written before known is closed
	known    chan struct{} // closed when fields and types are
	stop     chan struct{} // closed when no more rows are wanted
	stopped  atomic.Bool
	wake     chan struct{} // a signal that the pump waited for has rows or has ended, or that the merge has stopped
	waitsFor atomic.Int32  // the index of that pump, nothing or anything
	inputs   int           // their number
	next     atomic.Int32  // the input to be opened next
	spare    atomic.Int32  // goroutines that are not started yet; see spread
	late     *time.Timer   // starts guard; nil where the caller reads nothing itself
	guarded  chan struct{} // closed when guard has ended
	charged  atomic.Int64  // bytes held
	live     atomic.Int32  // inputs that have not ended
	ended    chan struct{} // closed when live is 0

	// The caller's side.
	row     [][]byte
	skipped int64
	given   int64
	lastKey []byte // of the last row within the limit
	closed  bool
	err     error
	plans   scanPlans
}

// sequence is an order in which rows of several pumps are given out.
type sequence interface {
	// prepare is called once, when the columns are known.
	prepare(r *Rows) error
	// advance returns the next row, valid until the next call; false when there is none or the merge has failed.
	advance(r *Rows) ([][]byte, bool)
	// key is that of the row that advance returned.
	key() []byte
}

func newRows(ctx context.Context, inputs []Input, from sequence, opt Options) *Rows {
	if len(inputs) == 0 {
		panic("merge: no inputs")
	}
	opt = opt.withDefaults(len(inputs))
	r := &Rows{
		ctx: ctx, opt: opt, pumps: make([]pump, len(inputs)), from: from,
		lender: -1, described: -1, types: opt.Types,
		known: make(chan struct{}), stop: make(chan struct{}), wake: make(chan struct{}, 1), ended: make(chan struct{}),
		inputs: len(inputs), guarded: make(chan struct{}),
	}
	switch {
	case r.types != nil:
	case opt.Wave < len(inputs):
		r.types = pgtype.NewMap()
	default:
		r.lender = 0
	}
	r.waitsFor.Store(nothing)
	r.live.Store(int32(len(inputs)))
	r.spare.Store(int32(opt.Wave))
	r.silent = len(inputs)
	for i, in := range inputs {
		r.pumps[i] = pump{rows: r, index: i, in: in, room: make(chan struct{}, 1)}
	}
	return r
}

// Next implements [pgx.Rows]. It panics with what an argument's own code panicked with on a goroutine of the merge, when
// every input has been given back, and ends its goroutine where that code has ended one.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	if r.step() {
		return true
	}
	r.Close()
	if p, ok := errors.AsType[*PanicError](r.err); ok {
		p.again()
	}
	return false
}

// step moves to the next row that is given out.
func (r *Rows) step() bool {
	if r.given == 0 && r.skipped == 0 && !r.prepare() {
		return false
	}
	for ; r.skipped < r.opt.Offset; r.skipped++ {
		if _, ok := r.from.advance(r); !ok {
			return false
		}
	}
	full := r.opt.Limit.set && r.given >= r.opt.Limit.rows
	if full && (!r.opt.WithTies || r.given == 0) {
		return false
	}
	row, ok := r.from.advance(r)
	if !ok || full && string(r.from.key()) != string(r.lastKey) {
		return false
	}
	r.row = row
	r.given++
	if r.opt.WithTies && r.opt.Limit.set && r.given == r.opt.Limit.rows {
		r.lastKey = append(r.lastKey[:0], r.from.key()...)
	}
	return true
}

// Ready is how many rows are here, the current one among them. More may come, and fewer where rows do not become rows of
// the result.
func (r *Rows) Ready() int {
	n := 0
	for i := range r.pumps {
		n += r.pumps[i].ready()
	}
	if r.opt.Limit.set {
		n = int(min(int64(n), r.opt.Limit.rows))
	}
	return n
}

// prepare waits for the columns.
func (r *Rows) prepare() bool {
	if !r.awaitFields() {
		return false
	}
	err := r.from.prepare(r)
	if err == nil && r.opt.Hidden > len(r.fields) {
		err = errors.New("more columns are hidden than there are")
	}
	if err != nil {
		r.refuse(err)
		return false
	}
	return true
}

// Err implements [pgx.Rows].
func (r *Rows) Err() error {
	if r.closed {
		return r.err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// CommandTag implements [pgx.Rows]. It counts the rows that were given out.
func (r *Rows) CommandTag() pgconn.CommandTag {
	if !r.closed || r.err != nil {
		return pgconn.CommandTag{}
	}
	return pgconn.NewCommandTag("SELECT " + strconv.FormatInt(r.given, 10))
}

// FieldDescriptions implements [pgx.Rows]. They are those of the first input without the hidden columns, and it waits
// for them; nil when it failed.
func (r *Rows) FieldDescriptions() []pgconn.FieldDescription {
	if !r.awaitFields() {
		return nil
	}
	return r.fields[:max(0, len(r.fields)-r.opt.Hidden)]
}

// RawValues implements [pgx.Rows]. They are valid until the next call of Next or Close.
func (r *Rows) RawValues() [][]byte {
	if r.row == nil {
		return nil
	}
	return r.row[:len(r.row)-r.opt.Hidden]
}

// TypeMap implements [pgx.Rows].
func (r *Rows) TypeMap() *pgtype.Map {
	if !r.awaitFields() {
		return nil
	}
	return r.types
}

// Conn implements [pgx.Rows]. It is nil: the rows come from several.
func (*Rows) Conn() *pgx.Conn { return nil }

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

// patience is how long the caller may take to read what all inputs have sent, before each has a goroutine of its own.
const patience = time.Millisecond

// start opens the inputs. Each goroutine ends when it has no more inputs to read; Close waits for all inputs to end.
//
// Where all statements could be sent, the caller reads the answers itself, one after another, once it wants the first
// row: what a few servers send at about the same time is read in less time than it takes to wake goroutines. When that
// takes longer, because a server takes its time or sends much, or because the caller does not come, goroutines are
// started for what is left.
func (r *Rows) start() {
	if r.opt.Together && r.send() {
		r.late = time.AfterFunc(patience, r.guard)
		return
	}
	if r.opt.Wave < r.inputs && !r.holding {
		r.startFirst()
		return
	}
	r.spread()
}

// startFirst opens the first input alone; describe starts the others. The caller waits for the first one's columns. Another
// input would meanwhile keep its connection for rows that wait for the caller, and who has the first one's connection may
// be waiting for that.
func (r *Rows) startFirst() {
	r.spare.Add(-1)
	go r.work(false)
}

// send sends what can be sent without waiting, and reports whether that was everything.
func (r *Rows) send() bool {
	all := true
	for i := range r.pumps {
		p := &r.pumps[(r.opt.First+i)%r.inputs]
		p.sent = p.send()
		all = all && p.sent
	}
	return all
}

// spread starts the goroutines, unless they are started or there is nothing left for them.
func (r *Rows) spread() {
	if int(r.next.Load()) >= r.inputs {
		return
	}
	for range r.spare.Swap(0) {
		go r.work(false)
	}
}

// work reads inputs that nobody has taken.
func (r *Rows) work(here bool) {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= r.inputs {
			return
		}
		r.pumps[i].run(here)
	}
}

// inputEnded is called by each pump as its last. Close takes the pumps apart when all have ended.
func (r *Rows) inputEnded(index int) {
	if r.live.Add(-1) == 0 {
		close(r.ended)
	}
	r.wakeFor(index)
}

// guard is started when patience has run out. It does for a caller who is still reading what Close does: a read that does
// not end keeps nobody from seeing that another input has failed.
func (r *Rows) guard() {
	defer close(r.guarded)
	r.spread()
	select {
	case <-r.ended:
	case <-r.stop:
		r.endAll()
	}
}

// endAll returns when all inputs have ended; those that do not within the grace are cancelled.
func (r *Rows) endAll() {
	if !r.endsWithin(r.opt.Grace) {
		r.cancelAll()
	}
}

// fail records what happened first and stops everything else.
func (r *Rows) fail(p *pump, err error) {
	r.mu.Lock()
	if r.failed == nil && !r.finishing {
		r.failed = err
		if _, own := err.(ownError); !own {
			r.failed = &ShardError{Shard: p.in.Shard(), Err: err}
		}
	}
	r.mu.Unlock()
	r.stopPumps()
}

// ownError is an error of the merge itself rather than of one shard.
type ownError interface{ ofMerge() }

func (*MismatchError) ofMerge() {}
func (*TooLargeError) ofMerge() {}
func (cutError) ofMerge()       {}

func (r *Rows) stopPumps() {
	if r.stopped.CompareAndSwap(false, true) {
		close(r.stop)
		r.wakeCaller()
	}
}

func (r *Rows) stopping() bool { return r.stopped.Load() }

// What the caller waits for, besides the index of a pump.
const (
	nothing  = -1
	anything = -2
)

// wakeFor wakes the caller if it waits for the pump with that index.
func (r *Rows) wakeFor(index int) {
	if w := int(r.waitsFor.Load()); w == index || w == anything {
		r.wakeCaller()
	}
}

func (r *Rows) wakeCaller() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// await is called when a pump, or with anything all of them, had nothing to take and have not ended. The first call says
// what is waited for and returns, since that may have come meanwhile; the next one waits. It returns false when the merge
// has stopped.
func (r *Rows) await(what int) bool {
	if int(r.waitsFor.Swap(int32(what))) == what {
		<-r.wake
		r.waitsFor.Store(nothing)
	}
	return !r.stopping()
}

// Next implements [pgx.Rows]. It panics with what an argument's own code panicked with on a goroutine of the merge, when
// every input has been given back.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	if r.step() {
		return true
	}
	r.Close()
	if p, ok := errors.AsType[*PanicError](r.err); ok {
		panic(p.Value)
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

// awaitFields is false when the merge stopped before the first input had columns.
func (r *Rows) awaitFields() bool {
	select {
	case <-r.known:
		return true
	default:
	}
	if r.late != nil {
		r.work(true)
	}
	select {
	case <-r.known:
	case <-r.stop:
	}
	select {
	case <-r.known:
		return true
	default:
		return false
	}
}

// refuse fails the merge on the caller's side.
func (r *Rows) refuse(err error) {
	r.mu.Lock()
	if r.failed == nil {
		r.failed = err
	}
	r.mu.Unlock()
	r.stopPumps()
}

// Close implements [pgx.Rows]. It returns when every input has been given back; those that do not end within the grace
// are cancelled.
func (r *Rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.mu.Lock()
	r.finishing = true
	r.err = r.failed
	r.mu.Unlock()
	r.stopPumps()
	if r.late != nil && !r.late.Stop() {
		<-r.guarded
	} else {
		r.spread()
		r.endAll()
	}
	if r.lender >= 0 {
		r.pumps[r.lender].in.Release()
	}
	r.forget()
}

func (r *Rows) endsWithin(d time.Duration) bool {
	select {
	case <-r.ended:
		return true
	default:
	}
	expired := time.NewTimer(d)
	defer expired.Stop()
	select {
	case <-r.ended:
		return true
	case <-expired.C:
		return false
	}
}

// cancelAll returns when all pumps have ended. It asks again and again: a request that overtakes its statement is lost.
func (r *Rows) cancelAll() {
	const longest = time.Second
	for pause := r.opt.Grace; ; pause = min(2*pause, longest) {
		var cancels sync.WaitGroup
		for i := range r.pumps {
			cancels.Go(r.pumps[i].cancel)
		}
		cancels.Wait()
		if r.endsWithin(pause) {
			return
		}
	}
}

// forget lets go of what a caller who keeps closed rows would keep alive.
func (r *Rows) forget() {
	for i := range r.pumps {
		p := &r.pumps[i]
		if p.current != nil {
			p.current.recycle()
		}
		for _, b := range p.queue {
			b.recycle()
		}
		p.current, p.queue, p.in = nil, nil, nil
	}
	r.row, r.ctx, r.types, r.pumps = nil, nil, nil, nil
	r.plans = scanPlans{}
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

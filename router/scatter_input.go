package router

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/pool"
)

const (
	cancelTime       = 2 * time.Second
	firstUserDefined = 16384 // the first oid that differs between databases
)

// errMoved says that a shard does not own, in the snapshot it was read in, the slots that the map gives it.
var errMoved = errors.New("the slots of the shard have changed")

var errStopped = errors.New("the statement was ended")

// gather is one attempt to read from several shards.
type gather struct {
	inputs []input
	wave   int // the most inputs that are open at once; 0 is all
	asText bool

	dialect *dialect // of all connections, nil when it is not known

	// Where all inputs are open at once, none gives out a row before each of them has its first one, or none, so that
	// what goes wrong until then can be tried again.
	coming  atomic.Int32  // inputs that are not so far
	ready   chan struct{} // closed when all are
	stopped chan struct{} // closed when one has failed, or nobody wants the rows any more

	mu     sync.Mutex
	halted bool  // stopped is closed. Guarded by mu
	at     *node // where the first failure was. Guarded by mu
	first  error // guarded by mu
}

func newGather(parts []share) *gather {
	g := &gather{inputs: make([]input, len(parts)), ready: make(chan struct{}), stopped: make(chan struct{})}
	g.coming.Store(int32(len(parts)))
	for i, p := range parts {
		g.inputs[i] = input{of: g, share: p}
	}
	return g
}

// halt ends the wait of all inputs. err is nil when nobody wants the rows any more.
func (g *gather) halt(n *node, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.halted {
		g.halted, g.at, g.first = true, n, err
		close(g.stopped)
	}
}

// failure is what ended the wait.
func (g *gather) failure() (*node, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at, g.first
}

// pass waits until all inputs are ready.
func (g *gather) pass(ctx context.Context) error {
	if g.wave > 0 {
		return nil
	}
	if g.coming.Add(-1) == 0 {
		close(g.ready)
		return nil
	}
	select {
	case <-g.ready:
		return nil
	case <-g.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gather) mergeInputs() []merge.Input {
	list := make([]merge.Input, len(g.inputs))
	for i := range g.inputs {
		list[i] = &g.inputs[i]
	}
	return list
}

// sameType compares types of two inputs by their names.
func (g *gather) sameType(a int, oidA uint32, b int, oidB uint32) bool {
	nameA, okA := g.inputs[a].types.name(oidA)
	nameB, okB := g.inputs[b].types.name(oidB)
	return okA && okB && nameA == nameB
}

// input is one shard's share of a statement. It is its own source, so that a statement has one allocation for all.
type input struct {
	of *gather
	share
	text string
	args []any

	conn   atomic.Pointer[pool.Conn] // nil until there is one
	kept   keptRead
	read   shardRead // &kept where the connection keeps statements; set by Open
	ctx    context.Context
	passed bool
	err    error // of this package
}

// shardRead is what a shard sends, once the statement was sent.
type shardRead interface {
	Next() bool
	RawValues() [][]byte
	FieldDescriptions() []pgconn.FieldDescription
	TypeMap() *pgtype.Map
	Err() error
	Close()

	// ask sends the statement and everything around it at once, and reads what comes before the rows: errMoved is its
	// error when the shard does not own its slots. Close must be called whatever the error is.
	ask(ctx context.Context, in *input) error
}

var (
	_ merge.Input    = (*input)(nil)
	_ merge.Canceler = (*input)(nil)
	_ merge.Source   = (*inputSource)(nil)
)

// Shard implements merge.Input.
func (in *input) Shard() string { return string(in.id) }

// Open implements merge.Input.
func (in *input) Open(ctx context.Context) (merge.Source, error) {
	conn := in.conn.Load()
	if conn == nil {
		var err error
		if conn, err = in.acquire(ctx); err != nil {
			in.of.halt(in.node, err)
			return nil, err
		}
		in.conn.Store(conn)
	}
	if err := in.speaks(in.of.dialect, conn); err != nil {
		in.of.halt(in.node, err)
		return nil, err
	}
	if err := in.ask(ctx, conn); err != nil {
		in.of.halt(in.node, err)
		in.read.Close()
		return nil, err
	}
	return (*inputSource)(in), nil
}

// ask sends the statement. That the connection broke under way is told from one that was closed before.
func (in *input) ask(ctx context.Context, conn *pool.Conn) error {
	in.ctx = ctx
	k := keptBy(conn.Conn())
	if k == nil {
		in.read = &batchRead{conn: conn}
		return in.read.ask(ctx, in)
	}
	in.kept = keptRead{by: k, conn: conn.Conn()}
	in.read = &in.kept
	closed := in.kept.conn.IsClosed()
	return conn.Explain(in.kept.ask(ctx, in), closed)
}

// acquire waits for a connection until the input is not wanted any more.
func (in *input) acquire(ctx context.Context) (*pool.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() { // ends with this call
		select {
		case <-in.of.stopped:
			cancel(errStopped)
		case <-done:
		}
	}()
	return in.db.Acquire(as(ctx, pool.Scatter))
}

// Cancel implements merge.Canceler.
func (in *input) Cancel() {
	in.of.halt(nil, nil)
	if conn := in.conn.Load(); conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), cancelTime)
		defer cancel()
		_ = conn.Conn().PgConn().CancelRequest(ctx) // it is asked again
	}
}

// Release implements merge.Input. A transaction that has failed is ended, so that the connection is fit for others.
func (in *input) Release() {
	conn := in.conn.Load()
	if conn == nil {
		return
	}
	_ = endFailed(conn.Conn().PgConn()) // Release looks for itself
	conn.Release()
}

// inputSource is an input as what the merge reads.
type inputSource input

// Next implements merge.Source.
func (s *inputSource) Next() bool {
	if s.passed {
		return s.read.Next()
	}
	s.passed = true
	more := s.read.Next()
	if !more {
		s.err = s.read.Err()
	}
	if s.err != nil {
		s.of.halt(s.node, s.err)
		return false
	}
	if s.err = s.of.pass(s.ctx); s.err != nil {
		return false
	}
	return more
}

// learnTypes sees to the names of types that have other numbers on other shards. The connection must have nothing under
// way. It reports whether it had to ask; a type that is gone meanwhile has no name.
func (in *input) learnTypes(ctx context.Context, q merge.Runner, fields []pgconn.FieldDescription) (asked bool, err error) {
	oids := in.unnamed(fields)
	if oids == nil {
		return false, nil
	}
	return true, in.types.learn(ctx, q, oids)
}

func (in *input) unnamed(fields []pgconn.FieldDescription) (oids []uint32) {
	if len(in.of.inputs) == 1 {
		return nil
	}
	for _, f := range fields {
		if f.DataTypeOID < firstUserDefined {
			continue
		}
		if _, ok := in.types.name(f.DataTypeOID); !ok {
			oids = append(oids, f.DataTypeOID)
		}
	}
	return oids
}

// RawValues implements merge.Source.
func (s *inputSource) RawValues() [][]byte { return s.read.RawValues() }

// FieldDescriptions implements merge.Source.
func (s *inputSource) FieldDescriptions() []pgconn.FieldDescription {
	return s.read.FieldDescriptions()
}

// TypeMap implements merge.Source.
func (s *inputSource) TypeMap() *pgtype.Map { return s.read.TypeMap() }

// Err implements merge.Source.
func (s *inputSource) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.read.Err()
}

// Close implements merge.Source.
func (s *inputSource) Close() { s.read.Close() }

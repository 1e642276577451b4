package router

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

const cancelTime = 2 * time.Second

var errStopped = errors.New("the statement was ended")

// gather is one attempt to read from several shards.
type gather struct {
	inputs  []input
	wave    int // the most inputs that are open at once; 0 is all
	asText  bool
	binding *plan.ScatterBinding
	now     time.Time
	dialect *dialect // of all connections, nil when it is not known
	began   time.Time
	slowest *atomic.Pointer[shard.ID] // of the plan

	stopped chan struct{} // closed when one has failed, or nobody wants the rows any more

	mu     sync.Mutex
	halted bool  // stopped is closed. Guarded by mu
	at     *node // where the first failure was. Guarded by mu
	first  error // guarded by mu
}

func (r *scatterRows) newGather(parts []share) *gather {
	g := &gather{
		binding: r.binding, now: r.now, slowest: &r.scatter.Slowest, began: time.Now(),
		inputs: make([]input, len(parts)), stopped: make(chan struct{}),
	}
	for i, p := range parts {
		in := &g.inputs[i]
		in.of, in.share = g, p
	}
	return g
}

// write makes what is sent to each.
func (g *gather) write() {
	for i := range g.inputs {
		in := &g.inputs[i]
		in.write(in.owned.asks())
	}
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

func (g *gather) mergeInputs() []merge.Input {
	list := make([]merge.Input, len(g.inputs))
	for i := range g.inputs {
		list[i] = &g.inputs[i]
	}
	return list
}

// compareTypes says what differs between the types of two inputs, or "".
func (g *gather) compareTypes(a int, oidA uint32, b int, oidB uint32) string {
	typeA, typeB := g.inputs[a].types.find(oidA), g.inputs[b].types.find(oidB)
	switch {
	case typeA != nil && typeB != nil:
		return typeA.difference(typeB)
	case oidA == oidB:
		return ""
	default:
		return fmt.Sprintf("the types with oid %d and %d", oidA, oidB)
	}
}

// input is one shard's share of a statement. It is its own source, so that a statement has one allocation for all.
type input struct {
	of *gather
	share
	asks plan.Question
	text string
	args []any

	conn atomic.Pointer[pool.Conn] // nil until there is one
	kept keptRead
	read shardRead // &kept where the connection keeps statements; set by Open
}

// write makes what is sent.
func (in *input) write(asks plan.Question) {
	in.asks = asks
	in.text, in.args = in.of.binding.Shard(asks, in.owned.ranges, in.keys, in.of.now)
}

// shardRead is what a shard sends, once the statement was sent.
type shardRead interface {
	merge.Source

	// ask sends the statement, unless it was, and waits for the first row or the end. Close must be called whatever the
	// error is.
	ask(ctx context.Context, in *input) error
}

var (
	_ merge.Input    = (*input)(nil)
	_ merge.Canceler = (*input)(nil)
	_ merge.Sender   = (*input)(nil)
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
	in.of.answered(in)
	return in.read, nil
}

// Send implements merge.Sender. What fails is the error of Open.
func (in *input) Send(ctx context.Context) bool {
	conn := in.conn.Load()
	if conn == nil {
		return false
	}
	k := keptBy(conn.Conn())
	if k == nil || in.speaks(in.of.dialect, conn) != nil || !k.ready(conn.Conn(), in) {
		return false
	}
	in.kept = keptRead{by: k, conn: conn.Conn(), closed: conn.Conn().IsClosed()}
	in.kept.sendError = in.kept.send(ctx, in)
	in.kept.sent = true
	return true
}

// ask asks for the rows, once more with the dearer question where the cheap one was answered with no.
func (in *input) ask(ctx context.Context, conn *pool.Conn) error {
	err := in.askOnce(ctx, conn)
	if !errors.Is(err, errMoved) || in.asks == plan.Thoroughly {
		return err
	}
	in.read.Close()
	in.write(plan.Thoroughly)
	if err := in.askOnce(ctx, conn); err != nil {
		return err
	}
	in.owned.pieces.Store(true)
	return nil
}

// askOnce sends the statement. That the connection broke under way is told from one that was closed before.
func (in *input) askOnce(ctx context.Context, conn *pool.Conn) error {
	k := keptBy(conn.Conn())
	if k == nil {
		in.read = &batchRead{conn: conn}
		return ownedError(in.read.ask(ctx, in))
	}
	if !in.kept.sent {
		in.kept = keptRead{by: k, conn: conn.Conn(), closed: conn.Conn().IsClosed()}
	}
	in.read = &in.kept
	return ownedError(conn.Explain(in.kept.ask(ctx, in), in.kept.closed))
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

// Release implements merge.Input.
func (in *input) Release() {
	if conn := in.conn.Load(); conn != nil {
		conn.Release()
	}
}

// learnTypes sees to the types that may have other numbers on other shards, or be others there. The connection must have nothing under
// way. It reports whether it had to ask; a type that is gone meanwhile is not known.
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
		if f.DataTypeOID < merge.FirstUserDefined {
			continue
		}
		if in.types.find(f.DataTypeOID) == nil {
			oids = append(oids, f.DataTypeOID)
		}
	}
	return oids
}

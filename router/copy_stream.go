package router

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
)

const rollbackTime = 2 * time.Second

// errAborted is what the server is told when the copy ends for a reason of another shard or of the source.
var errAborted = errors.New("the copy was given up by the client")

// copyStream is the COPY to one shard. The reader's goroutine calls add and flush; run has a goroutine of its own,
// which ends when chunks is closed or the copy is aborted, and is the source of its COPY.
type copyStream struct {
	copy *copyRun
	node *node
	conn *pool.Conn

	pending []copyRow // the reader's
	chunks  chan []copyRow

	now  []copyRow // run's: the chunk being sent
	next int
	fail error

	starved bool // when the copy was aborted, it was the source that was waited for

	// Set by run before done is closed.
	tx     pgx.Tx
	rows   int64
	err    error       // with the shard's name
	misfit *valueError // in err
	broken bool
	done   chan struct{}
}

func newCopyStream(c *copyRun, n *node, conn *pool.Conn) *copyStream {
	return &copyStream{copy: c, node: n, conn: conn, chunks: make(chan []copyRow, copyQueue), done: make(chan struct{})}
}

func (s *copyStream) add(row copyRow) {
	if s.pending == nil {
		s.pending = make([]copyRow, 0, copyChunk)
	}
	if s.pending = append(s.pending, row); len(s.pending) == copyChunk {
		s.flush()
	}
}

// flush waits while the shard is behind. After an abort it drops the rows.
func (s *copyStream) flush() {
	if len(s.pending) == 0 {
		return
	}
	select {
	case s.chunks <- s.pending:
	case <-s.copy.abort.Done():
	}
	s.pending = nil
}

func (s *copyStream) run(ctx context.Context) {
	defer close(s.done)
	tx, err := s.conn.Begin(ctx)
	if err == nil {
		s.tx = tx
		s.rows, err = tx.CopyFrom(ctx, s.copy.plan.ident, s.copy.plan.columns, s)
	}
	if err != nil {
		s.broken = s.tx == nil
		s.err = shardError(s.node.id, err)
		if isMisfit(err) && s.fail == nil && s.next < len(s.now) {
			s.misfit = &valueError{row: s.now[s.next].number, err: err}
			s.err = &ShardError{Shard: s.node.id, Err: s.misfit}
		}
		s.copy.stop(s.err)
	}
}

// Next implements pgx.CopyFromSource.
func (s *copyStream) Next() bool {
	if s.next++; s.next < len(s.now) {
		return true
	}
	select {
	case <-s.copy.abort.Done():
		s.fail, s.starved = errAborted, true
		return false
	case chunk, ok := <-s.chunks:
		s.now, s.next = chunk, 0
		if !ok && s.copy.abort.Err() != nil { // closed because of the abort
			s.fail = errAborted
		}
		return ok
	}
}

// Values implements pgx.CopyFromSource.
func (s *copyStream) Values() ([]any, error) { return s.now[s.next].values, nil }

// Err implements pgx.CopyFromSource.
func (s *copyStream) Err() error { return s.fail }

package router

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/txn"
)

// splitBatch is the results of a batch that was divided over several shards, in the caller's order. Each shard's part
// keeps its own order, so reading in the caller's order never has to look ahead. As with any batch, results are read by
// one goroutine.
type splitBatch struct {
	queued []*pgx.QueuedQuery // the caller's
	of     []*batchPart       // per statement
	parts  []*batchPart       // sorted by shard
	conns  []*pool.Conn       // per part
	next   int
	closed bool
	err    error // what Close returned
}

// sendSplit sends all parts at once. The connections are taken all or none: batches that each hold some and wait for
// others would wait for each other.
func (db *DB) sendSplit(ctx context.Context, b *pgx.Batch, parts []*batchPart) pgx.BatchResults {
	databases := make([]*pool.Database, len(parts))
	for i, p := range parts {
		databases[i] = p.node.db
	}
	conns, err := pool.AcquireMany(as(ctx, pool.Scatter), databases...)
	if err != nil {
		return pgx.FailedBatchResults(b, fmt.Errorf("%sbatch: %w", errPrefix, pgerr.Public(err)))
	}
	s := &splitBatch{queued: b.QueuedQueries, of: make([]*batchPart, b.Len()), parts: parts, conns: conns}
	var sending sync.WaitGroup
	for i, p := range parts {
		for _, n := range p.results.numbers {
			s.of[n-1] = p
		}
		sending.Go(func() { p.send(ctx, conns[i]) })
	}
	sending.Wait()
	return s
}

// send is SendBatch on a goroutine of ours, where a panic of an argument's own code must not end the process. Other
// parts may be on their way and commit, so it is an error of this part rather than a panic of the caller's, who could not
// tell then what is stored. So is runtime.Goexit.
func (p *batchPart) send(ctx context.Context, conn *pool.Conn) {
	sent := false
	defer func() {
		if sent {
			return
		}
		broken := &merge.PanicError{Value: recover(), Stack: debug.Stack()}
		broken.Exited = broken.Value == nil
		p.results.BatchResults = pgx.FailedBatchResults(p.batch, unsentError{broken})
	}()
	p.results.BatchResults = conn.SendBatch(ctx, p.batch)
	sent = true
}

// unsentError is of a part of a batch whose arguments could not be encoded, which pgx does before it sends anything of it,
// and of a COPY whose end was not sent.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// SafeToRetry is true: nothing was sent that could be committed.
func (unsentError) SafeToRetry() bool { return true }

var errBatchEnd = errors.New(errPrefix + "the batch has no more results")

// take returns the results that have the next statement's.
func (s *splitBatch) take() (*batchResults, error) {
	if s.closed || s.next == len(s.of) {
		return nil, errBatchEnd
	}
	s.next++
	return &s.of[s.next-1].results, nil
}

// Exec implements pgx.BatchResults.
func (s *splitBatch) Exec() (pgconn.CommandTag, error) {
	r, err := s.take()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return r.Exec()
}

// Query implements pgx.BatchResults.
func (s *splitBatch) Query() (pgx.Rows, error) {
	r, err := s.take()
	if err != nil {
		return failedRows(err), err
	}
	return r.Query()
}

// QueryRow implements pgx.BatchResults.
func (s *splitBatch) QueryRow() pgx.Row {
	r, err := s.take()
	if err != nil {
		return failedRow{err}
	}
	return r.QueryRow()
}

// Tx implements pgx.BatchResults: a batch that is routed begins no transaction.
func (s *splitBatch) Tx() pgx.Tx { return nil }

// Close implements pgx.BatchResults: it runs the functions of statements whose results were not asked for, in the
// caller's order until one returns an error, and reads every part to its end.
func (s *splitBatch) Close() error {
	if s.closed {
		return s.err
	}
	called := s.callFunctions()
	s.closed = true
	s.err = s.closeParts(called)
	return s.err
}

// callFunctions leaves the connections to closeParts also when a function panics.
func (s *splitBatch) callFunctions() (err error) {
	finished := false
	defer func() {
		if !finished {
			s.closed = true
			_ = s.closeParts(nil)
		}
	}()
	err = callFunctions(s.queued, &s.next, s)
	finished = true
	return err
}

// closeParts ends all parts and says what was committed where. called is what stopped the caller's functions.
func (s *splitBatch) closeParts(called error) error {
	partial := &PartialBatchError{}
	var failures []error
	for i, p := range s.parts {
		err := p.results.Close()
		s.conns[i].Release()
		var doubt *txn.InDoubtError
		switch {
		case err == nil && p.results.writes:
			partial.Committed = append(partial.Committed, p.node.id)
		case err == nil:
		case errors.As(err, &doubt):
			partial.InDoubt = append(partial.InDoubt, p.node.id)
		case p.results.writes:
			partial.Failed = append(partial.Failed, p.node.id)
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	partial.Err = errors.Join(failures...)
	switch {
	case partial.Err == nil:
		return called
	case len(partial.Committed)+len(partial.InDoubt) > 0 && len(partial.InDoubt)+len(partial.Failed) > 0:
		return partial
	default:
		return partial.Err
	}
}

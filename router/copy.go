package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

const (
	copyChunk  = 128  // rows handed from the reader to a shard at once
	copyQueue  = 2    // chunks that may wait for a shard
	copyWindow = 2048 // rows looked at before connections are taken
)

// CopyFrom copies rows into a table with PostgreSQL's COPY, each row to the shard of its key, to all shards at once.
// Memory is bounded: a slow shard slows the source. It returns how many rows were committed.
//
// The shards commit one after another when all have taken all their rows. An error before that leaves nothing behind;
// one during the commits is a [*PartialCopyError] that says what is where, and errors.As finds a [*txn.InDoubtError] in
// it where the reply of a shard was lost. A table of no kind and a reference table
// are refused, and so is a copy to more shards at once than the process may have connections (*pool.TooManyError);
// [DB.CopyInParts] needs one. The values of a row must not be changed after Values has returned them.
//
// A panic of src is the caller's to recover from, and leaves nothing behind. One of a value's own code, which pgx encodes on
// a goroutine of its own, ends the process, as with pgx.
func (db *DB) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	return db.copyFrom(ctx, contextKey(ctx), table, columns, src)
}

func (db *DB) copyFrom(
	ctx context.Context, key shard.Key, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	n, err := db.copyRows(ctx, key, table, columns, src)
	if err != nil {
		db.learnFrom(err)
	}
	return n, err
}

func (db *DB) copyRows(
	ctx context.Context, key shard.Key, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	if err := cmpErr(db.open(), ctx.Err()); err != nil {
		return 0, err
	}
	if !key.IsZero() && key.Err() != nil {
		return 0, key.Err()
	}
	snap := db.current.Load()
	p, err := newCopyPlan(snap, db.schema, key, table, columns)
	if err != nil {
		if s := db.observeCopy(snap, key, table, columns, err); s != nil {
			return s.CopyFrom(ctx, table, columns, src)
		}
		return 0, err
	}
	switch {
	case p.home != "":
		n, ok := snap.nodes[p.home]
		if !ok {
			return 0, &UnknownShardError{Shard: p.home, MapVersion: snap.slots.Version()}
		}
		return copyToOne(ctx, snap, n, p, &keyedSource{plan: p, src: src})
	case !key.IsZero():
		n, err := snap.owner(key.Slot())
		if err != nil {
			return 0, err
		}
		p.want = n.id
		return copyToOne(ctx, snap, n, p, &keyedSource{plan: p, src: src})
	default:
		return copySplit(ctx, snap, p, src)
	}
}

// copyToOne is one COPY, which is all or nothing, and commits by itself.
func copyToOne(ctx context.Context, snap *snapshot, n *node, p *copyPlan, src pgx.CopyFromSource) (int64, error) {
	if err := n.check(); err != nil {
		return 0, err
	}
	quiet := &quietSource{CopyFromSource: src}
	copied, err := n.db.CopyFrom(ctx, p.ident, p.columns, quiet)
	err = quiet.uncommitted(err)
	switch {
	case err == nil:
		return copied, nil
	case quiet.err != nil:
		return 0, quiet.err
	case judge(err).Verdict == pgerr.InDoubt:
		return 0, &PartialCopyError{
			Table: p.table, Committed: map[shard.ID]int64{}, InDoubt: []shard.ID{n.id},
			Err: writeError(n.id, snap.slots.Version(), 1, err),
		}
	default:
		return 0, quiet.failure(ctx, n, p, err)
	}
}

// quietSource keeps the source's error to itself. pgx sends its text to the server, which logs it and sends it back as
// its own: values would be in the log, and errors.As would find nothing.
type quietSource struct {
	pgx.CopyFromSource
	err   error
	ended bool  // Next has returned false
	last  []any // values, for messages
	n     int64
}

// uncommitted adds to err that nothing is stored, where it would be in doubt and the source had not come to its end: the
// server commits when it is told of that.
func (s *quietSource) uncommitted(err error) error {
	if err == nil || s.ended || judge(err).Verdict != pgerr.InDoubt {
		return err
	}
	return unsentError{err}
}

// Next implements pgx.CopyFromSource.
func (s *quietSource) Next() bool {
	more := s.CopyFromSource.Next()
	s.ended = !more
	return more
}

var errSource = errors.New("the source of the rows failed")

// Values implements pgx.CopyFromSource.
func (s *quietSource) Values() ([]any, error) {
	values, err := s.CopyFromSource.Values()
	s.last = values
	s.n++
	if err != nil {
		s.err, err = err, errSource
	}
	return values, err
}

// Err implements pgx.CopyFromSource.
func (s *quietSource) Err() error {
	if err := s.CopyFromSource.Err(); err != nil {
		s.err = err
		return errSource
	}
	return nil
}

// copySplit reads a window of rows to see which shards they are for, so that a small copy for one tenant takes one
// connection, and then streams.
func copySplit(ctx context.Context, snap *snapshot, p *copyPlan, src pgx.CopyFromSource) (int64, error) {
	r := &copyReader{plan: p, snap: snap, src: src}
	window := map[*node][]copyRow{}
	for range copyWindow {
		n, row, err := r.next()
		if err != nil {
			return 0, err
		}
		if n == nil {
			break
		}
		window[n] = append(window[n], row)
	}
	if r.ended && len(window) <= 1 {
		for n, rows := range window {
			return copyToOne(ctx, snap, n, p, &copyRows{rows: rows})
		}
		return 0, nil
	}
	return copyStreams(ctx, r, window)
}

// copyReader reads the source and finds the shard of each row.
type copyReader struct {
	plan  *copyPlan
	snap  *snapshot
	src   pgx.CopyFromSource
	n     int64
	ended bool
}

// next returns a nil node at the end.
func (r *copyReader) next() (*node, copyRow, error) {
	if !r.src.Next() {
		r.ended = true
		return nil, copyRow{}, r.src.Err()
	}
	row := copyRow{number: r.n + 1}
	r.n++
	values, err := r.src.Values()
	if err != nil {
		return nil, row, err
	}
	var key shard.Key
	row.values, key, err = r.plan.row(values)
	if err != nil {
		return nil, row, rowError(r.plan.table, r.n, err)
	}
	n, err := r.snap.owner(key.Slot())
	if err == nil {
		err = n.check()
	}
	return n, row, err
}

// targets are the shards to connect to: those of the window when that was all, else every owner of a slot.
func (r *copyReader) targets(window map[*node][]copyRow) []*node {
	var list []*node
	for _, n := range r.snap.owners {
		if n != nil && (!r.ended || window[n] != nil) {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *node) int { return strings.Compare(string(a.id), string(b.id)) })
	return list
}

// copyStreams copies to several shards at once.
func copyStreams(ctx context.Context, r *copyReader, window map[*node][]copyRow) (int64, error) {
	targets := r.targets(window)
	databases := make([]*pool.Database, len(targets))
	for i, n := range targets {
		if err := n.check(); err != nil {
			return 0, err
		}
		databases[i] = n.db
	}
	// All or none: copies that each hold some connections and wait for others would wait for each other.
	conns, err := pool.AcquireMany(as(ctx, pool.Batch), databases...)
	if err != nil {
		return 0, copyUnconnected(r.plan.table, err)
	}
	// abort tells the sources to end their COPY with CopyFail, which leaves the connections usable; the caller's own
	// context would cut them off.
	abort, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	run := copyRun{plan: r.plan, version: r.snap.slots.Version(), abort: abort, stop: stop, at: make(map[*node]*copyStream, len(targets))}
	for i, n := range targets {
		s := newCopyStream(&run, n, conns[i])
		run.streams = append(run.streams, s)
		run.at[n] = s
		go s.run(ctx)
	}
	defer run.release()
	run.feedAll(r, window)
	return run.commit(ctx)
}

// copyUnconnected says what a copy can do that can never have its connections at once.
func copyUnconnected(table string, err error) error {
	if _, ok := errors.AsType[*pool.TooManyError](err); ok {
		return fmt.Errorf("%scopy into %s: %w; DB.CopyInParts needs one, and commits in parts", errPrefix, table, err)
	}
	return fmt.Errorf("%scopy into %s: %w", errPrefix, table, pgerr.Public(err))
}

// feedAll is feed until every stream has ended. Where the source panics, nothing stays copied.
func (c *copyRun) feedAll(r *copyReader, window map[*node][]copyRow) {
	fed := false
	defer func() {
		if !fed {
			c.stop(errAborted)
		}
		for _, s := range c.streams {
			close(s.chunks)
			<-s.done
		}
		if !fed {
			c.rollback(c.streams)
		}
	}()
	c.feed(r, window)
	fed = true
}

// copyRun is one CopyFrom over several shards. Its goroutines are those of the streams; copyStreams waits for them.
type copyRun struct {
	plan    *copyPlan
	version uint64 // of the slot map
	abort   context.Context
	stop    context.CancelCauseFunc
	streams []*copyStream // sorted by shard
	at      map[*node]*copyStream
}

// feed hands rows to the streams until the source ends or something fails.
func (c *copyRun) feed(r *copyReader, window map[*node][]copyRow) {
	for n, rows := range window {
		for _, row := range rows {
			c.at[n].add(row)
		}
	}
	for !r.ended && c.abort.Err() == nil {
		n, row, err := r.next()
		if err != nil {
			c.stop(err)
			return
		}
		if n != nil {
			c.at[n].add(row)
		}
	}
	for _, s := range c.streams {
		s.flush()
	}
}

// commit ends the transactions: all commit, or none when anything has failed.
func (c *copyRun) commit(ctx context.Context) (int64, error) {
	if c.abort.Err() != nil {
		c.rollback(c.streams)
		c.findMisfits(ctx)
		return 0, c.cause(ctx)
	}
	partial := &PartialCopyError{Table: c.plan.table, Committed: map[shard.ID]int64{}}
	var total int64
	for i, s := range c.streams {
		err := s.tx.Commit(ctx)
		if err == nil {
			total += s.rows
			partial.Committed[s.node.id] = s.rows
			continue
		}
		if pgerr.Classify(err, pgerr.AtCommit) == pgerr.InDoubt {
			partial.InDoubt = append(partial.InDoubt, s.node.id)
		} else {
			partial.Aborted = append(partial.Aborted, s.node.id)
		}
		for _, later := range c.streams[i+1:] {
			partial.Aborted = append(partial.Aborted, later.node.id)
		}
		c.rollback(c.streams[i:])
		partial.Err = writeError(s.node.id, c.version, 1, err)
		if len(partial.Committed) == 0 && len(partial.InDoubt) == 0 {
			return 0, partial.Err
		}
		return total, partial
	}
	return total, nil
}

// cause is why the copy was given up. Where ctx has ended, it names the shards that were waited for.
func (c *copyRun) cause(ctx context.Context) error {
	cause := context.Cause(c.abort)
	if ctx.Err() == nil || !errors.Is(cause, ctx.Err()) && !errors.Is(cause, context.Cause(ctx)) {
		return cause
	}
	var behind []error
	for _, s := range c.streams {
		if s.err != nil && !s.starved && !pgerr.NotSent(s.err) {
			behind = append(behind, s.err)
		}
	}
	if len(behind) == 0 {
		return fmt.Errorf("%scopy into %s: %w", errPrefix, c.plan.table, cause)
	}
	return errors.Join(behind...)
}

func (c *copyRun) rollback(streams []*copyStream) {
	for _, s := range streams {
		if s.tx == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
		if err := s.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			s.broken = true
		}
		cancel()
	}
}

func (c *copyRun) release() {
	for _, s := range c.streams {
		if s.broken {
			s.conn.Discard()
		} else {
			s.conn.Release()
		}
	}
}

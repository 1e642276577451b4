package router

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// scatterRows is what Query of a [ScatterDB] returns: the merged rows, which are replaced when the statement is sent
// again before its first row.
type scatterRows struct {
	pgx.Rows
	call // node is the shard that the last failure came from

	opts     scatterOptions
	scatter  *plan.Scatter
	binding  *plan.ScatterBinding
	now      time.Time         // that the statement sees on every shard
	boundBy  *catalog.Registry // what bound goes by, when there is one
	gather   *gather           // the attempt in progress
	single   bool              // the whole statement runs on one shard, and Rows are that shard's, with their own retries
	byServer bool              // a server finishes what cannot be merged here
	whole    bool              // a cut was too short, and it is asked for all rows
	missing  map[*node]error

	started bool // a row was given out, so the statement cannot be sent again
	done    bool
	err     error // of the statement, in its public form; set when done
}

// start sends the statement, again while that is allowed.
func (r *scatterRows) start() error {
	for {
		rows, err := r.attempt()
		if err == nil {
			r.Rows = rows
			return nil
		}
		if r.single {
			r.Rows = rows
			return r.refuse(err)
		}
		node, err := r.failure(err)
		if !r.retry(node, err) {
			return r.refuse(r.public(node, err))
		}
	}
}

// refuse makes r the rows of a statement that has no rows.
func (r *scatterRows) refuse(err error) error {
	r.Rows = failedRows(err)
	r.finish(err)
	return err
}

// attempt sends the statement by one snapshot.
func (r *scatterRows) attempt() (pgx.Rows, error) {
	r.gather, r.single = nil, false
	if err := r.db.open(); err != nil {
		return nil, err
	}
	if err := r.resolve(); err != nil {
		return nil, err
	}
	if r.isSingle() {
		r.single = true
		rows := r.db.newRows(r.ctx, shard.Key{}, r.sql, r.args)
		return rows, rows.start()
	}
	if err := r.divisible(); err != nil {
		return nil, err
	}
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	if err := agree(parts); err != nil {
		return nil, err
	}
	spoken := parts[0].dialect.Load()
	if r.gather, err = r.acquire(parts); err != nil {
		return nil, err
	}
	r.gather.dialect = spoken
	return r.merged()
}

// isSingle reports whether one shard answers the whole statement.
func (r *scatterRows) isSingle() bool {
	one := r.binding.One
	return one != nil && (one.Target != plan.ToKeyList || r.snap.onOneShard(one.Keys))
}

// divisible refuses what several shards cannot answer.
func (r *scatterRows) divisible() error {
	if r.binding.Several != nil {
		return refused(r.sql, r.binding.Several)
	}
	if len(r.scatter.Unmarked) > 0 && len(r.snap.owners) > 1 {
		return &RefusedError{
			Reason: plan.NotDivided.String(), Table: r.scatter.Unmarked[0], Offset: -1,
			Detail: "table " + r.scatter.Unmarked[0] + " has no slot column yet, so it cannot be told which shard a row is of",
			Hint:   "give it one with keyway.prepare_table and the steps after it",
		}
	}
	return nil
}

// resolve plans the statement by the current snapshot, after a look at the registry when a name is not in it.
func (r *scatterRows) resolve() error {
	err := r.resolveBy(r.db.current.Load())
	if err == nil || !unknownName(err) {
		return err
	}
	version := r.snap.registry.Version
	if r.db.loader.relearn(r.ctx) != nil || r.db.current.Load().registry.Version == version {
		return err
	}
	return r.resolveBy(r.db.current.Load())
}

func (r *scatterRows) resolveBy(snap *snapshot) error {
	r.snap = snap
	if len(r.args) > 0 {
		if err := r.options(); err != nil {
			return err
		}
	}
	p, err := r.db.plans.Scatter(r.sql, snap.registry, r.db.schema, r.opts.approximate)
	if err != nil {
		return explainDrift(snap.registry, refused(r.sql, err))
	}
	one := r.bound
	if r.boundBy != snap.registry {
		one = nil
	}
	b, err := p.BindOne(r.args, one)
	var key *shard.KeyError
	switch {
	case errors.As(err, &key):
		return &RefusedError{
			Reason: plan.BadKey.String(), Offset: -1, Err: err, Detail: strings.TrimPrefix(err.Error(), "shard: "),
		}
	case err != nil:
		return refused(r.sql, err)
	}
	r.scatter, r.binding = p, b
	if r.now.IsZero() {
		r.now = time.Now()
	}
	return nil
}

// parts are the shards to ask: not those that Partial goes on without.
func (r *scatterRows) parts() ([]share, error) {
	parts, err := r.snap.parts(r.binding.Few, r.binding.Keys)
	if err != nil {
		return nil, err
	}
	asked := parts[:0:len(parts)]
	for _, p := range parts {
		if r.missing[p.node] != nil {
			continue
		}
		if err := p.check(); err != nil && !r.goWithout(p.node, err) {
			return nil, err
		} else if err != nil {
			continue
		}
		asked = append(asked, p)
	}
	if len(asked) == 0 {
		return nil, errors.Join(r.missingErrors()...)
	}
	return asked, nil
}

// goWithout leaves a shard out where Partial allows it.
func (r *scatterRows) goWithout(n *node, err error) bool {
	if r.opts.partial == nil || n == nil || r.ctx.Err() != nil {
		return false
	}
	if r.missing == nil {
		r.missing = map[*node]error{}
	}
	r.missing[n] = err
	return true
}

func (r *scatterRows) missingErrors() (errs []error) {
	for _, e := range r.missingShards() {
		errs = append(errs, e)
	}
	return errs
}

func (r *scatterRows) missingShards() []*ShardError {
	list := make([]*ShardError, 0, len(r.missing))
	for n, err := range maps.All(r.missing) {
		list = append(list, &ShardError{Shard: n.id, Err: pgerr.Public(err)})
	}
	slices.SortFunc(list, func(a, b *ShardError) int { return strings.Compare(string(a.Shard), string(b.Shard)) })
	return list
}

// Next implements pgx.Rows. A statement of which no row was given out may be sent again here.
func (r *scatterRows) Next() bool {
	for !r.done {
		if r.Rows.Next() {
			r.begin()
			return true
		}
		err := r.Rows.Err()
		if err == nil {
			r.begin()
		}
		if err == nil || r.single {
			r.finish(err)
			return false
		}
		node, err := r.failure(err)
		if r.started || !r.retry(node, err) {
			r.finish(r.public(node, err))
			return false
		}
		if r.start() != nil {
			return false
		}
	}
	return false
}

// ready is how many rows are here; 0 is not known.
func (r *scatterRows) ready() int {
	if merged, ok := r.Rows.(*merge.Rows); ok {
		return merged.Ready()
	}
	return 0
}

// begin is called when the result is certain to be that of the shards asked.
func (r *scatterRows) begin() {
	if r.started {
		return
	}
	r.started = true
	if len(r.missing) > 0 {
		r.opts.partial(r.missingShards())
	}
	if !r.single && r.binding.Cut > 0 {
		r.scatter.Cuts.Enough()
	}
}

// Err implements pgx.Rows.
func (r *scatterRows) Err() error {
	if r.done || r.single {
		return cmpErr(r.err, r.Rows.Err())
	}
	return r.public(r.failure(r.Rows.Err()))
}

// Close implements pgx.Rows.
func (r *scatterRows) Close() {
	if r.done {
		return
	}
	r.Rows.Close()
	r.finish(r.Err())
}

func (r *scatterRows) finish(err error) {
	r.done, r.err = true, err
	r.ctx, r.args, r.gather, r.binding = nil, nil, nil, nil
}

// Scan implements pgx.Rows. It closes the rows on an error, as pgx does.
func (r *scatterRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

// Conn implements pgx.Rows. It is nil, as for all routed rows.
func (r *scatterRows) Conn() *pgx.Conn { return nil }

// failure finds out which shard err came from, nil when from none, and what happened there.
func (r *scatterRows) failure(err error) (*node, error) {
	if err == nil {
		return nil, nil
	}
	if r.gather != nil {
		if n, first := r.gather.failure(); first != nil {
			return n, first
		}
	}
	if at, ok := errors.AsType[*merge.ShardError](err); ok {
		return r.db.nodes[shard.ID(at.Shard)], at.Err
	}
	if blamed, ok := errors.AsType[*blamedError](err); ok {
		return blamed.node, blamed.err
	}
	return nil, err
}

// retry reports whether the statement may be sent once more, and waits until it should be.
func (r *scatterRows) retry(n *node, err error) bool {
	switch {
	case r.ctx.Err() != nil:
		return false
	case errors.Is(err, errMoved):
		r.node = n
		r.n.sent++
		return r.reroute(pgerr.Judgement{})
	case errors.Is(err, merge.ErrNotOrderable), errors.Is(err, merge.ErrNotFoldable):
		if r.byServer {
			return false
		}
		r.byServer = true
		r.scatter.ByServer.Store(true)
		return true
	case errors.Is(err, merge.ErrCut):
		if r.whole {
			return false
		}
		r.whole = true
		r.scatter.Cuts.Short()
		return true
	case n == nil:
		return false
	case r.opts.partial != nil && isUnreachable(err):
		return r.goWithout(n, err)
	}
	r.node = n
	return r.again(err)
}

// public gives an error its public form.
func (r *scatterRows) public(n *node, err error) error {
	var large *merge.TooLargeError
	var mismatch *merge.MismatchError
	var disagreement *DisagreementError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &disagreement):
		r.db.renewals.after(r.db, disagreement)
		return disagreement
	case errors.As(err, &large):
		return &TooLargeError{What: large.What, Budget: large.Budget}
	case errors.As(err, &mismatch):
		return &DisagreementError{ShardA: shard.ID(mismatch.ShardA), ShardB: shard.ID(mismatch.ShardB), What: mismatch.What}
	case errors.Is(err, errMoved):
		return &MovedError{Shard: n.id, MapVersion: r.snap.slots.Version()}
	case n == nil:
		return r.db.closedCause(err)
	default:
		return shardError(n.id, err)
	}
}

package router

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// call is one statement on its way: what the caller gave, and where this attempt sends it. It lives on the stack of
// Exec or inside the rows of Query, so that routing allocates nothing.
type call struct {
	db   *DB
	ctx  context.Context
	sql  string
	args []any
	key  shard.Key // the scope; the zero Key is none

	snap   *snapshot
	plan   *plan.Plan
	node   *node
	n      attempts
	target plan.Target
	bound  *plan.Binding // of a statement that was not placed because its keys are on several shards
	tenant uint64        // the hash of the statement's one key, when keys are capped; 0 is none
}

// resolve decides on the shard, anew for each attempt, and returns the arguments to send.
func (c *call) resolve() ([]any, error) {
	snap := c.db.current.Load()
	args, err := c.place(snap)
	if err == nil || !unknownName(err) {
		return args, err
	}
	// The table or column may be newer than the registry in use. Off the hot path: the statement is refused anyway.
	if c.db.loader.relearn(c.ctx) != nil || c.db.current.Load().registry.Version == snap.registry.Version {
		return nil, err
	}
	return c.place(c.db.current.Load())
}

// tenant is what key is called where keys are capped, and 0 without a cap: nothing is hashed for nothing.
func (db *DB) tenant(key shard.Key) uint64 {
	if db.cfg.Pool.MaxPerKey <= 0 {
		return 0
	}
	return key.Hash()
}

// unknownName reports whether err refuses a statement for a name that the registry does not have.
func unknownName(err error) bool {
	r, ok := err.(*RefusedError) //nolint:errorlint // place returns it bare
	return ok && (r.Reason == plan.UnknownTable.String() || r.Reason == plan.UnknownColumn.String())
}

// place decides on the shard by one snapshot, and returns the arguments to send.
func (c *call) place(snap *snapshot) ([]any, error) {
	c.snap = snap
	if len(c.args) > 0 {
		if err := c.options(); err != nil {
			return nil, err
		}
	}
	scope := plan.Unscoped
	if !c.key.IsZero() {
		if err := c.key.Err(); err != nil {
			return nil, err
		}
		scope = plan.Scoped
	}
	p, err := c.db.plans.Get(c.sql, snap.registry, c.db.schema, scope)
	if err != nil {
		return nil, explainDrift(snap.registry, refused(c.sql, err))
	}
	b, err := p.Bind(c.args, c.key)
	if err != nil {
		return nil, c.mismatch(snap, p, err)
	}
	c.plan = p
	if b.Target == plan.ToKey {
		c.node, err = snap.owner(b.Key.Slot())
		c.tenant = c.db.tenant(b.Key)
	} else {
		c.tenant = 0
		c.node, err = snap.target(p, b, c.key)
	}
	if err != nil {
		keep := b // so that b itself needs no allocation
		c.bound = &keep
		return nil, err
	}
	c.target = b.Target
	return b.Args, c.node.check()
}

// target is owner for everything but the one-key case.
func (s *snapshot) target(p *plan.Plan, b plan.Binding, scope shard.Key) (*node, error) {
	switch b.Target {
	case plan.ToKeyList:
		return s.commonOwner(p, b.Keys)
	case plan.ToHome:
		n := s.nodes[p.Home]
		if n == nil {
			return nil, &UnknownShardError{Shard: p.Home, MapVersion: s.slots.Version()}
		}
		return n, nil
	case plan.ToAny:
		if !scope.IsZero() && scope.Err() == nil {
			return s.owner(scope.Slot())
		}
		return s.anyOwner()
	default:
		return nil, errors.New("bug: the planner gave no target")
	}
}

// commonOwner returns the shard that holds all keys.
func (s *snapshot) commonOwner(p *plan.Plan, keys []shard.Key) (*node, error) {
	if len(keys) == 0 {
		return s.anyOwner()
	}
	first, err := s.owner(keys[0].Slot())
	if err != nil || s.onOneShard(keys) {
		return first, err
	}
	found, shards := make([]bool, len(s.owners)), 0
	for _, k := range keys {
		slot := k.Slot()
		if _, err := s.owner(slot); err != nil {
			return nil, err
		}
		if i := s.slots.Index(slot); !found[i] {
			found[i] = true
			shards++
		}
	}
	return nil, &MultiShardError{Table: p.KeyTable, Keys: len(keys), Shards: shards}
}

// onOneShard reports whether one shard holds all keys, and there are some.
func (s *snapshot) onOneShard(keys []shard.Key) bool {
	for _, k := range keys {
		if s.slots.Index(k.Slot()) != s.slots.Index(keys[0].Slot()) {
			return false
		}
	}
	return len(keys) > 0
}

// mismatch gives a refusal of Bind its public form.
func (c *call) mismatch(snap *snapshot, p *plan.Plan, err error) error {
	var m *plan.MismatchError
	var key *shard.KeyError
	switch {
	case errors.As(err, &key):
		return badKey(p, err)
	case !errors.As(err, &m):
		return refused(c.sql, err)
	}
	e := &txn.ShardMismatchError{Table: m.Table, Columns: m.Columns, WantSlot: c.key.Slot()}
	if n, err := snap.owner(e.WantSlot); err == nil {
		e.Want = n.id
	}
	return e
}

// options takes pgx's leading option arguments off. Named arguments become positions; the rest would change how the
// statement is sent behind the planner's back.
func (c *call) options() error {
	switch first := c.args[0].(type) {
	case pgx.NamedArgs:
		return c.rewrite(first)
	case pgx.StrictNamedArgs:
		return c.rewrite(first)
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return &RefusedError{
			Reason: plan.Arguments.String(), Offset: -1, Detail: "pgx's option arguments are not taken on routed handles",
			Hint: "leave them out; Config.ExecMode sets the mode of all statements",
		}
	case pgx.QueryRewriter:
		return &RefusedError{
			Reason: plan.Arguments.String(), Offset: -1, Detail: "a query rewriter of your own is not taken on routed handles",
			Hint: "rewrite the text first, or use pgx.NamedArgs",
		}
	}
	return nil
}

func (c *call) rewrite(r pgx.QueryRewriter) error {
	sql, args, err := r.RewriteQuery(c.ctx, nil, c.sql, c.args[1:])
	if err != nil {
		return err
	}
	c.sql, c.args = sql, args
	return nil
}

// attempts counts how often a statement was sent.
type attempts struct {
	rerouted time.Duration // when a shard first refused the slot under the newest map, since started; 0 is not yet
	reroutes int32         // refusals since
	sent     int32
	byReason int32 // retries for reasons that have a limit of their own
}

// started is what moments are counted from: a Duration takes a third of the room of a time.Time.
var started = time.Now()

const (
	maxAttempts  = 4
	rerouteTime  = 2 * time.Second // longer than a move's pause
	minReroutes  = 5               // however long they took: each may have waited for the move's own locks
	rerouteDelay = 8 * time.Millisecond
	retryDelay   = 5 * time.Millisecond
	connectDelay = 50 * time.Millisecond
	maxDelay     = time.Second
)

// again reports whether the statement may be sent once more after err, and waits until it should be. A statement
// outside a transaction commits by itself, so only what is proven not to have run is sent again.
func (c *call) again(err error) bool {
	c.n.sent++
	j := judge(err)
	switch j.Verdict {
	case pgerr.Reroute:
		return c.reroute(j)
	case pgerr.RetryTx, pgerr.RetryTxIfRerunnable:
		return c.within(j) && c.pause(jitter(retryDelay, c.n.sent))
	case pgerr.RetryLater:
		return c.within(j) && c.pause(connectDelay/2+jitter(connectDelay, c.n.sent))
	default:
		if staleSchema(err) {
			c.db.loader.poke()
		}
		return false
	}
}

// judge is pgerr's verdict on a statement that commits by itself.
func judge(err error) pgerr.Judgement { return pgerr.Judge(err, pgerr.AtCommit) }

func (c *call) within(j pgerr.Judgement) bool {
	if j.Limit > 0 {
		if c.n.byReason++; int(c.n.byReason) > j.Limit {
			return false
		}
	}
	return c.n.sent < maxAttempts
}

// reroute loads the map after a shard refused the statement's slot. The statement is sent again although the map may
// be the old one still: while a slot moves there is a pause in which no shard takes it.
func (c *call) reroute(j pgerr.Judgement) bool {
	if j.Limit > 0 && !c.within(j) {
		return false
	}
	now := time.Since(started)
	if c.n.reroutes++; c.n.reroutes == 1 {
		c.n.rerouted = now
	} else if now-c.n.rerouted > rerouteTime && c.n.reroutes >= minReroutes {
		return false
	}
	version := c.snap.slots.Version()
	if err := c.db.loader.refresh(c.ctx, c.node); err != nil && c.ctx.Err() != nil {
		return false
	}
	if c.db.current.Load().slots.Version() > version {
		c.n.reroutes = 0 // another owner, who may be giving it away in turn
		return true
	}
	return c.pause(rerouteDelay/4 + jitter(rerouteDelay, c.n.sent))
}

// pause waits, and reports whether there is time left for another attempt.
func (c *call) pause(d time.Duration) bool {
	if deadline, ok := c.ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// jitter is full jitter: anything between zero and a bound that doubles.
func jitter(base time.Duration, attempt int32) time.Duration {
	bound := min(base<<min(attempt-1, 16), maxDelay)
	return time.Duration(rand.Int64N(int64(bound) + 1))
}

// learnFrom looks at the catalog soon after an error that says the map or the registry may be old, for what is not sent
// again by itself.
func (db *DB) learnFrom(err error) {
	if judge(err).Verdict == pgerr.Reroute || staleSchema(err) {
		db.loader.poke()
	}
}

// staleSchema reports whether err may mean that the tables are no longer as the registry says.
func staleSchema(err error) bool {
	switch pgerr.Code(err) {
	case "42P01", "42703": // undefined table, undefined column
		return true
	}
	return false
}

// fail gives an error of the statement its public form.
func (c *call) fail(err error) error {
	if err == nil || c.node == nil || errors.Is(err, ErrNoRows) {
		return err
	}
	if _, ok := err.(*ShardError); ok { //nolint:errorlint // only what this very function made
		return err
	}
	if c.plan != nil && !c.plan.ReadOnly {
		return writeError(c.node.id, c.snap.slots.Version(), int(c.n.sent), err)
	}
	return shardError(c.node.id, err)
}

// writeError is shardError for a write that commits by itself: where its reply was lost, also because of Close, it may
// have been executed.
func writeError(id shard.ID, version uint64, attempt int, err error) error {
	if judge(err).Verdict != pgerr.InDoubt {
		return shardError(id, err)
	}
	if errors.Is(err, pool.ErrClosed) {
		err = &closedError{err}
	}
	return &txn.InDoubtError{Shard: id, MapVersion: version, Attempt: attempt, Err: pgerr.Public(err)}
}

// shardError names the shard and drops values from the text.
func shardError(id shard.ID, err error) error {
	if errors.Is(err, pool.ErrClosed) {
		err = &closedError{err}
	}
	return &ShardError{Shard: id, Err: pgerr.Public(err)}
}

package router

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// backend is what routing one statement needs of a *[pool.Database].
type backend interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// node is one shard of the running cluster. Nodes are made by Open and live as long as the DB.
type node struct {
	id       shard.ID
	instance string
	database string
	db       *pool.Database // by the instance's statement address
	direct   *pool.Database // by its session address; db when that is the same
	backend  backend        // db; a stub in benchmarks

	// down is not nil until the shard has been verified: who it is, and that its registry is the cluster's.
	down atomic.Pointer[outage]

	// dialect is what the newest connection said; nil before the first.
	dialect atomic.Pointer[dialect]
	types   typeNames
}

// exec runs a statement of one tenant; 0 is none.
func (n *node) exec(ctx context.Context, tenant uint64, sql string, args []any) (pgconn.CommandTag, error) {
	if tenant != 0 {
		return n.db.ForKey(tenant).Exec(ctx, sql, args...)
	}
	return n.backend.Exec(ctx, sql, args...)
}

// query is exec for a query.
func (n *node) query(ctx context.Context, tenant uint64, sql string, args []any) (pgx.Rows, error) {
	if tenant != 0 {
		return n.db.ForKey(tenant).Query(ctx, sql, args...)
	}
	return n.backend.Query(ctx, sql, args...)
}

type outage struct {
	since time.Time
	err   error
}

// check returns why nothing may be sent to the shard, or nil.
func (n *node) check() error {
	o := n.down.Load()
	if o == nil {
		return nil
	}
	return &ShardDownError{Shard: n.id, Instance: n.instance, Since: o.since, Err: o.err}
}

// snapshot is everything that routing reads. It is replaced, never modified: a call loads it once and keeps it to its
// end, so that the plan, the slot and the shard of one statement belong together.
type snapshot struct {
	slots    *shard.Map
	registry *catalog.Registry

	// nodes are all configured shards, the same map in every snapshot.
	nodes map[shard.ID]*node

	// owners has the node of each of slots.Shards(), in that order; nil for a shard that is not configured.
	owners []*node

	// owned has what each of slots.Shards() owns, in that order.
	owned []ownedSlots

	// sole is where every statement can run as it is; nil when no shard owns every slot and all home tables.
	sole *node
}

func newSnapshot(m *shard.Map, r *catalog.Registry, nodes map[shard.ID]*node) *snapshot {
	s := &snapshot{slots: m, registry: r, nodes: nodes}
	for _, id := range m.Shards() {
		s.owners = append(s.owners, nodes[id])
		s.owned = append(s.owned, newOwnedSlots(m.RangesOf(id)))
	}
	s.sole = s.soleOwner()
	return s
}

// owner returns the shard that holds slot.
func (s *snapshot) owner(slot shard.Slot) (*node, error) {
	i := s.slots.Index(slot)
	if i < 0 {
		return nil, &UnknownShardError{Slot: slot, MapVersion: s.slots.Version()}
	}
	n := s.owners[i]
	if n == nil {
		return nil, &UnknownShardError{Shard: s.slots.Shards()[i], Slot: slot, MapVersion: s.slots.Version()}
	}
	return n, nil
}

package router

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// verify looks at all shards and sets the first snapshot.
func (db *DB) verify(ctx context.Context) error {
	nodes := db.sortedNodes()
	found := make([]facts, len(nodes))
	var wg sync.WaitGroup
	room := make(chan struct{}, maxEachShard)
	for i, n := range nodes {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			found[i] = db.look(ctx, n)
		})
	}
	wg.Wait()
	f := &openFailure{shards: map[shard.ID]error{}}
	up := db.sortOut(nodes, found, f)
	db.checkServers(ctx, up, f)
	checkDatabases(up, f)
	db.checkCluster(up, f)
	slots := db.chooseMap(up, f)
	registry := checkRegistries(up, f)
	if len(f.cluster) == 0 && registry != nil { // nil where no shard answered, which f says
		db.cfg.checkAsserted(registry, f)
	}
	if err := f.err(); err != nil {
		return err
	}
	db.cluster.Store(&up[0].identity.ClusterID)
	db.current.Store(newSnapshot(slots, registry, db.nodes))
	db.plans.Taken(takenNames(up))
	db.warn(up)
	return nil
}

// seen is a shard that answered.
type seen struct {
	*node
	facts
}

// sortOut separates the shards that answered from those that are down and those that are something else.
func (db *DB) sortOut(nodes []*node, found []facts, f *openFailure) []seen {
	var up []seen
	for i, n := range nodes {
		switch {
		case found[i].err == nil:
			up = append(up, seen{n, found[i]})
		case found[i].unreachable && db.opts.allowDown:
			n.down.Store(&outage{since: time.Now(), err: found[i].err})
			db.opts.log.Warn("keyway: shard is down", "shard", string(n.id), "instance", n.instance,
				"error", found[i].err.Error())
		default:
			f.shards[n.id] = found[i].err
		}
	}
	if len(up) == 0 && len(f.shards) == 0 {
		for i, n := range nodes { // AllowDown, and none is up
			f.shards[n.id] = found[i].err
		}
	}
	return up
}

// checkDatabases looks for what a database must not be or have.
func checkDatabases(up []seen, f *openFailure) {
	for _, s := range up {
		if s.encoding != "UTF8" {
			f.shards[s.id] = fmt.Errorf("its database is encoded in %s; keys are hashed as UTF-8, so it must be UTF8", s.encoding)
		}
		if s.equality != "" {
			f.shards[s.id] = fmt.Errorf("the schema on the search_path has an equality of its own for PostgreSQL's types, %s, and "+
				"statements are routed by PostgreSQL's; move it to another schema and write operator(schema.=) where it is meant",
				s.equality)
		}
	}
}

// checkCluster compares the cluster ids and the name of the catalog.
func (db *DB) checkCluster(up []seen, f *openFailure) {
	byCluster := map[string][]shard.ID{}
	for _, s := range up {
		byCluster[s.identity.ClusterID] = append(byCluster[s.identity.ClusterID], s.id)
		if s.identity.Catalog != db.cfg.Catalog {
			f.shards[s.id] = s.identityError("it knows %s as the catalog of its cluster, and the configuration says %s",
				s.identity.Catalog, db.cfg.Catalog)
		}
	}
	if len(byCluster) > 1 {
		var groups []string
		for id, shards := range byCluster {
			groups = append(groups, fmt.Sprintf("%s (%s)", id, idList(shards)))
		}
		f.add("the shards belong to different clusters: %s", sortedList(groups))
	}
}

// chooseMap takes the catalog's map; the newest copy when the catalog is down.
func (db *DB) chooseMap(up []seen, f *openFailure) *shard.Map {
	var newest *shard.Map
	for _, s := range up {
		if s.id == db.cfg.Catalog {
			newest = s.slots
			break
		}
		if newest == nil || s.slots.Version() > newest.Version() {
			newest = s.slots
		}
	}
	if newest == nil {
		return nil
	}
	for _, id := range newest.Shards() {
		if _, ok := db.nodes[id]; !ok {
			f.add("the slot map (version %d) gives slots to shard %s, which is not among the shards (%s); add it",
				newest.Version(), id, joined(db.nodes))
		}
	}
	return newest
}

// checkRegistries compares the registered tables of all shards with those of the first.
func checkRegistries(up []seen, f *openFailure) *catalog.Registry {
	if len(up) == 0 {
		return nil
	}
	first := up[0]
	for _, s := range up[1:] {
		if s.registry.Version != first.registry.Version {
			f.shards[s.id] = fmt.Errorf("its tables differ from those of shard %s: %s; run `keyway migrate up` until all "+
				"shards have the same schema", first.id, strings.Join(registryDiff(first.registry, s.registry), "; "))
		}
	}
	return first.registry
}

// reverify looks at a shard that was down.
func (db *DB) reverify(ctx context.Context, n *node) error {
	got := db.look(ctx, n)
	if got.err != nil {
		return got.err
	}
	cur := db.current.Load()
	if got.registry.Version != cur.registry.Version {
		return fmt.Errorf("its tables differ from those of the other shards: %s",
			strings.Join(registryDiff(cur.registry, got.registry), "; "))
	}
	f := &openFailure{shards: map[shard.ID]error{}}
	me := seen{n, got}
	checkDatabases([]seen{me}, f)
	up := []seen{me}
	for _, other := range db.sortedNodes() {
		if other.instance != n.instance && other.down.Load() == nil {
			var at time.Time
			if other.db.QueryRow(ctx, "select pg_postmaster_start_time()").Scan(&at) == nil {
				up = append(up, seen{other, facts{started: at}})
			}
		}
	}
	db.checkServers(ctx, up, f)
	if err := f.err(); err != nil {
		return err
	}
	db.loader.installMap(got.slots, "copy on "+string(n.id))
	return nil
}

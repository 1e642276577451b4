package router

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/oneserver"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
)

// InitOptions chooses what [Init] makes.
type InitOptions struct {
	// Adopt gives every slot to the catalog's shard: an existing database becomes the first shard of a cluster, nothing
	// moves, and the others start empty. Without it the slots are spread evenly over all shards.
	Adopt bool

	// LeaveRights leaves the rights on the team's own tables to the team's migrations. Without it the app role may read
	// and write the tables that the migrator makes from now on in the configured schema (ALTER DEFAULT PRIVILEGES);
	// rights on tables that exist are never changed.
	LeaveRights bool
}

// InitReport says what Init found and made.
type InitReport struct {
	ClusterID string
	Created   []shard.ID // shards that had no keyway schema; sorted
	Existing  []shard.ID // shards that had it already; sorted
	Map       *shard.Map // the map in force
	NewMap    bool       // it was made by this call

	// Budgets are the connection budgets in force, by instance.
	Budgets map[string]lease.Budget
}

// Init makes a cluster of the configured databases: the keyway schema with the shard's identity on each, the rights of
// the app role (and, where statements go through a pooler, its settings in each database), the connection budget of each
// server, the slot map in the catalog's database and a copy of it on every shard. It connects as the migrator,
// and needs no more rights than that of the databases' owner.
//
// It may be run again: what is there is verified and left as it is, upgraded where it is older, and what is missing is
// made, so that a run that failed half-way is finished and a shard that was added to the configuration joins (it owns
// no slot yet). A database of another cluster, or of another shard of this one, is refused before anything is changed.
func Init(ctx context.Context, cfg Config, o InitOptions) (*InitReport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("%sthe configuration is not usable:\n%w", errPrefix, err)
	}
	in := &initializer{cfg: cfg, adopt: o.Adopt, leaveRights: o.LeaveRights}
	defer in.close()
	if err := in.connect(ctx); err != nil {
		return nil, err
	}
	if err := in.lock(ctx); err != nil {
		return nil, err
	}
	if err := in.identify(ctx); err != nil {
		return nil, err
	}
	return in.apply(ctx)
}

// initializer is one run of Init. Shards are worked on one after another: an error then says how far it came.
type initializer struct {
	cfg         Config
	adopt       bool
	leaveRights bool
	conns       map[shard.ID]*pgx.Conn
	has         map[shard.ID]bool // it has an identity already
	id          string            // of the cluster
	fresh       bool              // no shard had one
}

func (in *initializer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	for _, conn := range in.conns {
		_ = conn.Close(ctx)
	}
}

// connect opens a connection to every shard and looks at the servers.
func (in *initializer) connect(ctx context.Context) error {
	in.conns, in.has = map[shard.ID]*pgx.Conn{}, map[shard.ID]bool{}
	f := &openFailure{shards: map[shard.ID]error{}}
	var up []seen
	for _, id := range in.cfg.shardIDs() {
		s := in.cfg.Shards[id]
		conn, err := in.dial(ctx, id)
		if err != nil {
			f.shards[id] = err
			continue
		}
		in.conns[id] = conn
		got := facts{}
		const about = "select pg_postmaster_start_time(), current_setting('server_encoding')"
		if err := conn.QueryRow(ctx, about).Scan(&got.started, &got.encoding); err != nil {
			f.shards[id] = err
			continue
		}
		up = append(up, seen{&node{id: id, instance: s.Instance, database: s.Database}, got})
	}
	checkServers(up, f, func(a, b seen) (bool, error) { return oneserver.Ask(ctx, in.conns[a.id], in.conns[b.id]) })
	checkDatabases(up, f)
	return f.err()
}

// dial connects as the migrator, without the client setting: what Init writes is not a client's.
func (in *initializer) dial(ctx context.Context, id shard.ID) (*pgx.Conn, error) {
	cc, err := in.cfg.ConnConfig(id, Migrator)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, connectError(cc, err)
	}
	if err := checkVersion(conn); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// connectError says where a connection failed, without the connection string that pgx keeps in its error.
func connectError(cc *pgx.ConnConfig, err error) error {
	return fmt.Errorf("cannot connect to database %s at %s:%d as %s: %w",
		cc.Database, cc.Host, cc.Port, cc.User, pgerr.ConnectCause(err))
}

// initLock is the advisory lock, in the catalog's database, that keeps two Inits apart.
const initLock = 0x6b657977_61790001

// lock polls: a blocked lock request would hold a snapshot open.
func (in *initializer) lock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn := in.conns[in.cfg.Catalog]
	for {
		var got bool
		if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", int64(initLock)).Scan(&got); err != nil {
			return &ShardError{Shard: in.cfg.Catalog, Err: pgerr.Public(err)}
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%sanother init of this cluster is running: %w", errPrefix, ctx.Err())
		case <-time.After(50*time.Millisecond + rand.N(50*time.Millisecond)):
		}
	}
}

// identify reads who every database is, before anything is written.
func (in *initializer) identify(ctx context.Context) error {
	f := &openFailure{shards: map[shard.ID]error{}}
	clusters := map[string][]shard.ID{}
	for _, id := range in.cfg.shardIDs() {
		s := in.cfg.Shards[id]
		n := &node{id: id, instance: s.Instance, database: s.Database}
		got, err := catalog.ReadIdentity(ctx, in.conns[id])
		var older *catalog.OlderError
		switch {
		case errors.Is(err, catalog.ErrNotInitialised):
			continue
		case err != nil && !errors.As(err, &older):
			f.shards[id] = err
			continue
		}
		in.has[id] = true
		if err := n.isIdentity(got); err != nil {
			f.shards[id] = err
			continue
		}
		if got.Catalog != in.cfg.Catalog {
			f.shards[id] = n.identityError("it knows %s as the catalog of its cluster, and the configuration says %s",
				got.Catalog, in.cfg.Catalog)
		}
		clusters[got.ClusterID] = append(clusters[got.ClusterID], id)
		in.id = got.ClusterID
	}
	if len(clusters) > 1 {
		var groups []string
		for id, shards := range clusters {
			groups = append(groups, fmt.Sprintf("%s (%s)", id, idList(shards)))
		}
		f.add("the databases belong to different clusters already: %s; nothing was changed", sortedList(groups))
	}
	if in.id != "" && !in.has[in.cfg.Catalog] {
		f.add("shards belong to cluster %s already, but the database of its catalog, shard %s, is empty; "+
			"check the address of %s", in.id, in.cfg.Catalog, in.cfg.Catalog)
	}
	if in.id == "" {
		in.id, in.fresh = catalog.NewClusterID(), true
	}
	return f.err()
}

// apply makes what is missing. The catalog's database comes first, so that a run that ends half-way has left there
// the cluster id that the next one goes on with.
func (in *initializer) apply(ctx context.Context) (*InitReport, error) {
	report := &InitReport{ClusterID: in.id}
	ids := in.cfg.shardIDs()
	slices.SortStableFunc(ids, func(a, b shard.ID) int {
		switch in.cfg.Catalog {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(string(a), string(b))
	})
	for _, id := range ids {
		if err := in.install(ctx, id); err != nil {
			return report, &ShardError{Shard: id, Err: pgerr.Public(err)}
		}
		if err := in.allow(ctx, id); err != nil {
			return report, &ShardError{Shard: id, Err: pgerr.Public(err)}
		}
		if err := in.settle(ctx, id); err != nil {
			return report, &ShardError{Shard: id, Err: pgerr.Public(err)}
		}
		if in.has[id] {
			report.Existing = append(report.Existing, id)
		} else {
			report.Created = append(report.Created, id)
		}
	}
	slices.Sort(report.Existing)
	slices.Sort(report.Created)
	var err error
	if report.Budgets, err = in.budgets(ctx); err != nil {
		return report, err
	}
	m, fresh, err := in.slotMap(ctx)
	if err != nil {
		return report, &ShardError{Shard: in.cfg.Catalog, Err: pgerr.Public(err)}
	}
	report.Map, report.NewMap = m, fresh
	for _, id := range ids {
		if err := catalog.StoreMap(ctx, in.conns[id], m, id); err != nil {
			return report, &ShardError{Shard: id, Err: pgerr.Public(err)}
		}
	}
	return report, nil
}

func (in *initializer) install(ctx context.Context, id shard.ID) error {
	instance := in.cfg.Shards[id].Instance
	identity := catalog.Identity{
		ClusterID: in.id, Shard: id, Fingerprint: shard.Fingerprint(in.id),
		SchemaVersion: catalog.SchemaVersion, Catalog: in.cfg.Catalog,
	}
	roles := catalog.Roles{App: []string{in.cfg.credential(instance, App).User}}
	return catalog.Install(ctx, in.conns[id], identity, roles)
}

// slotMap returns the catalog's map, making the first one where there is none.
func (in *initializer) slotMap(ctx context.Context) (m *shard.Map, fresh bool, err error) {
	conn := in.conns[in.cfg.Catalog]
	m, err = catalog.ReadMap(ctx, conn)
	if err == nil || !errors.Is(err, catalog.ErrNoMap) {
		return m, false, err
	}
	owners := in.cfg.shardIDs()
	if in.adopt {
		owners = []shard.ID{in.cfg.Catalog}
	}
	if m, err = shard.Even(1, owners...); err != nil {
		return nil, false, err
	}
	return m, true, catalog.SwapMap(ctx, conn, 0, m)
}

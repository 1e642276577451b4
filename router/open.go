package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// Open connects to a cluster and verifies it: that every shard is the one the configuration says, of the same cluster,
// on a server of its own or shared as configured, of PostgreSQL 15 or later and UTF-8; that all shards have the same
// registry of tables; and that the slot map covers every slot with shards that are configured. Everything that is wrong
// comes in one [*OpenError], by shard.
//
// A shard that cannot be reached is such an error too, unless [AllowDown] is given. When that is the catalog's, the
// slot map is the newest copy that another shard has.
//
// Open takes this process's place in the connection budget of every instance and waits for one, as long as ctx allows,
// while the budget has no room: more processes run than it is for. The error is then a [*lease.NotReadyError] in the
// [*OpenError]. A context without an end lets a surplus process start by itself when there is room.
func Open(ctx context.Context, cfg Config, opts ...Option) (*DB, error) {
	db, err := newDB(cfg, opts)
	if err != nil {
		return nil, err
	}
	if err := db.join(ctx); err != nil {
		db.closePools(0)
		db.closeLeases()
		return nil, err
	}
	db.warm(ctx)
	db.loader.start()
	return db, nil
}

// join takes the process's places in the budgets and verifies the cluster.
func (db *DB) join(ctx context.Context) error {
	failed, err := db.awaitBudget(ctx)
	if err != nil {
		return err
	}
	if err := db.verify(ctx); err != nil {
		return err
	}
	if err := db.explainBudget(failed); err != nil {
		return err
	}
	db.warnBudget()
	return nil
}

// newDB makes the pools; nothing is dialled.
func newDB(cfg Config, opts []Option) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("%sthe configuration is not usable:\n%w", errPrefix, err)
	}
	db := &DB{
		cfg: cfg, opts: newOptions(opts), schema: cfg.schema(),
		instances: map[string]*pool.Instance{}, nodes: map[shard.ID]*node{}, leases: map[string]*leaseholder{},
		txns: txn.NewRunner(txn.RunnerConfig{}),
	}
	db.plans = plan.NewCache(db.opts.plans)
	db.loader = newLoader(db)
	db.observer = newObserver(cfg, db.opts.log)
	for _, name := range cfg.instanceNames() {
		if err := db.addInstance(name); err != nil {
			db.closePools(0)
			return nil, err
		}
	}
	for _, id := range cfg.shardIDs() {
		if err := db.addNode(id); err != nil {
			db.closePools(0)
			return nil, err
		}
	}
	for _, l := range db.leases {
		l.db = db.nodes[l.home].direct
		if db.opts.unleased > 0 {
			continue
		}
		if err := l.start(db.cfg, db.opts); err != nil {
			db.closePools(0)
			db.closeLeases()
			return nil, err
		}
	}
	return db, nil
}

// addInstance makes the pool of an instance. Its limit is set by the lease, which starts when the shards are there.
func (db *DB) addInstance(name string) error {
	home := db.cfg.Home(name)
	l := &leaseholder{
		instance: name, home: home, changed: make(chan struct{}, 1),
		holder: lease.NewHolder(db.cfg.Shards[home].Database, db.cfg.applicationName()),
		dial:   func(ctx context.Context) (*pgx.ConnConfig, error) { return db.cfg.connConfig(ctx, home, App) },
	}
	db.leases[name] = l
	cc, err := db.instanceConfig(name, db.cfg.Instances[name].statementAddress())
	if err != nil {
		return err
	}
	pc := pool.Config{Name: name, Conn: cc, Limit: cmp.Or(db.opts.unleased, 1), Control: -1, Log: db.opts.log}
	db.cfg.Pool.apply(&pc)
	if db.cfg.ExecMode == CacheStatement {
		pc.PoolerExecMode = cc.DefaultQueryExecMode
	}
	if db.cfg.Shards[db.cfg.Catalog].Instance == name {
		pc.Control = 1 // it listens for changes of the map
		l.rose = db.loader.limitRose
	}
	password := cc.Password
	pc.Password = func(ctx context.Context, _ string) (string, error) {
		if err := l.mayDial(); err != nil {
			return "", err
		}
		if db.cfg.Password != nil {
			return db.cfg.Password(ctx, name, App)
		}
		return password, nil
	}
	if l.pool, err = pool.New(pc); err != nil {
		return err
	}
	db.instances[name] = l.pool
	return nil
}

// instanceConfig is for connections of the pool: by their application_name the server tells whose lease they are of.
func (db *DB) instanceConfig(name, address string) (*pgx.ConnConfig, error) {
	cc, err := db.cfg.instanceConfig(name, App, address)
	if err != nil {
		return nil, err
	}
	cc.Tracer = db.opts.tracer
	if db.opts.unleased == 0 {
		cc.RuntimeParams["application_name"] = db.leases[name].holder.ApplicationName()
	}
	return cc, nil
}

func (db *DB) addNode(id shard.ID) error {
	s := db.cfg.Shards[id]
	n := &node{id: id, instance: s.Instance, database: s.Database}
	pc := pool.DatabaseConfig{
		Shard: string(id),
		// Every connection, not only the first: an address may begin to answer as another server at any time.
		AfterConnect: func(ctx context.Context, conn *pgx.Conn) error { return db.checkConn(ctx, n, conn) },
	}
	n.db = db.instances[s.Instance].Database(s.Database, pc)
	n.backend, n.direct = n.db, n.db
	if in := db.cfg.Instances[s.Instance]; in.divided() {
		cc, err := db.instanceConfig(s.Instance, in.sessionAddress())
		if err != nil {
			return err
		}
		pc.Conn = cc
		n.direct = db.instances[s.Instance].Database(s.Database, pc)
	}
	db.nodes[id] = n
	return nil
}

// sortedNodes returns all shards, sorted by id.
func (db *DB) sortedNodes() []*node {
	list := make([]*node, 0, len(db.nodes))
	for _, id := range slices.Sorted(maps.Keys(db.nodes)) {
		list = append(list, db.nodes[id])
	}
	return list
}

// open returns ErrClosed after Close.
func (db *DB) open() error {
	if db.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Close ends the DB: it waits for running queries as long as [WithCloseGrace] says, then ends them; both they and later
// calls get [ErrClosed]. It may be called again. Every *pgxpool.Pool made by [ShardDB.PgxPool] should be closed before.
func (db *DB) Close() {
	db.closing.Do(func() {
		db.closed.Store(true)
		db.loader.stop()
		db.closePools(db.opts.grace)
		db.closeLeases()
		db.observer.writeDue(0)
	})
}

// closePools closes all instances at once and waits.
func (db *DB) closePools(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var wg sync.WaitGroup
	for name, in := range db.instances {
		wg.Go(func() {
			var forced *pool.CloseError
			if err := in.Close(ctx); errors.As(err, &forced) && forced.Forced > 0 {
				db.opts.log.Warn("keyway: closed while queries were running", "instance", name, "queries", forced.Forced)
			}
		})
	}
	wg.Wait()
}

// closedCause turns what Close does to a running transaction into ErrClosed.
func (db *DB) closedCause(err error) error {
	switch {
	case err == nil, !db.closed.Load(), errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, pool.ErrClosed), pgerr.ConnectionLost(err):
		return &closedError{err}
	default:
		return err
	}
}

// openFailure collects what is wrong.
type openFailure struct {
	cluster []error
	shards  map[shard.ID]error
}

func (f *openFailure) add(format string, args ...any) {
	f.cluster = append(f.cluster, fmt.Errorf(format, args...))
}

func (f *openFailure) err() error {
	if len(f.cluster) == 0 && len(f.shards) == 0 {
		return nil
	}
	e := &OpenError{Cluster: f.cluster}
	slices.SortFunc(e.Cluster, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	for _, id := range slices.Sorted(maps.Keys(f.shards)) {
		e.Shards = append(e.Shards, &ShardError{Shard: id, Err: pgerr.Public(f.shards[id])})
	}
	return e
}

package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// minServer is the oldest PostgreSQL that the keyway schema runs on.
const minServer = 15

// checkConn verifies one new connection: the server's version, the settings that statements are read by, and who the
// database is. The cluster's id is known after Open's first look.
//
// Behind a pooler it verifies one of the backends that the connection may meet. Who they are holds for all, because a
// pooler takes them from one database of one server for one role; only a pooler whose own configuration changes under
// way, which drops its clients, leads elsewhere. Their settings are those of the role, as long as no other client of the
// role changes them for its session; the loader looks again and again.
func (db *DB) checkConn(ctx context.Context, n *node, conn *pgx.Conn) error {
	if err := checkVersion(conn); err != nil {
		return err
	}
	if err := db.cfg.checkSettings(ctx, conn); err != nil {
		return err
	}
	d, err := readDialect(ctx, conn)
	if err != nil {
		return err
	}
	n.dialect.Store(d)
	id, err := catalog.ReadIdentity(ctx, conn)
	if err != nil {
		return err
	}
	if err := n.isIdentity(id); err != nil {
		return err
	}
	if want := db.cluster.Load(); want != nil && id.ClusterID != *want {
		return n.identityError("its database belongs to cluster %s, and the other shards to cluster %s", id.ClusterID, *want)
	}
	return nil
}

// checkVersion refuses servers before PostgreSQL 15. The version may be "15.18 (Debian ...)", "18beta1" or "19devel".
func checkVersion(conn *pgx.Conn) error {
	version := conn.PgConn().ParameterStatus("server_version")
	if major, err := strconv.Atoi(leadingDigits(version)); err != nil || major < minServer {
		return &catalog.ServerVersionError{Version: version}
	}
	return nil
}

func leadingDigits(s string) string {
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	return s[:end]
}

func (n *node) identityError(format string, args ...any) *IdentityError {
	return &IdentityError{Shard: n.id, Instance: n.instance, Detail: fmt.Sprintf(format, args...)}
}

// isIdentity compares who the database says it is with who the configuration says.
func (n *node) isIdentity(id catalog.Identity) error {
	if id.Shard != n.id {
		return n.identityError("its address answers as shard %s; two addresses are swapped, or one points at the wrong "+
			"database (%s)", id.Shard, n.database)
	}
	if want := shard.Fingerprint(id.ClusterID); id.Fingerprint != want {
		return n.identityError("its rows were placed by another rule (%q) than this library's (%q)", id.Fingerprint, want)
	}
	return nil
}

// facts is what one look at a shard finds.
type facts struct {
	identity catalog.Identity
	slots    *shard.Map
	registry *catalog.Registry
	started  time.Time // the server's start; two instances never share it unless they are one
	encoding string

	role      string
	superuser bool
	bypassRLS bool
	owner     string // a registered table that the role owns; empty when there is none
	equality  string // an "=" of the application's schema for PostgreSQL's own types; empty when there is none
	shadows   string // functions of that schema with names of PostgreSQL's own; empty when there are none

	taken []string // functions of that schema with names that a later PostgreSQL has

	err         error
	unreachable bool // err is about reaching the server, not about what it is
}

// look reads the facts of one shard over a connection of the pool, or over one beside it when this process has no lease:
// what is wrong with the shard may be why.
func (db *DB) look(ctx context.Context, n *node) facts {
	f, err := db.lookThroughPool(ctx, n)
	var none *pool.NoBudgetError
	switch {
	case err == nil:
		return f
	case !errors.As(err, &none):
		return facts{err: rootCause(err), unreachable: isUnreachable(err)}
	}
	if err := db.beside(ctx, n, func(conn *pgx.Conn) { f = db.readFacts(ctx, conn) }); err != nil {
		return facts{err: rootCause(err), unreachable: isUnreachable(err)}
	}
	return f
}

// lookThroughPool returns an error only where there was no connection to look over.
func (db *DB) lookThroughPool(ctx context.Context, n *node) (facts, error) {
	if err := inspect(ctx, n); err != nil {
		return facts{}, err
	}
	conn, err := n.db.Acquire(ctx)
	if err != nil {
		return facts{}, err
	}
	defer conn.Release()
	if n.db.Pooling() != pool.NoPooling {
		if err := db.cfg.checkSettings(ctx, conn.Conn()); err != nil {
			return facts{err: err}, nil
		}
	}
	return db.readFacts(ctx, conn), nil
}

// beside opens one connection that is not the pool's, checks it as the pool's are, and closes it after use. It counts
// in the reserve of the instance's budget.
func (db *DB) beside(ctx context.Context, n *node, use func(*pgx.Conn)) error {
	cc, err := db.cfg.connConfig(ctx, n.id, App)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cc)
	switch {
	case pgerr.Code(err) == "42501":
		return noRights(cc.User, cc.Database, connectError(cc, err))
	case err != nil:
		return connectError(cc, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if err := db.checkConn(ctx, n, conn); err != nil {
		return err
	}
	use(conn)
	return nil
}

// readFacts reads the facts of one shard.
func (db *DB) readFacts(ctx context.Context, conn catalog.Querier) (f facts) {
	var err error
	if f.identity, err = catalog.ReadIdentity(ctx, conn); err != nil {
		return facts{err: err}
	}
	if f.slots, err = catalog.ReadMap(ctx, conn); err != nil {
		return facts{err: err}
	}
	if f.registry, err = catalog.ReadRegistry(ctx, conn); err != nil {
		return facts{err: err}
	}
	const about = `select pg_postmaster_start_time(), current_setting('server_encoding'), current_user, r.rolsuper,
		r.rolbypassrls from pg_roles r where r.rolname = current_user`
	if err := conn.QueryRow(ctx, about).Scan(&f.started, &f.encoding, &f.role, &f.superuser, &f.bypassRLS); err != nil {
		return facts{err: err}
	}
	if f.owner, err = ownedTable(ctx, conn, f.registry); err != nil {
		return facts{err: err}
	}
	var names []string
	var since []int32
	for name, version := range plan.NewerFunctions() {
		names, since = append(names, name), append(since, int32(version))
	}
	if err := conn.QueryRow(ctx, shadowing, names, since).Scan(&f.equality, &f.shadows, &f.taken); err != nil {
		return facts{err: err}
	}
	return f
}

// inspect finds out what a shard's addresses lead to. That the one for sessions cannot be reached does not keep
// statements from their own.
func inspect(ctx context.Context, n *node) error {
	if _, err := n.db.Inspect(ctx); err != nil || n.direct == n.db {
		return err
	}
	if _, err := n.direct.Inspect(ctx); err != nil && !isUnreachable(err) {
		return err
	}
	return nil
}

// shadowing finds what PostgreSQL would call in place of its own operators and functions. pg_catalog is searched first,
// but of all schemas the candidate whose types fit best is taken: an operator = of the schema for two varchar values
// is nearer than pg_catalog's, which is for text. What an extension brings is for types of its own.
const shadowing = `
	with names as (select oid from pg_catalog.pg_namespace where nspname = any(current_schemas(false)))
	select coalesce((select min(o.oid::pg_catalog.regoperator::text) from pg_catalog.pg_operator o
		join pg_catalog.pg_type l on l.oid = o.oprleft and l.typnamespace = 'pg_catalog'::regnamespace
		join pg_catalog.pg_type r on r.oid = o.oprright and r.typnamespace = 'pg_catalog'::regnamespace
		where o.oprname = '=' and o.oprnamespace in (select oid from names) and not exists (
			select from pg_catalog.pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e')), ''),
	coalesce((select string_agg(distinct p.proname, ', ') from pg_catalog.pg_proc p
		join pg_catalog.pg_proc c on c.proname = p.proname and c.pronamespace = 'pg_catalog'::regnamespace
		where p.pronamespace in (select oid from names) and not exists (
			select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')), ''),
	array(select distinct p.proname::text from pg_catalog.pg_proc p join unnest($1::text[], $2::int[]) as n(name, since) on n.name = p.proname
		where p.pronamespace in (select oid from names) and n.since > current_setting('server_version_num')::int / 10000 and not exists (
			select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))`

// takenNames are the functions that a statement would call in place of PostgreSQL's own of a later version, on any shard.
func takenNames(up []seen) []string {
	var names []string
	for _, s := range up {
		names = append(names, s.taken...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ownedTable returns a registered table of which the role is an owner, so that it could alter it and row-level
// security does not hold for it.
func ownedTable(ctx context.Context, q catalog.Querier, r *catalog.Registry) (string, error) {
	var oids []uint32
	for _, t := range r.Tables() {
		oids = append(oids, t.OID)
	}
	if len(oids) == 0 {
		return "", nil
	}
	var name string
	err := q.QueryRow(ctx, `select coalesce(min(oid::regclass::text), '') from pg_class
		where oid = any($1) and pg_has_role(current_user, relowner, 'usage')`, oids).Scan(&name)
	return name, err
}

// isUnreachable reports whether an error of Acquire is about the way to the server: it was not there, or was starting
// or full. Whatever the server answers else is a fault of the configuration or of the database.
func isUnreachable(err error) bool {
	var identity *IdentityError
	var version *catalog.ServerVersionError
	var newer *catalog.NewerError
	var older *catalog.OlderError
	var settings *SettingsError
	var pooler *pool.PoolerError
	switch {
	case errors.As(err, &identity), errors.As(err, &settings), errors.As(err, &pooler), errors.As(err, &version), errors.As(err, &newer), errors.As(err, &older),
		errors.Is(err, catalog.ErrNotInitialised):
		return false
	}
	switch code := pgerr.Code(err); code {
	case "":
		return true
	default:
		return strings.HasPrefix(code, "57") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "08")
	}
}

// rootCause takes what checkConn found out of the pool's wrapping: it is a sentence of its own.
func rootCause(err error) error {
	var identity *IdentityError
	var version *catalog.ServerVersionError
	var settings *SettingsError
	var connect *pool.ConnectError
	switch {
	case errors.As(err, &identity):
		return identity
	case errors.As(err, &settings):
		return settings
	case errors.As(err, &version):
		return version
	case errors.Is(err, catalog.ErrNotInitialised):
		return catalog.ErrNotInitialised
	case errors.As(err, &connect) && pgerr.Code(err) == "42501":
		return noRights(connect.User, connect.Database, err)
	default:
		return err
	}
}

// noRights explains an insufficient_privilege of a role that has just connected or tried to.
func noRights(role, database string, err error) error {
	return fmt.Errorf("the role %s may not read the keyway schema of database %s; run `keyway init` with it as "+
		"credentials.app: %w", role, database, err)
}

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
	checkServers(up, f)
	db.checkCluster(up, f)
	slots := db.chooseMap(up, f)
	registry := checkRegistries(up, f)
	if len(f.cluster) == 0 {
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

// checkServers finds instances that are one server.
func checkServers(up []seen, f *openFailure) {
	byStart := map[int64]seen{}
	for _, s := range up {
		at := s.started.UnixMicro()
		other, ok := byStart[at]
		if ok && other.instance != s.instance {
			f.add("instances %s and %s are one server (it started at %s); a server has one budget, so name it once and "+
				"put shards %s and %s on it as two databases",
				other.instance, s.instance, s.started.UTC().Format(time.RFC3339), other.id, s.id)
		}
		byStart[at] = s
	}
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

// warn tells what works and should not stay so.
func (db *DB) warn(up []seen) {
	log := db.opts.log
	version := db.current.Load().slots.Version()
	for _, s := range up {
		switch have := s.slots.Version(); {
		case have < version:
			log.Warn("keyway: the shard has an older slot map, by which its triggers refuse and take rows; a move is on its way, "+
				"or the database is an older copy", "shard", string(s.id), "has", have, "current", version)
		case have > version:
			log.Warn("keyway: the shard has a newer slot map than the catalog; a move is on its way, or the catalog's database "+
				"is an older copy", "shard", string(s.id), "has", have, "current", version)
		}
		switch {
		case s.superuser:
			log.Warn("keyway: the app role is a superuser; give it only the rights that statements need",
				"shard", string(s.id), "role", s.role)
		case s.owner != "":
			log.Warn("keyway: the app role owns tables; let the migrator own them", "shard", string(s.id), "role", s.role,
				"table", s.owner)
		case s.bypassRLS:
			log.Warn("keyway: the app role bypasses row-level security", "shard", string(s.id), "role", s.role)
		}
		if s.shadows != "" {
			log.Warn("keyway: functions of the schema have names of PostgreSQL's own and may be called in their place; what they "+
				"read of other keys is on other shards", "shard", string(s.id), "functions", s.shadows)
		}
		for _, d := range s.registry.Drift() {
			log.Warn("keyway: a registered table is not as it was registered; statements on it are refused",
				"shard", string(s.id), "table", d.Schema+"."+d.Name, "reason", d.Reason)
		}
	}
	for _, name := range db.cfg.instanceNames() {
		in := db.cfg.Instances[name]
		if len(in.Replicas) > 0 {
			log.Warn("keyway: replica addresses are not used yet; statements go to the primary", "instance", name)
		}
	}
	db.tellPoolers(up)
}

// tellPoolers says, once for each instance, what stands in front of it.
func (db *DB) tellPoolers(up []seen) {
	told := map[string]bool{}
	for _, s := range up {
		pooling := s.db.Pooling()
		if pooling == pool.NoPooling || told[s.instance] {
			continue
		}
		told[s.instance] = true
		db.opts.log.Info("keyway: statements go through a pooler; its clients are bounded, not its backends, and no statement "+
			"is prepared by name unless exec_mode says so", "instance", s.instance, "pooling", pooling.String())
		if pooling == pool.TransactionPooling && s.direct.Pooling() == pool.TransactionPooling {
			db.opts.log.Warn("keyway: the instance has no address for sessions; a changed slot map is looked for instead of "+
				"listened for, and Shard and EachShard are refused; give its direct address", "instance", s.instance)
		}
	}
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
	up := []seen{{n, got}}
	for _, other := range db.sortedNodes() {
		if other.instance != n.instance && other.down.Load() == nil {
			var at time.Time
			if other.db.QueryRow(ctx, "select pg_postmaster_start_time()").Scan(&at) == nil {
				up = append(up, seen{other, facts{started: at, encoding: "UTF8"}})
			}
		}
	}
	checkServers(up, f)
	if err := f.err(); err != nil {
		return err
	}
	db.loader.installMap(got.slots, "copy on "+string(n.id))
	return nil
}

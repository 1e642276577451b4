package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// facts is what one look at a shard finds.
type facts struct {
	identity catalog.Identity
	slots    *shard.Map
	registry *catalog.Registry
	started  time.Time // the server's start; where it differs, so do the servers
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
	if err := conn.MeasureRoundTrip(ctx, firstTrips); err != nil {
		return facts{}, err
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
	var disagreement *DisagreementError
	switch {
	case errors.As(err, &identity), errors.As(err, &settings), errors.As(err, &pooler), errors.As(err, &version), errors.As(err, &newer), errors.As(err, &older),
		errors.As(err, &disagreement), errors.Is(err, catalog.ErrNotInitialised):
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

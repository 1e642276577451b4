package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// facts are what one shard says.
type facts struct {
	id                 shard.ID
	instance, database string

	err         error // it could not be looked at as the app
	migratorErr error // nor as the migrator

	pooling       pool.Pooling
	statementsErr error // by the address of statements

	server   server
	app      role
	migrator role

	budget    lease.Budget // of the server, in its home database
	budgetErr error
	homeErr   error // the database names another home

	identity    catalog.Identity
	identityErr error
	slots       *shard.Map
	registry    *catalog.Registry
	ungranted   []string // registered tables on which the app lacks a right, with the right

	migration  *int64
	unfinished []string // migration files that are recorded as started
}

type server struct {
	started           time.Time
	database          string // its real name
	versionNum        int
	version, encoding string
	collation         string // "" when it is as the database was made with
	maxConnections    int
	reserved          int
	others            int // client backends of other roles
	databaseLimit     int // -1: none
	settings          map[string]string
}

type role struct {
	name                          string
	super, bypassRLS, replication bool
	limit                         int // -1: none
	ownsSchema                    bool
	owned                         string // a registered table that it owns
	createRole, createDB          bool
}

func look(ctx context.Context, cfg router.Config, id shard.ID) *facts {
	s := cfg.Shards[id]
	f := &facts{id: id, instance: s.Instance, database: s.Database}
	f.err = with(ctx, cfg, id, router.App, func(ctx context.Context, conn *pgx.Conn) error { return f.lookAsApp(ctx, conn, cfg) })
	f.pooling, f.statementsErr = cfg.ProbeStatements(ctx, id)
	if cfg.Credentials.Migrator.User != "" || cfg.Instances[s.Instance].Credentials.Migrator.User != "" {
		f.migratorErr = with(ctx, cfg, id, router.Migrator, f.lookAsMigrator)
	}
	return f
}

// with opens a connection for as long as do runs.
func with(ctx context.Context, cfg router.Config, id shard.ID, p router.Purpose, do func(context.Context, *pgx.Conn) error) error {
	cc, err := cfg.ConnConfig(id, p)
	if err != nil {
		return err
	}
	cc.RuntimeParams["application_name"] = "keyway doctor"
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return fmt.Errorf("cannot connect to %s:%d as %s: %w", cc.Host, cc.Port, cc.User, pgerr.ConnectCause(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if err := do(ctx, conn); err != nil {
		return fmt.Errorf("as %s: %w", cc.User, pgerr.Public(err))
	}
	return nil
}

func (f *facts) lookAsApp(ctx context.Context, conn *pgx.Conn, cfg router.Config) error {
	if err := f.server.read(ctx, conn); err != nil {
		return err
	}
	if err := f.app.read(ctx, conn); err != nil {
		return err
	}
	if f.identity, f.identityErr = catalog.ReadIdentity(ctx, conn); f.identityErr != nil {
		return nil // everything below is in the schema that is not there
	}
	f.lookAtBudget(ctx, conn, cfg)
	var err error
	if f.slots, err = catalog.ReadMap(ctx, conn); err != nil && !errors.Is(err, catalog.ErrNoMap) {
		return err
	}
	if f.registry, err = catalog.ReadRegistry(ctx, conn); err != nil {
		return err
	}
	if f.app.owned, err = ownedTable(ctx, conn, f.registry); err != nil {
		return err
	}
	if err := f.readGrants(ctx, conn); err != nil {
		return err
	}
	return f.readMigrations(ctx, conn)
}

// lookAtBudget reads what the database says of its server's budget.
func (f *facts) lookAtBudget(ctx context.Context, conn *pgx.Conn, cfg router.Config) {
	home := cfg.Home(f.instance)
	f.homeErr = lease.CheckHome(ctx, conn, f.database, cfg.Shards[home].Database)
	if f.id == home {
		f.budget, f.budgetErr = lease.ReadBudget(ctx, conn)
	}
}

func (f *facts) lookAsMigrator(ctx context.Context, conn *pgx.Conn) error {
	if err := f.migrator.read(ctx, conn); err != nil {
		return err
	}
	// The history is the migrator's; the app may lack the right to read it.
	return f.readMigrations(ctx, conn)
}

func (s *server) read(ctx context.Context, conn *pgx.Conn) error {
	err := conn.QueryRow(ctx, `select pg_postmaster_start_time(), d.datname, current_setting('server_version_num')::int,
			current_setting('server_version'), current_setting('server_encoding'),
			current_setting('max_connections')::int,
			current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
			d.datconnlimit,
			(select count(*) from pg_stat_activity where backend_type = 'client backend' and usename <> current_user),
			case when d.datcollversion <> pg_database_collation_actual_version(d.oid)
				then format('%s, and the system has %s', d.datcollversion, pg_database_collation_actual_version(d.oid)) else '' end
		from pg_database d where d.datname = current_database()`).
		Scan(&s.started, &s.database, &s.versionNum, &s.version, &s.encoding, &s.maxConnections, &s.reserved,
			&s.databaseLimit, &s.others, &s.collation)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `select name, setting from pg_settings where name in ('wal_level', 'max_prepared_transactions',
		'max_replication_slots', 'max_wal_senders', 'max_logical_replication_workers', 'default_transaction_read_only', 'fsync',
		'full_page_writes', 'synchronous_commit')`)
	if err != nil {
		return err
	}
	s.settings = make(map[string]string)
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		s.settings[name] = value
		return nil
	})
	return err
}

func (r *role) read(ctx context.Context, conn *pgx.Conn) error {
	return conn.QueryRow(ctx, `select r.rolname, r.rolsuper, r.rolbypassrls, r.rolreplication, r.rolconnlimit, r.rolcreaterole, r.rolcreatedb,
			coalesce((select pg_has_role(current_user, n.nspowner, 'usage') from pg_namespace n where n.nspname = 'keyway'), false)
		from pg_roles r where r.rolname = current_user`).
		Scan(&r.name, &r.super, &r.bypassRLS, &r.replication, &r.limit, &r.createRole, &r.createDB, &r.ownsSchema)
}

func oids(r *catalog.Registry) []uint32 {
	var list []uint32
	for _, t := range r.Tables() {
		list = append(list, t.OID)
	}
	return list
}

func ownedTable(ctx context.Context, conn *pgx.Conn, r *catalog.Registry) (name string, err error) {
	err = conn.QueryRow(ctx, `select coalesce(min(oid::regclass::text), '') from pg_class
		where oid = any($1) and pg_has_role(current_user, relowner, 'usage')`, oids(r)).Scan(&name)
	return name, err
}

func (f *facts) readGrants(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select format('%s (%s)', c.oid::regclass, string_agg(lower(p.verb), ', ' order by p.verb))
		from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p (verb)
		where c.oid = any($1) and not has_table_privilege(c.oid, p.verb) group by c.oid order by 1`, oids(f.registry))
	if err != nil {
		return err
	}
	f.ungranted, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}

func (f *facts) readMigrations(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	err := conn.QueryRow(ctx, `select coalesce(has_table_privilege(to_regclass('keyway.migration_log'), 'select'), false)`).Scan(&there)
	if err != nil || !there {
		return err
	}
	return conn.QueryRow(ctx, `select max(version) filter (where finished is not null),
		coalesce(array_agg(name order by version) filter (where finished is null), '{}') from keyway.migration_log`).
		Scan(&f.migration, &f.unfinished)
}

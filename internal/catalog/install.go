package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Roles are the roles that [Install] grants rights to.
type Roles struct {
	// App are the roles the services connect as. They may read the identity, the map, the registry and the connection
	// budget, and renew leases on it; they change nothing else. Writing to sharded tables needs no right on the schema.
	App []string
}

// lockKey is the advisory lock that one installer holds: "keyway" in ASCII.
const lockKey = 0x6B6579776179

// lockPoll is how often the lock is tried. It is polled, not waited for: a session that waits inside a transaction
// would hold up CREATE INDEX CONCURRENTLY in any other.
const lockPoll = 100 * time.Millisecond

// minServer is the oldest server_version_num that is served.
const minServer = 150000

// Install creates the keyway schema in the database of conn, or upgrades it, and grants rights to the roles, all in one
// transaction under an advisory lock. It needs no superuser: a role that owns the user's tables and may create schemas
// in the database. Installing the same again changes nothing but the grants.
//
// It refuses a database that belongs to another cluster or is another shard ([*IdentityError]), a schema of a later
// version ([*NewerError]), a server before PostgreSQL 15 ([*ServerVersionError]), and a connection in a transaction.
func Install(ctx context.Context, conn *pgx.Conn, id Identity, roles Roles) error {
	return install(ctx, conn, id, roles, schemaFiles)
}

func install(ctx context.Context, conn *pgx.Conn, id Identity, roles Roles, files fs.FS) error {
	id, err := id.normalise()
	if err != nil {
		return err
	}
	versions, err := versionsOf(files)
	if err != nil {
		return fmt.Errorf("catalog: the embedded schema: %w", err)
	}
	if err := checkServer(ctx, conn); err != nil {
		return err
	}
	tx, err := beginLocked(ctx, conn)
	if err != nil {
		return fmt.Errorf("catalog: install on shard %s: %w", id.Shard, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()

	for _, step := range []func() error{
		func() error { return upgrade(ctx, tx, versions) },
		func() error { return identify(ctx, tx, id) },
		func() error { return grant(ctx, tx, roles) },
		func() error { return tx.Commit(ctx) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("catalog: install on shard %s: %w", id.Shard, err)
		}
	}
	return nil
}

func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var num int
	var text string
	err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int, current_setting('server_version')",
		pgx.QueryExecModeSimpleProtocol).Scan(&num, &text)
	if err != nil {
		return fmt.Errorf("catalog: install: %w", err)
	}
	if num < minServer {
		return &ServerVersionError{Version: text}
	}
	return nil
}

// beginLocked begins a transaction that holds the installers' lock.
func beginLocked(ctx context.Context, conn *pgx.Conn) (pgx.Tx, error) {
	if conn.PgConn().TxStatus() != 'I' {
		return nil, errors.New("the connection is inside a transaction; install on one that is not")
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for refused := false; ; refused = true {
		var tx pgx.Tx
		var err error
		select {
		case <-timer.C:
			tx, err = tryLocked(ctx, conn)
		case <-ctx.Done():
			err = ctx.Err()
		}
		switch {
		case err != nil && refused && ctx.Err() != nil:
			return nil, fmt.Errorf("another installation holds the lock: %w", err)
		case err != nil || tx != nil:
			return tx, err
		}
		timer.Reset(lockPoll)
	}
}

// tryLocked begins a transaction that holds the installers' lock, or returns nil when somebody else holds it.
func tryLocked(ctx context.Context, conn *pgx.Conn) (pgx.Tx, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return nil, err
	}
	var locked bool
	err = tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", int64(lockKey)).Scan(&locked)
	if err == nil && locked {
		return tx, nil
	}
	return nil, errors.Join(err, tx.Rollback(ctx))
}

// upgrade runs the versions that the database does not have yet.
func upgrade(ctx context.Context, tx pgx.Tx, versions []version) error {
	have, err := installedVersion(ctx, tx)
	if err != nil {
		return err
	}
	if have > len(versions) {
		return &NewerError{Have: have, Know: len(versions)}
	}
	for _, v := range versions[have:] {
		// The simple protocol runs the many statements of a version in one message.
		if _, err := tx.Conn().PgConn().Exec(ctx, v.sql).ReadAll(); err != nil {
			return explainRights(fmt.Errorf("version %d of the schema: %w", v.number, err))
		}
		const record = "insert into keyway.schema_version (version) values ($1)"
		if _, err := tx.Exec(ctx, record, v.number); err != nil {
			return err
		}
	}
	return nil
}

// installedVersion returns 0 when the schema is not there, having made room for it.
func installedVersion(ctx context.Context, tx pgx.Tx) (int, error) {
	var there bool
	if err := tx.QueryRow(ctx, "select to_regclass('keyway.schema_version') is not null").Scan(&there); err != nil {
		return 0, explainRights(err)
	}
	if !there {
		// The functions of the stub have other bodies and, where the real ones set options, other declarations.
		const creation = `
do $$ begin
  if obj_description(to_regnamespace('keyway'), 'pg_namespace') = 'no-op stub of Keyway''s functions' then
    drop schema keyway cascade;
  end if;
end $$;
create schema keyway;
create table keyway.schema_version (version int primary key, installed_at timestamptz not null default now());`
		if _, err := tx.Conn().PgConn().Exec(ctx, creation).ReadAll(); err != nil {
			return 0, explainRights(err)
		}
		return 0, nil
	}
	var have int
	err := tx.QueryRow(ctx, "select coalesce(max(version), 0) from keyway.schema_version").Scan(&have)
	return have, explainRights(err)
}

// explainRights says which rights an installer needs where PostgreSQL only says that one was missing.
func explainRights(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42501" {
		return fmt.Errorf("the role may not do this; use the role that owns the tables, and let it create schemas "+
			"(grant create on database ... to ...): %w", err)
	}
	return err
}

// identify writes the identity, or compares it with the one that is there.
func identify(ctx context.Context, tx pgx.Tx, id Identity) error {
	have, err := ReadIdentity(ctx, tx)
	switch {
	case errors.Is(err, errNoIdentity):
		_, err := tx.Exec(ctx, "insert into keyway.identity (cluster_id, shard, fingerprint, catalog) values ($1, $2, $3, $4)",
			id.ClusterID, string(id.Shard), id.Fingerprint, string(id.Catalog))
		return err
	case err != nil && !errors.As(err, new(*NewerError)):
		return err
	}
	have.SchemaVersion = 0
	if have != id {
		return &IdentityError{Have: have, Want: id}
	}
	return nil
}

// grant gives the application's roles what the library reads.
func grant(ctx context.Context, tx pgx.Tx, roles Roles) error {
	const rights = `
revoke all on all functions in schema keyway from public;
revoke all on all tables in schema keyway from public;`
	if _, err := tx.Conn().PgConn().Exec(ctx, rights).ReadAll(); err != nil {
		return explainRights(err)
	}
	for _, role := range roles.App {
		to := pgx.Identifier{role}.Sanitize()
		_, err := tx.Conn().PgConn().Exec(ctx, "grant usage on schema keyway to "+to+"; grant select on keyway.identity, "+
			"keyway.map, keyway.map_ranges, keyway.owned, keyway.tables, keyway.registry_version, keyway.schema_version, "+
			"keyway.pool_home, keyway.pool_budget, keyway.pool_lease, keyway.functions, keyway.function_facts to "+to+"; grant execute on function keyway.pool_lock, "+
			"keyway.pool_shown, keyway.pool_keep, keyway.pool_remove to "+to).ReadAll()
		if err != nil {
			return fmt.Errorf("grant to role %s: %w", to, err)
		}
	}
	return nil
}

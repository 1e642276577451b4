package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/shard"
)

func TestInstallingTwiceChangesNothing(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	before := value[string](s, fingerprintOfSchema)
	require.NoError(t, catalog.Install(s.ctx(), s.conn, s.id, catalog.Roles{App: []string{s.app}}))
	require.Equal(t, before, value[string](s, fingerprintOfSchema))

	id, err := catalog.ReadIdentity(s.ctx(), s.connect(s.app))
	require.NoError(t, err)
	want := s.id
	want.Fingerprint, want.SchemaVersion = shard.Fingerprint(s.id.ClusterID), catalog.SchemaVersion
	require.Equal(t, want, id)
}

// fingerprintOfSchema covers every object and right, and the rows that versions write.
const fingerprintOfSchema = `
select md5(string_agg(x, ' ' order by x)) from (
  select c.oid || c.relname || c.relkind::text || coalesce(c.relacl::text, '') from pg_class c where relnamespace = 'keyway'::regnamespace
  union all select p.oid || p.proname || prosrc || coalesce(p.proacl::text, '') from pg_proc p where pronamespace = 'keyway'::regnamespace
  union all select version || installed_at::text from keyway.schema_version
  union all select t.oid || tgname from pg_trigger t) o(x)`

func TestTheSchemaHasNoSuperuser(t *testing.T) {
	s := single(t)
	require.Equal(t, "off", value[string](s, "select current_setting('is_superuser')"))
	require.Equal(t, s.migrator, value[string](s, "select nspowner::regrole::text from pg_namespace where nspname = 'keyway'"))
	require.NotEmpty(t, catalog.Schema())
	require.Zero(t, value[int](s, `select count(*) from pg_proc p
		where pronamespace = 'keyway'::regnamespace and prosecdef and not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}'))`),
		"whoever calls a SECURITY DEFINER function must not choose what its names mean")
	require.Zero(t, value[int](s, `select count(*) from pg_proc p
		where pronamespace = 'keyway'::regnamespace and has_function_privilege('public', oid, 'execute')`))
}

func TestAnotherIdentityIsRefused(t *testing.T) {
	s := installed(t)
	for name, change := range map[string]func(*catalog.Identity){
		"another shard":   func(id *catalog.Identity) { id.Shard = "s1" },
		"another cluster": func(id *catalog.Identity) { id.ClusterID = catalog.NewClusterID() },
		"another catalog": func(id *catalog.Identity) { id.Catalog = "s1" },
	} {
		t.Run(name, func(t *testing.T) {
			other := s.id
			change(&other)
			var mismatch *catalog.IdentityError
			require.ErrorAs(t, catalog.Install(s.ctx(), s.conn, other, catalog.Roles{}), &mismatch)
			require.Equal(t, s.id.Shard, mismatch.Have.Shard)
			require.Equal(t, other.Shard, mismatch.Want.Shard)
		})
	}
}

func TestImpossibleIdentitiesAreRefusedBeforeAnythingIsDone(t *testing.T) {
	s := bare(t)
	for _, id := range []catalog.Identity{
		{},
		{ClusterID: "123", Shard: "s0", Catalog: "s0"},
		{ClusterID: "ABCDEF0123456789", Shard: "s0", Catalog: "s0"},
		{ClusterID: s.id.ClusterID, Shard: "S 0", Catalog: "s0"},
		{ClusterID: s.id.ClusterID, Shard: "s0"},
		{ClusterID: s.id.ClusterID, Shard: "s0", Catalog: "s0", Fingerprint: "md5"},
	} {
		require.Error(t, catalog.Install(s.ctx(), s.conn, id, catalog.Roles{}))
	}
	require.False(t, value[bool](s, "select to_regnamespace('keyway') is not null"))
}

func TestReadersSayWhenThereIsNoSchema(t *testing.T) {
	s := bare(t)
	readers := map[string]func() error{
		"identity": func() error { _, err := catalog.ReadIdentity(s.ctx(), s.conn); return err },
		"map":      func() error { _, err := catalog.ReadMap(s.ctx(), s.conn); return err },
		"registry": func() error { _, err := catalog.ReadRegistry(s.ctx(), s.conn); return err },
		"store":    func() error { return catalog.StoreMap(s.ctx(), s.conn, s.mapOf(1), "s0") },
		"swap":     func() error { return catalog.SwapMap(s.ctx(), s.conn, 0, s.mapOf(1)) },
	}
	for name, read := range readers {
		require.ErrorIs(t, read(), catalog.ErrNotInitialised, name)
	}
	s.exec(catalog.Stub)
	for name, read := range readers {
		require.ErrorIs(t, read(), catalog.ErrNotInitialised, name)
	}
}

func TestAFailedInstallationLeavesNothing(t *testing.T) {
	s := bare(t)
	err := catalog.Install(s.ctx(), s.conn, s.id, catalog.Roles{App: []string{"nobody_of_this_name"}})
	require.ErrorContains(t, err, "nobody_of_this_name")
	require.False(t, value[bool](s, "select to_regnamespace('keyway') is not null"))

	stranger := s.connect(s.app)
	err = catalog.Install(s.ctx(), stranger, s.id, catalog.Roles{})
	require.ErrorContains(t, err, "grant create on database")

	_, err = s.conn.Exec(s.ctx(), "begin")
	require.NoError(t, err)
	require.ErrorContains(t, catalog.Install(s.ctx(), s.conn, s.id, catalog.Roles{}), "inside a transaction")
}

func TestInstallersAtTheSameTimeTakeTurns(t *testing.T) {
	s := bare(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		conn := s.connect(s.migrator)
		wg.Go(func() { errs[i] = catalog.Install(s.ctx(), conn, s.id, catalog.Roles{App: []string{s.app}}) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 1, value[int](s, "select count(*) from keyway.identity"))
}

func TestAnInstallerWaitsForTheLockNoLongerThanItsContext(t *testing.T) {
	s := bare(t)
	other := s.connect(s.migrator)
	_, err := other.Exec(s.ctx(), "select pg_advisory_lock($1)", catalog.LockKey)
	require.NoError(t, err)
	var waited atomic.Bool
	ctx := pgtest.Until(t, func() bool {
		var waits, refused bool
		err := other.QueryRow(context.Background(), `select wait_event_type is not distinct from 'Lock', state = 'idle' and query = 'rollback'
			from pg_stat_activity where pid = $1`, s.conn.PgConn().PID()).Scan(&waits, &refused)
		if waits {
			waited.Store(true)
		}
		return err == nil && refused
	})
	err = catalog.Install(ctx, s.conn, s.id, catalog.Roles{})
	require.ErrorContains(t, err, "another installation holds the lock")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, waited.Load(), "the lock is polled, not waited for")
}

// next is the schema with a version more, as the release after this one will have it.
func next(t *testing.T, sql string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(catalog.SchemaFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(catalog.SchemaFiles, path)
		files[path] = &fstest.MapFile{Data: body}
		return err
	}))
	files[fmt.Sprintf("sql/%04d_10_more.sql", catalog.SchemaVersion+1)] = &fstest.MapFile{Data: []byte(sql)}
	return files
}

func TestAnOlderSchemaIsUpgradedInOneTransaction(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	roles := catalog.Roles{App: []string{s.app}}
	err := catalog.InstallFrom(s.ctx(), s.conn, s.id, roles, next(t, "create table keyway.more (); select 1/0;"))
	require.ErrorContains(t, err, fmt.Sprintf("version %d of the schema", catalog.SchemaVersion+1))
	require.Equal(t, catalog.SchemaVersion, value[int](s, "select max(version) from keyway.schema_version"))
	require.True(t, value[bool](s, "select to_regclass('keyway.more') is null"))

	files := next(t, "create table keyway.more (); create function keyway.more() returns int language sql as 'select 1';")
	for range 2 {
		require.NoError(t, catalog.InstallFrom(s.ctx(), s.conn, s.id, roles, files))
		require.Equal(t, catalog.SchemaVersion+1, value[int](s, "select max(version) from keyway.schema_version"))
	}
	require.False(t, value[bool](s, "select has_function_privilege('public', 'keyway.more()', 'execute')"))

	// This library meets the newer schema.
	id, err := catalog.ReadIdentity(s.ctx(), s.conn)
	var newer *catalog.NewerError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, catalog.NewerError{Have: catalog.SchemaVersion + 1, Know: catalog.SchemaVersion}, *newer)
	require.Equal(t, s.id.Shard, id.Shard)
	require.ErrorAs(t, catalog.Install(s.ctx(), s.conn, s.id, roles), &newer)
}

// TestADatabaseOfTheFirstVersionIsUpgraded: what a cluster has today becomes what a new one gets.
func TestADatabaseOfTheFirstVersionIsUpgraded(t *testing.T) {
	s := bare(t)
	first := fstest.MapFS{}
	names, err := fs.Glob(catalog.SchemaFiles, "sql/0001_*.sql")
	require.NoError(t, err)
	for _, name := range names {
		body, err := fs.ReadFile(catalog.SchemaFiles, name)
		require.NoError(t, err)
		first[name] = &fstest.MapFile{Data: body}
	}
	roles := catalog.Roles{App: []string{s.app}}
	require.Error(t, catalog.InstallFrom(s.ctx(), s.conn, s.id, roles, first), "the rights of later versions are missing")
	require.NoError(t, catalog.InstallFrom(s.ctx(), s.conn, s.id, catalog.Roles{}, first))
	_, err = catalog.ReadIdentity(s.ctx(), s.conn)
	require.ErrorAs(t, err, new(*catalog.OlderError))
	require.NoError(t, catalog.Install(s.ctx(), s.conn, s.id, roles))
	require.True(t, value[bool](s, "select has_table_privilege($1, 'keyway.pool_lease', 'select') and not has_table_privilege($1, 'keyway.pool_lease', 'insert')", s.app))
	_, err = catalog.ReadIdentity(s.ctx(), s.conn)
	require.NoError(t, err)
}

func TestAGapInTheVersionsIsFound(t *testing.T) {
	s := bare(t)
	files := fstest.MapFS{"sql/0002_10_x.sql": &fstest.MapFile{Data: []byte("select 1")}}
	require.ErrorContains(t, catalog.InstallFrom(s.ctx(), s.conn, s.id, catalog.Roles{}, files), "version 1 is missing")
}

func TestPostgres14IsRefusedByTheSchema(t *testing.T) {
	require.Equal(t, "catalog: the server is PostgreSQL 14.9; Keyway needs PostgreSQL 15 or later",
		(&catalog.ServerVersionError{Version: "14.9"}).Error())
	require.GreaterOrEqual(t, pgtest.Major(t), 15)
}

// migration is what a user's file may hold; each function of the schema that is called there is in the stub.
const migration = `
create table plans (code text primary key);
select keyway.reference_table('plans');
create table jobs (id bigint primary key);
select keyway.home_table('jobs', 's0');
create table orders (id bigserial, tenant_id bigint not null, plan text references plans, primary key (tenant_id, id));
select keyway.shard_sequence('orders', 'id');
select keyway.allow('orders', 'long_lock');
select keyway.shard_table('orders', 'tenant_id');
create table logs (tenant_id bigint not null);
select keyway.prepare_table('logs', 'tenant_id');
select keyway.backfill_table('logs');
select keyway.backfill_table('logs', 500);
select keyway.validate_table('logs');
create table old (tenant_id bigint not null);
select keyway.adopt_table('old', 'tenant_id');
select keyway.unshard_table('old');
drop table old;
select keyway.forget_table('public', 'old');
insert into orders (tenant_id) values (1);`

func TestAUsersMigrationRunsOnTheStubAndOnTheRealSchema(t *testing.T) {
	s := bare(t)
	s.exec(catalog.Stub)
	s.exec(catalog.Stub) // again, as a development script does
	s.exec(migration)
	require.Zero(t, value[int](s, "select count(*) from pg_attribute where attrelid = 'orders'::regclass and attname = 'slot'"))

	// The same database joins a cluster: the real functions take the stub's place.
	require.NoError(t, catalog.Install(s.ctx(), s.conn, s.id, catalog.Roles{}))
	s.own(1, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"})
	s.exec("drop table orders, plans, jobs, logs;" + migration)
	s.rightSlots("orders", "tenant_id", 1)
	require.Contains(t, s.refused(catalog.CodeRefused, catalog.Stub).Message, "belongs to a Keyway cluster")
}

var _ catalog.Querier = (*pgx.Conn)(nil)

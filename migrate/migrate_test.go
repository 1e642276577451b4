package migrate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// files makes a directory of migrations from pairs of name and body.
func files(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func runner(t testing.TB, fsys fstest.MapFS, opts ...migrate.Option) *migrate.Runner {
	t.Helper()
	r, err := migrate.New(fsys, opts...)
	require.NoError(t, err)
	return r
}

// target is a shard on a database of its own, whose keyway schema belongs to an
// ordinary role, as keyway init leaves it.
func target(t testing.TB, c *localpg.Cluster, id shard.ID) migrate.Target {
	t.Helper()
	db, migrator, _ := pgtest.Owned(t, c)
	conn := pgtest.Conn(t, c, migrator, db)
	exec(t, conn, "create schema keyway")
	exec(t, conn, "create schema app")
	require.NoError(t, conn.Close(t.Context()))
	cfg, err := pgx.ParseConfig(c.DSN(migrator, db))
	require.NoError(t, err)
	cfg.RuntimeParams["search_path"] = "app"
	return migrate.Target{Shard: id, Instance: "pg-" + string(id), Conn: cfg}
}

func fleet(t testing.TB, n int) []migrate.Target {
	t.Helper()
	c := pgtest.Shared(t)
	targets := make([]migrate.Target, n)
	for i := range targets {
		targets[i] = target(t, c, shard.ID(fmt.Sprintf("s%d", i)))
	}
	return targets
}

// open connects to a shard as its migrator.
func open(t testing.TB, target migrate.Target) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), target.Conn.Copy())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func one[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

// log is a shard's history: "1 2 3*", a star for what is not finished.
func log(t testing.TB, target migrate.Target) string {
	t.Helper()
	return one[string](t, open(t, target), `select coalesce(string_agg(version || case when finished is null then '*' else '' end,
		' ' order by version), '') from keyway.migration_log`)
}

// nothingLeft waits until no runner's connection and no advisory lock is left.
// Backends need a moment to go after their client did.
func nothingLeft(t testing.TB, target migrate.Target) {
	t.Helper()
	conn := open(t, target)
	require.Eventually(t, func() bool {
		return one[int](t, conn, `select count(*) from pg_stat_activity
			where datname = current_database() and application_name = 'keyway migrate'`) == 0
	}, time.Minute, 20*time.Millisecond, "a runner's connection was left open")
	require.Zero(t, one[int](t, conn, "select count(*) from pg_locks where locktype = 'advisory' and database = "+
		"(select oid from pg_database where datname = current_database())"))
}

const accounts = "create table accounts (aid bigint primary key, balance int not null default 0);"

func TestUpAppliesEveryFileOnEveryShardOnce(t *testing.T) {
	targets := fleet(t, 3)
	targets[1], targets[0] = targets[0], targets[1] // the order of the argument does not matter
	r := runner(t, files(
		"000001_accounts.up.sql", accounts,
		"000001_accounts.down.sql", "drop table accounts;",
		"000002_rows.up.sql", "insert into accounts values (1); insert into accounts values (2);",
		"000010_empty.up.sql", "-- nothing yet\n",
		"README.md", "not a migration",
	))
	require.EqualValues(t, 10, r.Latest())

	before, err := r.Status(t.Context(), targets)
	require.NoError(t, err)
	require.Len(t, before, 3)
	require.Equal(t, shard.ID("s0"), before[0].Shard)
	require.Equal(t, migrate.None, before[0].Version)
	require.Equal(t, []string{"000001_accounts.up.sql", "000002_rows.up.sql", "000010_empty.up.sql"}, before[0].Pending)

	report, err := r.Up(t.Context(), targets)
	require.NoError(t, err)
	require.Len(t, report.Shards, 3)
	for i, s := range report.Shards {
		require.Equal(t, shard.ID(fmt.Sprintf("s%d", i)), s.Shard)
		require.Equal(t, migrate.None, s.From)
		require.EqualValues(t, 10, s.To)
		require.Equal(t, before[0].Pending, s.Files)
	}
	for _, target := range targets {
		require.Equal(t, "1 2 10", log(t, target))
		require.Equal(t, 2, one[int](t, open(t, target), "select count(*) from accounts"))
		nothingLeft(t, target)
	}

	report, err = r.Up(t.Context(), targets)
	require.NoError(t, err)
	require.Empty(t, report.Shards[0].Files, "a second run has nothing to do")
}

func TestHistorySaysWhoAndWhen(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_accounts.up.sql", accounts), migrate.WithRunner("deploy-7")).Up(t.Context(), targets)
	require.NoError(t, err)
	require.True(t, one[bool](t, open(t, targets[0]), `select name = '1_accounts.up.sql' and runner = 'deploy-7'
		and length(sha256) = 64 and started <= finished and finished > now() - interval '1 minute' from keyway.migration_log`))
}

func TestEveryRoleMaySeeTheVersion(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_a.up.sql", accounts)).Up(t.Context(), targets)
	require.NoError(t, err)
	require.True(t, one[bool](t, open(t, targets[0]), "select has_table_privilege('public', 'keyway.migration_log', 'select')"))
	require.False(t, one[bool](t, open(t, targets[0]), "select has_table_privilege('public', 'keyway.migration_log', 'insert')"))
}

func TestWhatAFileDoesToItsSessionEndsWithIt(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files(
		"1_dump.up.sql", "select pg_catalog.set_config('search_path', '', false); set lock_timeout = '1ms'; "+
			"create table app.accounts (aid bigint primary key); create temporary table later (a int);",
		"2_plain.up.sql", "create table orders (id bigint); create temporary table later (a int);",
	)).Up(t.Context(), targets)
	require.NoError(t, err)
	require.Equal(t, "app.orders", one[string](t, open(t, targets[0]), "select c.oid::regclass::text from pg_class c "+
		"join pg_namespace n on n.oid = relnamespace, set_config('search_path', '', false) where relname = 'orders'"))
}

func TestUserFilesMayCallTheSchemaOfKeyway(t *testing.T) {
	targets := fleet(t, 1)
	exec(t, open(t, targets[0]), "create function keyway.shard_table(tbl text, variadic key_columns text[]) returns void "+
		"language plpgsql as $$ begin execute format('alter table %s add slot smallint', tbl::regclass); end $$")
	_, err := runner(t, files("1_accounts.up.sql", accounts+" select keyway.shard_table('accounts', 'aid');")).Up(t.Context(), targets)
	require.NoError(t, err)
	require.Equal(t, 1, one[int](t, open(t, targets[0]), "select count(*) from pg_attribute where attrelid = 'accounts'::regclass and attname = 'slot'"))
}

func TestADatabaseWithoutTheSchemaIsRefused(t *testing.T) {
	targets := fleet(t, 1)
	exec(t, open(t, targets[0]), "drop schema keyway")
	_, err := runner(t, files("1_a.up.sql", accounts)).Up(t.Context(), targets)
	require.ErrorIs(t, err, migrate.ErrNotInitialised)
	require.ErrorContains(t, err, "shard s0")
}

func TestARoleThatDoesNotOwnTheSchemaIsToldSo(t *testing.T) {
	c := pgtest.Shared(t)
	other := pgtest.Role(t, c, "") // before the database, so that it is dropped after it
	targets := fleet(t, 1)
	pgtest.Exec(t, c, targets[0].Conn.Database, "grant connect on database "+targets[0].Conn.Database+" to "+other)
	cfg, err := pgx.ParseConfig(c.DSN(other, targets[0].Conn.Database))
	require.NoError(t, err)
	targets[0].Conn = cfg
	_, err = runner(t, files("1_a.up.sql", accounts)).Up(t.Context(), targets)
	require.ErrorContains(t, err, "may not use the keyway schema")
}

func TestTargetsThatCannotBeMeantAreRefused(t *testing.T) {
	targets := fleet(t, 2)
	r := runner(t, files("1_a.up.sql", accounts))
	_, err := r.Up(t.Context(), nil)
	require.ErrorContains(t, err, "no shards")
	_, err = r.Up(t.Context(), []migrate.Target{targets[0], targets[0]})
	require.ErrorContains(t, err, "given twice")
	same := targets[1]
	same.Conn = targets[0].Conn
	_, err = r.Up(t.Context(), []migrate.Target{targets[0], same})
	require.ErrorContains(t, err, "shards s0 and s1 are the same database")
	_, err = r.Up(t.Context(), []migrate.Target{{Shard: "s9"}})
	require.ErrorContains(t, err, "both needed")
}

func TestAServerThatIsDownStopsTheFleetBeforeItStarts(t *testing.T) {
	targets := fleet(t, 2)
	targets[1].Conn = targets[1].Conn.Copy()
	targets[1].Conn.Password = "do-not-print"
	targets[1].Conn.Port = 1
	r := runner(t, files("1_a.up.sql", accounts))
	_, err := r.Up(t.Context(), targets)
	var partial *migrate.PartialError
	require.ErrorAs(t, err, &partial)
	require.Empty(t, partial.Applied)
	require.ErrorContains(t, err, "nothing was applied")
	require.NotContains(t, fmt.Sprintf("%v %+v", err, partial.Err), "do-not-print")
	require.Equal(t, 0, one[int](t, open(t, targets[0]), "select count(*) from pg_class where relname = 'accounts'"))

	status, err := r.Status(t.Context(), targets)
	require.ErrorContains(t, err, "shard s1: connect to")
	require.NoError(t, status[0].Err)
	require.Error(t, status[1].Err)
	require.Equal(t, []string{"1_a.up.sql"}, status[0].Pending, "the shard that is up is reported all the same")
}

func TestProgressTellsEachFile(t *testing.T) {
	targets := fleet(t, 2)
	var seen []string
	r := runner(t, files("1_a.up.sql", accounts, "2_b.up.sql", "create table b ()"), migrate.WithParallel(1),
		migrate.WithProgress(func(e migrate.Event) {
			if e.Kind == migrate.Applied {
				seen = append(seen, string(e.Shard)+" "+e.File)
			}
		}))
	_, err := r.Up(t.Context(), targets)
	require.NoError(t, err)
	require.ElementsMatch(t, strings.Split("s0 1_a.up.sql,s0 2_b.up.sql,s1 1_a.up.sql,s1 2_b.up.sql", ","), seen)
}

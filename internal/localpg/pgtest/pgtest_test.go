package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// scalar runs a query of one value as the superuser.
func scalar[T any](t *testing.T, c *localpg.Cluster, db, sql string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, pgtest.Conn(t, c, localpg.Superuser, db).QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

func TestOwnedDatabaseHasNoSuperuser(t *testing.T) {
	c := pgtest.Shared(t)
	db, migrator, app := pgtest.Owned(t, c)

	owner := pgtest.Conn(t, c, migrator, db)
	_, err := owner.Exec(t.Context(), "create schema app; create table app.t (id int); grant usage on schema app to "+app)
	require.NoError(t, err)

	user := pgtest.Conn(t, c, app, db)
	_, err = user.Exec(t.Context(), "select * from app.t")
	require.ErrorContains(t, err, "permission denied")
	_, err = user.Exec(t.Context(), "create schema mine")
	require.ErrorContains(t, err, "permission denied")

	require.Zero(t, scalar[int](t, c, db,
		"select count(*) from pg_roles where rolsuper and rolname in ($1, $2)", migrator, app))
	stranger := pgtest.Role(t, c, "nosuperuser")
	_, err = pgx.Connect(t.Context(), c.DSN(stranger, db))
	require.ErrorContains(t, err, "permission denied for database")
}

func TestDatabasesAndRolesGoWithTheirTest(t *testing.T) {
	c := pgtest.Shared(t)
	var db, migrator, app string
	t.Run("inner", func(t *testing.T) {
		db, migrator, app = pgtest.Owned(t, c)
		// A session that nobody closes does not keep the database.
		left, err := pgx.Connect(t.Context(), c.DSN(migrator, db))
		require.NoError(t, err)
		_, err = left.Exec(t.Context(), "create schema s; create table s.t (id int)")
		require.NoError(t, err)
	})
	require.Zero(t, scalar[int](t, c, "postgres", "select count(*) from pg_database where datname = $1", db))
	require.Zero(t, scalar[int](t, c, "postgres",
		"select count(*) from pg_roles where rolname in ($1, $2)", migrator, app))
}

func TestSharedClustersAreStartedOnceAndOnlyAsManyAsNeeded(t *testing.T) {
	one := pgtest.Shared(t)
	three := pgtest.SharedN(t, 3)
	require.Len(t, three, 3)
	require.Same(t, one, three[0])
	require.Equal(t, three[:2], pgtest.SharedN(t, 2))
}

func TestPrivateClusterIsClosedWithItsTest(t *testing.T) {
	var c *localpg.Cluster
	t.Run("inner", func(t *testing.T) {
		c = pgtest.Private(t)
		pgtest.Database(t, c)
		require.NoError(t, c.Kill(), "what is dead is not asked to drop its databases")
	})
	require.NoDirExists(t, c.Dir())
}

// The tests below run this test binary again as a child, in a way that fails.

const (
	childEnv   = "KEYWAY_PGTEST_CHILD"
	childPanic = "panic"
)

func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("only as the child of other tests")
	}
	c := pgtest.Shared(t)
	fmt.Println("directory", c.Dir())
	if os.Getenv(childEnv) == childPanic {
		panic("a test that panics")
	}
	require.NoError(t, pgtest.Conn(t, c, localpg.Superuser, "postgres").Ping(t.Context()))
}

func runChild(t *testing.T, env ...string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-test.run=^TestChild$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childEnv+"=run", localpg.EnvBin+"="+pgtest.Shared(t).Install().Bin)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// directory finds what the child said.
func directory(t *testing.T, out string) string {
	t.Helper()
	_, rest, found := strings.Cut(out, "directory ")
	require.True(t, found, out)
	dir, _, _ := strings.Cut(rest, "\n")
	return dir
}

func TestMissingServerFailsTheTestAndSaysWhatToDo(t *testing.T) {
	out, err := runChild(t, localpg.EnvBin+"=", localpg.EnvSearch+"=/nowhere", pgtest.EnvMajor+"=")
	require.Error(t, err)
	require.Contains(t, out, "--- FAIL: TestChild")
	require.Contains(t, out, "make setup")

	out, err = runChild(t, pgtest.EnvMajor+"=7")
	require.Error(t, err)
	require.Contains(t, out, "no PostgreSQL 7 found")
	out, err = runChild(t, pgtest.EnvMajor+"=newest")
	require.Error(t, err)
	require.Contains(t, out, "must be a number")
}

func TestPanicLeavesNothingBehind(t *testing.T) {
	out, err := runChild(t, childEnv+"="+childPanic)
	require.Error(t, err)
	dir := directory(t, out)
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, time.Minute, 20*time.Millisecond)
}

func TestMainForgetsTheDevelopersVariables(t *testing.T) {
	out, err := runChild(t, "PGSERVICE=production", "PGHOST=192.0.2.1", "PGTARGETSESSIONATTRS=standby")
	require.NoError(t, err, out)
	require.NoDirExists(t, directory(t, out))
}

package localpg_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	pgtest.Main(m, func() error { return goleak.Find() })
}

// ask runs a query of one text value as the superuser.
func ask(t *testing.T, c *localpg.Cluster, sql string) string {
	t.Helper()
	var text string
	conn := pgtest.Conn(t, c, localpg.Superuser, "postgres")
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&text))
	return text
}

func tell(t *testing.T, c *localpg.Cluster, sql string) {
	t.Helper()
	pgtest.Exec(t, c, "postgres", sql)
}

func TestClusterServesSafelyOnLoopbackOnly(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{Name: "first"})
	require.Equal(t, "on", ask(t, c, "show fsync"))
	require.Equal(t, "127.0.0.1", ask(t, c, "show listen_addresses"))
	require.Empty(t, ask(t, c, "show unix_socket_directories"))
	require.Equal(t, "UTF8", ask(t, c, "show server_encoding"))
	require.True(t, strings.HasPrefix(filepath.Base(c.Dir()), localpg.Prefix))
	require.Contains(t, ask(t, c, "show cluster_name"), "first")
	require.True(t, strings.HasPrefix(ask(t, c, "show server_version"), c.Install().Version))
}

func TestSettingsOverrideTheSmallDefaults(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{Settings: map[string]string{
		"max_connections": "23", "application_name": "it's",
	}})
	require.Equal(t, "23", ask(t, c, "show max_connections"))
	require.Equal(t, "it's", ask(t, c, "show application_name"))
}

func TestTwoClustersAreTwoServers(t *testing.T) {
	shared := pgtest.SharedN(t, 2)
	const id = "select system_identifier::text from pg_control_system()"
	require.NotEqual(t, ask(t, shared[0], id), ask(t, shared[1], id))
	require.NotEqual(t, shared[0].Port(), shared[1].Port())
	require.Same(t, shared[0], pgtest.Shared(t))
}

func TestCloseRemovesEverythingOnceHoweverOftenItIsCalled(t *testing.T) {
	c := pgtest.Private(t)
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if _, err := os.Stat(c.Dir()); !os.IsNotExist(err) {
				t.Errorf("%s is still there when Close returns", c.Dir())
			}
		})
	}
	calls.Wait()
	requireFree(t, c)
	require.ErrorIs(t, c.Start(t.Context()), localpg.ErrClosed)
	require.ErrorIs(t, c.Kill(), localpg.ErrClosed)
	require.ErrorIs(t, c.Pause(), localpg.ErrClosed)
	require.ErrorIs(t, c.Set(t.Context(), "work_mem", "1MB"), localpg.ErrClosed)
}

// requireFree proves that nothing listens on the cluster's port.
func requireFree(t *testing.T, c *localpg.Cluster) {
	t.Helper()
	l, err := net.Listen("tcp", c.Addr())
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestPortThatAnotherProcessTakesIsReplaced(t *testing.T) {
	taken := pgtest.Shared(t) // another server of ours answers there
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	busy := l.Addr().(*net.TCPAddr).Port

	c := pgtest.Private(t, localpg.WithPorts(localpg.Options{}, taken.Port(), busy))
	require.NotContains(t, []int{taken.Port(), busy}, c.Port())
	require.Equal(t, "1", ask(t, c, "select '1'"))
	require.Equal(t, "1", ask(t, taken, "select '1'"))
}

func TestServerThatCannotStartShowsTheEndOfItsLog(t *testing.T) {
	parent := openDir(t)
	_, err := localpg.Start(t.Context(), localpg.Options{
		Parent: parent, Install: install(t), Settings: map[string]string{"shared_buffers": "nonsense"},
	})
	require.ErrorContains(t, err, "shared_buffers")
	require.ErrorContains(t, err, "nonsense")
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Empty(t, entries, "what failed to start leaves nothing behind")
}

// openDir makes a directory that every user can enter, where pgtest keeps its
// clusters: in memory where it can.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(pgtest.Shared(t).Dir()), "localpg-test-*")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// openPath lets other users enter a directory of the test.
func openPath(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o777))
	}
}

func install(t *testing.T) localpg.Install {
	t.Helper()
	return pgtest.Shared(t).Install()
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := localpg.Start(ctx, localpg.Options{Install: install(t)})
	require.ErrorIs(t, err, context.Canceled)
}

func TestDirectoryThatHoldsSomethingIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600))
	_, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Install: install(t)})
	require.ErrorContains(t, err, "not empty")
	require.FileExists(t, filepath.Join(dir, "thesis.txt"))
	_, err = localpg.Start(t.Context(), localpg.Options{Auth: "md5", Install: install(t)})
	require.ErrorContains(t, err, "scram-sha-256")
}

func TestClusterLivesInTheGivenDirectory(t *testing.T) {
	dir := filepath.Join(openDir(t), "mine")
	c := pgtest.Private(t, localpg.Options{Dir: dir})
	require.Equal(t, dir, c.Dir())
	require.DirExists(t, c.DataDir())
	require.NoError(t, c.Close())
	require.NoDirExists(t, dir)
}

func TestRealPsqlRunsScripts(t *testing.T) {
	c := pgtest.Shared(t)
	out, err := c.Psql(t.Context(), localpg.Superuser, "postgres", "\\set n 3\nselect :n, 'a';\n\\echo done\n")
	require.NoError(t, err)
	require.Equal(t, "3|a\ndone\n", out)

	out, err = c.Psql(t.Context(), localpg.Superuser, "postgres", "select 1; select nothing; select 2")
	require.ErrorContains(t, err, `column "nothing" does not exist`)
	require.Equal(t, "1\n", out, "the script ends at its first error")
}

func TestSettingIsInForceWhenSetReturns(t *testing.T) {
	c := pgtest.Private(t)
	for _, v := range []string{"7MB", "9MB", "11MB"} {
		require.NoError(t, c.Set(t.Context(), "work_mem", v))
		require.Equal(t, v, ask(t, c, "show work_mem"))
	}
	require.NoError(t, c.Set(t.Context(), "max_connections", "31"))
	require.Equal(t, "100", ask(t, c, "show max_connections"))
	require.NoError(t, c.Restart(t.Context()))
	require.Equal(t, "31", ask(t, c, "show max_connections"))
	require.ErrorContains(t, c.Set(t.Context(), "no_such_thing", "1"), "no_such_thing")
	require.NoError(t, c.Stop(t.Context()))
	require.ErrorContains(t, c.Set(t.Context(), "work_mem", "1MB"), "does not run")
}

func TestPasswordIsAskedForAndKnown(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{Auth: "scram-sha-256"})
	require.Equal(t, "scram-sha-256", ask(t, c, "select auth_method from pg_hba_file_rules limit 1"))
	require.NotEmpty(t, c.PasswordOf(localpg.Superuser))

	role := pgtest.Role(t, c, "nosuperuser")
	require.NoError(t, pgtest.Conn(t, c, role, "postgres").Ping(t.Context()))
	_, err := pgx.Connect(t.Context(), strings.Replace(c.DSN(role, "postgres"), c.PasswordOf(role), "wrong", 1))
	require.ErrorContains(t, err, "password authentication failed")
	out, err := c.Psql(t.Context(), role, "postgres", "select current_user")
	require.NoError(t, err)
	require.Equal(t, role+"\n", out)
	require.NoFileExists(t, filepath.Join(c.Dir(), "password"))
}

func TestTLSIsVerifiedAndRequired(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{TLS: true})
	require.Equal(t, "true", ask(t, c, "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()"))
	require.Contains(t, string(c.CA()), "BEGIN CERTIFICATE")
	out, err := c.Psql(t.Context(), localpg.Superuser, "postgres", "select 1")
	require.NoError(t, err)
	require.Equal(t, "1\n", out)
	_, err = pgx.Connect(t.Context(), "postgres://postgres@"+c.Addr()+"/postgres?sslmode=disable")
	require.ErrorContains(t, err, "no encryption")
}

func TestDetachedServerOutlivesUsUntilItsCommandIsRun(t *testing.T) {
	c := pgtest.Private(t)
	cleanup, err := c.Detach()
	require.NoError(t, err)
	require.NoError(t, c.Close(), "a detached cluster is not ours to close any more")
	conn, err := pgx.Connect(t.Context(), c.DSN(localpg.Superuser, "postgres"))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	run(t, "sh", "-c", cleanup)
	require.Eventually(t, func() bool { return !c.Running() }, time.Minute, 10*time.Millisecond)
	require.NoDirExists(t, c.Dir())
}

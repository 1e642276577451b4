package localpg_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestKilledServerKeepsWhatItCommitted(t *testing.T) {
	c := pgtest.Private(t)
	tell(t, c, "create table t (id int)")
	port := c.Port()
	for round := range 3 {
		tell(t, c, "insert into t values (1)")
		open := pgtest.Conn(t, c, localpg.Superuser, "postgres")
		_, err := open.Exec(t.Context(), "begin; insert into t values (2)")
		require.NoError(t, err)
		busy := inBackground(t, c, "select pg_sleep(60)")

		require.NoError(t, c.Kill())
		require.Error(t, <-busy)
		require.Error(t, open.Ping(t.Context()))
		require.False(t, c.Running())
		requireFree(t, c)
		require.NoError(t, c.Kill(), "killing the dead is nothing")

		require.NoError(t, c.Start(t.Context()))
		require.NoError(t, c.Start(t.Context()), "starting the living is nothing")
		require.Equal(t, port, c.Port())
		require.Equal(t, strings.Repeat("1", round+1), ask(t, c, "select string_agg(id::text, '') from t"))
	}
	log, err := os.ReadFile(c.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "automatic recovery", "a kill is a crash, not a shutdown")
}

// inBackground starts a statement and returns when the server runs it.
func inBackground(t *testing.T, c *localpg.Cluster, sql string) <-chan error {
	t.Helper()
	conn := pgtest.Conn(t, c, localpg.Superuser, "postgres")
	pid := conn.PgConn().PID()
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), sql)
		done <- err
	}()
	watch := pgtest.Conn(t, c, localpg.Superuser, "postgres")
	require.Eventually(t, func() bool {
		var n int
		err := watch.QueryRow(t.Context(),
			"select count(*) from pg_stat_activity where pid = $1 and state = 'active'", pid).Scan(&n)
		return err == nil && n == 1
	}, time.Minute, 5*time.Millisecond)
	return done
}

func TestNoProcessOfAKilledServerLives(t *testing.T) {
	c := pgtest.Private(t)
	busy := inBackground(t, c, "select count(*) from generate_series(1, 1e10::bigint)") // does not look around
	pids := strings.Fields(ask(t, c, "select string_agg(pid::text, ' ') from pg_stat_activity"))
	require.Greater(t, len(pids), 3)
	require.NoError(t, c.Kill())
	for _, pid := range pids {
		n, err := strconv.Atoi(pid)
		require.NoError(t, err)
		require.False(t, localpg.Alive(n), "process %d", n)
	}
	require.Error(t, <-busy)
}

func TestStoppedServerStartsWithoutRecovery(t *testing.T) {
	c := pgtest.Private(t)
	tell(t, c, "create table t (id int)")
	require.NoError(t, c.Stop(t.Context()))
	require.False(t, c.Running())
	requireFree(t, c)
	require.NoError(t, c.Stop(t.Context()))
	require.NoError(t, c.Start(t.Context()))
	require.NoError(t, c.Restart(t.Context()))
	require.Equal(t, "0", ask(t, c, "select count(*)::text from t"))
	log, err := os.ReadFile(c.LogFile())
	require.NoError(t, err)
	require.NotContains(t, string(log), "automatic recovery")

	require.NoError(t, c.StopImmediate(t.Context()))
	require.NoError(t, c.Start(t.Context()))
	log, err = os.ReadFile(c.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "automatic recovery")
}

func TestPausedServerHangsAndGoesOn(t *testing.T) {
	c := pgtest.Private(t)
	conn := pgtest.Conn(t, c, localpg.Superuser, "postgres")
	require.NoError(t, c.Pause())
	require.True(t, c.Running())

	done := make(chan error, 1)
	go func() { _, err := conn.Exec(context.Background(), "select 1"); done <- err }()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := pgx.Connect(short, c.DSN(localpg.Superuser, "postgres"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, done)

	require.NoError(t, c.Resume())
	require.NoError(t, <-done)
	require.NoError(t, c.Resume(), "resuming what runs is nothing")
	require.Equal(t, "1", ask(t, c, "select '1'"))
}

func TestPausedServerCanBeStoppedKilledAndClosed(t *testing.T) {
	c := pgtest.Private(t)
	require.NoError(t, c.Pause())
	require.NoError(t, c.Stop(t.Context()))
	require.NoError(t, c.Start(t.Context()))
	require.NoError(t, c.Pause())
	require.NoError(t, c.Kill())
	require.ErrorContains(t, c.Pause(), "does not run")
	require.NoError(t, c.Start(t.Context()))
	require.NoError(t, c.Pause())
	began := time.Now()
	require.NoError(t, c.Close())
	require.Less(t, time.Since(began), 10*time.Second)
	require.NoDirExists(t, c.Dir())
}

func TestServerThatDiesByItselfIsNoticed(t *testing.T) {
	c := pgtest.Private(t)
	pid, err := os.ReadFile(filepath.Join(c.DataDir(), "postmaster.pid"))
	require.NoError(t, err)
	run(t, "kill", "-QUIT", strings.Fields(string(pid))[0])
	require.Eventually(t, func() bool { return !c.Running() }, time.Minute, 5*time.Millisecond)
	require.NoError(t, c.Start(t.Context()))
	require.Equal(t, "1", ask(t, c, "select '1'"))
}

func TestKilledServerThatIsClosedLeavesNoSharedMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("lists shared memory by /proc")
	}
	c := pgtest.Private(t)
	lock, err := os.ReadFile(filepath.Join(c.DataDir(), "postmaster.pid"))
	require.NoError(t, err)
	id := strings.Fields(strings.Split(string(lock), "\n")[6])[1]
	require.True(t, segmentExists(t, id))
	require.NoError(t, c.Kill())
	require.NoError(t, c.Close())
	require.False(t, segmentExists(t, id))
}

func segmentExists(t *testing.T, id string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == id {
			return true
		}
	}
	return false
}

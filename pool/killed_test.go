package pool_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

const (
	envKilled   = "KEYWAY_TEST_POOL_KILLED"
	killedCheck = 500 * time.Millisecond // the child's ClientCheckInterval
)

// computeForever is what the child process does: it takes a connection and has its backend compute without a word.
func computeForever(dsn string) {
	cc, err := pgx.ParseConfig(dsn)
	if err == nil {
		var in *pool.Instance
		in, err = pool.New(pool.Config{Name: "pg-a", Conn: cc, Limit: 2, ClientCheckInterval: killedCheck})
		if err == nil {
			_, err = in.Database(cc.Database, pool.DatabaseConfig{}).Exec(context.Background(),
				"select count(*) from generate_series(1, 1000000000000)")
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestTheBackendOfAKilledProcessEnds: it computes and sends nothing, so only client_connection_check_interval tells it.
func TestTheBackendOfAKilledProcessEnds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere PostgreSQL cannot check its clients")
	}
	s := shared(t)
	cc := s.connConfig()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), envKilled+"="+s.cluster.DSN(localpg.Superuser, s.db)+"&application_name="+s.app)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })

	super := pgtest.Conn(t, s.cluster, localpg.Superuser, "postgres")
	backends := func() (n int) {
		err := super.QueryRow(t.Context(), "select count(*) from pg_stat_activity where application_name = $1 and query like '%generate_series%'",
			cc.RuntimeParams["application_name"]).Scan(&n)
		require.NoError(t, err)
		return n
	}
	eventually(t, "the backend computes", func() bool { return backends() == 1 })
	require.NoError(t, child.Process.Signal(syscall.SIGKILL))
	killed := time.Now()
	eventually(t, "the backend has ended", func() bool { return backends() == 0 })
	t.Logf("the backend ended %v after its client", time.Since(killed).Round(time.Millisecond))
}

// TestBackendsLookForTheirClient: after connect, and after DISCARD ALL has forgotten every setting.
func TestBackendsLookForTheirClient(t *testing.T) {
	for _, test := range []struct {
		name   string
		want   string
		change func(*pool.Config)
	}{
		{"by default", "10s", func(*pool.Config) {}},
		{"as configured", "1500ms", func(c *pool.Config) { c.ClientCheckInterval = 1500 * time.Millisecond }},
		{"ten years", "2147483647ms", func(c *pool.Config) { c.ClientCheckInterval = 10 * 365 * 24 * time.Hour }},
		{"not at all", "0", func(c *pool.Config) { c.ClientCheckInterval = -1 }},
		{"as the template says", "3s", func(c *pool.Config) { c.Conn.RuntimeParams["client_connection_check_interval"] = "3s" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shared(t)
			db := s.instance(limit(1), test.change).Database(s.db, pool.DatabaseConfig{})
			var pids [2]uint32
			for i := range pids {
				c, err := db.Acquire(within(t, soon))
				require.NoError(t, err)
				var got string
				require.NoError(t, c.QueryRow(t.Context(), "select current_setting('client_connection_check_interval')").Scan(&got))
				require.Equal(t, test.want, got)
				pids[i] = c.Conn().PgConn().PID()
				c.ReleaseClean()
			}
			require.Equal(t, pids[0], pids[1], "the same connection, cleaned")
		})
	}
}

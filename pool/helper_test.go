package pool_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(envKilled); dsn != "" {
		computeForever(dsn)
	}
	pgtest.Main(m, func() error { return goleak.Find() })
}

// soon is for what should happen at once, on a machine that does many other things.
const soon = time.Minute

// server is a cluster with a database of the test's own.
type server struct {
	t       testing.TB
	cluster *localpg.Cluster
	db      string
	app     string // application_name of what the test counts
}

func shared(t testing.TB) *server { return on(t, pgtest.Shared(t)) }

func on(t testing.TB, c *localpg.Cluster) *server {
	return &server{t: t, cluster: c, db: pgtest.Database(t, c), app: fmt.Sprintf("kw%d", time.Now().UnixNano()%1e12)}
}

// connConfig is an ordinary one for the test's database.
func (s *server) connConfig() *pgx.ConnConfig {
	cc, err := pgx.ParseConfig(s.cluster.DSN(localpg.Superuser, s.db))
	require.NoError(s.t, err)
	cc.RuntimeParams["application_name"] = s.app
	return cc
}

// instance makes one that the test's end closes; every goroutine must be gone then. No connection of a server that
// answers is lost because a busy machine takes a second for a ping: tests of servers that hang set their own PingTimeout.
func (s *server) instance(change ...func(*pool.Config)) *pool.Instance {
	c := pool.Config{Name: "pg-a", Conn: s.connConfig(), Limit: 10, Control: -1, PingTimeout: soon}
	for _, f := range change {
		f(&c)
	}
	in, err := pool.New(c)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { closeWithin(s.t, in, soon) })
	return in
}

func closeWithin(t testing.TB, in *pool.Instance, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := in.Close(ctx); err != nil {
		t.Errorf("close: %v; %+v", err, in.Stat())
	}
}

// sleeping reports whether a backend of the test is in pg_sleep.
func (s *server) sleeping() func() bool {
	conn := pgtest.Conn(s.t, s.cluster, localpg.Superuser, "postgres")
	return func() (now bool) {
		err := conn.QueryRow(context.Background(), "select exists (select from pg_stat_activity "+
			"where application_name = $1 and state = 'active' and wait_event = 'PgSleep')", s.app).Scan(&now)
		return err == nil && now
	}
}

func limit(n int) func(*pool.Config) { return func(c *pool.Config) { c.Limit = n } }

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// waiting is how many callers wait.
func waiting(in *pool.Instance, n int) func() bool {
	return func() bool { return in.Stat().Waiting == n }
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, soon, 2*time.Millisecond, what)
}

// peaks counts, every few milliseconds and over a connection of its own, the backends of each application_name.
type peaks struct {
	mu   sync.Mutex
	most map[string]int
	stop func()
}

func watchBackends(t testing.TB, c *localpg.Cluster) *peaks {
	conn := pgtest.Conn(t, c, localpg.Superuser, "postgres")
	p := &peaks{most: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			p.sample(t, conn)
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	p.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(p.stop)
	return p
}

func (p *peaks) sample(t testing.TB, conn *pgx.Conn) {
	rows, _ := conn.Query(context.Background(),
		"select application_name, count(*)::int from pg_stat_activity where backend_type = 'client backend' group by 1")
	var app string
	var n int
	_, err := pgx.ForEachRow(rows, []any{&app, &n}, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.most[app] = max(p.most[app], n)
		return nil
	})
	if err != nil {
		t.Errorf("sample: %v", err)
	}
}

func (p *peaks) of(app string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most[app]
}

package lease_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/budget"
	"github.com/keyway-go/keyway/pool/lease"
)

func TestMain(m *testing.M) {
	runAsChild()
	pgtest.Main(m, func() error { return goleak.Find() })
}

// soon is for what should happen at once, on a machine that does many other things.
const soon = 30 * time.Second

// quick are times that tests can wait for.
var quick = lease.Budget{TTL: 1200 * time.Millisecond, MemberTTL: 3 * time.Second, Grace: 1100 * time.Millisecond}

// quickDial fits quick's grace.
const quickDial = time.Second

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, soon, 5*time.Millisecond, what)
}

// site is a server's home database.
type site struct {
	t             testing.TB
	cluster       *localpg.Cluster
	db            string
	migrator, app string
	owner         *pgx.Conn // the migrator's
}

func newSite(t testing.TB, c *localpg.Cluster) *site {
	t.Helper()
	s := &site{t: t, cluster: c}
	s.db, s.migrator, s.app = pgtest.Owned(t, c)
	s.owner = pgtest.Conn(t, c, s.migrator, s.db)
	id := catalog.Identity{ClusterID: catalog.NewClusterID(), Shard: "s0", Catalog: "s0"}
	require.NoError(t, catalog.Install(within(t, soon), s.owner, id, catalog.Roles{App: []string{s.app}}))
	return s
}

func (s *site) set(b lease.Budget) lease.Budget {
	s.t.Helper()
	b, err := lease.SetBudget(within(s.t, soon), s.owner, s.app, b)
	require.NoError(s.t, err)
	return b
}

func (s *site) view() lease.View {
	s.t.Helper()
	v, err := lease.Overview(within(s.t, soon), s.owner)
	require.NoError(s.t, err)
	return v
}

// config connects as the services' role.
func (s *site) config() *pgx.ConnConfig {
	s.t.Helper()
	return configOf(s.t, s.cluster.DSN(s.app, s.db))
}

func configOf(t testing.TB, dsn string) *pgx.ConnConfig {
	c, err := pgx.ParseConfig(dsn)
	if t != nil {
		require.NoError(t, err)
	} else if err != nil {
		panic(err)
	}
	c.ConnectTimeout = quickDial
	return c
}

// process is a pool with its keeper, as a service has them.
type process struct {
	in     *pool.Instance
	db     *pool.Database
	holder lease.Holder
	keeper *lease.Keeper
	knock  *pgx.ConnConfig

	mu        sync.Mutex
	limit     int
	demand    int
	unhealthy bool
	reason    string
}

func startProcess(t testing.TB, cc *pgx.ConnConfig, home string, change ...func(*lease.Config)) *process {
	p := &process{holder: lease.NewHolder(home, "service"), knock: cc.Copy()}
	cc = cc.Copy()
	cc.RuntimeParams["application_name"] = p.holder.ApplicationName()
	in, err := pool.New(pool.Config{Name: "pg-a", Conn: cc, Limit: 1, Control: -1, MaxDials: 4, DialTimeout: quickDial,
		Password: func(context.Context, string) (string, error) {
			if p.keeper == nil {
				return cc.Password, nil
			}
			return cc.Password, p.keeper.MayDial()
		}})
	if err != nil {
		panic(err)
	}
	p.in, p.db = in, in.Database(home, pool.DatabaseConfig{})
	c := lease.Config{Instance: "pg-a", Holder: p.holder, Pool: p, Connections: p, DialTimeout: quickDial}
	for _, f := range change {
		f(&c)
	}
	keeper, err := lease.Start(c)
	if err != nil {
		panic(err)
	}
	p.keeper = keeper
	if t != nil {
		t.Cleanup(func() { p.close(t) })
	}
	return p
}

func (p *process) close(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := p.in.Close(ctx); err != nil && t != nil {
		t.Errorf("close the pool: %v", err)
	}
	_ = p.keeper.Close(ctx)
}

// SetLimit and the methods after it are lease.Pool.
func (p *process) SetLimit(n int) error {
	p.mu.Lock()
	p.limit = n
	p.mu.Unlock()
	return p.in.SetLimit(n)
}

// Suspend keeps work away by itself: callers ask mayWork.
func (p *process) Suspend(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit, p.reason = 0, reason
	_ = p.in.SetLimit(0)
}

func (p *process) Open() int { return p.in.Stat().Open }

func (p *process) Sample() budget.Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.in.Stat()
	return budget.Sample{Peak: max(p.demand, s.InUse+s.Waiting)}
}

func (p *process) Healthy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.unhealthy
}

func (p *process) want(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.demand = n
}

func (p *process) Borrow(ctx context.Context, use func(*pgx.Conn) error) error {
	conn, err := p.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return use(conn.Conn())
}

func (p *process) Knock(ctx context.Context, use func(*pgx.Conn) error) error {
	return lease.Knock(ctx, p.knock, use)
}

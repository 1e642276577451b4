package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
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
const soon = time.Minute

// quick are times that tests can wait for.
var quick = lease.Budget{TTL: 1800 * time.Millisecond, MemberTTL: 4 * time.Second, Grace: 1100 * time.Millisecond}

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
	return configOf(s.cluster.DSN(s.app, s.db))
}

func configOf(dsn string) *pgx.ConnConfig {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
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
	gate   atomic.Pointer[lease.Keeper] // keeper, for dials that begin before Start has returned
	knock  *pgx.ConnConfig
	sick   atomic.Bool

	stop func() // ends the work; may be called again
	work sync.WaitGroup
	done atomic.Int64 // pieces of work

	closing sync.Once
}

// startProcess connects by cc, which leads to the home.
func startProcess(cc *pgx.ConnConfig, change ...func(*lease.Config)) *process {
	home := cc.Database
	p := &process{holder: lease.NewHolder(home, "service"), knock: cc.Copy(), stop: func() {}}
	cc = cc.Copy()
	cc.RuntimeParams["application_name"] = p.holder.ApplicationName()
	in, err := pool.New(pool.Config{Name: "pg-a", Conn: cc, Limit: 1, Control: -1, MaxDials: 4, DialTimeout: quickDial,
		AcquireTimeout: time.Second,
		Password: func(context.Context, string) (string, error) {
			if k := p.gate.Load(); k != nil {
				return cc.Password, k.MayDial()
			}
			return "", errors.New("no lease yet")
		}})
	if err != nil {
		panic(err)
	}
	p.in, p.db = in, in.Database(home, pool.DatabaseConfig{})
	c := lease.Config{Instance: "pg-a", Holder: p.holder, Pool: p, Connections: p, DialTimeout: quickDial,
		Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	p.keeper, err = lease.Start(c)
	if err != nil {
		panic(err)
	}
	p.gate.Store(p.keeper)
	return p
}

// process is closed when the test ends.
func (s *site) process(change ...func(*lease.Config)) *process {
	s.t.Helper()
	p := startProcess(s.config(), change...)
	s.t.Cleanup(func() { p.close(s.t) })
	return p
}

// load keeps so many callers busy, each with statements that take d.
func (p *process) load(callers int, d time.Duration) {
	p.stop()
	ctx, cancel := context.WithCancel(context.Background())
	for range callers {
		p.work.Go(func() {
			for ctx.Err() == nil {
				p.once(ctx, d)
			}
		})
	}
	p.stop = func() {
		cancel()
		p.work.Wait()
	}
}

func (p *process) once(ctx context.Context, d time.Duration) {
	conn, err := p.db.Acquire(ctx)
	if err != nil {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		return
	}
	defer conn.Release()
	if _, err := conn.Exec(context.WithoutCancel(ctx), "select pg_sleep($1)", d.Seconds()); err == nil {
		p.done.Add(1)
	}
}

func (p *process) close(t testing.TB) {
	p.closing.Do(func() {
		p.stop()
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := p.in.Close(ctx); err != nil {
			t.Errorf("close the pool: %v", err)
		}
		_ = p.keeper.Close(ctx)
	})
}

func (p *process) mode(m lease.Mode) func() bool {
	return func() bool { return p.keeper.State().Mode == m }
}

// until is a context that ends when the process says why it is not ready.
func (p *process) until(t testing.TB, reason string) context.Context {
	return pgtest.Until(t, func() bool { return strings.Contains(p.keeper.State().Reason, reason) })
}

// SetLimit and the methods after it are lease.Pool.
func (p *process) SetLimit(n int) error  { return p.in.SetLimit(n) }
func (p *process) Suspend(reason string) { p.in.Suspend(reason) }
func (p *process) Open() int             { return p.in.Stat().Open }
func (p *process) Sample() budget.Sample { return budget.Sample{Peak: p.in.Demand()} }
func (p *process) Healthy() bool         { return !p.sick.Load() }

// Borrow and Knock are lease.Connections.
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

// census counts the services' backends every few milliseconds until the test ends.
type census struct {
	mu          sync.Mutex
	leased, all int // the most at once: with a lease, and with those that ask for one
	now         int // with a lease, at the last count
	counts      int
	mostLeased  int // what leased may be; 0 means that it is not watched
	mostAll     int
	leasedOver  int // counts that were over
	allOver     int
}

func (s *site) census(mostLeased, mostAll int) *census {
	s.t.Helper()
	c := &census{mostLeased: mostLeased, mostAll: mostAll}
	conn := pgtest.Conn(s.t, s.cluster, localpg.Superuser, "postgres")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(15 * time.Millisecond):
				c.count(conn, s)
			}
		}
	}()
	s.t.Cleanup(func() {
		close(stop)
		<-done
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.leasedOver+c.allOver > 0 {
			s.t.Errorf("%d counts over %d, %d over %d", c.leasedOver, c.mostLeased, c.allOver, c.mostAll)
		}
		s.t.Logf("counted %d times: at most %d with a lease, %d in all", c.counts, c.leased, c.all)
	})
	return c
}

func (c *census) count(conn *pgx.Conn, s *site) {
	c.mu.Lock()
	mostLeased, mostAll := c.mostLeased, c.mostAll
	c.mu.Unlock()
	var leased, all int
	err := conn.QueryRow(context.Background(), `select count(*) filter (where application_name like '%kw.%'), count(*)
		from pg_stat_activity where datname = $1 and usename = $2`, s.db, s.app).Scan(&leased, &all)
	if err != nil {
		return // the server is being restarted
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts++
	c.now, c.leased, c.all = leased, max(c.leased, leased), max(c.all, all)
	// What was counted may be from before a change of the allowance.
	if mostLeased = max(mostLeased, c.mostLeased); mostLeased > 0 && leased > mostLeased {
		c.leasedOver++
	}
	if mostAll = max(mostAll, c.mostAll); mostAll > 0 && all > mostAll {
		c.allOver++
	}
}

func (c *census) allow(leased, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mostLeased, c.mostAll = leased, all
}

func (c *census) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// super runs statements as the superuser in the home.
func (s *site) super(sql string) {
	s.t.Helper()
	pgtest.Exec(s.t, s.cluster, s.db, sql)
}

package router_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) {
	pgtest.Main(m, func() error {
		if common.db != nil {
			common.db.Close()
		}
		if err := closeExamples(); err != nil {
			return err
		}
		return goleak.Find()
	})
}

// common is a cluster of two shards with the shop's schema that tests share which only write rows.
var common struct {
	once sync.Once
	fixture
	db *router.DB
}

// onShop returns the common cluster with empty tables. Tests that change tables, roles, the map or the state of a
// server make one of their own with opened.
func onShop(t testing.TB) (*fixture, *router.DB) {
	t.Helper()
	common.once.Do(func() {
		f := &fixture{t: t, servers: pgtest.SharedN(t, 2)}
		f.configure(func(i int, c *localpg.Cluster) (db, migrator, app string) {
			pgtest.Exec(t, c, "postgres", "create role shop_owner login; create role shop_app login")
			pgtest.Exec(t, c, "postgres", "create database shop owner shop_owner")
			return "shop", "shop_owner", "shop_app"
		})
		f.init()
		f.everywhere(shop)
		db, err := router.Open(f.ctx(), f.cfg)
		require.NoError(t, err)
		common.fixture, common.db = *f, db
	})
	require.NotNil(t, common.db, "the common cluster could not be made")
	f := common.fixture
	f.t = t
	for _, id := range []shard.ID{"s0", "s1"} {
		_, err := f.migrator(id).Exec(f.ctx(), "truncate orders, items, jobs")
		require.NoError(t, err)
	}
	return &f, common.db
}

// fixture is a cluster of Keyway on real servers: shard si on instance i<i>, owned by an ordinary role.
type fixture struct {
	t       testing.TB
	servers []*localpg.Cluster
	cfg     router.Config
	apps    []string
}

// servers makes a database on each server and the configuration for them; nothing is initialised.
func onServers(t testing.TB, servers ...*localpg.Cluster) *fixture {
	t.Helper()
	f := &fixture{t: t, servers: servers}
	f.configure(func(_ int, c *localpg.Cluster) (db, migrator, app string) { return pgtest.Owned(t, c) })
	return f
}

// configure makes a database on each server and the configuration for them.
func (f *fixture) configure(owned func(i int, c *localpg.Cluster) (db, migrator, app string)) {
	f.cfg = router.Config{
		Environment: "test", Catalog: "s0",
		Budget:    router.Budget{Connections: 20 * len(f.servers), Processes: 4},
		Instances: map[string]router.Instance{}, Shards: map[shard.ID]router.Shard{},
	}
	for i, c := range f.servers {
		db, migrator, app := owned(i, c)
		name, id := fmt.Sprintf("i%d", i), shard.ID(fmt.Sprintf("s%d", i))
		f.cfg.Instances[name] = router.Instance{
			Primary: c.Addr(),
			Credentials: router.Credentials{
				App: router.Credential{User: app}, Migrator: router.Credential{User: migrator},
			},
		}
		f.cfg.Shards[id] = router.Shard{Instance: name, Database: db}
		f.apps = append(f.apps, app)
	}
}

// fresh is onServers on n shared servers.
func fresh(t testing.TB, n int) *fixture {
	t.Helper()
	return onServers(t, pgtest.SharedN(t, n)...)
}

// initialised is fresh with the keyway schema and a map, even over all shards.
func initialised(t testing.TB, n int) *fixture {
	t.Helper()
	f := fresh(t, n)
	f.init()
	return f
}

func (f *fixture) init() *router.InitReport {
	f.t.Helper()
	report, err := router.Init(f.ctx(), f.cfg, router.InitOptions{})
	require.NoError(f.t, err)
	return report
}

// ctx ends before the test binary would, and is long enough for a whole test on a machine that does many other things.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	f.t.Cleanup(cancel)
	return ctx
}

// open opens the cluster and closes it with the test.
func (f *fixture) open(opts ...router.Option) *router.DB {
	f.t.Helper()
	db, err := router.Open(f.ctx(), f.cfg, append([]router.Option{router.WithCloseGrace(time.Second)}, opts...)...)
	require.NoError(f.t, err)
	f.t.Cleanup(db.Close)
	return db
}

// migrator connects to a shard as the owner of its database.
func (f *fixture) migrator(id shard.ID) *pgx.Conn {
	f.t.Helper()
	cc, err := f.cfg.ConnConfig(id, router.Migrator)
	require.NoError(f.t, err)
	conn, err := pgx.ConnectConfig(f.ctx(), cc)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// superuser connects to a shard as the server's superuser.
func (f *fixture) superuser(id shard.ID) *pgx.Conn {
	f.t.Helper()
	for i, c := range f.servers {
		if shard.ID(fmt.Sprintf("s%d", i)) == id {
			return pgtest.Conn(f.t, c, "postgres", f.cfg.Shards[id].Database)
		}
	}
	f.t.Fatalf("no shard %s", id)
	return nil
}

// everywhere runs SQL on every shard as the migrator and grants the app the use of what it made.
func (f *fixture) everywhere(sql string) {
	f.t.Helper()
	var wg sync.WaitGroup
	for i := range f.servers {
		id := shard.ID(fmt.Sprintf("s%d", i))
		conn := f.migrator(id)
		wg.Go(func() {
			_, err := conn.Exec(context.Background(), sql+";grant select, insert, update, delete on all tables in schema public to "+f.apps[i]+
				";grant usage on all sequences in schema public to "+f.apps[i])
			if err != nil {
				f.t.Errorf("on %s: %v", id, err)
			}
		})
	}
	wg.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

// shop is the schema of most tests: tenants' orders with items, plans that are the same everywhere, jobs on s0.
const shop = `
create table orders (tenant_id bigint not null, id bigint not null, state text, total int, primary key (tenant_id, id));
select keyway.shard_table('orders', 'tenant_id');
create table items (tenant_id bigint not null, order_id bigint not null, n int not null, name text,
	primary key (tenant_id, order_id, n));
select keyway.shard_table('items', 'tenant_id');
create table plans (id int primary key, name text);
select keyway.reference_table('plans');
create table jobs (id int primary key, what text);
select keyway.home_table('jobs', 's0');
insert into plans values (1, 'free'), (2, 'paid');
`

// opened is an initialised cluster with the shop's schema, and a DB on it.
func opened(t testing.TB, n int, opts ...router.Option) (*fixture, *router.DB) {
	t.Helper()
	f := initialised(t, n)
	f.everywhere(shop)
	return f, f.open(opts...)
}

// tenantOn returns a tenant whose shard is id; with a different nth, another one.
func tenantOn(t testing.TB, db *router.DB, id shard.ID, nth int) int64 {
	t.Helper()
	for k := int64(1); k < 100_000; k++ {
		r, err := db.Route(shard.Int64(k))
		require.NoError(t, err)
		if r.Shard == id {
			if nth == 0 {
				return k
			}
			nth--
		}
	}
	t.Fatalf("no tenant is on %s", id)
	return 0
}

// sentence checks that an error reads as one: it says something and shows no secret of the tests.
func sentence(t testing.TB, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	for _, p := range parts {
		require.Contains(t, err.Error(), p)
	}
	require.NotContains(t, err.Error(), "%!", "a broken format")
	require.False(t, strings.HasSuffix(strings.TrimSpace(err.Error()), "."), "no full stop: %q", err)
}

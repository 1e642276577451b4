package router_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestInitMakesAClusterThatOpens(t *testing.T) {
	f := fresh(t, 2)
	report := f.init()
	require.Equal(t, []shard.ID{"s0", "s1"}, report.Created)
	require.Empty(t, report.Existing)
	require.True(t, report.NewMap)
	require.EqualValues(t, 1, report.Map.Version())

	db := f.open()
	r, err := db.Route(shard.Int64(42))
	require.NoError(t, err)
	require.Equal(t, report.Map.Version(), r.MapVersion)
	require.Equal(t, f.cfg.Shards[r.Shard].Database, r.Database)
}

func TestInitMayBeRunAgain(t *testing.T) {
	f := fresh(t, 2)
	first := f.init()
	second := f.init()
	require.Equal(t, first.ClusterID, second.ClusterID)
	require.Empty(t, second.Created)
	require.Equal(t, []shard.ID{"s0", "s1"}, second.Existing)
	require.False(t, second.NewMap)
	require.True(t, first.Map.Equal(second.Map))
}

func TestSwappedAddressesAreRefusedByName(t *testing.T) {
	f := initialised(t, 2)
	s0, s1 := f.cfg.Shards["s0"], f.cfg.Shards["s1"]
	f.cfg.Shards["s0"], f.cfg.Shards["s1"] = s1, s0
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s0", "answers as shard s1", "swapped")
	var open *router.OpenError
	require.ErrorAs(t, err, &open)
	require.Len(t, open.Shards, 2)
	var identity *router.IdentityError
	require.ErrorAs(t, err, &identity)

	_, err = router.Open(f.ctx(), f.cfg, router.AllowDown())
	require.ErrorAs(t, err, &identity, "a wrong server is not one that is down")
	_, err = router.Init(f.ctx(), f.cfg, router.InitOptions{})
	sentence(t, err, "swapped")
}

func TestAdoptGivesEverySlotToTheExistingDatabase(t *testing.T) {
	f := fresh(t, 2)
	conn := f.migrator("s0")
	_, err := conn.Exec(f.ctx(), "create table customers (id bigint primary key); insert into customers select generate_series(1, 100)")
	require.NoError(t, err)
	report, err := router.Init(f.ctx(), f.cfg, router.InitOptions{Adopt: true})
	require.NoError(t, err)
	require.Equal(t, []shard.ID{"s0"}, report.Map.Shards())
	_, err = conn.Exec(f.ctx(), "select keyway.shard_table('customers', 'id')")
	require.NoError(t, err)
	f.cfg.Tables = map[string]router.Table{"customers": {Key: []string{"id"}}}
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s1", "public.customers is missing")
	_, err = f.migrator("s1").Exec(f.ctx(), "create table customers (id bigint primary key); select keyway.shard_table('customers', 'id')")
	require.NoError(t, err)
	_, err = conn.Exec(f.ctx(), "grant select on customers to "+f.apps[0])
	require.NoError(t, err)
	db := f.open()
	for _, id := range []int64{1, 50, 100} {
		got, err := router.Get[int64](f.ctx(), db, router.Text("select id from customers where id = $1", id))
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
}

func TestInitRefusesWhatBelongsToAnotherCluster(t *testing.T) {
	a, b := initialised(t, 2), initialised(t, 2)
	a.cfg.Shards["s1"] = b.cfg.Shards["s1"]
	a.cfg.Instances["i1"] = b.cfg.Instances["i1"]
	_, err := router.Init(a.ctx(), a.cfg, router.InitOptions{})
	sentence(t, err, "different clusters", "nothing was changed")
	_, err = router.Open(a.ctx(), a.cfg)
	sentence(t, err, "different clusters")
}

func TestAShardThatJoinsLaterOwnsNothingYet(t *testing.T) {
	f := fresh(t, 2)
	all := maps.Clone(f.cfg.Shards)
	delete(f.cfg.Shards, "s1")
	first, err := router.Init(f.ctx(), f.cfg, router.InitOptions{})
	require.NoError(t, err)
	f.cfg.Shards = all
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s1", "keyway init")
	_, err = router.Init(f.ctx(), f.cfg, router.InitOptions{})
	sentence(t, err, "instance i1 has no connection budget yet", "raise budget.connections")
	f.cfg.Budget.Connections += 20
	second, err := router.Init(f.ctx(), f.cfg, router.InitOptions{})
	require.NoError(t, err)
	require.Equal(t, []shard.ID{"s0", "s1"}, second.Existing, "the refused run had made its schema")
	require.Equal(t, 20, second.Budgets["i1"].Connections)
	require.Equal(t, first.ClusterID, second.ClusterID)
	require.Equal(t, []shard.ID{"s0"}, second.Map.Shards())
	f.open()
}

func TestTwoInitsAtOnceMakeOneCluster(t *testing.T) {
	f := fresh(t, 2)
	var wg sync.WaitGroup
	reports := make([]*router.InitReport, 3)
	for i := range reports {
		wg.Go(func() {
			var err error
			if reports[i], err = router.Init(f.ctx(), f.cfg, router.InitOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
	for _, r := range reports[1:] {
		require.Equal(t, reports[0].ClusterID, r.ClusterID)
	}
}

func TestADatabaseWithoutTheSchemaIsNamed(t *testing.T) {
	f := fresh(t, 2)
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s0", "shard s1", "keyway init")
	require.ErrorIs(t, err, catalog.ErrNotInitialised)
}

func TestTwoInstancesThatAreOneServer(t *testing.T) {
	c := pgtest.Shared(t)
	f := onServers(t, c, c)
	in := f.cfg.Instances["i1"]
	in.Primary = strings.Replace(in.Primary, "127.0.0.1", "localhost", 1)
	f.cfg.Instances["i1"] = in
	_, err := router.Init(f.ctx(), f.cfg, router.InitOptions{})
	sentence(t, err, "instances i0 and i1 are one server", "one budget")

	honest := f.cfg
	honest.Instances = map[string]router.Instance{"i0": f.cfg.Instances["i0"]}
	both := f.cfg.Instances["i0"].Credentials
	both.App, both.Migrator = router.Credential{User: "postgres"}, router.Credential{User: "postgres"}
	one := honest.Instances["i0"]
	one.Credentials = both
	honest.Instances["i0"] = one
	honest.Shards = map[shard.ID]router.Shard{
		"s0": f.cfg.Shards["s0"], "s1": {Instance: "i0", Database: f.cfg.Shards["s1"].Database},
	}
	_, err = router.Init(f.ctx(), honest, router.InitOptions{})
	require.NoError(t, err, "two shards on one instance are fine")
	in.Credentials = both
	f.cfg.Instances = map[string]router.Instance{"i0": one, "i1": in}
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "instances i0 and i1 are one server")
}

// Two servers that are started together can have started in the same microsecond.
func TestServersThatStartedAtOneMomentAreAskedWhetherTheyAreOne(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, pgtest.Shared(t), dead)
	f.init()
	db := f.open()
	require.NoError(t, router.CheckServers(f.ctx(), db))
	require.NoError(t, dead.Kill())
	sentence(t, router.CheckServers(f.ctx(), db), "instances i0 and i1", "could not be found out", dead.Addr())
}

func TestTablesOfTheConfigurationAreHeldAgainstTheRegistry(t *testing.T) {
	f := initialised(t, 1)
	f.everywhere(shop)
	f.cfg.Tables = map[string]router.Table{
		"orders": {Key: []string{"tenant_id"}}, "public.plans": {Reference: true}, "jobs": {Home: "s0"},
	}
	f.open()
	f.cfg.Tables = map[string]router.Table{
		"orders": {Key: []string{"id"}}, "plans": {Home: "s0"}, "nothing": {Reference: true},
	}
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "tables.orders: the configuration says key id, and the registry says key tenant_id",
		"tables.plans: the configuration says home s0, and the registry says reference", "tables.nothing: is not registered")
}

func TestAnAppRoleWithTooManyRightsIsWarnedOf(t *testing.T) {
	f := initialised(t, 1)
	f.everywhere(shop)
	warnings := func(user string) string {
		in := f.cfg.Instances["i0"]
		in.Credentials.App.User = user
		f.cfg.Instances["i0"] = in
		var log syncWriter
		db, err := router.Open(f.ctx(), f.cfg, router.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		require.NoError(t, err)
		db.Close()
		return log.String()
	}
	owner := f.cfg.Instances["i0"].Credentials.Migrator.User
	require.NotContains(t, warnings(f.apps[0]), "role")
	require.Contains(t, warnings("postgres"), "superuser")
	require.Contains(t, warnings(owner), "owns tables")
}

// syncWriter is a strings.Builder for several goroutines.
type syncWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *syncWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func TestAShardThatIsDownIsNamedAndComesBack(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, pgtest.Shared(t), dead)
	f.init()
	f.everywhere(shop)
	require.NoError(t, dead.Kill())
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s1", dead.Addr())
	require.NotContains(t, err.Error(), "shard s0")

	db := f.open(router.AllowDown(), router.WithPollInterval(50*time.Millisecond))
	ctx := f.ctx()
	here, there := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	const insert = "insert into orders (tenant_id, id) values ($1, 1)"
	_, err = db.Exec(ctx, insert, here)
	require.NoError(t, err)
	var down *router.ShardDownError
	_, err = db.Exec(ctx, insert, there)
	require.ErrorAs(t, err, &down)
	sentence(t, err, "shard s1", "instance i1", "down")
	_, err = db.Shard("s1").Exec(ctx, "select 1")
	require.ErrorAs(t, err, &down)
	err = db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
		_, err := s.Exec(ctx, "select 1")
		return err
	})
	require.ErrorAs(t, err, &down)
	sentence(t, err, "s1")
	require.NotContains(t, err.Error(), "s0")
	require.NotEmpty(t, db.Stat().Shards[1].Down)
	require.Empty(t, db.Stat().Shards[0].Down)

	require.NoError(t, dead.Start(ctx))
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, insert, there)
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

func TestTheClusterOpensFromAShardsCopyWhenTheCatalogIsDown(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, dead, pgtest.Shared(t))
	f.init()
	f.everywhere(shop)
	require.NoError(t, dead.Kill())
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s0")
	db := f.open(router.AllowDown(), router.WithPollInterval(50*time.Millisecond))
	ctx := f.ctx()
	_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s1", 0))
	require.NoError(t, err)
	require.NoError(t, dead.Start(ctx))
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s0", 0))
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

func TestNothingOpensWhenEveryShardIsDown(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, dead)
	f.init()
	require.NoError(t, dead.Kill())
	f.cfg.Tables = map[string]router.Table{"orders": {Key: []string{"tenant_id"}}}
	_, err := router.Open(f.ctx(), f.cfg, router.AllowDown())
	sentence(t, err, "shard s0")
	_, err = router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s0")
}

// TestAServerThatDiesWhileOpenFailsItsStatementsAndHeals: no new handle is needed after a crash.
func TestAServerThatDiesWhileOpenFailsItsStatementsAndHeals(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, pgtest.Shared(t), dead)
	f.init()
	f.everywhere(shop)
	db := f.open()
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s1", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	require.NoError(t, dead.Kill())
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err = db.Exec(short, "insert into orders (tenant_id, id) values ($1, 2)", tenant)
	sentence(t, err, "shard s1")
	require.NoError(t, dead.Start(ctx))
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "update orders set state = 'x' where tenant_id = $1", tenant)
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

// TestAnAddressThatBecomesAnotherServerIsRefused: each new connection is asked who it is, not only those of Open.
func TestAnAddressThatBecomesAnotherServerIsRefused(t *testing.T) {
	other := catalog.NewClusterID()
	for change, want := range map[string]string{
		"shard = 's0'": "answers as shard s0",
		"cluster_id = '" + other + "', fingerprint = '" + shard.Fingerprint(other) + "'": "belongs to cluster " + other,
	} {
		f, db := opened(t, 2)
		ctx := f.ctx()
		tenant := tenantOn(t, db, "s1", 0)
		_, err := f.migrator("s1").Exec(ctx, "update keyway.identity set "+change)
		require.NoError(t, err)
		_, err = f.superuser("s1").Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid()`)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err = db.Exec(ctx, "update orders set state = 'x' where tenant_id = $1", tenant)
			return err != nil && strings.Contains(err.Error(), want)
		}, time.Minute, 10*time.Millisecond, "%v", err)
		var identity *router.IdentityError
		require.ErrorAs(t, err, &identity)
	}
}

func TestADatabaseThatIsNotUTF8IsRefused(t *testing.T) {
	f := fresh(t, 1)
	name := f.cfg.Shards["s0"].Database + "_latin"
	admin := f.superuser("s0")
	_, err := admin.Exec(f.ctx(), "create database "+name+" encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0 owner "+
		f.cfg.Instances["i0"].Credentials.Migrator.User)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = admin.Exec(context.Background(), "drop database "+name+" with (force)") })
	f.cfg.Shards["s0"] = router.Shard{Instance: "i0", Database: name}
	_, err = router.Init(f.ctx(), f.cfg, router.InitOptions{})
	sentence(t, err, "shard s0", "LATIN1", "UTF8")
}

func TestARoleWithoutRightsIsNotAServerThatIsDown(t *testing.T) {
	f := initialised(t, 1)
	in := f.cfg.Instances["i0"]
	in.Credentials.App.User = pgtest.Role(t, f.servers[0], "")
	f.cfg.Instances["i0"] = in
	_, err := router.Open(f.ctx(), f.cfg, router.AllowDown())
	sentence(t, err, "shard s0", "may not read the keyway schema", "keyway init")
	in.Credentials.App.User = "nobody_of_that_name"
	f.cfg.Instances["i0"] = in
	_, err = router.Open(f.ctx(), f.cfg, router.AllowDown())
	sentence(t, err, "shard s0", "nobody_of_that_name")
}

func TestOpenWaitsWhileOthersAskForTheirLease(t *testing.T) {
	f, _ := opened(t, 1)
	locker := f.superuser("s0")
	_, err := locker.Exec(f.ctx(), "begin; select * from keyway.pool_budget for update")
	require.NoError(t, err)

	var waits *lease.NotReadyError
	for patience := 3 * time.Second; patience < time.Minute; patience *= 3 { // a busy machine may take longer to come so far
		brief, cancel := context.WithTimeout(f.ctx(), patience)
		_, err = router.Open(brief, f.cfg)
		cancel()
		if errors.As(err, &waits) && strings.Contains(waits.Reason, "lock timeout") {
			break
		}
	}
	require.ErrorAs(t, err, &waits)
	require.Contains(t, waits.Reason, "lock timeout")

	released := make(chan error, 1)
	time.AfterFunc(500*time.Millisecond, func() {
		_, err := locker.Exec(context.Background(), "rollback")
		released <- err
	})
	db, err := router.Open(f.ctx(), f.cfg)
	require.NoError(t, err)
	require.NoError(t, <-released)
	t.Cleanup(db.Close)
	require.NoError(t, db.Ready())
}

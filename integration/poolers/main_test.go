// Package poolers runs Keyway behind real poolers: PgBouncer in session and in transaction mode, and pgpool-II.
package poolers_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(envConfig); config != "" {
		os.Exit(otherProcess(config))
	}
	pgtest.Main(m, func() error { return goleak.Find() })
}

// TestBehindPoolers tells the stories of this package, one after another on one sharded database: making one takes
// longer than most of them.
func TestBehindPoolers(t *testing.T) {
	base := testkit.New(t, pgtest.SharedN(t, shards), schema, testkit.Connections(shards*perInstance),
		testkit.Processes(3)) // base's own, one through the poolers, and another of its kind
	for _, story := range []struct {
		name string
		tell func(*testing.T, *testkit.Set)
	}{
		{"settings that a pooler drops must be the role's", settingsMustBeTheRoles},
		{"Init sets the role even where the migrator may not", initSetsTheRole},
		{"settings changed by another client stop the shard", changedSettingsStopTheShard},
		{"settings are watched while the catalog is away", changedSettingsStopTheShardWithoutACatalog},
		{"addresses may be given either way", addressesEitherWay},
		{"without an address for sessions", withoutSessions},
		{"the router's jobs give the direct answers", jobs},
		{"a pooler is killed and comes back", killed},
		{"two processes share the budget", twoProcesses},
		{"a statement is cancelled at the server", cancelled},
		{"a column is added", columnAdded},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, base) })
	}
}

const soon = time.Minute

// schema is what every story here works on: accounts of tenants and the entries in their books.
const schema = `
	create table accounts (tenant bigint not null, id bigint not null, balance bigint not null default 0, primary key (tenant, id));
	create table entries (tenant bigint not null, ref uuid not null, amount bigint not null, primary key (tenant, ref));
	select keyway.shard_table('accounts', 'tenant');
	select keyway.shard_table('entries', 'tenant')`

// A kind is one way to put a pooler in front of a server.
type kind struct {
	name    string
	pooling pool.Pooling
	start   func(t testing.TB, c *localpg.Cluster, users ...string) *localpg.Pooler
}

var kinds = []kind{
	{"PgBouncer, session mode", pool.SessionPooling, func(t testing.TB, c *localpg.Cluster, users ...string) *localpg.Pooler {
		return bouncer(t, c, "session", users...)
	}},
	{"PgBouncer, transaction mode", pool.TransactionPooling, func(t testing.TB, c *localpg.Cluster, users ...string) *localpg.Pooler {
		return bouncer(t, c, "transaction", users...)
	}},
	{"pgpool-II", pool.SessionPooling, func(t testing.TB, c *localpg.Cluster, users ...string) *localpg.Pooler {
		return pgtest.Pgpool(t, c, localpg.PoolerOptions{Users: users, Settings: map[string]string{"num_init_children": "16"}})
	}},
}

func bouncer(t testing.TB, c *localpg.Cluster, mode string, users ...string) *localpg.Pooler {
	settings := map[string]string{"pool_mode": mode, "server_login_retry": "0.1"}
	if mode == "transaction" {
		settings["default_pool_size"] = "4"
	}
	return pgtest.Bouncer(t, c, localpg.PoolerOptions{Users: users, Settings: settings})
}

// set is a sharded database twice: DB goes to the servers, and through goes through a pooler in front of each.
type set struct {
	*testkit.Set

	config  router.Config // of through
	through *router.DB
	poolers []*localpg.Pooler // of instance i
}

const (
	shards      = 2
	perInstance = 10 // the budget of each instance
)

// open makes one of empty tables. Each change may change the addresses of the instances.
func open(t testing.TB, base *testkit.Set, k kind, changes ...func(*router.Instance)) *set {
	t.Helper()
	s := prepare(t, base, k, changes...)
	s.init(t)
	s.through = s.openDB(t)
	return s
}

// prepare is open before Init and Open: no role has settings.
func prepare(t testing.TB, base *testkit.Set, k kind, changes ...func(*router.Instance)) *set {
	t.Helper()
	s := &set{Set: base, config: base.Config}
	s.config.Instances = map[string]router.Instance{}
	for i, c := range s.Clusters {
		in := s.Config.Instances[instance(i)]
		_, err := s.Super(t, i).Exec(t.Context(), fmt.Sprintf("truncate accounts, entries; alter role %s in database %s reset all",
			in.Credentials.App.User, s.DBNames[i]))
		require.NoError(t, err)
		p := k.start(t, c, in.Credentials.App.User)
		s.poolers = append(s.poolers, p)
		in.Primary, in.Direct, in.Pooler = c.Addr(), "", p.Addr()
		for _, change := range changes {
			change(&in)
		}
		s.config.Instances[instance(i)] = in
	}
	return s
}

func (s *set) init(t testing.TB) {
	t.Helper()
	_, err := router.Init(t.Context(), s.config, router.InitOptions{})
	require.NoError(t, err)
}

func (s *set) openDB(t testing.TB, opts ...router.Option) *router.DB {
	t.Helper()
	db, err := router.Open(t.Context(), s.config, opts...)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

func instance(i int) string { return fmt.Sprintf("pg-%d", i) }

// onlyPooler leaves an instance no address but the pooler's.
func onlyPooler(in *router.Instance) { in.Primary, in.Pooler = in.Pooler, "" }

// poolerFirst names the addresses the other way round.
func poolerFirst(in *router.Instance) { in.Primary, in.Direct, in.Pooler = in.Pooler, in.Primary, "" }

// stat is the statistics of the i-th instance.
func stat(db *router.DB, i int) pool.Stat { return db.Stat().Instances[i] }

func newRef() (ref [16]byte) {
	_, _ = rand.Read(ref[:]) // never fails
	return ref
}

func asError[E error](err error, target *E) bool { return errors.As(err, target) }

package poolers_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/doctor"
	"github.com/keyway-go/keyway/shard"
)

// instanceOf is a pool of its own on an address.
func instanceOf(t *testing.T, dsn string, limit int) (*pool.Instance, *pool.Database) {
	t.Helper()
	cc, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	cc.RuntimeParams["search_path"] = "public, pg_temp"
	in, err := pool.New(pool.Config{Name: "pg-0", Conn: cc, Limit: limit})
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close(context.Background()) })
	return in, in.Database(cc.Database, pool.DatabaseConfig{})
}

func TestWhatAnswersIsFoundOut(t *testing.T) {
	c := pgtest.Shared(t)
	user := pgtest.Role(t, c, "")
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p := k.start(t, c, user)
			in, d := instanceOf(t, p.DSN(user, "postgres"), 4)
			got, err := d.Inspect(t.Context())
			require.NoError(t, err)
			require.Equal(t, k.pooling, got)
			require.Equal(t, "sockets", in.Stat().Bound)

			control, err := in.Control(t.Context(), d)
			if k.pooling == pool.TransactionPooling {
				var none *pool.NoSessionError
				require.ErrorAs(t, err, &none)
				require.ErrorContains(t, err, "transaction mode")
			} else {
				require.NoError(t, err)
				control.Release()
			}

			_, lone := instanceOf(t, p.DSN(user, "postgres"), 2)
			got, err = lone.Inspect(t.Context())
			require.NoError(t, err)
			if strings.HasPrefix(k.name, "PgBouncer") {
				require.Equal(t, pool.TransactionPooling, got, "without a second connection least is hoped for")
			}
		})
	}
	for name, address := range map[string]func() string{
		"the server": c.Addr,
		"a relay that is no pooler": func() string {
			relay, err := faultproxy.New(context.Background(), c.Addr())
			require.NoError(t, err)
			t.Cleanup(func() { _ = relay.Close() })
			return relay.Addr()
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, d := instanceOf(t, "postgres://"+user+"@"+address()+"/postgres?sslmode=disable", 4)
			got, err := d.Inspect(t.Context())
			require.NoError(t, err)
			require.Equal(t, pool.NoPooling, got)
			require.Equal(t, "backends", in.Stat().Bound)
		})
	}
}

// TestNothingIsCleanedBehindAPoolerThatSharesBackends: DISCARD ALL would meet any backend, and take away what somebody
// else has there.
func TestNothingIsCleanedBehindAPoolerThatSharesBackends(t *testing.T) {
	c := pgtest.Shared(t)
	user := pgtest.Role(t, c, "")
	in, d := instanceOf(t, bouncer(t, c, "transaction", user).DSN(user, "postgres"), 1)
	first, err := d.Acquire(t.Context())
	require.NoError(t, err)
	left := first.Conn()
	first.ReleaseClean()
	second, err := d.Acquire(t.Context())
	require.NoError(t, err)
	defer second.Release()
	require.NotSame(t, left, second.Conn(), "what nobody has read the statements of is not lent again")
	require.True(t, left.IsClosed())
	require.EqualValues(t, 1, in.Stat().Closes.Discard)
}

func TestAPoolerThatGoesRoundItsBackendsIsFoundOut(t *testing.T) {
	c := pgtest.Shared(t)
	user := pgtest.Role(t, c, "")
	p := pgtest.Bouncer(t, c, localpg.PoolerOptions{Users: []string{user}, Settings: map[string]string{
		"pool_mode": "transaction", "server_round_robin": "1", "min_pool_size": "6",
	}})
	_, d := instanceOf(t, p.DSN(user, "postgres"), 4)
	got, err := d.Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, pool.TransactionPooling, got)
}

func TestPgpoolThatLosesWritesOrLagsIsRefused(t *testing.T) {
	c := pgtest.Shared(t)
	user := pgtest.Role(t, c, "")
	for name, value := range map[string]string{"backend_clustering_mode": "raw", "load_balance_mode": "on", "memory_cache_enabled": "on"} {
		t.Run(name, func(t *testing.T) {
			p := pgtest.Pgpool(t, c, localpg.PoolerOptions{Users: []string{user}, Settings: map[string]string{
				name: value, "memqcache_total_size": "1MB", "memqcache_max_num_cache": "1000", "num_init_children": "4",
			}})
			_, d := instanceOf(t, p.DSN(user, "postgres"), 4)
			for range 2 {
				_, err := d.Inspect(t.Context())
				var refused *pool.PoolerError
				require.ErrorAs(t, err, &refused)
				require.ErrorContains(t, err, name+" = "+value)
			}
		})
	}
}

// settingsMustBeTheRoles: PgBouncer passes no search_path on, so the role must have it.
func settingsMustBeTheRoles(t *testing.T, base *testkit.Set) {
	for _, k := range kinds[:2] {
		t.Run(k.name, func(t *testing.T) {
			s := prepare(t, base, k)
			report, err := doctor.Run(t.Context(), s.config)
			require.NoError(t, err)
			require.Contains(t, fmt.Sprint(report.Findings), "alter role")
			_, err = router.Open(t.Context(), s.config)
			var wrong *router.SettingsError
			require.ErrorAs(t, err, &wrong)
			require.ErrorContains(t, err, `search_path is "$user", public, not "public", pg_temp`)
			require.Contains(t, wrong.Remedy, "alter role ")

			for i := range shards { // what the sentence says, as the role itself
				in := s.config.Instances[instance(i)]
				remedy := strings.NewReplacer(wrong.Database, s.DBNames[i], wrong.Role, in.Credentials.App.User).Replace(wrong.Remedy)
				_, err := pgtest.Conn(t, s.Clusters[i], in.Credentials.App.User, s.DBNames[i]).Exec(t.Context(), remedy)
				require.NoError(t, err)
				s.reconnect(t, i)
			}
			s.openDB(t)
			report, err = doctor.Run(t.Context(), s.config)
			require.NoError(t, err)
			require.Zero(t, report.Count(doctor.Problem), "%+v", report.Findings)
		})
	}
}

// reconnect makes the i-th PgBouncer take new backends.
func (s *set) reconnect(t *testing.T, i int) {
	t.Helper()
	cc, err := pgx.ParseConfig(s.poolers[i].DSN(localpg.Superuser, "pgbouncer"))
	require.NoError(t, err)
	cc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), cc)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "reconnect")
	require.NoError(t, err)
}

// initSetsTheRole: the migrators of these tests have no CREATEROLE. A role whose
// statements go straight to the server is left alone.
func initSetsTheRole(t *testing.T, base *testkit.Set) {
	s := prepare(t, base, kinds[1])
	count := func() (n int) {
		const sql = "select count(*) from pg_db_role_setting where setrole = $1::regrole and setdatabase = (select oid from pg_database where datname = $2)"
		require.NoError(t, s.Super(t, 0).QueryRow(t.Context(), sql, s.config.Instances["pg-0"].Credentials.App.User, s.DBNames[0]).Scan(&n))
		return n
	}
	require.Zero(t, count())
	s.init(t)
	require.Equal(t, 1, count())
}

// changedSettingsStopTheShard: in transaction mode a SET of any client of the role stays on a backend
// that others get.
func changedSettingsStopTheShard(t *testing.T, base *testkit.Set) {
	s := prepare(t, base, oneBackend)
	s.init(t)
	spoilSettings(t, s, s.openDB(t, router.WithPollInterval(50*time.Millisecond)), 0)
}

// changedSettingsStopTheShardWithoutACatalog: the map cannot be read, and the settings are looked at all the same.
func changedSettingsStopTheShardWithoutACatalog(t *testing.T, base *testkit.Set) {
	s := prepare(t, base, oneBackend)
	s.init(t)
	for name, in := range s.config.Instances { // no other way to the catalog
		onlyPooler(&in)
		s.config.Instances[name] = in
	}
	db := s.openDB(t, router.WithPollInterval(50*time.Millisecond))
	_, err := db.ForKey(keyOn(t, db, "s1")).Exec(t.Context(), "select count(*) from accounts")
	require.NoError(t, err)
	require.NoError(t, s.poolers[0].Kill())
	spoilSettings(t, s, db, 1)
	require.NoError(t, s.poolers[0].Start(t.Context())) // or Close could not give the place in the budget back
	require.Eventually(t, func() bool {
		_, err := db.ForKey(keyOn(t, db, "s0")).Exec(t.Context(), "select count(*) from accounts")
		return err == nil
	}, soon, 10*time.Millisecond)
}

var oneBackend = kind{"one backend", pool.TransactionPooling, func(t testing.TB, c *localpg.Cluster, users ...string) *localpg.Pooler {
	return pgtest.Bouncer(t, c, localpg.PoolerOptions{Users: users, Settings: map[string]string{"pool_mode": "transaction", "default_pool_size": "1"}})
}}

// spoilSettings changes the settings of the only backend behind the i-th pooler, and later sets them right.
func spoilSettings(t *testing.T, s *set, db *router.DB, i int) {
	t.Helper()
	in := s.config.Instances[instance(i)]
	vandal, err := pgx.Connect(t.Context(), s.poolers[i].DSN(in.Credentials.App.User, s.DBNames[i]))
	require.NoError(t, err)
	defer func() { _ = vandal.Close(context.Background()) }()
	key := keyOn(t, db, testkit.ID(i))

	_, err = vandal.Exec(t.Context(), "set search_path = pg_catalog", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	var down *router.ShardDownError
	require.Eventually(t, func() bool {
		_, err := db.ForKey(key).Exec(t.Context(), "select count(*) from accounts")
		return asError(err, &down)
	}, soon, 10*time.Millisecond)
	require.ErrorContains(t, down, "search_path is pg_catalog")

	_, err = vandal.Exec(t.Context(), "reset search_path", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := db.ForKey(key).Exec(t.Context(), "select count(*) from accounts")
		return err == nil
	}, soon, 10*time.Millisecond)
}

// keyOn is a key that lives on the shard.
func keyOn(t testing.TB, db *router.DB, id shard.ID) shard.Key {
	t.Helper()
	for tenant := range int64(1000) {
		if r, err := db.Route(shard.Int64(tenant)); err == nil && r.Shard == id {
			return shard.Int64(tenant)
		}
	}
	require.FailNow(t, "no key on the shard")
	return shard.Key{}
}

// logged collects log lines.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// addressesEitherWay: the pooler beside the server, or the server beside the pooler. In both a changed map
// is heard of, and not only looked for.
func addressesEitherWay(t *testing.T, base *testkit.Set) {
	for name, change := range map[string]func(*router.Instance){"primary and pooler": func(*router.Instance) {}, "primary and direct": poolerFirst} {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, base, kinds[1], change)
			s.init(t)
			log := &logged{}
			db := s.openDB(t, router.WithPollInterval(time.Hour), router.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
			require.Equal(t, 1, strings.Count(log.String(), "statements go through a pooler"+"; its clients are bounded, not its backends, and no statement is prepared by name unless exec_mode says so\" instance=pg-0 pooling=transaction"))
			require.NotContains(t, log.String(), "no address for sessions")
			_, err := db.Shard("s0").Exec(t.Context(), "select 1")
			require.NoError(t, err)
			for range 2 { // the first may be found by the look before listening
				version := s.swap(t, db)
				require.Eventually(t, func() bool { return db.Map().Version() == version }, soon, 10*time.Millisecond)
			}
		})
	}
}

// withoutSessions: the map is looked for, and what needs a session is refused in words.
func withoutSessions(t *testing.T, base *testkit.Set) {
	s := prepare(t, base, kinds[1])
	s.init(t)
	for name, in := range s.config.Instances {
		onlyPooler(&in)
		s.config.Instances[name] = in
	}
	log := &logged{}
	db := s.openDB(t, router.WithPollInterval(50*time.Millisecond), router.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	require.Contains(t, log.String(), "no address for sessions")

	_, err := db.Shard("s0").Exec(t.Context(), "set search_path = pg_temp")
	require.ErrorContains(t, err, "give instances.pg-0.direct")
	_, err = db.Shard("s0").PgxPool(t.Context(), 1)
	require.ErrorContains(t, err, "give instances.pg-0.direct")
	require.NoError(t, post(t.Context(), insertAccount(t, db, 1), 1, newRef(), 1))

	version := s.swap(t, db)
	require.Eventually(t, func() bool { return db.Map().Version() == version }, soon, 10*time.Millisecond)
	require.NotContains(t, log.String(), "cannot listen")
}

func insertAccount(t *testing.T, db *router.DB, tenant int64) *router.DB {
	t.Helper()
	_, err := db.Exec(t.Context(), "insert into accounts (tenant, id) values ($1, $2)", tenant, 0)
	require.NoError(t, err)
	return db
}

// swap installs the version after the one that db knows, which gives every slot to whom it belonged.
func (s *set) swap(t *testing.T, db *router.DB) (version uint64) {
	t.Helper()
	from := db.Map().Version()
	next, err := shard.Even(from+1, db.Map().Shards()...)
	require.NoError(t, err)
	for i := range shards {
		cc, err := s.Config.ConnConfig(testkit.ID(i), router.Migrator)
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(t.Context(), cc)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		if i == 0 {
			require.NoError(t, catalog.SwapMap(t.Context(), conn, from, next))
		}
		require.NoError(t, catalog.StoreMap(t.Context(), conn, next, testkit.ID(i)))
	}
	return from + 1
}

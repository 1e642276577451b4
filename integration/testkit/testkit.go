// Package testkit makes sharded databases on real servers for the tests of this module.
package testkit

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Set is a sharded database on servers of the test's own choice.
type Set struct {
	Config   router.Config
	Clusters []*localpg.Cluster // of shard i
	DBNames  []string           // of shard i
	DB       *router.DB
}

// Option changes what New makes.
type Option func(*options)

type options struct {
	connections int
	processes   int
	router      []router.Option
	primary     func(i int) string
	database    []string
}

// Connections is the budget of the set, divided evenly over the clusters. Of a cluster's part a twentieth, and at least
// one connection, is in reserve for processes that ask for a lease; the rest is for the processes. Without it there are
// six for each cluster.
func Connections(n int) Option { return func(o *options) { o.connections = n } }

// Processes is how many databases may be open on the set at once, the set's own included: one more waits for a place.
// Each needs at least one connection on every cluster beside the reserve. Without it there is room for one.
func Processes(n int) Option { return func(o *options) { o.processes = n } }

// Router adds options of Open.
func Router(opts ...router.Option) Option {
	return func(o *options) { o.router = append(o.router, opts...) }
}

// Through puts something between the application and the i-th server, which then has that address. What migrates goes to
// the server itself.
func Through(primary func(i int) string) Option { return func(o *options) { o.primary = primary } }

// Database adds words to the CREATE DATABASE of every shard, such as [pgtest.Linguistic].
func Database(words string) Option {
	return func(o *options) { o.database = append(o.database, words) }
}

// ID is the name of the i-th shard.
func ID(i int) shard.ID { return shard.ID(fmt.Sprintf("s%d", i)) }

// New makes a database on each cluster, initialises them as shards, runs the migration on all and opens them. All of it
// is gone when the test ends.
func New(t testing.TB, clusters []*localpg.Cluster, migration string, opts ...Option) *Set {
	t.Helper()
	ctx := context.Background()
	o := options{connections: 6 * len(clusters), processes: 1}
	for _, option := range opts {
		option(&o)
	}
	s := &Set{Clusters: clusters, Config: router.Config{
		Environment: "test", Catalog: ID(0), TLS: router.TLS{Mode: router.Disable},
		Budget:    router.Budget{Connections: o.connections, Processes: o.processes},
		Instances: map[string]router.Instance{}, Shards: map[shard.ID]router.Shard{},
	}}
	for i, c := range clusters {
		database, migrator, app := pgtest.Owned(t, c, o.database...)
		name := fmt.Sprintf("pg-%d", i)
		s.DBNames = append(s.DBNames, database)
		primary := c.Addr()
		if o.primary != nil {
			primary = o.primary(i)
		}
		s.Config.Instances[name] = router.Instance{Primary: primary, Direct: c.Addr(), Credentials: router.Credentials{
			App:      router.Credential{User: app, Password: router.Secret(c.PasswordOf(app))},
			Migrator: router.Credential{User: migrator, Password: router.Secret(c.PasswordOf(migrator))},
		}}
		s.Config.Shards[ID(i)] = router.Shard{Instance: name, Database: database}
	}
	first := s.Config.Instances["pg-0"].Credentials
	s.Config.Credentials = first

	_, err := router.Init(ctx, s.Config, router.InitOptions{})
	require.NoError(t, err)
	s.beatEachSecond(t)
	s.Migrate(t, migration)
	s.DB, err = router.Open(ctx, s.Config, o.router...)
	require.NoError(t, err)
	t.Cleanup(s.DB.Close)
	return s
}

// beatEachSecond makes processes ask for their share of the budget every second, not every five: a test in which one
// waits for what another gives back is over sooner.
func (s *Set) beatEachSecond(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	for i := range s.Clusters {
		conn := s.Super(t, i)
		_, err := conn.Exec(ctx, "update keyway.pool_budget set ttl_ms = 6000")
		require.NoError(t, err)
		require.NoError(t, conn.Close(ctx))
	}
}

// Migrate runs one file on every shard.
func (s *Set) Migrate(t testing.TB, sql string) {
	t.Helper()
	var files fs.FS = fstest.MapFS{"000001_schema.up.sql": &fstest.MapFile{Data: []byte(sql)}}
	runner, err := migrate.New(files)
	require.NoError(t, err)
	var targets []migrate.Target
	for i := range s.Clusters {
		cc, err := s.Config.ConnConfig(ID(i), router.Migrator)
		require.NoError(t, err)
		targets = append(targets, migrate.Target{Shard: ID(i), Instance: fmt.Sprintf("pg-%d", i), Conn: cc})
	}
	_, err = runner.Up(context.Background(), targets)
	require.NoError(t, err)
}

// Super is a superuser's connection to the i-th shard's database, past the library.
func (s *Set) Super(t testing.TB, i int) *pgx.Conn {
	t.Helper()
	return pgtest.Conn(t, s.Clusters[i], localpg.Superuser, s.DBNames[i])
}

package doctor_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/doctor"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// patient is a cluster of two shards on two servers.
type patient struct {
	testing.TB
	cfg     router.Config
	servers []*localpg.Cluster
}

// blank is a patient whose databases are empty.
func blank(t testing.TB) *patient {
	t.Helper()
	p := &patient{TB: t, servers: pgtest.SharedN(t, 2)}
	p.cfg = router.Config{
		Catalog: "s0", Budget: router.Budget{Connections: 40, Processes: 2},
		Instances: map[string]router.Instance{}, Shards: map[shard.ID]router.Shard{},
	}
	for i, c := range p.servers {
		db, migrator, app := pgtest.Owned(t, c)
		name := fmt.Sprintf("pg-%d", i)
		p.cfg.Instances[name] = router.Instance{Primary: c.Addr(), Credentials: router.Credentials{
			App: router.Credential{User: app, Password: "do-not-print"}, Migrator: router.Credential{User: migrator, Password: "do-not-print"},
		}}
		p.cfg.Shards[shard.ID(fmt.Sprintf("s%d", i))] = router.Shard{Instance: name, Database: db}
	}
	return p
}

// healthy is a patient with the schema, a table, and rights on it.
func healthy(t testing.TB) *patient {
	t.Helper()
	p := blank(t)
	p.init()
	for id := range p.cfg.Shards {
		p.table(id, "orders")
	}
	return p
}

func (p *patient) init() {
	p.Helper()
	_, err := router.Init(p.Context(), p.cfg, router.InitOptions{})
	require.NoError(p, err)
}

func (p *patient) table(id shard.ID, name string) {
	p.Helper()
	p.exec(id, fmt.Sprintf("create table %[1]s (tenant bigint not null, id bigint not null, primary key (tenant, id));"+
		"select keyway.shard_table('%[1]s', 'tenant'); grant select, insert, update, delete on %[1]s to %[2]s", name, p.role(id, router.App)))
}

func (p *patient) role(id shard.ID, purpose router.Purpose) string {
	c := p.cfg.Instances[p.cfg.Shards[id].Instance].Credentials
	if purpose == router.App {
		return c.App.User
	}
	return c.Migrator.User
}

// exec runs SQL on a shard as its migrator.
func (p *patient) exec(id shard.ID, sql string) {
	p.Helper()
	cc, err := p.cfg.ConnConfig(id, router.Migrator)
	require.NoError(p, err)
	conn, err := pgx.ConnectConfig(p.Context(), cc)
	require.NoError(p, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(p.Context(), sql)
	require.NoError(p, err)
}

// super runs SQL on the server of a shard as its superuser.
func (p *patient) super(i int, sql string) {
	p.Helper()
	pgtest.Exec(p, p.servers[i], "postgres", sql)
}

func (p *patient) report() *doctor.Report {
	p.Helper()
	r, err := doctor.Run(p.Context(), p.cfg)
	require.NoError(p, err)
	require.NotContains(p, fmt.Sprintf("%+v", r), "do-not-print")
	return r
}

// says requires a finding of the level whose text has all the parts.
func (p *patient) says(l doctor.Level, parts ...string) {
	p.Helper()
	r := p.report()
	for _, f := range r.Findings {
		text := f.Subject + ": " + f.Sentence + "; " + f.Remedy
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(text, part)
		}
		if f.Level == l && !missing {
			require.NotEmpty(p, f.Check)
			require.NotEmpty(p, f.Remedy)
			return
		}
	}
	require.Fail(p, "no such finding", "%s %v in %+v", l, parts, r.Findings)
}

func TestAHealthyClusterHasOnlyNotes(t *testing.T) {
	p := healthy(t)
	r := p.report()
	require.True(t, r.Healthy(), "%+v", r.Findings)
	require.Len(t, r.Shards, 2)
	require.Equal(t, shard.ID("s0"), r.Shards[0].Shard)
	require.Equal(t, 8192, r.Shards[0].Slots)
	require.Equal(t, 1, r.Shards[1].Tables)
	require.Len(t, r.Servers, 2)
	require.Equal(t, 20, r.Servers[0].Budgeted)
	p.says(doctor.Note, "instance pg-0", "wal_level is replica", "moving slots online will need logical")
	p.says(doctor.Note, "max_prepared_transactions is 0")
}

func TestDatabasesThatAreNotInitialisedAreNamed(t *testing.T) {
	p := blank(t)
	p.says(doctor.Problem, "shard s0", "no keyway schema", "run keyway init")
	p.says(doctor.Problem, "shard s1", "no keyway schema")
}

func TestAServerThatIsDownIsNamedAndTheOthersAreExamined(t *testing.T) {
	p := healthy(t)
	in := p.cfg.Instances["pg-1"]
	in.Primary = "127.0.0.1:1"
	p.cfg.Instances = maps.Clone(p.cfg.Instances)
	p.cfg.Instances["pg-1"] = in
	p.says(doctor.Problem, "shard s1", "cannot connect to 127.0.0.1:1")
	require.Len(t, p.report().Servers, 1)
}

func TestSwappedAddressesAreFound(t *testing.T) {
	p := healthy(t)
	p.cfg.Shards["s0"], p.cfg.Shards["s1"] = p.cfg.Shards["s1"], p.cfg.Shards["s0"]
	p.says(doctor.Problem, "shard s0", "leads to the database of shard s1", "swapped")
}

// callTwice makes instance pg-1 and shard s1 other names of pg-0 and s0.
func (p *patient) callTwice() {
	first := p.cfg.Instances["pg-0"]
	first.Primary = strings.Replace(first.Primary, "127.0.0.1", "localhost", 1)
	p.cfg.Instances["pg-1"] = first
	s := p.cfg.Shards["s1"]
	s.Database = p.cfg.Shards["s0"].Database
	p.cfg.Shards["s1"] = s
}

func TestTwoNamesForOneThingAreFound(t *testing.T) {
	p := healthy(t)
	p.callTwice()
	p.says(doctor.Problem, "shards s0 and s1 are one database")

	s := p.cfg.Shards["s1"]
	s.Database, _, _ = pgtest.Owned(t, p.servers[0])
	p.cfg.Shards["s1"] = s
	pgtest.Exec(t, p.servers[0], "postgres", fmt.Sprintf("grant connect on database %s to %s, %s", s.Database,
		p.role("s0", router.App), p.role("s0", router.Migrator)))
	p.says(doctor.Problem, "instances pg-0 and pg-1 are one server", "one budget")
}

func TestServersThatStartedTogetherAreTwo(t *testing.T) {
	p := healthy(t)
	twins, err := doctor.Twins(p.Context(), p.cfg)
	require.NoError(t, err)
	require.Empty(t, twins, "one moment is no reason to take two servers for one")

	p.callTwice()
	twins, err = doctor.Twins(p.Context(), p.cfg)
	require.NoError(t, err)
	require.Equal(t, []string{"pg-0 pg-1"}, twins)
}

func TestClustersThatAreMixedUpAreFound(t *testing.T) {
	a, b := healthy(t), healthy(t)
	a.cfg.Instances["pg-1"], a.cfg.Shards["s1"] = b.cfg.Instances["pg-1"], b.cfg.Shards["s1"]
	a.says(doctor.Problem, "shard s1", "belongs to cluster", "another environment")
	b.cfg.Catalog = "s1"
	b.says(doctor.Problem, "shard s0", "made with catalog s0, and the configuration says s1")
}

func TestRightsThatAreTooManyOrTooFewAreFound(t *testing.T) {
	p := healthy(t)
	app := p.role("s0", router.App)
	p.super(0, "alter role "+app+" bypassrls createdb")
	p.says(doctor.Warning, "shard s0", app, "bypasses row-level security")
	p.says(doctor.Warning, "shard s0", "may create roles or databases")
	p.exec("s0", "revoke insert, delete on orders from "+app)
	p.says(doctor.Warning, "lacks rights on orders (delete, insert)")
	p.super(0, "alter role "+app+" superuser")
	p.says(doctor.Warning, "shard s0", "a superuser", "ordinary role")
	p.super(0, "alter role "+app+" nosuperuser")
	p.super(0, fmt.Sprintf("grant %s to %s", p.role("s0", router.Migrator), app))
	p.says(doctor.Warning, "owns table orders", "let the migrator own it")

	in := p.cfg.Instances["pg-1"]
	in.Credentials.Migrator.User = in.Credentials.App.User
	p.cfg.Instances["pg-1"] = in
	p.says(doctor.Problem, "shard s1", "does not own the keyway schema")
}

func TestABudgetThatTheServersDoNotHaveIsFound(t *testing.T) {
	p := healthy(t)
	p.exec("s0", "update keyway.pool_budget set connections = 1000")
	p.says(doctor.Problem, "instance pg-0", "the budget gives all processes 1000 connections here, and the server has", "raise max_connections")
	p.says(doctor.Warning, "cluster", "the servers' budgets are 1020 connections together, and the configuration says 40", "keyway pool set")
	p.exec("s0", "update keyway.pool_budget set connections = 20, processes = 3")
	p.says(doctor.Warning, "instance pg-0", "the budget on the server has 3 processes, and the configuration asserts 2")
	p.super(0, "alter role "+p.role("s0", router.App)+" connection limit 5")
	p.says(doctor.Problem, "may hold 5 connections, and the budget gives it 20", "connection limit 20")
	p.exec("s1", "update keyway.pool_home set database = 'elsewhere'")
	p.says(doctor.Problem, "shard s1", "its server's budget is in database elsewhere")
	p.exec("s1", "update keyway.pool_home set database = current_database(); delete from keyway.pool_budget")
	p.says(doctor.Problem, "instance pg-1", "no connection budget is set", "keyway init")
}

// TestMoreShardsThanConnectionsAreFound: a read of all shards wants a connection to each database.
func TestMoreShardsThanConnectionsAreFound(t *testing.T) {
	p := blank(t)
	for i := range 3 {
		name := pgtest.Database(t, p.servers[0])
		p.super(0, "alter database "+name+" owner to "+p.role("s0", router.Migrator))
		p.cfg.Shards[shard.ID(fmt.Sprintf("s%d", 2+i))] = router.Shard{Instance: "pg-0", Database: name}
	}
	p.init()
	says := func(connections, floor int, level doctor.Level, parts ...string) {
		t.Helper()
		p.exec("s0", fmt.Sprintf("update keyway.pool_budget set connections = %d, floor = %d, reserve = 1", connections, floor))
		p.says(level, append(parts, "instance pg-0", "of the 5 connections that a read of all its shards here wants at once", "keyway pool set")...)
	}
	says(6, 1, doctor.Warning, "a process may have 4 at most")
	says(7, 1, doctor.Note, "a process is sure of 1")
	says(11, 4, doctor.Note, "a process is sure of 4")
	p.exec("s0", "update keyway.pool_budget set connections = 11, floor = 5")
	for _, f := range p.report().Findings {
		require.NotContains(t, f.Sentence, "a read of all its shards here", f.Subject)
	}
}

func TestMapsTablesAndMigrationsThatDifferAreFound(t *testing.T) {
	p := healthy(t)
	p.table("s1", "extra")
	p.says(doctor.Problem, "shard s1", "differ from those of shard s0: public.extra is only there", "migrate up")

	for i, id := range []shard.ID{"s0", "s1"} {
		p.exec(id, "create table keyway.migration_log (version bigint, name text, finished timestamptz)")
		p.exec(id, fmt.Sprintf("insert into keyway.migration_log values (%d, 'a', now())", 7-i))
	}
	p.says(doctor.Warning, "cluster", "different migrations: 7 on s0; 6 on s1", "run keyway migrate up")
	p.exec("s1", "insert into keyway.migration_log values (7, '7_index.up.sql', null)")
	p.says(doctor.Warning, "shard s1", "started and not finished: 7_index.up.sql")

	p.exec("s0", "update keyway.map set version = 9")
	p.says(doctor.Warning, "shard s1", "copy of the slot map is version 1, and the catalog's is 9")
	p.exec("s1", "update keyway.map set version = 11")
	p.says(doctor.Problem, "shard s1", "version 11", "restored from an old backup")

	p.cfg.Tables = map[string]router.Table{"nowhere": {Reference: true}}
	p.says(doctor.Problem, "cluster", "table nowhere, which is not registered")
}

func TestAConfigurationThatIsWrongIsAnError(t *testing.T) {
	_, err := doctor.Run(t.Context(), router.Config{})
	require.ErrorContains(t, err, "the configuration is not usable")
}

package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// example is a configuration without faults.
func example() router.Config {
	return router.Config{
		Environment: "production", Catalog: "s0",
		Budget: router.Budget{Connections: 200, Processes: 50},
		Credentials: router.Credentials{
			App:      router.Credential{User: "app", Password: "hunter2"},
			Migrator: router.Credential{User: "owner", Password: "correct horse"},
		},
		Instances: map[string]router.Instance{
			"pg-a": {Primary: "10.0.0.1:5432"}, "pg-b": {Primary: "10.0.0.2:5432"},
		},
		Shards: map[shard.ID]router.Shard{
			"s0": {Instance: "pg-a", Database: "app"}, "s1": {Instance: "pg-b", Database: "app"},
		},
		Tables: map[string]router.Table{
			"orders": {Key: []string{"tenant_id"}}, "plans": {Reference: true}, "jobs": {Home: "s0"},
		},
	}
}

func TestAConfigurationWithoutFaultsIsValid(t *testing.T) { require.NoError(t, example().Validate()) }

func TestEachFaultOfAConfigurationIsASentence(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*router.Config)
		want   string
	}{
		"no catalog":      {func(c *router.Config) { c.Catalog = "" }, `catalog: "" is not among the shards (s0, s1)`},
		"unknown catalog": {func(c *router.Config) { c.Catalog = "s9" }, `catalog: "s9" is not among the shards (s0, s1)`},
		"no budget":       {func(c *router.Config) { c.Budget = router.Budget{} }, "budget.connections: is not given"},
		"no processes":    {func(c *router.Config) { c.Budget.Processes = 0 }, "budget.processes: is not given"},
		"small budget": {func(c *router.Config) { c.Budget.Connections = 105 },
			"budget: 105 connections over 2 instances: 52 connections are too few for 50 processes with 1 each and 3 in reserve, " +
				"which is 53: raise the connections to 53, or lower the processes to 49 (on each instance; budget.connections is the sum)"},
		"two shards on one database": {func(c *router.Config) { c.Shards["s1"] = c.Shards["s0"] },
			"shards: s0 and s1 are one database (app on pg-a)"},
		"two instances on one address": {func(c *router.Config) {
			c.Instances["pg-b"] = c.Instances["pg-a"]
		}, "instances: pg-a and pg-b are one server (10.0.0.1:5432)"},
		"shard without an instance": {func(c *router.Config) { c.Shards["s1"] = router.Shard{Instance: "pg-x", Database: "d"} },
			`shards.s1.instance: "pg-x" is not among the instances (pg-a, pg-b)`},
		"shard without a database": {func(c *router.Config) { c.Shards["s1"] = router.Shard{Instance: "pg-b"} },
			"shards.s1.database: is not given"},
		"bad shard id": {func(c *router.Config) { c.Shards["S 1"] = router.Shard{Instance: "pg-b", Database: "x"} }, "shards.S 1:"},
		"bad instance name": {func(c *router.Config) { c.Instances["PG!"] = router.Instance{Primary: "h:1"} },
			"instances.PG!: the name must be"},
		"no primary":                    {func(c *router.Config) { c.Instances["pg-a"] = router.Instance{} }, "instances.pg-a.primary: is not given"},
		"a URL":                         {primary("postgres://app:pw@h/db"), "instances.pg-a.primary: is a URL"},
		"no port":                       {primary("10.0.0.1"), `instances.pg-a.primary: "10.0.0.1" is not an address`},
		"port 0":                        {primary("10.0.0.1:0"), "has no port between 1 and 65535"},
		"several hosts":                 {primary("a,b:5432"), "must be one host"},
		"observing everything and more": {func(c *router.Config) { c.Observe = []string{"*", "orders"} }, `observe[0]: "*" is every table`},
		"observing twice":               {func(c *router.Config) { c.Observe = []string{"orders", "orders"} }, `observe[1]: "orders" is there twice`},
		"observing a part of a name": {func(c *router.Config) { c.Observe = []string{"billing.*"} },
			`observe[0]: "billing.*" is not the name of a table`},
		"observing nothing":    {func(c *router.Config) { c.Observe = []string{""} }, `observe[0]: "" is not the name of a table`},
		"observing two points": {func(c *router.Config) { c.Observe = []string{"a.b.c"} }, `observe[0]: "a.b.c" is not the name of a table`},
		"no app user": {func(c *router.Config) { c.Credentials.App = router.Credential{} },
			"credentials.app.user: is not given, and instance pg-a has none of its own"},
		"prefer": {func(c *router.Config) { c.TLS.Mode = "prefer" },
			`sslmode: "prefer" falls back to plain text without saying so`},
		"allow on an instance": {func(c *router.Config) {
			c.Instances["pg-a"] = router.Instance{Primary: "h:1", TLS: router.TLS{Mode: "allow"}}
		}, `instances.pg-a.sslmode: "allow" falls back`},
		"simple protocol": {func(c *router.Config) { c.ExecMode = "simple_protocol" }, "exec_mode: simple_protocol is refused"},
		"unknown mode":    {func(c *router.Config) { c.ExecMode = "turbo" }, `exec_mode: "turbo" is unknown`},
		"table of two kinds": {func(c *router.Config) { c.Tables["x"] = router.Table{Reference: true, Home: "s0"} },
			"tables.x: give exactly one of key, reference or home"},
		"home nowhere": {func(c *router.Config) { c.Tables["x"] = router.Table{Home: "s7"} },
			`tables.x.home: "s7" is not among the shards (s0, s1)`},
		"NUL in a database": {func(c *router.Config) {
			c.Shards["s1"] = router.Shard{Instance: "pg-b", Database: "app\x00user\x00postgres"}
		}, "shards.s1.database: has a NUL byte"},
		"NUL in a user":    {func(c *router.Config) { c.Credentials.App.User = "a\x00b" }, "credentials.app.user: has a NUL byte"},
		"NUL in a schema":  {func(c *router.Config) { c.Schema = "p\x00" }, "schema: has a NUL byte"},
		"NUL in a host":    {primary("h\x00:1"), "instances.pg-a.primary: has a NUL byte"},
		"negative timeout": {func(c *router.Config) { c.ConnectTimeout = -1 }, "connect_timeout: must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := example()
			c.change(&cfg)
			err := cfg.Validate()
			sentence(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
			_, err = router.Open(context.Background(), cfg)
			sentence(t, err, c.want)
		})
	}
}

func primary(address string) func(*router.Config) {
	return func(c *router.Config) { c.Instances["pg-a"] = router.Instance{Primary: address} }
}

func TestAllFaultsComeAtOnceAndSorted(t *testing.T) {
	cfg := example()
	cfg.Catalog, cfg.Budget.Processes, cfg.TLS.Mode = "s9", 0, "prefer"
	err := cfg.Validate()
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3)
	require.IsIncreasing(t, lines)
}

func TestSecretsNeverShow(t *testing.T) {
	cfg := example()
	cfg.Instances["pg-a"] = router.Instance{Primary: "h:1", Credentials: router.Credentials{
		App: router.Credential{User: "app", Password: "per-instance"},
	}}
	asJSON, err := json.Marshal(cfg)
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg, "credentials", cfg.Credentials, "one", cfg.Credentials.App.Password)
	for _, text := range []string{
		string(asJSON), log.String(), cfg.String(), fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg),
		fmt.Sprintf("%+v %#v %v", cfg.Credentials, cfg.Credentials, cfg.Instances),
		fmt.Sprintf("%d %x %q %t", cfg.Credentials.App.Password, cfg.Credentials.App.Password, cfg.Credentials.App.Password,
			cfg.Credentials.App.Password),
	} {
		for _, secret := range []string{"hunter2", "correct horse", "per-instance", fmt.Sprintf("%x", "hunter2")} {
			require.NotContains(t, text, secret)
		}
	}
}

// poison sets everything that libpq and pgx read from the process to something that must not be used.
func poison(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".pgpass"), []byte("*:*:*:*:frompgpass\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".pg_service.conf"), []byte("[other]\nhost=fromservice\nuser=fromservice\n"), 0o600))
	for k, v := range map[string]string{
		"HOME": home, "PGHOST": "poison.example", "PGPORT": "1", "PGDATABASE": "poison", "PGUSER": "poison",
		"PGPASSWORD": "poison", "PGSSLMODE": "nonsense", "PGSERVICE": "other", "PGAPPNAME": "poison",
		"PGCONNECT_TIMEOUT": "nonsense", "PGTARGETSESSIONATTRS": "nonsense", "PGOPTIONS": "-c search_path=poison", "PGTZ": "poison",
		"PGSSLCERT": "/nonexistent", "PGSSLKEY": "/nonexistent", "PGSSLROOTCERT": "/nonexistent", "PGMINPROTOCOLVERSION": "nonsense",
		"PGMAXPROTOCOLVERSION": "nonsense", "PGCHANNELBINDING": "nonsense", "PGREQUIREAUTH": "nonsense", "PGSSLNEGOTIATION": "direct",
		"PGSSLSNI": "nonsense", "PGSSLCERTMODE": "nonsense", "PGPASSFILE": filepath.Join(home, ".pgpass"), "PGSSLPASSWORD": "poison",
	} {
		t.Setenv(k, v)
	}
}

func TestTheEnvironmentOfTheProcessNeverLeaksIn(t *testing.T) {
	poison(t)
	for _, service := range []string{"other", "unknown", ""} {
		t.Setenv("PGSERVICE", service)
		cfg := example()
		cfg.Credentials.App.Password = ""
		cc, err := cfg.ConnConfig("s1", router.App)
		require.NoError(t, err)
		require.Equal(t, "10.0.0.2", cc.Host)
		require.EqualValues(t, 5432, cc.Port)
		require.Equal(t, "app", cc.Database)
		require.Equal(t, "app", cc.User)
		require.Empty(t, cc.Password)
		require.Empty(t, cc.Fallbacks)
		require.NotNil(t, cc.TLSConfig, "verify-full is the default for a host of the network")
		require.Equal(t, "10.0.0.2", cc.TLSConfig.ServerName)
		require.False(t, cc.TLSConfig.InsecureSkipVerify)
		require.Equal(t, 5*time.Second, cc.ConnectTimeout)
		require.Nil(t, cc.ValidateConnect)
		require.Equal(t, map[string]string{
			"application_name": "keyway production", "client_encoding": "UTF8", "search_path": `"public", pg_temp`,
			"standard_conforming_strings": "on", "transform_null_equals": "off", "quote_all_identifiers": "off",
			"keyway.client": "1",
		}, cc.RuntimeParams)
		require.Equal(t, pgx.QueryExecModeCacheStatement, cc.DefaultQueryExecMode)
		for _, text := range []string{cc.ConnString(), cc.KerberosSpn, cc.RequireAuth, cc.SSLNegotiation} {
			require.NotContains(t, text, "poison")
			require.NotContains(t, text, "nonsense")
			require.NotContains(t, text, "direct")
		}
	}
}

func TestAClusterOpensWhateverTheEnvironmentSays(t *testing.T) {
	f := initialised(t, 1)
	poison(t)
	db := f.open()
	var path, name string
	require.NoError(t, db.Shard("s0").QueryRow(f.ctx(), "select current_setting('search_path'), current_setting('application_name')").
		Scan(&path, &name))
	require.Equal(t, `"public", pg_temp`, path)
	require.Regexp(t, `^keyway test kw\.[0-9a-f]{6}\.[0-9a-z]{10}$`, name, "it ends with the name of the lease's holder")
}

func TestTLSIsDecidedByTheConfigurationAlone(t *testing.T) {
	for _, c := range []struct {
		mode    router.TLSMode
		primary string
		plain   bool
		insecur bool
	}{
		{"", "10.0.0.1:5432", false, false},
		{"", "db.example:5432", false, false},
		{"", "127.0.0.1:5432", true, false},
		{"", "[::1]:5432", true, false},
		{"", "localhost:5432", true, false},
		{"", "/var/run/postgresql:5432", true, false},
		{router.VerifyFull, "127.0.0.1:5432", false, false},
		{router.Disable, "10.0.0.1:5432", true, false},
		{router.Require, "10.0.0.1:5432", false, true},
		{router.VerifyFull, "/var/run/postgresql:5432", true, false},
	} {
		cfg := example()
		cfg.TLS.Mode = c.mode
		cfg.Instances["pg-a"] = router.Instance{Primary: c.primary}
		cc, err := cfg.ConnConfig("s0", router.App)
		require.NoError(t, err)
		require.Empty(t, cc.Fallbacks, "no second attempt in plain text")
		if c.plain {
			require.Nil(t, cc.TLSConfig, "%s %s", c.mode, c.primary)
			continue
		}
		require.Equal(t, c.insecur, cc.TLSConfig.InsecureSkipVerify, "%s %s", c.mode, c.primary)
	}
}

func TestAVerifiedServerIsReachedOverTLS(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{TLS: true})
	f := onServers(t, c)
	in := f.cfg.Instances["i0"]
	in.TLS = router.TLS{Mode: router.VerifyFull, RootCert: c.CAFile()}
	f.cfg.Instances["i0"] = in
	f.init()
	db := f.open()
	var secure bool
	require.NoError(t, db.Shard("s0").QueryRow(f.ctx(), "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Scan(&secure))
	require.True(t, secure)

	in.TLS.RootCert = ""
	f.cfg.Instances["i0"] = in
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "certificate")
}

func TestPurposesHaveTheirOwnRolesAndAddresses(t *testing.T) {
	cfg := example()
	cfg.Instances["pg-a"] = router.Instance{
		Primary: "10.0.0.1:6432", Direct: "10.0.0.1:5432",
		Credentials: router.Credentials{Migrator: router.Credential{User: "rds_owner", Password: "x"}},
	}
	app, err := cfg.ConnConfig("s0", router.App)
	require.NoError(t, err)
	require.Equal(t, "app", app.User)
	require.EqualValues(t, 5432, app.Port, "a session of one's own")
	migrator, err := cfg.ConnConfig("s0", router.Migrator)
	require.NoError(t, err)
	require.Equal(t, "rds_owner", migrator.User)
	require.EqualValues(t, 5432, migrator.Port)
	require.NotContains(t, migrator.RuntimeParams, "keyway.client", "a migration is no client whose slots are trusted")

	cfg.Credentials.Migrator = router.Credential{}
	_, err = cfg.ConnConfig("s1", router.Migrator)
	sentence(t, err, "shard s1", "no user is configured for migrator")
	_, err = cfg.ConnConfig("s7", router.App)
	sentence(t, err, "shard s7", "s0, s1")
}

func TestRotatingPasswordsComeFromTheHook(t *testing.T) {
	cfg := example()
	cfg.Password = func(_ context.Context, instance string, p router.Purpose) (string, error) {
		return instance + "/" + p.String(), nil
	}
	cc, err := cfg.ConnConfig("s1", router.Migrator)
	require.NoError(t, err)
	require.Equal(t, "pg-b/migrator", cc.Password)
}

func TestAPasswordsSourceThatPanicsOrHangsIsAnError(t *testing.T) {
	cfg := example()
	cfg.Password = func(context.Context, string, router.Purpose) (string, error) { panic("no vault") }
	_, err := cfg.ConnConfig("s1", router.App)
	sentence(t, err, "shard s1", "panicked: no vault")

	cfg.ConnectTimeout = 20 * time.Millisecond
	released := make(chan struct{})
	defer close(released)
	cfg.Password = func(context.Context, string, router.Purpose) (string, error) { <-released; return "", nil }
	_, err = cfg.ConnConfig("s1", router.App)
	sentence(t, err, "shard s1", "did not return in its time")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
	"github.com/keyway-go/keyway/shard"
)

const whole = `
environment: production
catalog: s0
budget: { connections: 200, processes: 50 }
pool:
  { acquire_timeout: 5s, min_open: 2, idle_order: fifo, max_lifetime: never, ping_timeout: 250ms, leak_after: "${LEAK:-1m}" }
credentials:
  app:      { user: app, password_env: APP_DB_PASSWORD }
  migrator: { user: owner, password_file: OWNER_FILE }
sslmode: verify-full
connect_timeout: 1500ms
instances:
  pg-a: { primary: "10.0.0.1:5432", replicas: ["10.0.0.3:5432"], pooler: "10.0.0.9:6432" }
  pg-b:
    primary: "${PG_B:-10.0.0.2}:5432"
    home: s1
    sslmode: require
    credentials: { app: { user: app_b, password_env: APP_DB_PASSWORD } }
shards:
  s0: { instance: pg-a, database: app }
  s1: { instance: pg-b, database: app }
tables:
  orders: { key: tenant_id }
  places: { key: [region, id] }
  plans:  { reference: true }
  jobs:   { home: s0 }
observe: [orders, billing.invoices]
`

func environment(extra map[string]string) func(string) (string, bool) {
	all := map[string]string{"APP_DB_PASSWORD": "hunter2"}
	maps.Copy(all, extra)
	return func(name string) (string, bool) {
		v, ok := all[name]
		return v, ok
	}
}

func TestAWholeFileIsRead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "owner")
	require.NoError(t, os.WriteFile(secret, []byte("correct horse\n"), 0o600))
	c, err := config.Parse([]byte(replace(whole, "OWNER_FILE", secret)), environment(nil))
	require.NoError(t, err)
	require.Equal(t, "production", c.Environment)
	require.Equal(t, shard.ID("s0"), c.Catalog)
	require.Equal(t, router.Budget{Connections: 200, Processes: 50}, c.Budget)
	require.Equal(t, []string{"orders", "billing.invoices"}, c.Observe)
	require.Equal(t, router.PoolConfig{
		AcquireTimeout: 5 * time.Second, MinOpen: 2, IdleOrder: pool.FIFO, MaxLifetime: -1, PingTimeout: 250 * time.Millisecond,
		LeakAfter: time.Minute,
	}, c.Pool)
	require.Equal(t, shard.ID("s1"), c.Home("pg-b"))
	require.Equal(t, router.Secret("hunter2"), c.Credentials.App.Password)
	require.Equal(t, router.Secret("correct horse"), c.Credentials.Migrator.Password, "one newline at the end is dropped")
	require.Equal(t, router.VerifyFull, c.TLS.Mode)
	require.Equal(t, 1500*time.Millisecond, c.ConnectTimeout)
	require.Equal(t, "10.0.0.2:5432", c.Instances["pg-b"].Primary)
	require.Equal(t, router.Require, c.Instances["pg-b"].TLS.Mode)
	require.Equal(t, "app_b", c.Instances["pg-b"].Credentials.App.User)
	require.Equal(t, []string{"10.0.0.3:5432"}, c.Instances["pg-a"].Replicas)
	require.Equal(t, router.Shard{Instance: "pg-b", Database: "app"}, c.Shards["s1"])
	require.Equal(t, map[string]router.Table{
		"orders": {Key: []string{"tenant_id"}}, "places": {Key: []string{"region", "id"}}, "plans": {Reference: true},
		"jobs": {Home: "s0"},
	}, c.Tables)
}

func replace(s, from, to string) string {
	for i := 0; i+len(from) <= len(s); i++ {
		if s[i:i+len(from)] == from {
			return s[:i] + to + s[i+len(from):]
		}
	}
	return s
}

func TestEachFaultNamesItsPlaceAndWhatToWrite(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"an unknown key": {"budget:", "bugdet:", `bugdet (line 4): is not a known key; did you mean "budget"?`},
		"an unknown key inside": {"connections: 200", "conections: 200",
			`budget.conections (line 4): is not a known key; did you mean "connections"?`},
		"an unknown key of a map's entry": {"primary: \"10.0.0.1:5432\"", "primry: \"10.0.0.1:5432\"",
			`instances.pg-a.primry (line 13): is not a known key; did you mean "primary"?`},
		"a key far from all": {"environment:", "zzz:", "zzz (line 2): is not a known key; known here are application, budget"},
		"a password in the file": {"password_env: APP_DB_PASSWORD }\n  mig", "password: hunter2 }\n  mig",
			"credentials.app.password (line 8): is not a known key; a password is not written in the file"},
		"both secrets": {"password_file: OWNER_FILE", "password_file: OWNER_FILE, password_env: X",
			"credentials.migrator: give password_env or password_file, not both"},
		"an undefined variable": {"${PG_B:-10.0.0.2}", "${PG_B}",
			"instances.pg-b.primary (line 15): the variable PG_B is not set; set it, or write ${PG_B:-default}"},
		"an unclosed variable": {"${PG_B:-10.0.0.2}:5432", "${PG_B",
			"instances.pg-b.primary (line 15): ${ has no }"},
		"what is no variable":  {"${PG_B:-10.0.0.2}", "${file:/etc/x}", "${file:/etc/x} is not a variable"},
		"a number in words":    {"connections: 200", "connections: many", "line 4: must be a whole number"},
		"a word for a list":    {"observe: [", "observe: hunter2 # [", "must be a list: [a, b]"},
		"a word for a mapping": {"{ instance: pg-b,", "hunter2 #", "must be a mapping of keys to values"},
		"a bad duration":       {"1500ms", "1500", "line 11: must be a duration such as 500ms or 5s"},
		"a bad truth":          {"reference: true", "reference: maybe", "must be true or false"},
		"a list of lists":      {"key: tenant_id", "key: [[a]]", "must be a column or a list of columns"},
		"a key twice":          {"catalog: s0", "catalog: s0\ncatalog: s1", "already defined"},
		"two documents":        {"catalog: s0", "catalog: s0\n---\na: b", "the file must hold one document"},
		"broken YAML":          {"budget: {", "budget: [", "line "},
		"two shards on one database": {"s1: { instance: pg-b,", "s1: { instance: pg-a,",
			"shards: s0 and s1 are one database (app on pg-a)"},
		"a small budget": {"processes: 50", "processes: 120",
			"budget: 200 connections over 2 instances: 100 connections are too few for 120 processes"},
		"a pool that contradicts itself": {"min_open: 2", "min_open: 9, max_idle: 3", "pool.max_idle: 3 is less than the 9"},
		"a zero that means never elsewhere": {"max_lifetime: never", "max_lifetime: 0s",
			"line 6: must be a duration above 0 such as 500ms or 5s, or never"},
		"never where nothing may last for ever": {"ping_timeout: 250ms", "ping_timeout: never",
			"line 6: must be a duration above 0 such as 500ms or 5s"},
		"an unknown order": {"idle_order: fifo", "idle_order: random", "line 6: must be lifo or fifo"},
		"another pool's name": {"max_lifetime: never", "maximum_lifetime: 1h",
			`pool.maximum_lifetime (line 6): is not a known key; did you mean "max_lifetime"?`},
		"a budget kept nowhere": {"home: s1", "home: s0", `instances.pg-b.home: "s0" is not a shard on this instance`},
		"a catalog that is no shard": {"catalog: s0", "catalog: s7",
			`catalog: "s7" is not among the shards (s0, s1)`},
		"a bad id": {"s1: { instance", "S_1!: { instance", "shards.S_1!:"},
	} {
		t.Run(name, func(t *testing.T) {
			text := replace(whole, c.from, c.to)
			require.NotEqual(t, whole, text)
			_, err := config.Parse([]byte(text), environment(nil))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "config.file", "no Go names")
		})
	}
	_, err := config.Parse(nil, nil)
	require.EqualError(t, err, "the document is empty")
	_, err = config.Parse([]byte("- a\n- b\n"), nil)
	require.ErrorContains(t, err, "must be a mapping")
}

func TestWhatAVariableHoldsNeverBecomesYAML(t *testing.T) {
	for _, v := range []string{"x, password_env: OTHER }", "null", "~", "{a: b}", "line\nbreak: true", "${PG_B}", "12"} {
		text := replace(whole, "user: app,", "user: \"${WHO}\",")
		c, err := config.Parse([]byte(text), environment(map[string]string{"WHO": v, "PG_B": "h"}))
		require.NoError(t, err)
		require.Equal(t, v, c.Credentials.App.User)
	}
}

func TestVariablesStandInNumbersToo(t *testing.T) {
	text := replace(whole, "connections: 200", "connections: \"${CONNECTIONS}\"")
	c, err := config.Parse([]byte(text), environment(map[string]string{"CONNECTIONS": "400"}))
	require.NoError(t, err)
	require.Equal(t, 400, c.Budget.Connections)
}

func TestDollarsMayBeWritten(t *testing.T) {
	for text, want := range map[string]string{
		"$${HOME}": "${HOME}", "a$b": "a$b", "$": "$", "${X:-}": "", "${X:-a:-b}": "a:-b", "${E:-d}": "d", "pre${Y}post$": "preYpost$",
	} {
		doc := replace(whole, "environment: production", "environment: '"+text+"'")
		c, err := config.Parse([]byte(doc), environment(map[string]string{"Y": "Y", "E": ""}))
		require.NoError(t, err, text)
		require.Equal(t, want, c.Environment, text)
	}
}

func TestASecretThatIsNotThereMattersOnlyToWhoNeedsIt(t *testing.T) {
	c, err := config.Parse([]byte(whole), environment(nil))
	require.NoError(t, err, "the service has not the migrator's file")
	_, err = c.ConnConfig("s0", router.App)
	require.NoError(t, err)
	_, err = c.ConnConfig("s0", router.Migrator)
	require.ErrorContains(t, err, "there is no password for migrator: credentials.migrator.password_file: open OWNER_FILE")

	c, err = config.Parse([]byte(whole), func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	_, err = c.ConnConfig("s0", router.App)
	require.ErrorContains(t, err, "credentials.app.password_env: the variable APP_DB_PASSWORD is not set")

	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	c, err = config.Parse([]byte(replace(whole, "OWNER_FILE", empty)), environment(nil))
	require.NoError(t, err)
	_, err = c.ConnConfig("s0", router.Migrator)
	require.ErrorContains(t, err, "is empty")
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyway.yaml")
	_, err := config.Load(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("catlog: s0\n"), 0o600))
	_, err = config.Load(path)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, `catlog (line 1): is not a known key; did you mean "catalog"?`)
	require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	t.Setenv("APP_DB_PASSWORD", "x")
	_, err = config.Load(path)
	require.NoError(t, err)
}

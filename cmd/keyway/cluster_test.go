package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

const quickstart = "../../examples/quickstart/migrations"

func TestADatabaseIsSplitFromTheCommandLine(t *testing.T) {
	s := newSite(t)
	require.Contains(t, s.ok("config", "check"), "is in order: 2 shards on 2 instances")
	code, stdout, _ := s.run("doctor")
	require.Equal(t, 3, code)
	require.Contains(t, stdout, "PROBLEM  shard s0, shard s1: its database has no keyway schema")
	s.fails(1, "cluster cannot be opened", "route", "1")

	require.Contains(t, s.ok("init"), "made on s0, s1")
	v, code := s.json("init")
	require.Zero(t, code)
	require.Equal(t, []any{}, v["created"])
	require.Equal(t, map[string]any{"s0": 8192.0, "s1": 8192.0}, v["slots"])

	require.Contains(t, s.ok("migrate", "status", "--dir", quickstart), "pending: 000001_pgbench.up.sql")
	code, _, _ = s.run("migrate", "status", "--dir", quickstart, "--check")
	require.Equal(t, 3, code)
	require.Contains(t, s.ok("migrate", "up", "--dir", quickstart), "000001_pgbench.up.sql")
	v, code = s.json("migrate", "status", "--dir", quickstart, "--check")
	require.Zero(t, code)
	require.EqualValues(t, 1, v["latest"])
	require.Len(t, v["shards"], 2)

	s.importPgbench()
	s.routeAndExplain()

	require.Contains(t, s.ok("doctor"), "0 problems, 0 warnings")
	v, code = s.json("doctor")
	require.Zero(t, code)
	require.Len(t, v["shards"], 2)
	require.NotEmpty(t, v["findings"], "notes")
}

func (s *site) importPgbench() {
	s.Helper()
	old, owner, _ := pgtest.Owned(s, s.servers[0])
	_, err := s.servers[0].Tool(s.Context(), owner, old, "pgbench", "", "-i", "-q", "-s", "1")
	require.NoError(s, err)
	from := strings.Replace(s.servers[0].DSN(owner, old), owner+"@", owner+":"+secret+"@", 1)
	require.Contains(s, from, secret)

	s.fails(3, "is not registered", "import", "--from", from, "--table", "nope")
	out := s.ok("import", "--from", from)
	require.Contains(s, out, "100011 rows in")
	require.Contains(s, out, "public.pgbench_accounts")
	require.Contains(s, out, "every row is on the shard of its key")
	s.fails(3, "there are rows on shard", "import", "--from", from)
}

func (s *site) routeAndExplain() {
	s.Helper()
	v, code := s.json("route", "42")
	require.Zero(s, code)
	require.Contains(s, s.ok("route", "42", "--table", "pgbench_accounts"), "on shard "+v["shard"].(string)+" ")
	require.Contains(s, s.ok("route", "--type", "bigint", "--", "-1"), "is on shard s")
	s.fails(3, "integer", "route", "0042")
	s.fails(2, "has 1 column (integer), and 2 values were given", "route", "1", "2")
	s.fails(3, "is not a registered sharded table", "route", "1", "--table", "pgbench_tellers")

	out := s.ok("explain", "select * from pgbench_accounts where aid = $1", "42")
	require.Contains(s, out, "on instance")
	p, code := s.json("explain", "select * from pgbench_accounts where aid = $1", "42")
	require.Zero(s, code)
	require.Equal(s, v["shard"], p["shard"])
	require.Equal(s, v["slot"], p["slot"])
	s.fails(3, "pgbench_accounts", "explain", "select * from pgbench_accounts")
	s.ok("explain", "select count(*) from pgbench_accounts", "--key", "42")
	require.Contains(s, s.ok("explain", "select count(*) from pgbench_accounts", "--scatter"), "folded")
	p, code = s.json("explain", "select * from pgbench_accounts order by abalance limit 3", "--scatter")
	require.Zero(s, code)
	require.Equal(s, "merged in order", p["combine"])
	require.NotEmpty(s, p["shards"])
	s.fails(3, "not sent to several shards", "explain", "delete from pgbench_accounts", "--scatter")

	const several = "select * from pgbench_accounts where aid = any($1)"
	p, code = s.json("explain", several, "{42,NULL}")
	require.Zero(s, code)
	require.Equal(s, []any{"key", v["shard"]}, []any{p["target"], p["shard"]}, "a list of one key")
	require.Contains(s, s.ok("explain", several, "{1,2,3,4,5,6,7,8}"), "of the keys")
	require.Contains(s, s.ok("explain", several, "{1,2,3,4,5,6,7,8}", "--scatter"), "of the keys")
	s.fails(3, "integer", "explain", several, "{1,x}")
	s.fails(3, "a list of keys", "explain", several, "{1,2")
}

func TestAnExistingDatabaseIsAdopted(t *testing.T) {
	s := newSite(t)
	conn := pgtest.Conn(t, s.servers[0], s.owners[0], s.names[0])
	_, err := conn.Exec(t.Context(), "create table today (id bigint primary key); insert into today values (1)")
	require.NoError(t, err)
	v, code := s.json("init", "--adopt")
	require.Zero(t, code)
	require.Equal(t, map[string]any{"s0": 16384.0}, v["slots"])
	require.Contains(t, s.ok("route", "1", "--type", "bigint"), "on shard s0")
	var rows int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from today").Scan(&rows))
	require.Equal(t, 1, rows)
	require.Contains(t, s.ok("init", "--adopt"), "--adopt gave no slot away", "the map was made before")
}

func TestMigrationsThatFailSayWhatIsWhere(t *testing.T) {
	s := newSite(t)
	s.ok("init")
	dir := t.TempDir()
	file := func(name, body string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
	}
	up := []string{"migrate", "up", "--dir", dir, "--parallel", "1"}
	s.fails(2, "there is no directory", "migrate", "up", "--dir", dir+"/none")
	file("1_a.up.sql", "create table a (id int);")
	s.ok(up...)

	file("2_b.up.sql", "begin; create table b ();")
	s.fails(3, "2_b.up.sql:1: BEGIN is not allowed", up...)

	conn := pgtest.Conn(t, s.servers[1], s.owners[1], s.names[1])
	_, err := conn.Exec(t.Context(), "create table c (other int)")
	require.NoError(t, err)
	file("2_b.up.sql", "create table b ();")
	file("3_c.up.sql", "create table c ();")
	code, stdout, stderr := s.run(up...)
	require.Equal(t, 4, code, stdout)
	require.Contains(t, stderr, `shard s1: 3_c.up.sql:1: relation "c" already exists (SQLSTATE 42P07)`)
	v, code := s.json(up...)
	require.NotZero(t, code)
	require.Contains(t, v["failed"], "s1")

	file("1_a.up.sql", "create table a (id bigint);")
	s.fails(3, "1_a.up.sql was changed after it was applied", up...)
	code, stdout, _ = s.run("migrate", "status", "--dir", dir)
	require.Equal(t, 3, code)
	require.Contains(t, stdout, "DRIFT: 1_a.up.sql was changed")
}

func TestAServerThatIsDownIsExitCode1(t *testing.T) {
	s := newSite(t)
	s.ok("init")
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	s.config = s.write("keyway.down.yaml", strings.Replace(string(text), s.servers[1].Addr(), "127.0.0.1:1", 1))
	s.fails(1, "s1", "route", "1", "--type", "bigint")
	s.fails(1, "s1", "init")
	s.fails(1, "s1", "migrate", "up", "--dir", quickstart)
	code, stdout, _ := s.run("migrate", "status", "--dir", quickstart)
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "connect to 127.0.0.1:1")
	code, stdout, _ = s.run("doctor")
	require.Equal(t, 3, code)
	require.Contains(t, stdout, "PROBLEM  shard s1")
}

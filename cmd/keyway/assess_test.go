package main_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestADatabaseIsAssessedWithoutAConfiguration(t *testing.T) {
	c := pgtest.Shared(t)
	db, owner, _ := pgtest.Owned(t, c)
	conn := pgtest.Conn(t, c, owner, db)
	_, err := conn.Exec(t.Context(), `create table tenants (id bigint primary key, email text);
		create table orders (tenant_id bigint not null references tenants, id bigint, total bigint, primary key (tenant_id, id));
		insert into tenants select generate_series(1, 50); insert into orders select 1 + n % 50, n, n from generate_series(1, 500) n;
		analyze`)
	require.NoError(t, err)
	dsn := strings.Replace(c.DSN(owner, db), owner+"@", owner+":"+secret+"@", 1)
	s := &site{TB: t}
	s.config = s.write("statements.sql", "select * from orders where tenant_id = $1\n;\nselect * from orders where id = 4711\n")
	run := func(want int, more ...string) string {
		t.Helper()
		code, stdout, stderr := keyway(t, append([]string{"assess", "--dsn", dsn, "--statements", s.config}, more...)...)
		require.Equal(t, want, code, stderr)
		require.Empty(t, stderr)
		return stdout
	}
	out := run(3)
	for _, part := range []string{
		"SHARD KEY  tenant_id, recommended", "2 sharded", "it names rows of tenants", "OBSTACLES  none",
		"STATEMENTS  2 statements, 2 calls, from the file", "route as they are", "50 %",
		"select keyway.shard_table('tenants', 'id');\n  select keyway.shard_table('orders', 'tenant_id');",
	} {
		require.Contains(t, out, part)
	}
	narrow(t, out)
	out = run(3, "--verbose")
	require.Contains(t, out, "* select * from orders where id = ?")
	require.Contains(t, out, "db.Scatter() answers it for all keys; where it means one, the caller names that")
	narrow(t, out)

	v, code := s.json("assess", "--dsn", dsn, "--statements", s.config)
	require.Equal(t, 3, code)
	require.Equal(t, "tenant_id", v["key"])
	for _, list := range []string{"candidates", "tables", "migration"} {
		require.NotEmpty(t, v[list], list)
	}
	require.Len(t, v["statements"].(map[string]any)["list"], 2)

	require.Contains(t, run(3, "--table", "tenants=reference", "--table", "orders=sharded:tenant_id,id"), "1 sharded, 1 reference")
	require.Contains(t, run(0, "--table", "orders=home", "--table", "public.tenants=reference"), "select keyway.home_table('orders', 's0');")
	for text, says := range map[string]string{
		"orders": "is not table=column", "=reference": "is not table=column", "orders=": "is not table=column", "orders=a,,b": "is not table=column",
		"orders=nope": `table public.orders has no column "nope"`, "nope=reference": `there is no table "nope"`,
		"orders=sharded:": "is not table=column", "orders=sharded": `has no column "sharded"`,
	} {
		s.fails(2, says, "assess", "--dsn", dsn, "--table", text)
	}
	s.fails(2, "names orders twice", "assess", "--dsn", dsn, "--table", "orders=home", "--table", "orders=reference")

	s.config = s.write("good.sql", "select * from orders where tenant_id = $1")
	require.Contains(t, run(0), "100 %")
	s.fails(2, `no table has a column "nope"`, "assess", "--dsn", dsn, "--key", "nope")
	s.fails(1, "connect to 127.0.0.1:1 as nobody", "assess", "--dsn", "postgres://nobody:"+secret+"@127.0.0.1:1/none")
	s.config = s.write("bad.json", "[1]")
	s.fails(3, "statement 1 of the JSON list", "assess", "--dsn", dsn, "--statements", s.config)
}

// narrow requires that the text fits a terminal of 100 columns.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 101, line)
	}
}

package migrate_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/migrate"
)

func TestNewRefusesFilesThatWouldBreakThePromise(t *testing.T) {
	const mark = "-- keyway:no-transaction\n"
	cases := []struct{ name, file, body, want string }{
		{"begin", "1_a.up.sql", "create table a ();\nBEGIN;", "1_a.up.sql:2: BEGIN is not allowed"},
		{"commit", "1_a.up.sql", "create table a (); commit", "COMMIT is not allowed"},
		{"rollback", "1_a.up.sql", "ROLLBACK;", "ROLLBACK is not allowed"},
		{"start transaction", "1_a.up.sql", "start /* now */ transaction;", "START is not allowed"},
		{"prepare transaction", "1_a.up.sql", "prepare transaction 'x'", "PREPARE is not allowed"},
		{"copy from stdin", "1_a.up.sql", "copy a from stdin;\n1\n\\.\n", "COPY FROM STDIN needs psql"},
		{"psql", "1_a.up.sql", "\\set x 1\n", "backslash commands are psql's"},
		{"unmarked index", "1_a.up.sql", "create unique index concurrently i on a (b)", "-- keyway:no-transaction"},
		{"unmarked reindex", "1_a.up.sql", "reindex (concurrently) table a", "-- keyway:no-transaction"},
		{"unmarked vacuum", "1_a.up.sql", "vacuum a", "-- keyway:no-transaction"},
		{"unknown mark", "1_a.up.sql", "--keyway:no-transactions\nselect 1", "unknown mark keyway:no-transactions"},
		{"two statements", "1_a.up.sql", mark + "vacuum a; vacuum b", "exactly one statement"},
		{"marked and empty", "1_a.up.sql", mark, "exactly one statement"},
		{"nameless index", "1_a.up.sql", mark + "create index concurrently on a (b)", "the name is needed"},
		{"plain index", "1_a.up.sql", mark + "create index i on a (b)", "the name is needed"},
		{"drop that cannot be repeated", "1_a.up.sql", mark + "drop index concurrently i", "IF EXISTS"},
		{"name without a direction", "0001_a.sql", "select 1", "would never be applied"},
		{"backup of an editor", "1_a.up.sql.orig", "select 1", "must end in .sql"},
		{"version beyond bigint", "9999999999999999999_a.up.sql", "select 1", "9223372036854775807"},
		{"down without up", "1_a.down.sql", "select 1", "no up file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := migrate.New(files(c.file, c.body))
			var invalid *migrate.InvalidFileError
			require.ErrorAs(t, err, &invalid)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := migrate.New(files("1_a.up.sql", "", "01_b.up.sql", ""))
	require.ErrorContains(t, err, "has the same version as")
}

func TestNewLetsOrdinaryFilesPass(t *testing.T) {
	for name, body := range map[string]string{
		"words of transactions elsewhere": `select 'begin; commit;', "commit" from "end" -- commit;
			/* rollback; /* nested */ commit; */ ; comment on table a is E'it\'s; commit;'`,
		"dollar quotes": "do $body$ begin perform 1; end; $body$; create function f() returns int language sql as $$ select 1; $$;",
		"a body in SQL": `create or replace function f(a int) returns int language sql
			begin atomic select case when a > 1 then 1 else 2 end; select a; end; select 1`,
		"rules":                        "create rule r as on insert to a do also (select 1; select 2)",
		"savepoints":                   "savepoint s; rollback to s; release s",
		"a parameter that is none":     "prepare p as select $1; select 1 as a$b$c; select 1",
		"an index in a transaction":    "create index i on a (b)",
		"a materialized view":          "refresh materialized view concurrently v",
		"marked index":                 "-- keyway:no-transaction\ncreate unique index concurrently if not exists \"I\" on only app.\"T\" (b)",
		"marked vacuum":                "--  keyway:no-transaction  \r\nvacuum a",
		"nothing":                      "",
		"an unfinished literal":        "select 'oops",
		"a backslash inside a literal": `select '\d'`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := migrate.New(files("1_a.up.sql", body))
			require.NoError(t, err)
		})
	}
}

func TestNewRefusesOptionsThatCannotBeMeant(t *testing.T) {
	for _, opt := range []migrate.Option{
		migrate.WithParallel(0), migrate.WithLockWait(0), migrate.WithLockTimeout(0, 1), migrate.WithLockTimeout(1e9, 0),
		migrate.WithRunner(""), migrate.WithProgress(nil),
	} {
		_, err := migrate.New(fstest.MapFS{}, opt)
		require.Error(t, err)
	}
}

func TestSkewIsTheLowestAndTheHighestVersion(t *testing.T) {
	lowest, highest := migrate.Skew([]migrate.ShardStatus{{Version: 7}, {Version: 3}, {Version: 0, Err: migrate.ErrLockWait}, {Version: 5}})
	require.EqualValues(t, 3, lowest)
	require.EqualValues(t, 7, highest)
	lowest, highest = migrate.Skew(nil)
	require.Equal(t, migrate.None, lowest)
	require.Equal(t, migrate.None, highest)
}

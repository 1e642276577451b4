package migrate_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/shard"
)

func TestABadFileStopsTheFleetAndARerunGoesOn(t *testing.T) {
	targets := fleet(t, 3)
	exec(t, open(t, targets[1]), "create table orders (other int)")
	r := runner(t, files(
		"1_accounts.up.sql", accounts,
		"2_orders.up.sql", "create table more ();\n\ncreate table orders (id bigint);",
	), migrate.WithParallel(1))

	_, err := r.Up(t.Context(), targets)
	var partial *migrate.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Failed, 1)
	require.Equal(t, shard.ID("s1"), partial.Failed[0].Shard)
	for _, a := range partial.Applied {
		if a.Shard == "s1" {
			require.Equal(t, []string{"1_accounts.up.sql"}, a.Files)
			require.EqualValues(t, 1, a.To)
		}
	}
	require.Equal(t, "1", log(t, targets[1]))
	require.Equal(t, 0, one[int](t, open(t, targets[1]), "select count(*) from pg_class where relname = 'more'"),
		"the failed file left nothing behind")

	exec(t, open(t, targets[1]), "drop table orders")
	_, err = r.Up(t.Context(), targets)
	require.NoError(t, err)
	for _, target := range targets {
		require.Equal(t, "1 2", log(t, target))
		nothingLeft(t, target)
	}
}

func TestNoShardIsStartedAfterAFailure(t *testing.T) {
	targets := fleet(t, 3)
	for i := range targets {
		targets[i].Instance = "pg-a" // one server: strictly one after the other
	}
	_, err := runner(t, files("1_bad.up.sql", "select no_such_column")).Up(t.Context(), targets)
	var partial *migrate.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Failed, 1)
	require.Len(t, partial.Applied, 1, "s1 and s2 were not started")
}

func TestTheErrorPointsAtTheLineAndKeepsTheStatementToItself(t *testing.T) {
	targets := fleet(t, 1)
	up := func(body string) (*migrate.FileError, error) {
		_, err := runner(t, files("1_a.up.sql", body)).Up(t.Context(), targets)
		var file *migrate.FileError
		require.ErrorAs(t, err, &file)
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg, "the server's error can be reached")
		return file, err
	}

	file, err := up("create table a ();\n-- größer\nselect 'secret',\n  no_such_column;\n")
	require.Equal(t, 4, file.Line)
	require.Equal(t, "42703", file.Code)
	require.ErrorContains(t, err, `shard s0: 1_a.up.sql:4: column "no_such_column" does not exist (SQLSTATE 42703)`)
	require.NotContains(t, err.Error(), "secret")

	file, err = up("create table a (e text unique);\ninsert into a values ('alice@example.org');\n\ninsert into a values ('alice@example.org');")
	require.Equal(t, 4, file.Line, "without a position, the line where the statement starts")
	require.NotContains(t, err.Error(), "alice")

	_, err = up("create table a (e text); insert into a values ('alice@example.org'); alter table a alter e type int using e::int;")
	require.NotContains(t, err.Error(), "alice", "the message of a conversion quotes the value")
}

func TestDriftIsRefusedBeforeAnythingRuns(t *testing.T) {
	applied := []string{"10_a.up.sql", accounts, "20_b.up.sql", "create table b ();"}
	for name, c := range map[string]struct {
		files []string
		want  string
		kind  migrate.DriftKind
	}{
		"changed":  {[]string{"10_a.up.sql", accounts + " ", "20_b.up.sql", applied[3]}, "shard s1: 10_a.up.sql was changed", migrate.Changed},
		"missing":  {[]string{"10_a.up.sql", accounts}, "shard s1: 20_b.up.sql was applied and is not among the files", migrate.Missing},
		"inserted": {append([]string{"15_new.up.sql", "select 1"}, applied...), "shard s1: 15_new.up.sql sorts below", migrate.Inserted},
	} {
		t.Run(name, func(t *testing.T) {
			targets := fleet(t, 2)
			_, err := runner(t, files(applied...)).Up(t.Context(), targets[1:])
			require.NoError(t, err)

			r := runner(t, files(append(c.files, "30_c.up.sql", "create table c ();")...))
			_, err = r.Up(t.Context(), targets)
			var drift *migrate.DriftError
			require.ErrorAs(t, err, &drift)
			require.Equal(t, c.kind, drift.Drifts[0].Kind)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, 0, one[int](t, open(t, targets[0]), "select count(*) from pg_class where relname in ('c', 'migration_log')"),
				"the shard that fits was not touched either")

			status, err := r.Status(t.Context(), targets)
			require.NoError(t, err)
			require.Empty(t, status[0].Drift)
			require.Equal(t, drift.Drifts, status[1].Drift)
		})
	}
}

func TestLineEndsDoNotMakeAnotherFile(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_a.up.sql", "create table a ();\nselect 1;\n")).Up(t.Context(), targets)
	require.NoError(t, err)
	_, err = runner(t, files("1_a.up.sql", "create table a ();\r\nselect 1;\r\n")).Up(t.Context(), targets)
	require.NoError(t, err)
}

// The reading of files can be deceived, here by a setting of the database. The
// server's transaction number cannot.
func TestAFileThatEndsItsTransactionAfterAllIsRefused(t *testing.T) {
	targets := fleet(t, 1)
	pgtest.Exec(t, pgtest.Shared(t), targets[0].Conn.Database,
		"alter database "+targets[0].Conn.Database+" set standard_conforming_strings = off")
	_, err := runner(t, files("1_a.up.sql", `create table a (); select '\''; commit; begin; select ''''`)).Up(t.Context(), targets)
	require.ErrorContains(t, err, "ended the transaction it runs in")
	require.Equal(t, "1*", log(t, targets[0]), "it is not recorded as applied")
}

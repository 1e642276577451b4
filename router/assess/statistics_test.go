package assess_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router/assess"
)

// withStatistics is the shop on a server that keeps pg_stat_statements. Servers without the contributed extensions
// skip what needs it; the files of statements are tested everywhere.
func withStatistics(t *testing.T) *site {
	t.Helper()
	var available bool
	require.NoError(t, pgtest.Conn(t, pgtest.Shared(t), "postgres", "postgres").QueryRow(t.Context(),
		"select exists (select from pg_available_extensions where name = 'pg_stat_statements')").Scan(&available))
	if !available {
		t.Skip("this PostgreSQL was built without pg_stat_statements")
	}
	s := shop(t, pgtest.Private(t, localpg.Options{Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}}))
	s.exec("create schema stats; create extension pg_stat_statements schema stats; grant usage on schema stats to " + s.reader)
	return s
}

func TestStatementsOfTheServerAreJudged(t *testing.T) {
	s := withStatistics(t)
	s.exec("select stats.pg_stat_statements_reset()")
	for _, sql := range []string{
		"select * from orders where tenant_id = 7 and state = 'hunter2'",
		"select date_trunc('day', created_at), count(*) from orders group by date_trunc('day', created_at)",
		"select count(*) from orders where created_at > now() - interval '1 day' and tenant_id = 7",
		"select extract(hour from created_at), count(*) from orders group by 1",
		"select * from orders where tenant_id in (1, 2, 3)",
		"update orders set state = 'hunter2' where id = 9",
		"select date '2020-01-01', timestamp with time zone '2020-01-01 00:00:00+00'",
		"create role hunter2 password 'hunter2'; drop role hunter2",
		"select * from stats.pg_stat_statements",
	} {
		s.exec(sql)
	}
	hidden := s.assess(s.options()).Statements
	require.Positive(t, hidden.ByVerdict[assess.Hidden].Statements)
	require.Contains(t, hidden.Note, "grant pg_read_all_stats")

	s.exec("grant pg_read_all_stats to " + s.reader)
	r := s.assess(s.options()).Statements
	require.Equal(t, "pg_stat_statements", r.Source)
	require.Empty(t, r.Note)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
	require.NotContains(t, string(text), "'day'")
	verdicts := make(map[string]assess.Verdict)
	for _, x := range r.List {
		verdicts[x.Text] = x.Verdict
	}
	for part, want := range map[string]assess.Verdict{
		"tenant_id = $1 and state = $2": assess.OneKey, "select date_trunc": assess.Scatters, "interval $": assess.OneKey,
		"extract(": assess.Scatters, "tenant_id in (": assess.KeyList, "update orders": assess.Refused, "select date $": assess.AnyShard,
	} {
		require.Equal(t, want, verdictOf(t, verdicts, part), part)
	}
	require.Positive(t, r.ByVerdict[assess.Utility].Statements)
	require.Positive(t, r.ByVerdict[assess.Catalogs].Statements)
	require.Positive(t, r.Milliseconds)
}

func verdictOf(t *testing.T, verdicts map[string]assess.Verdict, part string) assess.Verdict {
	t.Helper()
	for text, v := range verdicts {
		if strings.Contains(text, part) {
			return v
		}
	}
	t.Fatalf("no statement has %q: %v", part, verdicts)
	return ""
}

// What pg_stat_statements of each version makes of texts, as a file may have it too.
func TestConstantsThatBecameParametersAreReadAsWhatTheyWere(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	for text, want := range map[string]assess.Verdict{
		"select * from orders where tenant_id in ($1 /*, ... */)":                                            assess.KeyList,
		"select * from orders where tenant_id = $1 and state in ($2 /*, ... */)":                             assess.OneKey,
		"select * from orders where tenant_id = $1 and created_at > now() - interval $2":                     assess.OneKey,
		"select * from orders where tenant_id = $1 and created_at > timestamp with time zone $2":             assess.OneKey,
		"select extract($1 from created_at) from orders where tenant_id = $2":                                assess.OneKey,
		"select date_trunc($1, created_at), count(*) from orders group by date_trunc($2, created_at)":        assess.Scatters,
		"select date_trunc($1, created_at), count(*) from orders group by date_trunc('day', created_at)":     assess.Scatters,
		"select date_trunc($1, created_at), count(*) from orders group by date_trunc('day', created_at), id": assess.Scatters,
		"select date $1, uuid $2": assess.AnyShard,
		"select upper($1), lower(state) from orders where tenant_id = $2 group by 2, upper($3)": assess.OneKey,
	} {
		r := s.judged(text).Statements
		require.Equal(t, want, r.List[0].Verdict, "%s: %+v", text, r.List[0])
	}
}

// The library is loaded for whole servers: an extension may be in a database whose server does not load it.
func TestAnExtensionThatCannotBeReadIsANote(t *testing.T) {
	s := withStatistics(t)
	require.NoError(t, s.cluster.Set(t.Context(), "shared_preload_libraries", "auto_explain"))
	require.NoError(t, s.cluster.Restart(t.Context()))
	r := s.assess(s.options())
	require.Equal(t, "tenant_id", r.Key)
	require.Contains(t, r.Statements.Note, "pg_stat_statements cannot be read")
}

func TestLiteralsAreNeverShown(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	for text, want := range map[string]string{
		"select * from orders where id = 4711 limit 10":                      "select * from orders where id = ? limit 10",
		"select 'a', E'b', $$c$$, 1.5, B'1' /* token d */, $1 -- e":          "select ?, ?, ?, ?, ? , $1",
		"select id, state from orders order by 1, 2 fetch first 3 rows only": "select id, state from orders order by 1, 2 fetch first 3 rows only",
		"select * from orders limit 123456789":                               "select * from orders limit ?",
		"select * from \"Orders\"\n  where x = 42":                           `select * from "Orders" where x = ?`,
		"select 'unfinished":                                                 "",
		"vacuum":                                                             "",
	} {
		r := s.judged(text).Statements
		require.Len(t, r.List, 1)
		require.Equal(t, want, r.List[0].Text, text)
		require.NotContains(t, r.List[0].Detail+r.List[0].Hint, "unfinished")
	}
}

func TestStatementsAreReadFromFiles(t *testing.T) {
	list, err := assess.ReadStatements(strings.NewReader("select 1;\n;\n\nselect\n  2\n ; \n;\n"))
	require.NoError(t, err)
	require.Equal(t, []assess.Statement{{Query: "select 1", Calls: 1}, {Query: "select\n  2", Calls: 1}}, list)
	list, err = assess.ReadStatements(strings.NewReader(`["select 1", {"query": "select 2", "calls": 3}]`))
	require.NoError(t, err)
	require.Equal(t, []assess.Statement{{Query: "select 1", Calls: 1}, {Query: "select 2", Calls: 3}}, list)
	list, err = assess.ReadStatements(strings.NewReader(""))
	require.NoError(t, err)
	require.NotNil(t, list, "an empty file is no statements, not those of the server")
	for _, bad := range []string{"[", "[1]", `[{"calls": 1}]`, `[{"query": 'hunter2'}]`} {
		_, err := assess.ReadStatements(strings.NewReader(bad))
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

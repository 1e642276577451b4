package sqlparse_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func TestACommandThatIsNoDMLIsNamedWithTheHandleThatServesIt(t *testing.T) {
	for sql, hint := range map[string]string{
		"begin":                              "db.InTx",
		"START TRANSACTION":                  "db.InTx",
		"commit":                             "db.InTx",
		"set search_path = x":                "db.Shard(id)",
		"show all":                           "db.Shard(id)",
		"create table t (a int)":             "migration",
		"alter table t add b int":            "migration",
		"drop table t":                       "migration",
		"copy t from stdin":                  "db.CopyFrom",
		"call p()":                           "db.Shard(id)",
		"do $$ begin end $$":                 "db.Shard(id)",
		"listen c":                           "db.Shard(id).PgxPool",
		"explain select 1":                   "db.Explain",
		"prepare p as select 1":              "db.Shard(id)",
		"truncate t":                         "db.Shard(id)",
		"vacuum":                             "db.Shard(id)",
		"lock table t":                       "db.Shard(id)",
		"-- a comment\n/* and one */ BEGIN;": "db.InTx",
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.UnsupportedError
		require.ErrorAs(t, err, &e, sql)
		require.Contains(t, e.Hint, hint)
		require.Contains(t, err.Error(), "the command ")
		require.Contains(t, err.Error(), hint)
	}
}

func TestMoreThanOneStatementIsRefused(t *testing.T) {
	for sql, second := range map[string]int{
		"select 1; select 2":                              10,
		"select 1;; select 2":                             11,
		"delete from t where a = 1; -- c\n delete from t": 33,
		"insert into t values ('a;b'); drop table t":      30,
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, sql)
		require.Contains(t, e.Message, "two statements")
		require.Equal(t, second, e.Offset, sql)
	}
	for _, sql := range []string{"", " ", "-- nothing", "/* nothing */", ";", ";;"} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, sql)
	}
}

func TestAnErrorNamesWhatItMetAndWhereInTheText(t *testing.T) {
	for _, c := range []struct{ sql, message string }{
		{"select from where", `at byte 12: unexpected keyword WHERE; expected an expression`},
		{"select a b c", `at byte 11: unexpected identifier "c"; expected the end of the statement`},
		{"selec 1", `at byte 0: unexpected identifier "selec"; expected SELECT,`},
		{"update t where a = 1", `at byte 9: unexpected keyword WHERE; expected the keyword SET`},
		{"select (1, ", `"(" without ")"`},
		{"select a from", `at byte 13: unexpected end of the text; expected a name`},
		{"select 'a' 'b'", `at byte 11: unexpected string;`},
		{"insert into t (a) valeus (1)", `at byte 18: unexpected identifier "valeus"; expected VALUES, SELECT`},
	} {
		_, err := sqlparse.Parse(c.sql)
		require.ErrorContains(t, err, c.message, c.sql)
	}
}

func TestErrorsNeverShowALiteral(t *testing.T) {
	const secret = "hunter2"
	literals := []string{"'hunter2'", "E'hunter2'", "$$hunter2$$", "U&'hunter2'", "$x$hunter2$x$"}
	places := []string{
		"select a %s", "select 1 %s", "%s", "select %s %s", "insert into t %s", "update t set a = 1 %s", "select * from %s",
		"select a from t limit 1 %s", "select B%s", "select interval %s foo bar baz", "select 1; %s", "select %s uescape %s",
		"select (%s", "select %s)", "set password = %s", "select a is %s", "select extract(%s)", "merge into %s",
	}
	for _, l := range literals {
		for _, place := range places {
			sql := strings.ReplaceAll(place, "%s", l)
			_, err := sqlparse.Parse(sql)
			if err != nil {
				require.NotContains(t, err.Error(), secret, sql)
			}
		}
	}
	for _, sql := range []string{"select 'hunter2", "select E'\\xff hunter2'", "select B'hunter2'", "select $$hunter2"} {
		_, err := sqlparse.Parse(sql)
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
	}
}

func TestCaretMarksThePlaceBelowItsLine(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"select a b c", "select a b c\n           ^"},
		{"select a,\n\tb c d\nfrom t", "\tb c d\n\t    ^"},
		{"select 'äö' x y", "select 'äö' x y\n              ^"},
		{"select a from", "select a from\n             ^"},
		{"select a,\r\n b c d\r\n", " b c d\n     ^"},
		{"begin", "begin\n^"},
	} {
		_, err := sqlparse.Parse(c.sql)
		caret, ok := err.(interface{ Caret(sql string) string })
		require.True(t, ok, "%v", err)
		require.Equal(t, c.want, caret.Caret(c.sql))
	}
	require.NotPanics(t, func() { (&sqlparse.SyntaxError{Offset: 99}).Caret("x") })
}

func TestDefaultStandsOnlyForAWholeValue(t *testing.T) {
	for _, sql := range []string{
		"select default", "update t set a = default + 1", "insert into t values ((default))", "select * from t where a = default",
		"insert into t values (f(default))", "update t set a = (default)",
	} {
		_, err := sqlparse.Parse(sql)
		require.Error(t, err, sql)
	}
}

func TestWhatIsRareIsUnsupportedByName(t *testing.T) {
	for sql, what := range map[string]string{
		"select treat(a as b)": "TREAT",
		"select * from db.s.t": "database",
		"select a.b.c.d":       "database",
		"select a.b.c(1)":      "database",
		"insert into t (a) values (1) on conflict (a text_ops) do nothing": "operator class",
		"select a into temp x from t":                                      "SELECT INTO with TEMP",
		"select 0x" + strings.Repeat("f", 1001):                            "digits that are not decimal",
		"select a::setof int":                                              "SETOF",
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.UnsupportedError
		require.ErrorAs(t, err, &e, sql)
		require.Contains(t, e.What, what)
		require.NotEmpty(t, e.Hint)
	}
}

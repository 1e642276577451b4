package sqltext

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNormal(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT  *\n FROM Orders -- all\n where Id=42;":               "select * from orders where id = ?",
		"select * from orders where id = $1":                          "select * from orders where id = ?",
		`select "Id", o."a""b" from "order" o`:                        `select "Id", o."a""b" from "order" o`,
		"select count(*), f(a, 1) from t where a in ($1, $2, $3)":     "select count(*), f(a, ?) from t where a in (?)",
		"select 1 where a IN ('x')":                                   "select ? where a in (?)",
		"select 1 where a in (-1, 2, +3)":                             "select ? where a in (?)",
		"select a -1, -1, 2 - 1, (-1), b[1] from t":                   "select a - ?, ?, ? - ?, (?), b[?] from t",
		"select 1 where a in ($1::uuid, $2::uuid)":                    "select ? where a in (?::uuid)",
		"select 1 where (a, b) in ((1, 'x'), (2, 'y'))":               "select ? where (a, b) in ((?, ?))",
		"select 1 where a in (b, 2)":                                  "select ? where a in (b, ?)",
		"select 1 where a in (select 1 from t where b in (1,2))":      "select ? where a in (select ? from t where b in (?))",
		"select 1 where a = any(array[1,2,3])":                        "select ? where a = any (array[?])",
		"insert into t (a, b) values (1, 'x'), (2, null), (3, 'z')":   "insert into t(a, b) values (?, ?), (?, null), (?, ?)",
		"insert into t (a, b) values (1, 'x'), (2, 'y'), (3, 'z')":    "insert into t(a, b) values (?, ?)",
		"insert into t values ($1,$2),($3,$4) on conflict do nothing": "insert into t values (?, ?) on conflict do nothing",
		"select true, a is true, a is not false, not false":           "select ?, a is true, a is not false, not ?",
		"select E'a\\'b', $$secret$$, U&'x', B'01', x'1F', 1.5e3":     "select ?, ?, ?, ?, ?, ?",
		"set app.tenant to acme":                                      "set app.tenant to ?",
		"SET app.tenant = 42, 43":                                     "set app.tenant = ?",
		"set role alice":                                              "set role ?",
		"listen tenant_4711":                                          "listen ?",
		"notify tenant_4711, 'secret'":                                "notify ?",
		"do $$ begin perform 'secret'; end $$":                        "do ?",
		"select a/*secret*/::text from t where b ->> 'secret' = $1":   "select a::text from t where b ->> ? = ?",
		"select 1; select 2":                                          "select ?; select ?",
		"":                                                            "",
		"values (1), (2)":                                             "values (?)",
		"select 1 where a in (1":                                      "select ? where a in (?",
		"select 1 where a in (":                                       "select ? where a in (",
		"values (":                                                    "values (",
		"in (":                                                        "in (",
	} {
		got, err := Normal(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := Normal(strings.ReplaceAll(got, "?", "$1"))
		require.NoError(t, err, text)
		require.Equal(t, got, again, "it is its own normal form")
	}
}

func TestATextThatCannotBeSplitGivesNothing(t *testing.T) {
	for _, text := range []string{"select 'secret", "select $$secret", "select \"secret", "select '\xff'", "select /* secret"} {
		got, err := Normal(text)
		require.Error(t, err, text)
		require.Empty(t, got)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestALongTextIsReadOnce(t *testing.T) {
	for _, text := range []string{"in (", "values (", "in (1, in (", "array[", "in (1, 2), ", "values (1), (2), ", "in ((", ")"} {
		long := strings.Repeat(text, 30_000)
		began := time.Now()
		_, err := Normal(long)
		require.NoError(t, err)
		_, err = Normal(long + strings.Repeat(")", 60_000))
		require.NoError(t, err)
		require.Less(t, time.Since(began), time.Minute, "%s: it takes a fraction of a second, and minutes when it is quadratic", text)
	}
}

func TestFingerprint(t *testing.T) {
	require.Len(t, Fingerprint(""), 16)
	require.Equal(t, Fingerprint("a"), Fingerprint("a"))
	require.NotEqual(t, Fingerprint("a"), Fingerprint("b"))
}

// Whatever the text is, none of its literals comes through, and nothing panics.
func FuzzNormal(f *testing.F) {
	for _, text := range []string{
		"select 'zqzq'", "in (1,2", "values (1),(", "set a to zqzq", "array[['zqzq'],[1]]", "select -'zqzq'", "a in ((1,2),(3", "E'\\x'",
		"select $a$zqzq$a$", "/* zqzq */ select b'1'",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "Zq7zQ"
		if strings.Contains(text, secret) || strings.Contains(text, "'") {
			return
		}
		got, err := Normal(text + " '" + secret + "'")
		if err == nil && strings.Contains(got, secret) {
			t.Errorf("%q shows a literal: %q", text, got)
		}
	})
}

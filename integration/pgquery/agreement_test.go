package pgquery

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
	"github.com/keyway-go/keyway/internal/sqlparse/mutate"
)

// setting reads a number from the environment: KEYWAY_STATEMENTS and KEYWAY_SEED.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}

// random gives a source of random numbers whose seed is printed.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := setting(t, "KEYWAY_SEED", rand.Uint64())
	t.Logf("KEYWAY_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 2))
}

// paragraphs returns the statements of files that hold one statement to a paragraph.
func paragraphs(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for s := range strings.SplitSeq(string(text), "\n\n") {
			if s = strings.TrimSpace(s); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// forms are the statements written by hand, each accepted by a real server too (see internal/sqlparse).
func forms(t testing.TB) []string {
	return paragraphs(t, "../../internal/sqlparse/testdata/corpus/*.sql")
}

// finding says what is wrong with how sqlparse reads a text, "" for nothing: it accepts what libpg_query refuses, or
// reads it otherwise. refusal is why sqlparse does not read it.
func finding(sql string) (found string, refusal error) {
	here, refusal := ours(sql)
	if refusal != nil || later(sql) {
		return "", refusal
	}
	there, err := theirs(plain(sql))
	if err != nil {
		return fmt.Sprintf("accepted, but libpg_query says: %v", err), nil
	}
	return difference("", here, there), nil
}

// later reports whether a text that sqlparse accepts has syntax of PostgreSQL 18, which libpg_query does not know.
func later(sql string) bool {
	s, err := sqlparse.Parse(sql)
	if err != nil {
		return false
	}
	found := false
	sqlparse.Walk(s, func(n sqlparse.Node) bool {
		if _, ok := n.(*sqlparse.ReturningAlias); ok {
			found = true
		}
		return !found
	})
	return found
}

// plain blanks the comments between the parts of a continued string, which servers read and libpg_query refuses: its
// lexer, unlike the server's, makes tokens of comments.
func plain(sql string) string {
	tokens, err := sqlparse.Lex(sql)
	if err != nil {
		return sql
	}
	b := []byte(sql)
	for _, tok := range tokens {
		if (tok.Kind == sqlparse.TokenString || tok.Kind == sqlparse.TokenBit) && strings.Contains(tok.Text(sql), "--") {
			blankComments(b[tok.Start:tok.End])
		}
	}
	return string(b)
}

// blankComments blanks the comments outside of the quotes of one string.
func blankComments(b []byte) {
	escapes := b[0]|0x20 == 'e'
	for i, quoted := 0, false; i < len(b); i++ {
		switch {
		case b[i] == '$' && !quoted:
			return
		case b[i] == '\\' && quoted && escapes:
			i++
		case b[i] == '\'':
			quoted = !quoted
		case !quoted && b[i] == '-':
			for ; b[i] != '\n' && b[i] != '\r'; i++ {
				b[i] = ' '
			}
		}
	}
}

func TestEveryFormIsReadAsLibpgqueryReadsIt(t *testing.T) {
	all := forms(t)
	require.Greater(t, len(all), 450)
	for _, sql := range all {
		found, refusal := finding(sql)
		require.NoError(t, refusal, sql)
		require.Empty(t, found, sql)
	}
}

// What sqlparse refuses although libpg_query reads it, by reason; and what both refuse.
func TestWhatIsRefused(t *testing.T) {
	for sql, reason := range map[string]string{
		"select treat(a as b)": "TREAT",
		"select * from db.s.t": "a name with a database in front",
		"insert into t (a) values (1) on conflict (a text_ops) do nothing": "an operator class",
		"select a into temp x from t":                                      "SELECT INTO with TEMP",
		"select a::setof int":                                              "SETOF",
		"select system_user":                                               "SYSTEM_USER",
		"select default":                                                   "DEFAULT may stand only",
		"select $0":                                                        "a parameter's number",
		`select E'\v'`:                                                     `the escape \v`,
		"select a at from t":                                               "the output name at without AS",
		"select " + strings.Repeat("x", 64):                                "an identifier of more than 63 bytes",
		"select " + strings.Repeat("(", 600) + "1" + strings.Repeat(")", 600): "levels of nesting",
	} {
		_, refusal := ours(sql)
		require.ErrorContains(t, refusal, reason, sql)
		_, err := theirs(sql)
		require.NoError(t, err, sql)
	}
	for _, sql := range []string{
		"(select 1 limit 1) offset 0", "(select 1 offset 0) limit 1", "(select 1 fetch first row only) offset 1",
		"select 'a' 'b'", "select 'a' /* no line break */ 'b'", "select a = b = c", "select 1 1", "select 0x", "select 1_",
		"select json_object(a + 1 value 2)", "select json_value(a)", "select * from json_table(a, b columns (c int))",
		"select xmlelement(a)", "with a as (select 1) cycle b set c to 1 + 1 default 2 using d select 1",
		"select f(all a) 'x'", "select f() 'x'", "select f(a => 1) 'x'", "select 1 fetch first a at local rows only",
	} {
		_, refusal := ours(sql)
		require.Error(t, refusal, sql)
		_, err := theirs(sql)
		require.Error(t, err, sql)
	}
}

func TestMutatedStatementsAreReadAsLibpgqueryReadsThem(t *testing.T) {
	m, err := mutate.New(random(t), forms(t))
	require.NoError(t, err)
	n, accepted := setting(t, "KEYWAY_STATEMENTS", 8000), 0
	for range n {
		sql := m.Statement()
		found, refusal := finding(sql)
		require.Empty(t, found, sql)
		if refusal == nil {
			accepted++
		}
	}
	t.Logf("%d mutants, %d of them accepted, none of those refused or read otherwise by libpg_query", n, accepted)
	require.Greater(t, accepted, int(n)/50)
}

package sqlparse_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// grammar asks a real server whether its grammar accepts a text. The connection is in a failed transaction, where the
// server parses a statement and refuses it before it looks anything up: SQLSTATE 25P02 means that the grammar was
// content, and no tables are needed.
type grammar struct {
	conn  *pgx.Conn
	major int
}

func newGrammar(t testing.TB) *grammar {
	t.Helper()
	c := pgtest.Shared(t)
	conn := pgtest.Conn(t, c, "postgres", pgtest.Database(t, c))
	_, err := conn.Exec(context.Background(), "begin")
	require.NoError(t, err)
	_, err = conn.Exec(context.Background(), "select 1/0")
	require.Error(t, err)
	return &grammar{conn, c.Install().Major}
}

// refusal returns the server's error about sql's syntax, or nil when there is none.
func (g *grammar) refusal(t testing.TB, sql string) error {
	t.Helper()
	_, err := g.conn.PgConn().Prepare(context.Background(), "", sql, nil)
	if err == nil { // a text without a statement
		return nil
	}
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	if pg.Code == "25P02" {
		return nil
	}
	return err
}

func TestWhatIsAcceptedIsAcceptedByTheServer(t *testing.T) {
	g := newGrammar(t)
	accepted := 0
	all := corpus(t)
	for _, sql := range all {
		_, version, err := sqlparse.ParseVersion(sql)
		if err != nil {
			t.Logf("not accepted: %v\n%s", err, sql)
			continue
		}
		accepted++
		if version <= g.major {
			require.NoError(t, g.refusal(t, sql), "accepted here: %s", sql)
		}
	}
	t.Logf("accepted %d of %d statements of the corpus", accepted, len(all))
	require.Equal(t, len(all), accepted)
}

func TestMutatedStatementsAreNotAcceptedAgainstTheServer(t *testing.T) {
	g := newGrammar(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := newMutator(t, seed)
	accepted := 0
	const n = 20000
	for range n {
		sql := m.statement()
		_, version, err := sqlparse.ParseVersion(sql)
		if err != nil {
			requireTyped(t, err)
			continue
		}
		accepted++
		if version <= g.major {
			require.NoError(t, g.refusal(t, sql), "seed %d, accepted here: %s", seed, sql)
		}
	}
	t.Logf("%d mutants: %d accepted here", n, accepted)
	require.Greater(t, accepted, n/50)
}

// The definitions that the server prints of its own views are SQL that nobody wrote with this reader in mind.
func TestTheServersOwnViewsAreRead(t *testing.T) {
	c := pgtest.Shared(t)
	conn := pgtest.Conn(t, c, "postgres", pgtest.Database(t, c))
	rows, err := conn.Query(context.Background(), "select pg_get_viewdef(oid, true) from pg_class where relkind = 'v'")
	require.NoError(t, err)
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(views), 100)
	for _, v := range views {
		s, err := sqlparse.Parse(v)
		require.NoError(t, err, v)
		requireSpans(t, v, s)
	}
}

func requireTyped(t testing.TB, err error) {
	t.Helper()
	var syntax *sqlparse.SyntaxError
	var unsupported *sqlparse.UnsupportedError
	require.True(t, errors.As(err, &syntax) || errors.As(err, &unsupported), "%T", err)
}

// mutator breaks statements of the corpus: token by token, and sometimes byte by byte.
type mutator struct {
	*rand.Rand
	corpus []string
	tokens [][]string
}

func newMutator(t testing.TB, seed uint64) *mutator {
	t.Helper()
	m := &mutator{Rand: rand.New(rand.NewPCG(seed, 1)), corpus: corpus(t)}
	for _, sql := range m.corpus {
		tokens, err := sqlparse.Lex(sql)
		require.NoError(t, err, sql)
		var texts []string
		for _, tok := range tokens[:len(tokens)-1] {
			texts = append(texts, tok.Text(sql))
		}
		m.tokens = append(m.tokens, texts)
	}
	return m
}

func (m *mutator) statement() string {
	i := m.IntN(len(m.corpus))
	if m.IntN(5) == 0 {
		return m.bytes(m.corpus[i])
	}
	tokens := append([]string(nil), m.tokens[i]...)
	for range 1 + m.IntN(3) {
		tokens = m.mutate(tokens)
	}
	return strings.Join(tokens, " ")
}

// mutate drops, doubles, swaps, replaces, inserts or grafts tokens.
func (m *mutator) mutate(tokens []string) []string {
	if len(tokens) < 2 {
		return append(tokens, m.token())
	}
	i := m.IntN(len(tokens))
	switch m.IntN(7) {
	case 0:
		return append(tokens[:i:i], tokens[i+1:]...)
	case 1:
		return append(tokens[:i+1:i+1], tokens[i:]...)
	case 2:
		j := m.IntN(len(tokens))
		tokens[i], tokens[j] = tokens[j], tokens[i]
		return tokens
	case 3:
		tokens[i] = m.token()
		return tokens
	case 4:
		return append(append(tokens[:i:i], m.token()), tokens[i:]...)
	case 5: // a few tokens of another statement
		other := m.tokens[m.IntN(len(m.tokens))]
		from := m.IntN(len(other))
		to := min(len(other), from+1+m.IntN(5))
		return append(append(tokens[:i:i], other[from:to]...), tokens[i:]...)
	default: // parentheses around a few tokens
		j := i + m.IntN(len(tokens)-i)
		out := append(tokens[:i:i], "(")
		out = append(append(out, tokens[i:j]...), ")")
		return append(out, tokens[j:]...)
	}
}

func (m *mutator) token() string {
	if m.IntN(3) == 0 {
		return spice[m.IntN(len(spice))]
	}
	other := m.tokens[m.IntN(len(m.tokens))]
	return other[m.IntN(len(other))]
}

var spice = strings.Fields(`( ) [ ] , . : :: = <> < + - * / ^ || @ not and or is null isnull in like between similar to
	escape at time zone local collate operator any all some distinct from where group by order having window limit offset
	fetch first rows only with ties for update values select table union intersect except as on using join left cross
	natural lateral rows range case when then else end array row cast exists default current_date user nulls last filter
	over within int text double precision interval year format json value without ordinality tablesample into $1 1 'x' a
	set returning do nothing conflict recursive materialized grouping sets rollup cube variadic => symmetric`)

// bytes damages the text itself, which the lexer must read as the server's does.
func (m *mutator) bytes(sql string) string {
	b := []byte(sql)
	for range 1 + m.IntN(3) {
		i := m.IntN(len(b) + 1)
		const alphabet = "'\"$\\-/*+<>=!@#%^&|~`?:;.,()[]_ \n\teEuUbBxXnN019aA&"
		switch c := alphabet[m.IntN(len(alphabet))]; {
		case m.IntN(3) == 0 && i < len(b):
			b = append(b[:i:i], b[i+1:]...)
		case m.IntN(2) == 0 && i < len(b):
			b[i] = c
		default:
			b = append(append(b[:i:i], c), b[i:]...)
		}
	}
	return string(b)
}

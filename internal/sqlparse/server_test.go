package sqlparse_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/sqlparse"
	"github.com/keyway-go/keyway/internal/sqlparse/mutate"
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
	m, err := mutate.New(rand.New(rand.NewPCG(seed, 1)), corpus(t))
	require.NoError(t, err)
	accepted := 0
	const n = 20000
	for range n {
		sql := m.Statement()
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

package assess_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router/assess"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// site is a database and an ordinary role that may read it.
type site struct {
	testing.TB
	cluster    *localpg.Cluster
	db, reader string
}

// shop is the tenants' shop on a server.
func shop(t testing.TB, c *localpg.Cluster) *site {
	t.Helper()
	s := empty(t, c)
	text, err := os.ReadFile("testdata/shop.sql")
	require.NoError(t, err)
	s.exec(string(text))
	s.exec("grant select on all tables in schema public to " + s.reader)
	s.exec("analyze")
	return s
}

func empty(t testing.TB, c *localpg.Cluster) *site {
	t.Helper()
	reader := pgtest.Role(t, c, "") // dropped after the database, where it has rights
	return &site{TB: t, cluster: c, db: pgtest.Database(t, c), reader: reader}
}

func (s *site) exec(sql string) {
	s.Helper()
	pgtest.Exec(s, s.cluster, s.db, sql)
}

func (s *site) options() assess.Options {
	s.Helper()
	cfg, err := pgx.ParseConfig(s.cluster.DSN(s.reader, s.db))
	require.NoError(s, err)
	return assess.Options{From: cfg}
}

func (s *site) assess(o assess.Options) *assess.Report {
	s.Helper()
	r, err := assess.Run(s.Context(), o)
	require.NoError(s, err)
	return r
}

// judged assesses with statements of a file.
func (s *site) judged(texts ...string) *assess.Report {
	s.Helper()
	list, err := assess.ReadStatements(strings.NewReader(strings.Join(texts, "\n;\n")))
	require.NoError(s, err)
	o := s.options()
	o.Statements = list
	return s.assess(o)
}

func tableOf(t testing.TB, r *assess.Report, name string) assess.TableReport {
	t.Helper()
	i := slices.IndexFunc(r.Tables, func(x assess.TableReport) bool { return x.Table == "public."+name })
	require.GreaterOrEqual(t, i, 0, name)
	return r.Tables[i]
}

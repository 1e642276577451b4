package differential

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
)

// oracle has the same rows on one server and on a sharded set.
type oracle struct {
	set *testkit.Set
	one *pgx.Conn

	foreign bool // the rows are not of the test's making, so that a question may have no answer
}

// newOracle makes both from a schema; register says what the tables are to Keyway.
func newOracle(t *testing.T, schema, register string) *oracle {
	clusters := pgtest.SharedN(t, 3)
	o := &oracle{set: testkit.New(t, clusters, schema+register)}
	o.one = pgtest.Conn(t, clusters[0], localpg.Superuser, pgtest.Database(t, clusters[0]))
	_, err := o.one.Exec(t.Context(), schema)
	require.NoError(t, err)
	return o
}

// load copies rows of a sharded table to both, to the shards through the router.
func (o *oracle) load(t *testing.T, table string, columns []string, rows [][]any) {
	t.Helper()
	for _, to := range []interface {
		CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error)
	}{o.set.DB, o.one} {
		n, err := to.CopyFrom(t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		require.NoError(t, err, table)
		require.Equal(t, int64(len(rows)), n, table)
	}
}

// question is a statement that people ask. It is answered as by one server, or refused; then instead, a statement of the
// same result or one on the way to it, is what the refusal tells to write.
type question struct {
	name    string
	sql     string
	args    []any
	ordered bool // the order is total

	refused string // the reason, "" for none
	says    string // what the refusal's sentence must have
	instead string
}

// ask puts the questions to db and to the one server, and logs which were answered.
func (o *oracle) ask(t *testing.T, db querier, questions []question) {
	t.Helper()
	answered, refused, rows := 0, 0, 0
	for _, q := range questions {
		if q.refused != "" {
			o.refuse(t, db, q)
			refused++
			t.Logf("%-40s refused (%s)%s", q.name, q.refused, map[bool]string{true: "; answered as the refusal says to write it"}[q.instead != ""])
			if q.instead == "" {
				continue
			}
		}
		n := o.compare(t, db, q.name, cmp.Or(q.instead, q.sql), q.args, q.ordered)
		if q.refused == "" {
			answered++
			t.Logf("%-40s answered, %d rows", q.name, n)
		}
		rows += n
	}
	t.Logf("%d answered as by one server, %d refused; %d rows", answered, refused, rows)
}

// compare wants the answers of both to be the same to the last bit, and to have rows where the test made them.
func (o *oracle) compare(t *testing.T, db querier, name, sql string, args []any, ordered bool) int {
	t.Helper()
	columns, got, err := raw(t.Context(), db, sql, args, ordered)
	require.NoError(t, err, name)
	wantColumns, want, err := raw(t.Context(), o.one, sql, args, ordered)
	require.NoError(t, err, name)
	require.Equal(t, wantColumns, columns, name)
	require.True(t, slices.Equal(want, got), "%s: %s\n%s", name, sql, firstDifference(got, want))
	require.True(t, o.foreign || len(want) > 0, "%s proves nothing: it has no rows", name)
	return len(want)
}

func (o *oracle) refuse(t *testing.T, db querier, q question) {
	t.Helper()
	_, _, err := raw(t.Context(), db, q.sql, q.args, q.ordered)
	var refused *router.RefusedError
	require.True(t, errors.As(err, &refused), "%s: %v", q.name, err)
	require.Equal(t, q.refused, refused.Reason, "%s: %v", q.name, err)
	require.True(t, strings.Contains(err.Error(), q.says), "%s: %v", q.name, err)
}

package differential

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// setting reads a number from the environment: KEYWAY_STATEMENTS and KEYWAY_SEED.
func setting(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// answer is what a statement gave: rows as text, the command tag, or a SQLSTATE.
type answer struct {
	rows []string
	tag  string
	code string
}

// run executes the statement and makes its answer comparable: the slot column, which only sharded tables have, is left
// out, and rows in no order are sorted.
func run(ctx context.Context, db querier, s statement) (a answer, err error) {
	rows, err := db.Query(ctx, s.sql, s.args...)
	if err != nil {
		return a, err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return a, err
		}
		var line []string
		for i, field := range rows.FieldDescriptions() {
			if field.Name != "slot" {
				line = append(line, fmt.Sprintf("%s=%v", field.Name, values[i]))
			}
		}
		a.rows = append(a.rows, strings.Join(line, " "))
	}
	if err := rows.Err(); err != nil {
		return a, err
	}
	if !s.ordered {
		slices.Sort(a.rows)
	}
	a.tag = rows.CommandTag().String()
	return a, nil
}

// refusal names why the router did not run a statement; "" when it did.
func refusal(err error) string {
	var refused *router.RefusedError
	var several *router.MultiShardError
	switch {
	case errors.As(err, &refused):
		return fmt.Sprint(refused.Reason)
	case errors.As(err, &several):
		return "keys on several shards"
	}
	return ""
}

func TestDifferentialAnswersAreThoseOfOnePostgres(t *testing.T) {
	seed := setting(t, "KEYWAY_SEED", time.Now().UnixNano())
	count := setting(t, "KEYWAY_STATEMENTS", 6000)
	t.Logf("KEYWAY_SEED=%d KEYWAY_STATEMENTS=%d", seed, count)

	clusters := pgtest.SharedN(t, 3)
	set := testkit.New(t, clusters, schema+register)
	oneName := pgtest.Database(t, clusters[0])
	one := pgtest.Conn(t, clusters[0], localpg.Superuser, oneName)
	_, err := one.Exec(t.Context(), schema)
	require.NoError(t, err)

	g := &generator{rand.New(rand.NewPCG(uint64(seed), 1))}
	answered, failed := 0, 0
	refused := map[string]int{}
	for n := range count {
		s := g.next()
		got, err := run(t.Context(), set.DB, s)
		if reason := refusal(err); reason != "" {
			refused[reason]++
			continue
		}
		got.code = sqlstate(t, s, err)
		want, err := run(t.Context(), one, s)
		want.code = sqlstate(t, s, err)
		if got.code != "" || want.code != "" {
			failed++
			got.rows, want.rows, got.tag, want.tag = nil, nil, "", ""
		}
		require.Equal(t, want, got, "statement %d (KEYWAY_SEED=%d): %s %v", n, seed, s.sql, s.args)
		answered++
	}
	t.Logf("%d statements: %d answered as by one server (%d of them with the same error), refused: %v", count, answered, failed, refused)
	require.Greater(t, answered, int(count)/2, "most statements of the generator name one key")
	compareAllRows(t, set, one)
}

// sqlstate is the server's error code; an error that no server sent fails the test.
func sqlstate(t *testing.T, s statement, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var pgErr *pgconn.PgError
	require.ErrorAs(t, err, &pgErr, "%s %v", s.sql, s.args)
	return pgErr.Code
}

// compareAllRows compares the data itself: the shards' rows together are the one server's.
func compareAllRows(t *testing.T, set *testkit.Set, one *pgx.Conn) {
	t.Helper()
	for _, all := range []string{
		"select tenant, id, name, balance, rate from accounts", "select tenant, id, account_id, qty, note from items",
		"select owner, n, body from docs", "select label, n, weight from labels",
	} {
		want, err := run(t.Context(), one, statement{sql: all})
		require.NoError(t, err)
		var got []string
		for i := range set.Clusters {
			part, err := run(t.Context(), set.Super(t, i), statement{sql: all})
			require.NoError(t, err)
			got = append(got, part.rows...)
		}
		slices.Sort(got)
		require.Equal(t, want.rows, got, all)
		t.Logf("%d rows equal: %s", len(got), all)
	}
}

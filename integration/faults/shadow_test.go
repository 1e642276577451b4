package faults_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
)

// TestAnEqualityOfTheSchemasOwnIsRefused: PostgreSQL would take it for a varchar key, and what it calls equal lives on
// several shards.
func TestAnEqualityOfTheSchemasOwnIsRefused(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Processes(2))
	super := set.Super(t, 1)
	for _, sql := range []string{
		`create function public.same(varchar, varchar) returns bool language sql immutable as
			'select lower($1::text) operator(pg_catalog.=) lower($2::text)'`,
		"create function public.lower(varchar) returns text language sql stable as 'select note from events limit 1'",
		"create type public.pair as (a int, b int)",
		"create function public.same(pair, pair) returns bool language sql immutable as 'select true'",
		"create operator public.= (leftarg = pair, rightarg = pair, procedure = public.same)",
	} {
		_, err := super.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	var log strings.Builder
	db, err := router.Open(t.Context(), set.Config, router.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err, "an equality for a type of the schema's own is what operators are for")
	db.Close()
	require.Contains(t, log.String(), "functions=lower")

	_, err = super.Exec(t.Context(), "create operator public.= (leftarg = varchar, rightarg = varchar, procedure = public.same)")
	require.NoError(t, err)
	_, err = router.Open(t.Context(), set.Config)
	require.ErrorContains(t, err, "=(character varying,character varying)")
	require.ErrorContains(t, err, "s1")
	_, err = super.Exec(t.Context(), "drop operator public.= (varchar, varchar)")
	require.NoError(t, err)
}

// TestEqualitiesOfExtensionsAreNoneOfOurs: citext brings its own = and functions with names of PostgreSQL's.
func TestEqualitiesOfExtensionsAreNoneOfOurs(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank, testkit.Processes(2))
	if _, err := set.Super(t, 0).Exec(t.Context(), "create extension citext"); err != nil {
		t.Logf("this installation has no citext: %v", err)
		return
	}
	var log strings.Builder
	db, err := router.Open(t.Context(), set.Config, router.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	db.Close()
	require.NotContains(t, log.String(), "functions=")
}

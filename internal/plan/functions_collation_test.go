package plan_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// whoseCollation says of each function of pg_catalog that takes text, or what may be text, whether it gives text: t when
// all of that name do, n when none does, - when some do or the result is of type name, which has a collation of its own.
const whoseCollation = `
with may as (select oid from pg_type where typcollation <> 0 or typname in
		('any', 'anyelement', 'anyarray', 'anynonarray', 'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray')),
	called as (select proname, prorettype in (select oid from may) as gives, prorettype in ('name'::regtype, 'name[]'::regtype) as name,
		exists (select from unnest(proargtypes::oid[]) a(t) where t in (select oid from may)) as takes
		from pg_proc where pronamespace = 'pg_catalog'::regnamespace)
select proname, case when bool_or(name) then '-' when bool_and(gives) filter (where takes) then 't'
	when not bool_or(gives) filter (where takes) then 'n' when bool_or(takes) then '-' end
from called group by 1 having bool_or(takes or name)`

func TestTheCollationsOfFunctionsAreTheServers(t *testing.T) {
	data, err := os.ReadFile("functions_collation.txt")
	require.NoError(t, err)
	listed := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, how, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			listed[name] = how
		}
	}
	conn := pgtest.Conn(t, pgtest.Shared(t), "postgres", "postgres")
	rows, err := conn.Query(t.Context(), whoseCollation)
	require.NoError(t, err)
	truth := map[string]string{}
	for rows.Next() {
		var name, how string
		require.NoError(t, rows.Scan(&name, &how))
		truth[name] = how
	}
	require.NoError(t, rows.Err())
	for _, f := range listedFunctions(t) {
		if f.since > 15 || strings.HasSuffix(f.name, "_populate_record") || strings.HasSuffix(f.name, "_populate_recordset") {
			continue // read as if they were not known
		}
		if _, ok := listed[f.name]; !ok && pgtest.Major(t) > 15 && truth[f.name] != "-" {
			continue // takes text since then, as generate_series does: a collation other than the default's is not known
		}
		assert.Equal(t, truth[f.name], listed[f.name], "%s", f.name)
		delete(listed, f.name)
	}
	assert.Empty(t, listed)
}

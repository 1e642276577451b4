package plan_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// reviewable are the immutable and stable functions of pg_catalog that statements call by their name: those that
// implement nothing else and that SQL can call at all.
const reviewable = `
select distinct p.proname from pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w') and p.provolatile in ('i', 's')
	and not exists (select from pg_operator o where p.oid in (o.oprcode, o.oprrest, o.oprjoin))
	and not exists (select from pg_cast c join pg_type t on t.oid = c.casttarget where c.castfunc = p.oid and t.typname <> p.proname)
	and not exists (select from pg_amproc a where a.amproc = p.oid)
	and not exists (select from pg_aggregate a where p.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
		a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn))
	and not exists (select from pg_type t where p.oid in (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin,
		t.typmodout, t.typanalyze, t.typsubscript))
	and not exists (select from pg_conversion c where c.conproc = p.oid)
	and not exists (select from pg_range r where p.oid in (r.rngsubdiff, r.rngcanonical))
	and not exists (select from pg_proc s where s.prosupport = p.oid)
	and not exists (select from unnest(p.proargtypes::oid[] || p.prorettype) a(t) join pg_type y on y.oid = a.t
		where y.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
			'index_am_handler', 'tsm_handler', 'table_am_handler', 'pg_ddl_command'))
order by 1`

func TestEveryFunctionOfPgCatalogIsListedOrLeftOutForAReason(t *testing.T) {
	data, err := os.ReadFile("functions_refused.txt")
	require.NoError(t, err)
	var refused []string
	for line := range strings.Lines(string(data)) {
		if name, why, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			require.NotEmpty(t, why, name)
			refused = append(refused, name)
		}
	}
	isRefused := func(name string) bool {
		return slices.ContainsFunc(refused, func(pattern string) bool {
			before, after, star := strings.Cut(pattern, "*")
			return name == pattern || star && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
		})
	}
	listed := map[string]bool{}
	for _, f := range listedFunctions(t) {
		listed[f.name] = true
	}
	conn := pgtest.Conn(t, pgtest.Shared(t), "postgres", "postgres")
	rows, err := conn.Query(t.Context(), reviewable)
	require.NoError(t, err)
	n := 0
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		n++
		assert.True(t, listed[name] || isRefused(name), "%s is new: add it to functions.txt when its result follows from its "+
			"arguments, the clock or settings, otherwise to functions_refused.txt", name)
		assert.False(t, listed[name] && isRefused(name), "%s is in both lists", name)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, n, 400)
}

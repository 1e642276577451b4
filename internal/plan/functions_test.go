package plan_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

type listedFunction struct {
	name, kind string
	since      int
}

func listedFunctions(t *testing.T) []listedFunction {
	data, err := os.ReadFile("functions.txt")
	require.NoError(t, err)
	var list []listedFunction
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		require.GreaterOrEqual(t, len(f), 2, line)
		since := 15
		if len(f) == 3 {
			since, err = strconv.Atoi(f[2])
			require.NoError(t, err, line)
		}
		list = append(list, listedFunction{f[0], f[1], since})
	}
	return list
}

func TestFunctionListIsSortedAndHasNoDuplicates(t *testing.T) {
	var names []string
	for _, f := range listedFunctions(t) {
		names = append(names, f.name)
	}
	require.True(t, slices.IsSorted(names))
	require.Equal(t, len(names), len(slices.Compact(slices.Clone(names))))
}

func TestEveryListedFunctionIsInPgCatalogAsTheKindItIsListedAs(t *testing.T) {
	conn := pgtest.Conn(t, pgtest.Shared(t), "postgres", "postgres")
	rows, err := conn.Query(t.Context(), "select proname, string_agg(distinct prokind::text, '') from pg_proc "+
		"where pronamespace = 'pg_catalog'::regnamespace group by 1")
	require.NoError(t, err)
	kinds := map[string]string{}
	for rows.Next() {
		var name, kind string
		require.NoError(t, rows.Scan(&name, &kind))
		kinds[name] = kind
	}
	require.NoError(t, rows.Err())
	for _, f := range listedFunctions(t) {
		if f.since <= pgtest.Major(t) {
			require.Contains(t, kinds[f.name], f.kind, "%s", f.name)
		}
	}
}

// A function that reads tables of its own, or changes what others see, would run on one shard and be wrong there.
func TestFunctionsThatReachBeyondTheirRowAreNotListed(t *testing.T) {
	var names []string
	for _, f := range listedFunctions(t) {
		names = append(names, f.name)
	}
	for n := range strings.FieldsSeq(`nextval setval currval lastval query_to_xml query_to_xml_and_xmlschema query_to_xmlschema
		table_to_xml schema_to_xml database_to_xml cursor_to_xml ts_stat ts_rewrite set_config setseed pg_notify pg_advisory_lock
		pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock pg_advisory_unlock_all lo_import lo_export lo_get lo_put
		loread lowrite pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_reload_conf pg_terminate_backend
		pg_cancel_backend txid_current pg_current_xact_id pg_export_snapshot pg_switch_wal pg_logical_emit_message dblink
		pg_relation_size pg_total_relation_size pg_stat_reset pg_get_viewdef to_regclass pg_sequence_last_value
		has_table_privilege binary_upgrade_set_next_pg_type_oid`) {
		require.NotContains(t, names, n)
	}
	for _, n := range names {
		for _, prefix := range []string{"pg_advisory", "pg_try_advisory", "lo_", "pg_stat_", "pg_ls_", "pg_read", "pg_replication",
			"binary_upgrade", "has_", "pg_get_", "pg_control", "pg_wal", "txid_"} {
			require.False(t, strings.HasPrefix(n, prefix), n)
		}
	}
}

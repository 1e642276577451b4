package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// On one server max(s) is s.max, a value for each row, where s is a row and no aggregate takes rows.
func TestAnAggregatesNameMayBeAColumns(t *testing.T) {
	stats := table(catalog.Sharded, "stats", key("tenant_id", shard.Int8), "tenant_id bigint", "max integer", "count bigint", "low pair", "slot smallint")
	stats.Columns[3].OID = 20000
	reg := catalog.NewRegistry(5, append(slices.Clone(fixture.Tables()), stats)...)
	for _, sql := range []string{
		"select max(s) from stats s", "select max(s.*) from stats s", "select distinct max(s) from stats s", "select max(stats) from stats",
		"select count(*) from (select max(s) from stats s) x", "select 1 from stats s having max(s) > 0", "select max(x) from (select total as max from orders) x",
		"select sum(o) from orders o (tenant_id, sum)", "select max(j) from orders, jsonb_to_record('{}') as j(max int)",
		"select max(a.*) from app.stats a",
	} {
		_, err := plan.BuildScatter(sql, reg, "app", false)
		require.ErrorContains(t, err, "of the row, or an aggregate of rows", sql)
	}
	for _, sql := range []string{ // the others are a column's or an aggregate alone
		"select max(s.max) from stats s", "select max(max) from stats", "select count(s), array_agg(s order by max) from stats s",
		"select max(o) from orders o", "select max(s) filter (where true) from stats s", "select pg_catalog.max(s) from stats s",
		"select max(g) from orders, generate_series(1, 2) as g",
	} {
		_, err := plan.BuildScatter(sql, reg, "app", false)
		require.NoError(t, err, sql)
	}
	_, err := plan.Build("select max(s) from stats s where tenant_id = 1", reg, "app", plan.Unscoped)
	require.NoError(t, err, "one server knows what it is")
}

// A value of a type of the schema may be a row as well, whose fields are not known here.
func TestAnAggregateOfWhatMayBeARowIsSentAsOne(t *testing.T) {
	stats := table(catalog.Sharded, "stats", key("tenant_id", shard.Int8), "tenant_id bigint", "top integer", "low pair", "lows pair[]", "slot smallint")
	stats.Columns[2].OID, stats.Columns[3].OID = 20000, 20001
	reg := catalog.NewRegistry(5, append(slices.Clone(fixture.Tables()), stats)...)
	for x, filter := range map[string]string{
		"low": " filter (where true)", "lows[1]": " filter (where true)", "coalesce(low, low)": " filter (where true)", "(low)": " filter (where true)",
		"case when top > 1 then low end": " filter (where true)", "nullif(low, low)": " filter (where true)", "(select low)": " filter (where true)",
		"null::pair": " filter (where true)", "jsonb_populate_record(null::text, '{}')": " filter (where true)",
		"top": "", "top + 1": "", "top::numeric": "", "abs(top)": "", "coalesce(top, 0)": "", "case when top > 1 then top else 0 end": "",
	} {
		s, err := plan.BuildScatter("select max("+x+"), avg("+x+") from stats", reg, "app", false)
		require.NoError(t, err, x)
		text := s.ShardText()
		require.Contains(t, text, "max("+x+")"+filter+" as", x)
		require.Contains(t, text, "sum(("+x+"))"+filter+" as", x)
		require.Contains(t, text, "count(("+x+"))"+filter+" as", x)
	}
}

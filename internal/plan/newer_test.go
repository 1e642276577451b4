package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
)

func TestNamesThatTheSchemaHasTakenAreNotPostgreSQLs(t *testing.T) {
	c := plan.NewCache(20)
	c.Taken([]string{"any_value", "json_exists", "merge_action"})
	for _, sql := range []string{
		"select any_value(id) from orders where tenant_id = 7",
		"select 1 from orders where tenant_id = 7 and json_exists(state, '$.a')",
		"with w as (select any_value(id) from plans) select * from w",
		"merge into orders o using (values (7::bigint)) v (k) on o.tenant_id = v.k when matched then delete returning merge_action()",
	} {
		for range 2 { // read, and found in the cache
			_, err := c.Get(sql, fixture, "app", plan.Unscoped)
			require.Equal(t, "user function", reason(err), sql)
		}
	}
	for range 2 {
		_, err := c.Scatter("select tenant_id, any_value(id) from orders group by tenant_id", fixture, "app", false)
		require.Equal(t, "user function", reason(err))
	}
	for _, sql := range []string{
		"select pg_catalog.any_value(id) from orders where tenant_id = 7", // on an older server there is none
		"select json_value(state, '$.a') from orders where tenant_id = 7",
		"select max(id) from orders where tenant_id = 7",
	} {
		_, err := c.Get(sql, fixture, "app", plan.Unscoped)
		require.NoError(t, err, sql)
	}
	for name, since := range plan.NewerFunctions() {
		require.Greater(t, since, 15, name)
	}
}

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
)

// TestAMergedColumnOfTwoTypesIsNoKey: bigint beside float8 is compared as float8, where 9007199254740993 equals its
// neighbour.
func TestAMergedColumnOfTwoTypesIsNoKey(t *testing.T) {
	for _, sql := range []string{
		"select i.sku from (values ($1::float8)) c(tenant_id) natural right join items i where tenant_id = $2",
		"select i.sku from (values ($1::float8)) c(tenant_id) right join items i using (tenant_id) where tenant_id is not distinct from $2",
		"select i.sku from items i left join (select 1.5::float8 as tenant_id) c using (tenant_id) where tenant_id = $1",
	} {
		_, err := plan.Build(sql, fixture, "app", plan.Unscoped)
		var refusal *plan.Refusal
		require.ErrorAs(t, err, &refusal, sql)
		require.Equal(t, plan.NoShardKey, refusal.Reason, sql)
	}
	for _, sql := range []string{
		"select i.sku from orders o right join items i using (tenant_id) where tenant_id = $1",
		"select i.sku from (select tenant_id from orders) o join items i using (tenant_id) where tenant_id = $1",
		"select d.body from (select org from docs) o natural join docs d where org = $1",
		"select i.sku from (values ($1::float8)) c(tenant_id) right join items i using (tenant_id) where i.tenant_id = $2",
	} {
		_, err := plan.Build(sql, fixture, "app", plan.Unscoped)
		require.NoError(t, err, sql)
	}
}

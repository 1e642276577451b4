package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRowsSayNothingWherePostgreSQLComparesOtherwise: a row inside of a row is compared as a record, in which a NULL equals a
// NULL, and a star is as many values as it has columns.
func TestRowsSayNothingWherePostgreSQLComparesOtherwise(t *testing.T) {
	for _, sql := range []string{
		// items of every key keep a row of orders from having a NULL beside it
		"select 1 from orders o left join items i on i.order_id = o.id where o.tenant_id = 5 and ((i.tenant_id, 1), 2) = ((null::bigint, 1), 2)",
		"select 1 from orders o left join items i on i.order_id = o.id where o.tenant_id = 5 and ((i.tenant_id, 1), 2) = ((o.tenant_id, 1), 2)",
		// (tenant_id, n, tenant_id, code, name) = (id, name, tenant_id, fee, 3, 5)
		"select 1 from adopted a, plans p, countries c where row(a.*, a.tenant_id, c.*) = row(p.*, 3, 5)",
		"select 1 from adopted a, plans p, countries c where row(a.*, a.tenant_id, c.*) is not distinct from row(p.*, 3, 5)",
		"select 1 from adopted a, plans p, countries c where row(a.*, a.tenant_id, c.*) in (row(p.*, 3, 5), row(p.*, 3, 6))",
		"select 1 from adopted a, countries c where row(a.*, a.tenant_id) in (select 1, 3 from countries)",
	} {
		require.Equal(t, "refused: no shard key", route(sql), sql)
	}
	for _, sql := range []string{
		"select 1 from orders where (tenant_id, id) = (5, 1)",
		"select 1 from orders where row(tenant_id) = row(5) and row(orders.*) is not null",
		"select 1 from orders where (tenant_id, (select count(*) from (select * from plans) p)) = (5, 1)",
	} {
		require.Equal(t, "key 5", route(sql), sql)
	}
}

// TestAStarIsSeveralColumnsWhereverItIsWritten: in VALUES, and in parentheses.
func TestAStarIsSeveralColumnsWhereverItIsWritten(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1 from adopted a, lateral (values (a.*, 7)) v, orders o where o.tenant_id = v.column2 and a.tenant_id = 7":        "refused: user function",
		"select 1 from adopted a, lateral (values (a.*, 7)) v (x, k), orders o where o.tenant_id = v.k and a.tenant_id = 7":       "refused: unsupported",
		"select 1 from (select (c.*), 7::bigint from countries c) v (x, k), orders o where o.tenant_id = v.k":                     "refused: no shard key",
		"select 1 from (select (c.*), 7::bigint from countries c) v (x, y, k), orders o where o.tenant_id = v.k":                  "key 7",
		"select 1 from (select (c.*), 7::bigint from countries c union select '', '', 7) v (x, y, k), orders where tenant_id = k": "key 7",
	} {
		require.Equal(t, want, route(sql), sql)
	}
}

package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Before the version that has them, json_value and array_sort are names like any other: a function of the schema that is
// called so reads what it likes. Afterwards they are PostgreSQL's, and some cannot be made.
func TestAFunctionWithTheNameOfALaterPostgreSQLsIsTheUsers(t *testing.T) {
	taken := []struct {
		since          int
		signature, sql string
	}{
		{17, "json_value(text, text)", "select json_value(state, '$.a') from orders"},
		{17, "merge_action()", "select merge_action()"},
		{18, "array_sort(anyarray)", "select count(*) from orders where array_sort(array[3, 2]) is null"},
	}
	f := initialised(t, 2)
	f.everywhere(shop)
	for _, c := range taken {
		if pgtest.Major(t) < c.since {
			f.everywhere("create function " + c.signature + " returns bigint language sql as 'select count(*) from orders'")
		}
	}
	db := f.open()
	scoped := db.ForKey(shard.Int64(tenantOn(t, db, "s0", 0)))
	for _, c := range taken {
		if pgtest.Major(t) >= c.since {
			continue // it is PostgreSQL's own
		}
		_, err := scoped.Exec(f.ctx(), c.sql)
		sentence(t, err, "is one of the schema", "rename it")
		_, err = db.Scatter().Query(f.ctx(), c.sql)
		sentence(t, err, "is one of the schema")
	}
	_, err := router.Get[int64](f.ctx(), scoped, router.Text("select count(*) from orders where lower(state) is null"))
	require.NoError(t, err)
}

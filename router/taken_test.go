package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Before the version that has them, json_value and any_value are names like any other: a function of the schema that is
// called so reads what it likes.
func TestAFunctionWithTheNameOfALaterPostgreSQLsIsTheUsers(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop + `
		create function json_value(text, text) returns bigint language sql as 'select count(*) from orders';
		create function merge_action() returns bigint language sql as 'select count(*) from orders';
		create function array_sort(anyarray) returns bigint language sql as 'select count(*) from orders';`)
	db := f.open()
	tenant := tenantOn(t, db, "s0", 0)
	scoped := db.ForKey(shard.Int64(tenant))
	for _, c := range []struct {
		sql   string
		since int
	}{
		{"select json_value(state, '$.a') from orders", 17},
		{"select count(*) from orders where array_sort(array[3, 2]) is null", 18},
		{"select merge_action()", 17},
	} {
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

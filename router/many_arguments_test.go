package router_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// PostgreSQL takes 65,535 arguments. With a slot for each row an INSERT that one server takes would have more.
func TestAnInsertMayHaveAsManyArgumentsAsOneServerTakes(t *testing.T) {
	f, db := onShop(t)
	tenant := tenantOn(t, db, "s1", 0)
	insert := func(columns string, rows int, values ...any) (string, []any) {
		var texts []string
		var args []any
		for id := range rows {
			names := make([]string, 0, len(values)+1)
			for _, v := range append(values, int64(id)) {
				args = append(args, v)
				names = append(names, fmt.Sprintf("$%d", len(args)))
			}
			texts = append(texts, "("+strings.Join(names, ", ")+")")
		}
		return "insert into orders (" + columns + ") values " + strings.Join(texts, ", "), args
	}
	sql, args := insert("tenant_id, total, id", 21_845, tenant, 1)
	require.Len(t, args, 65_535)
	tag, err := db.Exec(f.ctx(), sql, args...)
	require.NoError(t, err)
	require.EqualValues(t, 21_845, tag.RowsAffected())
	_, err = db.Exec(f.ctx(), "delete from orders where tenant_id = $1", tenant)
	require.NoError(t, err)
	sql, args = insert("total, id", 32_767, 1)
	_, err = db.ForKey(shard.Int64(tenant)).Exec(f.ctx(), sql, args...)
	require.NoError(t, err)
	for _, from := range []router.Querier{db.Scatter(), db.ForKey(shard.Int64(tenant))} {
		n, err := router.Get[int64](f.ctx(), from, router.Text("select count(*) from orders"))
		require.NoError(t, err)
		require.EqualValues(t, 32_767, n, "the server has computed the slots")
	}

	sql, args = insert("id", 65_535)
	_, err = db.ForKey(shard.Int64(tenant)).Exec(f.ctx(), sql, args...)
	sentence(t, err, "more than 65,535 arguments", "the handle's key included")
	require.False(t, errors.As(err, new(*txn.InDoubtError)), "nothing was sent")
}

package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

func TestExplainShowsTheShardsOfAListOfKeysAsTheQueryAsksThem(t *testing.T) {
	_, db := opened(t, 2)
	keys := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)}
	for _, tenant := range keys {
		_, err := db.Exec(t.Context(), "insert into orders (tenant_id, id) values ($1, 1)", tenant)
		require.NoError(t, err)
	}
	const list = "select tenant_id from orders where tenant_id = any($1)"
	read, err := router.Select[int64](t.Context(), db, router.Text(list, keys))
	require.NoError(t, err)
	require.ElementsMatch(t, keys, read)

	p, err := db.Explain(list, keys)
	require.NoError(t, err)
	require.Empty(t, p.Shard)
	require.Len(t, p.Several.Shards, 2)
	require.Contains(t, p.String(), "shard    s0 on instance i0, for 1 of the keys\n")
	require.Contains(t, p.String(), "shard    s1 on instance i1, for 1 of the keys\n")

	one, err := db.Explain(list, keys[:1])
	require.NoError(t, err)
	require.Nil(t, one.Several)
	require.EqualValues(t, "s0", one.Shard)

	for _, refused := range []string{
		"select tenant_id from orders where tenant_id = any($1) for update",
		"select tenant_id, random() from orders where tenant_id = any($1)",
	} {
		_, want := db.Query(t.Context(), refused, keys)
		_, err := db.Explain(refused, keys)
		require.Error(t, err)
		require.EqualError(t, err, want.Error())
	}
}

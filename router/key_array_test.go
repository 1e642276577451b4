package router_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

// TestListsOfIntegerKeysAreSentInEveryMode: keys of several shards, whatever type the server takes the array for, and
// however statements are sent.
func TestListsOfIntegerKeysAreSentInEveryMode(t *testing.T) {
	f, db := opened(t, 2)
	types := []string{"smallint", "integer", "bigint"}
	for _, typ := range types {
		f.everywhere(fmt.Sprintf("create table of_%[1]s (k %[1]s not null, n int); select keyway.shard_table('of_%[1]s', 'k')", typ))
	}
	db.Close()
	var all []int64
	for k := int64(-20); k < 20; k++ {
		all = append(all, k)
	}
	for _, mode := range []router.ExecMode{router.CacheStatement, router.CacheDescribe, router.DescribeExec, router.ExecOnly} {
		f.cfg.ExecMode = mode
		db := f.open()
		for _, typ := range types {
			if mode == router.CacheStatement {
				for _, k := range all {
					_, err := db.Exec(t.Context(), "insert into of_"+typ+" (k, n) values ($1, 1)", k)
					require.NoError(t, err)
				}
			}
			for _, param := range []string{"$1", "$1::smallint[]", "$1::integer[]", "$1::bigint[]", "cast($1 as int8[])"} {
				q := fmt.Sprintf("select k from of_%s where k = any(%s) and n = $2 order by k", typ, param)
				got, err := router.Select[int64](t.Context(), db, router.Text(q, append([]int64{1 << 14}, all...), 1))
				require.NoError(t, err, "%v %s", mode, q)
				require.Equal(t, all, got, "%v %s", mode, q)
			}
		}
		db.Close()
	}
}

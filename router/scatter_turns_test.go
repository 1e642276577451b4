package router_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Statements that read all shards at once, and some that read them in turns, share one connection to each shard. None
// waits for another that waits for it.
func TestReadsInTurnsAndReadsAtOnceDoNotWaitForEachOther(t *testing.T) {
	const rows = 1600
	f, db := opened(t, 4, router.WithoutLease(1))
	ctx := f.ctx()
	for i := range 4 {
		tenant := tenantOn(t, db, shard.ID([]string{"s0", "s1", "s2", "s3"}[i]), 0)
		_, err := db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id", "state"}, pgx.CopyFromSlice(rows/4, func(i int) ([]any, error) {
			return []any{tenant, int64(i), strings.Repeat("x", 1000)}, nil
		}))
		require.NoError(t, err)
	}
	var group sync.WaitGroup
	for _, handle := range []*router.ScatterDB{db.Scatter(), db.Scatter(), db.Scatter(router.MaxConns(2)), db.Scatter(router.MaxConns(3))} {
		for _, sql := range []string{"select id, state from orders", "select distinct tenant_id + id, id, state from orders"} {
			group.Go(func() {
				for range 4 {
					list, err := router.Select[struct {
						ID    int64
						State string
						Sum   int64 `db:"?column?"`
					}](ctx, handle, router.Text(sql))
					if err != nil || strings.HasPrefix(sql, "select id") && len(list) != rows {
						t.Errorf("%d rows, %v", len(list), err)
					}
				}
			})
		}
	}
	group.Wait()
	givenBack(t, db)
}

package router_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

// TestAReadOverFourShardsAllocatesLittle is exact but for what the runtime recycles: a string for each row of the result
// is among what it counts. By hand, a goroutine and a slice of structs for each shard, the two take 650 and 500.
func TestAReadOverFourShardsAllocatesLittle(t *testing.T) {
	if router.RaceEnabled {
		t.Skip("sync.Pool drops what it holds at random under the race detector")
	}
	_, db := opened(t, 4)
	_, err := db.CopyFrom(t.Context(), pgx.Identifier{"orders"}, []string{"tenant_id", "id", "state", "total"},
		pgx.CopyFromSlice(800, func(i int) ([]any, error) { return []any{i + 1, 1, "paid", i}, nil }))
	require.NoError(t, err)
	type order struct {
		TenantID int64
		Total    int32
		State    string
	}
	tenants := make([]int64, 100)
	for i := range tenants {
		tenants[i] = int64(8*i + 1)
	}
	for name, c := range map[string]struct {
		rows int
		most float64
		read func(context.Context) ([]order, error)
	}{
		"the first fifty": {50, 160, func(ctx context.Context) ([]order, error) {
			return router.Select[order](ctx, db.Scatter(), router.Text("select tenant_id, total, state from orders order by total desc, tenant_id limit 50"))
		}},
		"a hundred keys": {100, 220, func(ctx context.Context) ([]order, error) {
			return router.Select[order](ctx, db, router.Text("select tenant_id, total, state from orders where tenant_id = any($1)", tenants))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background() // one that can end costs two more for each shard
			for range 3 {
				got, err := c.read(ctx)
				require.NoError(t, err)
				require.Len(t, got, c.rows)
			}
			if got := testing.AllocsPerRun(100, func() { _, _ = c.read(ctx) }); got > c.most {
				t.Errorf("%v allocations, at most %v are allowed", got, c.most)
			} else {
				t.Logf("%v allocations", got)
			}
		})
	}
}

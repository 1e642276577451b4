package router_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// overheard remembers what is sent for the page asked for last.
type overheard struct {
	*router.ScatterDB
	sql  string
	args []any
}

func (o *overheard) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	o.sql, o.args = sql, args
	return o.ScatterDB.Query(ctx, sql, args...)
}

func TestAPageIsPlannedOnce(t *testing.T) {
	_, db := onShop(t)
	const statement = "select id from orders order by tenant_id, id"
	require.NoError(t, router.PlanPage(t.Context(), db, statement))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := router.PlanPage(t.Context(), db, statement); err != nil {
			t.Error(err)
		}
	}))
}

// node is what EXPLAIN says of a step.
type node struct {
	Type    string  `json:"Node Type"`
	Rows    float64 `json:"Actual Rows"`
	Removed float64 `json:"Rows Removed by Filter"`
	Plans   []node  `json:"Plans"`
}

func (n *node) most() float64 {
	most := n.Rows + n.Removed
	for i := range n.Plans {
		most = max(most, n.Plans[i].most())
	}
	return most
}

// TestALatePageCostsWhatTheFirstDoes looks at the rows that a shard reads for each page.
func TestALatePageCostsWhatTheFirstDoes(t *testing.T) {
	f, db := onShop(t)
	const each, size = 400, 20
	for _, id := range []shard.ID{"s0", "s1"} {
		for nth := range 2 {
			_, err := db.ForKey(shard.Int64(tenantOn(t, db, id, nth))).Exec(t.Context(), "insert into orders (id) select generate_series(1, $1::int)", each)
			require.NoError(t, err)
		}
		_, err := f.migrator(id).Exec(t.Context(), "analyze orders")
		require.NoError(t, err)
	}
	spy := &overheard{ScatterDB: db.Scatter()}
	o := router.PageOptions{Size: size}
	stmt := router.Text("select id from orders order by tenant_id desc, id desc")
	for n := range 4 * each / size {
		page, err := router.Page[int64](t.Context(), spy, stmt, o)
		require.NoError(t, err)
		require.Len(t, page.Rows, size)
		if o.After = page.Next; n%20 != 10 {
			continue
		}
		for _, id := range []shard.ID{"s0", "s1"} {
			text, err := router.Get[string](t.Context(), db.Shard(id), router.Text("explain (analyze, timing off, format json) "+spy.sql, spy.args...))
			require.NoError(t, err)
			var plans []struct{ Plan node }
			require.NoError(t, json.Unmarshal([]byte(text), &plans))
			require.LessOrEqual(t, plans[0].Plan.most(), float64(size+1), "page %d: %s", n, text)
		}
	}
	require.Empty(t, o.After)
}

package router_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestAChangedColumnFailsNoScatter: each connection finds out for itself that its plan is out of date. Shards that are
// read in turns find out one after the other, and a statement is sent again for that reason only once.
func TestAChangedColumnFailsNoScatter(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 8)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 1), tenantOn(t, db, "s1", 1)}
	read := func(s *router.ScatterDB, sql string, args ...any) int {
		got, err := s.Query(t.Context(), sql, args...)
		require.NoError(t, err)
		list, err := pgx.CollectRows(got, pgx.RowToMap)
		require.NoError(t, err, sql)
		return len(list)
	}
	together, inTurns := db.Scatter(), db.Scatter(router.MaxConns(1))
	for _, change := range []string{
		"select 1", "alter table orders alter total type bigint", "alter table orders add column added int",
		"alter table orders alter state type varchar(20)", "alter table orders drop column added",
	} {
		f.everywhere(change)
		for _, s := range []*router.ScatterDB{inTurns, together} {
			require.Equal(t, 8, read(s, "select * from orders order by id"), change)
			require.Equal(t, 8, read(s, "select * from orders where tenant_id = any($1)", tenants), change)
			require.Equal(t, 3, read(s, "select distinct state from orders"), change)
		}
	}
	givenBack(t, db)
}

// TestAScatterPreparesAnewWhatItsSessionHasLost: all is gone whenever a connection is given back.
func TestAScatterPreparesAnewWhatItsSessionHasLost(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 8)
	var lost atomic.Int64
	f.cfg.Pool.AfterRelease = func(c *pgx.Conn) bool {
		_, err := c.PgConn().Exec(context.Background(), "deallocate all").ReadAll()
		lost.Add(1)
		return err == nil
	}
	db = f.open()
	for range 3 {
		ids, err := router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders order by id"))
		require.NoError(t, err)
		require.Len(t, ids, 8)
	}
	require.Positive(t, lost.Load())
	// A session that is cleaned on purpose is one that pgx knows of.
	require.NoError(t, db.EachShard(t.Context(), func(ctx context.Context, s *router.ShardDB) error {
		_, err := s.Exec(ctx, "discard all")
		return err
	}))
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Equal(t, 8, n)
	givenBack(t, db)
}

// TestAConnectionKeepsABoundedNumberOfTexts: the server forgets those that were not used for longest.
func TestAConnectionKeepsABoundedNumberOfTexts(t *testing.T) {
	f, own := opened(t, 1)
	own.Close()
	var most atomic.Int64
	f.cfg.Pool.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) { // before each use
		got, err := c.PgConn().Exec(ctx, "select count(*) from pg_prepared_statements where name like 'keyway%'").ReadAll()
		if err == nil {
			var n int64
			_, _ = fmt.Sscan(string(got[0].Rows[0][0]), &n)
			most.Store(max(most.Load(), n))
		}
		return true, err
	}
	db := f.open()
	for i := range 150 {
		n, err := router.Get[int](t.Context(), db.Scatter(), router.Text(fmt.Sprintf("select count(*) from orders where total = %d", i)))
		require.NoError(t, err)
		require.Zero(t, n)
	}
	givenBack(t, db)
	require.EqualValues(t, 128, most.Load())
}

// TestAScatterReadsInEveryExecMode: also where nothing is prepared by name, as behind a pooler that changes backends.
func TestAScatterReadsInEveryExecMode(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 12)
	defer db.Close()
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)}
	bad := tenants[1]
	for _, mode := range []router.ExecMode{router.CacheStatement, router.CacheDescribe, router.DescribeExec, router.ExecOnly} {
		t.Run(string(mode), func(t *testing.T) {
			f.cfg.ExecMode = mode
			db := f.open()
			defer db.Close() // its place in the budget is the next one's
			for range 2 {    // cold and warm
				ids, err := router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders order by total desc limit 3 offset 1"))
				require.NoError(t, err)
				require.Equal(t, []int64{11, 10, 9}, ids)
				ids, err = router.Select[int64](t.Context(), db, router.Text("select id from orders where tenant_id = any($1)", tenants))
				require.NoError(t, err)
				slices.Sort(ids)
				require.Equal(t, []int64{1, 2, 5, 6, 9, 10}, ids)
				states, err := router.Select[string](t.Context(), db.Scatter(), router.Text("select distinct state from orders order by state"))
				require.NoError(t, err)
				require.Equal(t, []string{"new", "paid", "sent"}, states)

				before := lost(db)
				_, err = db.Scatter().Exec(t.Context(), "select 1 / (tenant_id - $1) from orders", bad)
				var at *router.ShardError
				require.ErrorAs(t, err, &at)
				require.Equal(t, shard.ID("s1"), at.Shard)
				givenBack(t, db)
				require.Equal(t, before, lost(db))
			}
		})
	}
}

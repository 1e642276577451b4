package router_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// asking are statements whose parts a server may leave unread: the other side of a join without rows, an arm of a UNION, a
// subquery, what an index or a partial result answers.
var asking = []string{
	"select id from orders",
	"select id from orders order by id limit 1",
	"select id from orders where total > 5 order by total desc, id fetch first 2 rows with ties",
	"select count(*) from orders",
	"select min(id), max(id) from orders",
	"select count(*) from orders having count(*) = 0",
	"select state, count(*) from orders group by state",
	"select state, count(*) from orders group by rollup (state)",
	"select distinct state from orders",
	"select distinct on (state) state, id from orders order by state, id",
	"select id, row_number() over (partition by tenant_id order by id) from orders",
	"select id from orders union all select order_id from items",
	"select id from orders union select order_id from items",
	"select o.id from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id",
	"select o.id, i.n from orders o left join items i on i.tenant_id = o.tenant_id and i.order_id = o.id",
	"select o.id from orders o join plans p on p.id = o.total",
	"select o.id from plans p join orders o on p.id = o.total left join items i on i.tenant_id = o.tenant_id",
	"select id from orders o where exists (select from items i where i.tenant_id = o.tenant_id)",
	"select id from orders o where not exists (select from items i where i.tenant_id = o.tenant_id)",
	"select id from orders o where (tenant_id, id) in (select tenant_id, order_id from items)",
	"select id, (select count(*) from items i where i.tenant_id = o.tenant_id) from orders o",
	"select id from orders o where total > (select avg(n) from items i where i.tenant_id = o.tenant_id)",
	"select x.tenant_id, n from (select tenant_id, count(*) as n from orders group by tenant_id) x where exists (select from items i where i.tenant_id = x.tenant_id)",
	"select count(*) from (select tenant_id, max(id) from orders group by tenant_id) x join items i on i.tenant_id = x.tenant_id",
	"with w as materialized (select tenant_id, id from orders) select count(*) from w where id > 0",
	"with w as (select tenant_id, id from orders) select w.id from w join items i on i.tenant_id = w.tenant_id",
	"select count(*) from orders where tenant_id = any('{1,2,3,4,5,6,7,8,9,10}')",
}

// TestEveryStatementAsksBeforeItReads runs what a shard is sent by every kind of plan: it gives the rows of the statement
// without the question while the shard owns its slots, and fails when it does not, whether the rows are still there or the
// shard is empty.
func TestEveryStatementAsksBeforeItReads(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 24)
	c := f.superuser("s0")
	ctx := t.Context()
	_, err := c.Exec(ctx, "insert into items (tenant_id, order_id, n) select tenant_id, id, id from orders; insert into plans select id, 'p' from generate_series(1, 400) id on conflict do nothing; analyze")
	require.NoError(t, err)
	reg, err := catalog.ReadRegistry(ctx, c)
	require.NoError(t, err)
	parallel := "force_parallel_mode"
	if c.PgConn().ParameterStatus("server_version") >= "16" {
		parallel = "debug_parallel_query"
	}
	owned := db.Map().RangesOf("s0")
	texts := func(asks plan.Question) (list []string) {
		for _, sql := range asking {
			s, err := plan.BuildScatter(sql, reg, "public", false)
			require.NoError(t, err, sql)
			b, err := s.Bind(nil)
			require.NoError(t, err, sql)
			text, args := b.Shard(asks, owned, b.Keys, time.Time{})
			require.Empty(t, args)
			list = append(list, text)
		}
		return list
	}
	plain := texts(plan.Unasked)
	for name, settings := range map[string]string{
		"as planned":    "",
		"hash joins":    "set local enable_nestloop = off; set local enable_mergejoin = off",
		"merge joins":   "set local enable_nestloop = off; set local enable_hashjoin = off",
		"nested loops":  "set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_seqscan = off; set local jit = off",
		"in a worker":   "set local " + parallel + " = on",
		"generic plans": "set local plan_cache_mode = force_generic_plan",
		"by many workers": "set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0; set local min_parallel_table_scan_size = 0; " +
			"set local min_parallel_index_scan_size = 0; set local max_parallel_workers_per_gather = 2",
	} {
		t.Run(name, func(t *testing.T) {
			for _, asks := range []plan.Question{plan.Quickly, plan.Thoroughly} {
				tx, err := c.Begin(ctx)
				require.NoError(t, err)
				_, err = tx.Exec(ctx, settings)
				require.NoError(t, err)
				for i, text := range texts(asks) {
					want, err := printed(ctx, tx, plain[i])
					require.NoError(t, err, plain[i])
					got, err := printed(ctx, tx, text)
					require.NoError(t, err, text)
					require.ElementsMatch(t, want, got, text)
				}
				for _, gone := range []string{"update keyway.owned set lo = lo + 1", "delete from keyway.owned; truncate orders, items", "truncate plans"} {
					_, err = tx.Exec(ctx, gone)
					require.NoError(t, err)
					for _, text := range texts(asks) {
						refuses(ctx, t, tx, text)
					}
				}
				require.NoError(t, tx.Rollback(ctx))
			}
		})
	}
}

// printed are the rows as texts.
func printed(ctx context.Context, tx pgx.Tx, sql string) ([]string, error) {
	rows, err := tx.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprint(values...), err
	})
}

func refuses(ctx context.Context, t *testing.T, tx pgx.Tx, sql string) {
	t.Helper()
	inner, err := tx.Begin(ctx)
	require.NoError(t, err)
	got, err := printed(ctx, inner, sql)
	var no *pgconn.PgError
	require.ErrorAs(t, err, &no, "%s gave %v", sql, got)
	require.Equal(t, "22P02", no.Code, "%v", no)
	require.Contains(t, no.Message, plan.NotOwned)
	require.NoError(t, inner.Rollback(ctx))
}

// TestAShardMayHaveStoredWhatItOwnsInPieces: the cheap question is then answered with no, and the dear one with yes.
func TestAShardMayHaveStoredWhatItOwnsInPieces(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 8)
	_, err := f.superuser("s0").Exec(f.ctx(), "update keyway.owned set hi = 100; insert into keyway.owned select 101, hi from keyway.map_ranges where lo = 0")
	require.NoError(t, err)
	for _, mode := range []router.ExecMode{router.CacheStatement, router.ExecOnly} {
		f.cfg.ExecMode = mode
		db := f.open()
		for range 2 {
			ids, err := router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders order by id"))
			require.NoError(t, err)
			require.Len(t, ids, 8)
		}
		givenBack(t, db)
		db.Close()
	}
}

// TestAShardThatOwnsMoreIsRead: one stored range may hold two of the map's.
func TestAShardThatOwnsMoreIsRead(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 8)
	m := newMover(f)
	key := shard.Int64(tenantOn(t, db, "s0", 0)).Slot()
	require.NotZero(t, key)
	m.move(0, 0, "s0", "s1", func() {}) // s0 owns from 1 on, s1 two ranges
	db = f.open()
	_, err := m.conns["s1"].Exec(f.ctx(), "delete from keyway.owned; insert into keyway.owned values (0, 16383)")
	require.NoError(t, err)
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Equal(t, 8, n)
}

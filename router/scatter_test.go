package router_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// stocked is onShop with orders of tenants on both shards: order id has total id*10 and the tenants take turns.
func stocked(t *testing.T, orders int) (*fixture, *router.DB) {
	t.Helper()
	f, db := onShop(t)
	stock(t, db, orders)
	return f, db
}

func stock(t *testing.T, db *router.DB, orders int) {
	t.Helper()
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 1), tenantOn(t, db, "s1", 1)}
	for i := range orders {
		_, err := db.Exec(t.Context(), "insert into orders (tenant_id, id, state, total) values ($1, $2, $3, $4)",
			tenants[i%len(tenants)], i+1, []string{"new", "paid", "sent"}[i%3], (i+1)*10)
		require.NoError(t, err)
	}
}

// givenBack asserts that every connection was given back.
func givenBack(t testing.TB, db *router.DB) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, in := range db.Stat().Instances {
			if in.InUse > 1 { // the control connection
				return false
			}
		}
		return true
	}, time.Minute, 5*time.Millisecond, "connections are still in use")
}

func TestScatterReadsTheRowsOfAllShards(t *testing.T) {
	_, db := stocked(t, 40)
	all := db.Scatter()
	ids, err := router.Select[int64](t.Context(), all, router.Text("select id from orders"))
	require.NoError(t, err)
	slices.Sort(ids)
	require.Len(t, ids, 40)
	require.Equal(t, []int64{1, 2, 3}, ids[:3])

	top, err := router.Select[int64](t.Context(), all, router.SQL.Select("id").From("orders").OrderBy("total DESC").Limit(5).Offset(2))
	require.NoError(t, err)
	require.Equal(t, []int64{38, 37, 36, 35, 34}, top)

	star, err := router.Select[struct {
		TenantID, ID int64
		State        *string
		Total        int
	}](t.Context(), all, router.Text("select * from orders order by state collate \"C\", id desc limit 3"))
	require.NoError(t, err)
	require.EqualValues(t, 40, star[0].ID)
	require.EqualValues(t, 37, star[1].ID)

	var n int64
	require.NoError(t, all.QueryRow(t.Context(), "select count(*) from orders").Scan(&n))
	require.EqualValues(t, 40, n)
	var avg string
	require.NoError(t, all.QueryRow(t.Context(), "select avg(total)::text from orders").Scan(&avg))
	require.Equal(t, "205.0000000000000000", avg)
	type group struct {
		State string
		N     int
	}
	groups, err := router.Select[group](t.Context(), all, router.Text("select state, count(*) as n from orders group by state having count(*) > $1 order by state", 12))
	require.NoError(t, err)
	require.Equal(t, []group{{"new", 14}, {"paid", 13}, {"sent", 13}}, groups)
	states, err := router.Select[string](t.Context(), all, router.Text("select distinct state from orders order by state"))
	require.NoError(t, err)
	require.Equal(t, []string{"new", "paid", "sent"}, states)

	tag, err := all.Exec(t.Context(), "select id from orders where total > 100")
	require.NoError(t, err)
	require.EqualValues(t, 30, tag.RowsAffected())
	givenBack(t, db)
}

func TestColumnsOfFinishedRowsStayWhenTheRowsAreRead(t *testing.T) {
	_, db := stocked(t, 8)
	for range 20 { // any of the idle connections may be the one
		rows, err := db.Scatter().Query(t.Context(), "select state, count(*) from orders group by state")
		require.NoError(t, err)
		for rows.Next() {
		}
		require.NoError(t, rows.Err())
		_, err = router.Select[int64](t.Context(), db.Scatter(), router.Text("select sum(id)::bigint as total from orders"))
		require.NoError(t, err)
		fields := rows.FieldDescriptions()
		require.Len(t, fields, 2)
		require.Equal(t, []string{"state", "count"}, []string{fields[0].Name, fields[1].Name})
	}
}

func TestScatterGoesOnWithTheRowsOfQueries(t *testing.T) {
	_, db := stocked(t, 40)
	type count struct {
		What string
		N    int64
	}
	counts, err := router.Select[count](t.Context(), db.Scatter(), router.Text(
		"select 'orders' as what, count(*) as n from orders union all select state, count(*) from orders where total > $1 group by state order by 1", 200))
	require.NoError(t, err)
	require.Equal(t, []count{{"new", 7}, {"orders", 40}, {"paid", 6}, {"sent", 7}}, counts)

	best, err := router.Select[int64](t.Context(), db.Scatter(), router.Text(
		"select id from (select id, row_number() over (partition by state order by total desc) as place from orders) x where place = 1 order by id"))
	require.NoError(t, err)
	require.Equal(t, []int64{38, 39, 40}, best)

	// A star has the slot, which is a column like any other.
	type placed struct {
		TenantID int64
		ID       int64
		State    *string
		Total    *int32
		Slot     int16
		Place    int64
	}
	for _, sql := range []string{
		"select *, rank() over (order by total desc) as place from orders order by place limit 2",
		"select rank() over (order by total desc) as place, o.* from orders o order by total desc limit 2",
		"select x.*, row_number() over (order by total desc) as place from (select * from orders order by total desc limit 2) x",
	} {
		rows, err := router.Select[placed](t.Context(), db.Scatter(), router.Text(sql))
		require.NoError(t, err, sql)
		require.Len(t, rows, 2)
		for i, r := range rows {
			require.Equal(t, []int64{int64(40 - i), int64(i + 1)}, []int64{r.ID, r.Place}, sql)
			require.Equal(t, shard.Int64(r.TenantID).Slot(), shard.Slot(r.Slot), sql)
		}
	}

	// All rows of an input are held, under the budget.
	_, err = router.Select[int64](t.Context(), db.Scatter(router.MaxBytes(64)), router.Text("select rank() over (order by total) from orders"))
	var over *router.TooLargeError
	require.ErrorAs(t, err, &over)
	givenBack(t, db)
}

func TestAStatementForOneShardIsRoutedOnAScatterHandle(t *testing.T) {
	_, db := stocked(t, 8)
	tenant := tenantOn(t, db, "s1", 0)
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders where tenant_id = $1", tenant))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	name, err := router.Get[string](t.Context(), db.Scatter(), router.Text("select name from plans where id = 1"))
	require.NoError(t, err)
	require.Equal(t, "free", name)
}

func TestScatterRefusesWhatWritesAndWhatCannotBeExact(t *testing.T) {
	_, db := stocked(t, 4)
	for sql, reason := range map[string]string{
		"update orders set total = 0":              "scatter write",
		"delete from orders where tenant_id = 1":   "scatter write",
		"select * from orders for update":          "scatter write",
		"select id from orders offset 3":           "inexact",
		"select o.id from orders o, items i":       "not co-located",
		"select random() from orders":              "server function",
		"select sum(total::float8) from orders":    "inexact",
		"select nothing from orders":               "unknown column",
		"select id from orders where state = now(": "syntax",
	} {
		_, err := db.Scatter().Exec(t.Context(), sql)
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused, sql)
		require.Equal(t, reason, refused.Reason, sql)
	}
	_, err := router.Get[float64](t.Context(), db.Scatter(router.Approximate()), router.Text("select sum(total::float8) from orders"))
	require.NoError(t, err)
	var refused *router.RefusedError
	_, err = db.Query(t.Context(), "select id from orders")
	require.ErrorAs(t, err, &refused)
	require.ErrorIs(t, err, router.ErrNoShardKey, "only by name")
	givenBack(t, db)
}

func TestAScatteredErrorNamesItsShardAndGivesConnectionsBack(t *testing.T) {
	_, db := stocked(t, 40)
	bad, before := tenantOn(t, db, "s1", 0), lost(db)
	for _, sql := range []string{
		"select 1 / (tenant_id - $1) from orders",
		"select 1 / (tenant_id - $1) as x from orders order by x, id",
		"select sum(1 / (tenant_id - $1)) from orders",
		"select 1 / (tenant_id - $1) as x, count(*) from orders group by 1",
	} {
		_, err := db.Scatter().Exec(t.Context(), sql, bad)
		var at *router.ShardError
		require.ErrorAs(t, err, &at, sql)
		require.Equal(t, shard.ID("s1"), at.Shard, sql)
		sentence(t, err, "22012")
		givenBack(t, db)
	}
	require.Equal(t, before, lost(db), "connections came back fit for others")
}

// lost counts connections that came back unfit.
func lost(db *router.DB) (n int64) {
	for _, in := range db.Stat().Instances {
		n += in.Closes.Dirty + in.Closes.Broken
	}
	return n
}

func TestScatteredRowsEndEarly(t *testing.T) {
	_, db := stocked(t, 40)
	for _, sql := range []string{
		"select o.id, repeat('x', 10000) from orders o, generate_series(1, 1000)",
		"select o.id, g, repeat('x', 10000) from orders o, generate_series(1, 1000) g order by o.id, g",
	} {
		rows, err := db.Scatter().Query(t.Context(), sql)
		require.NoError(t, err)
		require.True(t, rows.Next(), "%v", rows.Err())
		rows.Close()
		require.NoError(t, rows.Err())
		givenBack(t, db)

		ctx, cancel := context.WithCancel(t.Context())
		rows, err = db.Scatter().Query(ctx, sql)
		require.NoError(t, err)
		require.True(t, rows.Next())
		cancel()
		for rows.Next() { //nolint:revive // to its end
		}
		require.ErrorIs(t, rows.Err(), context.Canceled)
		givenBack(t, db)
	}
}

func TestScatterInTurnsWhereConnectionsAreFew(t *testing.T) {
	_, db := stocked(t, 40)
	one := db.Scatter(router.MaxConns(1))
	ids, err := router.Select[int64](t.Context(), one, router.Text("select id from orders order by id desc limit 3"))
	require.NoError(t, err)
	require.Equal(t, []int64{40, 39, 38}, ids)
	ids, err = router.Select[int64](t.Context(), one, router.Text("select id from orders"))
	require.NoError(t, err)
	require.Len(t, ids, 40)
	_, err = router.Select[int64](t.Context(), db.Scatter(router.MaxConns(1), router.MaxBytes(100)), router.Text("select id from orders order by id"))
	var large *router.TooLargeError
	require.ErrorAs(t, err, &large)
	sentence(t, err, "MaxBytes")
	_, err = router.Select[string](t.Context(), db.Scatter(router.MaxBytes(10)), router.Text("select state from orders group by 1"))
	require.ErrorAs(t, err, &large)
	givenBack(t, db)
}

func TestScatterKnowsTypesByTheirNames(t *testing.T) {
	f, db := opened(t, 2)
	// Types get other numbers in the second database.
	_, err := f.migrator("s1").Exec(f.ctx(), "create type filler as enum ('x')")
	require.NoError(t, err)
	f.everywhere("create type mood as enum ('sad', 'ok', 'happy'); create table people (tenant_id bigint not null, id int, m mood); select keyway.shard_table('people', 'tenant_id')")
	db.Close()
	db = f.open()
	for i, m := range []string{"happy", "ok", "sad", "ok", "happy", "sad"} {
		_, err := db.Exec(t.Context(), "insert into people (tenant_id, id, m) values ($1, $2, $3::text::mood)", i, i, m)
		require.NoError(t, err)
	}
	for _, mode := range []router.ExecMode{router.CacheStatement, router.CacheDescribe} {
		f.cfg.ExecMode = mode
		db := f.open()
		rows, err := db.Scatter(router.MaxConns(1)).Query(t.Context(), "select m, repeat('x', 20000) from people")
		require.NoError(t, err)
		read := 0
		for rows.Next() {
			read++
		}
		require.NoError(t, rows.Err(), "the second shard's types are met when rows of the first were given out")
		require.Equal(t, 6, read)
		db.Close()
	}
	db.Close()
	db = f.open()
	got, err := router.Select[string](t.Context(), db.Scatter(), router.Text("select m from people order by m, id"))
	require.NoError(t, err)
	require.Equal(t, []string{"sad", "sad", "ok", "ok", "happy", "happy"}, got, "an enum sorts by its labels' order")
	got, err = router.Select[string](t.Context(), db.Scatter(), router.Text("select max(m) from people"))
	require.NoError(t, err)
	require.Equal(t, []string{"happy"}, got)
	got, err = router.Select[string](t.Context(), db.Scatter(), router.Text("select m from people"))
	require.NoError(t, err)
	require.Len(t, got, 6)
	givenBack(t, db)
}

func TestAShardThatIsDownFailsAScatterByName(t *testing.T) {
	f := onServers(t, pgtest.Private(t), pgtest.Private(t))
	f.init()
	f.everywhere(shop)
	db := f.open()
	stock(t, db, 8)
	require.NoError(t, f.servers[1].Kill())
	_, err := router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders"))
	var at *router.ShardError
	require.ErrorAs(t, err, &at)
	require.Equal(t, shard.ID("s1"), at.Shard)
	sentence(t, err, "s1")

	var missing []string
	some := db.Scatter(router.Partial(func(list []*router.ShardError) {
		for _, e := range list {
			missing = append(missing, string(e.Shard))
		}
	}))
	ids, err := router.Select[int64](t.Context(), some, router.Text("select id from orders order by id"))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 3, 5, 7}, ids)
	require.Equal(t, []string{"s1"}, missing)

	require.NoError(t, f.servers[0].Kill())
	missing = nil
	_, err = router.Select[int64](t.Context(), some, router.Text("select id from orders order by id"))
	require.Error(t, err, "never when all failed")
	require.Empty(t, missing)
	require.ErrorAs(t, err, &at)
}

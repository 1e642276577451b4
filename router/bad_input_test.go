package router_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestStatementsThatAreNotForOneKeyAreRefusedWithAReason(t *testing.T) {
	f, db := opened(t, 2)
	f.everywhere(`create view open_orders as select * from orders where state = 'open';
		create function mine(int) returns int language sql as 'select $1';
		create table unregistered (id int primary key)`)
	ctx := f.ctx()
	const b = int64(1)
	for name, c := range map[string]struct {
		sql   string
		args  []any
		noKey bool
		want  string
	}{
		"no key":                  {"select * from orders", nil, true, "tenant_id"},
		"no key in an update":     {"update orders set state = $1 where id = $2", []any{"x", 1}, true, "tenant_id"},
		"no key in a delete":      {"delete from orders", nil, true, "tenant_id"},
		"no key in an insert":     {"insert into orders (id) values (1)", nil, true, "tenant_id"},
		"OR":                      {"select * from orders where tenant_id = $1 or state = 'x'", []any{b}, true, "OR"},
		"key only in a string":    {"select * from orders where state = 'tenant_id = 1'", nil, true, "tenant_id"},
		"key only in a comment":   {"select * from orders /* where tenant_id = 1 */", nil, true, "tenant_id"},
		"key behind a comment":    {"select * from orders -- where tenant_id = 1", nil, true, "tenant_id"},
		"key in a dollar string":  {"select * from orders where state = $q$ and tenant_id = 1 $q$", nil, true, "tenant_id"},
		"two statements":          {"select * from orders where tenant_id = 1; delete from orders where tenant_id = 1", nil, false, "two statements"},
		"a view":                  {"select * from open_orders where tenant_id = $1", []any{b}, false, "open_orders"},
		"a user function":         {"select mine(total) from orders where tenant_id = $1", []any{b}, false, "mine"},
		"nextval":                 {"select nextval('x') from orders where tenant_id = $1", []any{b}, false, "nextval"},
		"an unregistered table":   {"select * from unregistered", nil, false, "unregistered"},
		"a table that is not":     {"select * from nowhere", nil, false, "nowhere"},
		"a temporary table":       {"create temporary table orders (id int)", nil, false, "CREATE"},
		"SET":                     {"set search_path = other", nil, false, "SET"},
		"LISTEN":                  {"listen x", nil, false, "LISTEN"},
		"BEGIN":                   {"begin", nil, false, "BEGIN"},
		"SELECT INTO":             {"select * into x from orders where tenant_id = 1", nil, false, "INTO"},
		"a key that changes":      {"update orders set tenant_id = 2 where tenant_id = $1", []any{b}, false, "tenant_id"},
		"a slot that is set":      {"update orders set slot = 2 where tenant_id = $1", []any{b}, false, "slot"},
		"a key as text":           {"select * from orders where tenant_id = $1", []any{"x1"}, false, "tenant_id"},
		"a key with a space":      {"select * from orders where tenant_id = $1", []any{" 42"}, false, "tenant_id"},
		"a key with a zero":       {"select * from orders where tenant_id = $1", []any{"0042"}, false, "tenant_id"},
		"a float key":             {"select * from orders where tenant_id = $1", []any{42.0}, false, "float64"},
		"NaN":                     {"select * from orders where tenant_id = $1", []any{math.NaN()}, false, "float64"},
		"a bool key":              {"select * from orders where tenant_id = $1", []any{true}, false, "bool"},
		"a struct key":            {"select * from orders where tenant_id = $1", []any{struct{}{}}, false, "struct"},
		"a NULL key in an insert": {"insert into orders (tenant_id, id) values ($1, 1)", []any{nil}, false, "NULL"},
		"a NULL key":              {"select * from orders where tenant_id = $1", []any{nil}, false, "NULL"},
		"a nil pointer":           {"select * from orders where tenant_id = $1", []any{(*int64)(nil)}, false, "NULL"},
		"an empty composite":      {"insert into orders (tenant_id, id) values (default, 1)", nil, false, "tenant_id"},
		"a float cast":            {"select * from orders where tenant_id = $1::float8", []any{b}, true, "tenant_id"},
		"too few arguments":       {"select * from orders where tenant_id = $1", nil, false, "argument"},
		"too many arguments":      {"select * from orders where tenant_id = 1", []any{b}, false, "argument"},
		"a schema of the system":  {"select * from pg_class", nil, false, "pg_class"},
		"an option of pgx":        {"select 1", []any{pgx.QueryExecModeSimpleProtocol}, false, "option arguments"},
		"an unclosed string":      {"select 'x from orders", nil, false, ""},
		"nothing":                 {"", nil, false, ""},
		"a NUL byte":              {"select * from orders where tenant_id = 1 and state = 'a\x00b'", nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.Exec(ctx, c.sql, c.args...)
			sentence(t, err, c.want)
			require.Equal(t, c.noKey, errors.Is(err, router.ErrNoShardKey), "%v", err)
			var refused *router.RefusedError
			require.ErrorAs(t, err, &refused)
			require.NotContains(t, err.Error(), "0042")
			got, err2 := db.Query(ctx, c.sql, c.args...)
			require.EqualError(t, err2, err.Error())
			require.False(t, got.Next(), "rows of a refused statement are empty, not nil")
			require.EqualError(t, got.Err(), err.Error())
			got.Close()
			require.EqualError(t, db.QueryRow(ctx, c.sql, c.args...).Scan(nil), err.Error())
			_, err3 := db.Explain(c.sql, c.args...)
			if len(c.args) > 0 {
				require.EqualError(t, err3, err.Error())
			}
		})
	}
	for i := range 2 {
		n, err := router.Get[int](ctx, db.Shard(shard.ID([]string{"s0", "s1"}[i])), router.Text("select count(*)::int from orders"))
		require.NoError(t, err)
		require.Zero(t, n)
	}
}

func TestQuotesCommentsAndDollarsDoNotHideAKey(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id, state) values ($1, 1, 'it''s -- $q$ /* ')", 5)
	require.NoError(t, err)
	for _, sql := range []string{
		"select state from orders where state = 'it''s -- $q$ /* ' and tenant_id = $1",
		"select /* outer /* inner */ or */ state from orders -- or\nwhere tenant_id = $1",
		`select "state" from "orders" where "tenant_id" = $1`,
		"select state from orders where state = $a$it's -- $q$ /* $a$ and tenant_id = $1",
		"select state from public.orders o where (o.tenant_id = $1) and true;",
	} {
		got, err := router.Get[string](ctx, db, router.Text(sql, 5))
		require.NoError(t, err, sql)
		require.Equal(t, "it's -- $q$ /* ", got)
	}
}

func TestContradictoryKeysGiveTheServersOwnAnswer(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values (1, 1)")
	require.NoError(t, err)
	for _, s := range []router.Statement{
		router.Text("select count(*) from orders where tenant_id = 1 and tenant_id = 2"),
		router.Text("select count(*) from orders where tenant_id = $1 and tenant_id = $2", 1, 2),
		router.Text("select count(*) from orders where tenant_id = any($1)", []int64{}),
	} {
		n, err := router.Get[int64](ctx, db, s)
		require.NoError(t, err, "%+v", s)
		require.Zero(t, n)
	}
}

func TestAListOfKeysRunsWhereAllOfThemAre(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	var here, there []int64
	for i := range 3 {
		here = append(here, tenantOn(t, db, "s0", i))
		there = append(there, tenantOn(t, db, "s1", i))
	}
	for _, tenant := range append(append([]int64{}, here...), there...) {
		_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
		require.NoError(t, err)
	}
	const q = "select tenant_id from orders where tenant_id = any($1) order by tenant_id"
	got, err := router.Select[int64](ctx, db, router.Text(q, here))
	require.NoError(t, err)
	require.Equal(t, here, got)
	all := append(slices.Clone(here), there...)
	slices.Sort(all)
	got, err = router.Select[int64](ctx, db, router.Text(q, all))
	require.NoError(t, err)
	require.Equal(t, all, got)
	n, err := router.Get[int](ctx, db, router.Text("select count(*) from orders where tenant_id = any($1) and id < $2", all, 5))
	require.NoError(t, err)
	require.Equal(t, 6, n)
	tag, err := db.Exec(ctx, q, all)
	require.NoError(t, err)
	require.EqualValues(t, 6, tag.RowsAffected())

	_, err = db.Exec(ctx, "update orders set total = 1 where tenant_id = any($1)", all)
	var refused *router.RefusedError
	require.ErrorAs(t, err, &refused, "a write is for one shard")
	var multi *router.MultiShardError
	_, err = router.Select[int64](ctx, db, router.Text("select id from orders where tenant_id = any($1) offset 2", all))
	require.ErrorAs(t, err, &multi)
	sentence(t, err, "cannot be put together", "OFFSET")

	_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 7), ($2, 7)", here[0], here[1])
	require.NoError(t, err)
	_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 8), ($2, 8)", here[0], there[0])
	require.ErrorAs(t, err, &multi)
}

func TestSeventyThousandKeysInOneList(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s0", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	all := make([]int64, 70_000)
	var here []int64
	for i := range all {
		all[i] = int64(i)
		if r, err := db.Route(shard.Int64(int64(i))); err == nil && r.Shard == "s0" {
			here = append(here, int64(i))
		}
	}
	const q = "select tenant_id from orders where tenant_id = any($1)"
	got, err := router.Select[int64](ctx, db, router.Text(q, all))
	require.NoError(t, err)
	require.Equal(t, []int64{tenant}, got)
	_, err = router.Select[int64](ctx, db, router.Text(q+" offset 1", all))
	var multi *router.MultiShardError
	require.ErrorAs(t, err, &multi)
	require.Equal(t, 70_000, multi.Keys)
	for len(here) < 70_000 {
		here = append(here, here...)
	}
	got, err = router.Select[int64](ctx, db, router.Text(q, here))
	require.NoError(t, err)
	require.Equal(t, []int64{tenant}, got)
}

// TestATemporaryTableDoesNotHideARealOne: pg_temp stands last on the search path.
func TestATemporaryTableDoesNotHideARealOne(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s1", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	tx, err := db.Shard("s1").Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, "create temporary table orders (tenant_id bigint)")
	require.NoError(t, err)
	n := 0
	require.NoError(t, tx.QueryRow(ctx, "select count(*) from orders").Scan(&n))
	require.Equal(t, 1, n)
}

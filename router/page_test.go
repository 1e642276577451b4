package router_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// pages reads a statement to its end, and every page's size.
func pages[T any](t testing.TB, db router.PageReader, stmt router.Statement, o router.PageOptions) (all []T, n int) {
	t.Helper()
	for {
		page, err := router.Page[T](t.Context(), db, stmt, o)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Rows), o.Size)
		require.Equal(t, page.Next, url.QueryEscape(page.Next), "a cursor is text for URLs")
		all, n = append(all, page.Rows...), n+1
		if page.Next == "" {
			return all, n
		}
		require.Len(t, page.Rows, o.Size, "only the last page is short")
		o.After = page.Next
	}
}

func TestPagesAreTheRowsOfAllShardsInOrder(t *testing.T) {
	_, db := stocked(t, 40)
	stmt := router.SQL.Select("id").From("orders").OrderBy("total DESC", "tenant_id", "id")
	for _, size := range []int{1, 7, 20, 39, 40, 41} {
		ids, n := pages[int64](t, db.Scatter(), stmt, router.PageOptions{Size: size})
		require.Len(t, ids, 40)
		for i, id := range ids {
			require.EqualValues(t, 40-i, id)
		}
		require.Equal(t, (40+size-1)/size, n, "no page is empty")
	}
	none, err := router.Page[int64](t.Context(), db.Scatter(), router.SQL.Select("id").From("orders").Where("total < 0").OrderBy("tenant_id", "id"), router.PageOptions{})
	require.NoError(t, err)
	require.Equal(t, router.PageOf[int64]{Rows: []int64{}}, none)
	givenBack(t, db)
}

func TestPagesOfOneKeyNeedNoKeyInTheOrder(t *testing.T) {
	_, db := stocked(t, 40)
	tenant := tenantOn(t, db, "s1", 0)
	stmt := router.Text("select * from orders where total > @least order by state, id desc", pgx.NamedArgs{"least": 50})
	type order struct {
		TenantID, ID int64
		State        string
		Total        int
	}
	want, err := router.Select[order](t.Context(), db.ForKey(shard.Int64(tenant)), stmt)
	require.NoError(t, err)
	require.Len(t, want, 9)
	got, _ := pages[order](t, db.ForKey(shard.Int64(tenant)), stmt, router.PageOptions{Size: 2})
	require.Equal(t, want, got)

	ctx := router.WithKey(t.Context(), shard.Int64(tenant))
	page, err := router.Page[order](ctx, db, stmt, router.PageOptions{Size: 4})
	require.NoError(t, err)
	require.Equal(t, want[:4], page.Rows)

	pinned := router.Text("select id from orders where tenant_id = $1 order by state, id desc", tenant)
	ids, _ := pages[int64](t, db, pinned, router.PageOptions{Size: 3})
	require.Len(t, ids, 10)

	list := router.Text("select id from orders where tenant_id = any($1) order by state desc, tenant_id, id desc",
		[]int64{tenant, tenantOn(t, db, "s0", 0)})
	listed, _ := pages[int64](t, db, list, router.PageOptions{Size: 3})
	wantListed, err := router.Select[int64](t.Context(), db, list)
	require.NoError(t, err)
	require.Len(t, wantListed, 20)
	require.Equal(t, wantListed, listed)
}

func TestPagesOfJoins(t *testing.T) {
	_, db := stocked(t, 40)
	for i := range 40 {
		tenant := tenantOn(t, db, []shard.ID{"s0", "s1"}[i%2], 0)
		_, err := db.Exec(t.Context(), "insert into items (tenant_id, order_id, n, name) values ($1, $2, $3, 'x')", tenant, i%10, i)
		require.NoError(t, err)
	}
	stmt := router.Text(`select o.id, i.n, p.name as plan from orders o left join items i on i.tenant_id = o.tenant_id and i.order_id = o.id
		cross join plans p order by p.id desc, i.n nulls first, o.tenant_id, o.id`)
	type row struct {
		ID   int64
		N    *int
		Plan string
	}
	want, err := router.Select[row](t.Context(), db.Scatter(), stmt)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(want), 80)
	for _, size := range []int{1, 3, 50} {
		got, _ := pages[row](t, db.Scatter(), stmt, router.PageOptions{Size: size})
		require.Equal(t, want, got)
	}
}

func TestPagesAreRefusedInASentence(t *testing.T) {
	_, db := stocked(t, 4)
	for sql, want := range map[string]string{
		"select id from orders":                                                                    "order not total: pages need an ORDER BY; order by what",
		"select id from orders order by id":                                                        "order not total: several rows of public.orders may have the same place in this ORDER BY, and a page could end between them; add orders.tenant_id, orders.id to the end",
		"select id from orders order by tenant_id, total":                                          "order not total: ",
		"select o.id from orders o, plans p order by o.tenant_id, o.id":                            "add p.id to the end",
		"select id from orders order by tenant_id, id limit 3":                                     "unsupported: a page's size is its LIMIT",
		"select id from orders order by tenant_id, id limit all":                                   "unsupported: something stands behind the ORDER BY",
		"select id from orders order by tenant_id, id offset 3":                                    "its cursor its OFFSET",
		"select id from orders order by tenant_id, id for update":                                  "no row locks",
		"select distinct id from orders order by id":                                               "groups and DISTINCT",
		"select id, count(*) from orders group by id order by id":                                  "read on by the groups themselves: WHERE column > $last",
		"select id from orders order by lower(state), tenant_id, id":                               "is something else; order by columns",
		"select lower(state) as s from orders order by s, tenant_id, id":                           "is something else",
		"select id + 1 from orders order by 1, tenant_id, id":                                      "is something else; order by columns",
		"select id, row_number() over (partition by tenant_id) from orders order by tenant_id, id": "keep what it computes in a column",
		"select unnest(array[1, 2]) from orders order by tenant_id, id":                            "several rows",
		"select id from (select * from orders) o order by tenant_id, id":                           "the rows of \"o\" apart",
		"select id from orders union all select id from orders order by 1":                         "only a plain SELECT",
		"update orders set total = 0":                                                              "only a SELECT",
		"select id from orders order by ctid":                                                      "a system column",
		"select id from orders order by tenant_id using <, id":                                     "USING",
	} {
		_, err := router.Page[int64](t.Context(), db.Scatter(), router.Text(sql), router.PageOptions{})
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused, sql)
		require.Contains(t, refused.Reason+": "+strings.TrimPrefix(err.Error(), "keyway: "), want, sql)
		sentence(t, err)
	}
	all := router.Text("select id from orders order by tenant_id, id")
	_, err := router.Page[int64](t.Context(), db.Scatter(router.Partial(func([]*router.ShardError) {})), all, router.PageOptions{})
	sentence(t, err, "Partial")
	_, err = router.Page[int64](t.Context(), db.Scatter(), all, router.PageOptions{Size: -1})
	sentence(t, err, "size of a page")
	_, err = router.Page[int64](t.Context(), db, all, router.PageOptions{})
	require.ErrorIs(t, err, router.ErrNoShardKey)
	_, err = router.Page[int64](t.Context(), db.Scatter(), router.Text("select id from orders where total > $1 order by tenant_id, id"), router.PageOptions{})
	sentence(t, err, "1 parameters and 0 arguments")
}

func TestACursorIsRefusedWhereItDoesNotBelong(t *testing.T) {
	_, db := stocked(t, 12)
	page := func(sql string, o router.PageOptions, args ...any) (router.PageOf[int64], error) {
		o.Size = 5
		return router.Page[int64](t.Context(), db.Scatter(), router.Text(sql, args...), o)
	}
	const sql = "select id from orders where total > $1 order by total, tenant_id, id"
	key := []byte("of this test")
	plain, err := page(sql, router.PageOptions{}, 0)
	require.NoError(t, err)
	keyed, err := page(sql, router.PageOptions{Key: key}, 0)
	require.NoError(t, err)

	second, err := page(sql, router.PageOptions{After: plain.Next}, 0)
	require.NoError(t, err)
	require.Equal(t, []int64{6, 7, 8, 9, 10}, second.Rows)
	second, err = page(sql, router.PageOptions{After: keyed.Next, Key: key}, 0)
	require.NoError(t, err)
	require.Equal(t, []int64{6, 7, 8, 9, 10}, second.Rows)

	refused := func(says, sql, after string, key []byte, args ...any) {
		t.Helper()
		_, err := page(sql, router.PageOptions{After: after, Key: key}, args...)
		var cursor *router.CursorError
		require.ErrorAs(t, err, &cursor)
		sentence(t, err, says, "begin again")
	}
	refused("another statement", sql+" ", plain.Next, nil, 0)
	refused("another statement", strings.Replace(sql, "total,", "total desc,", 1), plain.Next, nil, 0)
	refused("other types", sql, plain.Next, nil, int64(0))
	refused("not authenticated", sql, plain.Next, key, 0)
	refused("no Key", sql, keyed.Next, nil, 0)
	refused("another key", sql, keyed.Next, []byte("other"), 0)
	refused("is not one", sql, "~", nil, 0)
	refused("is not one", sql, base64.StdEncoding.EncodeToString([]byte{1, 2}), nil, 0)
	for of, k := range map[string][]byte{plain.Next: nil, keyed.Next: key} {
		for i := range of {
			refused("", sql, of[:i]+string('A'+(of[i]+1-'A')%26)+of[i+1:], k, 0)
			if i > 0 {
				refused("", sql, of[:i], k, 0)
			}
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(plain.Next)
	require.NoError(t, err)
	require.Contains(t, string(raw), "50", "as documented, who has it can read it")
	givenBack(t, db)
}

// kinds are the columns that random orders are of, with how a value of each is made of a small random number.
var kinds = []struct{ name, ddl, value string }{
	{"i", "int", "(%[1]d - 3)"}, {"b", "boolean", "(%[1]d %% 2 = 0)"}, {"big", "bigint not null", "(%[1]d::bigint << 40)"},
	{"n", "numeric", "(array[1.0, 1.00, 'NaN', -2, 'Infinity', 0.1, 1e30])[%[1]d + 1]::numeric"},
	{"f", "double precision", "(array['NaN', '-0', '0', 0.1, '1e300', '-Infinity', 0.30000000000000004])[%[1]d + 1]::float8"},
	{"r", "real", "(%[1]d / 3.0)::real"},
	{"c", `text collate "C"`, "(array['', 'a', 'B', 'ä', 'a''b\\\"', 'z ', 'a, b'])[%[1]d + 1]"},
	{"w", "text", "(array['', 'a', 'B', 'ä', 'A', 'z ', 'b'])[%[1]d + 1]"},
	{"icu", `text collate "und-x-icu"`, "(array['', 'a', 'B', 'ä', 'A', 'b', '-a'])[%[1]d + 1]"},
	{"v", `varchar(20) collate "C" not null`, "'v' || %[1]d %% 3"}, {"ch", `char(5) collate "C"`, "(array['a', 'a ', 'b', 'B', '', 'c', 'cc'])[%[1]d + 1]"},
	{"d", "date", "date '0001-01-01' - 5 + %[1]d * 2"}, {"ts", "timestamp(3)", "timestamp '2020-02-29 23:59:59.999' + %[1]d * interval '1 ms'"},
	{"tz", "timestamptz not null", "(array['infinity', '-infinity', '0044-03-15 12:00:00+01 BC', '2020-01-01', '2020-01-01 00:00:00.000001', '294000-01-01', 'epoch'])[%[1]d + 1]::timestamptz"},
	{"ti", "time", "time '10:00' + %[1]d * interval '1 us'"}, {"iv", "interval", "(array['1 mon', '30 days', '-1 day +2:00', '0', '1 year', '-1 mon', '720:00:00'])[%[1]d + 1]::interval"},
	{"u", "uuid", "md5('%[1]d')::uuid"}, {"by", "bytea", "decode(md5('%[1]d'), 'hex')"}, {"ip", "inet", "inet '10.0.0.1' + %[1]d"},
	{"bits", "bit(4)", "%[1]d::bit(4)"}, {"arr", "int[]", "array[%[1]d, null, 1]"}, {"texts", `text[] collate "C"`, "array['a,b', null, 'x%[1]d\"']"},
}

// TestPagesAreTheResultOfOneServer compares pages over four shards, one of them empty, with one server that has all rows.
func TestPagesAreTheResultOfOneServer(t *testing.T) {
	servers := pgtest.SharedN(t, 2)
	f := onServers(t, servers...)
	for i, id := range []shard.ID{"s2", "s3"} {
		second := pgtest.Database(t, servers[i])
		instance := f.cfg.Instances[fmt.Sprintf("i%d", i)]
		pgtest.Exec(t, servers[i], second, fmt.Sprintf("alter database %s owner to %s", second, instance.Credentials.Migrator.User))
		f.cfg.Shards[id] = router.Shard{Instance: fmt.Sprintf("i%d", i), Database: second}
	}
	f.init()
	ddl := "create table things (tenant_id bigint not null, id int not null"
	for _, k := range kinds {
		ddl += ", " + k.name + " " + k.ddl
	}
	ddl += ", primary key (tenant_id, id));"
	for i, id := range []shard.ID{"s0", "s1", "s2", "s3"} {
		_, err := f.migrator(id).Exec(t.Context(), ddl+"select keyway.shard_table('things', 'tenant_id'); grant select on things to "+f.apps[i%2])
		require.NoError(t, err)
	}
	db := f.open()
	oracle := pgtest.Conn(t, servers[0], "postgres", pgtest.Database(t, servers[0]))
	pgtest.Exec(t, servers[0], oracle.Config().Database, ddl)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s2", 0), tenantOn(t, db, "s2", 1)}
	for n, tenant := range tenants {
		sql := "insert into things values "
		for id := range 8 {
			if id > 0 {
				sql += ", "
			}
			sql += fmt.Sprintf("(%d, %d", tenant, id)
			for _, k := range kinds {
				if !strings.HasSuffix(k.ddl, "not null") && rnd.IntN(3) == 0 {
					sql += ", null"
				} else {
					sql += ", " + fmt.Sprintf(k.value, rnd.IntN(7))
				}
			}
			sql += ")"
		}
		_, err := oracle.Exec(t.Context(), sql)
		require.NoError(t, err)
		columns := []string{"tenant_id", "id"}
		for _, k := range kinds {
			columns = append(columns, k.name)
		}
		_, err = f.migrator([]shard.ID{"s0", "s1", "s2", "s2"}[n]).Exec(t.Context(), strings.Replace(sql, "things", "things ("+strings.Join(columns, ", ")+")", 1))
		require.NoError(t, err)
	}
	type row struct {
		TenantID int64
		ID       int
	}
	for range 30 {
		sql := "select tenant_id, id, " + kinds[rnd.IntN(len(kinds))].name + " as x from things where id < $1"
		if rnd.IntN(3) == 0 {
			sql += " or b"
		}
		order := []string{"tenant_id", "id"}
		for range rnd.IntN(4) {
			order = append(order, kinds[rnd.IntN(len(kinds))].name)
		}
		if rnd.IntN(5) == 0 {
			order = append(order, "icu") // a server finishes these
		}
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if rnd.IntN(4) == 0 {
			order = append(order, []string{"3", "x"}[rnd.IntN(2)])
		}
		for i := range order {
			order[i] += []string{"", " asc", " desc"}[rnd.IntN(3)] + []string{"", "", " nulls first", " nulls last"}[rnd.IntN(4)]
		}
		sql += " order by " + strings.Join(order, ", ")
		limit := rnd.IntN(10)
		rows, err := oracle.Query(t.Context(), "select tenant_id, id from ("+sql+") x", limit)
		require.NoError(t, err, sql)
		want, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		require.NoError(t, err, sql)
		size := 1 + rnd.IntN(len(want)+2)
		got, _ := pages[paged](t, db.Scatter(), router.Text(sql, limit), router.PageOptions{Size: size, Key: []byte("k")})
		require.Len(t, got, len(want), sql)
		for i := range want {
			require.Equal(t, want[i], row{got[i].TenantID, got[i].ID}, "row %d of %s, pages of %d", i, sql, size)
		}
	}
}

type paged struct {
	TenantID int64
	ID       int
	X        any
}

package differential

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// cornerSchema has a column of each type whose equality, order or text is easily got wrong.
const cornerSchema = `
create domain slug as text collate "C";
create domain pos as int check (value > -100);
create type mood as enum ('sad', 'ok', 'happy');
create type pt as (a text collate "C", b int);
create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create domain lslug as text collate loose;
create type textr as range (subtype = text, collation = "C");
create table facts (tenant_id bigint not null, id bigint not null, g text, h text collate "C", nm name, sl slug, ls lslug, lg text collate loose,
 c char(4), vc varchar(3), bp bit(3), vb varbit, n numeric, m numeric(6,2), f float8, r real, i int, s int2, b bigint, ok boolean, iv interval,
 at timestamptz, ts timestamp, d date, t time, tz timetz, u uuid, tags text[], ctags text[] collate "C", ia int[], na numeric[], rg int4range, mr int4multirange, nr numrange, xr textr, ip inet, cd cidr, mac macaddr,
 j jsonb, js json, x money, md mood, mds mood[], p pos, pt pt, pts pt[], k bytea, date date, upper int, "Sum" int, count int, q "char", slot2 int,
 primary key (tenant_id, id));
create table orders (tenant_id bigint not null, id bigint not null, state text, total int, primary key (tenant_id, id));
create table legs (region text not null, num int not null, id int not null, km int, primary key (region, num, id));
create table stops (num int not null, place text, region text not null, id int not null, primary key (num, region, id));
create table plans (id int primary key, name text, price numeric);
insert into plans select i, 'plan ' || i % 3, i * 1.5 from generate_series(0, 6) i;
`

func cornerValues(r *rand.Rand, tenant int64, id int) string {
	w := func(v ...string) string {
		if r.IntN(6) == 0 {
			return "null"
		}
		return v[r.IntN(len(v))]
	}
	return strings.Join([]string{fmt.Sprint(tenant), fmt.Sprint(id),
		w("'a'", "'A'", "'b'", "'B'", "'ä'", "''", "'a b'", "'_a'", "'ab'", "'a-b'"), // g
		w("'a'", "'A'", "'b'", "'B'", "'_b'"),                                        // h
		w("'a'", "'B'", "'b'", "'_c'"),                                               // nm
		w("'a'", "'B'", "'b'", "'_c'"),                                               // sl
		w("'a'", "'A'", "'b'", "'B'"), w("'a'", "'A'", "'b'", "'B'"),
		w("'a'", "'a '", "'B'", "'b'", "'ab'", "''"), w("'a'", "'a '", "'B'", "'b'"),
		w("B'101'", "B'001'", "B'110'"), w("B'1'", "B'10'", "B'0'", "B'101'"),
		w("1", "1.0", "1.00", "'NaN'", "'Infinity'", "'-Infinity'", "0", "-0.5", "1e20", "0.1", "0.10", "123456789012345678901234567890.123"),
		w("1.5", "1.25", "0", "-3", "100.01"),
		w("0.0", "'-0.0'", "'NaN'", "'Infinity'", "'-Infinity'", "0.1", "1e300", "1", "0.30000000000000004", "0.3"),
		w("0.1", "'-0'", "0", "'NaN'", "1e30", "2.5"),
		fmt.Sprint(r.IntN(5) - 1), w("1", "2", "-7", "300"), w("1", "9007199254740993", "9007199254740992", "-9223372036854775807"),
		w("true", "false"), w("'1 mon'", "'30 days'", "'720 hours'", "'1 day'", "'24 hours'", "'-1 day'", "'0'", "'1.5 s'"),
		w("'2026-01-01 00:00Z'", "'2026-01-01 01:00+01'", "'infinity'", "'-infinity'", "'0044-03-15 00:00 BC'", "'2026-03-29 01:30Z'", "'2026-10-25 00:30Z'"),
		w("'2026-01-01'", "'0001-01-01 BC'", "'infinity'", "'2026-01-01 12:00:00.000001'"),
		w("'2026-01-01'", "'0044-03-15 BC'", "'infinity'", "'2026-01-02'", "'10000-01-01'"),
		w("'00:00'", "'24:00'", "'12:00:00.5'"), w("'00:00+00'", "'01:00+01'", "'23:00-01'", "'00:00-02'", "'24:00+00'"),
		w("'00000000-0000-0000-0000-000000000001'", "'ffffffff-0000-0000-0000-000000000001'"),
		w("'{a,b}'", "'{}'", "'{B}'", "'{NULL,a}'", "'{a,NULL}'", `'{"NULL"}'`, "'{{a,b},{c,d}}'", "'[2:3]={a,b}'", `'{"a,b","c\"d"}'`),
		w("'{a,b}'", "'{B}'", "'{b}'", "'{}'"),
		w("'{1,2}'", "'{NULL}'", "'{}'", "'{1,NULL}'", "'{1}'", "'{2,1}'", "'{{1},{2}}'"), w("'{1.0}'", "'{1.00}'", "'{NaN}'", "'{2}'"),
		w("'[1,3)'", "'empty'", "'(,5)'", "'[1,2]'", "'[3,)'"), w("'{}'", "'{[1,3),[5,6)}'", "'{(,)}'"), w("'[1.0,2]'", "'[1.00,2.0]'", "'empty'"), w("'[a,b]'", "'[B,b)'"),
		w("'10.0.0.1'", "'10.0.0.1/8'", "'::1'", "'9.255.0.0/16'"), w("'10.0.0.0/8'", "'10.0.0.0/16'", "'::/0'"), w("'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
		w(`'1'`, `'1.0'`, `'"a"'`, `'"B"'`, `'null'`, `'[1,2]'`, `'{"a":1}'`, `'{"b":1,"a":2}'`, `'{}'`, `'[]'`, "'true'"), w(`'{"a": 1}'`, `'{"a":1}'`, "'null'", "'[1, 2]'"),
		w("1", "-2.5", "1000000"), w("'sad'", "'ok'", "'happy'"), w("'{sad,happy}'", "'{}'", "'{ok}'", "'{NULL}'"), w("1", "2", "-5"),
		w("'(a,1)'", "'(B,1)'", "'(b,)'", "'(,)'", `'("a b",2)'`, `'(_c,2)'`), w(`'{"(a,1)"}'`, "'{}'", `'{"(B,)",NULL}'`),
		w(`'\x'`, `'\x00'`, `'\x6100'`, `'\xff'`), w("'2026-01-01'", "'2025-01-01'"), w("1", "2"), w("5", "6"), w("7", "8"), w("'a'", "'b'", "''"), w("1"),
	}, ", ")
}

const cornerRegister = "select keyway.shard_table(t, 'region', 'num') from unnest(array['legs', 'stops']::regclass[]) t;"

const cornerColumns = `tenant_id, id, g, h, nm, sl, ls, lg, c, vc, bp, vb, n, m, f, r, i, s, b, ok, iv, at, ts, d, t, tz, u, tags, ctags, ia, na, rg, mr, nr, xr, ip, cd, mac, j, js, x, md, mds, p, pt, pts, k, date, upper, "Sum", count, q, slot2`

func newCornerWorld(t *testing.T, r *rand.Rand) *scatterWorld {
	clusters := pgtest.SharedN(t, scatterServers)
	set := testkit.New(t, clusters, cornerSchema+factsRegister+cornerRegister, testkit.Database(pgtest.Linguistic))
	oneName := pgtest.Database(t, clusters[0], pgtest.Linguistic)
	w := &scatterWorld{set: set, one: pgtest.Conn(t, clusters[0], localpg.Superuser, oneName)}
	_, err := w.one.Exec(t.Context(), "create type other as enum ('x');"+cornerSchema)
	require.NoError(t, err)
	insert, supers := w.inserter(t, func() bool { return r.IntN(3) == 0 }, "facts", "orders", "legs", "stops")
	for tenant := int64(1); tenant <= 20; tenant++ {
		if route, err := set.DB.Route(shard.Int64(tenant)); err != nil || route.Shard == testkit.ID(3) {
			continue
		}
		for id := range r.IntN(7) {
			insert("facts", cornerColumns, cornerValues(r, tenant, id), shard.Int64(tenant))
		}
		for id := range r.IntN(4) {
			insert("orders", "tenant_id, id, state, total", fmt.Sprintf("%d, %d, %s, %d", tenant, id, []string{"'new'", "'paid'", "null"}[r.IntN(3)], r.IntN(5)), shard.Int64(tenant))
		}
	}
	for _, region := range []string{"a", "A", "b", "a-b", "ab"} { // two columns make the key: regions and numbers meet again elsewhere
		for num := range 4 {
			key := shard.Composite(shard.String(region), shard.Int64(int64(num)))
			for id := range r.IntN(4) {
				insert("legs", "region, num, id, km", fmt.Sprintf("'%s', %d, %d, %d", region, num, id, r.IntN(4)), key)
				insert("stops", "region, num, id, place", fmt.Sprintf("'%s', %d, %d, '%s'", region, num, id+r.IntN(2)*10, []string{"x", "y", "X"}[r.IntN(3)]), key)
			}
		}
	}
	const guard = `do $$ declare t record; begin
		for t in select tgrelid::regclass as rel, tgname from pg_trigger where tgrelid in ('facts'::regclass, 'orders'::regclass, 'legs'::regclass, 'stops'::regclass) and not tgisinternal loop
			execute format('alter table %s enable always trigger %I', t.rel, t.tgname);
		end loop; end $$; analyze`
	for _, conn := range supers {
		_, err := conn.Exec(t.Context(), guard)
		require.NoError(t, err)
	}
	return w
}

// corner is a statement of testdata/corners*.sql.
type corner struct {
	line    string
	sql     string
	args    []any
	ordered bool // "!": the order is total
	refused bool // "?"
	fails   bool // "~": a server refuses it
}

func readCorners(t *testing.T, name string) (all []corner) {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for n, line := range strings.Split(string(text), "\n") {
		c := corner{line: fmt.Sprintf("%s:%d", name, n+1), sql: strings.TrimSpace(line)}
		if c.sql == "" || c.sql[0] == '#' {
			continue
		}
		for marks := true; marks; {
			switch c.sql[0] {
			case '!':
				c.ordered = true
			case '?':
				c.refused = true
			case '~':
				c.fails = true
			default:
				marks = false
				continue
			}
			c.sql = strings.TrimSpace(c.sql[1:])
		}
		sql, args, ok := strings.Cut(c.sql, " -- ")
		if c.sql = sql; ok {
			for a := range strings.SplitSeq(args, " ;; ") {
				c.args = append(c.args, cornerArgument(a))
			}
		}
		all = append(all, c)
	}
	return all
}

// cornerArgument reads nil, a number, or a text between quotes.
func cornerArgument(text string) any {
	if text == "nil" {
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return strings.Trim(text, "'")
}

// TestDifferentialCorners are statements written by hand whose answer is easily got wrong: what a name or a position
// stands for, whose collation an expression has, values that are equal and print differently, groups that are empty. The
// databases sort as people do, so that a collation that is mistaken shows.
func TestDifferentialCorners(t *testing.T) {
	corners := append(readCorners(t, "testdata/corners.sql"), readCorners(t, "testdata/corners_implicit.sql")...)
	w := newCornerWorld(t, rand.New(rand.NewPCG(1, 5)))
	answered, refused, failed := 0, 0, 0
	for i, c := range corners {
		handles := []*router.ScatterDB{w.set.DB.Scatter(), w.set.DB.Scatter(router.MaxConns(2))}
		columns, got, err := raw(t.Context(), handles[i%2], c.sql, c.args, c.ordered)
		if reason := refusal(err); reason != "" || c.refused {
			assert.True(t, c.refused && reason != "", "%s: %s\nrefused: %v", c.line, c.sql, err)
			refused++
			continue
		}
		wantColumns, want, wantErr := raw(t.Context(), w.one, c.sql, c.args, c.ordered)
		if c.fails {
			var a, b *pgconn.PgError
			assert.True(t, errors.As(err, &a) && errors.As(wantErr, &b) && a.Code == b.Code, "%s: %s\nthrough the router: %v\non one server: %v",
				c.line, c.sql, err, wantErr)
			failed++
			continue
		}
		if assert.NoError(t, err, "%s: %s", c.line, c.sql) && assert.NoError(t, wantErr, "%s: %s", c.line, c.sql) {
			assert.Equal(t, wantColumns, columns, "%s: %s", c.line, c.sql)
			assert.True(t, slices.Equal(want, got), "%s: %s\n%s", c.line, c.sql, firstDifference(got, want))
			answered++
		}
	}
	t.Logf("%d answered as by one server, %d refused, %d failed alike", answered, refused, failed)
}

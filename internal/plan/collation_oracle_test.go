package plan_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// collatedSchema has a column of each way to have a collation, and of types that have none.
const collatedSchema = `
create collation mine (provider = libc, locale = 'POSIX');
create domain slug as text collate "C";
create domain word as text;
create type mood as enum ('sad', 'ok');
create type textr as range (subtype = text, collation = "C");
create table t (k bigint primary key, g text, h text collate "C", p text collate "POSIX", w text collate mine, nm name, c char(4), vc varchar(9) collate "C",
	sl slug, wd word, ar text[], car text[] collate "C", j jsonb, js json, i int, d timestamptz, md mood, xr textr, tv tsvector, q "char");
insert into t values (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', '{j}', '{k}', '{"a": "b", "l": ["x"]}', '{"a": "b"}', 1, '2026-01-01', 'ok', '[a,b)', 'a b', 'x');
create table u (k bigint primary key, g text, h text collate "C");
insert into u values (1, 'a', 'b');`

// collated is the registry of that schema, as the servers' catalogs tell it.
func collated(t *testing.T, conn *pgx.Conn) *catalog.Registry {
	var tables []*catalog.Table
	for _, name := range []string{"t", "u"} {
		tab := &catalog.Table{Schema: "public", Name: name, Kind: catalog.Sharded, Key: key("k", shard.Int8), HasSlot: true}
		rows, err := conn.Query(t.Context(), `select attname, format_type(atttypid, atttypmod), l.collisdeterministic is false,
			case when l.collname is null or l.collname = 'default' then '' else format('%s.%I', l.collnamespace::regnamespace::text, l.collname) end
			from pg_attribute a left join pg_collation l on l.oid = attcollation where attrelid = $1::text::regclass and attnum > 0 order by attnum`, name)
		require.NoError(t, err)
		for rows.Next() {
			var c catalog.Column
			require.NoError(t, rows.Scan(&c.Name, &c.Type, &c.Loose, &c.Collation))
			tab.Columns = append(tab.Columns, c)
		}
		require.NoError(t, rows.Err())
		tab.Columns = append(tab.Columns, catalog.Column{Name: "slot", Type: "smallint"})
		tables = append(tables, tab)
	}
	return catalog.NewRegistry(1, tables...)
}

// ruled are expressions and the FROM that they are of: one for each rule of PostgreSQL's derivation.
var ruled = []string{
	"g from t", "h from t", "w from t", "nm from t", "nm::text from t", "lower(nm) from t", "sl from t", "sl || 'x' from t", "coalesce(h, 'z') from t",
	"coalesce(g, h) from t", "coalesce(g, sl) from t", "nullif(h, g) from t", "greatest(vc, g) from t", "case when h = 'a' then g else 'x' end from t",
	"case when g = 'a' then h end from t", "lower(h) from t", "concat(g, h) from t", "concat_ws('-', g, nm) from t", "format('%s', h) from t",
	"substring(h from 1 for 2) from t", "trim(h) from t", "overlay(h placing 'x' from 1) from t", "h collate \"POSIX\" from t", "lower(h collate \"POSIX\") from t",
	"(h collate \"POSIX\") || g from t", "h || (g collate \"default\") from t", "ar[1] from t", "car[1] from t", "(array[g, h])[1] from t", "array_to_string(car, ',') from t",
	"(string_to_array(h, ','))[1] from t", "(regexp_match(h, '.'))[1] from t", "j->>'a' from t", "j->>h from t", "j#>>car from t", "j->'a'->>'b' from t",
	"jsonb_extract_path_text(j, 'a') from t", "jsonb_extract_path_text(j, h) from t", "length(h)::text from t", "(h = 'a')::text from t", "i::text || h from t",
	"to_char(d, 'YYYY') from t", "to_char(d, h) from t", "md::text from t", "md::text || h from t", "lower(xr) from t", "q::text from t", "g::varchar(3) from t",
	"h::varchar(3) from t", "h::char(3) from t", "date_trunc(h, d)::text from t where false", "(select h from u where u.k = t.k) from t", "(select g from u where u.k = t.k) || h from t",
	"(select h collate \"POSIX\" from u where u.k = t.k) || g from t", "(array(select h from u where u.k = t.k))[1] from t", "x from t, unnest(ar) x", "x from t, unnest(car) x",
	"x.y from t, unnest(car) x(y)", "x.y from t, unnest(car) with ordinality x(y, n)", "x.y from t, unnest(ar, car) x(z, y)", "lexeme from t, unnest(tv)", "x.lexeme from t, unnest(tv) x",
	"e.key from t, jsonb_each_text(j) e", "e.value from t, jsonb_each_text(j) e", "e.value from t, jsonb_array_elements_text(j->'l') e", "e.x from t, jsonb_array_elements_text(j->'l') e(x)",
	"e->>'a' from t, jsonb_array_elements(j->'l') e", "e.value->>'a' from t, jsonb_array_elements(j->'l') e", "value from t, jsonb_array_elements_text(j->'l') e",
	"x from t, jsonb_object_keys(j) x", "x from t, regexp_split_to_table(h, ',') x", "x from t, string_to_table(g, ',') x", "string_to_table from t, string_to_table(h, ',')",
	"r.name from t, jsonb_to_record(j) r(name text)", "r.name from t, jsonb_to_record(j) r(name varchar, x int)", "x.h from (select h from t) x", "x.y from (select h || g as y from t) x",
	"x.y || g from (select g, h collate \"POSIX\" as y from t) x", "x.y || x.h from (select h, g collate \"default\" as y from t) x", "v.x from t, (values (1, 'a')) v(n, x)",
	"v.x from t, (values ('a' collate \"C\"), ('b')) v(x)", "v.x from t, lateral (values (t.h), (t.g)) v(x)", "x.y from t, lateral (select t.h as y) x",
	"x.y from (select h as y from t union all select g from u) x", "x.y from (select g as y from t union all select g from u) x",
	"x.y from (select g collate \"POSIX\" as y from t union all select h from u) x", "h from t join u using (k, h)", "c.y from t, lateral (with c as (select t.h as y) select y from c) c",
	"quote_literal(i) from t", "quote_literal(h) from t", "chr(i) from t", "max(h) from t", "max(lower(h)) from t", "min(g) from t",
	"string_agg(h, g) from t", "string_agg(h, ',') from t", "(array_agg(h))[1] from t", "max(i)::text from t", "lag(h) over () from t", "(select h from u where u.k = t.k limit 1) from t",
	"(select h from unnest(ar) h limit 1) from t", "(select h from jsonb_array_elements_text(j->'l') h limit 1) from t", "(select value from jsonb_array_elements_text(j->'l') h limit 1) from t",
	"(select p from unnest(ar) x limit 1) from t", "(select t.p from unnest(ar) p limit 1) from t", "wd from t", "wd || h from t",
}

// TestCollationsAreThoseThatPostgreSQLDerives asks a server for the collation of every expression.
func TestCollationsAreThoseThatPostgreSQLDerives(t *testing.T) {
	cluster := pgtest.Shared(t)
	conn := pgtest.Conn(t, cluster, "postgres", pgtest.Database(t, cluster))
	_, err := conn.Exec(t.Context(), collatedSchema)
	require.NoError(t, err)
	reg := collated(t, conn)
	var unknown []string
	for _, x := range ruled {
		checkCollation(t, conn, reg, x, func(known, derived bool) {
			if known && !derived {
				unknown = append(unknown, x)
			}
		})
	}
	require.Equal(t, []string{ // whether a name is a column or a whole value depends on types that are not known here
		"x.y from t, unnest(ar, car) x(z, y)", "lexeme from t, unnest(tv)", "(select h from unnest(ar) h limit 1) from t",
		"(select h from jsonb_array_elements_text(j->'l') h limit 1) from t",
	}, unknown)

	n, seed := diffSize(t, 1000)
	r := rand.New(rand.NewPCG(seed, 0))
	both, onlyServer, neither := 0, 0, 0
	for range n {
		checkCollation(t, conn, reg, textOf(r, 3)+" from t", func(known, derived bool) {
			switch {
			case known && derived:
				both++
			case known:
				onlyServer++
			default:
				neither++
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("of %d random expressions (KEYWAY_SEED=%d) %d have the server's collation, %d are known to the server only, %d to none", n, seed, both, onlyServer, neither)
	require.Greater(t, both, 10*onlyServer)
}

// checkCollation compares what the plan says with the server, and says whether the two know the collation.
func checkCollation(t *testing.T, conn *pgx.Conn, reg *catalog.Registry, x string, tell func(known, derived bool)) {
	expr, from := cutFrom(x)
	want, err := viewCollation(t, conn, "select "+expr+" as y from "+from)
	if err != nil {
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, x)
		if refused.Code == "42P21" { // COLLATE against COLLATE
			return
		}
		require.Equal(t, "42P22", refused.Code, x) // column against column
	}
	have, known, err := plan.FirstCollation("select "+expr+" as y from "+from, reg, "public")
	require.NoError(t, err, x)
	tell(want != "", known)
	if !known {
		return
	}
	if have == "" {
		have = `"default"`
	}
	bare := func(name string) string {
		return strings.Trim(strings.TrimPrefix(strings.TrimPrefix(name, "pg_catalog."), "public."), `"`)
	}
	assert.Equal(t, want, bare(have), x)
}

// viewCollation is the collation of the column of a view, "" when its type has none.
func viewCollation(t *testing.T, conn *pgx.Conn, query string) (name string, err error) {
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	if _, err = tx.Exec(t.Context(), "create temp view v as "+query, pgx.QueryExecModeSimpleProtocol); err != nil {
		return "", err
	}
	err = tx.QueryRow(t.Context(), "select coalesce(max(collname), '') from pg_attribute join pg_collation l on l.oid = attcollation where attrelid = 'v'::regclass").Scan(&name)
	require.NoError(t, err)
	return name, nil
}

// cutFrom cuts an expression from the FROM behind it, which is the first outside of parentheses.
func cutFrom(x string) (expr, from string) {
	depth := 0
	for i := range x {
		switch {
		case x[i] == '(':
			depth++
		case x[i] == ')':
			depth--
		case depth == 0 && strings.HasPrefix(x[i:], " from "):
			return x[:i], x[i+len(" from "):]
		}
	}
	panic("no FROM: " + x)
}

// textOf is a random expression that is text.
func textOf(r *rand.Rand, depth int) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	leaf := one("g", "g", "h", "p", "w", "c", "vc", "sl", "wd", "nm::text", "'x'", "ar[1]", "car[1]", "j->>'a'", "md::text", "i::text", "q::text", "xr::text", "d::text")
	if depth == 0 {
		return leaf
	}
	sub := func() string { return textOf(r, depth-1) }
	switch r.IntN(16) {
	case 0:
		return "coalesce(" + sub() + ", " + sub() + ")"
	case 1:
		return "(" + sub() + ") || (" + sub() + ")"
	case 2:
		return one("lower", "upper", "trim", "reverse", "md5", "initcap", "quote_literal", "ltrim") + "(" + sub() + ")"
	case 3:
		return "case when " + sub() + " is null then " + sub() + " else " + sub() + " end"
	case 4:
		return "((" + sub() + ") collate " + one(`"C"`, `"POSIX"`, `"default"`, `pg_catalog."C"`) + ")"
	case 5:
		return "(" + sub() + ")::" + one("text", "varchar", "varchar(5)", "char(3)")
	case 6:
		return one("greatest", "least", "nullif") + "(" + sub() + ", " + sub() + ")"
	case 7:
		return "replace(" + sub() + ", 'a', " + sub() + ")"
	case 8:
		return "(array[" + sub() + ", " + sub() + "])[1]"
	case 9:
		return "(j->>(" + sub() + "))"
	case 10:
		return one("length", "ascii", "octet_length") + "(" + sub() + ")::text"
	case 11:
		return fmt.Sprintf("(select %s from u where u.k = t.k)", one("g", "h", "lower(h)", `g collate "POSIX"`, "u.h || t.g", "coalesce(u.g, t.p)"))
	case 12:
		return "concat(i, " + sub() + ", " + sub() + ")"
	case 13:
		return "(string_to_array(" + sub() + ", ','))[1]"
	case 14:
		return "to_char(d, " + sub() + ")"
	default:
		return leaf
	}
}

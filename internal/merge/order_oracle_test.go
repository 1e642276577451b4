package merge_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/merge"
)

// specimens are the interesting values of a type, and an SQL expression for random ones.
type specimens struct {
	typ    string
	values []string
	random string
}

func types() []specimens {
	signs := "(case when random() < 0.5 then -1 else 1 end)"
	return []specimens{
		{"boolean", []string{"t", "f"}, "random() < 0.5"},
		{"smallint", []string{"0", "-1", "32767", "-32768"}, "((random() - 0.5) * 65000)::smallint"},
		{"integer", []string{"0", "-1", "2147483647", "-2147483648"}, "((random() - 0.5) * 4e9)::int"},
		{"bigint", []string{"0", "-1", "9223372036854775807", "-9223372036854775808"}, "((random() - 0.5) * 1.8e19)::bigint"},
		{"oid", []string{"0", "1", "4294967295", "2147483648"}, "(random() * 4294967295)::bigint::oid"},
		{"xid8", []string{"0", "1", "18446744073709551615", "9223372036854775808"}, "(random() * 9e18)::bigint::text::xid8"},
		{"real", []string{"NaN", "Infinity", "-Infinity", "0", "-0", "1e-45", "-1e-45", "3.4028235e38", "1.1754944e-38"},
			"(" + signs + " * random() * 10 ^ (random() * 60 - 30))::real"},
		{"double precision", []string{"NaN", "Infinity", "-Infinity", "0", "-0", "5e-324", "-5e-324", "1.7976931348623157e308", "0.1", "0.30000000000000004"},
			signs + " * random() * 10 ^ (random() * 600 - 300)"},
		{"numeric", []string{"NaN", "Infinity", "-Infinity", "0", "0.000", "-0.0", "1", "1.0", "1.000000000", "10000", "9999", "9999.9999", "10000.0001",
			"0.0001", "0.00010", "0.00009999", "1e-20", "1e-16383", "1e131071", "-1e131071", "100000000", "100000000.0", "99999999", "100010000", "100000001",
			"123456789.123456789", "-123456789.1234567890", "0.1", "0.01", "0.001", "-0.1", "-0.10"},
			"round((" + signs + " * random() * 10 ^ (random() * 24 - 8))::numeric, (random() * 12)::int)"},
		{"numeric(30,10)", []string{"0", "1", "1.5", "-1.5", "NaN"}, "(" + signs + " * random() * 1e9)::numeric(30,10)"},
		{"date", []string{"infinity", "-infinity", "2000-01-01", "1999-12-31", "2000-02-29", "2000-03-01", "0001-01-01", "0001-01-01 BC", "4713-11-24 BC",
			"0044-03-15 BC", "5874897-12-31", "1900-02-28", "1900-03-01", "0005-02-28 BC", "0005-03-01 BC", "0001-12-31 BC", "9999-12-31", "10000-01-01"},
			"'2000-01-01'::date + ((random() - 0.5) * 4000000)::int * (case when random() < 0.5 then 1 else 0 end) + (random() * 1000)::int"},
		{"time", []string{"00:00", "24:00", "23:59:59.999999", "12:00:00.5", "12:00:00.500001", "12:00:00.05"}, "(random() * interval '24 hours')::time"},
		{"time with time zone", []string{"12:00+00", "13:00+01", "11:00-01", "12:00+01", "00:00-15:59", "24:00+15:59:59", "12:00:00.5+05:30", "06:30:00.5+00", "12:00:00.000001-03:30:01"},
			"((random() * interval '24 hours')::time::text || to_char((random() * 30 - 15)::int, 'S00'))::timetz"},
		{"timestamp", []string{"infinity", "-infinity", "2000-01-01 00:00", "1999-12-31 23:59:59.999999", "4714-11-24 00:00 BC", "0001-12-31 23:59:59.5 BC", "0001-01-01 00:00",
			"294276-12-31 23:59:59.999999", "2016-12-31 23:59:60", "2000-02-29 12:00", "2000-02-29 12:00:00.000001"},
			"'2000-01-01'::timestamp + (random() - 0.5) * interval '6000 years'"},
		{"timestamptz", []string{"infinity", "-infinity", "2000-01-01 00:00+00", "2000-01-01 01:00+01", "1999-12-31 23:59:59.999999+00", "4714-11-24 00:00+00 BC", "0001-12-31 23:59:59.5+00 BC",
			"294276-12-31 23:59:59.999999+00", "1850-01-01 00:00+00", "1883-11-18 12:00+00"},
			"'2000-01-01'::timestamptz + (random() - 0.5) * interval '6000 years'"},
		{"interval", []string{"0", "1 month", "30 days", "720 hours", "29 days 24 hours", "-1 month", "-30 days", "1 year", "12 months", "360 days", "365 days",
			"1 mon -1 day", "-1 mon +1 day", "1 day -24 hours", "-1 day +24:00:00.000001", "178000000 years", "-178000000 years", "2147483647 days", "-2147483648 days",
			"2147483647 hours", "178956970 years 7 months 2147483647 days 2562047788 hours 54 s", "-178956970 years -8 months -2147483648 days",
			"00:00:00.000001", "-00:00:00.000001", "1 year 2 mons -3 days +04:05:06.7", "-1 year -2 mons +3 days -04:05:06.7"},
			"make_interval(months => ((random() - 0.5) * 50)::int, days => ((random() - 0.5) * 900)::int, secs => (random() - 0.5) * 1e6)"},
		{"uuid", []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "01234567-89ab-cdef-0123-456789abcdef"}, "gen_random_uuid()"},
		{"bytea", []string{`\x`, `\x00`, `\x0000`, `\x01`, `\x0001`, `\x00ff`, `\xff`, `\xffff`, `\xff00`, `\x0100`, `\x5c78`}, "decode(repeat(md5(random()::text), (random() * 2)::int), 'hex')"},
		{`"char"`, []string{"a", "Z", "", "~", `\`}, `chr(1 + (random() * 126)::int)::"char"`},
		{"name", []string{"", "a", "A", "ab", "a b", "é", "zz"}, "md5(random()::text)::name"},
		{`text collate "C"`, []string{"", " ", "a", "A", "ab", "a ", "a\tb", "é", "e", "z", "~", "\U0001F600", "\uffff", "日本", "\x01", "aa\x01"}, "substr(md5(random()::text), 1, (random() * 8)::int)"},
		{`varchar(40) collate "C"`, []string{"", "a", "a ", "a  ", "a\tb", "ab"}, "substr(md5(random()::text), 1, (random() * 8)::int)"},
		{`char(9) collate "C"`, []string{"", "a", "a ", "a\t", "a\x01", "ab", "a b"}, "substr(md5(random()::text), 1, (random() * 8)::int)"},
		{`bpchar collate "C"`, []string{"", "a", "a   ", "a\t", "a\x01", "ab", "a b"}, "substr(md5(random()::text), 1, (random() * 8)::int)"},
		{"mood", []string{"sad", "ok", "happy", "a b", "", `q"uote,d`}, "(enum_range(null::mood))[1 + (random() * 5)::int]"},
		{"pg_lsn", []string{"0/0", "0/1", "1/0", "FFFFFFFF/FFFFFFFF", "16/B374D848", "A/0"}, "'0/0'::pg_lsn + (random() * 1e18)::bigint::numeric"},
		{"inet", []string{"10.0.0.1", "10.0.0.1/8", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.0.0.0/16", "10.1.0.0/16", "0.0.0.0/0", "255.255.255.255", "1.2.3.4/0", "::", "::/0", "::1", "::ffff:1.2.3.4",
			"::ffff:1.2.3.4/96", "::1.2.3.4", "2001:db8::1/32", "2001:db8::/32", "2001:db8::/33", "fe80::1/10", "192.168.1.5/24", "192.168.1.5/25", "192.168.1.4/24"},
			"set_masklen('0.0.0.0'::inet + (random() * 4294967295)::bigint, (random() * 32)::int)"},
		{"cidr", []string{"10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32", "10.128.0.0/9", "0.0.0.0/0", "::/0", "2001:db8::/32"}, "network(set_masklen('0.0.0.0'::inet + (random() * 4294967295)::bigint, (random() * 32)::int))"},
		{"macaddr", []string{"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"}, "substr(md5(random()::text), 1, 12)::macaddr"},
		{"macaddr8", []string{"00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03:04:05"}, "substr(md5(random()::text), 1, 16)::macaddr8"},
		{"bit(10)", []string{"0000000000", "1111111111", "1000000000", "0000000001"}, "(random() * 1023)::int::bit(10)"},
		{"bit varying", []string{"", "0", "00", "1", "10", "100000000", "1000000000", "00000000", "000000000", "11111111", "111111110"}, "substring((random() * 1e9)::int::bit(30)::varbit from 1 for (random() * 30)::int)"},
	}
}

// arrays makes specimens of the type's array: of random values, empty, with NULL, of more dimensions, with other bounds.
func (s specimens) arrays() specimens {
	base, collation, _ := strings.Cut(s.typ, " collate ")
	typ := base + "[]"
	if collation != "" {
		typ += " collate " + collation
	}
	quoted := make([]string, len(s.values))
	for i, v := range s.values {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	a, b := quoted[0], quoted[1]
	values := []string{
		"{}", "{NULL}", "{NULL,NULL}", "{" + a + "}", "{" + b + "}", "{" + a + ",NULL}", "{" + a + "," + a + "}", "{" + a + "," + b + "}", "{NULL," + a + "}",
		"{{" + a + "}}", "{{" + a + "},{" + b + "}}", "{{" + a + "," + b + "}}", "[0:0]={" + a + "}", "[-2:-1]={" + a + "," + b + "}", "[5:5][2:3]={{" + a + "," + b + "}}",
		"{{{" + a + "}}}", "{" + strings.Join(quoted, ",") + "}",
	}
	for _, q := range quoted {
		values = append(values, "{"+q+"}", "{"+a+","+q+"}")
	}
	random := fmt.Sprintf("(select array_agg(case when random() < 0.1 then null else (%s)::%s end) from generate_series(1, 1 + ((random() * 4)::int + i) %% 4))", s.random, base)
	return specimens{typ: typ, values: values, random: random}
}

const randomValues = 150

func TestKeysSortAsTheServerDoes(t *testing.T) {
	conn := connect(t, pgtest.Database(t, pgtest.Shared(t)))
	_, err := conn.Exec(within(t), `create type mood as enum ('sad', 'happy', '', 'a b', 'q"uote,d'); alter type mood add value 'ok' before 'happy'`)
	require.NoError(t, err)
	enum := moodOf(t, conn)
	seen := map[uint32]bool{}
	for _, s := range types() {
		for _, s := range []specimens{s, s.arrays()} {
			t.Run(s.typ, func(t *testing.T) { seen[checkOrder(t, conn, s, enum)] = true })
		}
	}
	for oid, name := range merge.Keyed() {
		require.True(t, seen[oid], "no specimens of %s", name)
	}
}

// moodOf reads the enum as a catalog would give it.
func moodOf(t testing.TB, conn *pgx.Conn) merge.SortColumn {
	var c merge.SortColumn
	err := conn.QueryRow(within(t), `select 'mood'::regtype::oid, 'mood[]'::regtype::oid,
		(select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = 'mood'::regtype)`).Scan(&c.LabelsOf, &c.LabelArray, &c.Labels)
	require.NoError(t, err)
	c.Bytewise = true
	return c
}

type ranked struct {
	key   []byte
	print string
	rank  int
}

func checkOrder(t *testing.T, conn *pgx.Conn, s specimens, c merge.SortColumn) (oid uint32) {
	ctx := within(t)
	_, err := conn.Exec(ctx, "drop table if exists specimens; create table specimens (v "+s.typ+")")
	require.NoError(t, err)
	for _, v := range s.values {
		_, err := conn.Exec(ctx, "insert into specimens values ($1)", pgx.QueryExecModeSimpleProtocol, v)
		require.NoError(t, err, v)
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("insert into specimens select %s from generate_series(1, %d) i", s.random, randomValues))
	require.NoError(t, err)

	for _, format := range []int16{0, 1} {
		rows, err := conn.Query(ctx, "select v, v::text, (dense_rank() over (order by v))::int from specimens order by random()", pgx.QueryExecModeDescribeExec,
			pgx.QueryResultFormats{format, 0, 1})
		require.NoError(t, err)
		defer rows.Close()
		var all []ranked
		for rows.Next() {
			oid = rows.FieldDescriptions()[0].DataTypeOID
			raw := rows.RawValues()
			key, ok := merge.Key(oid, format, c, raw[0])
			require.True(t, ok, "format %d cannot be read: %s", format, raw[1])
			all = append(all, ranked{key: key, print: string(raw[1]), rank: int(int32(uint32(raw[2][0])<<24 | uint32(raw[2][1])<<16 | uint32(raw[2][2])<<8 | uint32(raw[2][3])))})
		}
		require.NoError(t, rows.Err())
		require.Greater(t, len(all), randomValues)
		slices.SortStableFunc(all, func(a, b ranked) int { return bytes.Compare(a.key, b.key) })
		for i := 1; i < len(all); i++ {
			a, b := all[i-1], all[i]
			require.Equal(t, b.rank-a.rank, min(1, bytes.Compare(b.key, a.key)), "format %d: %s then %s", format, a.print, b.print)
			require.False(t, len(a.key) < len(b.key) && bytes.HasPrefix(b.key, a.key), "the key of %s begins that of %s", a.print, b.print)
		}
	}
	return oid
}

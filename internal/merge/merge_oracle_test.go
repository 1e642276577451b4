package merge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// divided is a set whose tables p0, p1, ... are a random division of the table whole.
type divided struct {
	*set

	random *rand.Rand
	mood   merge.SortColumn
}

const mostParts = 8

// columns of whole that can be sorted by, with what a sort column needs to know.
var sortable = []string{"flag", "small", "n", "big", "f", "num", "d", "ts", "iv", "u", "b", "c", "en", "arr", "net"}

func newDivided(t testing.TB) *divided {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &divided{set: newSet(t, mostParts), random: rand.New(rand.NewPCG(seed, 1))}
	s.exec(`create type mood as enum ('sad', 'ok', 'happy')`)
	s.exec(fmt.Sprintf("select setseed(%g)", s.random.Float64()))
	null := func(expr string) string { return "case when random() < 0.15 then null else " + expr + " end" }
	s.exec(`create table whole as select id::int,
		(random() * 7)::int as part,
		` + null("random() < 0.5") + ` as flag,
		` + null("(random() * 4)::smallint") + ` as small,
		` + null("(random() * 6 - 3)::int") + ` as n,
		` + null("(random() * 1e18)::bigint * 9") + ` as big,
		` + null("('{NaN,Infinity,-Infinity,0,-0,1.5,-2.25}'::float8[])[1 + (random() * 6)::int]") + ` as f,
		` + null("('{NaN,1,1.0,1.00,-1,0,0.00,12345.678,10000,Infinity}'::numeric[])[1 + (random() * 9)::int]") + ` as num,
		` + null("round((random() * 1000 - 500)::numeric, (random() * 5)::int)") + ` as money,
		` + null("('{infinity,-infinity,2000-02-29,0044-03-15 BC,1999-12-31}'::date[])[1 + (random() * 4)::int]") + ` as d,
		` + null("('{infinity,-infinity,2000-02-29 12:00:00.5,1850-03-15}'::timestamptz[])[1 + (random() * 3)::int]") + ` as ts,
		` + null("('{1 mon,30 days,720:00:00,-1 day,24:00:00}'::interval[])[1 + (random() * 4)::int]") + ` as iv,
		` + null("md5((random() * 5)::int::text)::uuid") + ` as u,
		` + null(`(array['\x', '\x00', '\x0001', '\xff']::bytea[])[1 + (random() * 3)::int]`) + ` as b,
		` + null(`(array['', 'a', 'A', 'é', 'a b', 'q"\,{}', 'NULL', 'z']::text[])[1 + (random() * 7)::int]`) + ` collate "C" as c,
		` + null(`(array['', 'a', 'A', 'é', 'e', 'a b', 'B', 'z', '-a']::text[])[1 + (random() * 8)::int]`) + ` as words,
		` + null("(enum_range(null::mood))[1 + (random() * 2)::int]") + ` as en,
		` + null("('{\"{}\",\"{1}\",\"{1,2}\",\"{NULL}\"}'::text[])[1 + (random() * 3)::int]::int[]") + ` as arr,
		` + null("('{10.0.0.1,10.0.0.0/8,::1,10.0.0.1/8}'::inet[])[1 + (random() * 3)::int]") + ` as net
		from generate_series(1, 600) id`)
	for i := range mostParts {
		s.exec(fmt.Sprintf("create table p%d (like whole)", i))
	}
	s.mood = moodOf(t, s.admin)
	return s
}

// divide puts every row into one of n parts, of which some stay empty.
func (s *divided) divide() int {
	n := 1 + s.random.IntN(mostParts)
	for i := range mostParts {
		s.exec(fmt.Sprintf("truncate p%d", i))
		if i < n {
			s.exec(fmt.Sprintf("insert into p%d select * from whole where least(part, %d) = %d", i, n-1, i))
		}
	}
	return n
}

// one is what the single server answers.
func (s *divided) one(sql string, args ...any) []string {
	s.t.Helper()
	rows, err := s.admin.Query(within(s.t), sql, args...)
	require.NoError(s.t, err, sql)
	return prints(s.t, rows)
}

// parts asks every part for sql, with the table's name for %s.
func (s *divided) parts(n int, sql string, args ...any) []merge.Input {
	return s.ask(func(i int) string { return strings.ReplaceAll(sql, "%s", fmt.Sprintf("p%d", i)) }, args...)[:n]
}

func (s *divided) pick(of []string, least, most int) []string {
	of = slices.Clone(of)
	s.random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:least+s.random.IntN(most-least+1)]
}

func TestMergedRowsAreThoseOfOneServer(t *testing.T) {
	s := newDivided(t)
	for range 12 {
		parts := s.divide()
		for range 8 {
			s.compareOrdered(parts)
		}
	}
}

func (s *divided) compareOrdered(parts int) {
	columns := s.pick(sortable, 1, 3)
	ties := s.random.IntN(3) == 0
	if !ties {
		columns = append(columns, "id")
	}
	order := make([]merge.SortColumn, len(columns))
	items := make([]string, len(columns))
	for i, c := range columns {
		order[i] = s.mood
		order[i].Index, order[i].Desc, order[i].NullsFirst = 2+i, s.random.IntN(2) == 0, s.random.IntN(2) == 0
		items[i] = c + map[bool]string{true: " desc", false: ""}[order[i].Desc] + map[bool]string{true: " nulls first", false: " nulls last"}[order[i].NullsFirst]
	}
	orderBy := " order by " + strings.Join(items, ", ")
	offset, limit := s.random.IntN(20), s.random.IntN(60)
	opt := merge.Options{Hidden: len(columns), Offset: int64(offset), WithTies: ties}
	tail, pushed := fmt.Sprintf(" offset %d", offset), ""
	if ties || s.random.IntN(3) > 0 {
		opt.Limit = merge.AtMost(int64(limit))
		with := map[bool]string{true: "with ties", false: "only"}[ties]
		tail += fmt.Sprintf(" fetch first %d rows %s", limit, with)
		pushed = fmt.Sprintf(" fetch first %d rows %s", offset+limit, with)
	}
	if s.random.IntN(3) == 0 {
		opt.Wave = 1 + s.random.IntN(parts)
	}
	format := pgx.QueryResultFormats{int16(s.random.IntN(2))}
	selected := "select id, num, " + strings.Join(columns, ", ")
	want := s.one("select id, num from whole"+orderBy+tail, format)
	rows := merge.Ordered(within(s.t), s.parts(parts, selected+" from %s"+orderBy+pushed, format), order, opt)
	got := prints(s.t, rows)
	if ties {
		// Of rows that sort equal only the number is determined, and at the offset not even which of them.
		require.Len(s.t, got, len(want), "%s %s", orderBy, tail)
		if offset == 0 {
			require.ElementsMatch(s.t, want, got, "%s %s", orderBy, tail)
		}
		return
	}
	require.Equal(s.t, want, got, "%s %s", orderBy, tail)
}

func TestFoldedAggregatesAreThoseOfOneServer(t *testing.T) {
	s := newDivided(t)
	of := s.mood
	aggregates := map[string]merge.FoldColumn{
		"count(*)": {Aggregate: merge.Count}, "count(n)": {Aggregate: merge.Count}, "sum(small)": {Aggregate: merge.Sum}, "sum(n)": {Aggregate: merge.Sum},
		"sum(big)": {Aggregate: merge.Sum}, "sum(num)": {Aggregate: merge.Sum}, "sum(money)": {Aggregate: merge.Sum}, "min(n)": {Aggregate: merge.Min}, "max(big)": {Aggregate: merge.Max},
		"min(f + 0)": {Aggregate: merge.Min}, "max(f + 0)": {Aggregate: merge.Max}, "min(money)": {Aggregate: merge.Min}, "max(c)": {Aggregate: merge.Max, Of: of}, "min(c)": {Aggregate: merge.Min, Of: of},
		"max(d)": {Aggregate: merge.Max}, "min(ts)": {Aggregate: merge.Min}, "max(en)": {Aggregate: merge.Max, Of: of}, "min(en)": {Aggregate: merge.Min, Of: of},
		"bool_and(flag)": {Aggregate: merge.And}, "every(n > 1)": {Aggregate: merge.And}, "bool_or(flag)": {Aggregate: merge.Or}, "bit_and(small)": {Aggregate: merge.BitAnd},
		"bit_or(n)": {Aggregate: merge.BitOr}, "bit_xor(big)": {Aggregate: merge.BitXor}, "bit_xor(n)": {Aggregate: merge.BitXor}, "sum(0.000::numeric)": {Aggregate: merge.Sum},
		"sum(num) filter (where num < 1e9)": {Aggregate: merge.Sum},
	}
	names := make([]string, 0, len(aggregates))
	for name := range aggregates {
		names = append(names, name)
	}
	slices.Sort(names)
	for range 25 {
		parts := s.divide()
		for range 4 {
			some := s.pick(names, 1, 8)
			columns := make([]merge.FoldColumn, len(some))
			for i, name := range some {
				columns[i] = aggregates[name]
			}
			where := []string{"", " where n > 0", " where false", " where id < 4", " where num is null"}[s.random.IntN(5)]
			format := pgx.QueryResultFormats{int16(s.random.IntN(2))}
			if slices.Contains(some, "sum(num)") {
				format[0] = 0 // an infinite numeric carries a meaningless scale in binary
			}
			want := s.one("select "+strings.Join(some, ", ")+" from whole"+where, format)
			got := prints(s.t, merge.Fold(within(t), s.parts(parts, "select "+strings.Join(some, ", ")+" from %s"+where, format), columns, merge.Options{}))
			require.Equal(t, want, got, "%v%s", some, where)
		}
	}
}

func TestFoldOverflowsAsTheServerDoes(t *testing.T) {
	s := newSet(t, 2)
	for _, n := range []string{"9223372036854775807", "-9223372036854775808"} {
		for format := range int16(2) {
			rows := merge.Fold(within(t), s.all("select '"+n+"'::int8 as sum", pgx.QueryResultFormats{format}), []merge.FoldColumn{{Aggregate: merge.Sum}}, merge.Options{})
			require.False(t, rows.Next())
			var pg *pgconn.PgError
			require.ErrorAs(t, rows.Err(), &pg)
			require.Equal(t, "22003", pg.Code)
			require.Equal(t, "bigint out of range", pg.Message)
			s.clean()
		}
	}
}

func TestFoldRefusesWhatItCannotFollow(t *testing.T) {
	s := newSet(t, 2)
	for expr, c := range map[string]merge.FoldColumn{
		"sum(1::float8)":         {Aggregate: merge.Sum},
		"sum('1 day'::interval)": {Aggregate: merge.Sum},
		"max('a'::text)":         {Aggregate: merge.Max},
		"bit_and(b'1')":          {Aggregate: merge.BitAnd},
		"count(*)::int":          {Aggregate: merge.Count},
	} {
		rows := merge.Fold(within(t), s.all("select "+expr), []merge.FoldColumn{c}, merge.Options{})
		require.False(t, rows.Next())
		require.ErrorIs(t, rows.Err(), merge.ErrNotFoldable, expr)
		s.clean()
	}
	for _, sql := range []string{"select 1::int8 where false", "select 1::int8 union all select 2"} {
		rows := merge.Fold(within(t), s.all(sql), []merge.FoldColumn{{Aggregate: merge.Sum}}, merge.Options{})
		require.False(t, rows.Next())
		require.ErrorContains(t, rows.Err(), "aggregates without GROUP BY gave")
		s.clean()
	}
}

package merge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/merge"
)

var asText = pgx.QueryResultFormats{0}

// pieces reads a template: #1 is a column, $1 a parameter, #from the collected rows.
func pieces(t testing.TB, s string) (all []merge.Piece) {
	for s != "" {
		i := strings.IndexAny(s, "#$")
		if i < 0 {
			return append(all, merge.Text(s))
		}
		all = append(all, merge.Text(s[:i]))
		if rest, ok := strings.CutPrefix(s[i:], "#from"); ok {
			all, s = append(all, merge.From()), rest
			continue
		}
		require.Less(t, i+1, len(s))
		n := int(s[i+1] - '1')
		if s[i] == '#' {
			all = append(all, merge.Column(n))
		} else {
			all = append(all, merge.Param(n))
		}
		s = s[i+2:]
	}
	return all
}

// split is a statement, what each shard runs instead, and what one server finishes with.
type split struct{ whole, part, final string }

// aggregate is an aggregate of a group, its partial columns, and how they are put together; %d count from #1.
type aggregate struct {
	whole    string
	partials []string
	final    string
}

var grouped = []aggregate{
	{"count(*)", []string{"count(*)"}, "coalesce(sum(%s), 0)::int8"},
	{"sum(n)", []string{"sum(n)"}, "sum(%s)::int8"},
	{"sum(big)", []string{"sum(big)"}, "sum(%s)"},
	{"sum(num)", []string{"sum(num)"}, "sum(%s)"},
	{"avg(n)", []string{"sum(n::numeric)", "count(n)"}, "sum(%s) / nullif(sum(%s), 0)"},
	{"avg(money)", []string{"sum(money)", "count(money)"}, "sum(%s) / nullif(sum(%s), 0)"},
	{"min(words)", []string{"min(words)"}, "min(%s)"},
	{"max(f + 0)", []string{"max(f + 0)"}, "max(%s)"},
	{"max(en)", []string{"max(en)"}, "max(%s)"},
	{"array_agg(id order by id)", []string{"array_agg(id order by id)"}, "array(select v from unnest(string_to_array(string_agg(array_to_string(%s, ','), ','), ',')::int[]) v order by v)"},
	{"bool_and(flag)", []string{"bool_and(flag)"}, "bool_and(%s)"},
	{"bit_xor(n)", []string{"bit_xor(n)"}, "bit_xor(%s)"},
	{"sum(iv)", []string{"sum(iv)"}, "sum(%s)"},
}

func (s *divided) randomSplit() (split, []any) {
	keys := s.pick([]string{"flag", "small", "n + 1", "words", "c", "en", "d", "arr", "u", "upper(words)"}, 0, 2)
	aggs := s.random.Perm(len(grouped))[:1+s.random.IntN(4)]
	var whole, part, final, order []string
	for i, k := range keys {
		whole, part, final = append(whole, k), append(part, k), append(final, fmt.Sprintf("#%d", i+1))
		order = append(order, fmt.Sprint(i+1))
	}
	column := len(keys)
	for _, i := range aggs {
		a := grouped[i]
		whole = append(whole, a.whole)
		names := make([]any, 0, 2)
		for _, p := range a.partials {
			column++
			part, names = append(part, p), append(names, fmt.Sprintf("#%d", column))
		}
		final = append(final, fmt.Sprintf(a.final, names...))
	}
	sp := split{"select " + strings.Join(whole, ", ") + " from whole", "select " + strings.Join(part, ", ") + " from %s", "select " + strings.Join(final, ", ") + " from #from"}
	if len(keys) == 0 {
		return sp, nil
	}
	by := strings.Join(order, ", ")
	// The number of rows that a group must have, on one server and over all parts.
	part, having := append(part, "count(*)"), fmt.Sprintf(" having sum(#%d) > $1", column+1)
	sp.whole += " group by " + by + " having count(*) > $1 order by " + by
	sp.part = "select " + strings.Join(part, ", ") + " from %s group by " + by
	sp.final += " group by " + by + having + " order by " + by
	return sp, []any{s.random.IntN(8)}
}

func TestFinishedAggregatesAreThoseOfOneServer(t *testing.T) {
	s := newDivided(t)
	var names merge.TypeNames
	for range 12 {
		parts := s.divide()
		for range 8 {
			sp, args := s.randomSplit()
			want := s.one(sp.whole, args...)
			collected, err := merge.Collect(within(t), s.parts(parts, sp.part, asText), merge.Options{})
			require.NoError(t, err, sp.part)
			rows, err := collected.Finish(within(t), s.sessions[0].conn, &names, merge.Template{Pieces: pieces(t, sp.final)}, args...)
			require.NoError(t, err, sp.final)
			require.Equal(t, want, prints(t, rows), sp.whole)
		}
	}
}

func TestEveryTypeSurvivesTheJourney(t *testing.T) {
	s := newSet(t, 1)
	s.exec(`create type mood as enum ('sad', 'happy', '', 'a b', 'q"uote,d', 'ok'); create type pair as (a int, b text); create domain posint as int check (value > 0)`)
	all := types()
	for _, one := range types() {
		all = append(all, one.arrays())
	}
	all = append(all,
		specimens{"json", []string{`{"a": 1,  "b":[null]}`, `"x\"y"`}, `json_build_object('a', random())`},
		specimens{"jsonb", []string{`{"a": 1.0}`, `[1.00, null]`, `"x\\y"`}, `jsonb_build_array(random(), 'ü')`},
		specimens{"pair", []string{"(1,x)", "(,)", `(2,"a,b""c")`}, "row(i, md5(random()::text))::pair"},
		specimens{"pair[]", []string{"{}", `{"(1,x)"}`}, "array[row(i, 'x,y')::pair]"},
		specimens{"posint[]", []string{"{1}"}, "array[i]"},
		specimens{"int4range", []string{"empty", "[1,2)", "(,)"}, "int4range(i, i + 3)"},
		specimens{"tsvector", []string{"'a':1 'b':2"}, "to_tsvector('simple', md5(random()::text))"},
		specimens{"point", []string{"(1,2)"}, "point(random(), random())"},
		specimens{"money", []string{"1.5", "-2"}, "(random() * 1000)::numeric::money"},
		specimens{"xml", []string{"<a>1</a>", "x"}, "xmlelement(name a, i)"},
		specimens{"timestamp(2)", []string{"2000-01-01 00:00:00.125"}, "now()::timestamp"},
		specimens{"varchar(3)", []string{"", "abc"}, "substr(md5(random()::text), 1, 3)"},
		specimens{"bit(3)", []string{"101"}, "b'110'"},
		specimens{"regclass", []string{"pg_class"}, "'pg_type'::regclass"},
	)
	var names merge.TypeNames
	for _, one := range all {
		t.Run(one.typ, func(t *testing.T) {
			ctx := within(t)
			s.exec("drop table if exists specimens; create table specimens (id int generated always as identity, v " + one.typ + "); insert into specimens(v) values (null)")
			for _, v := range one.values {
				_, err := s.admin.Exec(ctx, "insert into specimens(v) values ($1)", pgx.QueryExecModeSimpleProtocol, v)
				require.NoError(t, err, v)
			}
			s.exec("insert into specimens(v) select " + one.random + " from generate_series(1, 30) i")
			// A plan that another table of this name has left is of no use.
			require.NoError(t, s.sessions[0].conn.DeallocateAll(ctx))
			collected, err := merge.Collect(ctx, s.all("select id, v from specimens", asText), merge.Options{})
			require.NoError(t, err)
			// Binary, so that not even what prints equal may differ.
			rows, err := collected.Finish(ctx, inBinary{s.sessions[0].conn}, &names, merge.Template{Pieces: pieces(t, "select #2, pg_typeof(#2)::text from #from order by #1")})
			require.NoError(t, err)
			got := prints(t, rows)
			require.NoError(t, s.admin.DeallocateAll(ctx))
			want, err := s.admin.Query(ctx, "select v, pg_typeof(v)::text from specimens order by id", pgx.QueryResultFormats{1, 0})
			require.NoError(t, err)
			require.Equal(t, prints(t, want), got)
		})
	}
}

// inBinary asks for the first column in binary format.
type inBinary struct{ *pgx.Conn }

func (b inBinary) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if strings.Contains(sql, "format_type") {
		return b.Conn.Query(ctx, sql, args...)
	}
	return b.Conn.Query(ctx, sql, append([]any{pgx.QueryResultFormats{1, 0}}, args...)...)
}

func TestCollectHoldsNoMoreThanItsBudget(t *testing.T) {
	s := newSet(t, 3)
	_, err := merge.Collect(within(t), s.all("select generate_series(1, 100000000)::text", asText), merge.Options{Budget: 100_000})
	var large *merge.TooLargeError
	require.ErrorAs(t, err, &large)
	require.EqualValues(t, 100_000, large.Budget)
	s.clean()
}

func TestCollectRefusesWhatHasNoTextToReadBack(t *testing.T) {
	s := newSet(t, 2)
	_, err := merge.Collect(within(t), s.all("select row(1, 2)", asText), merge.Options{})
	require.ErrorIs(t, err, merge.ErrNotCollectable)
	s.clean()
	_, err = merge.Collect(within(t), s.all("select 1::int8"), merge.Options{})
	require.ErrorIs(t, err, merge.ErrNotCollectable, "binary")
	s.clean()
}

func TestWidenedColumnIsNotCutToTheNarrower(t *testing.T) {
	s := newSet(t, 2)
	for first := range 2 {
		collected, err := merge.Collect(within(t), s.ask(func(i int) string {
			if i == first {
				return "select 'ab'::varchar(2) as v, 1.2::numeric(3,1) as n"
			}
			return "select 'abcdef'::varchar(6) as v, 1.234::numeric(6,3) as n"
		}, asText), merge.Options{})
		require.NoError(t, err)
		rows, err := collected.Finish(within(t), s.sessions[0].conn, &merge.TypeNames{}, merge.Template{Pieces: pieces(t, "select max(#1)::text || max(#2)::text from #from")})
		require.NoError(t, err)
		require.Equal(t, []string{`|"abcdef1.234"`}, prints(t, rows))
		s.clean()
	}
}

func TestFinishUsesTheCollationOfTheTemplate(t *testing.T) {
	s := newSet(t, 1)
	collected, err := merge.Collect(within(t), s.all(`select v from unnest(array['a', 'B', 'c']) v`, asText), merge.Options{})
	require.NoError(t, err)
	for collation, want := range map[string]string{`pg_catalog."C"`: "Bac", `pg_catalog."en-x-icu"`: "aBc"} {
		template := merge.Template{Pieces: pieces(t, "select string_agg(#1, '' order by #1) from #from"), Collations: map[int]string{0: collation}}
		rows, err := collected.Finish(within(t), s.sessions[0].conn, &merge.TypeNames{}, template)
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprintf("|%q", want)}, prints(t, rows))
	}
}

func TestSettingsAreThoseThatValuesPrintWith(t *testing.T) {
	conn := connect(t, pgtest.Database(t, pgtest.Shared(t)))
	for name := range merge.Settings {
		var v string
		require.NoError(t, conn.QueryRow(within(t), "select current_setting($1)", name).Scan(&v), name)
	}
}

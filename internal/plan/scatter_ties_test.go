package plan_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
)

// tied is a statement that leaves PostgreSQL a choice, and what is not left to it.
type tied struct {
	sql      string
	all      string // the same rows without DISTINCT, LIMIT and OFFSET: each row of the result is one of these
	by       []int  // the outputs that decide the order, or the group of DISTINCT ON: they must be as one server's
	distinct bool   // no two rows of the result are equal
}

func (g *generator) tied() tied {
	cols := []string{"f.g", "f.h", "f.i", "f.ok", "f.m", "f.n", "f.iv", "f.d", "f.i % 2", "f.tags", "upper(f.g)"}
	g.r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
	outs := slices.Clone(cols[:1+g.r.IntN(3)])
	from := " from " + pick(g, []string{"facts f", "facts f left join plans p on p.id = f.i", "(select * from facts where id < 7) f"}) +
		pick(g, []string{"", " where f.i >= 0", " where f.id < " + g.fresh(int64(5)), " where f.ok is not false"})
	order := func(n int) string {
		var keys []string
		for i := range n {
			keys = append(keys, strconv.Itoa(i+1)+pick(g, []string{"", " desc", " nulls first", " desc nulls last"}))
		}
		return " order by " + strings.Join(keys, ", ")
	}
	limit := pick(g, []string{"", " limit 3", " limit " + g.fresh(int64(4)) + " offset 2", " fetch first 2 rows with ties", " limit 40"})
	t := tied{distinct: g.chance(0.3)}
	switch {
	case t.distinct:
		n := len(outs)
		if g.chance(0.4) {
			n = 0
		}
		t.sql = "select distinct " + strings.Join(outs, ", ") + from
		if n > 0 {
			t.sql += order(n) + limit
		}
		t.all = "select " + strings.Join(outs, ", ") + from
	case g.chance(0.4):
		on := 1 + g.r.IntN(len(outs))
		wide := strings.Join(append(slices.Clone(outs), "f.tenant_id", "f.id"), ", ")
		t.sql = "select distinct on (" + strings.Join(outs[:on], ", ") + ") " + wide + from + order(len(outs)) + limit
		t.all = "select " + wide + from
	default:
		wide := strings.Join(append(slices.Clone(outs), "f.tenant_id", "f.id"), ", ")
		t.sql, t.all = "select "+wide+from+order(len(outs))+limit, "select "+wide+from
	}
	if strings.Contains(t.sql, "order by") {
		for i := range outs {
			t.by = append(t.by, i)
		}
	}
	return t
}

// compareTied checks that a result is one that PostgreSQL may give.
func (w *world) compareTied(g *generator, c tied) {
	sql, args := g.numbered(c.sql)
	c.sql = sql
	s, err := plan.BuildScatter(c.sql, scatterRegistry, "app", false)
	if err != nil {
		w.counts["refused: "+reason(err)]++
		return
	}
	b, err := s.Bind(args)
	require.NoError(w.t, err)
	want, err := w.answer(w.oracle, c.sql, args)
	if err != nil {
		w.invalid(err)
		return
	}
	text, arguments := g.numbered(c.all)
	all, err := w.answer(w.oracle, text, arguments)
	require.NoError(w.t, err, c.all)
	got, err := w.gather(s, b)
	if err != nil {
		w.fail("error with shards only", c.sql, "", args, want.lines(0), err)
		return
	}
	wantKeys, gotKeys := inShort(want.only(c.by).lines(0)), inShort(got.only(c.by).lines(0))
	switch {
	case len(want.rows) != len(got.rows) || !slices.Equal(want.columns, got.columns):
		w.fail("another number of rows or columns", c.sql, "", args, want.lines(0), got.lines(0))
	case len(subtract(got.lines(0), all.lines(0))) > 0:
		w.fail("rows that there are not", c.sql, "", args, all.lines(0), got.lines(0))
	case !slices.Equal(wantKeys, gotKeys):
		w.fail("another order", c.sql, "", args, wantKeys, gotKeys)
	case c.distinct && w.distinct(got) != len(got.rows):
		w.fail("rows that are equal", c.sql, "", args, want.lines(0), got.lines(0))
	default:
		w.counts["accepted: right"]++
		w.counts["accepted: "+s.Combine.String()]++
		if !slices.Equal(want.lines(0), got.lines(0)) {
			w.counts["accepted: right, another choice"]++
		}
	}
}

// only takes columns of a result.
func (a answer) only(columns []int) answer {
	var b answer
	for _, row := range a.rows {
		line := make([]*string, 0, len(columns))
		for _, c := range columns {
			line = append(line, row[c])
		}
		b.rows = append(b.rows, line)
	}
	return b
}

// distinct counts the rows that PostgreSQL calls different.
func (w *world) distinct(a answer) int {
	n, err := w.answer(w.oracle, "select count(*) from (select distinct * from "+w.collected(a, nil)+") x", nil)
	require.NoError(w.t, err)
	count, err := strconv.Atoi(*n.rows[0][0])
	require.NoError(w.t, err)
	return count
}

// TestWhereOneServerHasAChoiceShardsGiveOneOfItsResults compares results that are not determined: which of the rows that
// tie stays, and in what order they come.
func TestWhereOneServerHasAChoiceShardsGiveOneOfItsResults(t *testing.T) {
	n, seed := diffSize(t, 200)
	r := rand.New(rand.NewPCG(seed, 4))
	w := newScatterWorld(t, scatterModel, append(diffRows(r), factRows(r)...))
	for range n {
		g := &generator{t: t, r: r}
		w.compareTied(g, g.tied())
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/3)
	require.Positive(t, w.counts["accepted: right, another choice"], "there is no tie in what is generated")
}

// A float's sum depends on the order of the rows: in a window with a whole order it is the same to the last bit, in one
// without it is the same but for rounding.
func TestWindowsOverFloatsAreThoseOfOneServer(t *testing.T) {
	_, seed := diffSize(t, 0)
	r := rand.New(rand.NewPCG(seed, 5))
	w := newScatterWorld(t, scatterModel, append(diffRows(r), factRows(r)...))
	for _, c := range []struct {
		over  string
		exact bool
	}{
		{"(partition by f.tenant_id order by f.id)", true},
		{"(partition by f.tenant_id order by f.id rows between 2 preceding and 1 following)", true},
		{"(partition by f.tenant_id, f.ok order by f.id desc range unbounded preceding)", true},
		{"(partition by f.tenant_id)", false},
		{"(partition by f.tenant_id, f.g order by f.i)", false},
	} {
		sql := fmt.Sprintf("select f.tenant_id, f.id, sum(f.f) over %[1]s, avg(f.f) over %[1]s from facts f order by f.tenant_id, f.id", c.over)
		s, err := plan.BuildScatter(sql, scatterRegistry, "app", false)
		require.NoError(t, err, sql)
		b, err := s.Bind(nil)
		require.NoError(t, err)
		want, err := w.answer(w.oracle, sql, nil)
		require.NoError(t, err)
		got, err := w.gather(s, b)
		require.NoError(t, err)
		require.Len(t, got.rows, len(want.rows))
		for i, row := range want.rows {
			for k, v := range row {
				switch {
				case c.exact || k < 2 || v == nil:
					require.Equal(t, v, got.rows[i][k], sql)
				default:
					x, _ := strconv.ParseFloat(*v, 64)
					y, _ := strconv.ParseFloat(*got.rows[i][k], 64)
					require.LessOrEqual(t, math.Abs(x-y), 1e-12*float64(len(want.rows)), sql)
				}
			}
		}
	}
	for _, sql := range []string{"select sum(f.f) over () from facts f", "select sum(f.f) over (partition by f.g) from facts f", "select sum(f.f) from facts f"} {
		s, err := plan.BuildScatter(sql, scatterRegistry, "app", false)
		if err == nil {
			var b *plan.ScatterBinding
			b, err = s.Bind(nil)
			require.NoError(t, err)
			_, err = w.gather(s, b)
		}
		require.Equal(t, "inexact", reason(err), sql)
	}
}

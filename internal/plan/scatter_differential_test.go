package plan_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// spread is a map in which shards own several ranges, one more than can be written as comparisons, and one that no key is in.
func spread(t *testing.T, keys map[string]shard.Key) *shard.Map {
	m, err := shard.Even(1, "s0", "s1", "s2")
	require.NoError(t, err)
	used := map[shard.Slot]bool{}
	for _, k := range keys {
		used[k.Slot()] = true
	}
	given := 0
	for lo := shard.Slot(1000); lo < 16000 && given < 9; lo += 1000 {
		to := shard.ID("s1")
		if !used[lo] && given%3 == 0 {
			to = "s3"
		} else if used[lo] {
			continue
		}
		m, err = m.Move(lo, lo, to)
		require.NoError(t, err)
		given++
	}
	return m
}

// newScatterWorld has each row on the shard that owns it, and a third of the rows on another one too, as during a move.
func newScatterWorld(t *testing.T, of model, rows []rowText) *world {
	w := &world{t: t, model: of, m: spread(t, of.keys), shards: map[shard.ID]*pgx.Conn{}, counts: map[string]int{}}
	w.oracle = w.database(rows, func(rowText) bool { return true })
	for _, id := range w.m.Shards() {
		w.shards[id] = w.database(rows, func(r rowText) bool { return w.onShard(r, id) || r.key != "" && copied(r, id) })
	}
	return w
}

func copied(r rowText, id shard.ID) bool {
	h := fnv.New32()
	_, _ = h.Write([]byte(r.table + r.key + r.values + string(id)))
	return h.Sum32()%3 == 0
}

// table is a result as the server sends it, in text.
type answer struct {
	columns []plan.ResultColumn
	rows    [][]*string
}

func (w *world) answer(c *pgx.Conn, sql string, args []any) (answer, error) {
	rows, err := c.Query(context.Background(), sql, append([]any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{0}}, args...)...)
	if err != nil {
		return answer{}, err
	}
	var a answer
	for rows.Next() {
		line := make([]*string, 0, 8)
		for _, v := range rows.RawValues() {
			if v == nil {
				line = append(line, nil)
				continue
			}
			s := string(v)
			line = append(line, &s)
		}
		a.rows = append(a.rows, line)
	}
	for _, f := range rows.FieldDescriptions() {
		oid := f.DataTypeOID
		if oid >= 16384 { // a table's row type, which has another number in each database
			oid = pgtype.RecordOID
		}
		a.columns = append(a.columns, plan.ResultColumn{Name: f.Name, Type: oid})
	}
	return a, rows.Err()
}

func (a answer) lines(hidden int) []string {
	lines := make([]string, 0, len(a.rows))
	for _, row := range a.rows {
		var b strings.Builder
		for _, v := range row[:len(row)-hidden] {
			if v == nil {
				b.WriteString("∅ ")
				continue
			}
			b.WriteString(strconv.Quote(*v) + " ")
		}
		lines = append(lines, b.String())
	}
	return lines
}

// finish runs a final query over the rows, on the server that has all rows.
func (w *world) finish(f *plan.Final, a answer, args []any) (answer, error) {
	var b strings.Builder
	for _, p := range f.Pieces {
		switch p.Kind {
		case plan.FinalText:
			b.WriteString(p.Text)
		case plan.FinalColumn:
			fmt.Fprintf(&b, "kw.c%d", p.Index+1)
		case plan.FinalParam:
			fmt.Fprintf(&b, "$%d", p.Index+1)
		case plan.FinalFrom:
			b.WriteString(w.collected(a, f.Collations))
		}
	}
	sum, err := w.answer(w.oracle, b.String(), args)
	if err != nil {
		err = fmt.Errorf("final: %s: %w", b.String(), err)
	}
	return sum, err
}

// collected is an item of FROM with the rows.
func (w *world) collected(a answer, collations map[int]string) string {
	types, columns := make([]string, len(a.columns)), make([]string, len(a.columns))
	for i, c := range a.columns {
		require.NoError(w.t, w.oracle.QueryRow(context.Background(), "select format_type($1, -1)", c.Type).Scan(&types[i]))
		columns[i] = fmt.Sprintf("c%d", i+1)
		if collations[i] != "" {
			columns[i] = fmt.Sprintf("c%d collate %s as c%d", i+1, collations[i], i+1)
		}
	}
	rows := []string{"select null::" + strings.Join(types, ", null::") + " where false"}
	for _, row := range a.rows {
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = "null::" + types[i]
			if v != nil {
				values[i] = "'" + strings.ReplaceAll(*v, "'", "''") + "'::" + types[i]
			}
		}
		rows = append(rows, "select "+strings.Join(values, ", "))
	}
	names := make([]string, len(a.columns))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i+1)
	}
	return "(select " + strings.Join(columns, ", ") + " from (" + strings.Join(rows, " union all ") + ") as u(" + strings.Join(names, ", ") + ")) as kw"
}

// gather runs a plan: every shard's text, and what is left to do on the oracle's server.
func (w *world) gather(s *plan.Scatter, b *plan.ScatterBinding) (answer, error) {
	now := time.Now()
	var all answer
	asked := 0
	for i, id := range w.m.Shards() {
		var own []shard.Key
		for _, k := range b.Keys {
			if w.m.Owns(id, k.Slot()) {
				own = append(own, k)
			}
		}
		if b.Few && len(own) == 0 && (asked > 0 || i < len(w.m.Shards())-1) {
			continue
		}
		asked++
		text, args := b.Shard(plan.Unasked, w.m.RangesOf(id), own, now)
		for i, arg := range args {
			if keys, ok := arg.(plan.KeyArray); ok {
				args[i] = keys.Text()
			}
		}
		a, err := w.answer(w.shards[id], text, args)
		if err != nil {
			return all, fmt.Errorf("shard %s: %s: %w", id, text, err)
		}
		if all.columns != nil {
			require.Equal(w.t, all.columns, a.columns)
		}
		all.columns = a.columns
		all.rows = append(all.rows, a.rows...)
	}
	if s.Combine == plan.Concat {
		if b.Limit >= 0 && int64(len(all.rows)) > b.Limit {
			all.rows = all.rows[:b.Limit]
		}
		return all, nil
	}
	final, err := s.Final(all.columns)
	if err != nil {
		return all, err
	}
	return w.finish(final, all, b.FinalArgs(now))
}

// leftOpen reports whether PostgreSQL leaves open that a statement fails so: a cast that does not fit a value, or a division
// by zero, may be evaluated for rows that another condition leaves out, as the planner of each server sees fit. More than a
// few of them are something else.
func (w *world) leftOpen(err error) bool {
	const open = "accepted: fails on rows that one server happened to leave out before"
	w.counts[open]++
	return ofAValue(err) && w.counts[open] <= 2+w.counts["accepted: right"]/200
}

func (w *world) compareScatter(sql string, args []any, ordered bool) {
	s, err := plan.BuildScatter(sql, w.registry, "app", false)
	if err != nil {
		w.counts["refused: "+reason(err)]++
		w.refused(sql, args, err)
		return
	}
	b, err := s.Bind(args)
	switch {
	case err != nil:
		w.counts["refused by Bind: "+reason(err)]++
		return
	case s.Combine == 0, b.One != nil && b.One.Target != plan.ToKeyList:
		w.counts["one shard"]++
		return
	case len(s.Unmarked) > 0:
		w.counts["no slot column"]++
		return
	}
	want, err := w.answer(w.oracle, sql, args)
	if err != nil {
		w.invalid(err)
		return
	}
	text, _ := b.Shard(plan.Unasked, w.m.RangesOf("s0"), nil, time.Time{})
	got, err := w.gather(s, b)
	if err != nil {
		if reason(err) == "inexact" {
			w.counts["refused at last: inexact"]++
			return
		}
		if !w.leftOpen(err) {
			w.fail("error with shards only", sql, text, args, want.lines(0), err)
		}
		return
	}
	hidden := len(got.columns) - len(want.columns)
	if s.Combine == plan.Concat {
		hidden = 0
	}
	wantLines, gotLines := want.lines(0), got.lines(0)
	if !ordered {
		sort.Strings(wantLines)
		sort.Strings(gotLines)
	}
	switch {
	case hidden != 0 || !slices.Equal(want.columns, got.columns):
		w.fail("other columns", sql, text, args, want.columns, got.columns)
	case !slices.Equal(wantLines, gotLines) && (ordered || strings.HasPrefix(sql, "select distinct")) &&
		slices.Equal(withoutScale(wantLines), withoutScale(gotLines)):
		w.counts["accepted: right, of equal numerics another one"]++
	case !slices.Equal(wantLines, gotLines):
		w.fail("wrong rows ("+s.Combine.String()+")", sql, text, args, wantLines, gotLines)
	default:
		w.counts["accepted: right"]++
		if len(want.rows) > 0 {
			w.counts["accepted: right, with rows"]++
		}
		w.counts["accepted: "+s.Combine.String()]++
		if b.Few {
			w.counts["accepted: few"]++
		}
	}
}

var endsInZeros = regexp.MustCompile(`(\.\d*?)0+"`)

// withoutScale takes 0.0 and 0 for one: DISTINCT keeps either, and ORDER BY puts either first.
func withoutScale(lines []string) []string {
	short := inShort(lines)
	sort.Strings(short)
	return short
}

func inShort(lines []string) []string {
	short := make([]string, len(lines))
	for i, l := range lines {
		short[i] = strings.ReplaceAll(endsInZeros.ReplaceAllString(l, `$1"`), `."`, `"`)
	}
	return short
}

// TestScatteredStatementsGiveWhatOneServerGives runs random statements on shards that hold rows twice, puts the results
// together as the plan says, and compares with one server that has all rows. A statement may be refused; an accepted one
// may not differ.
func TestScatteredStatementsGiveWhatOneServerGives(t *testing.T) {
	n, seed := diffSize(t, 2000)
	r := rand.New(rand.NewPCG(seed, 3))
	w := newScatterWorld(t, scatterModel, append(diffRows(r), factRows(r)...))
	for i := range n {
		g := &generator{t: t, r: r, pin: 0.05}
		if i%2 == 0 {
			sql, ordered := g.grouped()
			sql, args := g.numbered(sql)
			w.compareScatter(sql, args, ordered)
			continue
		}
		sql, args := g.numbered(g.selectStatement())
		w.compareScatter(sql, args, false)
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

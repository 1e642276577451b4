package plan_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
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
func spread(t *testing.T) *shard.Map {
	m, err := shard.Even(1, "s0", "s1", "s2")
	require.NoError(t, err)
	used := map[shard.Slot]bool{}
	for _, k := range intKeys {
		used[shard.Int64(k).Slot()] = true
	}
	for _, k := range textKeys {
		used[shard.String(k).Slot()] = true
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
func newScatterWorld(t *testing.T, rows []rowText) *world {
	w := &world{t: t, m: spread(t), shards: map[shard.ID]*pgx.Conn{}, counts: map[string]int{}}
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

// parts is the relation of that name with the rows, as a WITH clause.
func (w *world) parts(a answer) string {
	names, types := make([]string, 0, len(a.columns)), make([]string, 0, len(a.columns))
	for i, c := range a.columns {
		var typ string
		require.NoError(w.t, w.oracle.QueryRow(context.Background(), "select format_type($1, null)", c.Type).Scan(&typ))
		names, types = append(names, fmt.Sprintf("c%d", i+1)), append(types, typ)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "with parts(%s) as (select ", strings.Join(names, ", "))
	for i, typ := range types {
		b.WriteString(map[bool]string{true: ", "}[i > 0] + "null::" + typ)
	}
	b.WriteString(" where false")
	for _, row := range a.rows {
		b.WriteString(" union all select ")
		for i, v := range row {
			b.WriteString(map[bool]string{true: ", "}[i > 0])
			if v == nil {
				b.WriteString("null::" + types[i])
				continue
			}
			b.WriteString("'" + strings.ReplaceAll(*v, "'", "''") + "'::" + types[i])
		}
	}
	return b.String() + ") "
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
		text, args := b.Shard(w.m.RangesOf(id), own, now)
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
	sum, err := w.answer(w.oracle, w.parts(all)+final, b.FinalArgs(now))
	if err != nil {
		return sum, fmt.Errorf("final: %s: %w", final, err)
	}
	return sum, nil
}

func (w *world) compareScatter(sql string, args []any, ordered bool) {
	s, err := plan.BuildScatter(sql, diffRegistry, "app", false)
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
	text, _ := b.Shard(w.m.RangesOf("s0"), nil, time.Time{})
	got, err := w.gather(s, b)
	if err != nil {
		if reason(err) == "inexact" {
			w.counts["refused at last: inexact"]++
			return
		}
		w.fail("error with shards only", sql, text, args, want.lines(0), err)
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

// TestScatteredStatementsGiveWhatOneServerGives runs random statements on shards that hold rows twice, puts the results
// together as the plan says, and compares with one server that has all rows. A statement may be refused; an accepted one
// may not differ.
func TestScatteredStatementsGiveWhatOneServerGives(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 3))
	w := newScatterWorld(t, diffRows(r))
	for range n {
		g := &generator{r: r, pin: 0.05}
		sql, args := g.numbered(g.selectStatement())
		w.compareScatter(sql, args, false)
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/20, "the generator makes too few statements that are accepted")
}

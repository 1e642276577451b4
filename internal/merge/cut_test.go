package merge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// suffices says by the definition, taking row after row, whether cut lists decide the first rows of all.
func suffices(lists [][]int64, cut, rows int) bool {
	at := make([]int, len(lists))
	for range rows {
		least := -1
		for i, l := range lists {
			if at[i] == cut && len(l) >= cut {
				return false
			}
			if at[i] < len(l) && (least < 0 || l[at[i]] < lists[least][at[least]]) {
				least = i
			}
		}
		if least < 0 {
			return true
		}
		at[least]++
	}
	return true
}

// TestACutMergeIsTheWholeOrFails compares cut inputs of every shape with the sorted rows of all: with ties, without rows,
// skewed, and longer or shorter than the limit.
func TestACutMergeIsTheWholeOrFails(t *testing.T) {
	const seed1, seed2 = 20261122, 7
	rnd := rand.New(rand.NewPCG(seed1, seed2))
	s := newSet(t, 3)
	short := 0
	for trial := range 400 {
		lists := make([][]int64, 3)
		texts := make([]string, 3)
		var all []int64
		cut := 1 + rnd.IntN(6)
		limit, offset := rnd.IntN(15), rnd.IntN(2)*rnd.IntN(4)
		for i := range lists {
			for range rnd.IntN(12) {
				lists[i] = append(lists[i], rnd.Int64N(20)+int64(i)*rnd.Int64N(10))
			}
			slices.Sort(lists[i])
			all = append(all, lists[i]...)
			texts[i] = strings.Join(strings.Fields(strings.Trim(fmt.Sprint(lists[i]), "[]")), ",")
		}
		slices.Sort(all)
		want := all[min(offset, len(all)):min(offset+limit, len(all))]
		inputs := s.ask(func(i int) string {
			return fmt.Sprintf("select v from unnest('{%s}'::int8[]) v order by v limit %d", texts[i], cut)
		})
		if trial%2 == 0 {
			inputs = senders(inputs)
		}
		rows := merge.Ordered(within(t), inputs, []merge.SortColumn{{Index: 0}}, merge.Options{
			Together: true, Cut: int64(cut), Offset: int64(offset), Limit: merge.AtMost(int64(limit)),
		})
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if suffices(lists, cut, offset+limit) {
			require.NoError(t, err, "%v cut %d limit %d offset %d", lists, cut, limit, offset)
			require.Equal(t, append([]int64{}, want...), append([]int64{}, got...))
		} else {
			short++
			require.ErrorIs(t, err, merge.ErrCut, "%v cut %d limit %d offset %d", lists, cut, limit, offset)
		}
		s.clean()
	}
	require.Greater(t, short, 40)
	require.Less(t, short, 360)
}

// TestACutMergeHoldsNoMoreThanOneThatIsNot: what is too large to be held is to be asked for as a whole.
func TestACutMergeHoldsNoMoreThanOneThatIsNot(t *testing.T) {
	s := newSet(t, 2)
	for _, rows := range []int{8, 600} {
		merged := merge.Ordered(within(t), senders(s.all(fmt.Sprintf("select i::int8, repeat('x', 1000) from generate_series(1, %d) i", rows))),
			[]merge.SortColumn{{Index: 0}}, merge.Options{Together: true, Cut: 1000, Limit: merge.AtMost(5)})
		for merged.Next() {
		}
		if rows == 8 {
			require.NoError(t, merged.Err())
		} else {
			require.ErrorIs(t, merged.Err(), merge.ErrCut)
		}
		s.clean()
	}
}

// TestAnInputThatFailsIsTheErrorOfACutMerge.
func TestAnInputThatFailsIsTheErrorOfACutMerge(t *testing.T) {
	s := newSet(t, 3)
	rows := merge.Ordered(within(t), senders(s.ask(func(i int) string {
		return []string{"select i::int8 from generate_series(1, 3) i", "select 1 / (i - 2)::int8 as i from generate_series(1, 3) i", "select length(pg_sleep(600)::text)::int8 as i"}[i]
	})), []merge.SortColumn{{Index: 0}}, merge.Options{Together: true, Cut: 3, Limit: merge.AtMost(5)})
	require.False(t, rows.Next())
	require.ErrorContains(t, rows.Err(), "shard s1: ERROR: division by zero")
	s.clean()
}

package merge_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// sender is a session whose statement is under way before it is opened.
type sender struct {
	*session
	answer chan func() (merge.Source, error)
}

func (s *sender) Send(ctx context.Context) bool {
	s.answer = make(chan func() (merge.Source, error), 1)
	go func() {
		src, err := s.session.Open(ctx)
		s.answer <- func() (merge.Source, error) { return src, err }
	}()
	return true
}

func (s *sender) Open(context.Context) (merge.Source, error) { return (<-s.answer)() }

func senders(inputs []merge.Input) []merge.Input {
	for i, in := range inputs {
		inputs[i] = &sender{session: in.(*session)}
	}
	return inputs
}

// TestTogetherGivesOutNothingBeforeAllHaveAnswered: one input has rows while the other one waits, and then fails.
func TestTogetherGivesOutNothingBeforeAllHaveAnswered(t *testing.T) {
	for _, sent := range []bool{false, true} {
		s := newSet(t, 2)
		s.exec("select pg_advisory_lock(7)")
		inputs := s.ask(func(i int) string {
			if i == 0 {
				return "select i from generate_series(1, 10) i"
			}
			return "select 1 / length(pg_advisory_lock(7)::text)"
		})
		if sent {
			inputs = senders(inputs)
		}
		rows := merge.Concat(within(t), inputs, merge.Options{Together: true})
		require.Eventually(t, func() bool { return s.sessions[0].read.Load() == 11 }, soon, soon/10000)
		given := make(chan bool)
		go func() { given <- rows.Next() }()
		waits := func() (n int) {
			require.NoError(t, s.admin.QueryRow(within(t), "select count(*) from pg_locks where locktype = 'advisory' and not granted").Scan(&n))
			return n
		}
		require.Eventually(t, func() bool { return waits() == 1 }, soon, soon/1000)
		s.exec("select pg_advisory_unlock(7)")
		require.False(t, <-given, "a row was given out while the other input had not answered")
		require.ErrorContains(t, rows.Err(), "shard s1: ERROR: division by zero")
		s.clean()
	}
}

// TestAnAnswerThatTakesLongDelaysNoOther: the caller reads what all have sent, but not alone for long.
func TestAnAnswerThatTakesLongDelaysNoOther(t *testing.T) {
	for name, first := range map[string]string{
		"nothing":          "select pg_sleep(600)",
		"rows without end": endless,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSet(t, 3)
			rows := merge.Concat(within(t), senders(s.ask(func(i int) string {
				return []string{first, "select 1 / 0", "select 1"}[i]
			})), merge.Options{Together: true})
			require.False(t, rows.Next())
			require.ErrorContains(t, rows.Err(), "shard s1: ERROR: division by zero")
			s.clean()
		})
	}
}

// TestWhatWasSentIsReadOrCancelledWhenNobodyWantsIt: also what no goroutine has come to.
func TestWhatWasSentIsReadOrCancelledWhenNobodyWantsIt(t *testing.T) {
	s := newSet(t, 4)
	rows := merge.Ordered(within(t), senders(s.all("select pg_sleep(600)::text as a")), []merge.SortColumn{{Index: 0, Bytewise: true}}, merge.Options{Together: true})
	rows.Close()
	require.NoError(t, rows.Err())
	s.clean()

	rows = merge.Ordered(within(t), senders(s.all("select i::int8 as i from generate_series(1, 3000) i")), []merge.SortColumn{{Index: 0}}, merge.Options{Together: true})
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	require.Len(t, got, 12000)
	require.IsIncreasing(t, []int64{got[0], got[11999]})
	s.clean()
}

// noted is a sender that says when it sends.
type noted struct {
	*sender
	sent func()
}

func (n *noted) Send(ctx context.Context) bool {
	n.sent()
	return n.sender.Send(ctx)
}

// TestTheFirstIsSentBeforeTheOthers, and its rows come in their turn all the same.
func TestTheFirstIsSentBeforeTheOthers(t *testing.T) {
	s := newSet(t, 3)
	for first, want := range [][]string{{"s0", "s1", "s2"}, {"s1", "s2", "s0"}, {"s2", "s0", "s1"}} {
		inputs := senders(s.all("select 1::int8 as a"))
		var order []string
		for i, in := range inputs {
			inputs[i] = &noted{in.(*sender), func() { order = append(order, in.Shard()) }}
		}
		rows := merge.Ordered(within(t), inputs, []merge.SortColumn{{Index: 0}}, merge.Options{Together: true, First: first})
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(t, err)
		require.Equal(t, []int64{1, 1, 1}, got)
		require.Equal(t, want, order)
		s.clean()
	}
}

func TestReadyCountsWhatNeedNotBeWaitedFor(t *testing.T) {
	s := newSet(t, 2)
	for _, limit := range []int{3, 1000} {
		inputs := senders(s.all("select i from generate_series(1, 10) i"))
		rows := merge.Concat(within(t), inputs, merge.Options{Together: true, Limit: merge.AtMost(int64(limit))})
		for given := range min(limit, 20) {
			require.True(t, rows.Next())
			require.Eventually(t, func() bool { return rows.Ready() == min(limit, 20-given) }, soon, soon/10000)
		}
		require.False(t, rows.Next())
		require.NoError(t, rows.Err())
		require.Zero(t, rows.Ready())
		s.clean()
	}
}

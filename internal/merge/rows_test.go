package merge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// soon is for what should happen at once, on a machine that does many other things.
const soon = time.Minute

const endless = "select generate_series(1, 1000000000)::int8 as id, 'x' as name"

type line struct {
	ID   int64
	Name *string
}

func TestConcatGivesEveryRowOnce(t *testing.T) {
	s := newSet(t, 4)
	inputs := s.ask(func(i int) string {
		return fmt.Sprintf("select i::int8 as id, case when i %% 3 > 0 then 'n' || i end as name from generate_series(%d, %d) i", i*5000, i*5000+4999)
	})
	rows := merge.Concat(within(t), inputs, merge.Options{})
	got, err := pgx.CollectRows(rows, pgx.RowToStructByName[line])
	require.NoError(t, err)
	require.Equal(t, "SELECT 20000", rows.CommandTag().String())
	slices.SortFunc(got, func(a, b line) int { return int(a.ID - b.ID) })
	for i, l := range got {
		require.EqualValues(t, i, l.ID)
		require.Equal(t, i%3 == 0, l.Name == nil)
	}
	s.clean()
}

func TestRowsAreRowsLikeAnyOther(t *testing.T) {
	s := newSet(t, 3)
	inputs := s.ask(func(i int) string {
		return fmt.Sprintf("select %d::int4 as id, 'é'::text as name, null::date as d, '{1,2}'::int8[] as a, %d as hidden", 7+i, -i)
	})
	rows := merge.Ordered(within(t), inputs, []merge.SortColumn{{Index: 4}}, merge.Options{Hidden: 1})
	fields := rows.FieldDescriptions()
	require.Equal(t, []string{"id", "name", "d", "a"}, []string{fields[0].Name, fields[1].Name, fields[2].Name, fields[3].Name})
	require.NotNil(t, rows.TypeMap())
	require.Nil(t, rows.Conn())
	require.ErrorIs(t, rows.Scan(new(int)), merge.ErrClosed, "no row yet")

	require.True(t, rows.Next())
	values, err := rows.Values()
	require.NoError(t, err)
	require.Equal(t, []any{int32(9), "é", nil, []any{int64(1), int64(2)}}, values)
	require.Len(t, rows.RawValues(), 4)
	require.Equal(t, []byte{0, 0, 0, 9}, rows.RawValues()[0])

	require.True(t, rows.Next())
	var id int
	var a []int64
	require.NoError(t, rows.Scan(&id, nil, nil, &a))
	require.Equal(t, 8, id)
	require.Equal(t, []int64{1, 2}, a)

	require.True(t, rows.Next())
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
	require.Equal(t, "SELECT 3", rows.CommandTag().String())
	rows.Close()
	require.False(t, rows.Next())
	_, err = rows.Values()
	require.ErrorIs(t, err, merge.ErrClosed)
	s.clean()
}

func TestScanErrorClosesTheRows(t *testing.T) {
	s := newSet(t, 2)
	rows := merge.Concat(within(t), s.all("select 'x'::text as a from generate_series(1, 10)"), merge.Options{})
	require.True(t, rows.Next())
	var n int
	var failed pgx.ScanArgError
	require.ErrorAs(t, rows.Scan(&n), &failed)
	require.False(t, rows.Next())
	require.ErrorAs(t, rows.Err(), &failed)
	s.clean()
}

func TestFilledLimitStopsTheOthers(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		s := newSet(t, 4)
		start := time.Now()
		opt := merge.Options{Limit: merge.AtMost(5), Offset: 2}
		inputs := s.all(endless)
		var rows *merge.Rows
		if ordered {
			rows = merge.Ordered(within(t), inputs, []merge.SortColumn{{Index: 0}}, opt)
		} else {
			rows = merge.Concat(within(t), inputs, opt)
		}
		got := prints(t, rows)
		require.Len(t, got, 5)
		require.Less(t, time.Since(start), soon)
		s.clean()
	}
}

func TestCloseStopsEverything(t *testing.T) {
	s := newSet(t, 4)
	rows := merge.Concat(within(t), s.all(endless), merge.Options{})
	require.True(t, rows.Next())
	rows.Close()
	rows.Close()
	require.NoError(t, rows.Err())
	s.clean()

	rows = merge.Concat(within(t), s.all("select pg_sleep(600)"), merge.Options{})
	rows.Close()
	require.NoError(t, rows.Err())
	s.clean()
}

func TestFirstErrorCancelsTheOthersAndNamesItsShard(t *testing.T) {
	s := newSet(t, 4)
	inputs := s.ask(func(i int) string {
		if i == 2 {
			return "select 1 / (i - 3) from generate_series(1, 10) i"
		}
		return "select i from generate_series(1, 10) i, pg_sleep(600)"
	})
	rows := merge.Concat(within(t), inputs, merge.Options{})
	for rows.Next() {
	}
	var failed *merge.ShardError
	require.ErrorAs(t, rows.Err(), &failed)
	require.Equal(t, "s2", failed.Shard)
	var pg *pgconn.PgError
	require.ErrorAs(t, rows.Err(), &pg)
	require.Equal(t, "22012", pg.Code)
	require.Equal(t, pgconn.CommandTag{}, rows.CommandTag())
	s.clean()
}

func TestEndOfTheContextEndsTheRows(t *testing.T) {
	s := newSet(t, 3)
	ctx, cancel := context.WithCancel(within(t))
	rows := merge.Concat(ctx, s.all("select 1 union all (select 2 from pg_sleep(600))"), merge.Options{})
	time.AfterFunc(20*time.Millisecond, cancel)
	for rows.Next() {
	}
	require.ErrorIs(t, rows.Err(), context.Canceled)
	for _, one := range s.sessions {
		require.EqualValues(t, 1, one.released.Load())
	}
}

type unopened struct{ session }

var errDown = errors.New("connection refused")

func (*unopened) Open(context.Context) (merge.Source, error) { return nil, errDown }

func TestShardThatCannotBeOpenedFailsTheWhole(t *testing.T) {
	s := newSet(t, 2)
	down := &unopened{session{name: "s9"}}
	for _, at := range []int{0, 1, 2} {
		inputs := slices.Insert(s.all("select pg_sleep(600)"), at, merge.Input(down))
		rows := merge.Ordered(within(t), inputs, []merge.SortColumn{{Index: 0}}, merge.Options{})
		require.False(t, rows.Next())
		require.ErrorIs(t, rows.Err(), errDown)
		require.EqualError(t, rows.Err(), "shard s9: connection refused")
		s.clean()
	}
	require.EqualValues(t, 3, down.released.Load())
}

func TestShardsThatAnswerDifferentlyAreAMismatch(t *testing.T) {
	s := newSet(t, 3)
	for name, other := range map[string]string{
		"count": "select 1 as a, 2 as b",
		"name":  "select 1 as b",
		"type":  "select 1::int8 as a",
	} {
		rows := merge.Concat(within(t), s.ask(func(i int) string {
			if i == 1 {
				return other
			}
			return "select 1 as a"
		}), merge.Options{})
		for rows.Next() {
			require.Equal(t, []byte{0, 0, 0, 1}, rows.RawValues()[0], name)
		}
		var mismatch *merge.MismatchError
		require.ErrorAs(t, rows.Err(), &mismatch, name)
		s.clean()
	}
}

func TestUserDefinedTypesAreAskedFor(t *testing.T) {
	s := newSet(t, 2)
	s.exec("create schema a; create schema b; create type a.mood as enum ('x', 'y'); create type b.mood as enum ('x', 'y')")
	ask := func(i int) string { return fmt.Sprintf("select 'x'::%c.mood as m", 'a'+i) }
	rows := merge.Concat(within(t), s.ask(ask), merge.Options{})
	for rows.Next() {
	}
	var mismatch *merge.MismatchError
	require.ErrorAs(t, rows.Err(), &mismatch)
	s.clean()

	rows = merge.Concat(within(t), s.ask(ask), merge.Options{CompareTypes: func(int, uint32, int, uint32) string { return "" }})
	require.Len(t, prints(t, rows), 2)
	s.clean()
}

func TestPrefetchIsBounded(t *testing.T) {
	s := newSet(t, 2)
	rows := merge.Concat(within(t), s.all("select repeat('x', 1000) from generate_series(1, 100000) i"), merge.Options{Prefetch: 10_000})
	require.True(t, rows.Next())
	for _, one := range s.sessions {
		require.Eventually(t, func() bool { return one.read.Load() >= 9 }, soon, time.Millisecond)
	}
	for range 50 {
		var n int
		require.NoError(t, s.admin.QueryRow(within(t), "select 1").Scan(&n))
		for _, one := range s.sessions {
			require.LessOrEqual(t, one.read.Load(), int32(40), "rows that nobody asked for")
		}
	}
	rows.Close()
	s.clean()
}

type pair struct {
	A int32
	B string
}

func TestRegisteredTypesOfTheFirstConnectionDecode(t *testing.T) {
	s := newSet(t, 2)
	s.exec("create type pair as (a int, b text)")
	for _, one := range s.sessions {
		typ, err := one.conn.LoadType(within(t), "pair")
		require.NoError(t, err)
		one.conn.TypeMap().RegisterType(typ)
	}
	rows := merge.Ordered(within(t), s.all("select 1 as n, (7, 'x')::pair as p"), []merge.SortColumn{{Index: 0}}, merge.Options{})
	for range 2 {
		require.True(t, rows.Next())
		var p pair
		require.NoError(t, rows.Scan(nil, &p))
		require.Equal(t, pair{7, "x"}, p)
	}
	require.Eventually(t, func() bool { return s.sessions[1].released.Load() == 1 }, soon, time.Millisecond)
	require.Zero(t, s.sessions[0].released.Load(), "its types are in use")
	rows.Close()
	s.clean()
}

func TestRowsLargerThanThePrefetchPass(t *testing.T) {
	s := newSet(t, 3)
	rows := merge.Concat(within(t), s.all("select repeat('x', 100000 * i) from generate_series(1, 20) i"), merge.Options{Prefetch: 1000})
	total := 0
	for rows.Next() {
		total += len(rows.RawValues()[0])
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 3*100_000*210, total)
	s.clean()
}

func TestWavesOpenNoMoreThanTheyMay(t *testing.T) {
	s := newSet(t, 5)
	ask := func(i int) string {
		return fmt.Sprintf("select i::int8 as id, 'n' || i as name from generate_series(%d, 999, 5) i order by 1", i)
	}
	check := func(rows *merge.Rows) []line {
		most := int32(0)
		got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (line, error) {
			most = max(most, s.open.Load())
			return pgx.RowToStructByName[line](row)
		})
		require.NoError(t, err)
		require.LessOrEqual(t, most, int32(2))
		s.clean()
		return got
	}
	require.Len(t, check(merge.Concat(within(t), s.ask(ask), merge.Options{Wave: 2})), 1000)
	for i, l := range check(merge.Ordered(within(t), s.ask(ask), []merge.SortColumn{{Index: 0}}, merge.Options{Wave: 2, Prefetch: 100})) {
		require.EqualValues(t, i, l.ID)
	}

	rows := merge.Ordered(within(t), s.ask(ask), []merge.SortColumn{{Index: 0}}, merge.Options{Wave: 2, Budget: 10_000})
	require.False(t, rows.Next())
	var large *merge.TooLargeError
	require.ErrorAs(t, rows.Err(), &large)
	require.EqualValues(t, 10_000, large.Budget)
	s.clean()
}

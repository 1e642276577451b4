package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestRowsOfKeysAreAListOfTheirRows(t *testing.T) {
	check(t, []routed{
		{"list a/1 b/2", "select * from legs where (region, num) in (('a', 1), ('b', 2))", nil},
		{"list a/1 b/2", "select * from legs where (num, region) in (($2, $1), ($4, $3), ($2, $1))", with("a", 1, "b", 2)},
		{"list a/1 b/2", "select * from legs l where row(l.region, l.num) in (row($1, '1'), ('b', $2::bigint)) and km > 1", with("a", 2)},
		{"key a/1", "select * from legs where (region, num) in (('a', 1), (null, 2), ('b', null))", nil},
		{"any", "select * from legs where (region, num) in (('a', null), (null, 2))", nil},
		{"list a/1 b/2", "select * from legs where (region, num, km) in (('a', 1, 5), ('b', 2, num))", nil},
		{"list a/1 b/2", "select * from legs a join legs b on (a.region, a.num) = (b.region, b.num) where (a.region, b.num) in (('a', 1), ('b', 2))", nil},
		{"list a/1 b/2", "select * from legs where (region, num) in (values ('a', 1), ('b', 2))", nil},
		{"list a/1 b/2", "select l.* from legs l join (values ('a'::text, $1::int), ('b', 2)) v (r, n) on v.r = l.region and v.n = l.num", with(1)},
		{"list a/1 b/2", "with v (r, n) as (values ('a', 1), ('b', 2)) select * from legs where (region, num) in (select r, n from v)", nil},
		{"list 7 8", "select * from orders where (tenant_id, id) in ((7, 1), ($1, 2))", with(8)},
		{"refused: no shard key", "select * from legs where (region, num) in (('a', 1), ('b', km))", nil},
		{"refused: no shard key", "select * from legs where (region, num) not in (('a', 1), ('b', 2))", nil},
		{"refused: key under OR", "select * from legs where (region, num) in (('a', 1), ('b', 2)) or km = 1", nil},
		{"refused: no shard key", "select * from legs where (region, num) in (('a', 1), ($1, 2)) and km > $1", with("b")},
		{"refused: no shard key", "select * from legs where (region, num) in (('a', 1), ('b', 2.0))", nil},
		{"refused: key list", "delete from legs where (region, num) in (('a', 1), ('b', 2))", nil},
		{"refused: bad key", "select * from legs where (region, num) in (('a', 1), ('', 2))", nil},
		{"bind: key error", "select * from legs where (region, num) in (('a', 1), ($1, 2))", with("")},
	})
}

func TestArraysSideBySideAreAListOfTheirRows(t *testing.T) {
	null := (*string)(nil)
	a, b := "a", "b"
	const in = "select * from legs where (region, num) in (select * from unnest($1::text[], $2::bigint[]))"
	check(t, []routed{
		{"list a/1 b/2", in, with([]string{"a", "b"}, []int64{1, 2})},
		{"list a/1 b/2", in, with([]string{"a", "b", "a"}, []any{1, int16(2), 1})},
		{"list a/1 b/3", in, with([]*string{&a, null, &b}, []int64{1, 2, 3})},
		{"key a/1", in, with([]string{"a", "b", "c"}, []int64{1})},
		{"any", in, with([]string{}, []int64{1})},
		{"any", in, with(nil, []int64{1})},
		{"bind: key error", in, with([]string{"a", ""}, []int64{1, 2})},
		{"bind: key error", in, with("{a}", []int64{1})},
		{"list a/1 b/2", "select l.* from legs l join unnest($1::text[], $2::int[]) with ordinality as u (r, n, at) on (u.r, u.n) = (l.region, l.num) order by at", with([]string{"a", "b"}, []int32{1, 2})},
		{"list a/1 b/2", "select * from legs where (region, num) in (select * from unnest(array['a', $1::text], array[1, 2]))", with("b")},
		{"list 7 8", "select * from orders where tenant_id in (select unnest($1::bigint[]))", with([]int64{7, 8, 7})},
		{"list 7 8", "select * from orders where tenant_id = any (select u from unnest($1::bigint[]) u)", with([]int64{7, 8})},
		{"list 7 8", "select * from orders o join unnest($1::bigint[]) as u (k) on u.k = o.tenant_id", with([]int64{7, 8})},
		{"list 7 8", "select * from orders where tenant_id = any(array[7, $1::bigint])", with(8)},
		{"list 7 8", "select * from orders where tenant_id = any(array[$1, $2]::bigint[])", with(7, 8)},
		{"refused: no shard key", "select * from orders where tenant_id = any(array[7, 8.0])", nil},
		{"refused: no shard key", "select * from orders o left join unnest($1::bigint[]) as u (k) on u.k = o.tenant_id", with([]int64{7})},
		{"refused: no shard key", "select * from orders where tenant_id in (select unnest($1::float8[]))", with([]float64{7})},
		{"refused: no shard key", "select * from orders where tenant_id in (select k + 1 from unnest($1::bigint[]) u (k))", with([]int64{7})},
	})
}

func TestListsOfAKeysColumnsGiveAllTheirCombinations(t *testing.T) {
	check(t, []routed{
		{"list eu/1 eu/2", "select * from legs where region = $1 and num = any($2)", with("eu", []int64{1, 2, 1})},
		{"list eu/1 eu/2 us/1 us/2", "select * from legs where region = any($1) and num = any($2)", with([]string{"eu", "us"}, []int64{1, 2})},
		{"list eu/1 us/1", "select * from legs where region in ('eu', $1, null) and num = 1", with("us")},
		{"any", "select * from legs where region = any($1) and num = any($2)", with([]string{"eu"}, []int64{})},
		{"key eu/1", "select * from legs where region = $1 and num = any($2) and num = 1", with("eu", []int64{1, 2})},
		{"list a/1 b/2", "select * from legs where region = any($1) and (region, num) in (('a', 1), ('b', 2))", with([]string{"a", "b", "c"})},
		{"bind: key list", "select * from legs where region = any($1) and num = any($2)", with(regions(200), upTo(200))},
	})
}

func regions(n int64) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("region ", i))
	}
	return list
}

func upTo(n int64) (list []int64) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// Each name of a CTE has rows of its own: what the one says of a column says nothing of the row of the other.
func TestTheColumnsOfAKeyAreOfOneRowOfAListOnlyWhereTheyAreMetOnOne(t *testing.T) {
	check(t, []routed{
		{"list a/1 b/2", "with v (r, n) as (values ('a', 1), ('b', 2)) select l.* from v join legs l on (l.region, l.num) = (v.r, v.n)", nil},
		{"list a/1 a/2 b/1 b/2", "with v (r, n) as (values ('a', 1), ('b', 2)) select l.* from v x, v y, legs l where l.region = x.r and l.num = y.n", nil},
		{"list a/1 a/2 b/1 b/2", "with v (r, n) as (values ('a', 1), ('b', 2)) select * from legs where region in (select r from v) and num in (select n from v)", nil},
		{"list a/1 a/2 b/1 b/2", "with v (r, n) as (values ('a', 1), ('b', 2)) select l.* from (select r from v) x, lateral (select n from v) y, legs l where l.region = x.r and l.num = y.n", nil},
		{"list a/1 a/2 b/1 b/2", "select l.* from (values ('a', 1), ('b', 2)) x (r, n), (values ('a', 1), ('b', 2)) y (r, n), legs l where l.region = x.r and l.num = y.n", nil},
	})
}

// A handle restricts what is in a list to its own key, as it does with any other condition.
func TestAHandleRestrictsListsOfKeysOfSeveralColumns(t *testing.T) {
	handle := shard.Composite(shard.String("eu"), shard.Int64(1))
	for _, sql := range []string{
		"select * from legs where (region, num) in (('eu', 1), ('us', 2))",
		"select * from legs where region = 'eu' and num in (1, 2)",
		"select * from legs where (region, num) in (select * from unnest(array['eu', 'us'], array[1, 2]))",
		"select * from legs where (region, num) in (values ('eu', 1), ('us', 2))",
	} {
		require.Equal(t, "key eu/1", routeIn(plan.Scoped, handle, sql), sql)
	}
	require.Equal(t, "key 7", routeIn(plan.Scoped, shard.Int64(7), "select * from orders where tenant_id in (select unnest(array[7, 8]))"))
}

// The elements of an array may be rows of the statement, or counted: none is left out of what is sent.
func TestAnArrayIsSentElementForElement(t *testing.T) {
	one := int64(1)
	for _, sql := range []string{
		"select cardinality($1::bigint[]) from orders where tenant_id = any($1::bigint[])",
		"select u.k from orders, unnest($1::bigint[]) u (k) where tenant_id = any($1::bigint[])",
		"select u.k from orders join unnest($1::bigint[]) u (k) on u.k = tenant_id",
	} {
		p, err := plan.Build(sql, fixture, "app", plan.Unscoped)
		require.NoError(t, err)
		b, err := p.Bind(with([]any{1, nil, int32(1)}), shard.Key{})
		require.NoError(t, err)
		require.Equal(t, shard.Int64(1), b.Key, sql)
		require.Equal(t, []*int64{&one, nil, &one}, b.Args[0], sql)
	}
}

// Where it is not known which keys the lists have, all shards are asked.
func TestScatteredListsThatAreNoKeysAreReadFromAllShards(t *testing.T) {
	for _, c := range []struct {
		sql  string
		args []any
		keys int // -1 for all shards
	}{
		{"select * from legs where (region, num) in (('a', 1), ($1, 2))", with("b"), 2},
		{"select * from legs where (region, num) in (('a', 1), ($1, 2))", with(""), -1},
		{"select * from legs where (region, num) in (('a', 1), ('', 2))", nil, -1},
		{"select * from legs where region = any($1) and num = any($2)", with([]string{"a", "b"}, []int64{1, 2}), 4},
		{"select * from legs where region = any($1) and num = any($2)", with("{a,b}", []int64{1, 2}), -1},
		{"select * from legs where region = any($1) and num = any($2)", with(regions(200), upTo(200)), -1},
		{"select * from orders where tenant_id in (select unnest($1::bigint[]))", with([]int64{7, 8}), 2},
		{"select * from orders where tenant_id in (select unnest($1::bigint[]))", with([][]int64{{7, 8}}), -1},
	} {
		s, err := plan.BuildScatter(c.sql, fixture, "app", false)
		require.NoError(t, err, c.sql)
		b, err := s.Bind(c.args)
		require.NoError(t, err, c.sql)
		require.Equal(t, c.keys >= 0, b.Few, "%s %v", c.sql, c.args)
		require.Len(t, b.Keys, max(c.keys, 0), c.sql)
		require.False(t, b.OwnKeys(), c.sql)
		text, args := b.Shard(plan.Unasked, []shard.Range{{Lo: 0, Hi: 5}}, b.Keys[:min(1, len(b.Keys))], time.Time{})
		require.Contains(t, text, `"slot" between '0' and '5'`, c.sql)
		if c.keys < 0 {
			require.Equal(t, len(c.args), len(args), c.sql)
			for i := range args {
				require.Equal(t, c.args[i], args[i], c.sql)
			}
		}
	}
}

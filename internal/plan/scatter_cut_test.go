package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestALimitIsCutWhereShardsHaveFewerRowsOfIt(t *testing.T) {
	owned := []shard.Range{{Lo: 0, Hi: 5}}
	for _, c := range []struct {
		sql    string
		args   []any
		shards int
		cut    int64
		text   string // the end of it
	}{
		{"select id from orders order by id limit 50", nil, 4, 25, "limit 25"},
		{"select id from orders order by id limit 50", nil, 2, 0, ""},
		{"select id from orders order by id limit 50", nil, 1, 0, ""},
		{"select id from orders order by id limit 50", nil, 16, 10, "limit 10"},
		{"select id from orders order by id limit 40 offset 10", nil, 4, 25, "limit 25 offset 0"},
		{"select id from orders order by id offset 10 rows fetch first 40 rows only", nil, 4, 25, "offset 0 rows fetch first 25 rows only"},
		{"select id from orders order by id limit $1", []any{50}, 4, 25, "limit  ($1::int8) "},
		{"select id from orders order by id limit $1 offset $2", []any{40, 10}, 4, 25, "limit  ($1::int8)  offset 0"},
		{"select id from orders order by id limit 1000", nil, 4, 305, "limit 305"},
		{"select id from orders order by id limit 1001", nil, 4, 0, ""},
		{"select id from orders order by id limit 1000 offset 1", nil, 4, 0, ""},
		{"select id from orders order by id limit 10", nil, 4, 0, ""},
		{"select id from orders order by id limit 0", nil, 4, 0, ""},
		{"select id from orders order by id limit null", nil, 4, 0, ""},
		{"select id from orders order by id limit $1", []any{nil}, 4, 0, ""},
		{"select id from orders order by id fetch first row only", nil, 4, 0, ""},
		{"select id from orders order by id fetch first 50 rows with ties", nil, 4, 0, ""},
		{"select id from orders limit 50", nil, 4, 0, ""},
		{"select state, count(*) from orders group by state order by 2 limit 50", nil, 4, 0, ""},
		{"select distinct total from orders order by total limit 50", nil, 4, 0, ""},
	} {
		s, err := plan.BuildScatter(c.sql, fixture, "app", false)
		require.NoError(t, err, c.sql)
		b, err := s.Bind(c.args)
		require.NoError(t, err, c.sql)
		whole, args := b.Shard(plan.Unasked, owned, nil, time.Time{})
		cut := b.CutTo(c.shards)
		require.Equal(t, c.cut, cut, "%s of %d shards", c.sql, c.shards)
		if cut == 0 {
			continue
		}
		b.Cut = cut
		text, sent := b.Shard(plan.Unasked, owned, nil, time.Time{})
		require.Contains(t, text, c.text)
		if len(c.args) > 0 {
			require.Equal(t, []any{cut}, sent)
			require.Equal(t, whole, text, "a parameter is no other text")
		}
		b.Cut = 0
		again, sent := b.Shard(plan.Unasked, owned, nil, time.Time{})
		require.Equal(t, whole, again)
		require.Equal(t, args, sent)
	}
}

// TestReadsThatWereCutTooShortAreCutLessOften counts the cut reads of a statement whose rows are never spread, and of one
// whose rows are again.
func TestReadsThatWereCutTooShortAreCutLessOften(t *testing.T) {
	var c plan.Cuts
	require.True(t, c.Next(), "the first is cut")
	short := 1
	c.Short()
	for range 100000 {
		if c.Next() {
			short++
			c.Short()
		}
	}
	require.Less(t, short, 120)
	require.Greater(t, short, 90, "and it is tried again")

	cut := 0
	for range 20000 {
		if c.Next() {
			cut++
			c.Enough()
		}
	}
	require.Greater(t, cut, 18000)
	c.Short()
	require.False(t, c.Next())
	require.True(t, c.Next(), "an exception after many is forgotten at once")
}

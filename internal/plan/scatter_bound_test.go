package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
)

func TestABoundIsComputedAsPostgreSQLDoes(t *testing.T) {
	for text, want := range map[string][2]int64{
		"limit 2+1":                      {3, 0},
		"limit 2 * (3 - 1) offset 7 - 7": {4, 0},
		"limit $1 offset ($2 - 1) * $1":  {20, 40},
		"limit -1 + $2::int":             {2, 0},
		"limit null + 1 offset 1 + null": {-1, 0},
	} {
		s, err := plan.BuildScatter("select id from orders order by id "+text, fixture, "app", false)
		require.NoError(t, err, text)
		args := []any{20, int32(3)}[:s.Params]
		b, err := s.Bind(args)
		require.NoError(t, err, text)
		require.Equal(t, want, [2]int64{b.Limit, b.Offset}, text)
	}
	for _, text := range []string{"limit 1 - 2", "limit 7 / 2", "limit 1.5 + 1", "limit 65536 * 65536", "limit 2147483647 + 1", "limit (select 1) + 1", "limit abs(3)"} {
		require.Equal(t, "refused: inexact", scatter("select id from orders order by id "+text), text)
	}
	s, err := plan.BuildScatter("select id from orders order by id limit $1 * $2", fixture, "app", false)
	require.NoError(t, err)
	for _, args := range [][]any{{-1, 2}, {int64(1 << 40), 1}, {1 << 20, 1 << 20}, {"5", 1}} {
		_, err = s.Bind(args)
		require.Equal(t, "arguments", reason(err), args)
	}
}

package budget_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/pool/budget"
)

func TestAServersUsableConnections(t *testing.T) {
	s := budget.Server{MaxConnections: 100, SuperuserReserved: 3, RoleLimit: -1, DatabaseLimit: -1}
	require.Equal(t, 97, s.Usable())
	s.Reserved = 5
	require.Equal(t, 92, s.Usable())
	s.Others = 12
	require.Equal(t, 92, s.Usable())
	require.Equal(t, 80, s.Left())
	s.RoleLimit = 50
	require.Equal(t, 50, s.Left(), "others do not take from the role's own limit")
	s.DatabaseLimit = 0
	require.Zero(t, s.Usable())
	require.Equal(t, "max_connections 100, 3 kept for superusers, 5 in reserved_connections, "+
		"the role's connection limit is 50, the database's connection limit is 0", s.String())
}

func TestHalfOfABudgetIsPromised(t *testing.T) {
	require.Equal(t, 10, budget.DefaultReserve(200))
	require.Equal(t, 1, budget.DefaultReserve(10))
	require.Equal(t, 4, budget.DefaultFloor(200, 10, 20))
	require.Equal(t, 1, budget.DefaultFloor(97, 5, 75), "fifty processes and a surge of twenty-five")
}

func TestAnEnvironmentsConnectionsAreSplitByWeightAndCapacity(t *testing.T) {
	got, err := budget.Split(200, []budget.Share{{"a", 1, 90}, {"b", 2, 500}, {"c", 1, 30}})
	require.NoError(t, err)
	require.Equal(t, []int{57, 113, 30}, got)

	_, err = budget.Split(2, []budget.Share{{"a", 1, 9}, {"b", 1, 9}, {"c", 1, 9}})
	require.ErrorContains(t, err, "leave none for server c")
	_, err = budget.Split(200, []budget.Share{{"a", 1, 9}, {"b", 1, 0}})
	require.ErrorContains(t, err, "server b has no connection to give")

	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 500).Draw(t, "total")
		shares := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) budget.Share {
			return budget.Share{Server: rapid.StringMatching("[a-z]{1,3}").Draw(t, "server"),
				Weight: rapid.IntRange(0, 5).Draw(t, "weight"), Capacity: rapid.IntRange(1, 100).Draw(t, "capacity")}
		}), 1, 8, func(s budget.Share) string { return s.Server }).Draw(t, "shares")
		got, err := budget.Split(total, shares)
		if err != nil {
			return
		}
		capacity := 0
		for i, s := range shares {
			require.LessOrEqual(t, got[i], s.Capacity)
			capacity += s.Capacity
		}
		require.Equal(t, min(total, capacity), sum(got))
	})
}

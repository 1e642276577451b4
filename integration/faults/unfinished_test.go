package faults_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// TestAPartOfACopyThatBreaksBeforeItsEndIsSentAgain: nothing of it can be stored.
func TestAPartOfACopyThatBreaksBeforeItsEndIsSentAgain(t *testing.T) {
	set, proxies := behindProxies(t, 2)
	cut := proxies[1].On(faultproxy.Match{Message: "CopyData", Skip: 5}, faultproxy.CutBefore)
	const rows = 2000
	n, err := set.DB.CopyInParts(t.Context(), pgx.Identifier{"events"}, []string{"aid", "ref", "note"},
		pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return []any{i + 1, i + 1, strings.Repeat("x", 20_000)}, nil }), rows)
	require.NoError(t, err)
	require.EqualValues(t, rows, n)
	require.Equal(t, 1, cut.Hits())
	stored, err := router.Get[int](t.Context(), set.DB.Scatter(), router.Text("select count(*) from events"))
	require.NoError(t, err)
	require.Equal(t, rows, stored)
}

// TestABatchThatBreaksWhileItIsPreparedIsNotInDoubt: its statements are sent after that.
func TestABatchThatBreaksWhileItIsPreparedIsNotInDoubt(t *testing.T) {
	set, proxies := behindProxies(t, 2)
	proxies[1].On(faultproxy.Match{Backend: "ParameterDescription"}, faultproxy.CutBefore)
	b := &pgx.Batch{}
	for i := range 2 {
		b.Queue("insert into events (aid, ref) values ($1, 1)", accountOn(t, set.DB, i, 0))
	}
	err := set.DB.SendBatch(t.Context(), b).Close()
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	var partial *router.PartialBatchError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s0"}, partial.Committed)
	require.Equal(t, []shard.ID{"s1"}, partial.Failed)
	require.Empty(t, partial.InDoubt)
	stored, err := router.Get[int](t.Context(), set.DB.Scatter(), router.Text("select count(*) from events"))
	require.NoError(t, err)
	require.Equal(t, 1, stored)
}

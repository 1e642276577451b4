package lab_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/lab"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestARunMeasuresEveryWayOfConnecting(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{Auth: "scram-sha-256"})
	ctx := context.Background()
	require.NoError(t, lab.Prepare(ctx, c))
	w := lab.Workload{Requests: 60, Callers: 12, Hold: 2 * time.Millisecond, Work: time.Millisecond}
	var results []lab.Result
	for _, k := range []lab.Contestant{lab.PerQuery(), lab.PgxPool(3), lab.DatabaseSQL(3), lab.Pool(3)} {
		r, err := lab.Run(ctx, c, k, w)
		require.NoError(t, err, k.Name)
		results = append(results, r)
		require.Equal(t, k.Name, r.Name)
		require.GreaterOrEqual(t, r.Wait.Max, r.Wait.Median)
		require.Greater(t, r.Total.Median, w.Hold, "a request holds its connection at least so long")
		require.Positive(t, r.Cost.ClientCPU)
		if runtime.GOOS == "linux" {
			require.Positive(t, r.Cost.ServerCPU)
			// The backend of a connection that is closed may be there when the next one's is; three are autovacuum's workers.
			require.LessOrEqual(t, r.Cost.Backends, 2*w.Callers+3)
		}
	}
	require.Equal(t, w.Requests, results[0].Connects)
	for _, r := range results[1:] {
		require.LessOrEqual(t, r.Connects, 3, r.Name)
	}
	var out bytes.Buffer
	require.NoError(t, lab.Table(&out, w, results))
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	require.Len(t, lines, 1+len(results))
	require.Equal(t, 30, strings.Count(out.String(), "█")-rest(results, w), "the fastest has the whole bar")
}

// rest is the length of all bars but the longest.
func rest(results []lab.Result, w lab.Workload) int {
	best, sum, longest := 0.0, 0, 0
	for _, r := range results {
		best = max(best, r.Rate(w))
	}
	for _, r := range results {
		n := max(1, int(r.Rate(w)/best*30+0.5))
		sum, longest = sum+n, max(longest, n)
	}
	return sum - longest
}

func TestTheSmallestPoolThatIsFastEnoughIsNamed(t *testing.T) {
	w := lab.Workload{Requests: 100, Callers: 1}
	results := []lab.Result{{Elapsed: 4 * time.Second}, {Elapsed: 1050 * time.Millisecond}, {Elapsed: time.Second}}
	i, r := lab.Enough(w, results)
	require.Equal(t, 1, i)
	require.Equal(t, results[1], r)
}

func TestAWorkloadOfNothingIsRefused(t *testing.T) {
	_, err := lab.Run(context.Background(), nil, lab.PerQuery(), lab.Workload{Callers: 1})
	require.ErrorContains(t, err, "both must be at least 1")
}

func TestAStatementThatFailsIsTheRunsError(t *testing.T) {
	c := pgtest.Private(t, localpg.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, lab.Prepare(ctx, c))
	cancel()
	_, err := lab.Run(ctx, c, lab.Pool(2), lab.Workload{Requests: 10, Callers: 2})
	require.ErrorIs(t, err, context.Canceled)
}

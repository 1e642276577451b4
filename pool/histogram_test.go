package pool_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestBoundsRiseAndCannotBeChangedByTheirReaders(t *testing.T) {
	b := pool.Bounds()
	require.True(t, slices.IsSorted(b))
	require.Equal(t, []time.Duration{50 * time.Microsecond, 30 * time.Second}, []time.Duration{b[0], b[len(b)-1]})
	require.Len(t, pool.Histogram{}.Buckets, len(b)+1)
	b[0] = 0
	require.NotZero(t, pool.Bounds()[0])
}

func TestQuantilesAreTheEndsOfBuckets(t *testing.T) {
	var h pool.Histogram
	require.Zero(t, h.Quantile(0.5))
	require.Zero(t, h.Mean())
	h.Count, h.Sum = 10, 10*time.Millisecond
	h.Buckets[0], h.Buckets[4], h.Buckets[len(h.Buckets)-1] = 5, 4, 1
	require.Equal(t, time.Millisecond, h.Mean())
	require.Equal(t, 50*time.Microsecond, h.Quantile(0.5))
	require.Equal(t, time.Millisecond, h.Quantile(0.9))
	require.Equal(t, 30*time.Second, h.Quantile(1))
}

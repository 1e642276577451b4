package shard_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// Two million keys over 16384 slots are 122 in each. Were placement a throw of dice, the counts would be Poisson: a
// coefficient of variation of 1/sqrt(122) = 0.0905, and a largest slot of about 1.4 times the mean. Keys in sequence,
// keys with the time in their upper bits and random ones must all look like that.
func TestSlotsAreAsFullAsChanceWouldHaveThem(t *testing.T) {
	const n = 2_000_000
	random := rand.New(rand.NewPCG(1, 2))
	for name, key := range map[string]func(i int) shard.Key{
		"sequential": func(i int) shard.Key { return shard.Int64(int64(i)) },
		"snowflake": func(i int) shard.Key {
			ms, worker, seq := int64(i/4), int64(i%32), int64(i%4)
			return shard.Int64((1_700_000_000_000+ms)<<22 | worker<<12 | seq)
		},
		"multiples of 16384": func(i int) shard.Key { return shard.Int64(int64(i) << 14) },
		"uuid v4": func(int) shard.Key {
			var u [16]byte
			binary.BigEndian.PutUint64(u[:8], random.Uint64())
			binary.BigEndian.PutUint64(u[8:], random.Uint64())
			return shard.UUID(u)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var counts [shard.HashSlots]int
			for i := range n {
				counts[key(i).Slot()]++
			}
			cv, most := spread(counts[:])
			t.Logf("cv %.4f, max/mean %.3f", cv, most)
			require.InDelta(t, 1/math.Sqrt(n/float64(shard.HashSlots)), cv, 0.004)
			require.Less(t, most, 1.5)

			perShard := make([]int, 100)
			m, err := shard.Even(1, ids(100)...)
			require.NoError(t, err)
			for s, c := range counts {
				perShard[m.Index(shard.Slot(s))] += c
			}
			cv, most = spread(perShard)
			t.Logf("100 shards: cv %.4f, max/mean %.3f", cv, most)
			require.Less(t, cv, 0.012)
			require.Less(t, most, 1.03)
		})
	}
}

// spread returns the coefficient of variation, and the largest count over the mean.
func spread(counts []int) (cv, most float64) {
	sum, squares, largest := 0.0, 0.0, 0.0
	for _, c := range counts {
		x := float64(c)
		sum, squares, largest = sum+x, squares+x*x, max(largest, x)
	}
	mean := sum / float64(len(counts))
	return math.Sqrt(squares/float64(len(counts))-mean*mean) / mean, largest / mean
}

package pool

import (
	"slices"
	"time"
)

// bounds are the upper ends of a histogram's buckets, inclusive.
var bounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, 1 * time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Bounds are the upper ends, inclusive, of all buckets of a [Histogram] but the last, which has none. They are the
// same for every histogram: 50 µs to 30 s in steps of 2 to 2.5.
func Bounds() []time.Duration { return slices.Clone(bounds[:]) }

// A Histogram counts durations by size. The zero value is empty. Add and Since of two histograms are exact, since all
// have the same buckets.
type Histogram struct {
	Count   int64                  `json:"count"`
	Sum     time.Duration          `json:"sum_ns"`
	Buckets [len(bounds) + 1]int64 `json:"buckets"` // not cumulative; see [Bounds]
}

// Mean is Sum / Count, or 0 when there is nothing.
func (h Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}

// Quantile is an upper bound of the q-quantile, 0 < q <= 1: the end of the bucket it is in. For the last bucket, which
// has no end, it is 30s all the same. It is 0 when there is nothing.
func (h Histogram) Quantile(q float64) time.Duration {
	rank := q * float64(h.Count)
	seen := int64(0)
	for i, n := range h.Buckets {
		if seen += n; n > 0 && float64(seen) >= rank {
			return bounds[min(i, len(bounds)-1)]
		}
	}
	return 0
}

// add counts d as often as weight says.
func (h *Histogram) add(d time.Duration, weight int64) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.Buckets[i] += weight
	h.Count += weight
	h.Sum += d * time.Duration(weight)
}

// merge adds o to h.
func (h *Histogram) merge(o *Histogram) {
	h.Count += o.Count
	h.Sum += o.Sum
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
}

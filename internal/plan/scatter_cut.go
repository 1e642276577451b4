package plan

import (
	"math"
	"strconv"
	"sync/atomic"
)

// mostCut is the longest limit that is cut: a cut read holds its rows until all shards have answered.
const mostCut = 1000

// CutTo says how many rows to ask each of some shards for at first, when the shards' rows are merged in order up to a
// limit: fewer than the limit, or 0 to ask for all of them. A hash spreads rows alike. Of the first n rows a shard of s
// then has n/s, and by the binomial distribution hardly ever more than four standard deviations above that. Where a shard
// has more all the same, the statement is to be sent again without a cut; see [Cuts].
func (sb *ScatterBinding) CutTo(shards int) int64 {
	s := sb.plan
	if s.Combine != Ordered || s.Ties || sb.Limit < 0 || sb.Limit > mostCut || sb.Offset > mostCut-sb.Limit {
		return 0
	}
	n, share := float64(sb.Limit+sb.Offset), 1/float64(shards)
	cut := math.Ceil(n*share + 4*math.Sqrt(n*share*(1-share)))
	if cut > n*3/4 {
		return 0
	}
	return int64(cut)
}

// Cuts remembers how cut reads of a plan went. After one that was too short the next read is not cut, after another the
// next three are not, and so on: where rows are not spread one read of a thousand is sent twice.
type Cuts struct {
	whole atomic.Int32 // reads still to be sent without a cut
	pause atomic.Int32 // reads without a cut after the last that was too short
}

const longestPause = 1023

// Next is called before each read that could be cut, and reports whether to.
func (c *Cuts) Next() bool {
	return c.whole.Load() <= 0 || c.whole.Add(-1) < 0
}

// Short is called when a cut read was too short.
func (c *Cuts) Short() {
	pause := min(2*c.pause.Load()+1, longestPause)
	c.pause.Store(pause)
	c.whole.Store(pause)
}

// Enough is called when a cut read was long enough.
func (c *Cuts) Enough() {
	if pause := c.pause.Load(); pause > 0 {
		c.pause.Store(pause / 2)
	}
}

// limitMark stands for a constant number of rows that a cut makes smaller.
func limitMark(n int64) string { return "\x00l" + strconv.FormatInt(n, 10) + markEnd }

// limitOf is what is written for it.
func limitOf(n string, cut int64) string {
	if cut > 0 {
		return strconv.FormatInt(cut, 10)
	}
	return n
}

package txn

import (
	"maps"
	"sync"

	"github.com/keyway-go/keyway/shard"
)

// Budget is a token bucket for each shard: a retry takes tokens, a success gives a few back, and a retry that finds too
// few does not happen. In the long run retries are at most Refund/Cost of the successes, a tenth by default, so a shard
// in trouble is not kept there by its callers. Every zero value is a default.
type Budget struct {
	Tokens      float64 // a full bucket, as at the start. Zero means 100
	Cost        float64 // of a retry. Zero means 5
	TimeoutCost float64 // of a retry after a timeout, which was dearer for the server. Zero means 10
	Refund      float64 // of a success. Zero means 0.5
}

func (b Budget) withDefaults() Budget {
	orDefault(&b.Tokens, 100)
	orDefault(&b.Cost, 5)
	orDefault(&b.TimeoutCost, 10)
	orDefault(&b.Refund, 0.5)
	return b
}

// buckets holds the bucket of each shard; a shard without one has a full bucket.
type buckets struct {
	Budget

	mu     sync.Mutex
	tokens map[shard.ID]float64
}

func newBuckets(b Budget) *buckets {
	return &buckets{Budget: b, tokens: map[shard.ID]float64{}}
}

// take takes cost from the shard's bucket; false, and nothing taken, when it has less.
func (b *buckets) take(id shard.ID, cost float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	have, ok := b.tokens[id]
	if !ok {
		have = b.Tokens
	}
	if have < cost {
		return false
	}
	b.tokens[id] = have - cost
	return true
}

// refund is for a success.
func (b *buckets) refund(id shard.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	have, ok := b.tokens[id]
	if !ok {
		return // full already
	}
	if have += b.Refund; have >= b.Tokens {
		delete(b.tokens, id)
		return
	}
	b.tokens[id] = have
}

// left returns what the shards have left that do not have a full bucket.
func (b *buckets) left() map[shard.ID]float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := make(map[shard.ID]float64, len(b.tokens))
	maps.Copy(left, b.tokens)
	return left
}

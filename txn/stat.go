package txn

import (
	"maps"
	"sync"

	"github.com/keyway-go/keyway/shard"
)

// Stat counts what a [Runner] did since it was made. Runs = Committed + Failed + InDoubt + those still running.
type Stat struct {
	Runs      int64 // calls of Run that were not refused
	Attempts  int64 // transactions begun, or tried to begin
	Committed int64
	Failed    int64 // known not to be committed; a function that panicked counts here
	InDoubt   int64
	Panics    int64 // of Failed: the function panicked or ended its goroutine

	// Retries counts repeated attempts by their cause: a SQLSTATE, "connect", "connection lost".
	Retries map[string]int64

	// GaveUp counts runs that were not tried again although it was safe, by what forbade it.
	GaveUp map[Limit]int64

	// Tokens is what is left of the retry budget of the shards that have not their full one.
	Tokens map[shard.ID]float64
}

// counters is Stat under a lock: it is taken a few times for each transaction, which talks to a server anyway.
type counters struct {
	mu sync.Mutex
	s  Stat
}

func newCounters() *counters {
	return &counters{s: Stat{Retries: map[string]int64{}, GaveUp: map[Limit]int64{}}}
}

func (c *counters) add(f func(*Stat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

func (c *counters) snapshot() Stat {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Retries, s.GaveUp = maps.Clone(s.Retries), maps.Clone(s.GaveUp)
	return s
}

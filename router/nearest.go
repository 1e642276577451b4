package router

import (
	"math/rand/v2"
	"time"
)

// nearby is how much longer than the shortest round trip one may be for its server to be as near. It is above what
// servers of one region differ by and below what regions do: among servers of one region rows are read from all alike,
// because whoever reads from the nearest alone makes one server carry what all could.
const nearby = 5 * time.Millisecond

// firstTrips is how many round trips are measured when a shard is looked at. Checks of idle connections follow, but they
// are half a minute apart.
const firstTrips = 3

// anyOwner returns some shard for a statement that gives the same answer everywhere: by chance one of the nearest of
// those that serve. Those that were not measured yet count as near. Where none serves it is a verified one if there is
// any, whose error says more.
func (s *snapshot) anyOwner() (*node, error) {
	if n := s.nearOwner(); n != nil {
		return n, nil
	}
	at := rand.IntN(len(s.owners))
	var last *node
	for i := range s.owners {
		n := s.owners[(at+i)%len(s.owners)]
		if n == nil {
			continue
		}
		if last = n; n.down.Load() == nil {
			return n, nil
		}
	}
	if last == nil {
		return nil, &UnknownShardError{Shard: s.slots.Shards()[0], MapVersion: s.slots.Version()}
	}
	return last, nil
}

// nearOwner is nil when no shard serves. It is on the path of statements: no lock, no clock, no allocation.
func (s *snapshot) nearOwner() *node {
	within, measured := nearby, false
	for _, n := range s.owners {
		if trip := n.roundTrip(); trip > 0 && n.serves() && (!measured || trip+nearby < within) {
			within, measured = trip+nearby, true
		}
	}
	var chosen *node
	near := 0
	for _, n := range s.owners {
		if n.serves() && (!measured || n.roundTrip() <= within) {
			if near++; near == 1 || rand.IntN(near) == 0 {
				chosen = n
			}
		}
	}
	return chosen
}

// roundTrip is 0 while it is not known.
func (n *node) roundTrip() time.Duration {
	if n == nil || n.db == nil {
		return 0
	}
	return n.db.RoundTrip()
}

// serves reports whether a statement may be sent to the shard and will find a connection, as far as is known.
func (n *node) serves() bool {
	return n != nil && n.down.Load() == nil && (n.db == nil || n.db.Serves())
}

// retryFailed lets the pools try the servers that they could not reach: statements for any shard keep away from those,
// and nothing else may be there to find that one is back.
func (l *loader) retryFailed() {
	for _, n := range l.db.nodes {
		if n.down.Load() == nil && !n.db.Serves() {
			n.db.Retry()
		}
	}
}

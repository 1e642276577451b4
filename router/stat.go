package router

import (
	"maps"
	"slices"
	"time"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// Stat is a snapshot of a DB.
type Stat struct {
	MapVersion uint64
	Tables     int           // registered tables
	Shards     []ShardStat   // sorted by id
	Instances  []pool.Stat   // sorted by name; their Databases say which shard each is
	Budget     []lease.State // this process's part of each instance's connection budget, sorted by instance
	Txn        txn.Stat
	Observed   ObservedStat // what Config.Observe let run
}

// ShardStat is the state of one shard.
type ShardStat struct {
	ID       shard.ID
	Instance string
	Database string
	Slots    int       // how many hash slots it owns
	Down     string    // why it is down; "" when it is not
	Since    time.Time // since when it is down
}

// Stat returns counters and states, without asking any server.
func (db *DB) Stat() Stat {
	snap := db.current.Load()
	s := Stat{MapVersion: snap.slots.Version(), Tables: len(snap.registry.Tables()), Txn: db.txns.Stat(), Observed: db.observer.counts(snap)}
	for _, n := range db.sortedNodes() {
		ss := ShardStat{ID: n.id, Instance: n.instance, Database: n.database, Slots: slotCount(snap.slots, n.id)}
		if o := n.down.Load(); o != nil {
			ss.Down, ss.Since = o.err.Error(), o.since
		}
		s.Shards = append(s.Shards, ss)
	}
	for _, in := range db.Instances() {
		s.Instances = append(s.Instances, in.Stat())
	}
	s.Budget = db.leaseStates()
	return s
}

// Instances are the servers' pools, sorted by name: for metrics, as pool/prompool and pool/otelpool make them, and for
// looking. They are the DB's own; nobody else may close them or change their limits.
func (db *DB) Instances() []*pool.Instance {
	all := make([]*pool.Instance, 0, len(db.instances))
	for _, name := range slices.Sorted(maps.Keys(db.instances)) {
		all = append(all, db.instances[name])
	}
	return all
}

// slotCount counts the hash slots of a shard.
func slotCount(m *shard.Map, id shard.ID) int {
	count := 0
	for _, r := range m.RangesOf(id) {
		if r.Lo < shard.HashSlots {
			count += int(min(r.Hi, shard.HashSlots-1)) - int(r.Lo) + 1
		}
	}
	return count
}

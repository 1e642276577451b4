package router

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// StopListening ends the loader's watch and keeps its reads on demand working.
func StopListening(db *DB) {
	db.loader.cancel()
	db.loader.wg.Wait()
	l := newLoader(db)
	db.loader = l
}

// InstallMap offers the DB a map, as a poll would.
func InstallMap(db *DB, m *shard.Map) { db.loader.installMap(m, "test") }

// PlanPage plans a page of sql on db, as Page does.
func PlanPage(ctx context.Context, db *DB, sql string) error {
	_, err := db.pages(ctx).plan(ctx, sql)
	return err
}

// AnyOwner is where a statement goes that gives the same answer everywhere.
func AnyOwner(db *DB) (shard.ID, error) {
	n, err := db.current.Load().anyOwner()
	if err != nil {
		return "", err
	}
	return n.id, nil
}

// PoolOf is what the pools get of c.
func PoolOf(c PoolConfig) pool.Config {
	var pc pool.Config
	c.apply(&pc)
	return pc
}

// RaceEnabled says that the race detector counts allocations of its own.
const RaceEnabled = raceEnabled

// ObserverClock stops the clock of observe mode; nanoseconds are added to what it returns.
func ObserverClock(db *DB) *atomic.Int64 {
	var passed atomic.Int64
	now := time.Now()
	db.observer.mu.Lock()
	defer db.observer.mu.Unlock()
	db.observer.now = func() time.Time { return now.Add(time.Duration(passed.Load())) }
	return &passed
}

// SentFirst is the shard that a statement over several shards is sent to before the others, "" for none in particular.
func SentFirst(db *DB, sql string) shard.ID {
	p, err := db.plans.Scatter(sql, db.current.Load().registry, db.schema, false)
	if err != nil || p.Slowest.Load() == nil {
		return ""
	}
	return *p.Slowest.Load()
}

// CheckServers is what Open finds of its instances, had they all started at one moment.
func CheckServers(ctx context.Context, db *DB) error {
	f := &openFailure{shards: map[shard.ID]error{}}
	var up []seen
	for _, n := range db.sortedNodes() {
		up = append(up, seen{n, facts{started: started}})
	}
	db.checkServers(ctx, up, f)
	return f.err()
}

package router

import (
	"github.com/keyway-go/keyway/pool"
)

// warn tells what works and should not stay so.
func (db *DB) warn(up []seen) {
	log := db.opts.log
	version := db.current.Load().slots.Version()
	for _, s := range up {
		switch have := s.slots.Version(); {
		case have < version:
			log.Warn("keyway: the shard has an older slot map, by which its triggers refuse and take rows; a move is on its way, "+
				"or the database is an older copy", "shard", string(s.id), "has", have, "current", version)
		case have > version:
			log.Warn("keyway: the shard has a newer slot map than the catalog; a move is on its way, or the catalog's database "+
				"is an older copy", "shard", string(s.id), "has", have, "current", version)
		}
		switch {
		case s.superuser:
			log.Warn("keyway: the app role is a superuser; give it only the rights that statements need",
				"shard", string(s.id), "role", s.role)
		case s.owner != "":
			log.Warn("keyway: the app role owns tables; let the migrator own them", "shard", string(s.id), "role", s.role,
				"table", s.owner)
		case s.bypassRLS:
			log.Warn("keyway: the app role bypasses row-level security", "shard", string(s.id), "role", s.role)
		}
		if s.shadows != "" {
			log.Warn("keyway: functions of the schema have names of PostgreSQL's own and may be called in their place; what they "+
				"read of other keys is on other shards", "shard", string(s.id), "functions", s.shadows)
		}
		for _, d := range s.registry.Drift() {
			log.Warn("keyway: a registered table is not as it was registered; statements on it are refused",
				"shard", string(s.id), "table", d.Schema+"."+d.Name, "reason", d.Reason)
		}
		for _, d := range s.registry.FunctionDrift() {
			log.Warn("keyway: a registered function is not as it was registered; statements that call it are refused",
				"shard", string(s.id), "function", d.Schema+"."+d.Name, "reason", d.Reason)
		}
	}
	for _, name := range db.cfg.instanceNames() {
		in := db.cfg.Instances[name]
		if len(in.Replicas) > 0 {
			log.Warn("keyway: replica addresses are not used yet; statements go to the primary", "instance", name)
		}
	}
	db.tellPoolers(up)
}

// tellPoolers says, once for each instance, what stands in front of it.
func (db *DB) tellPoolers(up []seen) {
	told := map[string]bool{}
	for _, s := range up {
		pooling := s.db.Pooling()
		if pooling == pool.NoPooling || told[s.instance] {
			continue
		}
		told[s.instance] = true
		db.opts.log.Info("keyway: statements go through a pooler; its clients are bounded, not its backends, and no statement "+
			"is prepared by name unless exec_mode says so", "instance", s.instance, "pooling", pooling.String())
		if pooling == pool.TransactionPooling && s.direct.Pooling() == pool.TransactionPooling {
			db.opts.log.Warn("keyway: the instance has no address for sessions; a changed slot map is looked for instead of "+
				"listened for, and Shard and EachShard are refused; give its direct address", "instance", s.instance)
		}
	}
}

package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

func (x *examination) identity() {
	cluster, first := "", shard.ID("")
	for _, f := range x.answered() {
		id := f.identity
		switch {
		case errors.Is(f.identityErr, catalog.ErrNotInitialised):
			x.add(Problem, f.subject(), "its database has no keyway schema, or the app has no right on it", "run keyway init")
			continue
		case f.identityErr != nil:
			x.add(Problem, f.subject(), f.identityErr.Error(), "bring library and schema to one version: a newer library, or keyway init")
			continue
		case id.Shard != f.id:
			x.add(Problem, f.subject(), fmt.Sprintf("its address leads to the database of shard %s", id.Shard),
				"correct the addresses; two of them are probably swapped")
		case id.Catalog != x.cfg.Catalog:
			x.add(Problem, f.subject(), fmt.Sprintf("it was made with catalog %s, and the configuration says %s", id.Catalog, x.cfg.Catalog),
				"correct catalog in the configuration")
		}
		if want := shard.Fingerprint(id.ClusterID); id.Fingerprint != want {
			x.add(Problem, f.subject(), fmt.Sprintf("its rows were placed by another rule (%s) than this library's (%s)", id.Fingerprint, want),
				"use the version of the library that placed them")
		}
		if cluster == "" {
			cluster, first = id.ClusterID, f.id
		} else if id.ClusterID != cluster {
			x.add(Problem, f.subject(), fmt.Sprintf("it belongs to cluster %s, and shard %s to cluster %s", id.ClusterID, first, cluster),
				"one of the addresses leads to another environment, or to a copy of one")
		}
	}
}

func (x *examination) slotMap() {
	var master *shard.Map
	for _, f := range x.answered() {
		if f.id == x.cfg.Catalog && f.identityErr == nil {
			master = f.slots
			if master == nil {
				x.add(Problem, "cluster", "the catalog has no slot map", "run keyway init")
			}
		}
	}
	if master == nil {
		return
	}
	for _, id := range master.Shards() {
		if _, ok := x.cfg.Shards[id]; !ok {
			x.add(Problem, "cluster", fmt.Sprintf("the slot map gives slots to shard %s, which the configuration does not have", id),
				"add the shard to the configuration")
		}
	}
	for _, f := range x.answered() {
		switch {
		case f.identityErr != nil:
		case f.slots == nil:
			x.add(Problem, f.subject(), "it has no copy of the slot map", "run keyway init again")
		case f.slots.Version() < master.Version():
			x.add(Warning, f.subject(), fmt.Sprintf("its copy of the slot map is version %d, and the catalog's is %d",
				f.slots.Version(), master.Version()), "run keyway init again, which stores the map on every shard")
		case f.slots.Version() > master.Version() || !f.slots.Equal(master):
			x.add(Problem, f.subject(), fmt.Sprintf("its copy of the slot map (version %d) is not the catalog's (version %d)",
				f.slots.Version(), master.Version()), "a catalog that was restored from an old backup is the likely cause; do not write until it is settled")
		case len(master.RangesOf(f.id)) == 0:
			x.add(Note, f.subject(), "it owns no slot", "it is empty until slots are moved to it")
		}
	}
}

// tables holds the registries against each other and against the configuration.
func (x *examination) tables() {
	var first *facts
	for _, f := range x.answered() {
		if f.registry == nil {
			continue
		}
		for _, d := range f.registry.Drift() {
			x.add(Problem, f.subject(), fmt.Sprintf("table %s.%s is not as it was registered: %s", d.Schema, d.Name, d.Reason),
				"statements on it are refused; register it again in a migration")
		}
		for _, d := range f.registry.FunctionDrift() {
			x.add(Problem, f.subject(), fmt.Sprintf("function %s.%s is not as it was registered: %s", d.Schema, d.Name, d.Reason),
				"statements that call it are refused; register it again in a migration")
		}
		if first == nil {
			first = f
			x.asserted(f)
		} else if f.registry.Version != first.registry.Version {
			x.add(Problem, f.subject(), fmt.Sprintf("its registered tables differ from those of shard %s: %s", first.id,
				strings.Join(differences(first.registry, f.registry), "; ")), "run keyway migrate up until all shards have one schema")
		}
	}
}

func (x *examination) asserted(f *facts) {
	schema := x.cfg.Schema
	if schema == "" {
		schema = "public"
	}
	for name := range x.cfg.Tables {
		in, table, qualified := strings.Cut(name, ".")
		if !qualified {
			in, table = schema, name
		}
		if _, ok := f.registry.Table(in, table); !ok {
			x.add(Problem, "cluster", fmt.Sprintf("the configuration lists table %s, which is not registered", name),
				"register it in a migration with keyway.shard_table, reference_table or home_table")
		}
	}
}

// differences names the tables that differ, at most five.
func differences(a, b *catalog.Registry) []string {
	var list []string
	for _, t := range a.Tables() {
		if _, ok := b.Table(t.Schema, t.Name); !ok {
			list = append(list, t.Schema+"."+t.Name+" is missing")
		}
	}
	for _, t := range b.Tables() {
		if _, ok := a.Table(t.Schema, t.Name); !ok {
			list = append(list, t.Schema+"."+t.Name+" is only there")
		}
	}
	switch {
	case len(list) == 0:
		return []string{"a table has other columns or another key"}
	case len(list) > 5:
		return append(list[:5], fmt.Sprintf("and %d more", len(list)-5))
	}
	return list
}

func (x *examination) migrations() {
	byVersion := make(map[string][]string)
	var order []string
	for _, f := range x.answered() {
		if f.identityErr != nil {
			continue
		}
		version := "none"
		if f.migration != nil {
			version = fmt.Sprint(*f.migration)
		}
		if byVersion[version] == nil {
			order = append(order, version)
		}
		byVersion[version] = append(byVersion[version], string(f.id))
		if len(f.unfinished) > 0 {
			x.add(Warning, f.subject(), "started and not finished: "+strings.Join(f.unfinished, ", "),
				"if no runner is at it now, run keyway migrate up, which checks and repeats it")
		}
	}
	if len(order) < 2 {
		return
	}
	var parts []string
	for _, v := range order {
		parts = append(parts, v+" on "+strings.Join(byVersion[v], ", "))
	}
	x.add(Warning, "cluster", "shards are at different migrations: "+strings.Join(parts, "; "), "run keyway migrate up")
}

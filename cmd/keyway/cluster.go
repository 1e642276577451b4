package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/doctor"
	"github.com/keyway-go/keyway/shard"
)

var initCommand = &command{
	name: "keyway init", short: "make a cluster of the configured databases, or finish one",
	long: `Makes a cluster of the configured databases: the keyway schema with the shard's
identity on each, the app role's rights, each server's connection budget, and the
slot map. It connects as the migrator, which needs to own the databases and
nothing more. A budget that is there is kept; keyway pool set changes it.

The app role may read the keyway schema, and may read and write the tables that
the migrator makes from then on (ALTER DEFAULT PRIVILEGES; tables that exist keep
their rights). With --leave-rights your own migrations say who may touch them.

Run it again after a failure, for a new version of the schema, and for a shard
that was added to the configuration; what is there is verified and kept. A
database of another cluster, or of another shard, is refused before anything
is changed.

With --adopt the catalog's database, as it is today, owns every slot: nothing
moves, its rows stay where they are, and going back is the old program.`,
	example: "keyway init --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		adopt := fs.Bool("adopt", false, "give every slot to the catalog's shard, an existing database")
		leave := fs.Bool("leave-rights", false, "give the app role no rights on the tables of later migrations")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("init"); err != nil {
				return err
			}
			return runInit(ctx, c, router.InitOptions{Adopt: *adopt, LeaveRights: *leave})
		}
	},
}

func runInit(ctx context.Context, c *call, o router.InitOptions) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	r, err := router.Init(ctx, cfg, o)
	if err != nil {
		if r != nil && len(r.Created) > 0 {
			return &exitError{code: exitPartial, err: fmt.Errorf("%w; made on %s; run init again to finish", err, ids(r.Created))}
		}
		return err
	}
	c.result(map[string]any{
		"cluster_id": r.ClusterID, "created": nonNil(r.Created), "existing": nonNil(r.Existing),
		"map_version": r.Map.Version(), "new_map": r.NewMap, "slots": slotCounts(r.Map), "budgets": r.Budgets,
	}, func(w io.Writer) {
		fmt.Fprintf(w, "cluster %s\n", r.ClusterID)
		if len(r.Created) > 0 {
			fmt.Fprintf(w, "made on %s\n", ids(r.Created))
		}
		if len(r.Existing) > 0 {
			fmt.Fprintf(w, "there already, and verified: %s\n", ids(r.Existing))
		}
		rows := [][]string{{"SHARD", "SLOTS"}}
		counts := slotCounts(r.Map)
		for _, id := range sortedIDs(cfg.Shards) {
			rows = append(rows, []string{string(id), fmt.Sprint(counts[id])})
		}
		fmt.Fprintf(w, "slot map version %d\n", r.Map.Version())
		if o.Adopt && !r.NewMap {
			fmt.Fprintln(w, "it was there before, so --adopt gave no slot away")
		}
		table(w, rows)
		printBudgets(w, r.Budgets)
	})
	return nil
}

var doctorCommand = &command{
	name: "keyway doctor", short: "say what is wrong with the cluster, or will be, and what to do",
	long: `Looks at every shard as the app and as the migrator, changes nothing, and says
what is wrong or will be when it is needed: versions and settings of servers,
rights of roles, the budget against max_connections, identities, slot maps,
registered tables, migrations. Problems and warnings end with exit code 3, notes
do not.`,
	example: "keyway doctor --config keyway.production.yaml",
	flags: func(*flag.FlagSet) runner {
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("doctor"); err != nil {
				return err
			}
			return runDoctor(ctx, c)
		}
	},
}

func runDoctor(ctx context.Context, c *call) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	c.progress("looking at %d shards", len(cfg.Shards))
	r, err := doctor.Run(ctx, cfg)
	c.progressDone()
	if err != nil {
		return err
	}
	c.result(r, func(w io.Writer) { printDoctor(w, r) })
	if !r.Healthy() {
		return findings("there are findings")
	}
	return nil
}

func printDoctor(w io.Writer, r *doctor.Report) {
	rows := [][]string{{"SHARD", "INSTANCE", "DATABASE", "SLOTS", "MAP", "MIGRATION", "TABLES"}}
	for _, s := range r.Shards {
		migration := "none"
		if s.Migration != nil {
			migration = fmt.Sprint(*s.Migration)
		}
		rows = append(rows, []string{string(s.Shard), s.Instance, s.Database, fmt.Sprint(s.Slots), fmt.Sprint(s.MapVersion),
			migration, fmt.Sprint(s.Tables)})
	}
	table(w, rows)
	fmt.Fprintln(w)
	rows = [][]string{{"INSTANCE", "POSTGRESQL", "MAX_CONNECTIONS", "RESERVED", "BUDGETED", "OTHERS NOW"}}
	for _, s := range r.Servers {
		rows = append(rows, []string{s.Instance, s.Version, fmt.Sprint(s.MaxConnections), fmt.Sprint(s.Reserved),
			fmt.Sprint(s.Budgeted), fmt.Sprint(s.InUse)})
	}
	table(w, rows)
	for _, g := range alike(r.Findings) {
		fmt.Fprintf(w, "\n%s  %s: %s\n    -> %s\n", strings.ToUpper(string(g.Level)), g.Subject, g.Sentence, g.Remedy)
	}
	fmt.Fprintf(w, "\n%s, %s, %s; checked: %s\n", count(r.Count(doctor.Problem), "problem"),
		count(r.Count(doctor.Warning), "warning"), count(r.Count(doctor.Note), "note"), strings.Join(r.Checks, ", "))
}

// slotCounts counts the hash slots of each shard.
func slotCounts(m *shard.Map) map[shard.ID]int {
	counts := make(map[shard.ID]int)
	for _, r := range m.Ranges() {
		if r.Lo < shard.HashSlots {
			counts[r.Shard] += min(int(r.Hi), shard.HashSlots-1) - int(r.Lo) + 1
		}
	}
	return counts
}

// alike folds findings that differ in their subject only, keeping the order of the first of each.
func alike(findings []doctor.Finding) []doctor.Finding {
	var folded []doctor.Finding
	at := make(map[doctor.Finding]int)
	for _, f := range findings {
		same := f
		same.Subject = ""
		i, ok := at[same]
		if !ok {
			at[same] = len(folded)
			folded = append(folded, f)
			continue
		}
		folded[i].Subject += ", " + f.Subject
	}
	return folded
}

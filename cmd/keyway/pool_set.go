package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
)

var poolSetCommand = &command{
	name: "keyway pool set", short: "change the connection budget of a server",
	long: `Changes the connection budget of one server, or of all. Processes follow with
their next heartbeat, within seconds: they give up what is over before others get
more. What is not given stays as it is. It connects as the migrator.

A budget is refused when the server has fewer connections, or when the processes
could not have their floor. Without --floor about half of the budget is promised
to the processes evenly, at least one connection each; the rest goes where it is
needed. --reserve is for processes that start, for operators, and for this
command.`,
	example: "keyway pool set --instance pg-a --connections 80 --processes 50 --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		var set budgetFlags
		fs.StringVar(&set.instance, "instance", "", "the `name` of the server; without it all of them")
		fs.IntVar(&set.Connections, "connections", 0, "what all processes together may hold on a server, the reserve included")
		fs.IntVar(&set.Processes, "processes", 0, "how many processes may hold connections, a deploy's surge included")
		fs.IntVar(&set.Floor, "floor", 0, "what each process may always hold")
		fs.IntVar(&set.Reserve, "reserve", 0, "what is kept for processes that ask for a lease")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("pool set"); err != nil {
				return err
			}
			if set.Budget == (lease.Budget{}) {
				return usagef("pool set needs --connections, --processes, --floor or --reserve")
			}
			if min(set.Connections, set.Processes, set.Floor, set.Reserve) < 0 {
				return usagef("a budget's numbers are not negative")
			}
			return runPoolSet(ctx, c, set)
		}
	},
}

// budgetFlags are the numbers that were given; zero is not given.
type budgetFlags struct {
	instance string
	lease.Budget
}

func runPoolSet(ctx context.Context, c *call, set budgetFlags) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	names := sortedIDs(cfg.Instances)
	names = slices.DeleteFunc(names, func(name string) bool { return cfg.Home(name) == "" })
	if set.instance != "" {
		if !slices.Contains(names, set.instance) {
			return usagef("there is no instance %q with a shard (%s)", set.instance, strings.Join(names, ", "))
		}
		names = []string{set.instance}
	}
	budgets := map[string]lease.Budget{}
	for _, name := range names {
		b, err := setBudget(ctx, cfg, name, set.Budget)
		if err != nil {
			err = fmt.Errorf("instance %s: %s", name, strings.TrimPrefix(err.Error(), "lease: "))
			if len(budgets) > 0 {
				return &exitError{code: exitPartial, err: fmt.Errorf("%w; changed on %s", err, strings.Join(sortedIDs(budgets), ", "))}
			}
			return err
		}
		budgets[name] = b
	}
	c.result(map[string]any{"budgets": budgets}, func(w io.Writer) { printBudgets(w, budgets) })
	return nil
}

// setBudget changes what is given of the budget in force and tells every database of the server where it is.
func setBudget(ctx context.Context, cfg router.Config, instance string, change lease.Budget) (b lease.Budget, err error) {
	home := cfg.Home(instance)
	app, err := cfg.ConnConfig(home, router.App)
	if err != nil {
		return b, err
	}
	err = onHome(ctx, cfg, instance, router.Migrator, func(ctx context.Context, conn *pgx.Conn) error {
		have, err := lease.ReadBudget(ctx, conn)
		if err != nil && !errors.Is(err, lease.ErrNoBudget) {
			return err
		}
		b, err = lease.SetBudget(ctx, conn, app.User, merged(have, change))
		return err
	})
	if err != nil {
		return b, err
	}
	for _, id := range sortedIDs(cfg.Shards) {
		if cfg.Shards[id].Instance != instance || id == home {
			continue
		}
		cc, err := cfg.ConnConfig(id, router.Migrator)
		if err != nil {
			return b, err
		}
		if err := connected(ctx, cc, func(ctx context.Context, conn *pgx.Conn) error {
			return lease.SetHome(ctx, conn, cfg.Shards[id].Database, cfg.Shards[home].Database)
		}); err != nil {
			return b, err
		}
	}
	return b, nil
}

// merged is have with what is given of change. The floor and the reserve are found anew when the numbers that they are
// a part of change, unless they are given.
func merged(have, change lease.Budget) lease.Budget {
	b := have
	if change.Connections > 0 || change.Processes > 0 {
		b.Floor, b.Reserve = 0, 0
	}
	for _, n := range []struct{ to, from *int }{
		{&b.Connections, &change.Connections}, {&b.Processes, &change.Processes}, {&b.Floor, &change.Floor},
		{&b.Reserve, &change.Reserve},
	} {
		if *n.from > 0 {
			*n.to = *n.from
		}
	}
	return b
}

func printBudgets(w io.Writer, budgets map[string]lease.Budget) {
	rows := [][]string{{"INSTANCE", "CONNECTIONS", "PROCESSES", "FLOOR", "RESERVE", "SHARED OUT"}}
	for _, name := range sortedIDs(budgets) {
		b := budgets[name]
		rows = append(rows, []string{name, fmt.Sprint(b.Connections), fmt.Sprint(b.Processes), fmt.Sprint(b.Floor),
			fmt.Sprint(b.Reserve), fmt.Sprint(b.Elastic())})
	}
	table(w, rows)
}

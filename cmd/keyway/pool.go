package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
)

var poolGroup = &command{
	name: "keyway pool", short: "show who holds what of each server's connection budget, or change a budget",
	long: `Shows the connection budget of every server and which process holds what of it,
from the leases that the processes keep on the server. The first bar is the whole
budget, the others are compared with the largest: what is open, then what is held
of the budget, since it may be opened at any moment. It reads only, over one
connection to each server for a moment.

keyway pool set changes a budget.`,
	example: "keyway pool --watch 2s --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		watch := fs.Duration("watch", 0, "show it again after this `time`, until interrupted")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("pool"); err != nil {
				return err
			}
			if *watch < 0 || *watch > 0 && *watch < 100*time.Millisecond {
				return usagef("--watch %s: it is at least 100ms", *watch)
			}
			return runPool(ctx, c, *watch)
		}
	},
	group: []*command{poolSetCommand},
}

func runPool(ctx context.Context, c *call, watch time.Duration) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	for {
		views := viewBudgets(ctx, cfg)
		if ctx.Err() != nil {
			return nil
		}
		failed := poolErrors(views)
		if failed != nil && exitCode(failed) != exitPartial && watch == 0 {
			return failed
		}
		c.result(poolJSON(views), func(w io.Writer) {
			if watch > 0 && c.screen {
				_, _ = fmt.Fprint(w, "\x1b[H\x1b[2J")
			}
			printPool(w, views)
		})
		if watch == 0 {
			return failed
		}
		timer := time.NewTimer(watch)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// budgetView is what one server says, or why it does not.
type budgetView struct {
	instance string
	view     lease.View
	err      error
}

// viewBudgets asks all servers at once. It is sorted by instance.
func viewBudgets(ctx context.Context, cfg router.Config) []budgetView {
	views := make([]budgetView, 0, len(cfg.Instances))
	for _, name := range sortedIDs(cfg.Instances) {
		if cfg.Home(name) != "" {
			views = append(views, budgetView{instance: name})
		}
	}
	var asking sync.WaitGroup
	for i := range views {
		v := &views[i]
		asking.Go(func() {
			v.err = onHome(ctx, cfg, v.instance, router.App, func(ctx context.Context, conn *pgx.Conn) (err error) {
				v.view, err = lease.Overview(ctx, conn)
				return err
			})
		})
	}
	asking.Wait()
	return views
}

// onHome connects to the database that holds an instance's budget, for as long as use runs.
func onHome(ctx context.Context, cfg router.Config, instance string, p router.Purpose, use func(context.Context, *pgx.Conn) error) error {
	cc, err := cfg.ConnConfig(cfg.Home(instance), p)
	if err != nil {
		return err
	}
	return connected(ctx, cc, use)
}

// connected opens a connection of the tool's own, for as long as use runs.
func connected(ctx context.Context, cc *pgx.ConnConfig, use func(context.Context, *pgx.Conn) error) error {
	cc.RuntimeParams["application_name"] = "keyway command line"
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return fmt.Errorf("cannot connect to database %s at %s:%d as %s: %w", cc.Database, cc.Host, cc.Port, cc.User,
			pgerr.ConnectCause(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	return pgerr.Public(use(ctx, conn))
}

// closeTime is how long a connection may take to say good-bye.
const closeTime = 2 * time.Second

func poolErrors(views []budgetView) error {
	var lines []string
	for _, v := range views {
		if v.err != nil {
			lines = append(lines, fmt.Sprintf("instance %s: %s", v.instance, strings.TrimPrefix(v.err.Error(), "lease: ")))
		}
	}
	switch {
	case len(lines) == 0:
		return nil
	case len(lines) < len(views):
		return &exitError{code: exitPartial, err: errors.New(strings.Join(lines, "\n  ")), quiet: true}
	default:
		return errors.New(strings.Join(lines, "\n  "))
	}
}

// wholeBar is the length of the bar that stands for a whole budget, poolBar that of the longest bar of a process.
const (
	wholeBar = 40
	poolBar  = 10
)

func printPool(w io.Writer, views []budgetView) {
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if v.err != nil {
			fmt.Fprintf(w, "%s: not known: %s\n", v.instance, strings.TrimPrefix(v.err.Error(), "lease: "))
			continue
		}
		printBudget(w, v.instance, v.view)
	}
}

func printBudget(w io.Writer, instance string, v lease.View) {
	b := v.Budget
	members, waiting := 0, 0
	for _, r := range v.Leases {
		if r.Charge(v.Now) > 0 {
			members++
		} else {
			waiting++
		}
	}
	open, most := v.Strangers, 1
	for _, r := range v.Leases {
		open, most = open+r.Shown, max(most, r.Charge(v.Now), r.Shown)
	}
	fmt.Fprintf(w, "%s: %s for at most %s, %d always for each\n", instance,
		count(b.Connections, "connection"), plural(b.Processes, "process", "processes"), b.Floor)
	fmt.Fprintf(w, "  %s  %d held, %d free, %d in reserve\n", budgetBar(wholeBar, open, v.Charged, b.Connections), v.Charged,
		v.Free(), b.Reserve)
	if members == 0 && waiting == 0 {
		fmt.Fprintln(w, "  no process holds a lease")
	} else {
		rows := [][]string{{"  STATE", "OPEN", "MAY", "HELD", "WANTS", "ENDS IN", "", "PROCESS"}}
		for _, r := range v.Leases {
			rows = append(rows, leaseRow(r, v, most))
		}
		table(w, rows)
	}
	if v.Strangers > 0 {
		fmt.Fprintf(w, "  %s of processes that hold no lease any more\n", plural(v.Strangers, "backend is", "backends are"))
	}
	if waiting > 0 {
		fmt.Fprintf(w, "  %s: there are %d; keyway pool set can make more\n",
			plural(waiting, "process waits for a place", "processes wait for a place"), b.Processes)
	}
}

// leaseRow ends with the process, whose name may be long: the line is then cut or wrapped where it hurts least.
func leaseRow(r lease.Row, v lease.View, most int) []string {
	state, left := leaseState(r, v.Now)
	charge := r.Charge(v.Now)
	return []string{
		"  " + state, fmt.Sprint(r.Shown), fmt.Sprint(r.Floor + r.Granted), fmt.Sprint(charge), fmt.Sprint(r.Want), left,
		budgetBar(poolBar, r.Shown, charge, most), fmt.Sprintf("%s:%d %s", r.Holder.Host, r.Holder.PID, r.Holder.Application),
	}
}

// leaseState is what the server knows: a process whose lease ran out may be gone, or may not reach the server.
func leaseState(r lease.Row, now time.Time) (state, left string) {
	switch {
	case r.Floor == 0:
		return "waits", "-"
	case now.After(r.Expires):
		return "silent", "-" + short(now.Sub(r.Expires))
	default:
		return "leased", short(r.Expires.Sub(now))
	}
}

// budgetBar shows what is open, what is held besides, and the rest of a whole, in so many cells. What is not nothing
// has a cell.
func budgetBar(length, open, held, of int) string {
	if of < 1 {
		return strings.Repeat("·", length)
	}
	cells := func(n int) int { return (min(n, of)*length + of - 1) / of }
	solid := cells(open)
	light := max(cells(held)-solid, 0)
	return strings.Repeat("█", solid) + strings.Repeat("░", light) + strings.Repeat("·", length-solid-light)
}

func poolJSON(views []budgetView) any {
	all := make([]map[string]any, 0, len(views))
	for _, v := range views {
		if v.err != nil {
			all = append(all, map[string]any{"instance": v.instance, "error": v.err.Error()})
			continue
		}
		b := v.view.Budget
		leases := make([]map[string]any, 0, len(v.view.Leases))
		for _, r := range v.view.Leases {
			state, _ := leaseState(r, v.view.Now)
			leases = append(leases, map[string]any{
				"holder": r.Holder.Name, "application": r.Holder.Application, "host": r.Holder.Host, "pid": r.Holder.PID,
				"started": r.Holder.Started, "joined": r.Joined, "state": state, "floor": r.Floor, "granted": r.Granted,
				"held": r.Charge(v.view.Now), "open": r.Shown, "wants": r.Want, "expires": r.Expires,
			})
		}
		all = append(all, map[string]any{
			"instance": v.instance, "connections": b.Connections, "processes": b.Processes, "floor": b.Floor, "reserve": b.Reserve,
			"held": v.view.Charged, "free": v.view.Free(), "strangers": v.view.Strangers, "leases": leases,
		})
	}
	return map[string]any{"instances": all}
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

var migrateGroup = &command{
	name: "keyway migrate", short: "apply migration files to every shard, or say how far they are",
	long: `Applies golang-migrate's files (000001_name.up.sql) to every shard, as the
migrator. A file and its row in the history are one transaction on each shard.`,
	example: "keyway migrate up --dir migrations --config keyway.production.yaml",
	group:   []*command{migrateUpCommand, migrateStatusCommand},
}

const dirUsage = "the `directory` of the files"

var migrateUpCommand = &command{
	name: "keyway migrate up", short: "apply pending files on every shard",
	long: `Applies every pending file on every shard: shards in parallel, one at a time on
each server. Nothing is applied anywhere unless all shards can be reached and
their history fits the files. After a failure no further shard is started; the
message says what was applied where, and the same command goes on from there.

A file that PostgreSQL cannot run in a transaction (CREATE INDEX CONCURRENTLY)
stands alone and has the line  -- keyway:no-transaction`,
	example: "keyway migrate up --dir migrations --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		dir := fs.String("dir", "migrations", dirUsage)
		parallel := fs.Int("parallel", 8, "how many `shards` to migrate at the same time")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("migrate up"); err != nil {
				return err
			}
			return runMigrateUp(ctx, c, *dir, *parallel)
		}
	},
}

func runMigrateUp(ctx context.Context, c *call, dir string, parallel int) error {
	targets, err := c.targets()
	if err != nil {
		return err
	}
	r, err := migrations(dir, migrate.WithParallel(parallel), migrate.WithProgress(c.migrationEvent))
	if err != nil {
		return err
	}
	report, err := r.Up(ctx, targets)
	c.progressDone()
	if err != nil {
		return migrationError(c, err)
	}
	c.result(map[string]any{"version": r.Latest(), "shards": jsonResults(report.Shards)}, func(w io.Writer) {
		printResults(w, report.Shards)
	})
	return nil
}

func (c *call) migrationEvent(e migrate.Event) {
	switch e.Kind {
	case migrate.Waiting:
		c.progress("%s: another runner is at work; waiting", e.Shard)
	case migrate.Started:
		c.progress("%s: %s", e.Shard, e.File)
	case migrate.Retry:
		c.progress("%s: %s: waiting for locks, retry %d", e.Shard, e.File, e.Attempt)
	case migrate.Applied:
		c.progress("%s: %s done in %s", e.Shard, e.File, short(e.Took))
	}
}

// migrationError adds to JSON what is applied where; as text the error says it.
func migrationError(c *call, err error) error {
	var p *migrate.PartialError
	if !c.json || !errors.As(err, &p) {
		return err
	}
	code := exitCode(err)
	failed := make(map[shard.ID]string)
	for _, f := range p.Failed {
		failed[f.Shard] = f.Err.Error()
	}
	c.printJSON(map[string]any{
		"error":   map[string]any{"kind": kinds[code], "exit_code": code, "message": err.Error()},
		"applied": jsonResults(p.Applied), "failed": failed,
	})
	return &exitError{code: code, err: err, quiet: true}
}

func printResults(w io.Writer, results []migrate.ShardResult) {
	rows := [][]string{{"SHARD", "FROM", "TO", "TOOK", "APPLIED"}}
	for _, s := range results {
		applied := strings.Join(s.Files, ", ")
		if applied == "" {
			applied = "nothing was pending"
		}
		rows = append(rows, []string{string(s.Shard), version(s.From), version(s.To), short(s.Took), applied})
	}
	table(w, rows)
}

func jsonResults(results []migrate.ShardResult) []map[string]any {
	list := []map[string]any{}
	for _, s := range results {
		list = append(list, map[string]any{"shard": s.Shard, "from": jsonVersion(s.From), "to": jsonVersion(s.To),
			"files": nonNil(s.Files), "took_ms": s.Took.Milliseconds()})
	}
	return list
}

func version(v int64) string {
	if v == migrate.None {
		return "none"
	}
	return fmt.Sprint(v)
}

// jsonVersion is null before the first file.
func jsonVersion(v int64) any {
	if v == migrate.None {
		return nil
	}
	return v
}

var migrateStatusCommand = &command{
	name: "keyway migrate status", short: "compare every shard with the files",
	long: `Compares every shard's history with the files and changes nothing: version,
pending files, and drift, which is what migrate up would refuse (exit code 3).
With --check, pending files are exit code 3 as well.`,
	example: "keyway migrate status --dir migrations --config keyway.production.yaml",
	flags: func(fs *flag.FlagSet) runner {
		dir := fs.String("dir", "migrations", dirUsage)
		check := fs.Bool("check", false, "exit with 3 when files are pending")
		return func(ctx context.Context, c *call) error {
			if err := c.noArguments("migrate status"); err != nil {
				return err
			}
			return runMigrateStatus(ctx, c, *dir, *check)
		}
	},
}

func runMigrateStatus(ctx context.Context, c *call, dir string, check bool) error {
	targets, err := c.targets()
	if err != nil {
		return err
	}
	r, err := migrations(dir)
	if err != nil {
		return err
	}
	shards, failed := r.Status(ctx, targets)
	if shards == nil {
		return failed
	}
	c.result(map[string]any{"latest": jsonVersion(r.Latest()), "shards": jsonStatus(shards)}, func(w io.Writer) {
		printStatus(w, r.Latest(), shards)
	})
	if failed != nil {
		// Printed with the others, which could be read.
		return &exitError{code: exitFailed, err: failed, quiet: true}
	}
	for _, s := range shards {
		if len(s.Drift) > 0 || check && len(s.Pending) > 0 {
			return findings("shards are not as the files say")
		}
	}
	return nil
}

func printStatus(w io.Writer, latest int64, shards []migrate.ShardStatus) {
	rows := [][]string{{"SHARD", "INSTANCE", "VERSION", "PENDING", "STATE"}}
	for _, s := range shards {
		row := []string{string(s.Shard), s.Instance, version(s.Version), fmt.Sprint(len(s.Pending)), "ok"}
		switch {
		case s.Err != nil:
			row[2], row[3], row[4] = "?", "?", s.Err.Error()
		case len(s.Drift) > 0:
			row[4] = "DRIFT: " + driftText(s.Drift)
		case len(s.Running) > 0:
			row[4] = "started and not finished: " + strings.Join(s.Running, ", ")
		case len(s.Pending) > 0:
			row[4] = "pending: " + strings.Join(s.Pending, ", ")
		}
		rows = append(rows, row)
	}
	table(w, rows)
	lowest, highest := migrate.Skew(shards)
	if lowest != highest {
		fmt.Fprintf(w, "\nshards differ: the lowest is at %s, the highest at %s\n", version(lowest), version(highest))
	}
	fmt.Fprintf(w, "\nlatest file: %s\n", version(latest))
}

func driftText(drifts []migrate.Drift) string {
	texts := make([]string, len(drifts))
	for i, d := range drifts {
		texts[i] = d.String()
	}
	return strings.Join(texts, "; ")
}

func jsonStatus(shards []migrate.ShardStatus) []map[string]any {
	list := []map[string]any{}
	for _, s := range shards {
		m := map[string]any{"shard": s.Shard, "instance": s.Instance, "version": jsonVersion(s.Version),
			"pending": nonNil(s.Pending), "running": nonNil(s.Running)}
		drift := []string{}
		for _, d := range s.Drift {
			drift = append(drift, d.String())
		}
		m["drift"] = drift
		if s.Err != nil {
			m["error"] = s.Err.Error()
		}
		list = append(list, m)
	}
	return list
}

// migrations reads the directory.
func migrations(dir string, opts ...migrate.Option) (*migrate.Runner, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usagef("--dir: there is no directory %s", dir)
	}
	return migrate.New(os.DirFS(dir), opts...)
}

// targets are all shards with the migrator's credentials.
func (c *call) targets() ([]migrate.Target, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	var list []migrate.Target
	for _, id := range sortedIDs(cfg.Shards) {
		conn, err := cfg.ConnConfig(id, router.Migrator)
		if err != nil {
			return nil, err
		}
		list = append(list, migrate.Target{Shard: id, Instance: cfg.Shards[id].Instance, Conn: conn})
	}
	return list, nil
}

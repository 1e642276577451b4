package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/keyway-go/keyway/examples/quickstart"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
)

// story is the demo, chapter by chapter; what one chapter finds out, later ones compare with.
type story struct {
	*narrator

	servers *servers
	config  string // the configuration file
	keyway  string // the keyway command

	imported   sums    // what the old database held when it was split
	pgbenchTPS float64 // of pgbench -N on the old server
	before     ledger  // the history before the service wrote to it
}

func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{
		s.fillOldDatabase, s.benchOldDatabase, s.initialise, s.migrate, s.importData, s.serve,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) initialise(ctx context.Context) (err error) {
	s.chapter("Four empty servers become the shards s0 to s3")
	if s.config, err = s.servers.writeConfig(budget); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	s.keyway = filepath.Join(filepath.Dir(exe), "keyway")
	return s.runKeyway(ctx, "init")
}

func (s *story) migrate(ctx context.Context) error {
	s.chapter("The schema on every shard: accounts and history split by aid, tellers and branches everywhere")
	return s.runKeyway(ctx, "migrate", "up", "--dir", "examples/quickstart/migrations")
}

func (s *story) importData(ctx context.Context) error {
	s.chapter("The old database is copied out, split by key, and copied into all shards at once")
	if err := s.runKeyway(ctx, "import", "--from", s.servers.old.DSN(ownerRole, database)); err != nil {
		return err
	}
	return s.checkImport(ctx)
}

// checkImport counts again, past the library, what the import reported.
func (s *story) checkImport(ctx context.Context) error {
	var total sums
	for _, dsn := range s.servers.superDSNs() {
		one, err := readSums(ctx, dsn)
		if err != nil {
			return err
		}
		total.add(one)
	}
	if total != s.imported {
		return fmt.Errorf("after the import the shards hold %s; the old database holds %s", total, s.imported)
	}
	s.say("\ncounted again with plain SQL: %s", total)
	return nil
}

// runKeyway runs the keyway command as the reader would, in the repository's directory, and shows what it prints.
func (s *story) runKeyway(ctx context.Context, args ...string) error {
	shown := append([]string{"keyway"}, args...)
	for i, arg := range shown {
		if i > 0 && shown[i-1] == "--from" {
			shown[i] = "postgres://…/" + database
		} else {
			shown[i] = arg
		}
	}
	s.command(append(shown, "--config", filepath.Base(s.config))...)
	cmd := exec.CommandContext(ctx, s.keyway, append(args, "--config", s.config)...)
	cmd.Env = s.servers.environ()
	cmd.Stdout, cmd.Stderr = s.indented(), s.indented()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("keyway %s: %w", args[0], err)
	}
	return nil
}

// open opens the router as a service would.
func (s *story) open(ctx context.Context) (*router.DB, error) {
	text, err := os.ReadFile(s.config)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(text, s.lookupEnv)
	if err != nil {
		return nil, err
	}
	return router.Open(ctx, cfg, router.WithLogger(slog.New(slog.DiscardHandler)))
}

func (s *story) lookupEnv(name string) (string, bool) {
	switch name {
	case "BANK_APP_PASSWORD":
		return s.servers.passwords[appRole], true
	case "BANK_OWNER_PASSWORD":
		return s.servers.passwords[ownerRole], true
	}
	return os.LookupEnv(name)
}

func (s *story) serve(ctx context.Context) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	accounts := quickstart.NewAccounts(db)
	s.before = newLedger()
	for _, dsn := range s.servers.superDSNs() {
		if err := s.before.readLedger(ctx, dsn); err != nil {
			return err
		}
	}
	seen := watch(ctx, appRole, s.servers.superDSNs())
	defer seen.close()

	first := s.serveSteady(ctx, accounts)
	second, err := s.serveThroughKill(ctx, accounts)
	if err != nil {
		return err
	}
	return s.account(ctx, db, seen, first, second)
}

func (s *story) load(accounts *quickstart.Accounts) *workload {
	return &workload{accounts: accounts, callers: callers, highest: scale * 100_000, tellers: scale * 10, branches: scale}
}

func (s *story) serveSteady(ctx context.Context, accounts *quickstart.Accounts) outcome {
	s.chapter("The same transaction through the repository layer (examples/quickstart): %d callers, %d connections in all",
		callers, budget)
	w := s.load(accounts)
	w.postsOnly = true
	phase, cancel := context.WithTimeout(ctx, steady)
	defer cancel()
	o := w.run(phase)
	s.comparison(&o)
	s.say("(One machine runs everything, so this compares CPU: pgbench is a C program, on one server without triggers.\n" +
		"docs/benchmarks.md has this transaction beside pgx by hand, on the same four servers.)")
	return o
}

// serveThroughKill keeps the callers going while one server is killed and started again.
func (s *story) serveThroughKill(ctx context.Context, accounts *quickstart.Accounts) (outcome, error) {
	const victim = 2
	s.chapter("Reads, writes and transactions from %d callers; in the middle the server of %s gets SIGKILL", callers, shardID(victim))
	phase, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan outcome, 1)
	go func() { result <- s.load(accounts).run(phase) }()

	err := func() error {
		defer cancel()
		if err := sleep(ctx, beforeKill); err != nil {
			return err
		}
		if err := s.runKeyway(ctx, "pool"); err != nil {
			return err
		}
		s.say("%5.1fs  kill -9 %s", time.Since(s.start).Seconds(), shardID(victim))
		if err := s.servers.shards[victim].Kill(); err != nil {
			return err
		}
		if err := sleep(ctx, down); err != nil {
			return err
		}
		if err := s.servers.shards[victim].Start(ctx); err != nil {
			return err
		}
		s.say("%5.1fs  %s is back", time.Since(s.start).Seconds(), shardID(victim))
		return sleep(ctx, afterStart)
	}()
	o := <-result
	return o, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

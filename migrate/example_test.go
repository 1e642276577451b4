package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/shard"
)

// targets would come from the configuration, with the migrator's credentials.
func targets() ([]migrate.Target, error) {
	var list []migrate.Target
	for _, s := range []struct{ shard, instance, dsn string }{
		{"s0", "pg-a", os.Getenv("S0_DSN")},
		{"s1", "pg-b", os.Getenv("S1_DSN")},
	} {
		conn, err := pgx.ParseConfig(s.dsn)
		if err != nil {
			return nil, err
		}
		list = append(list, migrate.Target{Shard: shard.ID(s.shard), Instance: s.instance, Conn: conn})
	}
	return list, nil
}

// Bringing a fleet to the latest version, and saying what happened when it did
// not get there. The same call again goes on.
func ExampleRunner_Up() {
	list, err := targets()
	if err != nil {
		slog.Error("targets", "error", err)
		return
	}
	runner, err := migrate.New(os.DirFS("migrations"),
		migrate.WithProgress(func(e migrate.Event) {
			if e.Kind == migrate.Applied {
				slog.Info("applied", "shard", e.Shard, "file", e.File, "took", e.Took)
			}
		}))
	if err != nil {
		slog.Error("migrations", "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	_, err = runner.Up(ctx, list)
	if partial, ok := errors.AsType[*migrate.PartialError](err); ok {
		for _, failed := range partial.Failed {
			slog.Error("failed", "shard", failed.Shard, "error", failed.Err)
		}
	}
}

// A service that was built for one version asks before it starts.
func ExampleRunner_Status() {
	list, err := targets()
	if err != nil {
		slog.Error("targets", "error", err)
		return
	}
	runner, err := migrate.New(os.DirFS("migrations"))
	if err != nil {
		slog.Error("migrations", "error", err)
		return
	}
	shards, err := runner.Status(context.Background(), list)
	if err != nil {
		slog.Error("status", "error", err)
		return
	}
	if lowest, _ := migrate.Skew(shards); lowest < runner.Latest() {
		slog.Warn("some shards are behind the files", "lowest", lowest, "latest", runner.Latest())
	}
}

func ExampleNew() {
	_, err := migrate.New(files("1_index.up.sql", "\ncreate index concurrently orders_state on orders (state);"))
	fmt.Println(err)
	// Output:
	// migrate: 1_index.up.sql:2: PostgreSQL runs this statement outside of transactions only; put it alone in a file with the line -- keyway:no-transaction
}

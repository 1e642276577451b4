package txn_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/txn"
)

// The baseline is the same transaction by pgx alone, on a connection from the same pool.

func benchDatabase(b *testing.B) *pool.Database {
	b.Helper()
	cluster := pgtest.Shared(b)
	name, owner, _ := pgtest.Owned(b, cluster)
	conf, err := pgx.ParseConfig(cluster.DSN(owner, name))
	require.NoError(b, err)
	instance, err := pool.New(pool.Config{Name: "pg-a", Conn: conf, Limit: 4})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, instance.Close(context.Background())) })
	return instance.Database(name, pool.DatabaseConfig{})
}

func BenchmarkPgxTransaction(b *testing.B) {
	db, ctx := benchDatabase(b), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		conn, err := db.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		err = pgx.BeginFunc(ctx, conn.Conn(), func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "select $1::int", 1)
			return err
		})
		conn.Release()
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	db, ctx := benchDatabase(b), context.Background()
	runner := txn.NewRunner(txn.RunnerConfig{})
	src := sourceFunc(func(ctx context.Context, _ int) (txn.Attempt, error) {
		conn, err := db.Acquire(ctx)
		return txn.Attempt{Conn: conn, Shard: "s1", MapVersion: 1, Statements: &unchanged{}}, err
	})
	b.ReportAllocs()
	for b.Loop() {
		err := runner.Run(ctx, src, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			_, err := tx.Exec(ctx, "select $1::int", 1)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

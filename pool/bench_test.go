package pool_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// benchPair is our pool and a pgxpool on the same server, warmed up to n connections each.
func benchPair(tb testing.TB, n int) (*pool.Database, *pgxpool.Pool) {
	s := shared(tb)
	in := s.instance(limit(n))
	db := in.Database(s.db, pool.DatabaseConfig{})
	plain := s.plainPool(s.app+"-plain", func(c *pgxpool.Config) { c.MaxConns = int32(n) })
	warm(tb, n, db.Acquire, (*pool.Conn).Release)
	warm(tb, n, plain.Acquire, (*pgxpool.Conn).Release)
	return db, plain
}

func warm[C any](tb testing.TB, n int, acquire func(context.Context) (C, error), release func(C)) {
	var conns []C
	for range n {
		c, err := acquire(context.Background())
		require.NoError(tb, err)
		conns = append(conns, c)
	}
	for _, c := range conns {
		release(c)
	}
}

func BenchmarkAcquireRelease(b *testing.B) {
	db, plain := benchPair(b, 4)
	ctx := context.Background()
	b.Run("pgxpool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := plain.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			c.Release()
		}
	})
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := db.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			c.Release()
		}
	})
}

func BenchmarkAcquireRelease64On16(b *testing.B) {
	db, plain := benchPair(b, 16)
	ctx := context.Background()
	b.Run("pgxpool", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32) // 64 goroutines on 2 processors
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c, err := plain.Acquire(ctx)
				if err != nil {
					b.Error(err)
					return
				}
				c.Release()
			}
		})
	})
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c, err := db.Acquire(ctx)
				if err != nil {
					b.Error(err)
					return
				}
				c.Release()
			}
		})
	})
}

const pointQuery = "select $1::int8"

func BenchmarkQueryRow(b *testing.B) {
	db, plain := benchPair(b, 4)
	ctx := context.Background()
	var got int64
	b.Run("pgxpool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := plain.QueryRow(ctx, pointQuery, int64(7)).Scan(&got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := db.QueryRow(ctx, pointQuery, int64(7)).Scan(&got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkQueryRow64On16(b *testing.B) {
	db, plain := benchPair(b, 16)
	ctx := context.Background()
	b.Run("pgxpool", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			var got int64
			for pb.Next() {
				if err := plain.QueryRow(ctx, pointQuery, int64(7)).Scan(&got); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("pool", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			var got int64
			for pb.Next() {
				if err := db.QueryRow(ctx, pointQuery, int64(7)).Scan(&got); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func TestAStatementThroughThePoolAllocatesNoMoreThanThroughPgxpool(t *testing.T) {
	db, plain := benchPair(t, 1)
	ctx := context.Background()
	var got int64
	arg := any(int64(7))
	tests := map[string]struct{ ours, theirs func() error }{
		"QueryRow": {
			func() error { return db.QueryRow(ctx, pointQuery, arg).Scan(&got) },
			func() error { return plain.QueryRow(ctx, pointQuery, arg).Scan(&got) },
		},
		"Query": {
			func() error { rows, err := db.Query(ctx, pointQuery, arg); rows.Close(); return err },
			func() error { rows, err := plain.Query(ctx, pointQuery, arg); rows.Close(); return err },
		},
		"Exec": {
			func() error { _, err := db.Exec(ctx, pointQuery, arg); return err },
			func() error { _, err := plain.Exec(ctx, pointQuery, arg); return err },
		},
		"Begin and Rollback": {
			func() error {
				tx, err := db.Begin(ctx)
				if err != nil {
					return err
				}
				return tx.Rollback(ctx)
			},
			func() error {
				tx, err := plain.Begin(ctx)
				if err != nil {
					return err
				}
				return tx.Rollback(ctx)
			},
		},
		"Acquire": {
			func() error { c, err := db.Acquire(ctx); c.Release(); return err },
			func() error { c, err := plain.Acquire(ctx); c.Release(); return err },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ours, theirs := allocs(t, test.ours), allocs(t, test.theirs)
			t.Logf("allocations: ours %v, pgxpool %v", ours, theirs)
			require.LessOrEqual(t, ours, theirs)
			if name == "Acquire" {
				require.Zero(t, ours)
			}
		})
	}
}

// allocs is the least of three measurements: the slabs and other goroutines count too.
func allocs(t *testing.T, f func() error) float64 {
	least := float64(1 << 20)
	for range 3 {
		least = min(least, testing.AllocsPerRun(200, func() { require.NoError(t, f()) }))
	}
	return least
}

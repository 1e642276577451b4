package bench

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// The scenario is HikariCP's "spike demand": five idle connections of at most fifty, a dial takes 150 ms, a query 2 ms,
// and fifty callers come at once.
const (
	spikeIdle    = 5
	spikeMost    = 50
	spikeCallers = 50
	spikeDial    = 150 * time.Millisecond
	spikeQuery   = "select pg_sleep(0.002)"
)

// BenchmarkSpike measures how long the fifty take in all, and how many connections there are then.
func BenchmarkSpike(b *testing.B) {
	c := pgtest.Shared(b)
	config := func(b *testing.B) *pgx.ConnConfig {
		b.Helper()
		cc, err := pgx.ParseConfig(c.DSN(localpg.Superuser, "postgres"))
		require.NoError(b, err)
		cc.DialFunc = slowDial(cc.DialFunc)
		return cc
	}
	b.Run("pool", func(b *testing.B) {
		for b.Loop() {
			in, err := pool.New(pool.Config{Name: "spike", Conn: config(b), Limit: spikeMost, Control: -1})
			require.NoError(b, err)
			db := in.Database("postgres", pool.DatabaseConfig{})
			spike(b, db.Acquire, (*pool.Conn).Release, func(ctx context.Context) error {
				_, err := db.Exec(ctx, spikeQuery)
				return err
			})
			b.ReportMetric(float64(in.Stat().Open), "connections")
			require.NoError(b, in.Close(b.Context()))
		}
		b.ReportMetric(0, "ns/op")
	})
	b.Run("pgxpool", func(b *testing.B) {
		for b.Loop() {
			pc, err := pgxpool.ParseConfig(c.DSN(localpg.Superuser, "postgres"))
			require.NoError(b, err)
			pc.ConnConfig, pc.MaxConns = config(b), spikeMost
			p, err := pgxpool.NewWithConfig(b.Context(), pc)
			require.NoError(b, err)
			spike(b, p.Acquire, (*pgxpool.Conn).Release, func(ctx context.Context) error {
				_, err := p.Exec(ctx, spikeQuery)
				return err
			})
			b.ReportMetric(float64(p.Stat().TotalConns()), "connections")
			p.Close()
		}
		b.ReportMetric(0, "ns/op")
	})
}

func slowDial(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		select {
		case <-time.After(spikeDial):
		case <-ctx.Done():
		}
		return dial(ctx, network, addr)
	}
}

// spike opens the idle connections, sends the callers and reports the time until the last one is done.
func spike[C any](b *testing.B, acquire func(context.Context) (C, error), release func(C), query func(context.Context) error) {
	b.Helper()
	var held []C
	for range spikeIdle {
		c, err := acquire(b.Context())
		require.NoError(b, err)
		held = append(held, c)
	}
	for _, c := range held {
		release(c)
	}
	var callers sync.WaitGroup
	start := time.Now()
	for range spikeCallers {
		callers.Go(func() {
			if err := query(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
	callers.Wait()
	b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "elapsed-ms")
}

package faults_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg"
)

// sampler counts the backends of the application's role on each server, as the server sees them.
type sampler struct {
	stop  context.CancelFunc
	work  sync.WaitGroup
	most  []atomic.Int64
	looks []atomic.Int64
}

func newSampler(t testing.TB, set *testkit.Set) *sampler {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &sampler{stop: cancel, most: make([]atomic.Int64, len(set.Clusters)), looks: make([]atomic.Int64, len(set.Clusters))}
	for i, c := range set.Clusters {
		s.work.Go(func() { s.watch(ctx, i, c.DSN(localpg.Superuser, "postgres"), appOf(set, i)) })
	}
	t.Cleanup(s.end)
	return s
}

// end stops and waits. It may be called twice.
func (s *sampler) end() {
	s.stop()
	s.work.Wait()
}

// watch counts every 25 ms, over a connection that it makes again after the server has died.
func (s *sampler) watch(ctx context.Context, i int, dsn, role string) {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	var conn *pgx.Conn
	for ctx.Err() == nil {
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(ctx, dsn)
		}
		if conn != nil {
			var n int64
			if conn.QueryRow(ctx, "select count(*) from pg_stat_activity where usename = $1", role).Scan(&n) == nil {
				s.looks[i].Add(1)
				s.most[i].Store(max(s.most[i].Load(), n))
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if conn != nil {
		_ = conn.Close(context.Background())
	}
}

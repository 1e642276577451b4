package main

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// samplePeriod is how often each server is asked for its backends.
const samplePeriod = 25 * time.Millisecond

// sampler watches pg_stat_activity of every server over a superuser's connection of its own and remembers the most
// backends of one role it ever saw. It knows nothing of the library it watches.
type sampler struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	peak    []int
	samples []int
}

// watch starts a sampler of the role's backends on the servers with these DSNs.
func watch(ctx context.Context, role string, dsns []string) *sampler {
	ctx, stop := context.WithCancel(ctx)
	s := &sampler{stop: stop, peak: make([]int, len(dsns)), samples: make([]int, len(dsns))}
	for i, dsn := range dsns {
		s.done.Go(func() { s.sample(ctx, i, dsn, role) })
	}
	return s
}

// sample reconnects for as long as ctx lives: the demo kills servers.
func (s *sampler) sample(ctx context.Context, i int, dsn, role string) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = pgx.Connect(ctx, dsn); err != nil {
				conn = nil
				continue
			}
		}
		var backends int
		err := conn.QueryRow(ctx,
			`select count(*) from pg_stat_activity where backend_type = 'client backend' and usename = $1`,
			role).Scan(&backends)
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.peak[i] = max(s.peak[i], backends)
		s.samples[i]++
		s.mu.Unlock()
	}
}

// close stops the sampler and returns the peak and the number of samples of each server.
func (s *sampler) close() (peak, samples []int) {
	s.stop()
	s.done.Wait()
	return s.peak, s.samples
}

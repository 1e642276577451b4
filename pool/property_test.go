package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// TestWhateverCallersDoTheLimitHoldsAndNoTokenIsLost runs callers that do everything at random, and somebody who
// changes the limit, and looks at the books all the while.
func TestWhateverCallersDoTheLimitHoldsAndNoTokenIsLost(t *testing.T) {
	s := shared(t)
	second := pgtest.Database(t, s.cluster)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := &server{t: t, cluster: s.cluster, db: s.db, app: fmt.Sprint(s.app, "-", seed)}
			randomCallers(t, s, second, seed)
		})
	}
}

const mostTokens = 6

func randomCallers(t *testing.T, s *server, second string, seed uint64) {
	seen := watchBackends(t, s.cluster)
	in := s.instance(limit(mostTokens), func(c *pool.Config) {
		c.Control, c.Reserve, c.MaxPerKey = 1, int(seed), 2*int(seed%2)
		c.QueueTarget = time.Duration(seed%2) * 10 * time.Millisecond
		c.QueueInterval = 50 * time.Millisecond
	})
	dbs := []*pool.Database{
		in.Database(s.db, pool.DatabaseConfig{}), in.Database(s.db, pool.DatabaseConfig{}),
		in.Database(second, pool.DatabaseConfig{}),
	}
	ctx, stop := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer stop()
	var wg sync.WaitGroup
	for i := range 12 {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for ctx.Err() == nil {
				step(in, dbs, rng)
			}
		})
	}
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 100))
		for ctx.Err() == nil {
			_ = in.SetLimit(rng.IntN(mostTokens + 1))
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}
	})
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 101))
		for ctx.Err() == nil {
			pausing, cancel := context.WithTimeout(ctx, time.Duration(rng.IntN(60))*time.Millisecond)
			if in.Pause(pausing) == nil {
				time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
			}
			in.Resume()
			cancel()
			time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			st := in.Stat()
			if st.Open > mostTokens || st.Idle+st.InUse > st.Open+mostTokens || st.Waiting < 0 {
				t.Errorf("the books are wrong: %+v", st)
				return
			}
			if wrong := pool.Audit(in); wrong != "" {
				t.Errorf("%s: %+v", wrong, st)
				return
			}
		}
	})
	wg.Wait()

	require.NoError(t, in.SetLimit(mostTokens))
	eventually(t, "everything has come to rest", func() bool {
		st := in.Stat()
		return st.Waiting+st.InUse+st.Dialling+st.Draining+st.Cancelling == 0 && st.Open == st.Idle
	})
	conns, err := pool.AcquireMany(within(t, soon), dbs[0], dbs[1], dbs[2], dbs[0], dbs[0])
	require.NoError(t, err, "every token is there")
	c, err := in.Control(within(t, soon), dbs[0])
	require.NoError(t, err)
	c.Release()
	for _, c := range conns {
		c.Release()
	}
	seen.stop()
	require.LessOrEqual(t, seen.of(s.app), mostTokens)
	require.LessOrEqual(t, in.Stat().Peak, mostTokens)
	t.Logf("%+v", in.Stat())
}

// step is one thing that a caller does.
func step(in *pool.Instance, dbs []*pool.Database, rng *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(100))*time.Millisecond)
	defer cancel()
	ctx = pool.WithClass(ctx, pool.Class(rng.IntN(4)))
	db := dbs[rng.IntN(len(dbs))]
	switch rng.IntN(12) {
	case 10, 11:
		if c, err := db.ForKey(uint64(rng.IntN(4))).Acquire(ctx); err == nil {
			time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
			c.Release()
		}
	case 0:
		_, _ = db.Exec(ctx, "select pg_sleep(0.05)")
	case 1:
		_ = db.QueryRow(ctx, "select $1::int", 1).Scan(new(int))
	case 2:
		if rows, err := db.Query(ctx, "select generate_series(1, 1000)"); err == nil && rows.Next() {
			rows.Close()
		}
	case 3:
		if tx, err := db.Begin(ctx); err == nil {
			_, _ = tx.Exec(ctx, "select 1")
			_ = tx.Rollback(ctx)
		}
	case 4:
		if c, err := db.Acquire(ctx); err == nil {
			c.Discard()
			c.Release()
		}
	case 5:
		if c, err := db.Acquire(ctx); err == nil {
			_, _ = c.Exec(ctx, "begin")
			c.Release()
		}
	case 6:
		if c, err := in.Control(ctx, db); err == nil {
			c.Release()
		}
	case 7:
		if cs, err := pool.AcquireMany(ctx, db, dbs[rng.IntN(len(dbs))]); err == nil {
			cs[0].Release()
			cs[1].ReleaseClean()
		}
	case 8:
		if c, err := db.Acquire(ctx); err == nil {
			_, _ = c.Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
			c.Release()
		}
	default:
		if c, err := db.Acquire(ctx); err == nil {
			c.Release()
		}
	}
}

package txn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/txn"
)

// Many clients write while every connection is cut again and again, at whatever moment that is. What was acknowledged
// is there exactly once, what failed is not there, and only what is in doubt may be either.
func TestWhatIsReportedIsTrueWhileConnectionsBreak(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.Budget.Tokens = 1e6 })
	w.exec("create table done (worker int, op int)")
	const workers, ops = 6, 40
	var results [workers][ops]error
	var clients sync.WaitGroup
	for worker := range workers {
		clients.Go(func() {
			for op := range ops {
				results[worker][op] = w.runner.Run(within(t), w, txn.Options{Iso: pgx.RepeatableRead, Rerunnable: true},
					func(ctx context.Context, tx *txn.Tx) error {
						if err := add(ctx, tx); err != nil { // all on one row: conflicts too
							return err
						}
						_, err := tx.Exec(ctx, "insert into done values ($1, $2)", worker, op)
						return err
					})
			}
		})
	}
	finished := make(chan struct{})
	go func() { clients.Wait(); close(finished) }()
	w.cutUntil(finished)

	times := w.count()
	var acknowledged, failed, inDoubt, thereAfterDoubt int64
	for worker := range workers {
		for op := range ops {
			n, err := times[[2]int{worker, op}], results[worker][op]
			switch {
			case err == nil:
				acknowledged++
				require.Equal(t, 1, n, "acknowledged: %d/%d", worker, op)
			case errors.Is(err, txn.ErrInDoubt):
				inDoubt++
				require.LessOrEqual(t, n, 1, "in doubt, and there twice: %d/%d", worker, op)
				thereAfterDoubt += int64(n)
			default:
				failed++
				require.Zero(t, n, "failed and there all the same: %d/%d: %v", worker, op, err)
			}
		}
	}
	s := w.runner.Stat()
	t.Logf("%d acknowledged, %d failed, %d in doubt of which %d are there; retries %v", acknowledged, failed, inDoubt, thereAfterDoubt, s.Retries)
	require.Equal(t, acknowledged+thereAfterDoubt, int64(w.n(1)), "the counter and the list agree")
	require.Equal(t, []int64{acknowledged, failed, inDoubt}, []int64{s.Committed, s.Failed, s.InDoubt})
	require.Equal(t, int64(workers*ops), s.Runs)
	require.NotEmpty(t, s.Retries, "nothing was broken at all")
	w.idle()
}

// cutUntil breaks every connection each 60ms.
func (w *world) cutUntil(finished <-chan struct{}) {
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			w.proxy.Cut()
		}
	}
}

// count says how often each operation is in the table, once no client's backend can add to it any more.
func (w *world) count() map[[2]int]int {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		var n int
		require.NoError(w.t, w.direct.QueryRow(within(w.t), `select count(*) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`).Scan(&n))
		return n == 0
	}, soon, 10*time.Millisecond)
	rows, err := w.direct.Query(within(w.t), "select worker, op from done")
	require.NoError(w.t, err)
	times := map[[2]int]int{}
	var worker, op int
	_, err = pgx.ForEachRow(rows, []any{&worker, &op}, func() error {
		times[[2]int{worker, op}]++
		return nil
	})
	require.NoError(w.t, err)
	return times
}

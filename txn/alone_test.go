package txn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/txn"
)

// awaitSleep returns when somebody runs pg_sleep in the world's database.
func (w *world) awaitSleep() {
	w.t.Helper()
	require.Eventually(w.t, func() (runs bool) {
		err := w.direct.QueryRow(within(w.t), "select exists (select from pg_stat_activity where datname = current_database() "+
			"and state = 'active' and query = 'select pg_sleep(1000)')").Scan(&runs)
		return err == nil && runs
	}, soon, 2*time.Millisecond)
}

func TestATransactionIsForOneGoroutine(t *testing.T) {
	w := newWorld(t)
	w.exec("create table twice (a int, b int, check (a = b))")
	kept := 0
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for g := range 3 {
			wg.Go(func() {
				for i := range 50 {
					_, err := tx.Exec(ctx, "insert into twice values ($1, $2)", g*100+i, g*100+i)
					if errors.Is(err, pool.ErrInUse) {
						mu.Lock()
						kept++
						mu.Unlock()
					} else if !assert.NoError(t, err) {
						return
					}
				}
			})
		}
		wg.Wait()
		return nil
	}))
	var rows int
	require.NoError(t, w.direct.QueryRow(within(t), "select count(*) from twice").Scan(&rows))
	require.Equal(t, 150-kept, rows)
	w.idle()
}

func TestAGoroutineThatIsLeftInsideATransactionRollsItBack(t *testing.T) {
	for _, of := range []error{nil, errOwn} {
		w := newWorld(t)
		left := make(chan error, 1)
		var kept *txn.Tx
		err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			kept = tx
			if err := add(ctx, tx); err != nil {
				return err
			}
			go func() {
				_, err := tx.Exec(context.Background(), "select pg_sleep(1000)")
				left <- err
			}()
			w.awaitSleep()
			require.ErrorIs(t, tx.QueryRow(ctx, "select 1").Scan(new(int)), pool.ErrInUse)
			require.ErrorIs(t, tx.SendBatch(ctx, &pgx.Batch{}).Close(), pool.ErrInUse)
			return of
		})
		if of == nil {
			require.ErrorIs(t, err, pool.ErrInUse)
		} else {
			require.ErrorIs(t, err, of)
		}
		require.Error(t, <-left) // "conn closed": pgx does not say why
		_, err = kept.Exec(within(t), "select 1")
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		require.Zero(t, w.n(1))
		require.Equal(t, int32(1), w.begins.Load(), "it is not run again")
		w.idle()
	}
}

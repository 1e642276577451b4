package txn_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

func TestAFunctionThatReturnsNilIsCommitted(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.Equal(t, shard.ID("s1"), tx.Shard())
		require.Equal(t, uint64(7), tx.MapVersion())
		require.Equal(t, 1, tx.Attempt())
		return add(ctx, tx)
	}))
	require.Equal(t, 1, w.n(1))
	w.idle()
	s := w.runner.Stat()
	require.Equal(t, int64(1), s.Runs)
	require.Equal(t, int64(1), s.Attempts)
	require.Equal(t, int64(1), s.Committed)
	require.Zero(t, s.Failed+s.InDoubt+s.Panics)
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "the connection is used again")
	require.NoError(t, w.run(txn.Options{}, add))
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "the connection is used again")
}

func TestAFunctionThatReturnsAnErrorIsRolledBackAndNotRunAgain(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.NoError(t, add(ctx, tx))
		return errOwn
	})
	require.Same(t, errOwn, err)
	require.Equal(t, int32(1), w.begins.Load())
	require.Zero(t, w.n(1))
	w.idle()
	require.Equal(t, int64(1), w.runner.Stat().Failed)
}

func TestTheServersErrorIsReachedButNotItsValues(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "insert into account values (77001, 'x77001')")
		return err
	})
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "22P02", pg.Code)
	require.NotContains(t, err.Error(), "77001")
	require.Equal(t, int32(1), w.begins.Load())
}

func TestOptionsAreSentWithBegin(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{Iso: pgx.Serializable, Access: pgx.ReadOnly, Deferrable: pgx.Deferrable},
		func(ctx context.Context, tx *txn.Tx) error {
			var iso, readOnly, deferrable string
			require.NoError(t, tx.QueryRow(ctx, `select current_setting('transaction_isolation'),
				current_setting('transaction_read_only'), current_setting('transaction_deferrable')`).
				Scan(&iso, &readOnly, &deferrable))
			require.Equal(t, []string{"serializable", "on", "on"}, []string{iso, readOnly, deferrable})
			return add(ctx, tx)
		})
	require.ErrorContains(t, err, "25006")
	require.Equal(t, int32(1), w.begins.Load(), "read-only was asked for: no other server would do it")
}

func TestAPanicRollsBackAndGoesOn(t *testing.T) {
	w := newWorld(t)
	require.PanicsWithValue(t, "boom", func() {
		_ = w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			require.NoError(t, add(ctx, tx))
			panic("boom")
		})
	})
	w.idle()
	require.Zero(t, w.n(1))
	require.Equal(t, int64(1), w.runner.Stat().Panics)
	require.Equal(t, int64(1), w.runner.Stat().Failed)
	require.NoError(t, w.run(txn.Options{}, add))
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "rolled back, not thrown away")
}

func TestAGoroutineThatEndsRollsBack(t *testing.T) {
	w := newWorld(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			_ = add(ctx, tx)
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	w.idle()
	require.Zero(t, w.n(1))
	require.Equal(t, int64(1), w.runner.Stat().Panics)
}

func TestASwallowedErrorIsNotACommit(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.NoError(t, add(ctx, tx))
		_, err := tx.Exec(ctx, "insert into account values (1, 1)")
		require.Error(t, err)
		return nil
	})
	require.ErrorIs(t, err, txn.ErrSwallowed)
	require.Equal(t, int32(1), w.begins.Load())
	require.Zero(t, w.n(1))
	w.idle()
}

func TestRowsLeftOpenAreNotACommit(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.NoError(t, add(ctx, tx))
		_, err := tx.Query(ctx, "select generate_series(1, 100000)")
		return err
	})
	require.ErrorIs(t, err, txn.ErrOpenRows)
	require.Zero(t, w.n(1))
	w.idle()
}

func TestATransactionEndedByTextIsNeverRunAgain(t *testing.T) {
	for name, end := range map[string]struct {
		sql string
		err error
	}{
		"commit":          {"commit", nil},
		"rollback":        {"rollback", nil},
		"then own error":  {"commit", errOwn},
		"then a conflict": {"commit", &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40001"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			err := w.run(txn.Options{Rerunnable: true}, func(ctx context.Context, tx *txn.Tx) error {
				require.NoError(t, add(ctx, tx))
				_, err := tx.Conn().Exec(ctx, end.sql)
				require.NoError(t, err)
				return end.err
			})
			require.ErrorIs(t, err, txn.ErrEndedInside)
			if end.err != nil {
				require.ErrorIs(t, err, end.err)
			}
			require.Equal(t, int32(1), w.begins.Load())
			w.idle()
		})
	}
}

func TestCommitAndRollbackAreTheRunners(t *testing.T) {
	w := newWorld(t)
	var kept *txn.Tx
	var savepoint pgx.Tx
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		kept = tx
		require.ErrorIs(t, tx.Commit(ctx), txn.ErrManaged)
		require.ErrorIs(t, tx.Rollback(ctx), txn.ErrManaged)
		var err error
		savepoint, err = tx.Begin(ctx)
		require.NoError(t, err)
		return add(ctx, tx)
	}))
	require.Equal(t, 1, w.n(1))

	// The connection serves others now: nothing of the old transaction may reach it.
	ctx := within(t)
	for _, tx := range []pgx.Tx{kept, savepoint} {
		_, err := tx.Exec(ctx, "select 1")
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		_, err = tx.Query(ctx, "select 1")
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		require.ErrorIs(t, tx.QueryRow(ctx, "select 1").Scan(), pgx.ErrTxClosed)
		_, err = tx.Begin(ctx)
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"account"}, []string{"id"}, pgx.CopyFromRows(nil))
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		_, err = tx.Prepare(ctx, "p", "select 1")
		require.ErrorIs(t, err, pgx.ErrTxClosed)
		require.ErrorIs(t, tx.Commit(ctx), pgx.ErrTxClosed)
		require.ErrorIs(t, tx.Rollback(ctx), pgx.ErrTxClosed)
		b := &pgx.Batch{}
		b.Queue("select 1")
		require.ErrorIs(t, tx.SendBatch(ctx, b).Close(), pgx.ErrTxClosed)
		require.ErrorIs(t, tx.SendBatch(ctx, &pgx.Batch{}).Close(), pgx.ErrTxClosed)
		require.Panics(t, func() { tx.Conn() })
	}
}

func TestASavepointIsRolledBackAlone(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.NoError(t, add(ctx, tx))
		sp, err := tx.Begin(ctx)
		require.NoError(t, err)
		_, err = sp.Exec(ctx, "insert into account values (1, 1)")
		require.Error(t, err)
		require.NoError(t, sp.Rollback(ctx))

		sp, err = tx.Begin(ctx)
		require.NoError(t, err)
		inner, err := sp.Begin(ctx)
		require.NoError(t, err)
		_, err = inner.Exec(ctx, "update account set n = n + 10 where id = 1")
		require.NoError(t, err)
		require.NoError(t, inner.Commit(ctx))
		return sp.Commit(ctx)
	}))
	require.Equal(t, 11, w.n(1))
}

func TestATransactionInsideAnotherIsRefused(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		return w.runner.Run(ctx, w, txn.Options{}, add)
	})
	require.ErrorIs(t, err, txn.ErrNested)
	require.Equal(t, int32(1), w.begins.Load(), "refused before a second connection is taken")
	require.Equal(t, int64(1), w.runner.Stat().Runs)
}

func TestAnIndependentTransactionCommitsAloneAndIsTriedOnce(t *testing.T) {
	w := newWorld(t)
	inner := 0
	err := w.run(txn.Options{MaxAttempts: 3}, func(ctx context.Context, tx *txn.Tx) error {
		require.NoError(t, add(ctx, tx))
		require.NoError(t, w.runner.Run(txn.Independent(ctx), w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			require.ErrorIs(t, w.runner.Run(ctx, w, txn.Options{}, add), txn.ErrNested)
			_, err := tx.Exec(ctx, "update account set n = n + 1 where id = 2")
			return err
		}))
		return w.runner.Run(txn.Independent(ctx), w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			inner++
			_, err := tx.Exec(ctx, "do $$ begin raise serialization_failure; end $$")
			return err
		})
	})
	require.ErrorContains(t, err, "40001")
	require.Equal(t, 3, inner, "one try for each of the outer three, not three for each")
	require.Zero(t, w.n(1))
	require.Equal(t, 3, w.n(2))
	ctx := context.Background()
	require.Equal(t, ctx, txn.Independent(ctx))
	w.idle()
}

func TestACancelledContextRollsBack(t *testing.T) {
	t.Run("before the function", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(within(t))
		cancel()
		err := w.runner.Run(ctx, w, txn.Options{}, add)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, w.n(1))
		w.idle()
	})
	t.Run("in a statement", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		err := w.runner.Run(ctx, w, txn.Options{Rerunnable: true}, func(ctx context.Context, tx *txn.Tx) error {
			require.NoError(t, add(ctx, tx))
			go func() { // as a client that hangs up
				w.waitUntilSleeping(int32(tx.Conn().PgConn().PID()))
				cancel()
			}()
			_, err := tx.Exec(ctx, "select pg_sleep(60)")
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, int32(1), w.begins.Load())
		require.Zero(t, w.n(1))
		w.idle()
	})
	t.Run("after the last statement", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(within(t))
		err := w.runner.Run(ctx, w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			defer cancel()
			return add(ctx, tx)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, w.n(1))
		w.idle()
		require.NoError(t, w.run(txn.Options{}, add))
		require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "rolled back, not thrown away")
	})
}

// waitUntilSleeping polls on a connection of its own, since it is called by goroutines.
func (w *world) waitUntilSleeping(pid int32) {
	conn, err := pgx.ConnectConfig(context.Background(), w.direct.Config())
	if err != nil {
		return
	}
	defer conn.Close(context.Background())
	for event := ""; !strings.Contains(event, "PgSleep"); {
		if conn.QueryRow(within(w.t), "select coalesce(wait_event, '') from pg_stat_activity where pid = $1", pid).Scan(&event) != nil {
			return
		}
	}
}

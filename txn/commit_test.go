package txn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/txn"
)

var atCommit = faultproxy.Match{Frontend: "commit"}

// requireInDoubt checks an in-doubt result and that nothing was run again.
func requireInDoubt(t *testing.T, w *world, err error) {
	t.Helper()
	var inDoubt *txn.InDoubtError
	require.ErrorAs(t, err, &inDoubt)
	require.ErrorIs(t, err, txn.ErrInDoubt)
	require.Equal(t, w.shardID, inDoubt.Shard)
	require.Equal(t, uint64(7), inDoubt.MapVersion)
	require.Equal(t, 1, inDoubt.Attempt)
	require.Equal(t, int32(1), w.begins.Load(), "what is in doubt is never run again")
	require.False(t, pgerr.NotSent(err), "nobody may read from the chain that nothing was sent")
	s := w.runner.Stat()
	require.Equal(t, int64(1), s.InDoubt)
	require.Zero(t, s.Failed+s.Committed)
	require.Empty(t, s.Retries)
	w.idle()
}

func TestALostReplyToCommitIsInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		fault faultproxy.Action
		truth int
	}{
		"committed, and the reply is lost":         {faultproxy.LoseReply, 1},
		"never arrived, which looks the same":      {faultproxy.CutBefore, 0},
		"the server ends the session in its place": {faultproxy.Fatal("57P01"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rule := w.proxy.On(atCommit, c.fault)
			err := w.run(txn.Options{Rerunnable: true}, add)
			<-rule.Hit()
			requireInDoubt(t, w, err)
			require.Equal(t, c.truth, w.n(1))
		})
	}
}

func TestAReplyThatDoesNotComeInTimeIsInDoubt(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.CommitTimeout = time.Second })
	rule := w.proxy.On(atCommit, faultproxy.HoldReply)
	err := w.run(txn.Options{}, add)
	requireInDoubt(t, w, err)
	rule.Release()
	require.Equal(t, 1, w.n(1))
}

// The reply says COMMIT and then the connection breaks: there is no doubt.
func TestACommitTagIsEnough(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		err := add(ctx, tx)
		w.proxy.On(faultproxy.Match{Backend: "ReadyForQuery"}, faultproxy.CutBefore) // the next one is COMMIT's
		return err
	}))
	require.Equal(t, 1, w.n(1))
	require.Equal(t, int64(1), w.runner.Stat().Committed)
	w.idle()
}

func TestTheCallersContextDoesNotCutCommitShort(t *testing.T) {
	w := newWorld(t)
	rule := w.proxy.On(atCommit, faultproxy.Hold)
	ctx, cancel := context.WithCancel(within(t))
	go func() {
		<-rule.Hit()
		cancel()
		rule.Release()
	}()
	require.NoError(t, w.runner.Run(ctx, w, txn.Options{}, add))
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	require.Equal(t, 1, w.n(1))
	require.Zero(t, w.proxy.Stat().Cancels)
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials)
	require.NoError(t, w.run(txn.Options{}, add))
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "and the connection is as good as before")
}

func TestTheTimeForCommitIsForCommitAlone(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.CommitTimeout = 2 * time.Second })
	require.NoError(t, w.run(txn.Options{}, add))
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "select pg_sleep(2.5)")
		return err
	}))
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "it was the same connection")
}

// slowCommit makes COMMIT take a while inside the server: a deferred trigger sleeps. A cancel request that reaches it
// would roll back.
func (w *world) slowCommit(seconds string) {
	w.exec(`create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(` + seconds + `); return null; end $$`)
	w.exec("create constraint trigger slow after update on account deferrable initially deferred for each row execute function slow()")
}

// When the reply is late, or the network breaks, the connection is closed; pgx and the pool send cancel requests then.
// None of them may reach a COMMIT.
func TestNoCancelRequestReachesACommit(t *testing.T) {
	for name, give := range map[string]func(*world){
		"late reply": func(*world) {},
		"broken network": func(w *world) {
			go func() {
				w.waitUntilCommitSleeps()
				w.proxy.Cut()
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *txn.RunnerConfig) { c.CommitTimeout = time.Second })
			w.slowCommit("2.5")
			give(w)
			require.ErrorIs(t, w.run(txn.Options{}, add), txn.ErrInDoubt)
			require.Eventually(t, func() bool { return w.n(1) == 1 }, soon, 10*time.Millisecond, "COMMIT was cancelled")
			w.idle()
		})
	}
}

func (w *world) waitUntilCommitSleeps() {
	conn, err := pgx.ConnectConfig(context.Background(), w.direct.Config())
	if err != nil {
		return
	}
	defer conn.Close(context.Background())
	for n := 0; n == 0; {
		if conn.QueryRow(within(w.t), `select count(*) from pg_stat_activity
			where query = 'commit' and wait_event = 'PgSleep' and datname = current_database()`).Scan(&n) != nil {
			return
		}
	}
}

// After a good COMMIT a running statement can be cancelled again.
func TestCancellingWorksOnAConnectionThatHasCommitted(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(txn.Options{}, add))
	ctx, cancel := context.WithCancel(within(t))
	err := w.runner.Run(ctx, w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		pid := int32(tx.Conn().PgConn().PID())
		go func() {
			w.waitUntilSleeping(pid)
			cancel()
		}()
		_, err := tx.Exec(ctx, "select pg_sleep(600)")
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, w.direct.QueryRow(within(t),
			"select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()").Scan(&n))
		return n == 0
	}, soon, 10*time.Millisecond, "the backend sleeps on: the cancel request carried a wrong secret")
}

func TestAConstraintThatFailsAtCommitIsAnError(t *testing.T) {
	w := newWorld(t)
	w.exec("create table child (id int references account (id) deferrable initially deferred)")
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "insert into child values (77)")
		return err
	})
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "23503", pg.Code)
	require.False(t, errors.Is(err, txn.ErrInDoubt))
	require.Equal(t, int32(1), w.begins.Load())
	w.idle()
	require.NoError(t, w.run(txn.Options{}, add))
	require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "the connection is as good as before")
}

func TestARetryableErrorAtCommitIsRunAgain(t *testing.T) {
	w := newWorld(t)
	w.exec(`create function late() returns trigger language plpgsql as $$ begin
		if new.n < 100 then raise exception 'not owned' using errcode = 'KW001'; end if; return null; end $$`)
	w.exec("create constraint trigger late after update on account deferrable initially deferred for each row execute function late()")
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		n := 1
		if tx.Attempt() == 3 {
			n = 100
		}
		_, err := tx.Exec(ctx, "update account set n = $1 where id = 1", n)
		return err
	}))
	require.Equal(t, 100, w.n(1))
	require.Equal(t, map[string]int64{"KW001": 2}, w.runner.Stat().Retries)
}

func TestAnInDoubtTransactionInsideAnotherIsNotRunAgain(t *testing.T) {
	for name, after := range map[string]func(context.Context, *world, *txn.Tx){
		"the outer one lives": func(context.Context, *world, *txn.Tx) {},
		"both are lost": func(ctx context.Context, w *world, tx *txn.Tx) {
			w.kill(tx)
			_, _ = tx.Exec(ctx, "select 1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			outer := 0
			err := w.run(txn.Options{Rerunnable: true}, func(ctx context.Context, tx *txn.Tx) error {
				outer++
				w.proxy.On(atCommit, faultproxy.LoseReply)
				err := w.runner.Run(txn.Independent(ctx), w, txn.Options{}, add)
				after(ctx, w, tx)
				return err
			})
			require.ErrorIs(t, err, txn.ErrInDoubt)
			require.Equal(t, 1, outer)
			require.Equal(t, 1, w.n(1))
			require.Equal(t, int64(1), w.runner.Stat().InDoubt)
			require.Equal(t, int64(1), w.runner.Stat().Failed, "the outer one is known to be rolled back")
			w.idle()
		})
	}
}

package txn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/txn"
)

func TestASerializationFailureRunsTheWholeAgain(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{Iso: pgx.RepeatableRead}, func(ctx context.Context, tx *txn.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "select n from account where id = 1").Scan(&n); err != nil {
			return err
		}
		if tx.Attempt() == 1 {
			w.exec("update account set n = 100 where id = 1") // someone else is quicker
		}
		_, err := tx.Exec(ctx, "update account set n = $1 where id = 1", n+1)
		return err
	})
	require.NoError(t, err)
	require.Equal(t, 101, w.n(1), "the second attempt saw the other's write")
	require.Equal(t, int32(2), w.begins.Load())
	s := w.runner.Stat()
	require.Equal(t, map[string]int64{"40001": 1}, s.Retries)
	require.Equal(t, int64(1), s.Committed)
	require.Equal(t, int64(2), s.Attempts)
	require.InDelta(t, 95.5, s.Tokens["s1"], 0.01, "a retry costs 5, a success gives 0.5 back")
	s.Retries["40001"] = 77
	require.Equal(t, map[string]int64{"40001": 1}, w.runner.Stat().Retries, "a snapshot is the caller's")
	w.idle()
}

func TestASerializationFailureAtCommitRunsTheWholeAgain(t *testing.T) {
	w := newWorld(t)
	// Write skew: each reads what the other writes; the server refuses the second COMMIT.
	err := w.run(txn.Options{Iso: pgx.Serializable}, func(ctx context.Context, tx *txn.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "select sum(n) from account").Scan(&n); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "update account set n = $1 where id = 1", n+1); err != nil {
			return err
		}
		if tx.Attempt() > 1 {
			return nil
		}
		w.exec("begin isolation level serializable")
		w.exec("select sum(n) from account")
		w.exec("update account set n = 10 where id = 2")
		w.exec("commit")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 11, w.n(1))
	require.Equal(t, map[string]int64{"40001": 1}, w.runner.Stat().Retries)
	w.idle()
}

func TestADeadlockIsRunAgain(t *testing.T) {
	w := newWorld(t)
	var meet sync.WaitGroup
	meet.Add(2)
	var done [2]chan struct{}
	for i := range done {
		done[i] = make(chan struct{})
	}
	transfer := func(me, from, to int) error {
		defer close(done[me])
		return w.runner.Run(within(t), w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
			if tx.Attempt() > 1 {
				<-done[1-me] // or they may meet again
			}
			if _, err := tx.Exec(ctx, "update account set n = n - 1 where id = $1", from); err != nil {
				return err
			}
			if tx.Attempt() == 1 {
				meet.Done()
				meet.Wait() // both hold their first lock
			}
			_, err := tx.Exec(ctx, "update account set n = n + 1 where id = $1", to)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- transfer(0, 1, 2) }()
	go func() { results <- transfer(1, 2, 1) }()
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	require.Zero(t, w.n(1))
	require.Zero(t, w.n(2))
	require.Equal(t, map[string]int64{"40P01": 1}, w.runner.Stat().Retries)
	w.idle()
}

func TestALostConnectionBeforeCommitNeedsADeclaration(t *testing.T) {
	for _, rerunnable := range []bool{false, true} {
		t.Run(fmt.Sprintf("rerunnable %t", rerunnable), func(t *testing.T) {
			w := newWorld(t)
			err := w.run(txn.Options{Rerunnable: rerunnable}, func(ctx context.Context, tx *txn.Tx) error {
				if err := add(ctx, tx); err != nil {
					return err
				}
				if tx.Attempt() == 1 {
					w.kill(tx)
				}
				return add(ctx, tx)
			})
			w.idle()
			if rerunnable {
				require.NoError(t, err)
				require.Equal(t, 2, w.n(1))
				require.Equal(t, map[string]int64{"57P01": 1}, w.runner.Stat().Retries)
				return
			}
			require.ErrorContains(t, err, "57P01")
			require.Equal(t, int32(1), w.begins.Load())
			require.Zero(t, w.n(1))
		})
	}
}

func TestAConnectionLostUnnoticedIsNotACommit(t *testing.T) {
	for _, rerunnable := range []bool{false, true} {
		t.Run(fmt.Sprintf("rerunnable %t", rerunnable), func(t *testing.T) {
			w := newWorld(t)
			err := w.run(txn.Options{Rerunnable: rerunnable}, func(ctx context.Context, tx *txn.Tx) error {
				if err := add(ctx, tx); err != nil {
					return err
				}
				if tx.Attempt() == 1 {
					w.kill(tx)
					_, _ = tx.Exec(ctx, "select 1") // and the function does not look
				}
				return nil
			})
			w.idle()
			if rerunnable {
				require.NoError(t, err)
				require.Equal(t, 1, w.n(1))
				require.Equal(t, map[string]int64{"connection lost": 1}, w.runner.Stat().Retries)
				return
			}
			require.ErrorIs(t, err, txn.ErrLost)
			require.Zero(t, w.n(1))
		})
	}
}

// A server that was restarted leaves dead connections in the pool. Nothing of the function has run when BEGIN finds
// out, so it needs no declaration.
func TestADeadConnectionFoundByBeginIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	cut := w.proxy.On(faultproxy.Match{Frontend: "begin"}, faultproxy.CutBefore)
	require.NoError(t, w.run(txn.Options{}, add))
	<-cut.Hit()
	require.Equal(t, 1, w.n(1))
	require.Equal(t, int32(2), w.begins.Load())
	require.Len(t, w.runner.Stat().Retries, 1)
	w.idle()
}

func TestAServerThatRefusesConnectionsIsTriedAgain(t *testing.T) {
	refusals := 0
	var w *world
	w = newWorld(t, func(c *txn.RunnerConfig) {
		c.Sleep = func(context.Context, time.Duration) error {
			if refusals++; refusals == 2 {
				return w.proxy.Accept()
			}
			return nil
		}
	})
	require.NoError(t, w.proxy.Refuse())
	require.NoError(t, w.run(txn.Options{}, add))
	require.Equal(t, 2, refusals)
	require.Equal(t, map[string]int64{"connect": 2}, w.runner.Stat().Retries)
	require.Equal(t, 1, w.n(1))
}

func TestAServerThatNeverComesBackIsGivenUp(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.proxy.Refuse())
	err := w.run(txn.Options{}, add)
	var gaveUp *txn.GaveUpError
	require.ErrorAs(t, err, &gaveUp)
	require.Equal(t, txn.LimitAttempts, gaveUp.Why)
	require.Equal(t, 4, gaveUp.Attempts)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.Equal(t, int32(4), w.begins.Load())
	require.Equal(t, map[txn.Limit]int64{txn.LimitAttempts: 1}, w.runner.Stat().GaveUp)
}

func TestAnApplicationsOwnNetworkErrorIsNotTheTransactions(t *testing.T) {
	w := newWorld(t)
	for _, own := range []error{
		io.EOF,
		&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
		&pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}, // of some other connection
	} {
		w.begins.Store(0)
		err := w.run(txn.Options{Rerunnable: true}, func(ctx context.Context, tx *txn.Tx) error {
			require.NoError(t, add(ctx, tx))
			return own
		})
		require.ErrorIs(t, err, own)
		require.Equal(t, int32(1), w.begins.Load())
	}
	require.Zero(t, w.n(1))
}

func TestASlotThatMovedIsLookedForAgain(t *testing.T) {
	w := newWorld(t)
	w.exec(`create function guard() returns trigger language plpgsql as
		$$ begin raise exception 'slot 5 is not owned by this shard' using errcode = 'KW001'; end $$`)
	w.exec("create trigger guard before update on account for each row execute function guard()")
	attempts := 0
	src := sourceFunc(func(ctx context.Context, attempt int) (txn.Attempt, error) {
		if attempts = attempt; attempt == 12 { // more than MaxAttempts: the move takes its time
			w.exec("drop trigger guard on account")
			w.shardID = "s2"
		}
		return w.Begin(ctx, attempt)
	})
	require.NoError(t, w.runner.Run(within(t), src, txn.Options{}, add))
	require.Equal(t, 12, attempts)
	require.Equal(t, 1, w.n(1))
	s := w.runner.Stat()
	require.Equal(t, map[string]int64{"KW001": 11}, s.Retries)
	require.Empty(t, s.Tokens, "a refused attempt did nothing and costs nothing")
	w.idle()
}

func TestASlotThatIsNowhereIsGivenUpInTime(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.RerouteTime = 100 * time.Millisecond })
	began := time.Now()
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "do $$ begin raise exception 'not owned' using errcode = 'KW001'; end $$")
		return err
	})
	var gaveUp *txn.GaveUpError
	require.ErrorAs(t, err, &gaveUp)
	require.Equal(t, txn.LimitReroute, gaveUp.Why)
	require.Less(t, time.Since(began), soon/2)
}

// TestSlowRefusalsAreTriedAgain: each attempt takes longer than the time there is, as one does that waits for a lock.
func TestSlowRefusalsAreTriedAgain(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.RerouteTime = time.Nanosecond })
	err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		if tx.Attempt() >= 5 {
			return nil
		}
		_, err := tx.Exec(ctx, "do $$ begin raise exception 'not owned' using errcode = 'KW001'; end $$")
		return err
	})
	require.NoError(t, err)
	w.idle()
}

type sourceFunc func(ctx context.Context, attempt int) (txn.Attempt, error)

func (f sourceFunc) Begin(ctx context.Context, attempt int) (txn.Attempt, error) {
	return f(ctx, attempt)
}

// conflict fails with a SQLSTATE without needing anybody else.
func conflict(code string) func(ctx context.Context, tx *txn.Tx) error {
	return func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("do $$ begin raise exception 'x' using errcode = '%s'; end $$", code))
		return err
	}
}

func TestEachKindOfErrorHasItsLimit(t *testing.T) {
	for code, attempts := range map[string]int32{
		"40001": 4, "40P01": 4, "55P03": 3, "53200": 2, "25006": 2, "26000": 2, "23505": 1, "57014": 1, "P0001": 1,
	} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t)
			require.ErrorContains(t, w.run(txn.Options{}, conflict(code)), code)
			require.Equal(t, attempts, w.begins.Load())
			w.idle()
		})
	}
}

// More work does not help a pool that has none to give.
func TestAFullPoolIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	refused := &pool.ConnectError{Instance: "pg-a", Err: syscall.ECONNREFUSED}
	for _, full := range []error{
		&pool.AcquireTimeoutError{Instance: "pg-a"},
		&pool.AcquireTimeoutError{Instance: "pg-a", Dial: refused},
		&pool.QueueFullError{Instance: "pg-a"},
		pool.ErrClosed,
	} {
		asked := 0
		src := sourceFunc(func(context.Context, int) (txn.Attempt, error) {
			asked++
			return txn.Attempt{Shard: "s1"}, full
		})
		require.ErrorIs(t, w.runner.Run(within(t), src, txn.Options{Rerunnable: true}, add), full)
		require.Equal(t, 1, asked, "%T", full)
	}
	require.Zero(t, w.runner.Stat().InDoubt)
}

func TestOneAttemptIsOneAttempt(t *testing.T) {
	w := newWorld(t)
	err := w.run(txn.Options{MaxAttempts: 1}, conflict("40001"))
	var gaveUp *txn.GaveUpError
	require.False(t, errors.As(err, &gaveUp))
	require.ErrorContains(t, err, "40001")
	require.Error(t, w.run(txn.Options{MaxAttempts: 1}, conflict("KW001")))
	require.Equal(t, int32(2), w.begins.Load())
}

func TestTheBudgetOfAShardEndsItsRetries(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) { c.Budget = txn.Budget{Tokens: 12, Cost: 5} })
	require.ErrorContains(t, w.run(txn.Options{}, conflict("40001")), string(txn.LimitBudget))
	require.Equal(t, int32(3), w.begins.Load(), "two retries of 5 out of 12")
	w.begins.Store(0)
	require.ErrorContains(t, w.run(txn.Options{}, conflict("40001")), string(txn.LimitBudget))
	require.Equal(t, int32(1), w.begins.Load())

	w.shardID = "s2" // another shard has its own
	w.begins.Store(0)
	require.Error(t, w.run(txn.Options{}, conflict("40001")))
	require.Equal(t, int32(3), w.begins.Load())

	w.shardID = "s1" // successes earn retries
	for range 6 {
		require.NoError(t, w.run(txn.Options{}, add))
	}
	w.begins.Store(0)
	require.Error(t, w.run(txn.Options{}, conflict("40001")))
	require.Equal(t, int32(2), w.begins.Load())
}

func TestARetryAfterATimeoutCostsMore(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(txn.Options{Rerunnable: true}, func(ctx context.Context, tx *txn.Tx) error {
		if tx.Attempt() > 1 {
			return add(ctx, tx)
		}
		pid := int32(tx.Conn().PgConn().PID())
		impatient := pgtest.Until(t, func() bool { w.waitUntilSleeping(pid); return true })
		_, err := tx.Exec(impatient, "select pg_sleep(60)")
		return err
	}))
	require.InDelta(t, 90.5, w.runner.Stat().Tokens["s1"], 0.01)
}

func TestNoAttemptIsStartedThatCannotEndInTime(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	err := w.runner.Run(ctx, w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "select pg_sleep(4.1)")
		if err != nil {
			return err
		}
		return conflict("40001")(ctx, tx)
	})
	var gaveUp *txn.GaveUpError
	require.ErrorAs(t, err, &gaveUp)
	require.Equal(t, txn.LimitDeadline, gaveUp.Why)
	require.NoError(t, ctx.Err(), "it gave up before the deadline, with the reason and not with a timeout")
	require.Equal(t, int32(1), w.begins.Load())
	w.idle()
}

func TestACallerWhoHasGoneGetsTheErrorAsItWas(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(within(t))
	err := w.runner.Run(ctx, w, txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		defer cancel()
		return conflict("40001")(ctx, tx)
	})
	var gaveUp *txn.GaveUpError
	require.False(t, errors.As(err, &gaveUp), "it was not a limit that ended it: %v", err)
	require.ErrorContains(t, err, "40001")
	require.Equal(t, int32(1), w.begins.Load())
}

func TestADeadlineThatPassesInTheWaitEndsIt(t *testing.T) {
	w := newWorld(t, func(c *txn.RunnerConfig) {
		c.Sleep = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	})
	err := w.run(txn.Options{}, conflict("40001"))
	var gaveUp *txn.GaveUpError
	require.ErrorAs(t, err, &gaveUp)
	require.Equal(t, txn.LimitDeadline, gaveUp.Why)
	require.Equal(t, int32(1), w.begins.Load())
}

func TestWaitsAreDrawnFromDoublingBounds(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		rand float64
		want []time.Duration
	}{
		"least after a conflict":       {"40001", 0, []time.Duration{0, 0, 0}},
		"most after a conflict":        {"40001", 1, []time.Duration{5, 10, 20}},
		"least when something is full": {"53300", 0, []time.Duration{25, 25, 25}},
		"most when something is full":  {"53300", 1, []time.Duration{50, 100, 150}},
	} {
		t.Run(name, func(t *testing.T) {
			var waits []time.Duration
			w := newWorld(t, func(conf *txn.RunnerConfig) {
				conf.MaxDelay = 150 * time.Millisecond
				conf.Rand = func() float64 { return c.rand }
				conf.Sleep = func(_ context.Context, d time.Duration) error {
					waits = append(waits, d/time.Millisecond)
					return nil
				}
			})
			require.Error(t, w.run(txn.Options{}, conflict(c.code)))
			require.Equal(t, c.want, waits)
		})
	}
}

func TestAKilledServerIsUsedAgainWhenItIsBack(t *testing.T) {
	cluster := pgtest.Private(t)
	w := newWorldOn(t, cluster)
	require.NoError(t, w.run(txn.Options{}, add))
	require.NoError(t, cluster.Kill())
	require.Error(t, w.run(txn.Options{}, add))
	w.idle()
	require.NoError(t, cluster.Start(within(t)))
	require.Eventually(t, func() bool {
		return w.runner.Run(within(t), w, txn.Options{}, add) == nil
	}, soon, 20*time.Millisecond)

	s := w.runner.Stat()
	require.Equal(t, s.Runs, s.Committed+s.Failed+s.InDoubt)
	require.Zero(t, s.InDoubt)
	conn, err := pgx.ConnectConfig(within(t), w.direct.Config())
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var n int
	require.NoError(t, conn.QueryRow(within(t), "select n from account where id = 1").Scan(&n))
	require.Equal(t, s.Committed, int64(n), "what was acknowledged is there, and nothing else")
}

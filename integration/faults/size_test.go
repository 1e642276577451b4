package faults_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// TestHugeInputIsServedOrRefused: texts, lists, values and batches far beyond the usual.
func TestHugeInputIsServedOrRefused(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank)
	db := set.DB
	ctx := t.Context()
	keys := make([]int64, 70_000)
	same := make([]int64, 70_000)
	for i := range keys {
		keys[i], same[i] = int64(i+1), 1
	}
	_, err := db.Exec(ctx, "insert into accounts (aid) values (1)")
	require.NoError(t, err)
	n, err := router.Get[int64](ctx, db, router.Text("select count(*) from accounts where aid = any($1)", keys))
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "each of two shards is asked for its own keys")
	_, err = router.Exec(ctx, db, router.Text("select aid from accounts where aid = any($1) offset 1", keys))
	var many *router.MultiShardError
	require.ErrorAs(t, err, &many)
	n, err = router.Get[int64](ctx, db, router.Text("select count(*) from accounts where aid = any($1)", same))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	literals := strings.TrimSuffix(strings.Repeat("1,", 70_000), ",")
	n, err = router.Get[int64](ctx, db, router.Text("select count(*) from accounts where aid in ("+literals+")"))
	if err == nil {
		require.EqualValues(t, 1, n)
	}
	t.Logf("70,000 constants in IN: %d, %v", n, err)

	long := "select count(*) from accounts where aid = 1 and note is distinct from '" + strings.Repeat("x", 1<<20-1000) + "'"
	n, err = router.Get[int64](ctx, db, router.Text(long))
	require.NoError(t, err, "a text of 1 MB")
	require.EqualValues(t, 1, n)
	_, err = router.Get[int64](ctx, db, router.Text(long+strings.Repeat(" ", 2000)))
	require.ErrorContains(t, err, "send the values as parameters")
	for what, text := range map[string]string{
		"brackets":  "select " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
		"nots":      "select * from accounts where " + strings.Repeat("not ", 100_000) + "true and aid = 1",
		"signs":     "select " + strings.Repeat("- ", 100_000) + "1",
		"ors":       "select * from accounts where aid = 1" + strings.Repeat(" or aid = 1", 100_000),
		"subselect": strings.Repeat("select (", 50_000) + "1" + strings.Repeat(")", 50_000),
		"comment":   strings.Repeat("/*", 100_000),
		"casts":     "select 1" + strings.Repeat("::int", 100_000),
		"array":     "select 1" + strings.Repeat("[1", 100_000),
		"case":      "select " + strings.Repeat("case when true then ", 50_000),
		"dollar":    strings.Repeat("$a", 100_000),
		"joins":     "select 1 from accounts" + strings.Repeat(" join accounts using (aid)", 20_000),
	} {
		began := cpuTime(t)
		_, err := db.Explain(text)
		require.Error(t, err, what)
		require.Less(t, len(err.Error()), 2000, what)
		took := cpuTime(t) - began
		require.Less(t, took, 5*time.Second, what)
		t.Logf("%s: %v, %.100s", what, took.Round(time.Millisecond), err)
	}
	began := cpuTime(t)
	_, err = db.Explain("select count(*) from accounts where aid = 1" + strings.Repeat(" and aid = touched", 20_000))
	took := cpuTime(t) - began
	t.Logf("20,000 conjuncts: %v, %v", took.Round(time.Millisecond), err)
	require.Less(t, took, 5*time.Second)

	value := strings.Repeat("y", 8<<20)
	_, err = db.Exec(ctx, "update accounts set note = $1 where aid = 1", value)
	require.NoError(t, err)
	_, err = db.Exec(ctx, "insert into named (name, ref) values ($1, 1)", strings.Repeat("k", 2<<20))
	require.Error(t, err, "a key of 2 MB")
	require.Less(t, len(err.Error()), 1000)

	b := &pgx.Batch{}
	for i := range 20_000 {
		b.Queue("insert into events (aid, ref) values ($1, $2)", 1, i)
	}
	require.NoError(t, db.SendBatch(ctx, b).Close())
	n, err = router.Get[int64](ctx, db, router.Text("select count(*) from events where aid = 1"))
	require.NoError(t, err)
	require.EqualValues(t, 20_000, n)
}

// TestTextsWithoutEndTakeBoundedMemory: 100,000 different texts, from several callers, of statements that route and of
// statements that are refused.
func TestTextsWithoutEndTakeBoundedMemory(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	explain := func(from, to int, pad string) {
		var callers sync.WaitGroup
		for caller := range 4 {
			callers.Go(func() {
				for i := from + caller; i < to; i += 4 {
					_, _ = set.DB.Explain(fmt.Sprintf("select aid, balance from accounts where aid = %d and touched <> %d%s", i, i, pad))
					_, _ = set.DB.Explain(fmt.Sprintf("select aid from accounts where touched = %d%s", i, pad))
				}
			})
		}
		callers.Wait()
	}
	before := heap()
	explain(0, 10_000, "")
	full := heap()
	explain(10_000, 30_000, "")
	after := heap()
	t.Logf("heap: %d kB, with a full cache %d kB, after 60,000 texts %d kB", before>>10, full>>10, after>>10)
	require.Less(t, after, full+full/2+8<<20)
	explain(50_000, 55_000, " -- "+strings.Repeat("x", 20_000))
	long := heap()
	t.Logf("after 10,000 texts of 20 kB: %d MB", long>>20)
	require.Less(t, long, after+128<<20)
}

// TestCloseWithEverythingOpen: rows, transactions, copies, batches and a pool are in the hands of callers.
func TestCloseWithEverythingOpen(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Connections(20), testkit.Router(router.WithCloseGrace(100*time.Millisecond)))
	db := set.DB
	ctx := context.Background()
	_, err := db.Exec(ctx, "insert into accounts (aid) values (1)")
	require.NoError(t, err)
	rows, err := db.Query(ctx, "select n from accounts, generate_series(1, 1000000) n where aid = 1")
	require.NoError(t, err)
	require.True(t, rows.Next())
	raw, err := db.Shard("s0").Query(ctx, "select generate_series(1, 1000000)")
	require.NoError(t, err)
	tx, err := db.Shard("s1").Begin(ctx)
	require.NoError(t, err)
	results := db.Shard("s0").SendBatch(ctx, &pgx.Batch{QueuedQueries: []*pgx.QueuedQuery{{SQL: "select 1"}}})
	p, err := db.Shard("s1").PgxPool(ctx, 2)
	require.NoError(t, err)
	require.NoError(t, p.Ping(ctx))
	var work sync.WaitGroup
	ended := make(chan error, 2)
	started := make(chan struct{}, 2)
	work.Go(func() {
		ended <- db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			started <- struct{}{}
			_, err := tx.Exec(ctx, "update accounts set note = repeat('x', 10) where aid = 1 and exists (select from generate_series(1, 1000000000))")
			return err
		})
	})
	go func() { // the source of a copy that never ends; Close does not wait for it
		n := int64(0)
		_, err := db.CopyFrom(ctx, pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n == 5000 {
				started <- struct{}{}
			}
			return []any{n, n}, nil
		}))
		ended <- err
	}()
	<-started
	<-started
	began := time.Now()
	db.Close()
	t.Logf("Close took %v", time.Since(began).Round(time.Millisecond))
	require.Less(t, time.Since(began), time.Minute, "the statement runs for longer, and the copy for ever")
	for range 2 {
		select {
		case err := <-ended:
			require.ErrorIs(t, err, router.ErrClosed)
		case <-time.After(time.Minute):
			t.Fatal("a call goes on after Close")
		}
	}
	work.Wait()
	more := true
	for more {
		more = rows.Next()
	}
	require.ErrorIs(t, rows.Err(), router.ErrClosed)
	raw.Close()
	require.Error(t, tx.Commit(ctx))
	_ = results.Close()
	require.Error(t, p.Ping(ctx))
	p.Close()
	for i := range set.Clusters {
		super := set.Super(t, i)
		require.Eventually(t, func() bool {
			var left int
			err := super.QueryRow(ctx, "select count(*) from pg_stat_activity where usename = $1", appOf(set, i)).Scan(&left)
			return err == nil && left == 0
		}, time.Minute, 10*time.Millisecond)
	}
}

// cpuTime is what this process has used of the processors, which others on the machine do not lengthen.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

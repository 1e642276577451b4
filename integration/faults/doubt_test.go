package faults_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// behindProxies is a set whose servers the library reaches through proxies.
func behindProxies(t *testing.T, n int, opts ...testkit.Option) (*testkit.Set, []*faultproxy.Proxy) {
	t.Helper()
	clusters := pgtest.SharedN(t, n)
	proxies := make([]*faultproxy.Proxy, n)
	for i, c := range clusters {
		p, err := faultproxy.New(context.Background(), c.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		proxies[i] = p
	}
	opts = append(opts, testkit.Through(func(i int) string { return proxies[i].Addr() }))
	return testkit.New(t, clusters, bank, opts...), proxies
}

func TestALostReplyIsInDoubtInWhateverWayItWasWritten(t *testing.T) {
	set, proxies := behindProxies(t, 1)
	db := set.DB
	table, columns := pgx.Identifier{"events"}, []string{"aid", "ref"}
	two := func(ref int64) *pgx.Batch {
		b := &pgx.Batch{}
		b.Queue("select balance from accounts where aid = 1")
		b.Queue("insert into events (aid, ref) values (1, $1)", ref)
		return b
	}
	insert := faultproxy.Match{Frontend: "insert"}
	copied := faultproxy.Match{Backend: "CommandComplete COPY"}
	for i, way := range []struct {
		name  string
		at    faultproxy.Match
		write func(ctx context.Context, ref int64) error
	}{
		{"Exec", insert, func(ctx context.Context, ref int64) error {
			_, err := db.Exec(ctx, "insert into events (aid, ref) values (1, $1)", ref)
			return err
		}},
		{"QueryRow", insert, func(ctx context.Context, ref int64) error {
			return db.QueryRow(ctx, "insert into events (aid, ref) values (1, $1) returning ref", ref).Scan(new(int64))
		}},
		{"Get", insert, func(ctx context.Context, ref int64) error {
			_, err := router.Get[int64](ctx, db, router.Text("insert into events (aid, ref) values (1, $1) returning ref", ref))
			return err
		}},
		{"SendBatch", insert, func(ctx context.Context, ref int64) error { return db.SendBatch(ctx, two(ref)).Close() }},
		{"SendBatch, result by result", insert, func(ctx context.Context, ref int64) error {
			results := db.SendBatch(ctx, two(ref))
			defer func() { _ = results.Close() }()
			if _, err := results.Exec(); err != nil {
				return err
			}
			_, err := results.Exec()
			return err
		}},
		{"CopyFrom", copied, func(ctx context.Context, ref int64) error {
			_, err := db.CopyFrom(ctx, table, columns, pgx.CopyFromRows([][]any{{1, ref}}))
			return err
		}},
		{"ForKey.CopyFrom", copied, func(ctx context.Context, ref int64) error {
			_, err := db.ForKey(shard.Int64(1)).CopyFrom(ctx, table, columns, pgx.CopyFromRows([][]any{{1, ref}}))
			return err
		}},
		{"InTx", faultproxy.Match{Frontend: "commit"}, func(ctx context.Context, ref int64) error {
			return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Exec(ctx, "insert into events (aid, ref) values (1, $1)", ref)
				return err
			})
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			action := faultproxy.LoseReply
			if way.at.Backend != "" {
				action = faultproxy.CutBefore
			}
			lost := proxies[0].On(way.at, action)
			err := way.write(t.Context(), int64(i))
			require.Equal(t, 1, lost.Hits())
			require.ErrorIs(t, err, txn.ErrInDoubt)
			var doubt *txn.InDoubtError
			require.ErrorAs(t, err, &doubt)
			require.Equal(t, shard.ID("s0"), doubt.Shard)
			var stored int
			require.NoError(t, set.Super(t, 0).QueryRow(t.Context(), "select count(*) from events where ref = $1", i).Scan(&stored))
			require.Equal(t, 1, stored, "the server had done it")
		})
	}
}

func TestALostReplyOfOneShardLeavesTheRestOfABatchKnown(t *testing.T) {
	set, proxies := behindProxies(t, 2)
	db := set.DB
	batch := &pgx.Batch{}
	for i := range 2 {
		batch.Queue("insert into events (aid, ref) values ($1, 1)", accountOn(t, db, i, 0))
	}
	lost := proxies[1].On(faultproxy.Match{Frontend: "insert"}, faultproxy.LoseReply)
	err := db.SendBatch(t.Context(), batch).Close()
	require.Equal(t, 1, lost.Hits())
	require.ErrorIs(t, err, txn.ErrInDoubt)
	var partial *router.PartialBatchError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s0"}, partial.Committed)
	require.Equal(t, []shard.ID{"s1"}, partial.InDoubt)
	require.Empty(t, partial.Failed)
	for i := range 2 {
		var stored int
		require.NoError(t, set.Super(t, i).QueryRow(t.Context(), "select count(*) from events").Scan(&stored))
		require.Equal(t, 1, stored, "server %d", i)
	}
}

func TestWhatWasNotSentIsNotInDoubt(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank)
	db := set.DB
	unfit := struct{ A int }{3}
	_, err := db.Exec(t.Context(), "insert into events (aid, ref) values (1, $1)", unfit)
	require.Error(t, err)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	b := &pgx.Batch{}
	b.Queue("insert into events (aid, ref) values (1, 1)")
	b.Queue("insert into events (aid, ref) values (1, $1)", unfit)
	err = db.SendBatch(t.Context(), b).Close()
	require.Error(t, err)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	_, err = db.CopyFrom(t.Context(), pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromRows([][]any{{1, 1}, {1, unfit}}))
	require.Error(t, err)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = db.Exec(ended, "insert into events (aid, ref) values (1, 1)")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	err = db.SendBatch(ended, b).Close()
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	_, err = db.CopyFrom(ended, pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromRows([][]any{{1, 1}}))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	n, err := router.Get[int64](t.Context(), db, router.Text("select count(*) from events where aid = 1"))
	require.NoError(t, err)
	require.Zero(t, n)

	// A result that fits no variable is the caller's mistake, and the row is there.
	b = &pgx.Batch{}
	b.Queue("insert into events (aid, ref) values (1, 2) returning ref")
	results := db.SendBatch(t.Context(), b)
	err = results.QueryRow().Scan(new(bool))
	require.Error(t, err)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	require.NotErrorIs(t, results.Close(), txn.ErrInDoubt)
}

// TestAWriteThatCloseEndedIsInDoubt: Close gives up a statement that waits for a lock.
func TestAWriteThatCloseEndedIsInDoubt(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank, testkit.Router(router.WithCloseGrace(0)))
	super := set.Super(t, 0)
	tx, err := super.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock table events in access exclusive mode")
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := set.DB.Exec(context.Background(), "insert into events (aid, ref) values (1, 1)")
		failed <- err
	}()
	require.Eventually(t, func() bool {
		var n int
		err := super.QueryRow(t.Context(), "select count(*) from pg_locks where not granted and relation = 'events'::regclass").Scan(&n)
		return err == nil && n == 1
	}, time.Minute, 5*time.Millisecond)
	set.DB.Close()
	err = <-failed
	require.ErrorIs(t, err, router.ErrClosed)
	require.ErrorIs(t, err, txn.ErrInDoubt)
	_, err = set.DB.Exec(context.Background(), "insert into events (aid, ref) values (1, 1)")
	require.ErrorIs(t, err, router.ErrClosed)
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	require.NoError(t, tx.Rollback(t.Context()))
}

// TestATransactionWhoseConnectionIsLostBeforeCommitSaysSo: and that nothing is committed, and where it was.
func TestATransactionWhoseConnectionIsLostBeforeCommitSaysSo(t *testing.T) {
	set, proxies := behindProxies(t, 1)
	for _, action := range []faultproxy.Action{faultproxy.CutBefore, faultproxy.Fatal("57P01")} {
		proxies[0].On(faultproxy.Match{Frontend: "insert"}, action)
		err := set.DB.InTx(t.Context(), shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			_, err := tx.Exec(ctx, "insert into events (aid, ref) values (1, 1)")
			return err
		})
		require.ErrorIs(t, err, txn.ErrLost)
		require.ErrorContains(t, err, "shard s0")
		require.ErrorContains(t, err, "rolled back")
	}
	own := errors.New("the caller's own")
	err := set.DB.InTx(t.Context(), shard.Int64(1), func(context.Context, *txn.Tx) error { return own })
	require.Equal(t, own, err)
}

package router_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

var (
	orders       = pgx.Identifier{"orders"}
	orderColumns = []string{"tenant_id", "id", "state", "total"}
)

// TestAValueThatDoesNotFitIsNamedByRowAndColumn: and not by itself.
func TestAValueThatDoesNotFitIsNamedByRowAndColumn(t *testing.T) {
	_, db := stocked(t, 0)
	one, other := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	source := func(of func(i int) int64) pgx.CopyFromSource {
		return pgx.CopyFromSlice(50, func(i int) ([]any, error) {
			return []any{of(i), i, "new", pick(i == 20, any("secret"), any("7"))}, nil // 7 is read from its text
		})
	}
	same := func(int) int64 { return one }
	either := func(i int) int64 { return pick(i%3 == 0, one, other) }
	for name, copies := range map[string]func() (int64, error){
		"ForKey": func() (int64, error) {
			return db.ForKey(shard.Int64(one)).CopyFrom(t.Context(), orders, orderColumns, source(same))
		},
		"Shard":               func() (int64, error) { return db.Shard("s0").CopyFrom(t.Context(), orders, orderColumns, source(same)) },
		"CopyFrom":            func() (int64, error) { return db.CopyFrom(t.Context(), orders, orderColumns, source(either)) },
		"CopyFrom, one shard": func() (int64, error) { return db.CopyFrom(t.Context(), orders, orderColumns, source(same)) },
		"CopyInParts":         func() (int64, error) { return db.CopyInParts(t.Context(), orders, orderColumns, source(either), 100) },
	} {
		_, err := copies()
		sentence(t, err, "in row 21 the value of column total does not fit its type", "shard s")
		require.NotContains(t, err.Error(), "secret", name)
		givenBack(t, db)
	}
	err := db.InTx(t.Context(), shard.Int64(one), func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.CopyFrom(ctx, orders, orderColumns, source(same))
		return err
	})
	sentence(t, err, "COPY was ended by the client")
	require.NotContains(t, err.Error(), "secret")

	own := errors.New("the file ended")
	_, err = db.Shard("s0").CopyFrom(t.Context(), orders, orderColumns, pgx.CopyFromFunc(func() ([]any, error) { return nil, own }))
	require.ErrorIs(t, err, own)
	_, err = db.Shard("s0").CopyFrom(t.Context(), orders, orderColumns, pgx.CopyFromRows([][]any{{one}}))
	sentence(t, err, "row 1: has 1 values for 4 columns")
}

// TestACopyWhoseTimeIsOverNamesTheShardThatWasWaitedFor: the others have taken their rows, or wait for more of the source.
func TestACopyWhoseTimeIsOverNamesTheShardThatWasWaitedFor(t *testing.T) {
	f, db := stocked(t, 0)
	tx, err := f.migrator("s1").Begin(f.ctx())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(f.ctx(), "lock table orders in access exclusive mode")
	require.NoError(t, err)
	for _, rows := range []int{50, 20_000} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // s0 has taken its rows by then
		began := time.Now()
		n, err := db.CopyFrom(ctx, orders, orderColumns, pgx.CopyFromSlice(rows, func(i int) ([]any, error) {
			return []any{i + 1, i, "new", 1}, nil
		}))
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		sentence(t, err, "shard s1")
		require.NotContains(t, err.Error(), "s0")
		require.Zero(t, n)
		require.Less(t, time.Since(began), 10*time.Second)
		givenBack(t, db)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err = db.CopyFrom(ctx, orders, orderColumns, pgx.CopyFromFunc(func() ([]any, error) {
		if n++; n == 10 {
			cancel()
		}
		return pick(n < 100, []any{n, n, "new", 1}, nil), nil
	}))
	require.ErrorIs(t, err, context.Canceled)
	sentence(t, err, "copy into public.orders")
	require.NotContains(t, err.Error(), "shard s", "no shard was waited for")
}

// TestACopyThatBreaksBeforeItsEndIsNotInDoubt: the server commits when it is told that there are no more rows.
func TestACopyThatBreaksBeforeItsEndIsNotInDoubt(t *testing.T) {
	f, db := stocked(t, 0)
	key := tenantOn(t, db, "s1", 0)
	super := f.superuser("s1")
	for name, copies := range map[string]func(pgx.CopyFromSource) (int64, error){
		"ForKey": func(src pgx.CopyFromSource) (int64, error) {
			return db.ForKey(shard.Int64(key)).CopyFrom(t.Context(), orders, orderColumns, src)
		},
		"Shard": func(src pgx.CopyFromSource) (int64, error) {
			return db.Shard("s1").CopyFrom(t.Context(), orders, orderColumns, src)
		},
	} {
		n := int64(0)
		_, err := copies(pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n == 10_000 {
				for ended := int64(0); ended == 0; { // the server may not have begun
					tag, err := super.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where state = 'active' and query like 'copy %'")
					if err != nil {
						return nil, err
					}
					ended = tag.RowsAffected()
				}
			}
			return pick(n < 200_000, []any{key, n, "new", 1}, nil), nil
		}))
		var failed *router.ShardError
		require.ErrorAs(t, err, &failed, name)
		require.Equal(t, shard.ID("s1"), failed.Shard)
		require.NotErrorIs(t, err, txn.ErrInDoubt, name)
		require.Less(t, n, int64(200_000))
		givenBack(t, db)
		stored, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
		require.NoError(t, err)
		require.Zero(t, stored)
	}
}

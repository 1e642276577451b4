package router_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// leaving is an argument whose Value ends its goroutine when it is told to, as t.FailNow would.
type leaving struct{ leaves *bool }

func (l leaving) Value() (driver.Value, error) {
	if *l.leaves {
		runtime.Goexit()
	}
	return int64(1), nil
}

// exits runs f on a goroutine of its own and reports whether f returned: it does not where that goroutine was ended.
func exits(t *testing.T, f func()) (returned bool) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
		returned = true
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "it hangs")
	}
	return returned
}

// TestAnArgumentThatEndsItsGoroutineEndsTheReadersOverSeveralShards: shards are asked on other goroutines than the caller's.
func TestAnArgumentThatEndsItsGoroutineEndsTheReadersOverSeveralShards(t *testing.T) {
	_, db := stocked(t, 8)
	for _, sql := range []string{
		"select id from orders where total > $1",
		"select id from orders where total > $1 order by id",
		"select count(*) from orders where total > $1 group by state",
	} {
		for _, turns := range []int{0, 1} {
			leaves := false
			read := func() {
				_, err := router.Select[int64](t.Context(), db.Scatter(router.MaxConns(turns)), router.Text(sql+fmt.Sprintf(" -- %d", turns), leaving{&leaves}))
				require.NoError(t, err)
			}
			for _, when := range []string{"before it was prepared", "on connections that have it prepared"} {
				leaves = true
				require.False(t, exits(t, read), "%s, %d: %s", sql, turns, when)
				givenBack(t, db)
				leaves = false
				for range 10 {
					require.True(t, exits(t, read), "%s, %d: %s", sql, turns, when)
				}
			}
		}
	}
}

// TestAnArgumentThatEndsItsGoroutineFailsItsPartOfABatch: another part may be committed, which nobody would say.
func TestAnArgumentThatEndsItsGoroutineFailsItsPartOfABatch(t *testing.T) {
	_, db := stocked(t, 0)
	leaves := true
	b := &pgx.Batch{}
	const sql = "insert into orders (tenant_id, id, state, total) values ($1, 1, 'new', $2)"
	b.Queue(sql, tenantOn(t, db, "s0", 0), leaving{&leaves})
	b.Queue(sql, tenantOn(t, db, "s1", 0), 1)
	require.True(t, exits(t, func() {
		err := db.SendBatch(t.Context(), b).Close()
		var partial *router.PartialBatchError
		require.ErrorAs(t, err, &partial)
		require.Equal(t, []shard.ID{"s1"}, partial.Committed)
		require.Equal(t, []shard.ID{"s0"}, partial.Failed)
		sentence(t, err, "runtime.Goexit")
	}))
	givenBack(t, db)
}

// TestASourceThatEndsItsGoroutineEndsTheCopy: pgx reads the source of one shard's rows on a goroutine of its own, and
// would wait for it.
func TestASourceThatEndsItsGoroutineEndsTheCopy(t *testing.T) {
	_, db := stocked(t, 0)
	key := tenantOn(t, db, "s1", 0)
	orders, columns := pgx.Identifier{"orders"}, []string{"tenant_id", "id", "state", "total"}
	source := func(rows int64, several bool) pgx.CopyFromSource {
		n := int64(0)
		return pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n > rows {
				runtime.Goexit()
			}
			if several {
				return []any{n, n, "new", 1}, nil
			}
			return []any{key, n, "new", 1}, nil
		})
	}
	for name, copies := range map[string]func(){
		"ForKey": func() { _, _ = db.ForKey(shard.Int64(key)).CopyFrom(t.Context(), orders, columns, source(5, false)) },
		"InTx": func() {
			_ = db.InTx(t.Context(), shard.Int64(key), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.CopyFrom(ctx, orders, columns, source(5, false))
				return err
			})
		},
		"Shard":                     func() { _, _ = db.Shard("s1").CopyFrom(t.Context(), orders, columns, source(5, false)) },
		"CopyFrom":                  func() { _, _ = db.CopyFrom(t.Context(), orders, columns, source(5, true)) },
		"CopyFrom that has begun":   func() { _, _ = db.CopyFrom(t.Context(), orders, columns, source(5000, true)) },
		"CopyInParts, in the first": func() { _, _ = db.CopyInParts(t.Context(), orders, columns, source(5, true), 10) },
	} {
		require.False(t, exits(t, copies), name)
		givenBack(t, db)
	}
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Zero(t, n)
}

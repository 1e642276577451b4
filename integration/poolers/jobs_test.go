package poolers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

const tenants, callers, rounds = 40, 32, 25

// jobs does each of the router's jobs through each pooler and compares with what the servers say.
func jobs(t *testing.T, base *testkit.Set) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := open(t, base, k)
			for i := range shards {
				require.Equal(t, "sockets", stat(s.through, i).Bound)
				require.Equal(t, "backends", stat(s.DB, i).Bound)
			}
			t.Run("CopyFrom", func(t *testing.T) { copies(t, s) })
			t.Run("statements and transactions from many callers", func(t *testing.T) { crowd(t, s) })
			t.Run("SendBatch", func(t *testing.T) { batch(t, s) })
			t.Run("scoped handles", func(t *testing.T) { scoped(t, s) })
			t.Run("Shard and EachShard", func(t *testing.T) { each(t, s) })
			t.Run("a server's error", func(t *testing.T) { refused(t, s) })
			same(t, s, "select tenant, id, balance from accounts where tenant = $1 order by id")
			for i := range shards {
				got := stat(s.through, i)
				require.LessOrEqual(t, got.Peak, perInstance, "%+v", got)
			}
		})
	}
}

func copies(t *testing.T, s *set) {
	var rows [][]any
	for tenant := range int64(tenants) {
		for id := range int64(5) {
			rows = append(rows, []any{tenant, id, int64(0)})
		}
	}
	n, err := s.through.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, []string{"tenant", "id", "balance"}, pgx.CopyFromRows(rows))
	require.NoError(t, err)
	require.EqualValues(t, len(rows), n)
}

// crowd moves money from many goroutines: single statements, and transactions of several.
func crowd(t *testing.T, s *set) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for round := range rounds {
				tenant := int64((caller*rounds + round) % tenants)
				if err := post(ctx, s.through, tenant, newRef(), 3); err != nil {
					t.Errorf("post: %v", err)
					return
				}
				var n int64
				err := s.through.QueryRow(ctx, "select count(*) from accounts where tenant = $1", tenant).Scan(&n)
				if err != nil || n != 5 {
					t.Errorf("read %d: %v", n, err)
					return
				}
				tag, err := s.through.Exec(ctx, "update accounts set balance = balance + $2 where tenant = $1 and id = $3", tenant, 1, 4)
				if err != nil || tag.RowsAffected() != 1 {
					t.Errorf("exec: %s, %v", tag, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var posted, balance int64
	for tenant := range int64(tenants) {
		var p, b int64
		require.NoError(t, s.DB.QueryRow(ctx, "select coalesce(sum(amount), 0)::bigint from entries where tenant = $1", tenant).Scan(&p))
		require.NoError(t, s.DB.QueryRow(ctx, "select sum(balance)::bigint from accounts where tenant = $1", tenant).Scan(&b))
		posted, balance = posted+p, balance+b
	}
	require.EqualValues(t, 3*callers*rounds, posted)
	require.EqualValues(t, 4*callers*rounds, balance)
}

// post is one transaction with retries: an entry, and the balance it changes.
func post(ctx context.Context, db *router.DB, tenant int64, ref [16]byte, amount int64) error {
	return db.InTx(ctx, shard.Int64(tenant), func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx, "insert into entries (tenant, ref, amount) values ($1, $2, $3)", tenant, ref, amount); err != nil {
			return err
		}
		var balance int64
		return tx.QueryRow(ctx, "update accounts set balance = balance + $2 where tenant = $1 and id = 0 returning balance", tenant, amount).
			Scan(&balance)
	})
}

func batch(t *testing.T, s *set) {
	for range 3 { // described, and from the cache
		b := &pgx.Batch{}
		for id := range 5 {
			b.Queue("select balance from accounts where tenant = $1 and id = $2", 7, id)
		}
		results := s.through.SendBatch(t.Context(), b)
		for id := range 5 {
			var got, want int64
			require.NoError(t, results.QueryRow().Scan(&got))
			require.NoError(t, s.DB.QueryRow(t.Context(), "select balance from accounts where tenant = $1 and id = $2", 7, id).Scan(&want))
			require.Equal(t, want, got)
		}
		require.NoError(t, results.Close())
	}
}

func scoped(t *testing.T, s *set) {
	for tenant := range int64(tenants) {
		var got, want int64
		const sql = "select count(*) from entries"
		require.NoError(t, s.through.ForKey(shard.Int64(tenant)).QueryRow(t.Context(), sql).Scan(&got))
		require.NoError(t, s.DB.ForKey(shard.Int64(tenant)).QueryRow(t.Context(), sql).Scan(&want))
		require.Equal(t, want, got)
	}
}

// each runs statements that nobody reads, which leave something behind.
func each(t *testing.T, s *set) {
	count := func(db *router.DB) (n int64) {
		var mu sync.Mutex
		require.NoError(t, db.EachShard(t.Context(), func(ctx context.Context, s *router.ShardDB) error {
			var here int64
			err := s.QueryRow(ctx, "select count(*) from accounts").Scan(&here)
			mu.Lock()
			defer mu.Unlock()
			n += here
			return err
		}))
		return n
	}
	require.EqualValues(t, tenants*5, count(s.through))
	require.Equal(t, count(s.DB), count(s.through))
	for range 2 * perInstance {
		_, err := s.through.Shard("s0").Exec(t.Context(), "set search_path = pg_temp; create temp table accounts (tenant bigint, id bigint, balance bigint)")
		require.NoError(t, err)
	}
	require.EqualValues(t, tenants*5, count(s.through), "nothing is left of it")
}

// refused is about an error of the server's, which must arrive as it is and not cost the connection.
func refused(t *testing.T, s *set) {
	ref := newRef()
	require.NoError(t, post(t.Context(), s.through, 1, ref, 1))
	for range 3 {
		err := post(t.Context(), s.through, 1, ref, 1)
		require.ErrorContains(t, err, "23505")
		_, err = s.through.Exec(t.Context(), "insert into entries (tenant, ref, amount) values ($1, $2, $3)", 1, ref, 1)
		require.ErrorContains(t, err, "23505")
	}
}

// same compares what both give for each tenant.
func same(t *testing.T, s *set, sql string) {
	for tenant := range int64(tenants) {
		var answers [2][]string
		for i, db := range []*router.DB{s.DB, s.through} {
			rows, err := db.Query(t.Context(), sql, tenant)
			require.NoError(t, err)
			answers[i], err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
				values, err := row.Values()
				return fmt.Sprint(values), err
			})
			require.NoError(t, err)
		}
		require.Equal(t, answers[0], answers[1])
	}
}

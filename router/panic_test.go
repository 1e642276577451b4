package router_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// moody is an argument whose Value panics when it is told to.
type moody struct{ panics *bool }

func (m moody) Value() (driver.Value, error) {
	if *m.panics {
		panic("a Valuer of the caller")
	}
	return int64(1), nil
}

// TestAPanicInAnArgumentOfAReadOverSeveralShardsIsTheCallers: shards are asked on other goroutines than the caller's.
func TestAPanicInAnArgumentOfAReadOverSeveralShardsIsTheCallers(t *testing.T) {
	_, db := stocked(t, 8)
	for _, sql := range []string{
		"select id from orders where total > $1",
		"select id from orders where total > $1 order by id",
		"select count(*) from orders where total > $1 group by state",
	} {
		panics := true
		read := func() {
			_, err := router.Select[int64](t.Context(), db.Scatter(), router.Text(sql, moody{&panics}))
			require.NoError(t, err)
		}
		require.PanicsWithValue(t, "a Valuer of the caller", read, "before it was prepared: %s", sql)
		givenBack(t, db)
		panics = false
		for range 10 {
			read()
		}
		panics = true
		require.PanicsWithValue(t, "a Valuer of the caller", read, "on connections that have it prepared: %s", sql)
		givenBack(t, db)
		require.PanicsWithValue(t, "a Valuer of the caller", func() {
			rows, err := db.Scatter(router.MaxConns(1)).Query(t.Context(), sql, moody{&panics})
			require.NoError(t, err)
			rows.Next()
		}, "in turns: %s", sql)
		givenBack(t, db)
	}
	panics := true
	rows, err := db.Scatter().Query(t.Context(), "select id from orders where total > $1", moody{&panics})
	require.NoError(t, err)
	rows.Close()
	givenBack(t, db)
}

// TestAPanicInAnArgumentFailsItsPartOfABatch: another part may be committed, which a panic could not say.
func TestAPanicInAnArgumentFailsItsPartOfABatch(t *testing.T) {
	_, db := stocked(t, 0)
	panics := true
	b := &pgx.Batch{}
	const sql = "insert into orders (tenant_id, id, state, total) values ($1, 1, 'new', $2)"
	b.Queue(sql, tenantOn(t, db, "s0", 0), moody{&panics})
	b.Queue(sql, tenantOn(t, db, "s1", 0), 1)
	err := db.SendBatch(t.Context(), b).Close()
	var partial *router.PartialBatchError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s1"}, partial.Committed)
	require.Equal(t, []shard.ID{"s0"}, partial.Failed)
	sentence(t, err, "a Valuer of the caller")
	givenBack(t, db)
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// startled is a source that panics at its fifth row.
type startled struct{ key, row int64 }

func (s *startled) Next() bool {
	if s.row++; s.row == 5 {
		panic("a source of the caller")
	}
	return true
}

func (s *startled) Values() ([]any, error) {
	if s.key == 0 { // a job
		return []any{s.row, "mail"}, nil
	}
	return []any{s.key, s.row, "new", 1}, nil
}

func (s *startled) Err() error { return nil }

// TestAPanicInASourceOfOneShardsRowsIsTheCallers: pgx reads it on a goroutine of its own.
func TestAPanicInASourceOfOneShardsRowsIsTheCallers(t *testing.T) {
	_, db := stocked(t, 0)
	key := tenantOn(t, db, "s1", 0)
	orders, columns := pgx.Identifier{"orders"}, []string{"tenant_id", "id", "state", "total"}
	for name, f := range map[string]func(){
		"ForKey": func() {
			_, _ = db.ForKey(shard.Int64(key)).CopyFrom(t.Context(), orders, columns, &startled{key: key})
		},
		"InTx": func() {
			_ = db.InTx(t.Context(), shard.Int64(key), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.CopyFrom(ctx, orders, columns, &startled{key: key})
				return errors.Join(err, errors.New("not reached"))
			})
		},
		"home": func() {
			_, _ = db.CopyFrom(t.Context(), pgx.Identifier{"jobs"}, []string{"id", "what"}, &startled{})
		},
		"CopyFrom": func() { _, _ = db.CopyFrom(t.Context(), orders, columns, &startled{key: key}) },
	} {
		require.PanicsWithValue(t, "a source of the caller", f, name)
		givenBack(t, db)
	}
	n, err := router.Get[int](t.Context(), db.Scatter(), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Zero(t, n)
}

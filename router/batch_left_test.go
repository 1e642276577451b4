package router_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// handles are the ways of a batch with statements of tenants a (on s0) and b (on s1), or of a alone.
func handles(db *router.DB, a, b int64) map[string]struct {
	sender
	tenants []int64
} {
	type of = struct {
		sender
		tenants []int64
	}
	return map[string]of{
		"several shards":  {db, []int64{a, b}},
		"one shard":       {db, []int64{a}},
		"a key":           {db.ForKey(shard.Int64(a)), []int64{a}},
		"a shard by name": {db.Shard("s0"), []int64{a}},
	}
}

// After Close, and when the next result is asked for, the first row is still in pgx's hands, in a buffer of a connection
// that somebody else may have.
func TestRowsOfABatchEndWithTheirTurn(t *testing.T) {
	f, db := onShop(t)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	ends := func(rows pgx.Rows, what string) {
		t.Helper()
		require.False(t, rows.Next(), what)
		sentence(t, rows.Err(), "before it is closed")
		require.False(t, errors.As(rows.Err(), new(*txn.InDoubtError)), "%s: %v", what, rows.Err())
		sentence(t, rows.Scan(new(int64)), "before it is closed")
		_, err := rows.Values()
		require.Error(t, err, what)
		require.Nil(t, rows.RawValues(), what)
		require.Nil(t, rows.FieldDescriptions(), what)
		rows.Close()
		require.Error(t, rows.Err(), what)
	}
	id := 0
	for name, h := range handles(db, a, b) {
		for _, read := range []int{0, 1} {
			batch := &pgx.Batch{}
			for _, tenant := range append(h.tenants, h.tenants...) {
				id++
				batch.Queue("insert into orders (tenant_id, id) values ($1, $2), ($1, $2 + 1000) returning id", tenant, id)
			}
			results := h.SendBatch(f.ctx(), batch)
			var all []pgx.Rows
			for range batch.Len() {
				rows, err := results.Query()
				require.NoError(t, err)
				for range read {
					require.True(t, rows.Next())
				}
				all = append(all, rows)
			}
			for _, rows := range all[:len(h.tenants)] {
				ends(rows, name+": the next one was asked for")
			}
			require.NoError(t, results.Close(), name)
			for _, rows := range all[len(h.tenants):] {
				ends(rows, name+": closed")
			}
		}
		batch := &pgx.Batch{}
		for _, tenant := range h.tenants {
			batch.Queue("select 1 from orders where tenant_id = $1 limit 1", tenant)
		}
		results := h.SendBatch(f.ctx(), batch)
		rows, err := results.Query()
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.False(t, rows.Next())
		var row pgx.Row
		if len(h.tenants) > 1 {
			row = results.QueryRow()
		}
		require.NoError(t, results.Close())
		require.NoError(t, rows.Err(), "%s: these were read", name)
		if row != nil {
			sentence(t, row.Scan(new(int64)), "before it is closed")
		}
		idle(t, db)
	}
}

// A shard runs nothing of its part after the statement that it refused.
func TestStatementsAfterARefusedOneSayThatTheyWereNotRun(t *testing.T) {
	f, db := onShop(t)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	read := map[string]func(pgx.BatchResults) error{
		"Exec": func(r pgx.BatchResults) error {
			_, err := r.Exec()
			return err
		},
		"Query": func(r pgx.BatchResults) error {
			rows, err := r.Query()
			if err == nil {
				rows.Close()
				err = rows.Err()
			}
			return err
		},
		"QueryRow": func(r pgx.BatchResults) error {
			var n int
			if err := r.QueryRow().Scan(&n); !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			return nil
		},
	}
	for name, h := range handles(db, a, b) {
		for how, next := range read {
			batch := &pgx.Batch{}
			const of, bad = 20, 11
			for i := range of {
				by := 1
				if i+1 == bad {
					by = 0
				}
				batch.Queue("select count(*) / $2::int from orders where tenant_id = $1", h.tenants[i%len(h.tenants)], by)
			}
			results := h.SendBatch(f.ctx(), batch)
			for i := 1; i <= of; i++ {
				err := next(results)
				switch same := (i-bad)%len(h.tenants) == 0; {
				case i < bad || !same:
					require.NoError(t, err, "%s, %s: statement %d", name, how, i)
				case i == bad:
					sentence(t, err, "statement 11 of 20", "shard s0", "22012")
					require.NotContains(t, err.Error(), "not run")
				default:
					sentence(t, err, fmt.Sprintf("statement %d of 20", i), "not run, since statement 11 failed", "22012")
					var of *router.BatchError
					require.ErrorAs(t, err, &of)
					require.Equal(t, i, of.Statement)
				}
				if err != nil {
					var refused *pgconn.PgError
					require.ErrorAs(t, err, &refused)
					require.Equal(t, "22012", refused.Code)
					require.ErrorAs(t, err, new(*router.ShardError))
				}
			}
			sentence(t, results.Close(), "22012")
			idle(t, db)
		}
	}

	batch := &pgx.Batch{} // rows that nobody reads to the error
	for range 2 {
		batch.Queue("select 1 / (3 - g) from generate_series(1, 3) g left join (select id from orders where tenant_id = $1) o on o.id = g", a)
	}
	results := db.SendBatch(f.ctx(), batch)
	rows, err := results.Query()
	require.NoError(t, err)
	_, err = results.Exec()
	sentence(t, err, "statement 2 of 2", "not run, since statement 1 failed", "22012")
	sentence(t, rows.Err(), "statement 1 of 2", "22012")
	sentence(t, results.Close(), "22012")
}

// Nothing of a shard's part is sent when a statement of it cannot be prepared, or an argument does not fit.
func TestAStatementThatCannotBePreparedIsNamed(t *testing.T) {
	f, db := onShop(t)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	id := 0
	for name, h := range handles(db, a, b) {
		for what, bad := range map[string]struct {
			sql  string
			args []any
		}{
			"prepare": {"select date_trunc('day', id) from orders where tenant_id = $1", nil}, // no such function of a bigint
			"encode":  {"select count(*) from orders where tenant_id = $1 and id = $2", []any{struct{ s string }{"no number"}}},
		} {
			batch := &pgx.Batch{}
			const of, at = 6, 3
			for i := 1; i <= of; i++ {
				tenant := h.tenants[(i-1)%len(h.tenants)]
				if i == at {
					batch.Queue(bad.sql, append([]any{tenant}, bad.args...)...)
					continue
				}
				id++
				batch.Queue("insert into orders (tenant_id, id) values ($1, $2)", tenant, id)
			}
			results := h.SendBatch(f.ctx(), batch)
			for i := 1; i <= of; i++ {
				_, err := results.Exec()
				switch {
				case (i-at)%len(h.tenants) != 0:
					require.NoError(t, err, "%s, %s: statement %d is another shard's", name, what, i)
					continue
				case i == at:
					require.NotContains(t, err.Error(), "not run", "%s, %s", name, what)
				default:
					require.ErrorContains(t, err, "not run, since statement 3 failed", "%s, %s: statement %d", name, what, i)
				}
				sentence(t, err, fmt.Sprintf("statement %d of %d", i, of))
				require.NotContains(t, err.Error(), "no number")
			}
			require.Error(t, results.Close())
			idle(t, db)
		}
	}
}

// pgx says which text had an argument that does not fit, and nobody knows which statement of that text it was.
func TestAnArgumentOfOneOfSeveralStatementsOfATextIsNotPinnedOnTheFirst(t *testing.T) {
	f, db := onShop(t)
	a := tenantOn(t, db, "s0", 0)
	batch := &pgx.Batch{}
	batch.Queue("select count(*) from orders where tenant_id = $1", a)
	for _, id := range []any{1, struct{}{}, 3} {
		batch.Queue("insert into orders (tenant_id, id) values ($1, $2)", a, id)
	}
	results := db.SendBatch(f.ctx(), batch)
	for i := 1; i <= 4; i++ {
		_, err := results.Exec()
		sentence(t, err, fmt.Sprintf("statement %d of 4", i), "not run, since statement 2, or a later one of the same text, failed")
	}
	require.Error(t, results.Close())
	idle(t, db)
}

// A transaction keeps its connection, and what comes next on it would be given out.
func TestRowsOfABatchOfATransactionEndWithTheirTurn(t *testing.T) {
	f, db := onShop(t)
	a := tenantOn(t, db, "s0", 0)
	require.NoError(t, db.InTx(f.ctx(), shard.Int64(a), func(ctx context.Context, tx *txn.Tx) error {
		for _, begin := range []func() (pgx.Tx, error){
			func() (pgx.Tx, error) { return tx, nil },
			func() (pgx.Tx, error) { return tx.Begin(ctx) },
		} {
			tx, err := begin()
			require.NoError(t, err)
			batch := &pgx.Batch{}
			for range 3 {
				batch.Queue("select generate_series(1, 3) from (select count(*) from orders where tenant_id = $1) o", a)
			}
			results := tx.SendBatch(ctx, batch)
			first, err := results.Query()
			require.NoError(t, err)
			require.True(t, first.Next())
			second, err := results.Query()
			require.NoError(t, err)
			last := results.QueryRow()
			require.NoError(t, results.Close())
			for _, rows := range []pgx.Rows{first, second} {
				require.False(t, rows.Next())
				require.ErrorIs(t, rows.Err(), pool.ErrRowsLeft)
				require.ErrorIs(t, rows.Scan(new(int)), pool.ErrRowsLeft)
				require.Nil(t, rows.RawValues())
			}
			require.ErrorIs(t, last.Scan(new(int)), pool.ErrRowsLeft)
			var n int
			require.NoError(t, tx.QueryRow(ctx, "select 7 from (select count(*) from orders where tenant_id = $1) o", a).Scan(&n))
			require.Equal(t, 7, n, "the transaction goes on")
		}
		return nil
	}))
}

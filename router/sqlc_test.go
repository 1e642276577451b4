package router_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// queries has the shape of what sqlc generates for pgx/v5.
type queries struct{ db router.DBTX }

func newQueries(db router.DBTX) *queries { return &queries{db: db} }

func (q *queries) WithTx(tx pgx.Tx) *queries { return &queries{db: tx} }

const createOrder = `-- name: CreateOrder :one
INSERT INTO orders (tenant_id, id, state) VALUES ($1, $2, $3)
RETURNING tenant_id, id, state, total
`

func (q *queries) CreateOrder(ctx context.Context, tenant, id int64, state string) (order, error) {
	var o order
	err := q.db.QueryRow(ctx, createOrder, tenant, id, state).Scan(&o.TenantID, &o.ID, &o.State, &o.Total)
	return o, err
}

const listOrders = `-- name: ListOrders :many
SELECT tenant_id, id, state, total FROM orders WHERE tenant_id = $1 ORDER BY id
`

func (q *queries) ListOrders(ctx context.Context, tenant int64) ([]order, error) {
	rows, err := q.db.Query(ctx, listOrders, tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []order
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.TenantID, &o.ID, &o.State, &o.Total); err != nil {
			return nil, err
		}
		items = append(items, o)
	}
	return items, rows.Err()
}

const deleteOrders = `-- name: DeleteOrders :execrows
DELETE FROM orders WHERE tenant_id = $1
`

func (q *queries) DeleteOrders(ctx context.Context, tenant int64) (int64, error) {
	result, err := q.db.Exec(ctx, deleteOrders, tenant)
	return result.RowsAffected(), err
}

const countOrders = `-- name: CountOrders :one
SELECT count(*) FROM orders
`

func (q *queries) CountOrders(ctx context.Context) (n int64, err error) {
	err = q.db.QueryRow(ctx, countOrders).Scan(&n)
	return n, err
}

func TestGeneratedCodeRoutesItself(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	q := newQueries(db)
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	for _, tenant := range []int64{a, b} {
		o, err := q.CreateOrder(ctx, tenant, 1, "new")
		require.NoError(t, err)
		require.Equal(t, tenant, o.TenantID)
		list, err := q.ListOrders(ctx, tenant)
		require.NoError(t, err)
		require.Len(t, list, 1)
	}
	_, err := q.CountOrders(ctx)
	require.ErrorIs(t, err, router.ErrNoShardKey)
	n, err := q.CountOrders(router.WithKey(ctx, shard.Int64(a)))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = newQueries(db.ForKey(shard.Int64(b))).CountOrders(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, db.InTx(ctx, shard.Int64(a), func(ctx context.Context, tx *txn.Tx) error {
		q := q.WithTx(tx)
		if _, err := q.CreateOrder(ctx, a, 2, "new"); err != nil {
			return err
		}
		n, err = q.CountOrders(ctx)
		return err
	}))
	require.EqualValues(t, 2, n)
	n, err = q.DeleteOrders(ctx, a)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

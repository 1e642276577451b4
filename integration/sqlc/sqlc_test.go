// Package sqlc_test runs code that sqlc generated, unmodified, over the handles of the router.
package sqlc_test

import (
	"context"
	_ "embed"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/sqlc/sqlcgen"
	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

//go:embed schema.sql
var schema string

const register = `
select keyway.shard_table('customers', 'tenant_id');
select keyway.shard_table('orders', 'tenant_id');
select keyway.reference_table('plans');
insert into plans (code, name) values ('basic', 'Basic'), ('pro', 'Pro');
`

func TestMain(m *testing.M) { pgtest.Main(m) }

const tenants = 12

// open fills a sharded database through the generated code.
func open(t *testing.T) (*testkit.Set, *sqlcgen.Queries) {
	t.Helper()
	set := testkit.New(t, pgtest.SharedN(t, 3), schema+register)
	queries := sqlcgen.New(set.DB)
	for tenant := int64(1); tenant <= tenants; tenant++ {
		require.NoError(t, queries.CreateCustomer(t.Context(), sqlcgen.CreateCustomerParams{
			TenantID: tenant, ID: 1, Name: "first"}))
		for id := range tenant {
			_, err := queries.CreateOrder(t.Context(), sqlcgen.CreateOrderParams{
				TenantID: tenant, ID: id, CustomerID: 1, TotalCents: 100 * id})
			require.NoError(t, err)
		}
	}
	return set, queries
}

func TestGeneratedQueriesRouteThemselves(t *testing.T) {
	set, queries := open(t)
	used := map[shard.ID]bool{}
	for tenant := int64(1); tenant <= tenants; tenant++ {
		orders, err := queries.ListOrders(t.Context(), tenant)
		require.NoError(t, err)
		require.Len(t, orders, int(tenant))
		joined, err := queries.OrdersWithCustomer(t.Context(), tenant)
		require.NoError(t, err)
		require.Len(t, joined, int(tenant))
		states, err := queries.CountOrdersByState(t.Context(), tenant)
		require.NoError(t, err)
		require.Equal(t, tenant, states[0].Orders)
		route, err := set.DB.Route(shard.Int64(tenant))
		require.NoError(t, err)
		used[route.Shard] = true
	}
	require.Len(t, used, 3, "every shard has tenants")

	paid, err := queries.PayOrder(t.Context(), sqlcgen.PayOrderParams{TenantID: 5, ID: 2})
	require.NoError(t, err)
	require.EqualValues(t, 1, paid)
	order, err := queries.GetOrder(t.Context(), sqlcgen.GetOrderParams{TenantID: 5, ID: 2})
	require.NoError(t, err)
	require.Equal(t, "paid", order.State)
	require.NoError(t, queries.UpsertCustomer(t.Context(), sqlcgen.UpsertCustomerParams{TenantID: 5, ID: 1, Name: "again"}))
	plans, err := queries.ListPlans(t.Context())
	require.NoError(t, err)
	require.Len(t, plans, 2)
}

func TestAGeneratedQueryWithoutTheKeyIsRefusedOnTheDBAndScopedByTheContext(t *testing.T) {
	_, queries := open(t)
	_, err := queries.AllOrders(t.Context())
	require.ErrorIs(t, err, router.ErrNoShardKey)

	scoped := router.WithKey(t.Context(), shard.Int64(7))
	orders, err := queries.AllOrders(scoped)
	require.NoError(t, err)
	require.Len(t, orders, 7)
	for _, o := range orders {
		require.EqualValues(t, 7, o.TenantID)
	}
	_, err = queries.ListOrders(scoped, 8)
	var mismatch *txn.ShardMismatchError
	require.ErrorAs(t, err, &mismatch, "the request's tenant is 7")
}

func TestGeneratedBatchesAndCopies(t *testing.T) {
	set, queries := open(t)
	var keys []sqlcgen.OrderStateParams
	for id := range int64(9) {
		keys = append(keys, sqlcgen.OrderStateParams{TenantID: 9, ID: id})
	}
	seen := 0
	queries.OrderState(t.Context(), keys).QueryRow(func(_ int, state string, err error) {
		require.NoError(t, err)
		require.Equal(t, "new", state)
		seen++
	})
	require.Equal(t, 9, seen)

	var load []sqlcgen.LoadOrdersParams
	for tenant := int64(1); tenant <= tenants; tenant++ {
		for id := int64(1000); id < 1100; id++ {
			load = append(load, sqlcgen.LoadOrdersParams{TenantID: tenant, ID: id, CustomerID: 1, State: "new", TotalCents: id})
		}
	}
	copied, err := queries.LoadOrders(t.Context(), load)
	require.NoError(t, err)
	require.EqualValues(t, len(load), copied)
	for tenant := int64(1); tenant <= tenants; tenant++ {
		orders, err := queries.ListOrders(t.Context(), tenant)
		require.NoError(t, err)
		require.Len(t, orders, int(tenant)+100)
	}
	for i := range set.Clusters {
		var misplaced int
		rows, err := set.Super(t, i).Query(t.Context(), "select tenant_id, slot from orders")
		require.NoError(t, err)
		var tenant int64
		var slot int16
		_, err = pgx.ForEachRow(rows, []any{&tenant, &slot}, func() error {
			route, err := set.DB.Route(shard.Int64(tenant))
			if err != nil {
				return err
			}
			if route.Shard != testkit.ID(i) || int16(route.Slot) != slot {
				misplaced++
			}
			return nil
		})
		require.NoError(t, err)
		require.Zero(t, misplaced)
	}
}

func TestGeneratedQueriesInATransaction(t *testing.T) {
	set, queries := open(t)
	err := set.DB.InTx(t.Context(), shard.Int64(3), func(ctx context.Context, tx *txn.Tx) error {
		inTx := queries.WithTx(tx)
		if _, err := inTx.PayOrder(ctx, sqlcgen.PayOrderParams{TenantID: 3, ID: 1}); err != nil {
			return err
		}
		return inTx.DeleteOrder(ctx, sqlcgen.DeleteOrderParams{TenantID: 3, ID: 2})
	})
	require.NoError(t, err)
	orders, err := queries.ListOrders(t.Context(), 3)
	require.NoError(t, err)
	require.Len(t, orders, 2)
	require.Equal(t, "paid", orders[1].State)

	err = set.DB.InTx(t.Context(), shard.Int64(3), func(ctx context.Context, tx *txn.Tx) error {
		_, err := queries.WithTx(tx).PayOrder(ctx, sqlcgen.PayOrderParams{TenantID: 4, ID: 1})
		return err
	})
	var mismatch *txn.ShardMismatchError
	require.ErrorAs(t, err, &mismatch)
}

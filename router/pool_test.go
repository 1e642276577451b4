package router_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

func TestOneTenantCannotHaveAllConnections(t *testing.T) {
	f := initialised(t, 1)
	f.everywhere(shop)
	f.cfg.Pool = router.PoolConfig{MaxPerKey: 1}
	db := f.open()
	noisy, other := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s0", 1)
	const q = "select id from orders where tenant_id = $1"
	rows, err := db.Query(f.ctx(), q, noisy)
	require.NoError(t, err)
	soon := func() context.Context { // over when it waits for the key's turn
		return pgtest.Until(t, func() bool { return db.Stat().Instances[0].Waiting > 0 })
	}
	var e *pool.AcquireTimeoutError
	_, err = db.Exec(soon(), "delete from orders where tenant_id = $1", noisy)
	require.ErrorAs(t, err, &e)
	require.Equal(t, 1, e.MaxPerKey)
	_, err = db.Query(soon(), q, noisy)
	require.ErrorAs(t, err, &e)
	err = db.InTx(soon(), shard.Int64(noisy), func(context.Context, *txn.Tx) error { return nil })
	require.ErrorContains(t, err, "its key had the 1")
	_, err = db.Exec(f.ctx(), "delete from orders where tenant_id = $1", other)
	require.NoError(t, err, "others pass by")
	rows.Close()
	_, err = db.Exec(f.ctx(), "delete from orders where tenant_id = $1", noisy)
	require.NoError(t, err)
}

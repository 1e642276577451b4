package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
)

// TestTheCatalogsServerDiesWhileTheOthersGoOn: it has the map and its own budget, and neither is needed to work elsewhere.
func TestTheCatalogsServerDiesWhileTheOthersGoOn(t *testing.T) {
	dead := pgtest.Private(t)
	f := onServers(t, dead, pgtest.Shared(t))
	f.init()
	f.everywhere(shop)
	db := f.open(router.WithPollInterval(20 * time.Millisecond))
	ctx := f.ctx()
	here, there := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", here)
	require.NoError(t, err)
	require.NoError(t, dead.Kill())

	for i := range 60 {
		_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, $2)", there, i+1)
		require.NoError(t, err, "the other shard goes on")
		if i%20 != 0 {
			continue
		}
		_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, $2)", here, i+2)
		require.ErrorContains(t, err, "shard s0")
	}
	require.NoError(t, ctx.Err(), "nobody waited for a server that is not there")
	for _, s := range db.Stat().Budget {
		if s.Instance == "i1" {
			require.Equal(t, lease.Leased, s.Mode)
		}
	}

	require.NoError(t, dead.Start(ctx))
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1000)", here)
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestInitMakesAClusterThatOpens(t *testing.T) {
	f := fresh(t, 2)
	report := f.init()
	require.Equal(t, []shard.ID{"s0", "s1"}, report.Created)
	require.Empty(t, report.Existing)
	require.True(t, report.NewMap)
	require.EqualValues(t, 1, report.Map.Version())

	db := f.open()
	r, err := db.Route(shard.Int64(42))
	require.NoError(t, err)
	require.Equal(t, report.Map.Version(), r.MapVersion)
	require.Equal(t, f.cfg.Shards[r.Shard].Database, r.Database)
}

func TestInitMayBeRunAgain(t *testing.T) {
	f := fresh(t, 2)
	first := f.init()
	second := f.init()
	require.Equal(t, first.ClusterID, second.ClusterID)
	require.Empty(t, second.Created)
	require.Equal(t, []shard.ID{"s0", "s1"}, second.Existing)
	require.False(t, second.NewMap)
	require.True(t, first.Map.Equal(second.Map))
}

func TestSwappedAddressesAreRefusedByName(t *testing.T) {
	f := initialised(t, 2)
	s0, s1 := f.cfg.Shards["s0"], f.cfg.Shards["s1"]
	f.cfg.Shards["s0"], f.cfg.Shards["s1"] = s1, s0
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "shard s0", "answers as shard s1", "swapped")
	var open *router.OpenError
	require.ErrorAs(t, err, &open)
	require.Len(t, open.Shards, 2)
	var identity *router.IdentityError
	require.ErrorAs(t, err, &identity)

	_, err = router.Open(f.ctx(), f.cfg, router.AllowDown())
	require.ErrorAs(t, err, &identity, "a wrong server is not one that is down")
	_, err = router.Init(f.ctx(), f.cfg, router.InitOptions{})
	sentence(t, err, "swapped")
}

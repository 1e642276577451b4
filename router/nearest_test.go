package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// behind puts a proxy between the DB to be opened and shard i's server.
func (f *fixture) behind(i int) *faultproxy.Proxy {
	f.t.Helper()
	p, err := faultproxy.New(context.Background(), f.servers[i].Addr())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, p.Close()) })
	name := f.cfg.Shards[shard.ID("s"+string(rune('0'+i)))].Instance
	in := f.cfg.Instances[name]
	in.Primary = p.Addr()
	f.cfg.Instances[name] = in
	return p
}

const readPlans = "select name from plans order by id"

func TestReferenceTablesAreReadFromTheNearestShardsAndFromAllOfThem(t *testing.T) {
	f := initialised(t, 3)
	f.everywhere(shop)
	far := f.behind(2)
	far.On(faultproxy.Match{Backend: "ReadyForQuery", Times: -1}, faultproxy.Delay(200*time.Millisecond))
	there := far.On(faultproxy.Match{Frontend: readPlans, Times: -1}, faultproxy.Delay(0))
	f.cfg.Pool.HealthInterval = 20 * time.Millisecond // whose first round trip was slow is asked again
	db := f.open()
	require.Eventually(t, func() bool {
		st := db.Stat().Instances
		return st[0].Databases[0].RoundTrip < 100*time.Millisecond && st[1].Databases[0].RoundTrip < 100*time.Millisecond
	}, time.Minute, time.Millisecond, "the near ones are near, whatever else this machine does")

	seen := map[shard.ID]int{}
	require.Eventually(t, func() bool {
		for range 100 {
			id, err := router.AnyOwner(db)
			require.NoError(t, err)
			seen[id]++
			_, err = router.Select[string](f.ctx(), db, router.Text(readPlans))
			require.NoError(t, err)
		}
		return seen["s0"] > 0 && seen["s1"] > 0
	}, time.Minute, 20*time.Millisecond, "both near ones: %v", seen)
	require.Zero(t, seen["s2"], "of %v", seen)
	require.Zero(t, there.Hits())

	for _, in := range db.Stat().Instances {
		for _, d := range in.Databases {
			require.Positive(t, d.RoundTrip, in.Name)
			if in.Name == "i2" {
				require.Greater(t, d.RoundTrip, 190*time.Millisecond)
			}
		}
	}
}

func TestChoosingTheNearestAllocatesNothing(t *testing.T) {
	_, db := onShop(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := router.AnyOwner(db); err != nil {
			t.Error(err)
		}
	}))
}

func TestReferenceTablesAreNotReadFromAServerThatCannotBeReachedUntilItIsBack(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop)
	lost := f.behind(1)
	f.cfg.Pool.HealthInterval = 20 * time.Millisecond
	db := f.open(router.WithPollInterval(50 * time.Millisecond))
	from := func() shard.ID {
		id, err := router.AnyOwner(db)
		require.NoError(t, err)
		return id
	}
	require.Eventually(t, func() bool { return from() == "s1" }, time.Minute, time.Millisecond)

	require.NoError(t, lost.Refuse())
	lost.Cut()
	require.Eventually(t, func() bool { // somebody has to notice
		_, err := db.Shard("s1").Exec(f.ctx(), "select")
		require.Error(t, err)
		for range 50 {
			if from() == "s1" {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
	for range 500 {
		require.Equal(t, shard.ID("s0"), from())
		_, err := router.Select[string](f.ctx(), db, router.Text(readPlans))
		require.NoError(t, err)
	}

	require.NoError(t, lost.Accept())
	require.Eventually(t, func() bool { return from() == "s1" }, time.Minute, time.Millisecond, "nobody but the DB itself asks")
}

func TestReferenceTablesAreNotReadThroughAPausedPool(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop)
	f.cfg.Pool.HealthInterval = 20 * time.Millisecond
	db := f.open()
	require.Eventually(t, func() bool { id, err := router.AnyOwner(db); return err == nil && id == "s1" }, time.Minute, time.Millisecond)
	require.NoError(t, db.Pause(f.ctx(), "i1"))
	for range 100 {
		id, err := router.AnyOwner(db)
		require.NoError(t, err)
		require.Equal(t, shard.ID("s0"), id)
	}
	require.NoError(t, db.Resume("i1"))
	require.Eventually(t, func() bool { id, err := router.AnyOwner(db); return err == nil && id == "s1" }, time.Minute, time.Millisecond)
}

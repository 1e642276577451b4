package fleet_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// TestTheLeasesCannotBeRenewed: for longer than a grant lasts, then for longer than a place does. One server of two
// is well all the time.
func TestTheLeasesCannotBeRenewed(t *testing.T) {
	s := begin(t, pgtest.SharedN(t, 2), lease.Budget{Connections: 16, Processes: 3, Floor: 2, Reserve: 4})
	var all []*process
	for range 3 {
		all = append(all, s.start().load(6, held))
	}
	limits := func(floor, rest bool) func() bool {
		return func() bool {
			for _, p := range all {
				st := p.status()
				if floor && st.Limits["pg-1"] != 2 || rest && st.Limits["pg-1"] <= 2 || st.Limits["pg-0"] <= 2 {
					return false
				}
			}
			return true
		}
	}
	app := s.plan.Servers[1].User
	faults := []struct{ name, broken, mended string }{
		{"the rights are revoked", "revoke execute on function keyway.pool_lock(int) from " + app, "grant execute on function keyway.pool_lock(int) to " + app},
		{"the leases are gone", "alter table keyway.pool_lease rename to mislaid", "alter table keyway.mislaid rename to pool_lease"},
		{"the budget is deleted", "create table public.saved as select * from keyway.pool_budget; delete from keyway.pool_budget",
			"insert into keyway.pool_budget select * from public.saved; drop table public.saved"},
	}
	for _, f := range faults {
		t.Log(f.name)
		s.eventually("all have more than the floor", limits(false, true))
		s.super(1, f.broken)
		s.eventually("all work with the floor", limits(true, false))
		s.progress(10, "and serve", all...)
		s.super(1, f.mended)
	}

	t.Log("somebody holds a lock on the leases")
	s.eventually("all have more than the floor", limits(false, true))
	locker := pgtest.Conn(t, s.clusters[1], localpg.Superuser, s.plan.Servers[1].Database)
	_, err := locker.Exec(context.Background(), "begin; lock table keyway.pool_budget in access exclusive mode")
	require.NoError(t, err)
	s.eventually("all work with the floor", limits(true, false))
	s.progress(10, "and serve", all...)
	s.eventually("in the end they are not ready, and say why", func() bool {
		for _, p := range all {
			if st := p.status(); st.Limits["pg-1"] != 0 || st.Ready == "" {
				return false
			}
		}
		return true
	})
	t.Log(all[0].last.Ready)
	before := all[0].status().Served[shardID(0)]
	time.Sleep(length(t))
	require.Greater(t, all[0].status().Served[shardID(0)], before, "the other server serves")
	_, err = locker.Exec(context.Background(), "rollback")
	require.NoError(t, err)
	s.eventually("all are back by themselves", limits(false, true))
	s.progress(10, "and serve", all...)
	for _, p := range all {
		require.Empty(t, p.last.Failed[refused]+p.last.Failed[noAnswer], fmt.Sprint(p.last.Last))
	}
}

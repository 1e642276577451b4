package lease_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

// long are times within which no test waits for a heartbeat: ten minutes.
var long = lease.Budget{Connections: 12, Processes: 3, Floor: 2, Reserve: 2, TTL: time.Hour, MemberTTL: 2 * time.Hour}

// TestAProcessWhoseClockIsSetForwardAsksAgainAtOnce: by its own clocks its lease is over, so it must not use it; it need
// not wait for a heartbeat to hear that it has it all the same.
func TestAProcessWhoseClockIsSetForwardAsksAgainAtOnce(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(long)
	s.census(10, 12)
	var ahead atomic.Int64
	p := s.process(lease.WithWall(func() time.Duration { return time.Duration(ahead.Load()) }))
	require.NoError(t, p.keeper.Ready(within(t, soon)))
	for _, by := range []time.Duration{24 * time.Hour, -48 * time.Hour, 400 * 24 * time.Hour} {
		before := p.keeper.State().Renewed
		ahead.Add(int64(by))
		if by > 0 {
			require.Error(t, p.keeper.MayDial(), "nothing is opened by a lease that may be over")
			eventually(t, "asked again", func() bool { return p.keeper.State().Renewed.After(before) })
		}
		require.NoError(t, p.keeper.Ready(within(t, soon)))
		require.NoError(t, p.db.Ping(within(t, soon)))
	}
}

// TestAnOperatorWhoEmptiesOrEditsTheLeases: whatever the rows say, the budget holds, and the next requests put it right.
func TestAnOperatorWhoEmptiesOrEditsTheLeases(t *testing.T) {
	for _, edit := range []struct{ name, sql string }{
		{"truncated", "truncate keyway.pool_lease"},
		{"deleted", "delete from keyway.pool_lease"},
		{"the server's clock was set back", "update keyway.pool_lease set joined_at = joined_at + '1 h', expires_at = expires_at + '1 h', " +
			"reclaim_at = reclaim_at + '1 h', remove_at = remove_at + '1 h'"},
		{"the server's clock was set forward", "update keyway.pool_lease set joined_at = joined_at - interval '100 ms', " +
			"expires_at = expires_at - interval '100 ms', reclaim_at = reclaim_at - interval '100 ms', remove_at = remove_at - interval '100 ms'"},
		{"nonsense", "update keyway.pool_lease set held = 2000000000, floor = 2000000000, granted = -5, open = -7, want = -1, most = -3, weight = -9"},
		{"all of it is wanted", "update keyway.pool_lease set want = 2147483647, most = 2147483647, weight = 2147483647"},
		{"the names of others", "update keyway.pool_lease set application = repeat('x', 100000), host = '', pid = -1"},
		{"terminated", "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '(kw[.]|keyway lease)'"},
	} {
		t.Run(edit.name, func(t *testing.T) {
			s := newSite(t, pgtest.Shared(t))
			s.set(small(12, 3, 2, 2))
			s.census(10, 0)
			a, b := s.process(), s.process()
			a.load(8, 5*time.Millisecond)
			b.load(8, 5*time.Millisecond)
			eventually(t, "leased", func() bool { return a.mode(lease.Leased)() && b.mode(lease.Leased)() })
			for range 5 {
				s.super(edit.sql)
				time.Sleep(quick.TTL / 6) // a heartbeat or so, in which the rows are as they are
			}
			eventually(t, "both work", func() bool { return a.mode(lease.Leased)() && b.mode(lease.Leased)() })
			done := a.done.Load() + b.done.Load()
			eventually(t, "work goes on", func() bool { return a.done.Load()+b.done.Load() > done+50 })
		})
	}
}

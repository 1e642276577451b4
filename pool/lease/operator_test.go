package lease_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
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

// TestAnOperatorWhoEditsTheLeases: whatever the rows say, the budget holds, and the next requests put it right.
func TestAnOperatorWhoEditsTheLeases(t *testing.T) {
	for _, edit := range []struct{ name, sql string }{
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

// TestLeasesCannotBeTakenAwayByHand: what their processes hold unopened would be granted to others at once.
func TestLeasesCannotBeTakenAwayByHand(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	b := long
	b.Connections, b.Processes = 14, 2
	s.set(b)
	s.census(12, 14)
	first := s.process()
	first.load(20, 5*time.Millisecond)
	eventually(t, "the first one has its share", func() bool { return first.keeper.State().Limit == 10 })
	first.stop()
	first.in.Recycle() // from now on the server shows nothing of it
	second := s.process()
	require.NoError(t, second.keeper.Ready(within(t, soon)))
	owner := pgtest.Conn(t, s.cluster, localpg.Superuser, s.db)
	for _, sql := range []string{"truncate keyway.pool_lease", "delete from keyway.pool_lease"} {
		_, err := owner.Exec(within(t, soon), sql)
		require.ErrorContains(t, err, "cannot be taken away", sql)
	}
	renewed := second.keeper.State().Renewed
	second.load(20, 5*time.Millisecond)
	eventually(t, "the second one has asked for more", func() bool { return second.keeper.State().Renewed.After(renewed) })
	require.LessOrEqual(t, first.keeper.State().Limit+second.keeper.State().Limit, 12)

	_, err := owner.Exec(within(t, soon), "insert into keyway.pool_lease select 'kw.000000.aaaaaaaaaa', seq, joined_at, 0, 0, 0, 0, 0, 0, 1, "+
		"now(), now(), now(), application, host, pid, started_at, updated_at from keyway.pool_lease limit 1")
	require.NoError(t, err)
	tag, err := owner.Exec(within(t, soon), "delete from keyway.pool_lease where holder = 'kw.000000.aaaaaaaaaa'")
	require.NoError(t, err, "what has ended may go")
	require.EqualValues(t, 1, tag.RowsAffected())
}

package lease_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

func ask(m *lease.Member, open, want int) lease.Request {
	return m.Ask(lease.Reading{}, lease.Load{Open: open, Want: want, Most: 100})
}

func TestALeaseIsGrantedRenewedAndGivenBack(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	set := s.set(lease.Budget{Connections: 20, Processes: 3})
	require.Equal(t, lease.Budget{Connections: 20, Processes: 3, Floor: 3, Reserve: 1, TTL: lease.DefaultTTL,
		MemberTTL: lease.DefaultMemberTTL, Grace: lease.DefaultGrace}, set)

	conn := pgtest.Conn(t, s.cluster, s.app, s.db)
	h := lease.NewHolder(s.db, "billing")
	m := lease.NewMember(h)
	q := ask(m, 0, 8)
	r, err := lease.Renew(t.Context(), conn, q)
	require.NoError(t, err)
	require.Equal(t, lease.Reply{Seq: 1, Floor: 3, Granted: 10, Budget: set, Members: 1, Held: 10}, r)
	require.True(t, m.Answer(lease.Reading{}, r))

	_, err = lease.Renew(t.Context(), conn, q)
	require.ErrorContains(t, err, "answered before this one")

	v := s.view()
	require.Len(t, v.Leases, 1)
	got := v.Leases[0]
	require.Equal(t, 13, v.Charged)
	require.Equal(t, 6, v.Free())
	require.Equal(t, h.Name, got.Holder.Name)
	require.Equal(t, "billing", got.Holder.Application)
	require.Equal(t, h.PID, got.Holder.PID)
	require.WithinDuration(t, h.Started, got.Holder.Started, time.Millisecond)
	require.WithinDuration(t, v.Now.Add(lease.DefaultTTL), got.Expires, soon)

	leave := m.Ask(lease.Reading{}, lease.Load{Leaving: true})
	_, err = lease.Renew(t.Context(), conn, leave)
	require.NoError(t, err)
	require.Empty(t, s.view().Leases)
}

package lease_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

func TestNumbersThatContradictEachOtherAreRefusedInWords(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	for name, c := range map[string]struct {
		b    lease.Budget
		says string
	}{
		"too many processes": {lease.Budget{Connections: 20, Processes: 20},
			"20 connections are too few for 20 processes with 1 each and 1 in reserve, which is 21: raise the connections to 21, or lower the processes to 19"},
		"no process":       {lease.Budget{Connections: 20}, "at least 1 process"},
		"negative floor":   {lease.Budget{Connections: 20, Processes: 2, Floor: -1}, "a floor of at least 1"},
		"negative reserve": {lease.Budget{Connections: 20, Processes: 2, Reserve: -1}, "in reserve"},
		"more than there are": {lease.Budget{Connections: 200, Processes: 2},
			"the budget has 200 connections, and the server has 97 for the services (max_connections 100, 3 kept for superusers): set it to 97 or less"},
		"long times":        {lease.Budget{Connections: 20, Processes: 2, Grace: 1e18}, "a grace of 277777h46m40s is longer than 24h0m0s"},
		"endless processes": {lease.Budget{Connections: 20, Processes: 1 << 62, Floor: 1 << 62}, "more than a server can ever have"},
		"short member TTL":  {lease.Budget{Connections: 20, Processes: 2, MemberTTL: 1e9}, "shorter than the TTL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lease.SetBudget(within(t, soon), s.owner, s.app, c.b)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := lease.ReadBudget(within(t, soon), s.owner)
	require.ErrorIs(t, err, lease.ErrNoBudget)
	_, err = lease.Overview(within(t, soon), s.owner)
	require.ErrorIs(t, err, lease.ErrNoBudget)

	s.super("alter role " + s.app + " connection limit 10")
	_, err = lease.SetBudget(within(t, soon), s.owner, s.app, lease.Budget{Connections: 20, Processes: 2})
	require.ErrorContains(t, err, "the role's connection limit is 10")
}

// TestTheServicesRoleChangesNoBudget: it renews leases and reads, and that is all.
func TestTheServicesRoleChangesNoBudget(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	set := s.set(lease.Budget{Connections: 20, Processes: 2})
	app := pgtest.Conn(t, s.cluster, s.app, s.db)
	_, err := lease.SetBudget(within(t, soon), app, s.app, lease.Budget{Connections: 30, Processes: 2})
	require.ErrorContains(t, err, "permission denied")
	got, err := lease.ReadBudget(within(t, soon), app)
	require.NoError(t, err)
	require.Equal(t, set, got)
	_, err = lease.Overview(within(t, soon), app)
	require.NoError(t, err)
	_, err = app.Exec(within(t, soon), "delete from keyway.pool_lease")
	require.ErrorContains(t, err, "permission denied")

	require.NoError(t, lease.Assert("pg-a", got, 20, 2))
	require.NoError(t, lease.Assert("pg-a", got, 0, 0))
	require.EqualError(t, lease.Assert("pg-a", got, 25, 2), "lease: instance pg-a: the budget on the server has 20 connections, "+
		"and the configuration asserts 25: change one of them (`keyway pool set`, or the configuration)")
}

func TestADatabaseThatNamesAnotherHomeIsFound(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	ctx := within(t, soon)
	s.set(lease.Budget{Connections: 20, Processes: 2})
	require.NoError(t, lease.CheckHome(ctx, s.owner, s.db, s.db))
	require.EqualError(t, lease.CheckHome(ctx, s.owner, s.db, "other"), "lease: database "+s.db+" says that its server's budget is in "+
		"database "+s.db+", and this configuration takes it from other: two budgets for one server would not bound anything")

	other := newSite(t, s.cluster)
	require.ErrorContains(t, lease.CheckHome(ctx, other.owner, other.db, s.db), "does not say where its server's budget is")
	require.NoError(t, lease.SetHome(ctx, other.owner, other.db, s.db))
	require.NoError(t, lease.CheckHome(ctx, other.owner, other.db, s.db))
	_, err := lease.SetBudget(ctx, other.owner, other.app, lease.Budget{Connections: 20, Processes: 2})
	require.ErrorAs(t, err, new(*lease.HomeError), "a second budget on the server")

	p := s.process()
	require.NoError(t, p.keeper.Ready(ctx))
	require.ErrorContains(t, lease.ForgetHome(ctx, s.owner), "leases are held here (1 of them")
	p.close(t)
	require.NoError(t, lease.ForgetHome(ctx, s.owner))
	require.NoError(t, lease.ForgetHome(ctx, other.owner))
	home, err := lease.ReadHome(ctx, other.owner)
	require.NoError(t, err)
	require.Empty(t, home)
}

func TestASchemaWithoutLeasesSaysWhatToDo(t *testing.T) {
	c := pgtest.Shared(t)
	conn := pgtest.Conn(t, c, localpg.Superuser, pgtest.Database(t, c))
	m := lease.NewMember(lease.NewHolder("db", ""))
	_, err := lease.Renew(within(t, soon), conn, ask(m, 0, 1))
	require.ErrorContains(t, err, "run `keyway init` again")
	require.Equal(t, byte('I'), conn.PgConn().TxStatus(), "the connection can be used by others")
	_, err = conn.Exec(within(t, soon), "begin")
	require.NoError(t, err)
	_, err = lease.Renew(within(t, soon), conn, ask(m, 0, 1))
	require.ErrorContains(t, err, "inside a transaction")
}

// TestARenewalTakesTwoRoundTrips on a connection that has made one before.
func TestARenewalTakesTwoRoundTrips(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(lease.Budget{Connections: 20, Processes: 2})
	cfg := s.config()
	var wire turns
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		wire.Conn = conn
		return &wire, err
	}
	conn, err := pgx.ConnectConfig(within(t, soon), cfg)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	m := lease.NewMember(lease.NewHolder(s.db, ""))
	for range 2 { // the second writes over a row that is there
		wire.reset()
		_, err = lease.Renew(within(t, soon), conn, ask(m, 0, 1))
		require.NoError(t, err)
	}
	require.Equal(t, 2, wire.reset())
}

// turns counts how often a connection goes from reading to writing.
type turns struct {
	net.Conn
	mu      sync.Mutex
	writing bool
	n       int
}

func (c *turns) Write(b []byte) (int, error) {
	c.mu.Lock()
	if !c.writing {
		c.n++
	}
	c.writing = true
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *turns) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.writing = c.writing && n == 0
	c.mu.Unlock()
	return n, err
}

func (c *turns) reset() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n, c.writing = 0, false
	return n
}

// TestBackendsBearTheNameOfTheirProcess, whatever the service is called: the evidence depends on it.
func TestBackendsBearTheNameOfTheirProcess(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(lease.Budget{Connections: 20, Processes: 2})
	for _, application := range []string{"", "billing", strings.Repeat("a long name ", 9), "Größenmaßstäbe-für-die-Übermittlung-höchster-Güte-äöü"} {
		h := lease.NewHolder(s.db, application)
		require.LessOrEqual(t, len(h.ApplicationName()), 63)
		cfg := s.config()
		cfg.RuntimeParams["application_name"] = h.ApplicationName()
		conn, err := pgx.ConnectConfig(within(t, soon), cfg)
		require.NoError(t, err)
		rows, err := s.owner.Query(within(t, soon), "select holder, backends from keyway.pool_shown()")
		require.NoError(t, err)
		var holder string
		var n, found int
		_, err = pgx.ForEachRow(rows, []any{&holder, &n}, func() error {
			if holder == h.Name {
				found = n
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, found, application)
		require.Equal(t, 1, s.view().Strangers, "it has no lease, and is counted all the same")
		require.NoError(t, conn.Close(within(t, soon)))
		eventually(t, "it is gone", func() bool { return s.view().Strangers == 0 })
	}
}

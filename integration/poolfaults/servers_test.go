package poolfaults_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/pool"
)

const short = "select pg_sleep(0.001)"

func TestAServerIsKilledUnderLoadAndComesBack(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	for range 3 {
		s.progress(broken, 200, "before it is killed")
		require.NoError(t, broken.cluster.Kill())
		s.during(time.Second)
		require.NoError(t, broken.cluster.Start(context.Background()))
		s.progress(broken, 200, "after it came back")
	}
	require.Positive(t, broken.failed.Load())
}

func TestConnectionsAreRefusedForALongTime(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	s.progress(broken, 200, "before")
	dials, began := broken.in.Stat().Dials, time.Now()
	require.NoError(t, broken.proxy.Refuse())
	broken.proxy.Cut()
	s.during(outage(t))
	dials, away := broken.in.Stat().Dials-dials, time.Since(began) // longer than it should be, on a busy machine
	var refused *pool.ConnectError
	require.ErrorAs(t, *broken.last.Load(), &refused, "a caller hears why")
	require.NoError(t, broken.proxy.Accept())
	s.progress(broken, 200, "after the server is back, without being told")

	// Two dials at once, each followed by a pause that grows to half a second on average a quarter of it.
	most := 40 + int64(away/(50*time.Millisecond))
	t.Logf("%d dials in %s for %d callers that failed %d times", dials, away, callers, broken.failed.Load())
	require.LessOrEqual(t, dials, most, "dials are paced however many callers there are")
}

func TestAServerHangs(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	s.progress(broken, 200, "before")
	require.NoError(t, broken.cluster.Pause())
	s.during(outage(t))
	require.LessOrEqual(t, broken.in.Stat().Open, share)
	require.NoError(t, broken.cluster.Resume())
	s.progress(broken, 200, "after it goes on")
}

func TestANetworkSwallowsEverything(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	s.progress(broken, 200, "before")
	broken.proxy.Pause()
	s.during(outage(t))
	broken.proxy.Resume()
	s.progress(broken, 200, "after the network is back")
}

func TestAServerIsSlow(t *testing.T) {
	s := begin(t, 2)
	broken := s.servers[0]
	s.call(short)
	s.progress(broken, 200, "before")
	slow := broken.proxy.On(faultproxy.Match{Frontend: "select pg_sleep", Times: -1}, faultproxy.Delay(300*time.Millisecond))
	s.during(outage(t))
	slow.Remove()
	s.progress(broken, 200, "after it is fast again")
}

func TestAFullServerIsTriedAgainAndItsOwnErrorNeverShown(t *testing.T) {
	s := begin(t, 2, func(c *pool.Config) { c.Conn.User = "service" })
	for _, v := range s.servers {
		v.super(t, "create role service login")
	}
	broken := s.servers[0]
	// Others have taken what the server has: of the six connections of the share only three can be opened.
	broken.super(t, "alter role service connection limit 3")
	s.call(short)
	s.progress(broken, 500, "three connections serve all callers")
	s.during(2 * time.Second)
	st := broken.in.Stat()
	t.Logf("with a server that is full: %d connections, %d dials refused, %d callers served, %d failed", st.Open, st.DialsFull,
		broken.served.Load(), broken.failed.Load())
	require.Positive(t, st.DialsFull)
	require.Zero(t, broken.failed.Load(), "nobody is told what is the pool's own trouble: %v", broken.last.Load())

	broken.super(t, "alter role service connection limit 0")
	broken.super(t, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'")
	require.Eventually(t, func() bool { return broken.failed.Load() > 0 }, soon, 5*time.Millisecond)
	err := *broken.last.Load()
	var raw *pgconn.PgError
	var connect *pool.ConnectError
	if errors.As(err, &raw) && raw.Code == "53300" {
		require.ErrorAs(t, err, &connect, "the server's error stands alone: %v", err)
		require.True(t, connect.Full())
	}

	broken.super(t, "alter role service connection limit -1")
	s.progress(broken, 200, "there is room again")
	require.Eventually(t, func() bool { return broken.in.Stat().Open == share }, soon, 5*time.Millisecond, "the share is used again")
}

// super runs a statement as the superuser, past the pool.
func (v *server) super(t *testing.T, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	conn, err := pgx.Connect(ctx, v.cluster.DSN(localpg.Superuser, "postgres"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	require.NoError(t, err, fmt.Sprintf("%.40s", statement))
}

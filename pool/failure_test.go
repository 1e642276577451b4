package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestAServerThatWasKilledAndComesBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	in := s.instance(limit(4))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 4) {
		c.Release()
	}
	require.NoError(t, s.cluster.Kill())

	var down *pool.ConnectError
	eventually(t, "a typed error while the server is down", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		start := time.Now()
		err := db.Ping(ctx)
		return errors.As(err, &down) && time.Since(start) < 2*time.Second
	})
	require.Equal(t, s.cluster.Addr(), down.Addr)
	require.True(t, pgconn.SafeToRetry(down))

	require.NoError(t, s.cluster.Start(within(t, time.Minute)))
	eventually(t, "the pool has recovered", func() bool { return db.Ping(within(t, 5*time.Second)) == nil })
	for _, c := range takeAll(t, db.Acquire, 4) {
		c.Release()
	}
	require.LessOrEqual(t, in.Stat().Peak, 4)
}

func TestOneBrokenConnectionPutsTheIdleOnesUnderSuspicion(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(3), func(c *pool.Config) { c.PingAfter = -1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	conns := takeAll(t, db.Acquire, 3)
	conns[0].Release()
	conns[1].Release()
	_, err := conns[2].Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity "+
		"where application_name = $1 and pid <> pg_backend_pid()", s.app)
	require.NoError(t, err)
	_, err = conns[2].Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	conns[2].Release()

	require.NoError(t, db.Ping(ctx), "the dead idle connections are found before they are used")
	st := in.Stat()
	require.EqualValues(t, 2, st.PingErrors)
	require.EqualValues(t, 3, st.Closes.Broken)
}

func TestAServerThatSaysThatItEndsAConnectionPutsTheIdleOnesUnderSuspicionAtOnce(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(2), func(c *pool.Config) { c.PingAfter, c.HealthInterval = -1, -1 })
	db := in.Database(s.db, pool.DatabaseConfig{})
	conns := takeAll(t, db.Acquire, 2)
	conns[1].Release()
	_, err := conns[0].Exec(within(t, soon), "select pg_terminate_backend(pg_backend_pid())")
	require.Error(t, err)
	require.Zero(t, in.Stat().Pings)
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 1, in.Stat().Pings, "while the other one is still held")
	conns[0].Release()
}

func TestABlackHoleHoldsNobodyLongerThanTheirDeadline(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t))
	in := s.instance(limit(2), func(c *pool.Config) { c.PingAfter, c.PingTimeout = 40*time.Millisecond, 3*soon })
	db := in.Database(s.db, pool.DatabaseConfig{})
	for _, c := range takeAll(t, db.Acquire, 2) {
		c.Release()
	}
	require.NoError(t, s.cluster.Pause())
	resumed := false
	defer func() {
		if !resumed {
			_ = s.cluster.Resume()
		}
	}()
	for range 5 {
		start := time.Now()
		err := db.Ping(within(t, 300*time.Millisecond))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(start), soon, "not for the pool's own timeouts")
	}
	require.NoError(t, s.cluster.Resume())
	resumed = true
	eventually(t, "the pool has recovered", func() bool { return db.Ping(within(t, 5*time.Second)) == nil })
	require.LessOrEqual(t, in.Stat().Peak, 2)
}

func TestARefusedDialTellsEveryoneWhoWaitsAtOnceAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t, localpg.Options{Auth: "scram-sha-256"}))
	const secret = "not-the-right-secret"
	tests := map[string]struct {
		change func(*pgx.ConnConfig)
		code   string
	}{
		"wrong password":   {func(c *pgx.ConnConfig) { c.Password = secret }, "28P01"},
		"no such database": {func(c *pgx.ConnConfig) {}, "3D000"},
		"nobody listens":   {func(c *pgx.ConnConfig) { c.Port = unusedPort(t) }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := s
			in := s.instance(func(c *pool.Config) { test.change(c.Conn) })
			database := s.db
			if test.code == "3D000" {
				database = "there_is_no_such_database"
			}
			db := in.Database(database, pool.DatabaseConfig{})
			errs := make(chan error, 20)
			start := time.Now()
			for range cap(errs) {
				go func() { errs <- db.Ping(context.Background()) }()
			}
			for range cap(errs) {
				err := <-errs
				var e *pool.ConnectError
				require.ErrorAs(t, err, &e)
				require.Equal(t, []string{"pg-a", database}, []string{e.Instance, e.Database})
				for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v %v", err, err, e.Err)} {
					require.NotContains(t, text, secret)
					require.NotContains(t, text, "postgres://")
				}
				if test.code != "" {
					var pg *pgconn.PgError
					require.ErrorAs(t, err, &pg)
					require.Equal(t, test.code, pg.Code)
				}
				var leak *pgconn.ConnectError
				require.False(t, errors.As(err, &leak), "pgx's own error carries the config")
			}
			require.Less(t, time.Since(start), 10*time.Second)
			eventually(t, "no token is lost", func() bool { return in.Stat().Open == 0 })
			require.LessOrEqual(t, in.Stat().Dials, int64(cap(errs)))
		})
	}
}

func TestAnAddressThatSwallowsPacketsLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	s := shared(t)
	const silent = "192.0.2.1" // an address for documentation; nothing is sent to it
	in := s.instance(limit(1), func(c *pool.Config) {
		c.DialTimeout = 12 * time.Second
		there := c.Conn.Host
		c.Conn.Host = "name.of.two.addresses"
		c.Conn.LookupFunc = func(context.Context, string) ([]string, error) { return []string{silent, there}, nil }
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, silent) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, network, addr)
		}
	})
	require.NoError(t, in.Database(s.db, pool.DatabaseConfig{}).Ping(within(t, soon)))
	require.Equal(t, int64(1), in.Stat().Dials)
	require.Zero(t, in.Stat().DialErrors)
}

func TestASingleAddressHasTheWholeTimeOfADialWithTLSOrWithout(t *testing.T) {
	s := shared(t)
	var deadlines []time.Time
	in := s.instance(limit(1), func(c *pool.Config) {
		c.Conn.Fallbacks = []*pgconn.FallbackConfig{{Host: c.Conn.Host, Port: c.Conn.Port}} // as sslmode=prefer has it
		dial := c.Conn.DialFunc
		c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			until, _ := ctx.Deadline()
			if deadlines = append(deadlines, until); len(deadlines) == 1 {
				return nil, errors.New("the first attempt fails")
			}
			return dial(ctx, network, addr)
		}
	})
	require.NoError(t, in.Database(s.db, pool.DatabaseConfig{}).Ping(within(t, soon)))
	require.Len(t, deadlines, 2)
	require.Equal(t, deadlines[0], deadlines[1])
}

func unusedPort(t *testing.T) uint16 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func TestAFullServerIsWaitedForAndNeverSurfacesRaw(t *testing.T) {
	s := shared(t)
	role := pgtest.Role(t, s.cluster, "connection limit 1")
	other := s.instance(limit(1), func(c *pool.Config) { c.Conn.User = role })
	taken, err := other.Database(s.db, pool.DatabaseConfig{}).Acquire(within(t, soon))
	require.NoError(t, err)

	in := s.instance(limit(3), func(c *pool.Config) { c.AcquireTimeout = 300 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{User: role})
	var refused *pool.ConnectError
	eventually(t, "a timeout that tells of a dial: on a loaded machine one takes longer", func() bool {
		err = db.Ping(context.Background())
		require.ErrorAs(t, err, new(*pool.AcquireTimeoutError))
		return errors.As(err, &refused)
	})
	require.True(t, refused.Full())
	require.Contains(t, err.Error(), "no connection slot left")
	require.Positive(t, in.Stat().DialsFull)

	taken.Discard()
	eventually(t, "a slot that comes free is found", func() bool { return db.Ping(context.Background()) == nil })
}

func TestAFailedPreparationClosesTheConnection(t *testing.T) {
	s := shared(t)
	broken := errors.New("not prepared")
	var fail atomic.Bool
	fail.Store(true)
	in := s.instance(limit(1), func(c *pool.Config) {
		c.AfterConnect = func(context.Context, *pgx.Conn) error {
			if fail.Load() {
				return broken
			}
			return nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.ErrorIs(t, db.Ping(within(t, soon)), broken)
	eventually(t, "closed", func() bool { return in.Stat().Open == 0 })
	fail.Store(false)
	require.NoError(t, db.Ping(within(t, soon)))
}

func TestThePasswordIsAskedForBeforeEachDial(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t, localpg.Options{Auth: "scram-sha-256"}))
	right := s.connConfig().Password
	var password atomic.Value
	password.Store("an old one")
	var asked atomic.Int32
	in := s.instance(func(c *pool.Config) {
		c.Conn.Password = ""
		c.Password = func(_ context.Context, user string) (string, error) {
			asked.Add(1)
			require.Equal(t, localpg.Superuser, user)
			return password.Load().(string), nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	err := db.Ping(within(t, soon))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "an old one")
	password.Store(right)
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 2, asked.Load())

	unreadable := errors.New("the secret store is down")
	none := in.Database(s.db, pool.DatabaseConfig{Password: func(context.Context, string) (string, error) {
		return "", unreadable
	}})
	require.ErrorIs(t, none.Ping(within(t, soon)), unreadable)
	eventually(t, "no token is lost", func() bool { return in.Stat().Open == in.Stat().Idle })
}

// deaf is a connection over a network that has forgotten it: once lost, nothing arrives on either side, not even the
// end.
type deaf struct {
	net.Conn
	lost     atomic.Bool
	deadline atomic.Pointer[time.Time]
}

func (c *deaf) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.lost.Load() || err == nil {
		return n, err
	}
	if d := c.deadline.Load(); d != nil {
		time.Sleep(time.Until(*d))
	}
	return 0, os.ErrDeadlineExceeded
}

func (c *deaf) Write(p []byte) (int, error) {
	if c.lost.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *deaf) SetDeadline(t time.Time) error { c.deadline.Store(&t); return c.Conn.SetDeadline(t) }
func (c *deaf) SetReadDeadline(t time.Time) error {
	c.deadline.Store(&t)
	return c.Conn.SetReadDeadline(t)
}

// deafDials keeps the first connection for the test to lose.
func deafDials(c *pool.Config, first *atomic.Pointer[deaf]) {
	dial := c.Conn.DialFunc
	c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		d := &deaf{Conn: nc}
		first.CompareAndSwap(nil, d)
		return d, err
	}
}

func TestTheServerIsAskedAboutABackendWhoseEndCannotBeSeen(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var first atomic.Pointer[deaf]
	in := s.instance(limit(2), func(c *pool.Config) {
		c.DrainTimeout = 50 * time.Millisecond
		deafDials(c, &first)
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	pid := c.Conn().PgConn().PID()
	first.Load().lost.Store(true)
	c.Discard()

	eventually(t, "asked more than once", func() bool { return in.Stat().Acquires >= 3 })
	require.Equal(t, 2, in.Stat().Open, "the backend is still there, so its token is charged")
	_, err = db.Exec(within(t, soon), "select pg_terminate_backend($1)", int32(pid))
	require.NoError(t, err)
	eventually(t, "the answer gave the token back", func() bool { return in.Stat().Open == 1 })
	require.Zero(t, in.Stat().Forgotten)
}

func TestABackendThatCannotBeAskedAboutIsForgottenInTheEnd(t *testing.T) {
	t.Parallel()
	s := shared(t)
	var first atomic.Pointer[deaf]
	var log lines
	in := s.instance(limit(1), log.config, func(c *pool.Config) {
		c.DrainTimeout, c.LingerTimeout = 20*time.Millisecond, 50*time.Millisecond
		deafDials(c, &first)
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	c, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	first.Load().lost.Store(true)
	c.Discard()
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 1, in.Stat().Forgotten)
	eventually(t, "told", func() bool { return len(log.having("is not counted any more")) == 1 })
}

func TestAnAddressThatIsTriedTwiceTakesOneTokenAtATime(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) {
		cc, err := pgx.ParseConfig(strings.Replace(s.cluster.DSN(localpg.Superuser, s.db), "sslmode=disable", "sslmode=prefer", 1))
		require.NoError(t, err)
		require.NotEmpty(t, cc.Fallbacks, "TLS first, and without it when the server has none")
		c.Conn = cc
	})
	require.NoError(t, in.Database(s.db, pool.DatabaseConfig{}).Ping(within(t, soon)))
	require.Equal(t, 1, in.Stat().Peak)
}

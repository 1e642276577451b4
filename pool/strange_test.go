package pool_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// odd is an address at which something else than a server may answer.
type odd struct {
	l     net.Listener
	mode  atomic.Int32
	mu    sync.Mutex
	conns []net.Conn
}

const (
	silent  = iota // accepts, and says nothing
	drips          // hands on what the server says, a byte at a time and seldom
	relayed        // hands on
)

func (s *server) odd(c *pool.Config) *odd {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	o := &odd{l: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			o.keep(nc)
			if o.mode.Load() != silent {
				wg.Go(func() { o.relay(nc, s.cluster.Addr()) })
			}
		}
	})
	s.t.Cleanup(func() {
		_ = l.Close()
		o.cut()
		wg.Wait()
	})
	c.Conn.Host, c.Conn.Port = "127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port)
	return o
}

func (o *odd) keep(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conns = append(o.conns, c)
}

func (o *odd) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.conns {
		_ = c.Close()
	}
	o.conns = nil
}

func (o *odd) relay(client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	o.keep(server)
	go func() { _, _ = io.Copy(server, client); _ = server.(*net.TCPConn).CloseWrite() }()
	b := make([]byte, 4096)
	for {
		part := b
		if o.mode.Load() == drips {
			part = b[:1]
			time.Sleep(20 * time.Millisecond) // this is the fault
		}
		n, err := server.Read(part)
		if _, failed := client.Write(part[:n]); err != nil || failed != nil {
			_ = client.Close()
			return
		}
	}
}

func TestAnAddressThatAcceptsAndDoesNotAnswerCostsADialsTimeAndNoMore(t *testing.T) {
	for name, mode := range map[string]int32{"silent": silent, "a byte at a time": drips} {
		t.Run(name, func(t *testing.T) {
			s := shared(t)
			var o *odd
			in := s.instance(limit(2), func(c *pool.Config) {
				c.DialTimeout = 500 * time.Millisecond
				o = s.odd(c)
			})
			o.mode.Store(mode)
			db := in.Database(s.db, pool.DatabaseConfig{})
			err := db.Ping(within(t, soon))
			var e *pool.ConnectError
			require.ErrorAs(t, err, &e)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.LessOrEqual(t, in.Stat().Open, 2, "what may still have a backend is charged")
			o.mode.Store(relayed)
			o.cut()
			eventually(t, "the pool goes on", func() bool { return db.Ping(within(t, soon)) == nil })
			require.LessOrEqual(t, in.Stat().Peak, 2)
			eventually(t, "no token is lost", func() bool { return in.Stat().Open == in.Stat().Idle })
		})
	}
}

func TestAnErrorInTheMiddleOfRowsCostsNoConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	for range 20 {
		rows, err := db.Query(within(t, soon), "select 1000 / (5000 - x) from generate_series(1, 100000) x")
		require.NoError(t, err)
		n := 0
		for rows.Next() {
			n++
		}
		require.Equal(t, 4999, n)
		var e *pgconn.PgError
		require.ErrorAs(t, rows.Err(), &e)
		require.Equal(t, "22012", e.Code)
	}
	require.EqualValues(t, 1, in.Stat().Dials)
}

func TestAServerThatEndsABackendInTheMiddleOfRowsCostsThatConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	rows, err := db.Query(within(t, soon), "select x, pg_terminate_backend(case when x = 500 then pg_backend_pid() end) "+
		"from generate_series(1, 1000000) x")
	require.NoError(t, err)
	for rows.Next() {
	}
	require.Error(t, rows.Err(), "a part of the rows is not the result")
	require.NoError(t, db.Ping(within(t, soon)))
	require.EqualValues(t, 2, in.Stat().Dials)
	require.Equal(t, 1, in.Stat().Peak)
}

// TestAPasswordThatWasChangedIsNoStorm: what is open goes on, what is dialled is refused, and one refusal is told to all.
func TestAPasswordThatWasChangedIsNoStorm(t *testing.T) {
	t.Parallel()
	s := on(t, pgtest.Private(t, localpg.Options{Auth: "scram-sha-256"}))
	in := s.instance(limit(4))
	db := in.Database(s.db, pool.DatabaseConfig{})
	right := s.connConfig().Password
	super := pgtest.Conn(t, s.cluster, localpg.Superuser, "postgres")
	set := func(password string) {
		_, err := super.Exec(within(t, soon), "alter role postgres password '"+password+"'")
		require.NoError(t, err)
	}
	held, err := db.Acquire(within(t, soon))
	require.NoError(t, err)
	set("another one")
	_, err = held.Exec(within(t, soon), "select 1")
	require.NoError(t, err)
	held.Discard()
	eventually(t, "closed", func() bool { return in.Stat().Open == 0 })

	var failed atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				var e *pgconn.PgError
				if err := db.Ping(within(t, time.Minute)); errors.As(err, &e) && e.Code == "28P01" {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 320, failed.Load(), "everybody is told why")
	require.Less(t, in.Stat().DialErrors*2, failed.Load(), "one dial is for many callers")
	set(right)
	eventually(t, "served again", func() bool { return db.Ping(within(t, soon)) == nil })
}

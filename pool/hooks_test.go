package pool_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestHooksRunInTheOrderOfAConnectionsLife(t *testing.T) {
	s := shared(t)
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	in := s.instance(limit(1), func(c *pool.Config) {
		c.Password = func(context.Context, string) (string, error) { note("Password"); return "", nil }
		c.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
			note("BeforeConnect")
			cc.RuntimeParams["work_mem"] = "123kB"
			return nil
		}
		c.AfterConnect = func(context.Context, *pgx.Conn) error { note("AfterConnect"); return nil }
		c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { note("PrepareConn"); return true, nil }
		c.Reset = func(context.Context, *pgx.Conn) error { note("Reset"); return nil }
		c.AfterRelease = func(*pgx.Conn) bool { note("AfterRelease"); return true }
		c.BeforeClose = func(*pgx.Conn) { note("BeforeClose") }
	})
	db := in.Database(s.db, pool.DatabaseConfig{
		AfterConnect: func(context.Context, *pgx.Conn) error { note("AfterConnect of the database"); return nil },
	})
	var mem string
	require.NoError(t, db.QueryRow(within(t, soon), "show work_mem").Scan(&mem))
	require.Equal(t, "123kB", mem)
	eventually(t, "returned", func() bool { return in.Stat().Idle == 1 })
	require.NoError(t, in.Close(within(t, soon)))
	require.Equal(t, []string{
		"Password", "BeforeConnect", "AfterConnect", "AfterConnect of the database", "PrepareConn", "Reset", "AfterRelease",
		"BeforeClose",
	}, order)
	require.Empty(t, s.connConfig().RuntimeParams["work_mem"])
}

func TestTheSocketOfADialFuncThatBeforeConnectSetsIsCharged(t *testing.T) {
	s := shared(t)
	var dials atomic.Int32
	in := s.instance(limit(1), func(c *pool.Config) {
		c.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
			dial := cc.DialFunc
			cc.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return dial(ctx, network, addr)
			}
			return nil
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	require.Equal(t, []int{1, 1}, []int{int(dials.Load()), in.Stat().Open})
}

func TestPrepareConnMayRefuseAConnectionOrItsCaller(t *testing.T) {
	s := shared(t)
	refused := errors.New("not you")
	var verdict atomic.Value
	type v struct {
		ok  bool
		err error
	}
	verdict.Store(v{ok: true})
	in := s.instance(limit(2), func(c *pool.Config) {
		c.PrepareConn = func(_ context.Context, conn *pgx.Conn) (bool, error) {
			w := verdict.Load().(v)
			if !w.ok && w.err == nil {
				verdict.Store(v{ok: true}) // the next one is fine
			}
			return w.ok, w.err
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)
	pid := func() (pid uint32) {
		require.NoError(t, db.QueryRow(ctx, "select pg_backend_pid()").Scan(&pid))
		return pid
	}
	first := pid()
	require.Equal(t, first, pid())
	verdict.Store(v{ok: true, err: refused})
	require.ErrorIs(t, db.Ping(ctx), refused)
	verdict.Store(v{ok: true})
	require.Equal(t, first, pid(), "the connection was sound and is kept")
	verdict.Store(v{})
	require.NotEqual(t, first, pid(), "another one for the caller")
	verdict.Store(v{err: refused})
	require.ErrorIs(t, db.Ping(ctx), refused)
	require.EqualValues(t, 2, in.Stat().Closes.Refused)

	verdict.Store(v{})
	conns, err := pool.AcquireMany(ctx, db, db)
	require.NoError(t, err)
	require.EqualValues(t, 3, in.Stat().Closes.Refused, "AcquireMany asks as well")
	for _, c := range conns {
		c.Release()
	}
}

func TestAfterReleaseMayEndAConnection(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1), func(c *pool.Config) { c.AfterRelease = func(*pgx.Conn) bool { return false } })
	db := in.Database(s.db, pool.DatabaseConfig{})
	require.NoError(t, db.Ping(within(t, soon)))
	require.NoError(t, db.Ping(within(t, soon)))
	eventually(t, "both are closed", func() bool { return in.Stat().Closes.Refused == 2 && in.Stat().Open == 0 })
}

// misbehave makes one hook at a time do what it should not.
func misbehave(hook string, how func()) func(*pool.Config) {
	return func(c *pool.Config) {
		switch hook {
		case "Password":
			c.Password = func(context.Context, string) (string, error) { how(); return "", nil }
		case "BeforeConnect":
			c.BeforeConnect = func(context.Context, *pgx.ConnConfig) error { how(); return nil }
		case "AfterConnect":
			c.AfterConnect = func(context.Context, *pgx.Conn) error { how(); return nil }
		case "PrepareConn":
			c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { how(); return true, nil }
		case "Reset":
			c.Reset = func(context.Context, *pgx.Conn) error { how(); return nil }
		case "AfterRelease":
			c.AfterRelease = func(*pgx.Conn) bool { how(); return true }
		case "DialFunc":
			dial := c.Conn.DialFunc
			c.Conn.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				how()
				return dial(ctx, network, addr)
			}
		case "LookupFunc":
			c.Conn.LookupFunc = func(context.Context, string) ([]string, error) { how(); return []string{"127.0.0.1"}, nil }
			c.Conn.Host = "localhost"
		case "Tracer":
			c.Conn.Tracer = connectTracer(how)
		case "BeforeClose":
			c.NoIdle = true
			c.BeforeClose = func(*pgx.Conn) { how() }
		}
	}
}

// connectTracer is called after the connection was opened.
type connectTracer func()

func (connectTracer) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}
func (f connectTracer) TraceConnectEnd(context.Context, pgx.TraceConnectEndData) { f() }
func (connectTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (connectTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

var hooks = []string{"DialFunc", "LookupFunc", "Tracer", "Password", "BeforeConnect", "AfterConnect", "PrepareConn", "Reset", "AfterRelease", "BeforeClose"}

func TestAHookThatPanicsCostsItsConnectionAndNothingElse(t *testing.T) {
	s := shared(t)
	for _, hook := range hooks {
		t.Run(hook, func(t *testing.T) {
			var bad atomic.Bool
			bad.Store(true)
			in := s.instance(limit(1), misbehave(hook, func() {
				if bad.Load() {
					panic("a bug of the application")
				}
			}))
			db := in.Database(s.db, pool.DatabaseConfig{})
			err := db.Ping(within(t, soon))
			if hook == "Reset" || hook == "AfterRelease" || hook == "BeforeClose" {
				require.NoError(t, err, "the caller has had its connection")
			} else {
				var e *pool.HookError
				require.ErrorAs(t, err, &e)
				require.Equal(t, "a bug of the application", e.Panic)
				require.Contains(t, string(e.Stack), "hooks_test.go")
			}
			eventually(t, "no token is lost", func() bool { return in.Stat().Open == 0 && in.Stat().HookErrors > 0 })
			bad.Store(false)
			require.NoError(t, db.Ping(within(t, soon)))
			require.LessOrEqual(t, in.Stat().Peak, 1)
		})
	}
}

func TestAHookThatPanicsInAPgxpoolCostsItsConnectionAndNothingElse(t *testing.T) {
	s := shared(t)
	for _, hook := range []string{"Password", "BeforeConnect", "AfterConnect", "PrepareConn", "AfterRelease", "BeforeClose"} {
		t.Run(hook, func(t *testing.T) {
			var bad atomic.Bool
			bad.Store(true)
			in := s.instance(limit(3), misbehave(hook, func() {
				if bad.Load() {
					panic("a bug of the application")
				}
			}))
			p, err := in.Database(s.db, pool.DatabaseConfig{}).PgxPool(within(t, soon), 1)
			require.NoError(t, err)
			_ = p.Ping(within(t, soon))
			p.Reset()
			eventually(t, "no token is lost", func() bool { return in.Stat().Open == 0 && in.Stat().HookErrors > 0 })
			bad.Store(false)
			require.NoError(t, p.Ping(within(t, soon)))
		})
	}
}

func TestAHookThatHangsCostsItsConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, hook := range hooks {
		t.Run(hook, func(t *testing.T) {
			t.Parallel()
			s := &server{t: t, cluster: s.cluster, db: s.db, app: s.app + hook}
			var bad atomic.Bool
			bad.Store(true)
			release := make(chan struct{})
			letGo := sync.OnceFunc(func() { close(release) })
			t.Cleanup(letGo)
			in := s.instance(limit(2), func(c *pool.Config) {
				c.DialTimeout, c.MaxDials = 5*time.Second, 1
				if hook == "PrepareConn" {
					c.AcquireTimeout = 10 * time.Second
				}
			}, misbehave(hook, func() {
				if bad.CompareAndSwap(true, false) {
					<-release
				}
			}))
			db := in.Database(s.db, pool.DatabaseConfig{})
			err := db.Ping(within(t, soon))
			if hook == "Reset" || hook == "AfterRelease" || hook == "BeforeClose" {
				require.NoError(t, err)
			} else {
				var e *pool.HookError
				require.ErrorAs(t, err, &e)
			}
			require.NoError(t, db.Ping(within(t, soon)), "others are served while the hook hangs")
			if hook == "DialFunc" { // it may still open a socket
				require.Equal(t, 2, in.Stat().Open)
				letGo()
			}
			eventually(t, "the hung one's token comes back", func() bool {
				return in.Stat().HookErrors == 1 && in.Stat().Open == in.Stat().Idle
			})
			require.NoError(t, in.Close(within(t, soon)), "Close does not wait for it")
		})
	}
}

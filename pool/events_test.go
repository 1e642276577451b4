package pool_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}

// having is the lines that contain part.
func (l *lines) having(part string) (found []string) {
	for _, line := range l.all() {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

func (l *lines) config(c *pool.Config) { c.Log = slog.New(slog.NewTextHandler(l, nil)) }

func TestAnOutageOfThousandsOfFailedCallsIsTwoLines(t *testing.T) {
	s := shared(t)
	proxy, err := faultproxy.New(t.Context(), s.cluster.Addr())
	require.NoError(t, err)
	defer proxy.Close()
	var log lines
	in := s.instance(limit(4), log.config, func(c *pool.Config) {
		c.Conn.Host, c.Conn.Port = proxy.Host(), uint16(proxy.Port())
		c.Conn.Password = "not-in-the-log"
	})
	db, other := in.Database(s.db, pool.DatabaseConfig{}), in.Database("postgres", pool.DatabaseConfig{})
	require.NoError(t, proxy.Refuse())
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			for range 3 {
				_ = db.Ping(context.Background())
				_ = other.Ping(context.Background())
			}
		})
	}
	wg.Wait()
	failed := in.Stat().Failed
	require.GreaterOrEqual(t, failed, int64(3000))
	require.NoError(t, proxy.Accept())
	eventually(t, "back", func() bool { return db.Ping(within(t, soon)) == nil })
	eventually(t, "the other database, which waits by itself", func() bool { return other.Ping(within(t, soon)) == nil })
	eventually(t, "the end is told", func() bool { return len(log.having("reached again")) == 1 })
	t.Logf("%d failed calls:\n%s", failed, strings.Join(log.all(), "\n"))
	require.Len(t, log.all(), 2)
	require.Len(t, log.having("the server cannot be reached"), 1)
	require.Contains(t, log.all()[0], "error=refused")
	require.Contains(t, log.all()[0], "level=ERROR")
	require.Contains(t, log.all()[0], "instance=pg-a")
	require.Contains(t, log.all()[1], "lasted=")
	require.Empty(t, log.having("not-in-the-log"))
}

func TestAServerThatKeepsComingAndGoingIsNotToldEachTime(t *testing.T) {
	s := shared(t)
	proxy, err := faultproxy.New(t.Context(), s.cluster.Addr())
	require.NoError(t, err)
	defer proxy.Close()
	var log lines
	// Two, so that one connection can ask about the backend of the other, which is cut off behind a proxy.
	in := s.instance(limit(2), log.config, func(c *pool.Config) { c.Conn.Host, c.Conn.Port = proxy.Host(), uint16(proxy.Port()) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	start := time.Now()
	for range 5 {
		require.NoError(t, proxy.Refuse())
		proxy.Cut()
		eventually(t, "gone", func() bool { return db.Ping(within(t, soon)) != nil })
		require.NoError(t, proxy.Accept())
		eventually(t, "back", func() bool { return db.Ping(within(t, soon)) == nil })
	}
	closeWithin(t, in, soon)
	told := 1 + int(time.Since(start)/(10*time.Second)) // beginnings, of which each has its end
	require.LessOrEqual(t, len(log.having("the server can")), 2*told, strings.Join(log.all(), "\n"))
}

func TestAFullServerIsToldOnce(t *testing.T) {
	s := shared(t)
	role := pgtest.Role(t, s.cluster, "connection limit 1")
	other := s.instance(limit(1), func(c *pool.Config) { c.Conn.User = role })
	taken, err := other.Database(s.db, pool.DatabaseConfig{}).Acquire(within(t, soon))
	require.NoError(t, err)
	var log lines
	in := s.instance(limit(3), log.config, func(c *pool.Config) { c.AcquireTimeout = 300 * time.Millisecond })
	db := in.Database(s.db, pool.DatabaseConfig{User: role})
	eventually(t, "refused again and again", func() bool {
		require.Error(t, db.Ping(context.Background()))
		return in.Stat().DialsFull > 1
	})
	st := in.Stat()
	require.Equal(t, st.DialsFull, st.DialErrorsBy["53300"])
	taken.Discard()
	eventually(t, "a slot", func() bool { return db.Ping(context.Background()) == nil })
	closeWithin(t, in, soon)
	require.Len(t, log.having("no connection slot left"), 1)
	require.Len(t, log.having("connection slots again"), 1)
	require.Len(t, log.all(), 2)
}

func TestADatabaseThatRefusesIsNoServerThatCannotBeReached(t *testing.T) {
	s := shared(t)
	var log lines
	in := s.instance(limit(2), log.config)
	missing, there := in.Database("no_such_database", pool.DatabaseConfig{}), in.Database(s.db, pool.DatabaseConfig{})
	for range 20 {
		require.Error(t, missing.Ping(within(t, soon)))
		require.NoError(t, there.Ping(within(t, soon)))
	}
	closeWithin(t, in, soon)
	require.Len(t, log.all(), 1)
	require.Contains(t, log.all()[0], "refuses connections to a database")
	require.Contains(t, log.all()[0], "error=3D000")
}

func TestADialThatItsCallerGaveUpIsNoNews(t *testing.T) {
	s := shared(t)
	var log lines
	begun := make(chan struct{}, 1)
	in := s.instance(limit(4), log.config, func(c *pool.Config) {
		c.Control = 1
		c.Conn.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	_, err := in.Control(ctx, db)
	require.ErrorIs(t, err, context.Canceled)
	closeWithin(t, in, soon)
	require.Empty(t, strings.Join(log.all(), ""))
}

func TestChangesOfTheLimitAreToldAndRenewalsAreNot(t *testing.T) {
	s := shared(t)
	var log lines
	in := s.instance(limit(3), log.config)
	for range 100 {
		require.NoError(t, in.SetLimit(3))
	}
	require.NoError(t, in.SetLimit(5))
	for range 100 {
		in.Suspend("no room")
	}
	closeWithin(t, in, soon)
	require.Len(t, log.all(), 2)
	require.Contains(t, log.all()[0], "from=3 to=5")
	require.Contains(t, log.all()[1], `from=5 to=0 reason="no room"`)
	require.Contains(t, log.all()[1], "level=WARN")
}

func TestWorkThatKeepsThePoolOverALoweredLimitIsToldOnceAndItsEndToo(t *testing.T) {
	s := shared(t)
	var log lines
	in := s.instance(limit(2), log.config, func(c *pool.Config) { c.PingAfter = 40 * time.Millisecond }) // for its tick
	pool.TellOverLimitAfter(in, 50*time.Millisecond)
	db := in.Database(s.db, pool.DatabaseConfig{})
	held := takeAll(t, db.Acquire, 2)
	require.NoError(t, in.SetLimit(1))
	const text = "more connections are open than the lowered limit allows"
	eventually(t, "told", func() bool { return len(log.having(text)) == 1 })
	require.Contains(t, log.having(text)[0], "open=2 limit=1 in_use=2")
	for _, c := range held {
		c.Release()
	}
	eventually(t, "the end is told", func() bool { return len(log.having("the limit allows are open again")) == 1 })
	closeWithin(t, in, soon)
	require.Len(t, log.all(), 3, "with the change of the limit")
}

// A handler may block: nobody who uses the pool waits for it.
func TestASlowHandlerHoldsNobodyUp(t *testing.T) {
	s := shared(t)
	h := blocked{Handler: slog.DiscardHandler, until: make(chan struct{})}
	in := s.instance(limit(3), func(c *pool.Config) { c.Log = slog.New(h) })
	db := in.Database(s.db, pool.DatabaseConfig{})
	for n := range 500 {
		require.NoError(t, in.SetLimit(1+n%2))
	}
	require.NoError(t, db.Ping(within(t, soon)))
	close(h.until)
}

type blocked struct {
	slog.Handler
	until chan struct{}
}

func (blocked) Enabled(context.Context, slog.Level) bool { return true }
func (b blocked) Handle(context.Context, slog.Record) error {
	<-b.until
	return nil
}

func TestAPoolThatBeginsOrEndsWithoutALimitIsNothingToWarnOf(t *testing.T) {
	s := shared(t)
	var log lines
	in := s.instance(limit(2), log.config)
	db := in.Database(s.db, pool.DatabaseConfig{})
	in.Suspend("it has not asked yet")
	eventually(t, "told", func() bool { return len(log.having("it has not asked yet")) == 1 })
	require.Empty(t, log.having("level=WARN"))

	in.Suspend("nothing is left") // asked, and was given nothing
	eventually(t, "warned", func() bool { return len(log.having("level=WARN")) == 1 })
	require.NoError(t, in.SetLimit(2))
	require.NoError(t, db.Ping(within(t, soon)))
	in.Suspend("it ran out")
	eventually(t, "warned", func() bool { return len(log.having("level=WARN")) == 2 })

	require.NoError(t, in.Close(within(t, soon)))
	in.Suspend("it is closed")
	require.Empty(t, log.having("it is closed"))
}

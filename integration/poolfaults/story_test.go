package poolfaults_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

const (
	share   = 6           // connections to each server
	callers = 24          // of each server
	soon    = time.Minute // for what should happen at once, on a machine that does many other things
)

// outage is how long a server is away in the stories that wait for it. KEYWAY_OUTAGE makes it longer, for a soak.
func outage(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("KEYWAY_OUTAGE")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "KEYWAY_OUTAGE")
	return d
}

// story is a service with a pool for each of its servers: the first one is broken, the others stay well.
type story struct {
	t       *testing.T
	servers []*server
	stop    context.CancelFunc
	ctx     context.Context
	work    sync.WaitGroup
}

// server is one server with its pool, its callers and what is seen of it from outside.
type server struct {
	cluster *localpg.Cluster
	proxy   *faultproxy.Proxy // between the pool and the server
	app     string            // application_name of the pool's connections
	in      *pool.Instance
	db      *pool.Database

	served atomic.Int64
	failed atomic.Int64
	last   atomic.Pointer[error] // of the failed

	most, looks atomic.Int64 // backends, as the server counts them
	asleep      atomic.Int64 // looks in a row that saw somebody wait while a connection was idle
	mostAsleep  atomic.Int64
}

// begin starts n servers, pools and observers; the end of the test closes them and checks what must hold in any story.
func begin(t *testing.T, n int, change ...func(*pool.Config)) *story {
	t.Helper()
	s := &story{t: t}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.servers = make([]*server, n)
	var starting sync.WaitGroup
	for i := range n {
		s.servers[i] = &server{app: fmt.Sprintf("pg-%d", i)}
		starting.Go(func() { s.servers[i].cluster = pgtest.Private(t) })
	}
	starting.Wait()
	before := runtime.NumGoroutine()
	for i, v := range s.servers {
		proxy, err := faultproxy.New(context.Background(), v.cluster.Addr())
		require.NoError(t, err)
		v.proxy = proxy
		cc, err := pgx.ParseConfig(proxy.DSN(v.cluster.DSN(localpg.Superuser, "postgres")))
		require.NoError(t, err)
		cc.RuntimeParams["application_name"] = v.app
		config := pool.Config{Name: fmt.Sprintf("pg-%d", i), Conn: cc, Limit: share, Control: -1}
		for _, f := range change {
			f(&config)
		}
		v.in, err = pool.New(config)
		require.NoError(t, err)
		v.db = v.in.Database("postgres", pool.DatabaseConfig{})
		s.work.Go(func() { v.countBackends(s.ctx) })
		s.work.Go(func() { v.lookForSleepers(s.ctx) })
	}
	t.Cleanup(func() { s.end(before) })
	return s
}

// end closes everything and checks the invariants.
func (s *story) end(goroutines int) {
	s.stop()
	s.work.Wait()
	for i, v := range s.servers {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		require.NoError(s.t, v.in.Close(ctx), "server %d: %+v", i, v.in.Stat())
		cancel()
		require.NoError(s.t, v.proxy.Close())
		st := v.in.Stat()
		s.t.Logf("server %d: %d served, %d failed, at most %d backends of %d in %d looks, peak %d sockets", i, v.served.Load(),
			v.failed.Load(), v.most.Load(), share, v.looks.Load(), st.Peak)
		require.Positive(s.t, v.looks.Load(), "server %d was never looked at", i)
		require.LessOrEqual(s.t, v.most.Load(), int64(share), "server %d: backends", i)
		require.LessOrEqual(s.t, st.Peak, share, "server %d: sockets", i)
		require.Zero(s.t, st.Open, "server %d: %+v", i, st)
		require.Less(s.t, v.mostAsleep.Load(), int64(5), "server %d: callers waited while a connection was idle", i)
	}
	for end := time.Now().Add(soon); runtime.NumGoroutine() > goroutines; pause(context.Background(), 10*time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%d goroutines, and %d before the story began", runtime.NumGoroutine(), goroutines)
		}
	}
}

// countBackends asks the server itself, every 25 ms, over a connection that no pool knows of.
func (v *server) countBackends(ctx context.Context) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	for ctx.Err() == nil {
		look, cancel := context.WithTimeout(ctx, time.Second)
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(look, v.cluster.DSN(localpg.Superuser, "postgres"))
		}
		if conn != nil {
			var n int64
			const count = "select count(*) from pg_stat_activity where application_name = $1"
			if conn.QueryRow(look, count, v.app).Scan(&n) == nil {
				v.looks.Add(1)
				v.most.Store(max(v.most.Load(), n))
			}
		}
		cancel()
		pause(ctx, 25*time.Millisecond)
	}
}

// lookForSleepers looks at the pool. One look may fall between a return and the hand-off; many in a row may not.
func (v *server) lookForSleepers(ctx context.Context) {
	for ctx.Err() == nil {
		if st := v.in.Stat(); st.Waiting > 0 && st.Idle > 0 {
			v.mostAsleep.Store(max(v.mostAsleep.Load(), v.asleep.Add(1)))
		} else {
			v.asleep.Store(0)
		}
		pause(ctx, 10*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// call starts the callers of every server: each sends short statements one after the other until the story ends, and
// is patient: with the broken server for a second, with the others for as long as a loaded machine may take.
func (s *story) call(statement string) {
	for i, v := range s.servers {
		patience := time.Second
		if i > 0 {
			patience = soon
		}
		for range callers {
			s.work.Go(func() {
				for s.ctx.Err() == nil {
					v.one(s.ctx, statement, patience)
				}
			})
		}
	}
}

func (v *server) one(ctx context.Context, statement string, patience time.Duration) {
	call, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := v.db.Exec(call, statement)
	switch {
	case err == nil:
		v.served.Add(1)
	case ctx.Err() == nil:
		v.failed.Add(1)
		v.last.Store(&err)
		pause(ctx, 5*time.Millisecond)
	}
}

// progress waits until the server has served n more.
func (s *story) progress(v *server, n int64, why string) {
	s.t.Helper()
	from := v.served.Load()
	require.Eventually(s.t, func() bool { return v.served.Load() >= from+n }, soon, 5*time.Millisecond, why)
}

// during runs for as long as a fault lasts, which its caller ends afterwards, and checks that the healthy servers go on
// serving, without one failure.
func (s *story) during(d time.Duration) {
	s.t.Helper()
	const slice = 500 * time.Millisecond
	failed := make([]int64, len(s.servers))
	for i, v := range s.servers {
		failed[i] = v.failed.Load()
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		served := make([]int64, len(s.servers))
		for i, v := range s.servers {
			served[i] = v.served.Load()
		}
		pause(s.ctx, slice)
		for i, v := range s.servers[1:] {
			require.Eventually(s.t, func() bool { return v.served.Load() > served[i+1] }, soon, 5*time.Millisecond,
				"server %d stands still while another one is broken", i+1)
		}
	}
	for i, v := range s.servers[1:] {
		require.Equal(s.t, failed[i+1], v.failed.Load(), "server %d failed while another one was broken: %v", i+1, v.last.Load())
	}
}

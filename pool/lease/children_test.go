package lease_test

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
)

const childEnv = "KEYWAY_LEASE_TEST_CHILD"

// runAsChild makes this program a service with a pool, when a test started it as one: it works until its standard input
// ends, and then closes.
func runAsChild() {
	dsn := os.Getenv(childEnv)
	if dsn == "" {
		return
	}
	callers, _ := strconv.Atoi(os.Getenv(childEnv + "_CALLERS"))
	each, _ := time.ParseDuration(os.Getenv(childEnv + "_EACH"))
	p := startProcess(configOf(dsn))
	p.load(callers, each)
	_, _ = io.Copy(io.Discard, os.Stdin)
	p.close(&testing.B{})
	os.Exit(0)
}

// child is a service in a process of its own.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended bool
}

func (s *site) child(callers int, each time.Duration) *child {
	s.t.Helper()
	exe, err := os.Executable()
	require.NoError(s.t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+s.cluster.DSN(s.app, s.db), childEnv+"_CALLERS="+strconv.Itoa(callers),
		childEnv+"_EACH="+each.String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	c := &child{cmd: cmd, stdin: in}
	s.t.Cleanup(func() { c.kill(s.t) })
	return c
}

func (c *child) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(sig))
}

func (c *child) kill(t testing.TB) {
	if c.ended {
		return
	}
	c.ended = true
	c.signal(t, syscall.SIGKILL)
	_ = c.cmd.Wait()
}

// leave lets it close.
func (c *child) leave(t testing.TB) {
	t.Helper()
	c.ended = true
	require.NoError(t, c.stdin.Close())
	require.NoError(t, c.cmd.Wait())
}

// leased counts leases with a place that are alive.
func (s *site) leased() int {
	v := s.view()
	n := 0
	for _, l := range v.Leases {
		if l.Floor > 0 && v.Now.Before(l.Expires) {
			n++
		}
	}
	return n
}

// TestRealProcessesThatDie: kills, stops and surplus, with backends that outlive their processes.
func TestRealProcessesThatDie(t *testing.T) {
	s := newSite(t, pgtest.Shared(t))
	s.set(small(14, 4, 2, 2))
	c := s.census(12, 0)
	t.Cleanup(func() {
		if t.Failed() {
			v := s.view()
			for _, l := range v.Leases {
				t.Logf("%+v charged %d", l, l.Charge(v.Now))
			}
			t.Logf("now %s, charged %d, strangers %d", v.Now, v.Charged, v.Strangers)
		}
	})
	var all []*child
	for range 3 {
		all = append(all, s.child(8, 10*time.Millisecond))
	}
	long := s.child(4, 6*time.Second)
	eventually(t, "all have a place", func() bool { return s.leased() == 4 })
	eventually(t, "the budget is used", func() bool { return c.seen() == 12 })

	// One with long statements is killed: they run on, and are charged as long as they do.
	long.kill(t)
	all = append(all, s.child(8, 10*time.Millisecond), s.child(8, 10*time.Millisecond))
	eventually(t, "its place is given to one of those who wait", func() bool { return s.leased() == 4 })

	// One is stopped for longer than its lease, and wakes up when another has its place.
	all[0].signal(t, syscall.SIGSTOP)
	time.Sleep(quick.MemberTTL + quick.Grace)
	for _, x := range all[1:3] {
		x.kill(t)
	}
	all = append(all, s.child(8, 10*time.Millisecond))
	all[0].signal(t, syscall.SIGCONT)
	eventually(t, "those who live have places", func() bool { return s.leased() == 4 })
	eventually(t, "the budget is used again", func() bool { return c.seen() >= 11 })

	for _, x := range all {
		if !x.ended {
			x.leave(t)
		}
	}
	eventually(t, "nothing is left", func() bool { v := s.view(); return c.seen() == 0 && v.Charged == 0 })
}

// TestFiftyProcessesAndASurgeOnAServerOfAHundred is a deploy that starts half as many again, and then some.
func TestFiftyProcessesAndASurgeOnAServerOfAHundred(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	s := newSite(t, pgtest.Private(t))
	b := lease.Budget{Connections: 95, Processes: 75, MemberTTL: time.Minute, Grace: 2 * time.Second}
	b = s.set(b)
	require.Equal(t, 1, b.Floor)
	require.Equal(t, 5, b.Reserve)
	s.census(90, 95)
	var all []*process
	start := func(n int) {
		for range n {
			p := s.process()
			// It wants two connections, as with shorter statements, of which so many callers would leave the machine no time
			// for the dials and the heartbeats.
			p.load(2, 200*time.Millisecond)
			all = append(all, p)
		}
	}
	ready := func(n int) func() bool {
		return func() bool {
			have := 0
			for _, p := range all {
				if p.keeper.State().Mode == lease.Leased {
					have++
				}
			}
			return have == n
		}
	}
	wait := func(what string, ok func() bool) {
		t.Helper()
		require.Eventually(t, ok, 90*time.Second, 50*time.Millisecond, what)
	}
	start(50)
	wait("fifty work", ready(50))
	start(30)
	wait("seventy-five work, five wait", ready(75))
	wait("who waits is shown", func() bool { return len(s.view().Leases) == 80 })
	for _, p := range all[:10] {
		p.close(t)
	}
	all = all[10:]
	wait("those who waited work", ready(70))
	wait("every one of them", func() bool {
		return !slices.ContainsFunc(all, func(p *process) bool { return p.done.Load() == 0 })
	})
}

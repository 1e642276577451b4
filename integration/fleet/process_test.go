package fleet_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// process is a service in a process of its own.
type process struct {
	site  *site
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	acked string

	mu    sync.Mutex // one order and its answer at a time
	out   *bufio.Scanner
	ended bool
	last  status // the last answer
}

// start starts a service. Nothing is killed before the test ends but by the test, and nothing is left after it.
func (s *site) start(change ...func(*plan)) *process {
	s.t.Helper()
	s.started++
	p := &process{site: s, name: fmt.Sprintf("p%d", s.started)}
	p.acked = filepath.Join(s.dir, p.name+".acked")
	pl := s.plan
	pl.Name, pl.Acked = p.name, p.acked
	for _, f := range change {
		f(&pl)
	}
	text, err := json.Marshal(pl)
	require.NoError(s.t, err)
	exe, err := os.Executable()
	require.NoError(s.t, err)
	p.cmd = exec.Command(exe)
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	require.NoError(s.t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(s.t, err)
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	require.NoError(s.t, p.cmd.Start())
	s.processes = append(s.processes, p)
	return p
}

// tell sends an order and returns the answer.
func (p *process) tell(o order) status {
	p.site.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(o)
	require.NoError(p.site.t, err)
	_, err = p.in.Write(append(line, '\n'))
	require.NoError(p.site.t, err, "%s does not listen", p.name)
	require.True(p.site.t, p.out.Scan(), "%s ended without an answer: %v", p.name, p.out.Err())
	var st status
	require.NoError(p.site.t, json.Unmarshal(p.out.Bytes(), &st))
	p.last = st
	return st
}

func (p *process) status() status { return p.tell(order{}) }

// load sets the callers of every shard.
func (p *process) load(n int, hold time.Duration) *process {
	p.site.t.Helper()
	o := order{Callers: map[shard.ID]int{}, Hold: hold}
	for i := range p.site.plan.Servers {
		o.Callers[shardID(i)] = n
	}
	p.tell(o)
	return p
}

func (p *process) signal(sig syscall.Signal) {
	p.site.t.Helper()
	require.NoError(p.site.t, p.cmd.Process.Signal(sig))
}

// kill ends it in the middle of whatever it does.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	_ = p.cmd.Process.Kill()
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

// leave lets it end its work and close.
func (p *process) leave() time.Duration {
	p.site.t.Helper()
	took := p.tell(order{Close: true}).CloseFor
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	require.NoError(p.site.t, p.in.Close())
	require.NoError(p.site.t, p.cmd.Wait())
	return took
}

// at does something with all of them at once.
func at(all []*process, do func(*process)) {
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() { do(p) })
	}
	wg.Wait()
}

package lab

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/keyway-go/keyway/internal/localpg"
)

// Cost is what a run took from the machine. The server's part is known on Linux, where /proc tells it, and negative
// elsewhere.
type Cost struct {
	ClientCPU time.Duration
	ServerCPU time.Duration // of the postmaster and all its processes, also those that ended
	Backends  int           // the most processes beside those that an idle server has
	ServerMem int64         // bytes: the most that the server's processes had of their own, above the idle server
}

// sampleEvery is how often backends and memory are looked at.
const sampleEvery = 50 * time.Millisecond

// A costMeter measures from its start to read. Its goroutine ends with stop, which read calls.
type costMeter struct {
	postmaster int
	client     time.Duration
	server     time.Duration
	idle       processes

	end  chan struct{}
	done sync.WaitGroup
	once sync.Once
	most processes // written by the sampler until done
}

func meter(c *localpg.Cluster) (*costMeter, error) {
	m := &costMeter{postmaster: postmasterOf(c), client: clientCPU(), end: make(chan struct{})}
	if !hasProc() || m.postmaster == 0 {
		m.postmaster = 0
		return m, nil
	}
	m.server, m.idle = serverCPU(m.postmaster), look(m.postmaster)
	m.done.Go(m.sample)
	return m, nil
}

func (m *costMeter) sample() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.end:
			return
		case <-tick.C:
			got := look(m.postmaster)
			m.most.count, m.most.private = max(m.most.count, got.count), max(m.most.private, got.private)
		}
	}
}

func (m *costMeter) stop() {
	m.once.Do(func() { close(m.end) })
	m.done.Wait()
}

func (m *costMeter) read() Cost {
	c := Cost{ClientCPU: clientCPU() - m.client, ServerCPU: -1, Backends: -1, ServerMem: -1}
	m.stop()
	if m.postmaster == 0 {
		return c
	}
	c.ServerCPU = serverCPU(m.postmaster) - m.server
	c.Backends = max(m.most.count-m.idle.count, 0)
	c.ServerMem = max(m.most.private-m.idle.private, 0)
	return c
}

// clientCPU is this process's processor time.
func clientCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func hasProc() bool {
	_, err := os.Stat("/proc/self/smaps_rollup")
	return err == nil
}

// postmasterOf reads the first line of postmaster.pid; 0 when it cannot.
func postmasterOf(c *localpg.Cluster) int {
	text, err := os.ReadFile(c.DataDir() + "/postmaster.pid")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	return pid
}

// serverCPU is the processor time of the postmaster, of its children, and of those it has waited for.
func serverCPU(postmaster int) time.Duration {
	sum := time.Duration(0)
	for _, pid := range append(childrenOf(postmaster), postmaster) {
		f := statOf(pid)
		if len(f) < 17 {
			continue
		}
		ticks := number(f[13]) + number(f[14])
		if pid == postmaster {
			ticks += number(f[15]) + number(f[16])
		}
		sum += time.Duration(ticks) * time.Second / 100 // USER_HZ is 100 on every Linux that Go runs on
	}
	return sum
}

// processes is what the server's children are at one moment.
type processes struct {
	count   int
	private int64 // bytes
}

func look(postmaster int) processes {
	var p processes
	for _, pid := range childrenOf(postmaster) {
		p.count++
		p.private += privateOf(pid)
	}
	return p
}

// privateOf is the memory that a process shares with no other, in bytes.
func privateOf(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	sum := int64(0)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && (f[0] == "Private_Clean:" || f[0] == "Private_Dirty:") {
			sum += number(f[1]) * 1024
		}
	}
	return sum
}

func childrenOf(parent int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statOf(pid); len(f) > 3 && f[3] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// statOf is /proc/pid/stat in fields, numbered as proc(5) does less one. The program's name may hold anything.
func statOf(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	line := string(text)
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return nil
	}
	return append([]string{"", ""}, strings.Fields(line[end+1:])...)
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

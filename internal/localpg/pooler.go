package localpg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler is a running (or killed) PgBouncer or pgpool-II in front of one cluster, on a free port of 127.0.0.1 and on no
// Unix socket for clients. Like a [Cluster] it is removed by Close, and by its watchdog when this process dies.
type Pooler struct {
	program string
	arguments,
	users []string
	account account
	dir     string
	port    int

	mu     sync.Mutex // held while the process changes its state
	proc   *process   // nil when it does not run
	closed bool
	guard  *watchdog
}

// PoolerOptions say how a pooler works. Users are the roles that may connect through it, without a password, besides the
// superuser; at least one is required. Settings are lines of its configuration, and override those that are written otherwise.
type PoolerOptions struct {
	Users    []string
	Settings map[string]string
}

// ErrNoPooler is returned when the pooler's program is not installed.
var ErrNoPooler = errors.New("the pooler's program is not installed: run `make setup`, or install the packages pgbouncer and pgpool2")

// StartPgBouncer starts a PgBouncer in front of the cluster. The setting pool_mode, "session" unless given, and the pool
// sizes are its own; see its documentation.
func StartPgBouncer(ctx context.Context, c *Cluster, o PoolerOptions) (*Pooler, error) {
	return startPooler(ctx, o, "pgbouncer", func(p *Pooler) error {
		var users []string
		for _, u := range append([]string{Superuser}, o.Users...) {
			users = append(users, fmt.Sprintf(`"%s" ""`, u))
		}
		if err := p.write("users", strings.Join(users, "\n")+"\n"); err != nil {
			return err
		}
		settings := map[string]string{
			"listen_addr": "127.0.0.1", "listen_port": strconv.Itoa(p.port), "unix_socket_dir": "", "auth_type": "trust",
			"auth_file": filepath.Join(p.dir, "users"), "pool_mode": "session", "max_client_conn": "500",
			"default_pool_size": "20", "admin_users": Superuser, "stats_users": strings.Join(o.Users, ","),
		}
		text := fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\n", c.Host(), c.Port())
		p.arguments = []string{filepath.Join(p.dir, "config")}
		return p.write("config", text+settingLines(settings, o.Settings, "%s = %s\n"))
	})
}

// StartPgpool starts a pgpool-II in front of the cluster, in streaming replication mode with one backend, without load balancing, query cache, health checks and
// failover.
func StartPgpool(ctx context.Context, c *Cluster, o PoolerOptions) (*Pooler, error) {
	return startPooler(ctx, o, "pgpool", func(p *Pooler) error {
		settings := map[string]string{
			"listen_addresses": "127.0.0.1", "port": strconv.Itoa(p.port), "socket_dir": p.dir, "pcp_socket_dir": p.dir,
			"pcp_listen_addresses": "", "backend_clustering_mode": "streaming_replication", "backend_hostname0": c.Host(),
			"backend_port0": strconv.Itoa(c.Port()), "backend_weight0": "1", "backend_flag0": "DISALLOW_TO_FAILOVER",
			"num_init_children": "32", "max_pool": "1", "load_balance_mode": "off", "memory_cache_enabled": "off",
			"enable_pool_hba": "off", "use_watchdog": "off", "health_check_period": "0", "sr_check_period": "0",
			"pid_file_name": filepath.Join(p.dir, "pgpool.pid"), "logdir": p.dir, "work_dir": p.dir,
		}
		for _, empty := range []string{"pcp.conf", "hba", "pool_passwd"} {
			if err := p.write(empty, ""); err != nil {
				return err
			}
		}
		p.arguments = []string{
			"-n", "-f", filepath.Join(p.dir, "config"), "-F", filepath.Join(p.dir, "pcp.conf"), "-a", filepath.Join(p.dir, "hba"),
		}
		return p.write("config", settingLines(settings, o.Settings, "%s = '%s'\n"))
	})
}

// settingLines writes settings, with the later ones in the place of the earlier.
func settingLines(settings, over map[string]string, format string) string {
	maps.Copy(settings, over)
	lines := make([]string, 0, len(settings))
	for name, value := range settings {
		lines = append(lines, fmt.Sprintf(format, name, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func startPooler(ctx context.Context, o PoolerOptions, program string, configure func(*Pooler) error) (*Pooler, error) {
	if len(o.Users) == 0 {
		return nil, errors.New("a pooler needs at least one user")
	}
	path, err := poolerProgram(program)
	if err != nil {
		return nil, err
	}
	who, err := serverAccount() // PgBouncer refuses to run as root, too
	if err != nil {
		return nil, err
	}
	p := &Pooler{program: path, users: o.Users, account: who}
	if p.dir, err = makeDir(Options{}, who); err != nil {
		return nil, err
	}
	if p.guard, err = startWatchdog(p.dir); err != nil {
		return nil, errors.Join(err, removeAll(p.dir))
	}
	for range 10 {
		if p.port, err = freePort(); err != nil {
			break
		}
		if err = configure(p); err != nil {
			break
		}
		if err = p.Start(ctx); err == nil {
			return p, nil
		}
	}
	return nil, errors.Join(err, p.Close())
}

// poolerProgram looks in PATH and where distributions keep servers, which is not in everyone's PATH.
func poolerProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin", "/usr/local/bin"} {
		if path := filepath.Join(dir, name); isProgram(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrNoPooler)
}

func (p *Pooler) write(name, text string) error {
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return p.account.own(path)
}

// Port is the TCP port; it stays the same until Close.
func (p *Pooler) Port() int { return p.port }

// Addr is host:port.
func (p *Pooler) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// DSN is a connection URL for a role and database.
func (p *Pooler) DSN(user, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, p.Addr(), database)
}

// LogFile is where its log goes.
func (p *Pooler) LogFile() string { return filepath.Join(p.dir, "log") }

// Start starts a pooler that was killed, on the port it had, and waits until a client can reach the server through it.
func (p *Pooler) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case p.proc != nil && !p.proc.exited():
		return nil
	}
	log, err := os.OpenFile(p.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.program, p.arguments...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.dir, serverEnv(), p.account.attributes()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.program, err)
	}
	proc := &process{cmd: cmd, done: make(chan struct{})}
	p.proc = proc
	p.guard.watch(proc.pid())
	// Ends with the process, which every way out of the running state awaits.
	go func() {
		proc.err = cmd.Wait()
		p.guard.watch(0)
		close(proc.done)
	}()
	if err := p.awaitReady(ctx, proc); err != nil {
		_ = p.killLocked()
		said, _ := os.ReadFile(p.LogFile())
		return fmt.Errorf("%s: %w; the end of its log:\n%s", filepath.Base(p.program), err, tail(said, 20))
	}
	return nil
}

func (p *Pooler) awaitReady(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := p.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-proc.done:
			return fmt.Errorf("it exited: %w", orElse(proc.err, errors.New("exit status 0")))
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *Pooler) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.DSN(p.users[0], "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return conn.Ping(ctx)
}

// Kill ends the pooler at once, as a crash does, with everything it started.
func (p *Pooler) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killLocked()
}

// killLocked kills what the pooler has started too. p.mu must be held.
func (p *Pooler) killLocked() error {
	if p.proc == nil || p.proc.exited() {
		return nil
	}
	below := descendants(p.proc.pid())
	_ = syscall.Kill(-p.proc.pid(), syscall.SIGKILL) // its group: one that is just being forked is not in the list
	<-p.proc.done
	err := awaitGone(below, 10*time.Second)
	removeSharedMemoryOf(p.proc.pid()) // pgpool-II has more than 100 MB, whose segments nobody else knows
	return err
}

// Close ends the pooler and removes everything of it. It may be called twice.
func (p *Pooler) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	err := p.killLocked()
	p.guard.dismiss()
	return errors.Join(err, removeAll(p.dir))
}

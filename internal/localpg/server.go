package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds how long a server may take to answer, recovery included.
const startTimeout = 60 * time.Second

// ErrClosed is returned by methods of a cluster that was closed.
var ErrClosed = errors.New("the cluster is closed")

// process is one run of the postmaster.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the postmaster has exited and was waited for
	err  error         // how it exited; read after done
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// startOnFreePortLocked starts the server for the first time. c.mu must be held.
func (c *Cluster) startOnFreePortLocked(ctx context.Context) error {
	var err error
	for range 10 {
		if c.port, err = c.opts.pickPort(); err != nil {
			return err
		}
		if err = c.writeSettings(); err != nil {
			return err
		}
		if err = c.startLocked(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

var errPortTaken = errors.New("another process listens on the port")

// startLocked starts the postmaster and waits until it answers. c.mu must be held.
func (c *Cluster) startLocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	log, err := os.OpenFile(c.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	before, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	cmd := exec.Command(c.install.Program("postgres"), "-D", c.DataDir())
	cmd.Dir = c.dir
	cmd.Env = serverEnv()
	cmd.SysProcAttr = c.account.attributes()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	c.proc, c.paused = p, false
	c.guard.watch(p.pid())
	// Ends with the postmaster, which every way out of the running state awaits.
	go func() {
		p.err = cmd.Wait()
		c.guard.watch(0)
		close(p.done)
	}()
	if err := c.awaitReady(ctx, p); err != nil {
		_ = c.killLocked()
		return c.explain(err, before)
	}
	return nil
}

// awaitReady polls by connecting until the server answers as ours, or exits.
func (c *Cluster) awaitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if p.exited() {
			return fmt.Errorf("the server exited: %w", orElse(p.err, errors.New("exit status 0")))
		}
		if last = c.ping(ctx, p); last == nil {
			return nil
		}
		select {
		case <-p.done:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w (%w)", last, ctx.Err())
		}
	}
}

// ping connects and makes sure that the server is this one: while ours is
// about to find its port taken, another may answer there, or hold its tongue.
func (c *Cluster) ping(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	pinged := make(chan struct{})
	defer close(pinged)
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-pinged:
		}
	}()
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var name string
	if err := conn.QueryRow(ctx, "select current_setting('cluster_name')").Scan(&name); err != nil {
		return err
	}
	if name != c.label {
		return errPortTaken
	}
	return nil
}

// connect is a superuser's connection to the database postgres.
func (c *Cluster) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, c.DSN(Superuser, "postgres"))
}

// explain adds the end of what the server logged since the offset.
func (c *Cluster) explain(err error, since int64) error {
	text, readErr := os.ReadFile(c.LogFile())
	if readErr != nil || int64(len(text)) <= since {
		return err
	}
	text = text[since:]
	if strings.Contains(string(text), "Address already in use") {
		err = fmt.Errorf("%w: port %d: %w", errPortTaken, c.port, err)
	}
	return fmt.Errorf("%w; the end of its log:\n%s", err, tail(text, 20))
}

// Start starts a cluster that was stopped or killed, on the port it had. After
// Kill the server recovers first. It does nothing when the server runs.
func (c *Cluster) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if c.runningLocked() {
		return nil
	}
	return c.startLocked(ctx)
}

// runningLocked reports whether the postmaster lives. c.mu must be held.
func (c *Cluster) runningLocked() bool { return c.proc != nil && !c.proc.exited() }

// Running reports whether the server process lives; a paused one does.
func (c *Cluster) Running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runningLocked()
}

// Stop shuts the server down fast: clients are disconnected, their
// transactions rolled back, and everything is written out. It does nothing
// when the server does not run.
func (c *Cluster) Stop(ctx context.Context) error { return c.stop(ctx, syscall.SIGINT) }

// StopImmediate ends the server without writing anything out, as Kill does,
// but tells the clients. The next Start recovers.
func (c *Cluster) StopImmediate(ctx context.Context) error { return c.stop(ctx, syscall.SIGQUIT) }

func (c *Cluster) stop(ctx context.Context, how syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return c.stopLocked(ctx, how)
}

// stopLocked sends the postmaster a shutdown signal and waits. c.mu must be held.
func (c *Cluster) stopLocked(ctx context.Context, how syscall.Signal) error {
	if !c.runningLocked() {
		return nil
	}
	if err := c.resumeLocked(); err != nil {
		return err
	}
	if err := c.proc.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.proc.done:
		c.proc = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the server did not stop: %w", ctx.Err())
	}
}

// Restart stops the server fast and starts it again.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if err := c.stopLocked(ctx, syscall.SIGINT); err != nil {
		return err
	}
	return c.startLocked(ctx)
}

func orElse(err, other error) error {
	if err == nil {
		return other
	}
	return err
}

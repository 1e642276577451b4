package localpg

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// Kill ends the server as a crash does: SIGKILL to the postmaster and to every
// process below it. It returns when all are gone, so that the port is free and
// Start can recover at once. It does nothing when the server does not run.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return c.killLocked()
}

// killLocked is Kill. c.mu must be held.
func (c *Cluster) killLocked() error {
	if c.proc == nil {
		return nil
	}
	pids := c.freezeLocked()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-c.proc.done
	c.proc, c.paused = nil, false
	return awaitGone(pids, 30*time.Second)
}

// freezeLocked stops the postmaster, so that no process is added, then lists
// it and everything below it. c.mu must be held.
func (c *Cluster) freezeLocked() []int {
	if c.proc.exited() {
		return nil
	}
	root := c.proc.pid()
	_ = syscall.Kill(root, syscall.SIGSTOP)
	return append([]int{root}, descendants(root)...)
}

// awaitGone polls until none of the processes lives; they are not our children.
func awaitGone(pids []int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		if !slices.ContainsFunc(pids, alive) {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("processes of a killed server still live after %s", limit)
}

// Pause stops every process of the server (SIGSTOP): connections stay open and
// nothing answers, as on a machine that hangs. New connections are accepted by
// the kernel and then hear nothing.
func (c *Cluster) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if !c.runningLocked() {
		return errors.New("the server does not run")
	}
	c.paused = true
	for _, pid := range c.freezeLocked() {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// Resume lets a paused server go on. It does nothing when it is not paused.
func (c *Cluster) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return c.resumeLocked()
}

// resumeLocked is Resume. c.mu must be held.
func (c *Cluster) resumeLocked() error {
	if !c.paused || !c.runningLocked() {
		return nil
	}
	c.paused = false
	for _, pid := range c.freezeLocked() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

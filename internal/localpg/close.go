package localpg

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"
)

// Close stops the server and removes everything of the cluster. It may be
// called twice and from several goroutines: all return when it is done.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	err := c.endLocked()
	c.guard.dismiss()
	return errors.Join(err, c.removeDirs())
}

// endLocked ends the server without a checkpoint: its data is about to be
// removed. SIGQUIT rather than SIGKILL, because the server then gives its
// shared memory back. c.mu must be held.
func (c *Cluster) endLocked() error {
	if !c.runningLocked() {
		removeSharedMemory(c.DataDir())
		return nil
	}
	below := descendants(c.proc.pid())
	_ = c.resumeLocked()
	_ = syscall.Kill(c.proc.pid(), syscall.SIGQUIT)
	select {
	case <-c.proc.done:
		c.proc = nil
		return awaitGone(below, 10*time.Second)
	case <-time.After(20 * time.Second):
		err := c.killLocked()
		removeSharedMemory(c.DataDir())
		return err
	}
}

func removeAll(dir string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// Detach leaves the server running and its directory in place when this
// process ends, and returns the shell command that ends and removes both. The
// cluster counts as closed afterwards.
func (c *Cluster) Detach() (cleanup string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return "", ErrClosed
	}
	c.closed = true
	c.guard.dismiss()
	return "kill -QUIT $(head -1 " + c.DataDir() + "/postmaster.pid); sleep 1; rm -rf " + strings.Join(c.dirs(), " "), nil
}

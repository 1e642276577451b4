package localpg

import (
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

//go:embed watchdog.sh
var watchdogScript string

// watchdog is a shell that outlives this process: it reads the server's pid
// from a pipe of which we hold the only writing end. When the pipe ends
// without a goodbye we died, and it kills the server and removes the directory.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startWatchdog starts one that removes the directories.
func startWatchdog(dirs ...string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdogScript, "keyway-watchdog"}, dirs...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// watch tells which process to kill; 0 for none, so that a pid that the system
// gave to another process is never killed.
func (w *watchdog) watch(pid int) { _, _ = fmt.Fprintln(w.pipe, pid) }

// dismiss ends the watchdog without its doing anything. Call it once.
func (w *watchdog) dismiss() {
	_, _ = fmt.Fprintln(w.pipe, "goodbye")
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}

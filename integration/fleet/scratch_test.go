package fleet_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scratch is the directory of all that this process writes. A shell that outlives the process removes it, however the
// process ends: it waits for the end of a pipe of which nobody else has the writing end.
var scratch struct {
	once sync.Once
	dir  string
	err  error

	remover *exec.Cmd
	pipe    io.WriteCloser
}

const removeAtEnd = `trap '' HUP INT TERM
while read -r _; do :; done
n=0
while [ -e "$1" ] && [ "$n" -lt 50 ]; do
	rm -rf "$1"
	[ -e "$1" ] && sleep 0.1
	n=$((n + 1))
done`

// scratchDir makes the directory on first use.
func scratchDir(t testing.TB) string {
	t.Helper()
	scratch.once.Do(makeScratch)
	require.NoError(t, scratch.err)
	return scratch.dir
}

func makeScratch() {
	if scratch.dir, scratch.err = os.MkdirTemp("", "keyway-fleet-*"); scratch.err != nil {
		return
	}
	cmd := exec.Command("/bin/sh", "-c", removeAtEnd, "keyway-fleet-remover", scratch.dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a signal from the terminal is not for it
	if scratch.pipe, scratch.err = cmd.StdinPipe(); scratch.err == nil {
		scratch.err = cmd.Start()
	}
	if scratch.err != nil {
		_ = os.RemoveAll(scratch.dir)
		return
	}
	scratch.remover = cmd
}

// removeScratch is for an orderly end.
func removeScratch() {
	if scratch.remover != nil {
		_ = scratch.pipe.Close()
		_ = scratch.remover.Wait()
	}
}

// scratchEnv makes this program one that has a scratch directory, says where, and waits.
const scratchEnv = "KEYWAY_FLEET_SCRATCH"

func runAsScratch() {
	if os.Getenv(scratchEnv) == "" {
		return
	}
	makeScratch()
	fmt.Println(scratch.dir)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func TestAnInterruptedRunLeavesNoDirectory(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), scratchEnv+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	dir := lines.Text()
	require.DirExists(t, dir)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) }, soon, 10*time.Millisecond)
}

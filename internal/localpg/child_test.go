package localpg_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
)

// childEnv makes the test binary a process that starts two clusters, pauses one,
// says where they are and waits to be killed.
const childEnv = "KEYWAY_LOCALPG_CHILD_BIN"

func child() {
	for _, pause := range []bool{false, true} {
		c, err := localpg.Start(context.Background(), localpg.Options{Install: localpg.Install{Bin: os.Getenv(childEnv)}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		pid, _ := os.ReadFile(filepath.Join(c.DataDir(), "postmaster.pid"))
		if pause {
			_ = c.Pause()
		}
		fmt.Println(c.Dir(), strings.Fields(string(pid))[0])
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// started is what a child says about one of its clusters.
type started struct {
	dir string
	pid int
}

// startChild runs the child process, as another user when attr says so, and
// reads what it started.
func startChild(t *testing.T, program string, attr *syscall.SysProcAttr) (*exec.Cmd, []started) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childEnv+"="+install(t).Bin, localpg.EnvTemp+"="+openDir(t))
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var clusters []started
	lines := bufio.NewScanner(out)
	for len(clusters) < 2 && lines.Scan() {
		fields := strings.Fields(lines.Text())
		require.Len(t, fields, 2, lines.Text())
		pid, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		clusters = append(clusters, started{dir: fields[0], pid: pid})
	}
	require.Len(t, clusters, 2, "the child starts two clusters")
	return cmd, clusters
}

func requireGone(t *testing.T, clusters []started) {
	t.Helper()
	for _, c := range clusters {
		require.Eventually(t, func() bool {
			_, err := os.Stat(c.dir)
			return os.IsNotExist(err) && !localpg.Alive(c.pid)
		}, time.Minute, 20*time.Millisecond, "%s and process %d outlive their parent", c.dir, c.pid)
	}
}

func TestServersEndWithTheProcessThatIsKilled(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd, clusters := startChild(t, exe, nil)
	for _, c := range clusters {
		require.DirExists(t, c.dir)
		require.True(t, localpg.Alive(c.pid))
	}
	require.NoError(t, cmd.Process.Kill())
	requireGone(t, clusters)
}

func TestServersRunAsAnUnprivilegedUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user; all other tests run as one")
	}
	// The test binary lies in a directory that only root can enter.
	dir, err := os.MkdirTemp("", "localpg-nobody-*")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	exe, err := os.Executable()
	require.NoError(t, err)
	copied := filepath.Join(dir, "child")
	run(t, "cp", exe, copied)
	require.NoError(t, os.Chmod(copied, 0o755))

	const nobody = 65534
	cmd, clusters := startChild(t, copied, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
	info, err := os.Stat(filepath.Join(clusters[0].dir, "data"))
	require.NoError(t, err)
	require.EqualValues(t, nobody, info.Sys().(*syscall.Stat_t).Uid)
	require.NoError(t, cmd.Process.Kill())
	requireGone(t, clusters)
}

func TestProgramsBelowAClosedDirectoryAreCopied(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("without root the server runs as ourselves and reaches what we reach")
	}
	parent := t.TempDir()
	openPath(t, parent)
	t.Setenv(localpg.EnvTemp, parent)
	closed := filepath.Join(parent, "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	from := install(t)
	run(t, "cp", "-R", filepath.Dir(from.Bin), filepath.Join(closed, "pg"))
	from.Bin = filepath.Join(closed, "pg", "bin")

	began := time.Now()
	c, err := localpg.Start(t.Context(), localpg.Options{Install: from})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	t.Logf("started a copy in %s", time.Since(began))
	require.Equal(t, from, c.Install())
	require.Equal(t, "1", ask(t, c, "select '1'"))
	ours := filepath.Join(parent, localpg.Prefix+"*")
	made, err := filepath.Glob(ours)
	require.NoError(t, err)
	require.Len(t, made, 2, "the cluster and the programs")
	require.NoError(t, c.Close())
	made, err = filepath.Glob(ours)
	require.NoError(t, err)
	require.Empty(t, made)
}

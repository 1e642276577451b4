package poolers_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// TestAKilledPgpoolLeavesNoSharedMemory: with more than 100 MB each time, a few runs of the tests would take all there is.
func TestAKilledPgpoolLeavesNoSharedMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("lists shared memory by /proc")
	}
	c := pgtest.Shared(t)
	p := pgtest.Pgpool(t, c, localpg.PoolerOptions{Users: []string{pgtest.Role(t, c, "")}})
	text, err := os.ReadFile(filepath.Join(filepath.Dir(p.LogFile()), "pgpool.pid"))
	require.NoError(t, err)
	pid := strings.Trim(string(text), "\x00\n")
	require.NotZero(t, segmentsOf(t, pid))
	require.NoError(t, p.Kill())
	require.Eventually(t, func() bool { return segmentsOf(t, pid) == 0 }, soon, 10*time.Millisecond)
}

// segmentsOf counts the System V segments that a process made.
func segmentsOf(t *testing.T, pid string) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == pid { // its maker
			n++
		}
	}
	return n
}

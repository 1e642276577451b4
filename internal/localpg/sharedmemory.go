package localpg

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// removeSharedMemory removes the small System V segment that a killed server
// left behind; its id is in the last lock file. A server that starts again
// reuses it, so this is for clusters that never will.
func removeSharedMemory(dataDir string) {
	text, err := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	if err != nil {
		return // shut down properly, or never started
	}
	const keyAndID = 6
	lines := strings.Split(string(text), "\n")
	if len(lines) <= keyAndID {
		return
	}
	fields := strings.Fields(lines[keyAndID])
	if len(fields) != 2 {
		return
	}
	// The program and not the system call: shmctl's number differs everywhere.
	// Where ipcrm is missing, 56 bytes stay until the next boot.
	_ = exec.Command("ipcrm", "-m", fields[1]).Run()
}

// removeSharedMemoryOf removes the System V segments that a process made which has been killed: each goes with the last
// of its children. Where the kernel does not list them in /proc they stay.
func removeSharedMemoryOf(pid int) {
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == strconv.Itoa(pid) { // key, id, rights, size, maker
			_ = exec.Command("ipcrm", "-m", f[1]).Run()
		}
	}
}

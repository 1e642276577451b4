//go:build !linux

package localpg

import (
	"os/exec"
	"strconv"
	"strings"
)

// processes asks ps for the parent of every process. Zombies count as gone.
func processes() map[int]int {
	parents := map[int]int{}
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return parents
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		pid, pidErr := strconv.Atoi(fields[0])
		parent, parentErr := strconv.Atoi(fields[1])
		if pidErr == nil && parentErr == nil {
			parents[pid] = parent
		}
	}
	return parents
}

func alive(pid int) bool {
	_, ok := processes()[pid]
	return ok
}

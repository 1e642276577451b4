package localpg

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// processes reads the parent of every process from /proc; ps may be missing in
// small images. A zombie counts as gone: nothing but its exit status is left,
// and in a container nobody may come to collect it.
func processes() map[int]int {
	parents := map[int]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return parents
	}
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if parent, ok := parentOf(path); ok {
			parents[pid] = parent
		}
	}
	return parents
}

// parentOf parses "pid (name) state ppid ..."; the name may hold anything.
func parentOf(stat string) (int, bool) {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0, false
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return parent, err == nil
}

func alive(pid int) bool {
	_, ok := parentOf(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return ok
}

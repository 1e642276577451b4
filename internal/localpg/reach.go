package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// reachable reports whether the account may enter the directory.
func reachable(dir string, who account) bool {
	if !who.other {
		return true
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for ; ; dir = filepath.Dir(dir) {
		if !mayEnter(dir, who) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func mayEnter(dir string, who account) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	bit := os.FileMode(0o001)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case int(owner.Uid) == who.uid:
			bit = 0o100
		case int(owner.Gid) == who.gid:
			bit = 0o010
		}
	}
	return info.Mode().Perm()&bit != 0
}

// reachableInstall returns an installation that the account can run: the given
// one, or a copy of it in the directory when it lies below one that is closed
// to the account, such as a checkout in root's home.
func reachableInstall(i Install, who account, copyTo string) (Install, error) {
	if reachable(i.Bin, who) {
		return i, nil
	}
	from := filepath.Dir(i.Bin)
	if err := os.CopyFS(copyTo, os.DirFS(from)); err != nil {
		return Install{}, fmt.Errorf("copy PostgreSQL from %s, which user %s cannot enter: %w", from, who.name, err)
	}
	i.Bin = filepath.Join(copyTo, filepath.Base(i.Bin))
	return i, nil
}

package localpg

import (
	"fmt"
	"io/fs"
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

// copyInstall copies an installation into a directory of its own, and opens it
// to everyone: the account cannot enter the original, such as one below root's
// home. Only self-contained builds survive that, as the downloaded ones do;
// those of the system lie where everyone can enter.
func copyInstall(i Install, to string) (Install, error) {
	from := filepath.Dir(i.Bin)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return Install{}, fmt.Errorf("copy PostgreSQL from %s, which the server's user cannot enter: %w", from, err)
	}
	i.Bin = filepath.Join(to, filepath.Base(i.Bin))
	return i, filepath.WalkDir(to, openToAll)
}

func openToAll(path string, entry fs.DirEntry, err error) error {
	if err != nil || entry.Type()&fs.ModeSymlink != 0 {
		return err
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	mode := info.Mode().Perm() | 0o444
	if mode&0o100 != 0 || entry.IsDir() {
		mode |= 0o111
	}
	return os.Chmod(path, mode)
}

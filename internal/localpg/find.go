package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EnvBin names the environment variable that holds the bin directory of the
// PostgreSQL to prefer over all others.
const EnvBin = "KEYWAY_PG_BIN"

// EnvSearch names the environment variable that replaces the usual places and
// PATH: a list of bin directories, or patterns of them, separated as PATH is.
// The set-up scripts read the same variable.
const EnvSearch = "KEYWAY_PG_SEARCH"

// ErrNotFound is returned when there is no PostgreSQL on this machine.
var ErrNotFound = errors.New(
	"no PostgreSQL server programs found: run `make setup`, or set " + EnvBin + " to a directory with initdb and postgres")

// Install is one installation of PostgreSQL. The zero value stands for none.
type Install struct {
	Bin     string // absolute directory of postgres, initdb and pg_ctl
	Major   int    // 15
	Version string // as the server says it: "15.18", "18beta1"
}

// Has reports whether the installation includes the program ("psql", "pgbench").
func (i Install) Has(program string) bool { return isProgram(i.Program(program)) }

// Program is the path of one of the installation's programs, whether it exists or not.
func (i Install) Program(name string) string { return filepath.Join(i.Bin, name) }

// Find lists the installations of PostgreSQL, of any version: the one that
// KEYWAY_PG_BIN names, then those installed in the usual places and in PATH,
// newest first, then those the set-up scripts downloaded, newest first.
// It returns [ErrNotFound] when there is none, and an error when KEYWAY_PG_BIN
// names a directory that holds no PostgreSQL: a wish that cannot be met is not
// replaced by another version in silence.
func Find() ([]Install, error) {
	var found []Install
	seen := map[string]bool{}
	if bin := os.Getenv(EnvBin); bin != "" {
		install, err := inspect(bin)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvBin, err)
		}
		seen[install.Bin] = true
		found = append(found, install)
	}
	for _, places := range [][]string{installedPlaces(), downloadedPlaces()} {
		found = append(found, newestFirst(places, seen)...)
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	return found, nil
}

// Newest returns the first of [Find] with at least the given major version. An
// installed server comes before a downloaded one even when it is older: what
// the set-up scripts fetch for other purposes must not change what runs here.
func Newest(minMajor int) (Install, error) {
	found, err := Find()
	if err != nil {
		return Install{}, err
	}
	for _, i := range found {
		if i.Major >= minMajor {
			return i, nil
		}
	}
	return Install{}, fmt.Errorf("no PostgreSQL %d or later found, only %s: run `make setup`", minMajor, versions(found))
}

// Major returns the first of [Find] with exactly the given major version.
func Major(major int) (Install, error) {
	found, err := Find()
	if err != nil {
		return Install{}, err
	}
	for _, i := range found {
		if i.Major == major {
			return i, nil
		}
	}
	return Install{}, fmt.Errorf("no PostgreSQL %d found, only %s: run `sh scripts/setup-matrix.sh`", major, versions(found))
}

func versions(found []Install) string {
	var text strings.Builder
	for n, i := range found {
		if n > 0 {
			text.WriteString(", ")
		}
		text.WriteString(i.Version)
	}
	return text.String()
}

// installedPlaces are the patterns of bin directories that package managers use.
func installedPlaces() []string {
	if list := os.Getenv(EnvSearch); list != "" {
		return filepath.SplitList(list)
	}
	places := []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/usr/local/pgsql/bin",
	}
	return append(places, filepath.SplitList(os.Getenv("PATH"))...)
}

// downloadedPlaces are where the set-up scripts put PostgreSQL: the cache
// directory of the project that the working directory or the program is in.
func downloadedPlaces() []string {
	var places []string
	for _, start := range startingPoints() {
		for dir := start; ; dir = filepath.Dir(dir) {
			places = append(places, filepath.Join(dir, ".cache", "postgres", "*", "bin"))
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return places
}

func startingPoints() []string {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	return starts
}

// newestFirst inspects every directory that the patterns match and that was
// not seen before. A directory without a working PostgreSQL is passed over.
func newestFirst(patterns []string, seen map[string]bool) []Install {
	var found []Install
	for _, pattern := range patterns {
		dirs, err := filepath.Glob(pattern)
		if err != nil || pattern == "" {
			continue
		}
		for _, dir := range dirs {
			install, err := inspect(dir)
			if err != nil || seen[install.Bin] {
				continue
			}
			seen[install.Bin] = true
			found = append(found, install)
		}
	}
	slices.SortStableFunc(found, func(a, b Install) int { return cmp.Compare(b.Major, a.Major) })
	return found
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect asks the server program in dir for its version. A link in PATH is
// followed to the directory that has all the programs.
func inspect(dir string) (Install, error) {
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return Install{}, fmt.Errorf("%s holds no PostgreSQL server: %w", dir, err)
	}
	if server, err = filepath.Abs(server); err != nil {
		return Install{}, err
	}
	install := Install{Bin: filepath.Dir(server)}
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		if !install.Has(name) {
			return Install{}, fmt.Errorf("%s holds no program %s", install.Bin, name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, server, "-V").Output()
	if err != nil {
		return Install{}, fmt.Errorf("%s -V: %w", server, err)
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return Install{}, fmt.Errorf("%s -V does not name a version of PostgreSQL", server)
	}
	install.Version = string(m[1])
	install.Major, err = strconv.Atoi(string(m[2]))
	return install, err
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

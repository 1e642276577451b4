package migrate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// fileSet is the directory as it was when [New] read it. It never changes.
type fileSet struct {
	files     []*file // by version
	byVersion map[int64]*file

	// source is golang-migrate's reader of the same directory. Its index is built
	// on first use without a lock: readFiles makes that use, so that shards may
	// share it.
	source source.Driver
}

// file is one up migration.
type file struct {
	version int64
	name    string // as in the directory
	sum     string // checksum
	body    string

	statements []statement
	noTx       bool
	index      *indexBuild // of a no-transaction CREATE INDEX, else nil
}

// checksum is SHA-256 in hex. Line ends count as \n: a checkout on Windows is
// not another file.
func checksum(body []byte) string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(string(body), "\r\n", "\n")))
	return hex.EncodeToString(sum[:])
}

func readFiles(fsys fs.FS) (*fileSet, error) {
	names, err := upFiles(fsys)
	if err != nil {
		return nil, err
	}
	src, err := iofs.New(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	set := &fileSet{byVersion: make(map[int64]*file), source: src}
	version, err := src.First()
	for ; err == nil; version, err = src.Next(version) {
		f, err := readFile(src, version, names[version])
		if err != nil {
			return nil, err
		}
		set.files = append(set.files, f)
		set.byVersion[f.version] = f
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return set, nil
}

// upFiles maps versions to names, and refuses what golang-migrate would pass over
// in silence or run by accident.
func upFiles(fsys fs.FS) (map[uint]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("migrate: read the directory of migrations: %w", err)
	}
	names := make(map[uint]string)
	for _, e := range entries {
		m, err := source.Parse(e.Name())
		sql := strings.HasSuffix(e.Name(), ".sql")
		switch {
		case e.IsDir() || err != nil && !sql:
			continue
		case err != nil:
			return nil, &InvalidFileError{File: e.Name(),
				Reason: "the name is not like 000001_what_it_does.up.sql, so it would never be applied"}
		case !sql:
			return nil, &InvalidFileError{File: e.Name(), Reason: "the name must end in .sql; it would be run as a migration"}
		case m.Version > math.MaxInt64:
			return nil, &InvalidFileError{File: e.Name(), Reason: "the version is above 9223372036854775807"}
		case m.Direction == source.Down:
			continue
		case names[m.Version] != "":
			return nil, &InvalidFileError{File: e.Name(), Reason: "has the same version as " + names[m.Version]}
		}
		names[m.Version] = e.Name()
	}
	return names, nil
}

func readFile(src source.Driver, version uint, name string) (*file, error) {
	if name == "" {
		return nil, &InvalidFileError{File: fmt.Sprintf("version %d", version),
			Reason: "there is a down file and no up file (an empty up file is allowed)"}
	}
	r, _, err := src.ReadUp(version)
	if err != nil {
		return nil, fmt.Errorf("migrate: %s: %w", name, err)
	}
	body, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("migrate: %s: %w", name, err)
	}
	f := &file{version: int64(version), name: name, sum: checksum(body), body: string(body)}
	return f, f.check()
}

// line is the line, from 1, of a byte offset.
func (f *file) line(offset int) int {
	return 1 + strings.Count(f.body[:min(offset, len(f.body))], "\n")
}

func names(files []*file) []string {
	list := make([]string, len(files))
	for i, f := range files {
		list[i] = f.name
	}
	return list
}

func sortDrifts(d []Drift) {
	slices.SortFunc(d, func(a, b Drift) int { return cmp.Compare(a.Version, b.Version) })
}

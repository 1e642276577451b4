package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// ErrNotInitialised says that a database has no keyway schema, where the history
// is kept. `keyway init` makes it.
var ErrNotInitialised = errors.New("the database has no keyway schema (run keyway init first)")

// ErrLockWait says that another runner held a shard's lock for the whole of
// [WithLockWait].
var ErrLockWait = errors.New("another runner holds this shard's migration lock")

// PartialError is returned by [Runner.Up] when any shard failed. A shard that is
// in neither list was not started.
type PartialError struct {
	Applied []ShardResult  // shards that were started, with the files applied on each by this run; sorted
	Failed  []ShardFailure // sorted
	Err     error          // the failures, joined in the same order
}

// Error says which shards failed and why, and what was applied where.
func (e *PartialError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "migrate: %d shard(s) failed", len(e.Failed))
	if !slices.ContainsFunc(e.Applied, func(r ShardResult) bool { return len(r.Files) > 0 }) {
		b.WriteString(" and nothing was applied")
	}
	for _, f := range e.Failed {
		fmt.Fprintf(&b, "; %v", f.Err)
	}
	for _, r := range e.Applied {
		if len(r.Files) > 0 {
			fmt.Fprintf(&b, "; applied on %s: %s", r.Shard, strings.Join(r.Files, ", "))
		}
	}
	return b.String()
}

// Unwrap returns Err.
func (e *PartialError) Unwrap() error { return e.Err }

// DriftKind says how a shard's history and the files disagree.
type DriftKind uint8

// The kinds of drift.
const (
	Changed  DriftKind = iota + 1 // the file of an applied version is not what was applied
	Missing                       // a version was applied for which there is no file
	Inserted                      // a file has a version below the applied one and was never applied
)

// Drift is one disagreement between a shard's history and the files.
type Drift struct {
	Kind    DriftKind
	Version int64
	File    string // the name it was applied under for Missing, else the file's
}

// String says what is wrong and what to do.
func (d Drift) String() string {
	switch d.Kind {
	case Changed:
		return d.File + " was changed after it was applied (restore it, and put the change in a new file)"
	case Missing:
		return d.File + " was applied and is not among the files (this program is older than the schema, or the file was lost)"
	case Inserted:
		return d.File + " sorts below what is already applied (give it a higher version)"
	}
	panic(fmt.Sprintf("bug: drift kind %d", d.Kind))
}

// DriftError refuses a shard whose history does not fit the files. Nothing is
// applied on any shard while one drifts.
type DriftError struct {
	Shard  shard.ID
	Drifts []Drift // by version; never empty
}

// Error names the shard and each file.
func (e *DriftError) Error() string {
	parts := make([]string, len(e.Drifts))
	for i, d := range e.Drifts {
		parts[i] = d.String()
	}
	return fmt.Sprintf("shard %s: %s", e.Shard, strings.Join(parts, "; "))
}

// InvalidFileError is a file that [New] refuses.
type InvalidFileError struct {
	File   string
	Line   int // 0 when it is about the whole file
	Reason string
}

// Error says where and why.
func (e *InvalidFileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("migrate: %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("migrate: %s:%d: %s", e.File, e.Line, e.Reason)
}

// FileError is a file that a shard's server refused. It was rolled back as a
// whole, unless it is a no-transaction file.
type FileError struct {
	Shard shard.ID
	File  string
	Line  int    // where PostgreSQL points, or where the failed statement starts; 0 when unknown
	Code  string // SQLSTATE; empty when the server did not answer
	Hint  string // PostgreSQL's or ours; may be empty
	Err   error  // holds the *pgconn.PgError
}

// Error has the server's primary message and never the statement, nor the
// server's DETAIL, which may quote rows.
func (e *FileError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "shard %s: %s", e.Shard, e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	fmt.Fprintf(&b, ": %s", message(e.Err))
	if e.Code != "" {
		fmt.Fprintf(&b, " (SQLSTATE %s)", e.Code)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

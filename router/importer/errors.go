package importer

import (
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// RefusedError says why nothing was imported, and what to do.
type RefusedError struct {
	Table  string // may be empty
	Reason string
	Remedy string
}

// Error gives the reason and the remedy.
func (e *RefusedError) Error() string {
	s := "import: "
	if e.Table != "" {
		s += "table " + e.Table + ": "
	}
	return s + e.Reason + "; " + e.Remedy
}

// VerifyError says that source and shards do not agree on a table. Everything was
// rolled back.
type VerifyError struct {
	Table          string
	What           string // "rows", "checksum", "place of rows"
	Source, Shards string // as found
}

// Error says what was compared.
func (e *VerifyError) Error() string {
	return fmt.Sprintf("import: table %s: the %s of the source (%s) and of the shards (%s) differ; everything was rolled back. "+
		"A trigger on the shards' table, or a column of another type, can change rows on their way", e.Table, e.What, e.Source, e.Shards)
}

// PartialError says that shards had committed when another failed to. The rows of
// Committed shards are there and verified; empty the tables on them, or finish
// the others by hand, before importing again.
type PartialError struct {
	Committed []shard.ID
	InDoubt   []shard.ID // the reply to COMMIT was lost: all of the shard's rows are there, or none
	Aborted   []shard.ID
	Err       error
}

// Error names the shards.
func (e *PartialError) Error() string {
	return fmt.Sprintf("import: committed on %s, in doubt on %s, rolled back on %s: %v",
		list(e.Committed), list(e.InDoubt), list(e.Aborted), e.Err)
}

// Unwrap gives the first failure.
func (e *PartialError) Unwrap() error { return e.Err }

func list(ids []shard.ID) string {
	if len(ids) == 0 {
		return "no shard"
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}

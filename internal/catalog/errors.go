package catalog

import (
	"errors"
	"fmt"

	"github.com/keyway-go/keyway/shard"
)

// SQLSTATEs that the schema's functions and triggers raise.
const (
	CodeNotOwned   = "KW001" // the row's slot is not owned by this shard
	CodeKeyChanged = "KW002" // an UPDATE changed the shard key or the slot of a row
	CodeBadKey     = "KW003" // the row's key is NULL, empty or not in canonical form
	CodeRefused    = "KW004" // a table, map or step was refused; the hint says what to write instead
)

// ErrNotInitialised means that the database has no keyway schema, or only the stub.
var ErrNotInitialised = errors.New("catalog: the database has no keyway schema; run `keyway init`")

// ErrNoMap means that the database has the schema but was never given a map.
var ErrNoMap = errors.New("catalog: the database holds no shard map yet; run `keyway init`")

// NewerError means that the schema was installed by a later version of the library.
type NewerError struct {
	Have int // the schema's version in the database
	Know int // the newest version this library knows
}

// Error implements error.
func (e *NewerError) Error() string {
	return fmt.Sprintf("catalog: the keyway schema has version %d and this library knows %d; use a newer library",
		e.Have, e.Know)
}

// OlderError means that the schema must be upgraded before this library can use it.
type OlderError struct{ Have, Want int }

// Error implements error.
func (e *OlderError) Error() string {
	return fmt.Sprintf("catalog: the keyway schema has version %d and this library needs %d; run `keyway init` again "+
		"to upgrade it", e.Have, e.Want)
}

// ServerVersionError means that the server is older than PostgreSQL 15.
type ServerVersionError struct{ Version string }

// Error implements error.
func (e *ServerVersionError) Error() string {
	return fmt.Sprintf("catalog: the server is PostgreSQL %s; Keyway needs PostgreSQL 15 or later", e.Version)
}

// IdentityError means that the database already belongs to another cluster, or is another shard of this one.
type IdentityError struct{ Have, Want Identity }

// Error implements error.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("catalog: the database is shard %s of cluster %s, not shard %s of cluster %s; "+
		"check the address in the configuration", e.Have.Shard, e.Have.ClusterID, e.Want.Shard, e.Want.ClusterID)
}

// MapConflictError means that a map was not stored because the database holds another one than expected.
type MapConflictError struct {
	Have uint64 // the version in the database; 0 when there is no map
	Want uint64 // the version it should have had, for [SwapMap]; 0 for [StoreMap]
	New  uint64 // the version that was to be stored
}

// Error implements error.
func (e *MapConflictError) Error() string {
	if e.Want != 0 || e.New > e.Have {
		return fmt.Sprintf("catalog: the shard map has version %d, not %d: someone else changed it; read it again",
			e.Have, e.Want)
	}
	return fmt.Sprintf("catalog: the shard map has version %d and is not replaced by another map of version %d",
		e.Have, e.New)
}

// DriftError means that a registered table or function is no longer what the registry says. It is not in the [Registry],
// so that statements on it are refused instead of misrouted.
type DriftError struct {
	Schema, Name string
	Shard        shard.ID // the shard it was found on, where the reader knows it
	Reason       string   // what changed, and what to do
	Function     bool     // a function, not a table
}

// Error implements error.
func (e *DriftError) Error() string {
	on := ""
	if e.Shard != "" {
		on = fmt.Sprintf(" on shard %s", e.Shard)
	}
	what := "table"
	if e.Function {
		what = "function"
	}
	return fmt.Sprintf("catalog: %s %s.%s%s is not as registered: %s", what, e.Schema, e.Name, on, e.Reason)
}

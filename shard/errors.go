package shard

import (
	"errors"
	"fmt"
)

// ErrNullKey is matched by [errors.Is] when a key was refused because it is NULL: nil, a nil pointer, or a
// driver.Valuer whose value is nil. A NULL belongs to no shard.
var ErrNullKey = errors.New("shard: a key is NULL")

// KeyError says why something cannot be a key. It never holds the value.
type KeyError struct {
	Type   Type   // the key column's type; zero when no column was involved
	GoType string // the Go type of the refused argument; empty for a literal or a key made in Go
	Reason string // what is wrong and what to write instead
	Err    error  // [ErrNullKey], or what a driver.Valuer returned; nil otherwise. Not part of the text
}

// Error implements error.
func (e *KeyError) Error() string {
	switch {
	case e.Type == 0:
		return "shard: not usable as a key: " + e.Reason
	case e.GoType == "":
		return fmt.Sprintf("shard: not usable as a key of type %s: %s", e.Type, e.Reason)
	default:
		return fmt.Sprintf("shard: a Go %s is not usable as a key of type %s: %s", e.GoType, e.Type, e.Reason)
	}
}

// Unwrap returns Err.
func (e *KeyError) Unwrap() error { return e.Err }

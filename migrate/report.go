package migrate

import (
	"time"

	"github.com/keyway-go/keyway/shard"
)

// None is the version of a shard on which no file was applied yet.
const None int64 = -1

// Report says what one [Runner.Up] did, shards in the order of their names.
type Report struct {
	Shards []ShardResult
}

// ShardResult says what was applied on one shard in one run.
type ShardResult struct {
	Shard    shard.ID
	Instance string
	From, To int64    // versions before and after; equal when nothing was pending
	Files    []string // applied by this run, in order
	Took     time.Duration
}

// ShardFailure is a shard on which the run stopped. What was applied on it
// before the failure stands in Applied of the same [PartialError].
type ShardFailure struct {
	Shard shard.ID
	Err   error
}

// ShardStatus is one shard's place among the files.
type ShardStatus struct {
	Shard    shard.ID
	Instance string

	// Version is the last applied file's; [None] before the first one, and
	// meaningless when Err is set.
	Version int64

	// Pending are files that Up would apply, in order.
	Pending []string

	// Running are no-transaction files that were started and not recorded as
	// finished: another runner is at it, or one died. Up checks and repeats them.
	Running []string

	// Drift is what would make Up refuse.
	Drift []Drift

	// Err is why the shard could not be read.
	Err error
}

// Skew returns the lowest and the highest version among shards that could be
// read. They differ while a fleet is half migrated. Both are [None] when no
// shard could be read.
func Skew(shards []ShardStatus) (lowest, highest int64) {
	lowest, highest = None, None
	first := true
	for _, s := range shards {
		if s.Err != nil {
			continue
		}
		if first {
			lowest, highest, first = s.Version, s.Version, false
			continue
		}
		lowest, highest = min(lowest, s.Version), max(highest, s.Version)
	}
	return lowest, highest
}

// EventKind says what happened in an [Event].
type EventKind uint8

// The kinds of event, in the order in which a file meets them.
const (
	Waiting EventKind = iota + 1 // another runner has this shard's lock
	Started                      // a file was started
	Retry                        // a lock was not to be had; the file was rolled back and is tried again
	Applied                      // a file is committed
)

// Event is one step of a run.
type Event struct {
	Kind    EventKind
	Shard   shard.ID
	File    string        // empty for Waiting
	Version int64         // of File
	Attempt int           // of Retry: 1 for the first retry
	Took    time.Duration // of Applied: since Started, retries included
}

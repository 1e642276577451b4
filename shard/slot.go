package shard

import "fmt"

// Slot is the unit that shards own and that moves between them. A key's slot never changes; the shard that owns the
// slot may.
type Slot uint16

const (
	// HashSlots is how many slots a hash can give: 0 to 16383. It is fixed for ever: another number would put every
	// stored row on the wrong shard.
	HashSlots = 16384

	// Slots is the number of all slots. 16384 to 32767 are directory slots: no hash gives them, they are for keys
	// pinned by name. Every slot fits PostgreSQL's smallint.
	Slots = 32768

	// NoSlot is the slot of a key that is not usable ([Key.Err] is not nil). No [Map] has a shard for it.
	NoSlot Slot = 0xFFFF
)

// IsHash reports whether s is a slot that a hash can give.
func (s Slot) IsHash() bool { return s < HashSlots }

// IsDirectory reports whether s is a slot for keys pinned by name.
func (s Slot) IsDirectory() bool { return s >= HashSlots && s < Slots }

// maxIDLen leaves room for two names in the 200 bytes of a prepared transaction's identifier.
const maxIDLen = 63

// ID is a shard's name, such as "s0": a lower-case letter, then lower-case letters, digits, '_' and '-', at most 63
// bytes. The name stays the same when the shard's address changes. The zero value names no shard.
type ID string

// Validate returns nil when id is a shard's name, else an error that says what a name looks like.
func (id ID) Validate() error {
	if id == "" {
		return fmt.Errorf("shard: a shard's name is empty; write one such as %q", "s0")
	}
	if len(id) > maxIDLen {
		return fmt.Errorf("shard: a shard's name has %d bytes; at most %d are allowed", len(id), maxIDLen)
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z'
		if letter || i > 0 && (c >= '0' && c <= '9' || c == '_' || c == '-') {
			continue
		}
		return fmt.Errorf("shard: %q is not a shard's name: it starts with a lower-case letter "+
			"and goes on with lower-case letters, digits, '_' and '-'", string(id))
	}
	return nil
}

// ValidID reports whether s may be used as an [ID].
func ValidID(s string) bool { return ID(s).Validate() == nil }

package shard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Range is a run of slots that one shard owns.
type Range struct {
	Lo    Slot `json:"lo"`
	Hi    Slot `json:"hi"` // inclusive
	Shard ID   `json:"shard"`
}

// maxShards is what fits the index of a Map beside "no shard".
const maxShards = 1<<16 - 1

// Map says which shard owns which slot. It never changes once made, so it is read without locks, and whoever loads one
// keeps it to the end of the statement or transaction. Its version tells an older one from a newer one. The zero Map
// knows no slot; make one with [NewMap] or [Even], or read one from JSON.
type Map struct {
	version uint64
	ranges  []Range // sorted, disjoint, adjacent ones of one shard merged
	shards  []ID    // sorted

	// index is the position in shards of each slot's shard plus 1, so that 0 means that the slot has none.
	index [Slots]uint16
}

// NewMap makes a map of the ranges, in any order. Each hash slot (0 to 16383) must be in exactly one of them; directory
// slots (16384 to 32767) may be left out and have no shard then. The version must not be 0.
func NewMap(version uint64, ranges []Range) (*Map, error) {
	if version == 0 {
		return nil, errors.New("shard: a map's version is at least 1")
	}
	m := &Map{version: version}
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b Range) int { return int(a.Lo) - int(b.Lo) })
	next := 0
	for _, r := range sorted {
		if err := r.check(next); err != nil {
			return nil, err
		}
		next = int(r.Hi) + 1
		m.push(r)
	}
	if next < HashSlots {
		return nil, noShard(next)
	}
	return m, m.fill()
}

// check judges r where next is the first slot that has no range yet.
func (r Range) check(next int) error {
	if err := r.Shard.Validate(); err != nil {
		return err
	}
	switch {
	case r.Lo > r.Hi:
		return fmt.Errorf("shard: the range %d-%d of shard %s ends before it starts", r.Lo, r.Hi, r.Shard)
	case r.Hi >= Slots:
		return fmt.Errorf("shard: the range %d-%d of shard %s goes beyond the last slot, %d", r.Lo, r.Hi, r.Shard, Slots-1)
	case int(r.Lo) < next:
		return fmt.Errorf("shard: slot %d is in two ranges, the second of shard %s", r.Lo, r.Shard)
	case next < HashSlots && int(r.Lo) > next:
		return noShard(next)
	default:
		return nil
	}
}

func noShard(slot int) error {
	return fmt.Errorf("shard: slot %d has no shard; a map covers every slot from 0 to %d", slot, HashSlots-1)
}

// push appends r, merged with the last range where both are one run of one shard.
func (m *Map) push(r Range) {
	if n := len(m.ranges); n > 0 {
		if last := &m.ranges[n-1]; last.Shard == r.Shard && int(last.Hi)+1 == int(r.Lo) {
			last.Hi = r.Hi
			return
		}
	}
	m.ranges = append(m.ranges, r)
}

// fill derives shards and index from ranges.
func (m *Map) fill() error {
	at := map[ID]uint16{}
	for _, r := range m.ranges {
		at[r.Shard] = 0
	}
	if len(at) > maxShards {
		return fmt.Errorf("shard: a map has at most %d shards", maxShards)
	}
	m.shards = slices.Sorted(maps.Keys(at))
	for i, id := range m.shards {
		at[id] = uint16(i + 1)
	}
	for _, r := range m.ranges {
		for s := int(r.Lo); s <= int(r.Hi); s++ {
			m.index[s] = at[r.Shard]
		}
	}
	return nil
}

// Even makes a map that gives each shard the same number of hash slots, one run each, in the order of ids; when the
// division leaves a rest, the first shards have one slot more. Directory slots have no shard.
func Even(version uint64, ids ...ID) (*Map, error) {
	if len(ids) == 0 || len(ids) > HashSlots {
		return nil, fmt.Errorf("shard: %d shards cannot share %d slots", len(ids), HashSlots)
	}
	seen := map[ID]bool{}
	ranges := make([]Range, len(ids))
	lo, each, rest := 0, HashSlots/len(ids), HashSlots%len(ids)
	for i, id := range ids {
		if seen[id] {
			return nil, fmt.Errorf("shard: the shard %s is named twice", id)
		}
		seen[id] = true
		n := each
		if i < rest {
			n++
		}
		ranges[i] = Range{Lo: Slot(lo), Hi: Slot(lo + n - 1), Shard: id}
		lo += n
	}
	return NewMap(version, ranges)
}

// Version returns the map's version. A higher one replaces a lower one.
func (m *Map) Version() uint64 { return m.version }

// Index returns the position in [Map.Shards] of the shard that owns s, or -1 when none does, as for a directory slot
// that nothing is pinned to, and for [NoSlot].
func (m *Map) Index(s Slot) int {
	if int(s) >= len(m.index) {
		return -1
	}
	return int(m.index[s]) - 1
}

// Shard returns the shard that owns s; false when none does.
func (m *Map) Shard(s Slot) (ID, bool) {
	i := m.Index(s)
	if i < 0 {
		return "", false
	}
	return m.shards[i], true
}

// Owns reports whether the shard id owns s.
func (m *Map) Owns(id ID, s Slot) bool {
	owner, ok := m.Shard(s)
	return ok && owner == id
}

// Shards returns the shards that own at least one slot, sorted as strings. The slice is the caller's.
func (m *Map) Shards() []ID { return slices.Clone(m.shards) }

// Ranges returns what the map says in the fewest ranges, sorted. The slice is the caller's.
func (m *Map) Ranges() []Range { return slices.Clone(m.ranges) }

// RangesOf returns the ranges of one shard, sorted; none when it owns nothing. The slice is the caller's.
func (m *Map) RangesOf(id ID) []Range {
	var own []Range
	for _, r := range m.ranges {
		if r.Shard == id {
			own = append(own, r)
		}
	}
	return own
}

// Move returns the next version of the map, in which the slots lo to hi (inclusive) belong to the shard to and every
// other slot belongs to whom it did. Directory slots that had no shard get one; to may be new to the map.
func (m *Map) Move(lo, hi Slot, to ID) (*Map, error) {
	moved := Range{Lo: lo, Hi: hi, Shard: to}
	if err := moved.check(int(lo)); err != nil {
		return nil, err
	}
	next := []Range{moved}
	for _, r := range m.ranges {
		if r.Lo < lo {
			next = append(next, Range{Lo: r.Lo, Hi: min(r.Hi, lo-1), Shard: r.Shard})
		}
		if r.Hi > hi {
			next = append(next, Range{Lo: max(r.Lo, hi+1), Hi: r.Hi, Shard: r.Shard})
		}
	}
	return NewMap(m.version+1, next)
}

// Equal reports whether both maps have the same version and give every slot the same shard.
func (m *Map) Equal(o *Map) bool {
	if m == nil || o == nil {
		return m == o
	}
	return m.version == o.version && slices.Equal(m.ranges, o.ranges)
}

// String returns the version and the ranges, for logs and errors.
func (m *Map) String() string {
	if m == nil {
		return "no map"
	}
	var s strings.Builder
	fmt.Fprintf(&s, "map %d:", m.version)
	for _, r := range m.ranges {
		fmt.Fprintf(&s, " %d-%d=%s", r.Lo, r.Hi, r.Shard)
	}
	return s.String()
}

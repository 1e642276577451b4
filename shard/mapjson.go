package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// mapJSON is the JSON form of a Map. Slots is there so that a reader with another number of slots refuses it.
type mapJSON struct {
	Version uint64  `json:"version"`
	Slots   int     `json:"slots"`
	Ranges  []Range `json:"ranges"`
}

// MarshalJSON writes {"version":1,"slots":16384,"ranges":[{"lo":0,"hi":16383,"shard":"s0"}]}, ranges sorted and merged.
func (m *Map) MarshalJSON() ([]byte, error) {
	if m.version == 0 {
		return nil, errors.New("shard: the zero Map has no JSON form")
	}
	return json.Marshal(mapJSON{Version: m.version, Slots: HashSlots, Ranges: m.ranges})
}

// UnmarshalJSON reads what MarshalJSON writes, with every check of [NewMap]; unknown members and another number of
// slots are refused. A Map that holds something is never overwritten: readers may share it.
func (m *Map) UnmarshalJSON(data []byte) error {
	if m.version != 0 {
		return errors.New("shard: a Map is immutable; read JSON into a new one")
	}
	var j mapJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("shard: the JSON of a map is not readable: %w", err)
	}
	if j.Slots != HashSlots {
		return fmt.Errorf("shard: the JSON of a map is for %d slots; this library has %d", j.Slots, HashSlots)
	}
	read, err := NewMap(j.Version, j.Ranges)
	if err != nil {
		return err
	}
	*m = *read
	return nil
}

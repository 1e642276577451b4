package shard_test

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

func TestAnIDCarriesEverySlot(t *testing.T) {
	for s := range shard.Slot(shard.Slots) {
		u := shard.NewUUIDv7(s)
		got, ok := shard.SlotOfUUIDv7(u)
		require.True(t, ok)
		require.Equal(t, s, got)
	}
}

func TestAnIDIsAUUIDOfVersion7(t *testing.T) {
	before := time.Now().UnixMilli()
	u := shard.NewUUIDv7(77)
	after := time.Now().UnixMilli()
	require.Equal(t, byte(7), u[6]>>4, "RFC 9562, 5.7: ver")
	require.Equal(t, byte(2), u[8]>>6, "RFC 9562, 5.7: var")
	ms := int64(binary.BigEndian.Uint64(append([]byte{0, 0}, u[:6]...)))
	require.GreaterOrEqual(t, ms, before)
	require.LessOrEqual(t, ms, after+1, "a burst of ids may run ahead of the clock by a tick at a time")
}

func TestIDsAreDistinctAndAscending(t *testing.T) {
	const each, workers = 20_000, 8
	made := make([][][16]byte, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], shard.NewUUIDv7(shard.Slot(w)))
			}
		})
	}
	wg.Wait()
	seen := make(map[[16]byte]bool, each*workers)
	prefix := make(map[[8]byte]bool, each*workers)
	for _, ids := range made {
		for i, u := range ids {
			if seen[u] || prefix[[8]byte(u[:8])] { // time and counter alone are distinct within a process
				t.Fatal("an id was made twice")
			}
			seen[u], prefix[[8]byte(u[:8])] = true, true
			if i > 0 && bytes.Compare(ids[i-1][:], u[:]) >= 0 {
				t.Fatal("an id is not larger than the one before")
			}
		}
	}
}

func TestOtherUUIDsCarryNoSlot(t *testing.T) {
	_, ok := shard.SlotOfUUIDv7(someUUIDBytes)
	require.False(t, ok)
	_, ok = shard.SlotOfUUIDv7([16]byte{})
	require.False(t, ok)
	u := shard.NewUUIDv7(1)
	u[8] = 0xC0 | u[8]
	_, ok = shard.SlotOfUUIDv7(u)
	require.False(t, ok)
}

func TestAnIDForNoSlotIsABug(t *testing.T) {
	require.Panics(t, func() { shard.NewUUIDv7(shard.String("").Slot()) })
	require.Panics(t, func() { shard.NewUUIDv7(shard.Slots) })
}

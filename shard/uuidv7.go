package shard

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
)

// lastTick is the highest tick given out: milliseconds since 1970 << 12 | 1/4096ths of a millisecond. It only grows.
var lastTick atomic.Uint64

// NewUUIDv7 returns a new UUID version 7 that carries slot, so that a row can be found from its id alone. Use the slot
// of the row's shard key: ids of one tenant all carry the tenant's slot. It panics when slot is not less than [Slots],
// as the slot of an unusable key is.
//
// The layout is that of RFC 9562, section 5.7:
//
//	48 bits  unix_ts_ms  milliseconds since 1970
//	 4 bits  ver         7
//	12 bits  rand_a      fraction of the millisecond, and a counter where that stands still (section 6.2, method 3)
//	 2 bits  var         0b10
//	62 bits  rand_b      the slot in the first 15 bits, then 47 random bits from crypto/rand
//
// Ids of one process are distinct and ascending in the order of the calls, also when the clock steps back; ids of
// several processes are ordered as well as their clocks agree. It may be called by many goroutines at once.
func NewUUIDv7(slot Slot) [16]byte {
	if slot >= Slots {
		panic(fmt.Sprintf("shard: NewUUIDv7: %d is no slot; check Key.Err before Key.Slot", slot))
	}
	var r [8]byte
	_, _ = rand.Read(r[:]) // never fails: it ends the process instead
	tick := nextTick(time.Now())
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], tick>>12<<16|7<<12|tick&0xFFF)
	binary.BigEndian.PutUint64(u[8:], 1<<63|uint64(slot)<<47|binary.BigEndian.Uint64(r[:])>>17)
	return u
}

// nextTick returns now as a tick, or the tick after the last one when the clock has not moved on by a tick.
func nextTick(now time.Time) uint64 {
	ms := uint64(now.UnixMilli())
	fraction := uint64(now.Nanosecond()%int(time.Millisecond)) << 12 / uint64(time.Millisecond)
	tick := ms<<12 | fraction
	for {
		last := lastTick.Load()
		tick = max(tick, last+1)
		if lastTick.CompareAndSwap(last, tick) {
			return tick
		}
	}
}

// SlotOfUUIDv7 returns the slot that [NewUUIDv7] put into u. It is false when u is not a UUID version 7 at all; a
// version 7 made elsewhere cannot be told apart and gives a meaningless slot, so ask only for ids of your own.
func SlotOfUUIDv7(u [16]byte) (Slot, bool) {
	if u[6]>>4 != 7 || u[8]>>6 != 2 {
		return 0, false
	}
	return Slot(binary.BigEndian.Uint64(u[8:])>>47) & (Slots - 1), true
}

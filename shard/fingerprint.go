package shard

import "fmt"

// Fingerprint describes everything that placement depends on: the hash, the number of slots, the canonical form of
// keys, and which cluster this is. It is stored in each shard and compared when a cluster is opened; a shard whose
// fingerprint differs belongs to another cluster or was filled by another way of hashing, and is refused.
//
// The text is stable and readable, so that a mismatch can be understood from the two texts.
func Fingerprint(clusterID string) string {
	return fmt.Sprintf("xxhash64>>%d slots=%d canonical=1 cluster=%s", hashShift, HashSlots, clusterID)
}

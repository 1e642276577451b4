package shard_test

import (
	"errors"
	"fmt"

	"github.com/keyway-go/keyway/shard"
)

// From a key to its shard.
func Example() {
	m, err := shard.Even(1, "s0", "s1", "s2", "s3")
	if err != nil {
		fmt.Println(err)
		return
	}
	key := shard.Int64(42)
	slot := key.Slot()
	id, _ := m.Shard(slot)
	fmt.Println("slot", slot, "on", id)
	// Output: slot 10416 on s2
}

// A move makes the next version of the map; the old one stays as it was for those who still hold it.
func ExampleMap_Move() {
	m, err := shard.Even(1, "s0", "s1")
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := m.Move(0, 99, "s1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m)
	fmt.Println(next)
	// Output:
	// map 1: 0-8191=s0 8192-16383=s1
	// map 2: 0-99=s1 100-8191=s0 8192-16383=s1
}

// An argument of a statement becomes a key only in a form for which PostgreSQL finds exactly the rows of that key.
func ExampleFromValue() {
	for _, arg := range []any{42, "42", "0042", 42.0} {
		_, err := shard.FromValue(arg, shard.Int8)
		fmt.Println(err == nil)
	}
	_, err := shard.FromValue(nil, shard.Int8)
	fmt.Println(errors.Is(err, shard.ErrNullKey))
	// Output:
	// true
	// true
	// false
	// false
	// true
}

// A key of two columns.
func ExampleComposite() {
	key := shard.Composite(shard.String("eu"), shard.Int64(7))
	fmt.Println(key.Len(), key.Part(0).Value(), key.Part(1).Value())
	fmt.Printf("%x\n", key.AppendCanonical(nil))
	// Output:
	// 2 eu 7
	// 000000026575000000080000000000000007
}

// An id that carries the slot of its tenant: the row can be found from the id alone.
func ExampleNewUUIDv7() {
	tenant := shard.Int64(42)
	id := shard.NewUUIDv7(tenant.Slot())
	slot, ok := shard.SlotOfUUIDv7(id)
	fmt.Println(slot == tenant.Slot(), ok)
	// Output: true true
}

// Package shard answers one question: which shard holds this key?
//
//	key  ->  slot  ->  shard
//
// A [Key] is hashed to a [Slot], always the same one; a [Map] says which shard owns the slot now. Moving data changes
// the map, never the slot. The package is pure: values in, values out, no connections, no clocks but in [NewUUIDv7].
//
// # Keys
//
// A key is made directly ([Int64], [String], [UUID], [Bytes], [Composite]) or from the argument of a statement
// ([FromValue], [FromLiteral]), which knows the type of the key column and refuses every form whose equality in
// PostgreSQL is not equality of bytes. PostgreSQL matches 42 with 42.0, " 42" and "0042"; a hash does not, so those
// would look for a row on a shard that does not have it. Constructors never fail; [Key.Err] says whether the key is
// usable, and a key that is not has [NoSlot], which no map knows.
//
// # Slots
//
// There are 16384 hash slots, fixed for ever, and as many directory slots for keys that are pinned by name. The slot is
// the top 14 bits of XXH64 of the key's canonical bytes, those of PostgreSQL's binary send functions, so that a slot
// can be computed in the database too. The files under testdata list keys with their bytes, hash and slot; another
// implementation is right when it agrees with them.
//
// # Maps
//
// A [Map] is an immutable value with a version. Load it once per statement or transaction and keep it to the end;
// [Map.Move] makes the next version.
package shard

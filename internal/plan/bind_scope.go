package plan

import (
	"fmt"

	"github.com/keyway-go/keyway/shard"
)

// sameAsScope refuses keys that are not the scope's.
func (b *binder) sameAsScope(o *occurrence, keys ...shard.Key) error {
	if !b.p.scoped {
		return nil
	}
	types := make([]shard.Type, 0, len(o.parts))
	for i := range o.parts {
		types = append(types, o.parts[i].typ)
	}
	want, err := b.scopeKey(types)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k != want {
			return &MismatchError{Table: o.table, Columns: o.columns}
		}
	}
	return nil
}

// scopeKey is the scope's key for a table whose key has these types. A uuid becomes its text for a text(uuid) column,
// which is another key and hashes to another slot.
func (b *binder) scopeKey(types []shard.Type) (shard.Key, error) {
	if len(types) == 1 {
		return scopePart(b.scope, 0, 1, types[0])
	}
	parts := make([]shard.Key, 0, len(types))
	for i, t := range types {
		k, err := scopePart(b.scope, i, len(types), t)
		if err != nil {
			return shard.Key{}, err
		}
		parts = append(parts, k)
	}
	key := shard.Composite(parts...)
	return key, key.Err()
}

// withScope joins the key that the text pins, if any, with the scope's key for the tables that the scope restricts.
func (b *binder) withScope(found Binding) (Binding, error) {
	for _, s := range b.p.shapes {
		k, err := b.scopeKey(s.types)
		if err == nil {
			err = b.scopeFits(s)
		}
		if err != nil {
			return found, err
		}
		if found.Target == ToKey && found.Key != k {
			return found, &Refusal{Reason: ManyKeys, Table: b.p.KeyTable, Offset: -1,
				Detail: "the tables of the statement have keys of different types, and the handle's key is in different places for them",
				Hint:   "send one statement per table"}
		}
		found = Binding{Target: ToKey, Key: k}
	}
	return found, nil
}

// scopeFits refuses a scope's key that a column of a table would cut; see rowPart.
func (b *binder) scopeFits(s keyShape) error {
	for i, t := range s.types {
		k, err := scopePart(b.scope, i, len(s.types), t)
		if err == nil {
			err = FitsLength(k, t, s.limits[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scopePart returns part i of the scope's key for a key of so many parts.
func scopePart(scope shard.Key, i, parts int, t shard.Type) (shard.Key, error) {
	if scope.Len() != parts {
		return shard.Key{}, refuse(Arguments, -1,
			fmt.Sprintf("the handle's key and the table's have different numbers of columns: %d and %d", scope.Len(), parts),
			"use a handle for a key of this table; shard.Composite makes one of several columns, in their order")
	}
	return shard.FromValue(scope.Part(i), t)
}

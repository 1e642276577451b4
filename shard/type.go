package shard

import (
	"fmt"
	"strings"
)

// Type is the type of a key column. Only types whose equality in PostgreSQL is equality of bytes are here; citext,
// char(n), numeric, floats, dates, jsonb, enums and domains are not, because two values that PostgreSQL calls equal
// could hash to two shards. The zero value is no type.
type Type uint8

const (
	Int2     Type = iota + 1 // smallint
	Int4                     // integer
	Int8                     // bigint
	Text                     // text or varchar with a deterministic collation
	TextUUID                 // text whose every value is a uuid in PostgreSQL's output form: 36 bytes, lower case
	TypeUUID                 // uuid; [UUID] is the constructor of its keys
	Bytea                    // bytea
)

var typeNames = [...]string{
	Int2: "smallint", Int4: "integer", Int8: "bigint",
	Text: "text", TextUUID: "text(uuid)", TypeUUID: "uuid", Bytea: "bytea",
}

// String returns the name that [ParseType] reads: PostgreSQL's own, and "text(uuid)" for [TextUUID].
func (t Type) String() string {
	if t == 0 || int(t) >= len(typeNames) {
		return "no type"
	}
	return typeNames[t]
}

// ParseType is the inverse of [Type.String]. It knows these seven names and no aliases.
func ParseType(s string) (Type, error) {
	for t, name := range typeNames {
		if name != "" && name == s {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("shard: %q is not a type a key column may have; the types are %s",
		s, strings.Join(typeNames[1:], ", "))
}

func (t Type) isInt() bool { return t >= Int2 && t <= Int8 }

// fits reports whether the integer type t can hold v.
func (t Type) fits(v int64) bool {
	switch t {
	case Int2:
		return v == int64(int16(v))
	case Int4:
		return v == int64(int32(v))
	default:
		return t == Int8
	}
}

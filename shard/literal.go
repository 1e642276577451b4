package shard

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// FromLiteral makes the key that the text of an untyped SQL literal ('42', 'abc') stands for in a key column of type
// t. Only the spelling that PostgreSQL prints is accepted, as [FromValue] does for strings; bytea is '\x' and lower-case
// hexadecimal digits.
func FromLiteral(text string, t Type) (Key, error) {
	if t != Bytea {
		return fromString(text, t, "")
	}
	digits, ok := strings.CutPrefix(text, `\x`)
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || strings.ToLower(digits) != digits {
		return Key{}, &KeyError{Type: t, Reason: `write it as '\x' and pairs of lower-case hexadecimal digits`}
	}
	return usable(Bytes(b), t, "")
}

// fromString reads the text form of a key of type t; goType is empty for a literal.
func fromString(s string, t Type, goType string) (Key, error) {
	switch t {
	case Text:
		return usable(String(s), t, goType)
	case Int2, Int4, Int8:
		n, ok := parseInt(s)
		if !ok {
			return Key{}, &KeyError{Type: t, GoType: goType, Reason: "it is not an integer as PostgreSQL prints it: " +
				"digits without leading zeros, a '-' before a negative number, nothing else"}
		}
		if !t.fits(n) {
			return Key{}, &KeyError{Type: t, GoType: goType, Reason: "the number is outside the column's range"}
		}
		return Int64(n), nil
	case TypeUUID, TextUUID:
		u, ok := parseUUID(s)
		if !ok {
			return Key{}, &KeyError{Type: t, GoType: goType, Reason: "it is not a uuid as PostgreSQL prints it: " +
				"36 bytes, lower case, with hyphens"}
		}
		if t == TextUUID {
			return Key{lo: uint64(kindString), s: s}, nil
		}
		return UUID(u), nil
	case Bytea:
		return Key{}, &KeyError{Type: t, GoType: goType, Reason: "the text form of bytea has several readings; pass a []byte"}
	default:
		return Key{}, &KeyError{Type: t, GoType: goType, Reason: "the column's type is not one of a key"}
	}
}

// parseInt reads an integer in PostgreSQL's output form. PostgreSQL itself reads many more: it skips spaces, takes a
// '+' and leading zeros, and from version 16 hexadecimal digits and underscores.
func parseInt(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && s != "0" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

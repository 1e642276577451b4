package shard

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// MaxKeyBytes is the longest string or byte key, 1 MiB: far more than an index can hold, and a bound on what hashing
// one key may cost.
const MaxKeyBytes = 1 << 20

// MaxKeyParts is the largest number of columns of a composite key, as PostgreSQL's own for an index.
const MaxKeyParts = 32

// hashShift keeps the top 14 bits: neighbouring slots are then neighbouring intervals of the hash.
const hashShift = 64 - 14

// kind tells which fields of a Key are in use. The values are part of no stored format.
type kind uint8

const (
	kindNone kind = iota // the zero Key
	kindInt
	kindUUID
	kindString
	kindBytes
	kindComposite
	kindBad // Key.hi is the badness
)

// Key is the value that decides where a row lives. It is comparable, so it may be a map's key, and building and
// hashing an integer, uuid or string key allocates nothing. The zero Key is not usable.
//
// It is 32 bytes, the most that Go keeps in registers; a field more makes every call that passes a Key three times as
// slow. So a uuid, which needs both numbers, is told by its s, and everything else by lo.
type Key struct {
	// hi holds an integer (two's complement), the first half of a uuid, or a badness; 0 otherwise.
	hi uint64

	// lo holds the second half of a uuid; the kind otherwise.
	lo uint64

	// s is uuidMark for a uuid, the text for a string, a 0 byte and the bytes for bytes, and for a composite the number
	// of parts (2 to 32), the kind of each, and the canonical bytes. It is empty otherwise. No two kinds can have the
	// same s with the same lo: uuidMark is not UTF-8, and neither 0 nor a number of parts.
	s string
}

// uuidMark is the s of every uuid key.
const uuidMark = "\xff"

func (k Key) kind() kind {
	if k.s == uuidMark {
		return kindUUID
	}
	return kind(k.lo)
}

// Int64 returns the key of a smallint, integer or bigint column.
func Int64(v int64) Key { return Key{lo: uint64(kindInt), hi: uint64(v)} }

// String returns the key of a text or varchar column. It must be valid UTF-8, without NUL bytes and not empty; else
// the result is a key whose Err says so.
func String(s string) Key {
	switch {
	case s == "":
		return bad(badEmpty)
	case len(s) > MaxKeyBytes:
		return bad(badLong)
	case strings.IndexByte(s, 0) >= 0:
		return bad(badNUL)
	case !utf8.ValidString(s):
		return bad(badUTF8)
	}
	return Key{lo: uint64(kindString), s: s}
}

// UUID returns the key of a uuid column.
func UUID(u [16]byte) Key {
	return Key{s: uuidMark, hi: binary.BigEndian.Uint64(u[:8]), lo: binary.BigEndian.Uint64(u[8:])}
}

// Bytes returns the key of a bytea column. It copies b, which must not be empty.
func Bytes(b []byte) Key {
	switch {
	case len(b) == 0:
		return bad(badEmpty)
	case len(b) > MaxKeyBytes:
		return bad(badLong)
	}
	return Key{lo: uint64(kindBytes), s: "\x00" + string(b)}
}

// Composite returns the key of several columns, in the order in which the table was sharded. A key of one column is
// the plain key, so fewer than two parts are refused, and so are unusable parts, composite parts and more than
// [MaxKeyParts]; the result's Err says which.
func Composite(parts ...Key) Key {
	if len(parts) < 2 || len(parts) > MaxKeyParts {
		return bad(badParts)
	}
	b := make([]byte, 0, 1+len(parts)*(1+4+16))
	b = append(b, byte(len(parts)))
	for _, p := range parts {
		switch p.kind() {
		case kindNone, kindBad:
			return bad(badPart)
		case kindComposite:
			return bad(badNested)
		}
		b = append(b, byte(p.kind()))
	}
	for _, p := range parts {
		at := len(b)
		b = p.AppendCanonical(append(b, 0, 0, 0, 0))
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	if len(b) > MaxKeyBytes {
		return bad(badLong)
	}
	return Key{lo: uint64(kindComposite), s: string(b)}
}

// Slot returns the slot that k hashes to: 0 to 16383, or [NoSlot] when [Key.Err] is not nil. It never changes for a
// key, whatever the version of this package, and allocates nothing.
//
// The hash is XXH64 with seed 0 (https://github.com/Cyan4973/xxHash) of the canonical bytes; the slot is its top 14 bits.
func (k Key) Slot() Slot {
	h, ok := k.hash()
	if !ok {
		return NoSlot
	}
	return Slot(h >> hashShift)
}

// Hash returns the whole hash that [Key.Slot] is taken from, to tell keys apart where a key itself should not be kept.
// It is 0 when [Key.Err] is not nil, and allocates nothing.
func (k Key) Hash() uint64 {
	h, _ := k.hash()
	return h
}

func (k Key) hash() (h uint64, ok bool) {
	switch k.kind() {
	case kindInt:
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], k.hi)
		return xxhash.Sum64(b[:]), true
	case kindUUID:
		// Not k.uuid(): copying an array that was just written by halves stalls the processor for 25 ns.
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], k.hi)
		binary.BigEndian.PutUint64(b[8:], k.lo)
		return xxhash.Sum64(b[:]), true
	case kindString, kindBytes, kindComposite:
		return xxhash.Sum64String(k.text()), true
	default:
		return 0, false
	}
}

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k == Key{} }

// Len returns the number of columns k stands for: 1, or the parts of a composite; 0 when k is not usable.
func (k Key) Len() int {
	switch k.kind() {
	case kindNone, kindBad:
		return 0
	case kindComposite:
		return int(k.s[0])
	default:
		return 1
	}
}

// Part returns the i-th part, counted from 0. A plain key is its own part 0. It panics when i is not less than Len.
func (k Key) Part(i int) Key {
	if i < 0 || i >= k.Len() {
		panic("shard: Key.Part: the key has no part of this number")
	}
	if k.kind() != kindComposite {
		return k
	}
	rest := k.text()
	for range i {
		_, rest = cutPart(rest)
	}
	part, _ := cutPart(rest)
	return decode(kind(k.s[1+i]), part)
}

// cutPart splits s after its first length-prefixed part.
func cutPart(s string) (part, rest string) {
	n := 4 + int(binary.BigEndian.Uint32([]byte(s[:4])))
	return s[4:n], s[n:]
}

// decode is the inverse of AppendCanonical for a plain key.
func decode(k kind, s string) Key {
	switch k {
	case kindInt:
		return Int64(int64(binary.BigEndian.Uint64([]byte(s))))
	case kindUUID:
		return UUID([16]byte([]byte(s)))
	case kindBytes:
		return Key{lo: uint64(kindBytes), s: "\x00" + s}
	default:
		return Key{lo: uint64(k), s: s}
	}
}

// Value returns what to send as the argument of a query: int64, string, [16]byte (which pgx sends as a uuid) or a
// new []byte. It is nil for a composite, whose parts are sent one by one, and for a key that is not usable.
func (k Key) Value() any {
	switch k.kind() {
	case kindInt:
		return int64(k.hi)
	case kindUUID:
		return k.uuid()
	case kindString:
		return k.s
	case kindBytes:
		return []byte(k.text())
	default:
		return nil
	}
}

// AppendCanonical appends the bytes that are hashed, which are those of PostgreSQL's binary send functions: an
// integer of any width as int8send (8 bytes, big endian), text as UTF-8, a uuid as its 16 bytes, bytea as it stands.
// A composite is each part's length as 4 bytes, big endian, and then the part. A key that is not usable has none.
func (k Key) AppendCanonical(b []byte) []byte {
	switch k.kind() {
	case kindInt:
		return binary.BigEndian.AppendUint64(b, k.hi)
	case kindUUID:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, k.hi), k.lo)
	case kindString, kindBytes, kindComposite:
		return append(b, k.text()...)
	default:
		return b
	}
}

// Is reports whether k may be the value of a key column of type t: integers in the type's range, strings for text,
// strings in canonical uuid form for text(uuid), uuids and bytes for their own types. A composite is no column's value.
func (k Key) Is(t Type) bool {
	switch k.kind() {
	case kindInt:
		return t.isInt() && t.fits(int64(k.hi))
	case kindString:
		return t == Text || t == TextUUID && isUUIDText(k.s)
	case kindUUID:
		return t == TypeUUID
	case kindBytes:
		return t == Bytea
	default:
		return false
	}
}

// text returns the canonical bytes of a string, bytes or a composite.
func (k Key) text() string {
	switch kind(k.lo) {
	case kindBytes:
		return k.s[1:]
	case kindComposite:
		return k.s[1+int(k.s[0]):]
	default:
		return k.s
	}
}

// Format implements fmt.Formatter: whatever the verb, a key prints its slot and never its value, so that it can be
// logged. It is not a String method, which pgx would take for the text to send.
func (k Key) Format(f fmt.State, _ rune) {
	if slot := k.Slot(); slot != NoSlot {
		_, _ = fmt.Fprintf(f, "key of slot %d", slot)
		return
	}
	_, _ = io.WriteString(f, "unusable key")
}

func (k Key) uuid() (u [16]byte) {
	binary.BigEndian.PutUint64(u[:8], k.hi)
	binary.BigEndian.PutUint64(u[8:], k.lo)
	return u
}

// badness is why a constructor made an unusable key. It is kept in the key, so that constructors need no error result
// and Err costs nothing on the way of every statement.
type badness uint64

const (
	badNone badness = iota
	badEmpty
	badLong
	badNUL
	badUTF8
	badParts
	badPart
	badNested
)

var badReasons = [...]string{
	badNone:   "it is the zero Key; make one with Int64, String, UUID, Bytes or Composite",
	badEmpty:  "it is empty; an empty value is far more often a missing one than a tenant's name",
	badLong:   "it has more than 1 MiB",
	badNUL:    "it holds a NUL byte, which no PostgreSQL text can",
	badUTF8:   "it is not valid UTF-8",
	badParts:  "a composite key has 2 to 32 parts; the key of one column is the plain key",
	badPart:   "a part of the composite key is not usable",
	badNested: "a part of the composite key is itself composite",
}

func bad(why badness) Key { return Key{lo: uint64(kindBad), hi: uint64(why)} }

// Err returns nil when k can be used, else a [*KeyError] that says why not: k is the zero Key, or a constructor was
// given something empty, longer than [MaxKeyBytes], not valid UTF-8, with a NUL byte, or wrong parts.
func (k Key) Err() error {
	if kind := k.kind(); kind != kindNone && kind != kindBad {
		return nil
	}
	return &KeyError{Reason: badReasons[k.hi]}
}

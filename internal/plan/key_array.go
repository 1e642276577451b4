package plan

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/keyway-go/keyway/shard"
)

// KeyArray is an argument that is an array of integer keys. pgx would box each of them.
type KeyArray []shard.Key

func integer(k shard.Key) int64 {
	var canonical [8]byte
	return int64(binary.BigEndian.Uint64(k.AppendCanonical(canonical[:0])))
}

// Text is the array as PostgreSQL writes it, which can stand for an array of any type of integer.
func (a KeyArray) Text() string {
	var few [1024]byte // so that small lists are one allocation
	text := append(few[:0], '{')
	for i, k := range a {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, integer(k), 10)
	}
	return string(append(text, '}'))
}

// elements are the array types of integers: by their oid, that of their elements and the bits of one.
var elements = map[uint32]struct {
	oid  uint32
	bits int
}{
	1005: {21, 16},
	1007: {23, 32},
	1016: {20, 64},
}

// AppendBinary appends the array as its type's receive function reads it: the number of dimensions, whether there are
// NULLs, the type of the elements, how many there are and the first one's index, and each with its length in bytes
// (array_recv in PostgreSQL's arrayfuncs.c). It is false for other types, and where a key does not fit.
func (a KeyArray) AppendBinary(to []byte, array uint32) ([]byte, bool) {
	element, ok := elements[array]
	if !ok || len(a) == 0 || len(a) > math.MaxInt32 {
		return to, false
	}
	start := len(to)
	for _, head := range []uint32{1, 0, element.oid, uint32(len(a)), 1} {
		to = binary.BigEndian.AppendUint32(to, head)
	}
	for _, k := range a {
		n := integer(k)
		if n != n<<(64-element.bits)>>(64-element.bits) {
			return to[:start], false
		}
		to = binary.BigEndian.AppendUint32(to, uint32(element.bits/8))
		for shift := element.bits - 8; shift >= 0; shift -= 8 {
			to = append(to, byte(n>>shift))
		}
	}
	return to, true
}

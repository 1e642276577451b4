package merge

import (
	"bytes"
	"encoding/hex"
)

// bytesBinary is for types of a fixed size that compare byte by byte.
func bytesBinary(size int) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		return append(dst, v...), len(v) == size
	}
}

// escaped makes bytes of any length comparable in front of others: a zero byte becomes 00 FF and the end is 00 01.
func escaped(dst, v []byte) ([]byte, bool) {
	for {
		i := bytes.IndexByte(v, 0)
		if i < 0 {
			return append(append(dst, v...), 0, 1), true
		}
		dst = append(append(dst, v[:i]...), 0, 0xff)
		v = v[i+1:]
	}
}

// unpadded is for char(n), which compares without its trailing blanks.
func unpadded(dst, v []byte) ([]byte, bool) { return escaped(dst, bytes.TrimRight(v, " ")) }

func byteaText(dst, v []byte) ([]byte, bool) {
	digits, ok := bytes.CutPrefix(v, []byte(`\x`))
	if !ok || len(digits)%2 != 0 {
		return dst, false
	}
	for ; len(digits) > 0; digits = digits[2:] {
		var b [1]byte
		if _, err := hex.Decode(b[:], digits[:2]); err != nil {
			return dst, false
		}
		if dst = append(dst, b[0]); b[0] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1), true
}

// hexText reads digits in pairs, with any of the separators between pairs.
func hexText(dst, v []byte, size int, separator byte) ([]byte, bool) {
	from := len(dst)
	for i := 0; i < len(v); {
		if v[i] == separator {
			i++
			continue
		}
		if i+2 > len(v) {
			return dst, false
		}
		var b [1]byte
		if _, err := hex.Decode(b[:], v[i:i+2]); err != nil {
			return dst, false
		}
		dst = append(dst, b[0])
		i += 2
	}
	return dst, len(dst)-from == size
}

func uuidText(dst, v []byte) ([]byte, bool) { return hexText(dst, v, 16, '-') }

func macaddrText(size int) encoder {
	return func(dst, v []byte) ([]byte, bool) { return hexText(dst, v, size, ':') }
}

// qcharText reads what "char" prints: nothing for 0, and since PostgreSQL 16 a backslash and three octal digits for
// what is not ASCII.
func qcharText(dst, v []byte) ([]byte, bool) {
	switch {
	case len(v) == 0:
		return append(dst, 0), true
	case len(v) == 1:
		return append(dst, v[0]), true
	case len(v) != 4 || v[0] != '\\':
		return dst, false
	}
	n := 0
	for _, c := range v[1:] {
		if c < '0' || c > '7' {
			return dst, false
		}
		n = n<<3 | int(c-'0')
	}
	return append(dst, byte(n)), n < 256
}

// bitBinary orders by the bytes, the last filled up with zeros, and then by the number of bits.
func bitBinary(dst, v []byte) ([]byte, bool) {
	if len(v) < 4 {
		return dst, false
	}
	bits := be32(v)
	if uint64(len(v)-4) != (uint64(bits)+7)/8 {
		return dst, false
	}
	dst, _ = escaped(dst, v[4:])
	return append32(dst, bits), true
}

func bitText(dst, v []byte) ([]byte, bool) {
	packed := make([]byte, 4, 4+len(v)/8+1)
	packed = append32(packed[:0], uint32(len(v)))
	for i, c := range v {
		if c != '0' && c != '1' {
			return dst, false
		}
		if i%8 == 0 {
			packed = append(packed, 0)
		}
		packed[len(packed)-1] |= (c - '0') << (7 - i%8)
	}
	return bitBinary(dst, packed)
}

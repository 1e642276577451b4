package merge

import (
	"bytes"
	"math"
	"strconv"
)

func be16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }
func be32(b []byte) uint32 { return uint32(be16(b))<<16 | uint32(be16(b[2:])) }
func be64(b []byte) uint64 { return uint64(be32(b))<<32 | uint64(be32(b[4:])) }

func append16(dst []byte, v uint16) []byte { return append(dst, byte(v>>8), byte(v)) }
func append32(dst []byte, v uint32) []byte { return append16(append16(dst, uint16(v>>16)), uint16(v)) }
func append64(dst []byte, v uint64) []byte { return append32(append32(dst, uint32(v>>32)), uint32(v)) }

// appendSigned makes negative numbers sort before others.
func appendSigned(dst []byte, v int64) []byte { return append64(dst, uint64(v)^1<<63) }

func boolBinary(dst, v []byte) ([]byte, bool) {
	return append(dst, v...), len(v) == 1 && v[0] <= 1
}

func boolText(dst, v []byte) ([]byte, bool) {
	switch string(v) {
	case "f":
		return append(dst, 0), true
	case "t":
		return append(dst, 1), true
	}
	return dst, false
}

// signedBinary is for two's complement of that many bytes. Dates and timestamps are such, with the infinities as the
// least and the greatest number.
func signedBinary(size int) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		if len(v) != size {
			return dst, false
		}
		dst = append(dst, v...)
		dst[len(dst)-size] ^= 0x80
		return dst, true
	}
}

func signedText(bits int) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		n, err := strconv.ParseInt(string(v), 10, bits)
		if err != nil {
			return dst, false
		}
		u := uint64(n) ^ 1<<(bits-1)
		switch bits {
		case 16:
			return append16(dst, uint16(u)), true
		case 32:
			return append32(dst, uint32(u)), true
		}
		return append64(dst, u), true
	}
}

func unsignedText(bits int) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		n, err := strconv.ParseUint(string(v), 10, bits)
		if err != nil {
			return dst, false
		}
		if bits == 32 {
			return append32(dst, uint32(n)), true
		}
		return append64(dst, n), true
	}
}

// appendFloat orders NaN after everything, and -0 with 0.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append64(dst, math.MaxUint64)
	case f == 0:
		return append64(dst, 1<<63)
	}
	u := math.Float64bits(f)
	if u>>63 != 0 {
		return append64(dst, ^u)
	}
	return append64(dst, u|1<<63)
}

func float4Binary(dst, v []byte) ([]byte, bool) {
	if len(v) != 4 {
		return dst, false
	}
	return appendFloat(dst, float64(math.Float32frombits(be32(v)))), true
}

func float8Binary(dst, v []byte) ([]byte, bool) {
	if len(v) != 8 {
		return dst, false
	}
	return appendFloat(dst, math.Float64frombits(be64(v))), true
}

func floatText(bits int) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		f, err := strconv.ParseFloat(string(v), bits)
		return appendFloat(dst, f), err == nil
	}
}

// Classes of numeric values, in their order.
const (
	numericNegInf = iota
	numericNegative
	numericZero
	numericPositive
	numericPosInf
	numericNaN
)

// Signs of numeric's binary format.
const (
	signPositive = 0x0000
	signNegative = 0x4000
	signNaN      = 0xC000
	signPosInf   = 0xD000
	signNegInf   = 0xF000
)

// numericBinary reads the number of digits, the weight of the first, the sign, the scale, and digits of base 10000. The
// scale only says how the value prints.
func numericBinary(dst, v []byte) ([]byte, bool) {
	if len(v) < 8 || len(v) != 8+2*int(be16(v)) {
		return dst, false
	}
	weight, sign, digits := int(int16(be16(v[2:]))), be16(v[4:]), v[8:]
	switch sign {
	case signPositive, signNegative:
	case signNaN:
		return append(dst, numericNaN), true
	case signPosInf:
		return append(dst, numericPosInf), true
	case signNegInf:
		return append(dst, numericNegInf), true
	default:
		return dst, false
	}
	k := newNumericKey(dst, sign == signNegative)
	for ; len(digits) > 0; digits, weight = digits[2:], weight-1 {
		d := be16(digits)
		if d > 9999 {
			return dst, false
		}
		k.digit(weight, d)
	}
	return k.end(), true
}

// numericText reads an optional sign, digits and a fraction, as numeric prints.
func numericText(dst, v []byte) ([]byte, bool) {
	switch string(v) {
	case "NaN":
		return append(dst, numericNaN), true
	case "Infinity":
		return append(dst, numericPosInf), true
	case "-Infinity":
		return append(dst, numericNegInf), true
	}
	v, negative := bytes.CutPrefix(v, []byte("-"))
	whole, fraction, _ := bytes.Cut(v, []byte("."))
	if len(whole)+len(fraction) == 0 {
		return dst, false
	}
	k := newNumericKey(dst, negative)
	for weight := (len(whole)+3)/4 - 1; weight >= 0; weight-- {
		d, ok := decimal(whole[max(0, len(whole)-4*(weight+1)) : len(whole)-4*weight])
		if !ok {
			return dst, false
		}
		k.digit(weight, d)
	}
	for weight := -1; len(fraction) > 0; weight-- {
		n := min(4, len(fraction))
		d, ok := decimal(fraction[:n])
		if !ok {
			return dst, false
		}
		for range 4 - n {
			d *= 10
		}
		k.digit(weight, d)
		fraction = fraction[n:]
	}
	return k.end(), true
}

func decimal(digits []byte) (n uint16, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint16(c-'0')
	}
	return n, true
}

// numericKey is the class, then for what is neither zero nor infinite the weight of the first digit and the digits up to
// the last that is not zero. All but the class is inverted for negative numbers.
type numericKey struct {
	dst      []byte
	start    int
	zeros    int // digits of zero that only count if another digit follows
	negative bool
}

func newNumericKey(dst []byte, negative bool) numericKey {
	return numericKey{dst: dst, start: len(dst), negative: negative}
}

// digit adds one of base 10000; weights fall one by one.
func (k *numericKey) digit(weight int, d uint16) {
	first := len(k.dst) == k.start
	if d == 0 {
		if !first {
			k.zeros++
		}
		return
	}
	if first {
		k.dst = append32(append(k.dst, numericPositive), uint32(weight)^1<<31)
	}
	for ; k.zeros > 0; k.zeros-- {
		k.dst = append16(k.dst, 1)
	}
	k.dst = append16(k.dst, d+1)
}

func (k *numericKey) end() []byte {
	if len(k.dst) == k.start {
		return append(k.dst, numericZero)
	}
	k.dst = append16(k.dst, 0)
	if k.negative {
		k.dst[k.start] = numericNegative
		invert(k.dst[k.start+1:])
	}
	return k.dst
}

func parseInt32(v []byte) (int32, bool) {
	n, err := strconv.ParseInt(string(v), 10, 32)
	return int32(n), err == nil
}

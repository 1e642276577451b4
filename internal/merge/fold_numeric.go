package merge

import (
	"bytes"
	"math/big"
	"strings"
)

// numerics adds up exactly. The sum has the scale of the value with the longest, as the server's has.
type numerics struct {
	format   int16
	sum      big.Int // in units of the scale
	scale    int
	some     bool
	nan      bool
	inf, neg bool // +Infinity, -Infinity
}

func (n *numerics) add(v []byte) error {
	if n.format == binary {
		var ok bool
		if v, ok = numericToText(v); !ok {
			return errValue
		}
	}
	n.some = true
	switch string(v) {
	case "NaN":
		n.nan = true
		return nil
	case "Infinity":
		n.inf = true
		return nil
	case "-Infinity":
		n.neg = true
		return nil
	}
	whole, fraction, _ := strings.Cut(string(v), ".")
	value, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return errValue
	}
	if d := len(fraction) - n.scale; d > 0 {
		n.sum.Mul(&n.sum, tenTo(d))
		n.scale += d
	} else {
		value.Mul(value, tenTo(-d))
	}
	n.sum.Add(&n.sum, value)
	return nil
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (n *numerics) result() ([]byte, error) {
	if !n.some {
		return nil, nil
	}
	out := []byte(n.print())
	if n.format == binary {
		out = numericFromText(out)
	}
	return out, nil
}

func (n *numerics) print() string {
	switch {
	case n.nan || n.inf && n.neg:
		return "NaN"
	case n.inf:
		return "Infinity"
	case n.neg:
		return "-Infinity"
	}
	digits := new(big.Int).Abs(&n.sum).String()
	if missing := n.scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	sign := ""
	if n.sum.Sign() < 0 {
		sign = "-"
	}
	if n.scale == 0 {
		return sign + digits
	}
	point := len(digits) - n.scale
	return sign + digits[:point] + "." + digits[point:]
}

// numericToText prints what [numericBinary] reads, with the scale that it was sent with.
func numericToText(v []byte) ([]byte, bool) {
	if _, ok := numericBinary(nil, v); !ok {
		return nil, false
	}
	weight, sign, scale, digits := int(int16(be16(v[2:]))), be16(v[4:]), int(be16(v[6:])), v[8:]
	switch sign {
	case signNaN:
		return []byte("NaN"), true
	case signPosInf:
		return []byte("Infinity"), true
	case signNegInf:
		return []byte("-Infinity"), true
	}
	digit := func(w int) []byte { // of that weight
		d := uint16(0)
		if at := weight - w; at >= 0 && 2*at < len(digits) {
			d = be16(digits[2*at:])
		}
		return []byte{'0' + byte(d/1000), '0' + byte(d/100%10), '0' + byte(d/10%10), '0' + byte(d%10)}
	}
	var out []byte
	for w := max(weight, 0); w >= 0; w-- {
		out = append(out, digit(w)...)
	}
	out = bytes.TrimLeft(out, "0")
	if len(out) == 0 {
		out = []byte{'0'}
	}
	if scale > 0 {
		out = append(out, '.')
		point := len(out)
		for w := -1; len(out)-point < scale; w-- {
			out = append(out, digit(w)...)
		}
		out = out[:point+scale]
	}
	if sign == signNegative {
		out = append([]byte{'-'}, out...)
	}
	return out, true
}

// numericFromText is the binary format of a numeric as it prints.
func numericFromText(v []byte) []byte {
	switch string(v) {
	case "NaN":
		return []byte{0, 0, 0, 0, 0xC0, 0, 0, 0}
	case "Infinity":
		return []byte{0, 0, 0, 0, 0xD0, 0, 0, 0}
	case "-Infinity":
		return []byte{0, 0, 0, 0, 0xF0, 0, 0, 0}
	}
	v, negative := bytes.CutPrefix(v, []byte("-"))
	whole, fraction, _ := bytes.Cut(v, []byte("."))
	// Digits of base 10000 start at the point in both directions.
	all := append(bytes.Repeat([]byte{'0'}, (4-len(whole)%4)%4), whole...)
	weight := len(all)/4 - 1
	all = append(append(all, fraction...), bytes.Repeat([]byte{'0'}, (4-len(fraction)%4)%4)...)
	var digits []uint16
	for ; len(all) > 0; all = all[4:] {
		d, _ := decimal(all[:4])
		digits = append(digits, d)
	}
	for len(digits) > 0 && digits[0] == 0 {
		digits, weight = digits[1:], weight-1
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	sign := uint16(signPositive)
	if negative {
		sign = signNegative
	}
	if len(digits) == 0 {
		weight, sign = 0, signPositive
	}
	out := append16(append16(append16(append16(nil, uint16(len(digits))), uint16(weight)), sign), uint16(len(fraction)))
	for _, d := range digits {
		out = append16(out, d)
	}
	return out
}

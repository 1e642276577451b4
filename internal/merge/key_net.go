package merge

import (
	"bytes"
	"net/netip"
	"strconv"
)

// appendNetwork orders the family, the network's bits, their number, and the whole address. A network that is a part of
// another sorts after it, since the bits past its own are taken for zero.
func appendNetwork(dst, address []byte, bits int) []byte {
	dst = append(dst, byte(len(address)))
	from := len(dst)
	dst = append(dst, address...)
	for i, network := 0, dst[from:]; i < len(network); i++ {
		switch kept := bits - 8*i; {
		case kept <= 0:
			network[i] = 0
		case kept < 8:
			network[i] &= 0xff << (8 - kept)
		}
	}
	return append(append(dst, byte(bits)), address...)
}

// inetBinary reads the family, the bits, whether it is a cidr, the number of bytes, and the address.
func inetBinary(dst, v []byte) ([]byte, bool) {
	const inet4, inet6 = 2, 3
	if len(v) < 4 || len(v) != 4+int(v[3]) {
		return dst, false
	}
	size := 4
	switch v[0] {
	case inet4:
	case inet6:
		size = 16
	default:
		return dst, false
	}
	if int(v[3]) != size || int(v[1]) > 8*size {
		return dst, false
	}
	return appendNetwork(dst, v[4:], int(v[1])), true
}

func inetText(dst, v []byte) ([]byte, bool) {
	host, length, hasBits := bytes.Cut(v, []byte("/"))
	a, err := netip.ParseAddr(string(host))
	if err != nil || a.Zone() != "" {
		return dst, false
	}
	bits := a.BitLen()
	if hasBits {
		bits, err = strconv.Atoi(string(length))
		if err != nil || bits < 0 || bits > a.BitLen() {
			return dst, false
		}
	}
	return appendNetwork(dst, a.AsSlice(), bits), true
}

func lsnText(dst, v []byte) ([]byte, bool) {
	high, low, _ := bytes.Cut(v, []byte("/"))
	h, err := strconv.ParseUint(string(high), 16, 32)
	if err != nil {
		return dst, false
	}
	l, err := strconv.ParseUint(string(low), 16, 32)
	return append64(dst, h<<32|l), err == nil
}

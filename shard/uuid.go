package shard

import "encoding/hex"

// uuidTextLen is the length of a uuid as PostgreSQL prints it: 8-4-4-4-12 hexadecimal digits.
const uuidTextLen = 36

// parseUUID reads the one spelling that PostgreSQL prints. The server also reads braces, upper case and missing
// hyphens; a key has one spelling, so that text columns and uuid columns are treated alike.
func parseUUID(s string) (u [16]byte, ok bool) {
	if len(s) != uuidTextLen {
		return u, false
	}
	at := 0
	for i := 0; i < uuidTextLen; {
		if isHyphen(i) {
			if s[i] != '-' {
				return u, false
			}
			i++
			continue
		}
		hi, lo := lowerHex(s[i]), lowerHex(s[i+1])
		if hi > 15 || lo > 15 {
			return u, false
		}
		u[at] = hi<<4 | lo
		at++
		i += 2
	}
	return u, true
}

func isUUIDText(s string) bool {
	_, ok := parseUUID(s)
	return ok
}

func isHyphen(i int) bool { return i == 8 || i == 13 || i == 18 || i == 23 }

// lowerHex returns the value of a lower-case hexadecimal digit, 255 for anything else.
func lowerHex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}

// uuidText is the inverse of parseUUID.
func uuidText(u [16]byte) string {
	var b [uuidTextLen]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

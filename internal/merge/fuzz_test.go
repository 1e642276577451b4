package merge_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// FuzzKeys gives every type's encoder whatever comes: it must not panic, and what it accepts must be a key, which
// depends on nothing but the value and stands behind other columns unchanged.
func FuzzKeys(f *testing.F) {
	types := make([]uint32, 0, 100)
	for oid := range merge.Keyed() {
		types = append(types, oid)
	}
	slices.Sort(types)
	for _, v := range []string{"", "0", "-1.50", "NaN", "infinity", "2000-01-01 00:00:00+00 BC", "24:00:00", "1 mon -3 days +04:05:06.7", "{{1,NULL},{\"a\\\"\",2}}", "[0:1]={1,2}",
		"10.0.0.1/8", "::1", "\\x00ff", "A/0", "101", "08:00:2b:01:02:03", "\x00\x02\x00\x01\x00\x00\x00\x02\x00\x0c\x04\x05",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x05\xff\xff\xff\xff"} {
		for i := range types {
			f.Add(uint(i), false, []byte(v))
			f.Add(uint(i), true, []byte(v))
		}
	}
	f.Fuzz(func(t *testing.T, which uint, inBinary bool, v []byte) {
		oid, format := types[which%uint(len(types))], int16(0)
		if inBinary {
			format = 1
		}
		encode := merge.Encoder(oid, format, merge.SortColumn{Bytewise: true})
		key, ok := encode(nil, slices.Clone(v))
		behind, again := encode([]byte("front"), v)
		require.Equal(t, ok, again)
		if ok {
			require.Equal(t, append([]byte("front"), key...), behind)
			require.NotEmpty(t, key)
		}
	})
}

// FuzzNumeric: what the binary format says is what the text says, and comes back.
func FuzzNumeric(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x01\x00\x00\x00\x02\x00\x0c\x04\x05"))
	f.Add([]byte("\x00\x00\x00\x00\xc0\x00\x00\x00"))
	f.Add([]byte("\x00\x01\xff\xff\x40\x00\x00\x05\x03\xe8"))
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) > 100 {
			return
		}
		printed, ok := merge.NumericToText(v)
		if !ok || strings.HasPrefix(string(printed), "-0") && strings.Trim(string(printed), "-0.") == "" {
			return // the server sends no negative zero
		}
		back := merge.NumericFromText(printed)
		reprinted, ok := merge.NumericToText(back)
		require.True(t, ok)
		require.True(t, bytes.Equal(printed, reprinted))
		fromText, ok := merge.Key(1700, 0, merge.SortColumn{}, printed)
		require.True(t, ok)
		fromBinary, ok := merge.Key(1700, 1, merge.SortColumn{}, back)
		require.True(t, ok)
		require.True(t, bytes.Equal(fromText, fromBinary))
	})
}

package shard_test

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/keyway-go/keyway/shard"
)

// FuzzFromValueText: whatever string is accepted for a column is the one spelling that PostgreSQL prints for the key's
// value, so that equal keys never have two spellings.
func FuzzFromValueText(f *testing.F) {
	for _, c := range append(append([]string{}, "42", "-7", " 42", "0x2A", "4_2", someUUID, "acme", "a\x00", "\xff"),
		"9223372036854775807", "9223372036854775808", "-0") {
		for t := range shard.Type(9) {
			f.Add(c, uint8(t))
		}
	}
	f.Fuzz(func(t *testing.T, s string, typ uint8) {
		kt := shard.Type(typ)
		k, err := shard.FromValue(s, kt)
		if err != nil {
			if !k.IsZero() {
				t.Fatal("an error and a key")
			}
			return
		}
		if k.Err() != nil || !k.Is(kt) || !k.Slot().IsHash() {
			t.Fatalf("%q is accepted for %s and is not usable: %v", s, kt, k.Err())
		}
		if printed := print1(k); printed != s {
			t.Fatalf("%q is accepted for %s, but PostgreSQL prints %q", s, kt, printed)
		}
	})
}

// print1 is the text PostgreSQL prints for a key.
func print1(k shard.Key) string {
	switch v := k.Value().(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case [16]byte:
		h := hex.EncodeToString(v[:])
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case []byte:
		return `\x` + hex.EncodeToString(v)
	case string:
		return v
	default:
		return ""
	}
}

func FuzzFromLiteral(f *testing.F) {
	for _, c := range []string{"42", `\xdeadbeef`, `\xDE`, `\x`, someUUID, "0042"} {
		for t := range shard.Type(9) {
			f.Add(c, uint8(t))
		}
	}
	f.Fuzz(func(t *testing.T, s string, typ uint8) {
		k, err := shard.FromLiteral(s, shard.Type(typ))
		if err != nil {
			return
		}
		if !k.Is(shard.Type(typ)) || print1(k) != s {
			t.Fatalf("%q is accepted for %s, but PostgreSQL prints %q", s, shard.Type(typ), print1(k))
		}
	})
}

func FuzzComposite(f *testing.F) {
	f.Add(int64(1), "a", []byte("b"))
	f.Add(int64(-1), "", []byte{})
	f.Fuzz(func(t *testing.T, n int64, s string, b []byte) {
		parts := []shard.Key{shard.Int64(n), shard.String(s), shard.Bytes(b)}
		k := shard.Composite(parts...)
		if (k.Err() == nil) != (parts[1].Err() == nil && parts[2].Err() == nil) {
			t.Fatalf("composite: %v; parts: %v, %v", k.Err(), parts[1].Err(), parts[2].Err())
		}
		if k.Err() != nil {
			return
		}
		for i := range parts {
			if k.Part(i) != parts[i] {
				t.Fatalf("part %d", i)
			}
		}
	})
}

func FuzzMapJSON(f *testing.F) {
	f.Add([]byte(`{"version":1,"slots":16384,"ranges":[{"lo":0,"hi":16383,"shard":"s0"}]}`))
	f.Add([]byte(`{"version":1,"slots":16384,"ranges":[{"lo":0,"hi":99,"shard":"s0"},{"lo":100,"hi":32767,"shard":"s1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m shard.Map
		if json.Unmarshal(data, &m) != nil {
			if m.Version() != 0 {
				t.Fatal("a refused map left something behind")
			}
			return
		}
		for s := range shard.Slot(shard.HashSlots) {
			if m.Index(s) < 0 {
				t.Fatalf("slot %d has no shard", s)
			}
		}
		out, err := json.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		var back shard.Map
		if err := json.Unmarshal(out, &back); err != nil || !back.Equal(&m) {
			t.Fatalf("%s: %v", out, err)
		}
	})
}

package shard_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/shard"
)

func TestAnUnusableKeyHasNoSlotAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		key shard.Key
		say string
	}{
		"zero":             {shard.Key{}, "zero Key"},
		"empty string":     {shard.String(""), "empty"},
		"empty bytes":      {shard.Bytes([]byte{}), "empty"},
		"nil bytes":        {shard.Bytes(nil), "empty"},
		"NUL":              {shard.String("a\x00b"), "NUL"},
		"not UTF-8":        {shard.String("a\xffb"), "UTF-8"},
		"too long":         {shard.String(strings.Repeat("x", shard.MaxKeyBytes+1)), "1 MiB"},
		"too long bytes":   {shard.Bytes(make([]byte, shard.MaxKeyBytes+1)), "1 MiB"},
		"no parts":         {shard.Composite(), "2 to 32 parts"},
		"one part":         {shard.Composite(shard.Int64(1)), "2 to 32 parts"},
		"33 parts":         {shard.Composite(make([]shard.Key, 33)...), "2 to 32 parts"},
		"nested":           {shard.Composite(shard.Int64(1), shard.Composite(shard.Int64(1), shard.Int64(2))), "composite"},
		"a part unusable":  {shard.Composite(shard.Int64(1), shard.String("")), "part"},
		"a part zero":      {shard.Composite(shard.Key{}, shard.Int64(1)), "part"},
		"parts too long":   {shard.Composite(shard.Int64(1), shard.String(strings.Repeat("x", shard.MaxKeyBytes))), "1 MiB"},
		"composite of bad": {shard.Composite(shard.Composite(), shard.Int64(1)), "part"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, c.key.Err(), c.say)
			require.IsType(t, &shard.KeyError{}, c.key.Err())
			require.Equal(t, shard.NoSlot, c.key.Slot())
			require.Zero(t, c.key.Len())
			require.Nil(t, c.key.Value())
			require.Empty(t, c.key.AppendCanonical(nil))
			for _, typ := range types {
				require.False(t, c.key.Is(typ))
			}
			m, err := shard.Even(1, "s0")
			require.NoError(t, err)
			require.Equal(t, -1, m.Index(c.key.Slot()))
			_, ok := m.Shard(c.key.Slot())
			require.False(t, ok)
		})
	}
}

func TestOnlyTheZeroKeyIsZero(t *testing.T) {
	require.True(t, shard.Key{}.IsZero())
	for _, k := range []shard.Key{shard.Int64(0), shard.UUID([16]byte{}), shard.String(""), shard.String("x")} {
		require.False(t, k.IsZero())
	}
	require.NoError(t, shard.Int64(0).Err())
	require.NoError(t, shard.UUID([16]byte{}).Err())
}

func TestKeysOfDifferentKindsAreDifferentMapKeys(t *testing.T) {
	seen := map[shard.Key]bool{}
	for _, k := range []shard.Key{
		shard.Int64(97), shard.String("a"), shard.Bytes([]byte("a")), shard.UUID([16]byte{15: 97}),
		shard.String("42"), shard.Int64(42),
		shard.Bytes([]byte{0xff}), shard.Bytes([]byte{0}), shard.Bytes([]byte{2, 4, 4}),
		shard.UUID([16]byte{}), shard.UUID([16]byte{15: 3}), shard.UUID([16]byte{15: 4}), shard.Int64(0), shard.Int64(3),
		shard.String("\x02"), shard.String("\x02\x03"),
		shard.Composite(shard.String("a"), shard.String("b")), shard.Composite(shard.String("a"), shard.Bytes([]byte("b"))),
	} {
		require.False(t, seen[k])
		seen[k] = true
	}
}

func TestAKeyFitsIntoRegisters(t *testing.T) {
	require.Equal(t, uintptr(32), reflect.TypeFor[shard.Key]().Size(), "on 64 bits; see the comment of Key")
}

func TestBytesAreCopied(t *testing.T) {
	b := []byte("tenant")
	k := shard.Bytes(b)
	b[0] = 'X'
	require.Equal(t, []byte("tenant"), k.Value())
	k.Value().([]byte)[0] = 'Y'
	require.Equal(t, []byte("tenant"), k.Value())
}

func TestAKeyPrintsItsSlotAndNotItsValue(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q"} {
		for _, k := range []shard.Key{shard.String("secret"), shard.Bytes([]byte("secret"))} {
			require.Equal(t, fmt.Sprintf("key of slot %d", k.Slot()), fmt.Sprintf(format, k))
		}
	}
	require.Equal(t, "unusable key", fmt.Sprint(shard.Key{}))
	require.Equal(t, "[key of slot 10416]", fmt.Sprint([]shard.Key{shard.Int64(42)}))
	var key any = shard.Int64(42)
	_, ok := key.(fmt.Stringer)
	require.False(t, ok, "pgx would send it")
}

func TestAPartThatIsNotThereIsABug(t *testing.T) {
	require.Panics(t, func() { shard.Int64(1).Part(1) })
	require.Panics(t, func() { shard.Int64(1).Part(-1) })
	require.Panics(t, func() { shard.Key{}.Part(0) })
	require.Equal(t, shard.Int64(1), shard.Int64(1).Part(0))
}

// plainKey draws a usable key that is not composite.
func plainKey() *rapid.Generator[shard.Key] {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), shard.Int64),
		rapid.Map(rapid.StringMatching(`[a-z\x{e4}\x{65e5}]{1,40}`), shard.String),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 40), shard.Bytes),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) shard.Key { return shard.UUID([16]byte(b)) }),
	)
}

func compositeOf(parts []shard.Key) shard.Key { return shard.Composite(parts...) }

func TestOneKeyHasOneSlotForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.OneOf(plainKey(), rapid.Map(rapid.SliceOfN(plainKey(), 2, 5), compositeOf)).Draw(t, "key")
		slot := k.Slot()
		again := k // a copy, and the same key made from its parts
		if k.Len() > 1 {
			parts := make([]shard.Key, k.Len())
			for i := range parts {
				parts[i] = k.Part(i)
			}
			again = shard.Composite(parts...)
		}
		if again != k || again.Slot() != slot || !slot.IsHash() || slot.IsDirectory() {
			t.Fatalf("slot %d, again %d", slot, again.Slot())
		}
	})
}

func TestCompositesAreEqualOnlyWhenTheirPartsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Strings of few letters, so that moving a letter from one part to the next is a likely draw.
		part := rapid.Map(rapid.StringMatching(`[ab]{1,3}`), shard.String)
		a := rapid.SliceOfN(part, 2, 4).Draw(t, "a")
		b := rapid.SliceOfN(part, 2, 4).Draw(t, "b")
		same := len(a) == len(b)
		for i := 0; same && i < len(a); i++ {
			same = a[i] == b[i]
		}
		ka, kb := shard.Composite(a...), shard.Composite(b...)
		if (ka == kb) != same {
			t.Fatal("keys are equal and parts are not, or the other way round")
		}
		if bytes.Equal(ka.AppendCanonical(nil), kb.AppendCanonical(nil)) != same {
			t.Fatal("two composites have the same canonical bytes")
		}
	})
}

func TestThePartsOfACompositeComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(plainKey(), 2, shard.MaxKeyParts).Draw(t, "parts")
		k := shard.Composite(parts...)
		if k.Err() != nil || k.Len() != len(parts) || k.Value() != nil {
			t.Fatalf("composite of %d parts: %v", len(parts), k.Err())
		}
		for i, p := range parts {
			if k.Part(i) != p {
				t.Fatalf("part %d is not the one that went in", i)
			}
		}
	})
}

func TestIntegersOfEveryWidthShareTheirBytes(t *testing.T) {
	for _, typ := range []shard.Type{shard.Int2, shard.Int4, shard.Int8} {
		k, err := shard.FromValue(int16(-7), typ)
		require.NoError(t, err)
		require.Equal(t, shard.Int64(-7), k)
	}
}

func TestAKeyFitsOnlyColumnsThatCanHoldIt(t *testing.T) {
	fits := map[shard.Type][]shard.Key{
		shard.Int2:     {shard.Int64(-32768), shard.Int64(32767)},
		shard.Int4:     {shard.Int64(-1 << 31), shard.Int64(1<<31 - 1), shard.Int64(32768)},
		shard.Int8:     {shard.Int64(-1 << 63), shard.Int64(1<<63 - 1), shard.Int64(1 << 31)},
		shard.Text:     {shard.String("x"), shard.String(someUUID)},
		shard.TextUUID: {shard.String(someUUID)},
		shard.TypeUUID: {shard.UUID([16]byte{})},
		shard.Bytea:    {shard.Bytes([]byte("x"))},
	}
	for typ, keys := range fits {
		for _, k := range keys {
			require.True(t, k.Is(typ), "%s", typ)
		}
	}
	require.False(t, shard.Int64(32768).Is(shard.Int2))
	require.False(t, shard.Int64(1<<31).Is(shard.Int4))
	require.False(t, shard.Int64(1).Is(shard.Text))
	require.False(t, shard.String("1").Is(shard.Int8))
	require.False(t, shard.String("x").Is(shard.TextUUID))
	require.False(t, shard.String(strings.ToUpper(someUUID)).Is(shard.TextUUID))
	require.False(t, shard.UUID([16]byte{}).Is(shard.TextUUID))
	require.False(t, shard.Bytes([]byte("x")).Is(shard.Text))
	require.False(t, shard.Composite(shard.Int64(1), shard.Int64(2)).Is(shard.Int8))
	require.False(t, shard.Int64(1).Is(0))
}

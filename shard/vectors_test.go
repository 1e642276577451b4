package shard_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// vector is one entry of testdata/vectors.json, which was computed by another implementation of XXH64, written from the
// specification.
type vector struct {
	Type      string
	Value     string
	Parts     []struct{ Type, Value string } // of a composite key
	Canonical string
	Hash      string
	Slot      shard.Slot
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var vs []vector
	require.NoError(t, json.Unmarshal(data, &vs))
	require.Greater(t, len(vs), 60)
	return vs
}

func (v vector) key(t testing.TB) shard.Key {
	t.Helper()
	if v.Parts == nil {
		return literal(t, v.Type, v.Value)
	}
	parts := make([]shard.Key, len(v.Parts))
	for i, p := range v.Parts {
		parts[i] = literal(t, p.Type, p.Value)
	}
	return shard.Composite(parts...)
}

func literal(t testing.TB, typ, text string) shard.Key {
	t.Helper()
	kt, err := shard.ParseType(typ)
	require.NoError(t, err)
	k, err := shard.FromLiteral(text, kt)
	require.NoError(t, err, "%s %q", typ, text)
	require.True(t, k.Is(kt))
	return k
}

func TestThePublishedVectorsHold(t *testing.T) {
	for _, v := range vectors(t) {
		k := v.key(t)
		require.NoError(t, k.Err())
		canonical := k.AppendCanonical(nil)
		require.Equal(t, v.Canonical, hex.EncodeToString(canonical), "%+v", v)
		require.Equal(t, v.Hash, fmt.Sprintf("%016x", xxhash.Sum64(canonical)), "%+v", v)
		require.Equal(t, v.Slot, k.Slot(), "%+v", v)
		require.True(t, k.Slot().IsHash())
	}
}

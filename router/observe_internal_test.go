package router

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

func TestTheSoleOwnerHasEverySlotAndEveryHomeTable(t *testing.T) {
	nodes := map[shard.ID]*node{"s0": {id: "s0"}, "s1": {id: "s1"}}
	all, err := shard.Even(1, "s0")
	require.NoError(t, err)
	pinned := shard.Slot(shard.HashSlots)
	one, err := all.Move(7, 7, "s1")
	require.NoError(t, err)
	directory, err := shard.NewMap(1, []shard.Range{{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}, {Lo: pinned, Hi: pinned, Shard: "s1"}})
	require.NoError(t, err)
	unknown, err := shard.Even(1, "s9")
	require.NoError(t, err)
	home := func(id shard.ID) *catalog.Table {
		return &catalog.Table{Schema: "public", Name: "jobs", OID: 1, Kind: catalog.Home, Home: id}
	}
	for name, c := range map[string]struct {
		slots  *shard.Map
		tables []*catalog.Table
		want   *node
	}{
		"every slot":                       {all, nil, nodes["s0"]},
		"and the home tables":              {all, []*catalog.Table{home("s0")}, nodes["s0"]},
		"a home table elsewhere":           {all, []*catalog.Table{home("s1")}, nil},
		"one slot elsewhere":               {one, nil, nil},
		"a pinned slot elsewhere":          {directory, nil, nil},
		"a shard that is not ours to know": {unknown, nil, nil},
	} {
		require.Equal(t, c.want, newSnapshot(c.slots, catalog.NewRegistry(1, c.tables...), nodes).sole, name)
	}
}

func TestAShownTextIsBoundedBetweenCharacters(t *testing.T) {
	require.Equal(t, "ü", bounded("ü"))
	for i := range 3 {
		s := bounded(strings.Repeat("x", i) + strings.Repeat("ü", maxObservedText))
		require.LessOrEqual(t, len(s), maxObservedText)
		require.True(t, utf8.ValidString(s) && strings.HasSuffix(s, "ü..."))
	}
}

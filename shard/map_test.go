package shard_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/shard"
)

func TestAMapThatLeavesDoubtIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		ranges []shard.Range
		say    string
	}{
		"empty":            {nil, "slot 0 has no shard"},
		"hole at the end":  {[]shard.Range{{0, 16382, "s0"}}, "slot 16383 has no shard"},
		"hole":             {[]shard.Range{{0, 99, "s0"}, {101, 16383, "s1"}}, "slot 100 has no shard"},
		"hole at start":    {[]shard.Range{{1, 16383, "s0"}}, "slot 0 has no shard"},
		"overlap":          {[]shard.Range{{0, 100, "s0"}, {100, 16383, "s1"}}, "slot 100 is in two ranges"},
		"inside another":   {[]shard.Range{{0, 16383, "s0"}, {5, 6, "s1"}}, "slot 5 is in two ranges"},
		"backwards":        {[]shard.Range{{0, 16383, "s0"}, {20000, 19999, "s0"}}, "ends before it starts"},
		"beyond the last":  {[]shard.Range{{0, 16383, "s0"}, {20000, 32768, "s0"}}, "beyond the last slot"},
		"no name":          {[]shard.Range{{0, 16383, ""}}, "name is empty"},
		"a name in quotes": {[]shard.Range{{0, 16383, `s"0`}}, "not a shard's name"},
		"directory twice":  {[]shard.Range{{0, 16383, "s0"}, {20000, 20001, "s0"}, {20001, 20002, "s1"}}, "slot 20001 is in two"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shard.NewMap(1, c.ranges)
			require.ErrorContains(t, err, c.say)
		})
	}
	_, err := shard.NewMap(0, []shard.Range{{0, 16383, "s0"}})
	require.ErrorContains(t, err, "version")
}

func TestRangesComeBackSortedAndMerged(t *testing.T) {
	given := []shard.Range{{200, 16383, "s0"}, {0, 99, "s1"}, {100, 150, "s0"}, {151, 199, "s0"}, {32767, 32767, "s9"}}
	m, err := shard.NewMap(7, given)
	require.NoError(t, err)
	require.Equal(t, []shard.Range{{0, 99, "s1"}, {100, 16383, "s0"}, {32767, 32767, "s9"}}, m.Ranges())
	require.Equal(t, shard.Slot(200), given[0].Lo, "the caller's slice stays as it was")
	require.Equal(t, []shard.ID{"s0", "s1", "s9"}, m.Shards())
	require.Equal(t, []shard.Range{{100, 16383, "s0"}}, m.RangesOf("s0"))
	require.Empty(t, m.RangesOf("s5"))
	require.Equal(t, uint64(7), m.Version())
	require.Equal(t, "map 7: 0-99=s1 100-16383=s0 32767-32767=s9", m.String())

	require.True(t, m.Owns("s1", 99))
	require.False(t, m.Owns("s1", 100))
	require.False(t, m.Owns("", 20000))
	require.Equal(t, -1, m.Index(20000))
	require.Equal(t, -1, m.Index(shard.NoSlot))
	require.Equal(t, 2, m.Index(32767))
}

func TestAHoleAmongDirectorySlotsStaysAHole(t *testing.T) {
	m, err := shard.NewMap(1, []shard.Range{{0, 16383, "s0"}, {20000, 20001, "s0"}, {20003, 20003, "s0"}})
	require.NoError(t, err)
	require.Len(t, m.Ranges(), 3)
	for _, hole := range []shard.Slot{16384, 19999, 20002, 20004} {
		require.Equal(t, -1, m.Index(hole), hole)
	}
}

func TestWhatAMapGivesAwayDoesNotChangeIt(t *testing.T) {
	m, err := shard.Even(1, "s0", "s1")
	require.NoError(t, err)
	m.Ranges()[0].Shard = "s9"
	m.Shards()[0] = "s9"
	m.RangesOf("s0")[0].Hi = 16383
	again, err := shard.Even(1, "s0", "s1")
	require.NoError(t, err)
	require.True(t, m.Equal(again))
}

func TestTheZeroMapKnowsNothing(t *testing.T) {
	var m shard.Map
	require.Equal(t, -1, m.Index(0))
	require.Empty(t, m.Shards())
	_, err := json.Marshal(&m)
	require.Error(t, err)
	require.True(t, (*shard.Map)(nil).Equal(nil))
	require.False(t, m.Equal(nil))
	require.Equal(t, "no map", (*shard.Map)(nil).String())
}

func TestEvenGivesEachShardItsShare(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100, 1000, shard.HashSlots} {
		m, err := shard.Even(1, ids(n)...)
		require.NoError(t, err)
		require.Len(t, m.Shards(), n)
		require.Len(t, m.Ranges(), n)
		for _, r := range m.Ranges() {
			size := int(r.Hi) - int(r.Lo) + 1
			if size < shard.HashSlots/n || size > shard.HashSlots/n+1 {
				t.Fatalf("%s has %d of %d slots, of %d shards", r.Shard, size, shard.HashSlots, n)
			}
		}
	}
	_, err := shard.Even(1)
	require.Error(t, err)
	_, err = shard.Even(1, "s0", "s0")
	require.ErrorContains(t, err, "twice")
	_, err = shard.Even(1, ids(shard.HashSlots+1)...)
	require.Error(t, err)
}

func ids(n int) []shard.ID {
	all := make([]shard.ID, n)
	for i := range all {
		all[i] = shard.ID("s" + strings.Repeat("x", i/1000) + string(rune('a'+i/100%10)) + string(rune('a'+i/10%10)) +
			string(rune('a'+i%10)))
	}
	return all
}

// anyMap draws a map by cutting the hash slots at random places, with or without directory slots.
func anyMap(t *rapid.T) *shard.Map {
	names := rapid.SampledFrom([]shard.ID{"s0", "s1", "s2", "s3", "s4"})
	m, err := shard.Even(rapid.Uint64Range(1, 1000).Draw(t, "version"), "s0")
	for range rapid.IntRange(0, 12).Draw(t, "moves") {
		if err != nil {
			break
		}
		lo, hi := anyRange(t)
		m, err = m.Move(lo, hi, names.Draw(t, "to"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func anyRange(t *rapid.T) (lo, hi shard.Slot) {
	a := rapid.Uint16Range(0, shard.Slots-1).Draw(t, "a")
	b := rapid.Uint16Range(0, shard.Slots-1).Draw(t, "b")
	return shard.Slot(min(a, b)), shard.Slot(max(a, b))
}

func TestAMoveChangesOnlyItsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMap(t)
		before := m.String()
		lo, hi := anyRange(t)
		to := rapid.SampledFrom([]shard.ID{"s0", "s1", "new"}).Draw(t, "target")
		next, err := m.Move(lo, hi, to)
		if err != nil {
			t.Fatal(err)
		}
		if next.Version() != m.Version()+1 || m.String() != before {
			t.Fatal("the version is not the next one, or the old map changed")
		}
		for s := range shard.Slot(shard.Slots) {
			was, had := m.Shard(s)
			is, has := next.Shard(s)
			if s >= lo && s <= hi {
				was, had = to, true
			}
			if was != is || had != has {
				t.Fatalf("slot %d: %q, want %q", s, is, was)
			}
		}
		checkRanges(t, next)
	})
}

// checkRanges compares the two ways in which a map says the same.
func checkRanges(t *rapid.T, m *shard.Map) {
	all := m.Ranges()
	for i, r := range all {
		for s := int(r.Lo); s <= int(r.Hi); s++ {
			if !m.Owns(r.Shard, shard.Slot(s)) || m.Shards()[m.Index(shard.Slot(s))] != r.Shard {
				t.Fatalf("slot %d is not %s's", s, r.Shard)
			}
		}
		if i > 0 && (r.Lo <= all[i-1].Hi || r.Lo == all[i-1].Hi+1 && r.Shard == all[i-1].Shard) {
			t.Fatalf("ranges %d and %d overlap or could be one", i-1, i)
		}
	}
}

func TestABadMoveIsRefused(t *testing.T) {
	m, err := shard.Even(1, "s0", "s1")
	require.NoError(t, err)
	_, err = m.Move(5, 4, "s1")
	require.ErrorContains(t, err, "ends before it starts")
	_, err = m.Move(0, shard.Slots, "s1")
	require.ErrorContains(t, err, "beyond the last slot")
	_, err = m.Move(0, 4, "S 1")
	require.ErrorContains(t, err, "not a shard's name")
}

func TestAMapComesBackFromItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMap(t)
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back shard.Map
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if !back.Equal(m) || back.String() != m.String() {
			t.Fatalf("%s came back as %s", m, &back)
		}
	})
}

func TestTheJSONOfAMap(t *testing.T) {
	m, err := shard.Even(3, "s0", "s1")
	require.NoError(t, err)
	data, err := json.Marshal(m)
	require.NoError(t, err)
	require.Equal(t, `{"version":3,"slots":16384,"ranges":[{"lo":0,"hi":8191,"shard":"s0"},`+
		`{"lo":8192,"hi":16383,"shard":"s1"}]}`, string(data))

	require.ErrorContains(t, json.Unmarshal(data, m), "immutable")
	for _, bad := range []string{
		`{}`, `[]`, `null1`, `{"version":1,"slots":16384}`,
		`{"version":1,"slots":4096,"ranges":[{"lo":0,"hi":16383,"shard":"s0"}]}`,
		`{"version":1,"slots":16384,"ranges":[{"lo":0,"hi":16383,"shard":"s0"}],"extra":1}`,
		`{"version":1,"slots":16384,"ranges":[{"lo":0,"hi":16382,"shard":"s0"}]}`,
		`{"version":1,"slots":16384,"ranges":[{"lo":-1,"hi":16383,"shard":"s0"}]}`,
		`{"version":1,"slots":16384,"ranges":[{"lo":0,"hi":99999,"shard":"s0"}]}`,
		`{"version":0,"slots":16384,"ranges":[{"lo":0,"hi":16383,"shard":"s0"}]}`,
	} {
		var into shard.Map
		require.Error(t, json.Unmarshal([]byte(bad), &into), bad)
		require.Zero(t, into.Version())
	}
}

func TestEqualMapsHaveOneVersionAndOnePlaceForEachSlot(t *testing.T) {
	a, err := shard.Even(1, "s0", "s1")
	require.NoError(t, err)
	b, err := shard.NewMap(1, []shard.Range{{8192, 16383, "s1"}, {4000, 8191, "s0"}, {0, 3999, "s0"}})
	require.NoError(t, err)
	later, err := shard.NewMap(2, a.Ranges())
	require.NoError(t, err)
	moved, err := a.Move(0, 0, "s1")
	require.NoError(t, err)
	require.True(t, a.Equal(b))
	require.False(t, a.Equal(later))
	require.False(t, later.Equal(moved))
}

func TestNamesOfShards(t *testing.T) {
	for _, good := range []string{"s0", "a", "eu-west_1", strings.Repeat("a", 63)} {
		require.True(t, shard.ValidID(good), good)
		require.NoError(t, shard.ID(good).Validate())
	}
	for _, bad := range []string{"", "0", "S0", "-a", "_a", "a b", "a'b", "a\x00", "ä", "a:b", strings.Repeat("a", 64)} {
		require.False(t, shard.ValidID(bad), bad)
		require.Error(t, shard.ID(bad).Validate())
	}
}

func TestTheFingerprintNamesWhatPlacementDependsOn(t *testing.T) {
	// Stored in every shard: a change of this text is a change of the cluster's format.
	require.Equal(t, "xxhash64>>50 slots=16384 canonical=1 cluster=c1", shard.Fingerprint("c1"))
	require.NotEqual(t, shard.Fingerprint("c1"), shard.Fingerprint("c2"))
}

package importer

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

func TestKeysAreReadOutOfCopyText(t *testing.T) {
	texts := []catalog.KeyColumn{{Name: "k", Type: shard.Text}}
	for line, want := range map[string]string{
		"a\tb\n":                                 "b",
		"a\tb\tc\n":                              "b",
		"a\tb":                                   "b",
		`x` + "\t" + `\\N`:                       `\N`,
		"x\t" + `a\tb\nc\\d\be\ff\rg\vh` + "\ty": "a\tb\nc\\d\be\ff\rg\vh",
	} {
		k, err := newKeyReader(texts, []int{1}).key([]byte(line))
		require.NoError(t, err, "%q", line)
		require.Equal(t, shard.String(want), k, "%q", line)
	}
	_, err := newKeyReader(texts, []int{1}).key([]byte("a\t\\N\tb\n"))
	require.ErrorIs(t, err, errNullKey)
	_, err = newKeyReader(texts, []int{1}).key([]byte("a\t\tb\n"))
	require.Error(t, err, "an empty key is none")
	_, err = newKeyReader(texts, []int{3}).key([]byte("a\tb\n"))
	require.ErrorContains(t, err, "too few fields")

	pair := []catalog.KeyColumn{{Name: "a", Type: shard.Int8}, {Name: "b", Type: shard.Text}}
	k, err := newKeyReader(pair, []int{2, 0}).key([]byte("eu\tx\t-7\n"))
	require.NoError(t, err)
	require.Equal(t, shard.Composite(shard.Int64(-7), shard.String("eu")), k)
}

// The database refuses misplaced rows by itself, so that the check of places can
// only be shown on lines.
func TestARowOnTheWrongShardOrWithTheWrongSlotIsCounted(t *testing.T) {
	slots, err := shard.Even(1, "s0", "s1")
	require.NoError(t, err)
	on := make(map[shard.ID]int64)
	for k := int64(1); len(on) < 2; k++ {
		id, _ := slots.Shard(shard.Int64(k).Slot())
		on[id] = k
	}
	check := func(key int64, slot shard.Slot) int64 {
		c := &placeChecker{keys: newKeyReader([]catalog.KeyColumn{{Name: "k", Type: shard.Int8}}, []int{0}), slots: slots, shard: "s0", hasSlot: true}
		_, err := c.Write(fmt.Appendf(nil, "%d\t%d\n", key, slot))
		require.NoError(t, err)
		return c.wrong
	}
	require.Zero(t, check(on["s0"], shard.Int64(on["s0"]).Slot()))
	require.EqualValues(t, 1, check(on["s1"], shard.Int64(on["s1"]).Slot()), "the key is another shard's")
	require.EqualValues(t, 1, check(on["s0"], shard.Int64(on["s0"]).Slot()+1), "the slot is not the key's")
}

func BenchmarkKeyOfALine(b *testing.B) {
	line := []byte("123456\t1\t0\t" + "                                                                                    \n")
	r := newKeyReader([]catalog.KeyColumn{{Name: "aid", Type: shard.Int4}}, []int{0})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.key(line); err != nil {
			b.Fatal(err)
		}
	}
}

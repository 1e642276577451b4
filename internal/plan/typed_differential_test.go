package plan_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// TestAcceptedStatementsGiveWhatOneServerGivesByTypes does so with keys and columns of every type.
func TestAcceptedStatementsGiveWhatOneServerGivesByTypes(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 7))
	w := newWorld(t, typedModel, typedRows(r))
	for range n {
		g := newTyped(&generator{t: t, r: r, pin: 0.4 + 0.5*r.Float64()})
		if r.IntN(4) == 0 {
			sql, table := g.write()
			sql, args := g.numbered(sql)
			w.compareWrite(sql, []string{table}, args)
			continue
		}
		sql, _ := g.query()
		w.compareRead(g.numbered(sql))
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/40, "the generator makes too few statements that are accepted")
}

// TestScatteredStatementsGiveWhatOneServerGivesByTypes does so for reads of several shards, with rows on two.
func TestScatteredStatementsGiveWhatOneServerGivesByTypes(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 8))
	w := newScatterWorld(t, typedModel, typedRows(r))
	for range n {
		g := newTyped(&generator{t: t, r: r, pin: 0.05})
		sql, ordered := g.query()
		sql, args := g.numbered(sql)
		w.compareScatter(sql, args, ordered)
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.Greater(t, w.counts["accepted: right"], n/40, "the generator makes too few statements that are accepted")
}

// TestScopedStatementsSeeOneTenantByTypes does so on handles for one key.
func TestScopedStatementsSeeOneTenantByTypes(t *testing.T) {
	n, seed := diffSize(t, 3000)
	r := rand.New(rand.NewPCG(seed, 9))
	keys := []shard.Key{shard.Int64(1), shard.Int64(9007199254740993), shard.String("a"), shard.String("a "), typedModel.keys["u"+typedUUIDs[0]], shard.Bytes([]byte("a"))}
	w := newWorld(t, typedModel, typedRows(r), keys...)
	for range n {
		i := r.IntN(len(keys))
		g := newTyped(&generator{t: t, r: r, handle: 1, pin: 0.2 * r.Float64()}) // any handle: a uuid is another key in a column of text
		if r.IntN(8) > 0 {
			g.class = []int{classNumber, classNumber, classText, classText, classUUID, classBytes}[i]
		}
		if r.IntN(4) == 0 {
			sql, table := g.write()
			sql, args := g.numbered(sql)
			w.compareScopedWrite(keys[i], sql, []string{table}, args)
			continue
		}
		sql, _ := g.query()
		sql, args := g.numbered(sql)
		w.compareScopedRead(keys[i], sql, args)
	}
	w.report()
	require.Zero(t, w.counts["WRONG"])
	require.LessOrEqual(t, w.counts["accepted: fails on the rows of others"], 3+n/1000)
	require.Greater(t, w.counts["accepted: right"], n/40, "the generator makes too few statements that are accepted")
}

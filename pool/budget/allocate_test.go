package budget_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/pool/budget"
)

func claims(t *rapid.T) []budget.Claim {
	n := rapid.IntRange(0, 12).Draw(t, "n")
	out := make([]budget.Claim, n)
	for i := range out {
		out[i] = budget.Claim{
			ID:     fmt.Sprintf("p%02d", i),
			Weight: rapid.IntRange(0, 5).Draw(t, "weight"),
			Floor:  rapid.IntRange(-1, 6).Draw(t, "floor"),
			Most:   rapid.IntRange(-1, 40).Draw(t, "most"),
			Demand: rapid.IntRange(-1, 50).Draw(t, "demand"),
		}
	}
	return out
}

// normal is the claim as Allocate understands it.
func normal(c budget.Claim) budget.Claim {
	c.Weight, c.Most = max(c.Weight, 1), max(c.Most, 0)
	c.Floor = min(max(c.Floor, 0), c.Most)
	c.Demand = min(max(c.Demand, c.Floor), c.Most)
	return c
}

func sum(of []int) (n int) {
	for _, x := range of {
		n += x
	}
	return n
}

func TestSharesKeepTheirInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(-1, 200).Draw(t, "total")
		cs := claims(t)
		got := budget.Allocate(total, cs)
		floors, most, demand := 0, 0, 0
		for i := range cs {
			cs[i] = normal(cs[i])
			floors, most, demand = floors+cs[i].Floor, most+cs[i].Most, demand+cs[i].Demand
		}
		total = max(total, 0)
		require.LessOrEqual(t, sum(got), total, "P1: no more than there is")
		require.Equal(t, min(total, most), sum(got), "P4: nothing is left while somebody can take it")
		for i, c := range cs {
			require.GreaterOrEqual(t, got[i], 0, "P2")
			require.LessOrEqual(t, got[i], c.Most, "P2: never above Most")
			if floors <= total {
				require.GreaterOrEqual(t, got[i], c.Floor, "P3: floors first")
			}
			if demand <= total {
				require.GreaterOrEqual(t, got[i], c.Demand, "what all demand fits, so all have it")
			}
			for j, d := range cs {
				if i == j || got[i] >= c.Demand || got[j] <= d.Floor {
					continue
				}
				require.LessOrEqual(t, (got[j]-1)*c.Weight, got[i]*d.Weight,
					"P5: %s starves while %s has more for its weight", c.ID, d.ID)
			}
		}
	})
}

func TestMoreForAllIsNeverLessForOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 200).Draw(t, "total")
		cs := claims(t)
		before, after := budget.Allocate(total, cs), budget.Allocate(total+1, cs)
		for i := range cs {
			require.GreaterOrEqual(t, after[i], before[i], "P6: monotone in the total")
		}
	})
}

func TestTheOrderOfTheClaimsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 200).Draw(t, "total")
		cs := claims(t)
		want := map[string]int{}
		for i, n := range budget.Allocate(total, cs) {
			want[cs[i].ID] = n
		}
		order := rapid.Permutation(cs).Draw(t, "order")
		for i, n := range budget.Allocate(total, order) {
			require.Equal(t, want[order[i].ID], n, "P7: %s", order[i].ID)
		}
	})
}

func TestAskingForMoreNeverGivesLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 200).Draw(t, "total")
		cs := claims(t)
		if len(cs) == 0 {
			return
		}
		i := rapid.IntRange(0, len(cs)-1).Draw(t, "who")
		before := budget.Allocate(total, cs)[i]
		cs[i].Demand += rapid.IntRange(1, 20).Draw(t, "more")
		require.GreaterOrEqual(t, budget.Allocate(total, cs)[i], before, "P8")
	})
}

// TestTheFastWayGivesWhatTheObviousOneDoes: the reference searches all claims for each connection.
func TestTheFastWayGivesWhatTheObviousOneDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 200).Draw(t, "total")
		cs := claims(t)
		require.Equal(t, obvious(total, cs), budget.Allocate(total, cs))
	})
}

func obvious(total int, cs []budget.Claim) []int {
	share := make([]int, len(cs))
	for i := range cs {
		cs[i] = normal(cs[i])
	}
	for served := true; served && total > 0; {
		served = false
		for i, c := range cs { // drawn in the order of their IDs
			if total > 0 && share[i] < c.Floor {
				share[i]++
				total--
				served = true
			}
		}
	}
	for _, target := range []func(budget.Claim) int{
		func(c budget.Claim) int { return c.Demand }, func(c budget.Claim) int { return c.Most },
	} {
		for total > 0 {
			best := -1
			for i, c := range cs {
				if share[i] < target(c) && (best < 0 || share[i]*cs[best].Weight < share[best]*c.Weight) {
					best = i
				}
			}
			if best < 0 {
				break
			}
			share[best]++
			total--
		}
	}
	return share
}

func TestAllocateAllocatesAFewTimesAndNotPerConnection(t *testing.T) {
	cs := large()
	few := testing.AllocsPerRun(5, func() { budget.Allocate(500, cs) })
	many := testing.AllocsPerRun(5, func() { require.Equal(t, 5000, sum(budget.Allocate(5000, cs))) })
	require.LessOrEqual(t, many, few+8, "5000 connections over 200 processes")
}

func large() []budget.Claim {
	r := rand.New(rand.NewPCG(1, 2))
	cs := make([]budget.Claim, 200)
	for i := range cs {
		cs[i] = budget.Claim{ID: fmt.Sprint(i), Weight: 1 + r.IntN(3), Most: 5000, Demand: r.IntN(60)}
	}
	return cs
}

func BenchmarkAllocate(b *testing.B) {
	cs := large()
	b.ReportAllocs()
	for b.Loop() {
		budget.Allocate(5000, cs)
	}
}

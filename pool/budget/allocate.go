package budget

import (
	"cmp"
	"slices"
)

// A Claim is one party's claim to a share of a total.
type Claim struct {
	ID     string // unique; ties are broken by it, so that every process computes the same shares
	Weight int    // share relative to the others' when there is not enough; below 1 means 1
	Floor  int    // served before anything else; negative means 0
	Most   int    // never exceeded, not by Floor either; negative means 0
	Demand int    // what the party can use now, Floor included
}

// Allocate divides total over the claims and returns each one's share, in the order of the claims:
//
//  1. floors; when they do not all fit, one by one in the order of the IDs;
//  2. one at a time to the claim with the smallest share for its weight that is below its demand (weighted max-min);
//  3. what nobody demands in the same way up to Most, so that a burst finds it there.
//
// So the shares' sum is the total, or the sum of Most where that is less. It takes O(total * log claims).
func Allocate(total int, claims []Claim) []int {
	a := allocation{left: max(total, 0), claims: slices.Clone(claims), share: make([]int, len(claims)),
		order: make([]int, len(claims)), rank: make([]int, len(claims))}
	for i := range a.claims {
		a.order[i] = i
		c := &a.claims[i]
		c.Weight, c.Most = max(c.Weight, 1), max(c.Most, 0)
		c.Floor = min(max(c.Floor, 0), c.Most)
		c.Demand = min(max(c.Demand, c.Floor), c.Most)
	}
	slices.SortFunc(a.order, func(i, j int) int { return cmp.Compare(a.claims[i].ID, a.claims[j].ID) })
	for rank, i := range a.order {
		a.rank[i] = rank
	}
	a.floors()
	a.fill(func(c *Claim) int { return c.Demand })
	a.fill(func(c *Claim) int { return c.Most })
	return a.share
}

type allocation struct {
	left   int
	claims []Claim
	share  []int
	order  []int // indexes of claims by ID
	rank   []int // the place of each claim in order
	heap   []int // indexes of claims below their target, the next one to be served first
	target func(*Claim) int
}

// floors serves the floors, round by round, so that a total that is too small is spread.
func (a *allocation) floors() {
	for a.left > 0 {
		before := a.left
		for _, i := range a.order {
			if a.left > 0 && a.share[i] < a.claims[i].Floor {
				a.share[i]++
				a.left--
			}
		}
		if a.left == before {
			return
		}
	}
}

// fill gives what is left, one at a time, to whoever has least for its weight and is below its target.
func (a *allocation) fill(target func(*Claim) int) {
	a.heap, a.target = a.heap[:0], target
	for i := range a.claims {
		if a.share[i] < target(&a.claims[i]) {
			a.heap = append(a.heap, i)
		}
	}
	for at := len(a.heap)/2 - 1; at >= 0; at-- {
		a.sink(at)
	}
	for a.left > 0 && len(a.heap) > 0 {
		first := a.heap[0]
		a.share[first]++
		a.left--
		if a.share[first] >= target(&a.claims[first]) {
			last := len(a.heap) - 1
			a.heap[0] = a.heap[last]
			a.heap = a.heap[:last]
		}
		a.sink(0)
	}
}

// sink restores the heap below at.
func (a *allocation) sink(at int) {
	for {
		child := 2*at + 1
		if child >= len(a.heap) {
			return
		}
		if right := child + 1; right < len(a.heap) && a.before(a.heap[right], a.heap[child]) {
			child = right
		}
		if !a.before(a.heap[child], a.heap[at]) {
			return
		}
		a.heap[at], a.heap[child] = a.heap[child], a.heap[at]
		at = child
	}
}

// before reports whether i is served before j. Shares per weight are compared by cross-multiplication: fractions would
// round differently on different machines.
func (a *allocation) before(i, j int) bool {
	left, right := int64(a.share[i])*int64(a.claims[j].Weight), int64(a.share[j])*int64(a.claims[i].Weight)
	if left != right {
		return left < right
	}
	return a.rank[i] < a.rank[j]
}

package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
)

func TestScatterPlansAreKeptApart(t *testing.T) {
	c := plan.NewCache(4)
	s, err := c.Scatter("select sum(ratio) from orders", fixture, "app", false)
	require.NoError(t, err)
	again, err := c.Scatter("select sum(ratio) from orders", fixture, "app", false)
	require.NoError(t, err)
	require.Same(t, s, again)
	other, err := c.Scatter("select sum(ratio) from orders", fixture, "app", true)
	require.NoError(t, err)
	require.NotSame(t, s, other)
	_, err = c.Get("select sum(ratio) from orders", fixture, "app", plan.Unscoped)
	require.Error(t, err)
	require.Equal(t, 3, c.Len())
}

func TestPagesAreKeptWithTheOtherPlans(t *testing.T) {
	c := plan.NewCache(5)
	const text = "select id from orders order by tenant_id, id"
	p, err := c.Page(text, paged, "app", plan.Unscoped)
	require.NoError(t, err)
	again, err := c.Page(strings.Clone(text), paged, "app", plan.Unscoped)
	require.NoError(t, err)
	require.Same(t, p, again)
	scoped, err := c.Page(text, paged, "app", plan.Scoped)
	require.NoError(t, err)
	require.NotSame(t, p, scoped, "ForKey needs no key column in the order")
	require.False(t, p.Proven())
	require.Error(t, p.Total(func(*catalog.Table) [][]string { return nil }))
	require.False(t, p.Proven())
	require.NoError(t, p.Total(pagedUnique))
	require.True(t, p.Proven())
	require.False(t, scoped.Proven())
	_, err = c.Get(text, paged, "app", plan.Unscoped)
	require.Error(t, err, "it names no key")
	_, err1 := c.Page("select id from orders", paged, "app", plan.Unscoped)
	_, err2 := c.Page("select id from orders", paged, "app", plan.Unscoped)
	require.Error(t, err1)
	require.Same(t, err1, err2)
	require.Equal(t, 4, c.Len())

	_, err = c.Page(text, catalog.NewRegistry(2), "app", plan.Unscoped)
	require.Error(t, err, "of another registry")
	for i := range 20 {
		_, err = c.Page(fmt.Sprintf("select %d from orders order by tenant_id, id", i), paged, "app", plan.Unscoped)
		require.NoError(t, err)
	}
	require.Equal(t, 5, c.Len(), "the bound")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Page("select 19 from orders order by tenant_id, id", paged, "app", plan.Unscoped) }))
	_, err = c.Page("select id from orders order by tenant_id, id --"+strings.Repeat("x", 17<<10), paged, "app", plan.Unscoped)
	require.NoError(t, err, "too long to be kept")
	require.Equal(t, 5, c.Len())
}

func TestCacheReturnsTheSamePlanAndTheSameRefusal(t *testing.T) {
	c := plan.NewCache(10)
	p1, err := c.Get(pointSelect, fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	p2, err := c.Get(strings.Clone(pointSelect), fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	require.Same(t, p1, p2)

	_, err1 := c.Get("select * from orders", fixture, "app", plan.Unscoped)
	_, err2 := c.Get("select * from orders", fixture, "app", plan.Unscoped)
	require.Error(t, err1)
	require.Same(t, err1, err2)
	require.Equal(t, 2, c.Len())
}

func TestCacheKeepsRegistriesSchemasAndScopesApart(t *testing.T) {
	other := catalog.NewRegistry(2)
	c := plan.NewCache(10)
	_, err := c.Get(pointSelect, fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	_, err = c.Get(pointSelect, other, "app", plan.Unscoped)
	require.Error(t, err)
	_, err = c.Get(pointSelect, fixture, "elsewhere", plan.Unscoped)
	require.Error(t, err)
	_, err = c.Get("select * from orders", fixture, "app", plan.Unscoped)
	require.Error(t, err)
	_, err = c.Get("select * from orders", fixture, "app", plan.Scoped)
	require.NoError(t, err)
	require.Equal(t, 5, c.Len())
}

func TestCacheDoesNotKeepLargeTexts(t *testing.T) {
	c := plan.NewCache(10)
	_, err := c.Get("select 1 -- "+strings.Repeat("x", 20<<10), fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	require.Zero(t, c.Len())
}

// clock is the model: a ring whose hand skips what was used since it last passed.
type clock struct {
	ring []string
	used map[string]bool
	hand int
	max  int
}

func (m *clock) get(text string) {
	if slices.Contains(m.ring, text) {
		m.used[text] = true
		return
	}
	if len(m.ring) < m.max {
		m.ring = append(m.ring, text)
		return
	}
	for m.used[m.ring[m.hand]] {
		m.used[m.ring[m.hand]] = false
		m.hand = (m.hand + 1) % m.max
	}
	m.ring[m.hand] = text
	m.hand = (m.hand + 1) % m.max
}

func TestCacheKeepsWhatAClockKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 8).Draw(t, "size")
		c, m := plan.NewCache(size), &clock{used: map[string]bool{}, max: size}
		last := map[string]*plan.Plan{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			text := fmt.Sprintf("select %d", rapid.IntRange(0, 12).Draw(t, "text"))
			kept := false
			for _, x := range m.ring {
				kept = kept || x == text
			}
			p, err := c.Get(text, fixture, "app", plan.Unscoped)
			if err != nil || p.Text != text {
				t.Fatalf("the plan of %q is %v, %v", text, p, err)
			}
			if kept != (last[text] == p) {
				t.Fatalf("%q: kept %v by the model, %v by the cache", text, kept, last[text] == p)
			}
			last[text] = p
			m.get(text)
			if c.Len() != len(m.ring) {
				t.Fatalf("%d entries, %d by the model", c.Len(), len(m.ring))
			}
		}
	})
}

func TestCacheStaysBoundedUnderManyGoroutinesAndVersions(t *testing.T) {
	c := plan.NewCache(16)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				text := fmt.Sprintf("select %d", (i*7+g)%40)
				p, err := c.Get(text, catalog.NewRegistry(int64(i%50)), "app", plan.Scope(i%2))
				if err != nil || p.Text != text {
					t.Errorf("the plan of %q is %v, %v", text, p, err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, c.Len(), 16)
}

func TestACacheHitAllocatesNothing(t *testing.T) {
	c := plan.NewCache(16)
	_, _ = c.Get(pointSelect, fixture, "app", plan.Unscoped)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Get(pointSelect, fixture, "app", plan.Unscoped) }))
}

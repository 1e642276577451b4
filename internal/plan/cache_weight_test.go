package plan_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// numbers are n different constants in a list, of about six bytes each.
func numbers(i, n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, ", %d", 1000+(i*31+k)%9000)
	}
	return b.String()[2:]
}

// inUse is the heap, without what is garbage.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestTextsThatNeverComeAgainTakeABoundedHeap(t *testing.T) {
	const size, texts = 16, 40
	owners := make([][]shard.Range, 24)
	for i := range owners {
		lo := shard.Slot(i * 600)
		owners[i] = []shard.Range{{Lo: lo, Hi: lo + 599, Shard: "s0"}}
	}
	for name, text := range map[string]func(i int) string{
		"rows of a key": func(i int) string {
			return fmt.Sprintf("insert into orders (tenant_id, id) values (%d, 1)", i) + strings.Repeat(fmt.Sprintf(", (%d, 2)", i), 300)
		},
		"a list of keys": func(i int) string {
			return fmt.Sprintf("select %d from orders where tenant_id in (%s)", i, numbers(i, 500))
		},
		"a list of others": func(i int) string {
			return fmt.Sprintf("select %d from orders where id in (%s)", i, numbers(i, 500))
		},
		"a page": func(i int) string {
			return fmt.Sprintf("select %d from orders where id in (%s) order by tenant_id, id", i, numbers(i, 500))
		},
		"short": func(i int) string { return fmt.Sprintf("select id from orders where id > %d", i) },
	} {
		c := plan.NewCache(size)
		before := inUse()
		for i := range texts {
			text := text(i)
			_, _ = c.Get(text, fixture, "app", plan.Unscoped)
			_, _ = c.Page(text, paged, "app", plan.Unscoped)
			s, err := c.Scatter(text, fixture, "app", false)
			if err != nil {
				continue
			}
			b, err := s.Bind(nil)
			require.NoError(t, err, name)
			for _, o := range owners {
				_, _ = b.Shard(plan.Unasked, o, nil, time.Time{})
			}
		}
		took := inUse() - before
		t.Logf("%s: %d plans, %d kB", name, c.Len(), took>>10)
		require.Positive(t, c.Len(), name)
		require.Less(t, took, int64(size*(16<<10)*2), "%s: about the bound, where the rest of the process may have grown too", name)
		runtime.KeepAlive(c)
	}
}

func TestALargePlanTakesThePlaceOfOthersThatWereNotUsed(t *testing.T) {
	c := plan.NewCache(8) // 128 KiB
	large := func(i int) string {
		return fmt.Sprintf("insert into orders (tenant_id, id) values (%d, 1)", i) + strings.Repeat(", (1, 2)", 300)
	}
	again := func(text string) *plan.Plan {
		p, err := c.Get(text, fixture, "app", plan.Unscoped)
		require.NoError(t, err)
		return p
	}
	kept := again(pointSelect)
	for i := range 20 {
		again(large(i))
		require.Same(t, kept, again(pointSelect), "what is used stays")
		require.LessOrEqual(t, c.Len(), 3)
	}
	require.Same(t, again(large(19)), again(large(19)), "and so does the newest")
	few := plan.NewCache(1)
	p1, err := few.Get(large(1), fixture, "app", plan.Unscoped)
	require.NoError(t, err)
	require.NotNil(t, p1)
	require.Zero(t, few.Len(), "one that is larger than all may be is not kept")
}

package plan_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

const pointSelect = "select id, total, state from orders where tenant_id = $1 and id = $2"

// BenchmarkSyncMap is the twin of BenchmarkCacheHit: the same lookup in a bare sync.Map by the text alone, unbounded.
func BenchmarkSyncMap(b *testing.B) {
	var m sync.Map
	p, err := plan.Build(pointSelect, fixture, "app", plan.Unscoped)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		m.Store(fmt.Sprintf("select %d", i), p)
	}
	m.Store(pointSelect, p)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := m.Load(pointSelect); !ok {
				b.Fail()
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, ok := m.Load(pointSelect); !ok {
					b.Fail()
				}
			}
		})
	})
}

func BenchmarkCacheHit(b *testing.B) {
	c := plan.NewCache(4096)
	for i := range 1000 {
		_, _ = c.Get(fmt.Sprintf("select %d", i), fixture, "app", plan.Unscoped)
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Get(pointSelect, fixture, "app", plan.Unscoped); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Get(pointSelect, fixture, "app", plan.Unscoped); err != nil {
					b.Fail()
				}
			}
		})
	})
}

// typical are statements of everyday shapes, with the allocations that reading and planning each may make.
var typical = []struct {
	name, sql string
	scatter   bool
	allocs    float64
}{
	{"point", pointSelect, false, 66},
	{"join of three", "select o.id, i.sku, p.name from orders o join items i on i.tenant_id = o.tenant_id and i.order_id = o.id " +
		"left join plans p on p.id = o.plan_id where o.tenant_id = $1 and o.state = $2 order by o.id desc limit 20", false, 150},
	{"upsert", "insert into orders (tenant_id, id, plan_id, total, state) values ($1, $2, $3, $4, $5) " +
		"on conflict (tenant_id, id) do update set total = excluded.total, state = excluded.state returning id, total", false, 112},
	{"scatter group", "select state, count(*), sum(total), max(id) from orders where plan_id = $1 group by state order by 2 desc limit 10", true, 240},
}

func buildTypical(sql string, scatter bool) (err error) {
	if scatter {
		_, err = plan.BuildScatter(sql, fixture, "app", false)
	} else {
		_, err = plan.Build(sql, fixture, "app", plan.Unscoped)
	}
	return err
}

// BenchmarkBuild is what a text costs that the cache does not have: to be read and planned.
func BenchmarkBuild(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := buildTypical(c.sql, c.scatter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestBuildAllocatesLittle(t *testing.T) {
	for _, c := range typical {
		n := testing.AllocsPerRun(200, func() {
			if err := buildTypical(c.sql, c.scatter); err != nil {
				t.Fatal(err)
			}
		})
		require.LessOrEqual(t, n, c.allocs, c.name)
	}
}

func BenchmarkBind(b *testing.B) {
	for _, c := range []struct {
		name, sql string
		args      []any
	}{
		{"int64", pointSelect, []any{int64(7), int64(8)}},
		{"string", "select * from docs where org = $1", []any{"acme"}},
		{"uuid", "select * from devices where uid = $1", []any{[16]byte{1, 2, 3}}},
		{"insert", "insert into orders (tenant_id, id) values ($1, $2)", []any{int64(7), int64(8)}},
		{"composite", "select * from legs where region = $1 and num = $2", []any{"eu", int64(8)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, err := plan.Build(c.sql, fixture, "app", plan.Unscoped)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Bind(c.args, shard.Key{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

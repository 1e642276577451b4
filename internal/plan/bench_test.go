package plan_test

import (
	"fmt"
	"sync"
	"testing"

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

func BenchmarkBuild(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.Build(pointSelect, fixture, "app", plan.Unscoped); err != nil {
			b.Fatal(err)
		}
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

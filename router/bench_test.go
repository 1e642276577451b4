package router

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// stub is a backend that does nothing: what is left is routing.
type stub struct{ rows pgx.Rows }

func (s *stub) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, nil
}
func (s *stub) Query(context.Context, string, ...any) (pgx.Rows, error) { return s.rows, nil }

// stubRows has one row.
type stubRows struct {
	pgx.Rows
}

func (stubRows) Next() bool        { return true }
func (stubRows) Scan(...any) error { return nil }
func (stubRows) Close()            {}
func (stubRows) Err() error        { return nil }

// stubbed is a DB of four shards over stubs.
func stubbed() (*DB, *stub) {
	slots, err := shard.Even(1, "s0", "s1", "s2", "s3")
	if err != nil {
		panic(err)
	}
	columns := []catalog.Column{
		{Name: "tenant_id", Type: "bigint", OID: 20, NotNull: true}, {Name: "id", Type: "bigint", OID: 20, NotNull: true},
		{Name: "state", Type: "text", OID: 25}, {Name: "slot", Type: "smallint", OID: 21, NotNull: true},
	}
	orders := &catalog.Table{
		Schema: "public", Name: "orders", OID: 1, Kind: catalog.Sharded, HasSlot: true, Columns: columns,
		Key: []catalog.KeyColumn{{Name: "tenant_id", Type: shard.Int8}},
	}
	s := &stub{rows: stubRows{}}
	db := &DB{schema: "public", plans: plan.NewCache(64), nodes: map[shard.ID]*node{}}
	for _, id := range slots.Shards() {
		db.nodes[id] = &node{id: id, backend: s}
	}
	db.loader = &loader{db: db}
	db.current.Store(newSnapshot(slots, catalog.NewRegistry(1, orders), db.nodes))
	return db, s
}

const (
	benchSelect = "select id, state from orders where tenant_id = $1 and id = $2"
	benchUpdate = "update orders set state = $1 where tenant_id = $2 and id = $3"
	benchInsert = "insert into orders (tenant_id, id, state) values ($1, $2, $3)"
)

// args are boxed once: what a caller's own arguments cost is the same with and without routing.
var (
	selectArgs = []any{int64(4711), int64(1)}
	updateArgs = []any{"paid", int64(4711), int64(1)}
	insertArgs = []any{int64(4711), int64(1), "new"}
)

// TestRoutingAllocatesNothing is exact: no allocation above the backend's own, and two for the slot of an INSERT or
// the key of a scope.
func TestRoutingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops what it holds at random under the race detector")
	}
	db, _ := stubbed()
	ctx := context.Background()
	scoped := db.ForKey(shard.Int64(4711))
	inContext := WithKey(ctx, shard.Int64(4711))
	for name, c := range map[string]struct {
		most float64
		run  func() error
	}{
		"Exec": {0, func() error { _, err := db.Exec(ctx, benchUpdate, updateArgs...); return err }},
		"Query": {0, func() error {
			rows, err := db.Query(ctx, benchSelect, selectArgs...)
			if err == nil {
				rows.Close()
			}
			return err
		}},
		"QueryRow": {0, func() error { return db.QueryRow(ctx, benchSelect, selectArgs...).Scan() }},
		"INSERT":   {2, func() error { _, err := db.Exec(ctx, benchInsert, insertArgs...); return err }},
		"ForKey":   {2, func() error { _, err := scoped.Exec(ctx, benchUpdate, updateArgs...); return err }},
		"WithKey":  {2, func() error { _, err := db.Exec(inContext, benchUpdate, updateArgs...); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
			if got := testing.AllocsPerRun(1000, func() { _ = c.run() }); got > c.most {
				t.Errorf("%v allocations, at most %v are allowed", got, c.most)
			}
		})
	}
}

func BenchmarkStubExec(b *testing.B) {
	_, s := stubbed()
	ctx := context.Background()
	var be backend = s
	b.ReportAllocs()
	for b.Loop() {
		_, _ = be.Exec(ctx, benchUpdate, updateArgs...)
	}
}

func BenchmarkRoutedExec(b *testing.B) {
	db, _ := stubbed()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Exec(ctx, benchUpdate, updateArgs...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStubQueryRow(b *testing.B) {
	_, s := stubbed()
	ctx := context.Background()
	var be backend = s
	b.ReportAllocs()
	for b.Loop() {
		rows, _ := be.Query(ctx, benchSelect, selectArgs...)
		rows.Next()
		_ = rows.Scan()
		rows.Close()
	}
}

func BenchmarkRoutedQueryRow(b *testing.B) {
	db, _ := stubbed()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := db.QueryRow(ctx, benchSelect, selectArgs...).Scan(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoutedInsert(b *testing.B) {
	db, _ := stubbed()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Exec(ctx, benchInsert, insertArgs...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoutedQueryRowParallel(b *testing.B) {
	db, _ := stubbed()
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := db.QueryRow(ctx, benchSelect, selectArgs...).Scan(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkKeyToShard(b *testing.B) {
	db, _ := stubbed()
	b.ReportAllocs()
	k := int64(0)
	for b.Loop() {
		k++
		s := db.current.Load()
		if _, err := s.owner(shard.Int64(k).Slot()); err != nil {
			b.Fatal(err)
		}
	}
}

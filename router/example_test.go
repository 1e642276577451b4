package router_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	sq "github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// examples is the cluster of the examples: two shards on one private server.
var examples struct {
	once    sync.Once
	cluster *localpg.Cluster
	cfg     router.Config
	db      *router.DB
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func exampleDB() *router.DB {
	examples.once.Do(func() {
		ctx := context.Background()
		c, err := localpg.Start(ctx, localpg.Options{})
		must(err)
		examples.cluster = c
		_, err = c.Psql(ctx, "postgres", "postgres", "create database one; create database two;")
		must(err)
		role := router.Credential{User: "postgres"}
		examples.cfg = router.Config{
			Catalog:     "s0",
			Budget:      router.Budget{Connections: 20, Processes: 4},
			Credentials: router.Credentials{App: role, Migrator: role},
			Instances:   map[string]router.Instance{"pg": {Primary: c.Addr()}},
			Shards: map[shard.ID]router.Shard{
				"s0": {Instance: "pg", Database: "one"}, "s1": {Instance: "pg", Database: "two"},
			},
		}
		_, err = router.Init(ctx, examples.cfg, router.InitOptions{})
		must(err)
		for _, name := range []string{"one", "two"} {
			_, err = c.Psql(ctx, "postgres", name, shop)
			must(err)
		}
		examples.db, err = router.Open(ctx, examples.cfg)
		must(err)
	})
	return examples.db
}

// closeExamples ends what exampleDB made.
func closeExamples() error {
	if examples.cluster == nil {
		return nil
	}
	if examples.db != nil {
		examples.db.Close()
	}
	return examples.cluster.Close()
}

func Example() {
	ctx, db := context.Background(), exampleDB()

	_, err := db.Exec(ctx, "insert into orders (tenant_id, id, state, total) values ($1, $2, $3, $4)", 1001, 1, "new", 30)
	must(err)
	var state string
	must(db.QueryRow(ctx, "select state from orders where tenant_id = $1 and id = $2", 1001, 1).Scan(&state))
	fmt.Println(state)

	_, err = db.Exec(ctx, "update orders set state = 'paid' where id = 1")
	fmt.Println(errors.Is(err, router.ErrNoShardKey))
	// Output:
	// new
	// true
}

func ExampleGet() {
	ctx, db := context.Background(), exampleDB()
	type Order struct {
		TenantID int64
		ID       int64
		State    string
	}
	_, err := router.Exec(ctx, db, router.SQL.Insert("orders").SetMap(map[string]any{"tenant_id": 1002, "id": 7, "state": "new"}))
	must(err)
	order, err := router.Get[Order](ctx, db, router.SQL.
		Select("tenant_id", "id", "state").From("orders").Where(sq.Eq{"tenant_id": 1002, "id": 7}))
	fmt.Printf("%+v %v\n", order, err)
	_, err = router.Get[Order](ctx, db, router.Text("select tenant_id, id, state from orders where tenant_id = $1", 1))
	fmt.Println(errors.Is(err, router.ErrNoRows))
	// Output:
	// {TenantID:1002 ID:7 State:new} <nil>
	// true
}

func ExampleEach() {
	ctx, db := context.Background(), exampleDB()
	for name, err := range router.Each[string](ctx, db, router.Text("select name from plans order by id")) {
		must(err)
		fmt.Println(name)
	}
	// Output:
	// free
	// paid
}

func ExamplePage() {
	ctx, db := context.Background(), exampleDB()
	for tenant := range 5 {
		_, err := db.Exec(ctx, "insert into items (tenant_id, order_id, n, name) values ($1, 1, 1, 'lamp')", 3000+tenant)
		must(err)
	}
	lamps := router.SQL.Select("tenant_id").From("items").Where("name = ?", "lamp").OrderBy("tenant_id DESC", "order_id", "n")
	for after := ""; ; { // each turn may be a request of its own
		page, err := router.Page[int](ctx, db.Scatter(), lamps, router.PageOptions{Size: 2, After: after})
		must(err)
		fmt.Println(page.Rows)
		if after = page.Next; after == "" {
			return
		}
	}
	// Output:
	// [3004 3003]
	// [3002 3001]
	// [3000]
}

func ExampleDB_ForKey() {
	ctx, db := context.Background(), exampleDB()
	tenant := db.ForKey(shard.Int64(1003))
	for id := range 3 {
		_, err := tenant.Exec(ctx, "insert into orders (id) values ($1)", id)
		must(err)
	}
	// Every tenant's orders are in the table; the handle sees one tenant's.
	n, err := router.Get[int64](ctx, tenant, router.Text("select count(*) from orders"))
	fmt.Println(n, err)

	_, err = tenant.Exec(ctx, "delete from orders where tenant_id = $1", 1)
	var mismatch *txn.ShardMismatchError
	fmt.Println(errors.As(err, &mismatch))
	// Output:
	// 3 <nil>
	// true
}

func ExampleWithKey() {
	db := exampleDB()
	// In middleware, which knows the request's tenant:
	ctx := router.WithKey(context.Background(), shard.Int64(1004))
	// In a repository, which does not:
	n, err := router.Get[int64](ctx, db, router.Text("select count(*) from orders"))
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleDB_InTx() {
	ctx, db := context.Background(), exampleDB()
	err := db.InTx(ctx, shard.Int64(1005), func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx, "insert into orders (id, total) values (1, 10)"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update orders set total = total + 5 where id = 1")
		return err
	})
	must(err)
	total, err := router.Get[int](ctx, db, router.Text("select total from orders where tenant_id = 1005 and id = 1"))
	fmt.Println(total, err)
	// Output: 15 <nil>
}

func ExampleDB_CopyFrom() {
	ctx, db := context.Background(), exampleDB()
	n, err := db.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"tenant_id", "order_id", "n", "name"},
		pgx.CopyFromSlice(1000, func(i int) ([]any, error) { return []any{2000 + i, 1, 1, "pen"}, nil }))
	fmt.Println(n, err)
	// Output: 1000 <nil>
}

func ExampleDB_SendBatch() {
	ctx, db := context.Background(), exampleDB()
	batch := &pgx.Batch{}
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", 1006)
	batch.Queue("select count(*) from orders where tenant_id = $1", 1006).QueryRow(func(row pgx.Row) error {
		var n int
		err := row.Scan(&n)
		fmt.Println(n)
		return err
	})
	must(db.SendBatch(ctx, batch).Close())
	// Output: 1
}

func ExampleDB_EachShard() {
	ctx, db := context.Background(), exampleDB()
	var mu sync.Mutex
	shards := 0
	err := db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
		n, err := router.Get[int64](ctx, s, router.Text("select count(*) from plans"))
		mu.Lock()
		defer mu.Unlock()
		if n == 2 {
			shards++
		}
		return err
	})
	fmt.Println(shards, err)
	// Output: 2 <nil>
}

func ExampleDB_Scatter() {
	ctx, db := context.Background(), exampleDB()
	for tenant := 3001; tenant <= 3004; tenant++ {
		_, err := db.Exec(ctx, "insert into orders (tenant_id, id, state, total) values ($1, 1, 'due', $2)", tenant, tenant-3000)
		must(err)
	}
	// Without a key a statement is for all tenants, and that is said by name.
	top, err := router.Select[int](ctx, db.Scatter(), router.Text(
		"select total from orders where state = 'due' order by total desc limit 2"))
	fmt.Println(top, err)
	// A list of keys says itself which shards are meant.
	sum, err := router.Get[int](ctx, db, router.Text(
		"select sum(total) from orders where tenant_id = any($1)", []int64{3001, 3002, 3003}))
	fmt.Println(sum, err)
	// Output:
	// [4 3] <nil>
	// 6 <nil>
}

func ExamplePartial() {
	ctx, db := context.Background(), exampleDB()
	dashboard := db.Scatter(router.Partial(func(missing []*router.ShardError) {
		fmt.Println("without", len(missing), "shards") // not called while all answer
	}))
	n, err := router.Get[int](ctx, dashboard, router.Text("select count(*) from orders where state = 'none'"))
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleScatterDB_Explain() {
	db := exampleDB()
	plan, err := db.Scatter().Explain("select id, total from orders order by total desc limit 10")
	must(err)
	fmt.Print(plan)
	_, err = db.Scatter().Explain("update orders set total = 0")
	var refused *router.RefusedError
	fmt.Println(errors.As(err, &refused))
	// Output:
	// rows     merged in order
	// tables   public.orders
	// map      version 1
	// shard    s0 on instance pg
	// text     select id, total from orders where "orders"."slot" between '0' and '8191'  order by total desc limit 10
	// shard    s1 on instance pg
	// text     select id, total from orders where "orders"."slot" between '8192' and '16383'  order by total desc limit 10
	// true
}

func ExampleDB_Explain() {
	db := exampleDB()
	plan, err := db.Explain("insert into orders (tenant_id, id) values ($1, $2)", 1001, 1)
	must(err)
	fmt.Print(plan)
	_, err = db.Explain("select * from orders where tenant_id = $1 or state = 'new'", 1001)
	fmt.Println(errors.Is(err, router.ErrNoShardKey))
}

func ExampleBuilders_Select() {
	text, args, err := router.SQL.Select("*").From("orders").
		Where(sq.Eq{"tenant_id": 7, "id": []int64{1, 2, 3}}).ToSql()
	fmt.Println(text, args, err)
	// Output: SELECT * FROM orders WHERE id = ANY($1) AND tenant_id = $2 [[1 2 3] 7] <nil>
}

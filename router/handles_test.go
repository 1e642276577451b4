package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

func TestABatchGoesToOneShardAsAWhole(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	a := tenantOn(t, db, "s0", 0)
	batch := &pgx.Batch{}
	batch.Queue("insert into orders (tenant_id, id, total) values ($1, 1, 10)", a)
	batch.Queue("select name from plans where id = 1")
	seen := 0
	batch.Queue("select total from orders where tenant_id = $1", a).QueryRow(func(row pgx.Row) error { return row.Scan(&seen) })
	require.NoError(t, db.SendBatch(ctx, batch).Close())
	require.Equal(t, 10, seen)
	require.Equal(t, "insert into orders (tenant_id, id, total) values ($1, 1, 10)", batch.QueuedQueries[0].SQL, "the caller's batch is not changed")
	require.Len(t, batch.QueuedQueries[0].Arguments, 1)

	batch = batchOf("select 1", "select * from orders")
	err := db.SendBatch(ctx, batch).Close()
	require.ErrorIs(t, err, router.ErrNoShardKey)
	sentence(t, err, "statement 2 of 2")
	require.NoError(t, db.ForKey(shard.Int64(a)).SendBatch(ctx, batch).Close())

	batch = &pgx.Batch{}
	batch.Queue("insert into orders (tenant_id, id) values ($1, 3)", a)
	batch.Queue("insert into orders (tenant_id, id) values ($1, 1)", a)
	results := db.SendBatch(ctx, batch)
	_, err = results.Exec()
	require.NoError(t, err)
	_, err = results.Exec()
	sentence(t, err, "statement 2 of 2", "shard s0", "23505")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Error(t, results.Close())
	n, err := router.Get[int64](ctx, db, router.Text("select count(*) from orders where tenant_id = $1 and id = 3", a))
	require.NoError(t, err)
	require.Zero(t, n, "a batch is one implicit transaction")
	require.NoError(t, db.SendBatch(ctx, &pgx.Batch{}).Close())
}

func TestBatchResultsAreReadOneByOne(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	results := db.SendBatch(ctx, batchOf("insert into orders (tenant_id, id) values (1, 1)", "select id from orders where tenant_id = 1",
		"select 7"))
	_, err := results.Exec()
	require.NoError(t, err)
	got, err := results.Query()
	require.NoError(t, err)
	ids, err := pgx.CollectRows(got, pgx.RowTo[int64])
	require.NoError(t, err)
	require.Equal(t, []int64{1}, ids)
	n := 0
	require.NoError(t, results.QueryRow().Scan(&n))
	require.Equal(t, 7, n)
	require.NoError(t, results.Close())
	require.NoError(t, results.Close())
}

func TestCopyFromSplitsRowsByKey(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	const rows = 20_000
	n, err := db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"id", "tenant_id", "state"},
		pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return []any{i, i % 500, fmt.Sprint("state ", i)}, nil }))
	require.NoError(t, err)
	require.EqualValues(t, rows, n)
	total := int64(0)
	require.NoError(t, db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
		got, err := router.Select[int64](ctx, s, router.Text("select distinct tenant_id from orders"))
		for _, tenant := range got {
			if r, _ := db.Route(shard.Int64(tenant)); r.Shard != s.ID() {
				return fmt.Errorf("tenant %d is not of this shard", tenant)
			}
		}
		return err
	}))
	for _, id := range []shard.ID{"s0", "s1"} {
		n, err := router.Get[int64](ctx, db.Shard(id), router.Text("select count(*) from orders"))
		require.NoError(t, err)
		require.Greater(t, n, int64(rows/4))
		total += n
	}
	require.EqualValues(t, rows, total)
	require.Eventually(t, func() bool { return inUse(db) <= 1 }, time.Minute, time.Millisecond, "only the one that listens is out")
}

// inUse counts the connections that are lent.
func inUse(db *router.DB) int {
	n := 0
	for _, in := range db.Stat().Instances {
		n += in.InUse
	}
	return n
}

func TestACopyThatFailsLeavesNothing(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	columns := []string{"tenant_id", "id"}
	failing := errors.New("the file ended")
	for name, c := range map[string]struct {
		row  func(i int) ([]any, error)
		want string
	}{
		"the source fails":      {func(i int) ([]any, error) { return []any{i, i}, at(i, 9000, failing) }, "the file ended"},
		"a bad key":             {func(i int) ([]any, error) { return []any{pick(i == 9000, any(1.5), any(i)), i}, nil }, "row 9001: column tenant_id"},
		"a NULL key":            {func(i int) ([]any, error) { return []any{pick(i == 9000, any(nil), any(i)), i}, nil }, "row 9001: column tenant_id"},
		"a row too short":       {func(i int) ([]any, error) { return []any{i, i}[:pick(i == 9000, 1, 2)], nil }, "row 9001: has 1 values for 2 columns"},
		"a server's error":      {func(i int) ([]any, error) { return []any{i % 100, i % 9000}, nil }, "23505"},
		"a value that fits not": {func(i int) ([]any, error) { return []any{i, pick(i == 9000, any("secret"), any(i))}, nil }, "in row 9001 the value of column id does not fit its type"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := db.CopyFrom(ctx, pgx.Identifier{"orders"}, columns, pgx.CopyFromSlice(10_000, c.row))
			sentence(t, err, c.want)
			require.Zero(t, n)
			require.NotContains(t, err.Error(), "secret")
			var partial *router.PartialCopyError
			require.False(t, errors.As(err, &partial))
			for _, id := range []shard.ID{"s0", "s1"} {
				n, err := router.Get[int64](ctx, db.Shard(id), router.Text("select count(*) from orders"))
				require.NoError(t, err)
				require.Zero(t, n)
			}
			require.Eventually(t, func() bool { return inUse(db) <= 1 }, time.Minute, time.Millisecond, "connections leaked")
		})
	}
}

func at(i, n int, err error) error {
	if i == n {
		return err
	}
	return nil
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// TestACopyThatCommitsInPartSaysWhere: a constraint that is only looked at when committing fails on one shard.
func TestACopyThatCommitsInPartSaysWhere(t *testing.T) {
	f, db := opened(t, 2)
	ctx := f.ctx()
	_, err := f.migrator("s1").Exec(ctx, `create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
		create constraint trigger late after insert on orders deferrable initially deferred for each row execute function refuse()`)
	require.NoError(t, err)
	n, err := db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"},
		pgx.CopyFromSlice(10_000, func(i int) ([]any, error) { return []any{i, 1}, nil }))
	var partial *router.PartialCopyError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s1"}, partial.Aborted)
	require.Equal(t, n, partial.Committed["s0"])
	require.Empty(t, partial.InDoubt)
	sentence(t, err, "committed in part (s0:", "rolled back on s1", "shard s1")
	there, err := router.Get[int64](ctx, db.Shard("s0"), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Equal(t, there, n)
}

func TestCopiesOfOneTenantAndOfOtherTables(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s1", 0)
	one := db.ForKey(shard.Int64(tenant))
	n, err := one.CopyFrom(ctx, pgx.Identifier{"public", "orders"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {2}}))
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	var mismatch *txn.ShardMismatchError
	_, err = one.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{tenant, 3}, {tenant + 1, 4}}))
	require.ErrorAs(t, err, &mismatch)
	ids, err := router.Select[int64](ctx, one, router.Text("select id from orders order by id"))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, ids)
	n, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{tenant, 3}}))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows(nil))
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = db.CopyFrom(ctx, pgx.Identifier{"jobs"}, []string{"id", "what"}, pgx.CopyFromRows([][]any{{1, "mail"}}))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	for want, call := range map[string]func() (int64, error){
		"reference table": func() (int64, error) { return db.CopyFrom(ctx, pgx.Identifier{"plans"}, []string{"id"}, nil) },
		"not registered":  func() (int64, error) { return db.CopyFrom(ctx, pgx.Identifier{"nothing"}, []string{"id"}, nil) },
		"part of the shard key": func() (int64, error) {
			return db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"id"}, nil)
		},
		"computed from the key": func() (int64, error) {
			return db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id", "slot"}, nil)
		},
		"no columns": func() (int64, error) { return db.CopyFrom(ctx, pgx.Identifier{"orders"}, nil, nil) },
	} {
		_, err := call()
		sentence(t, err, want)
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused)
	}
}

func TestAShardByNameTakesAnyTextAndLeavesNoTrace(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	s := db.Shard("s1")
	require.Equal(t, shard.ID("s1"), s.ID())
	for _, sql := range []string{
		"set search_path = pg_catalog", "create temporary table orders (x int)", "select pg_advisory_lock(7)",
		"prepare p as select 1", "listen x", "set session characteristics as transaction read only", "begin; select 1",
	} {
		_, err := s.Exec(ctx, sql)
		require.NoError(t, err, sql)
		for range 3 { // whoever has the connection next
			var path string
			var temp, locks, prepared, channels int
			var readonly string
			require.NoError(t, s.QueryRow(ctx, `select current_setting('search_path'), current_setting('transaction_read_only'),
				(select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
				(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
				(select count(*) from pg_prepared_statements where name = 'p'), (select count(*) from pg_listening_channels())`).
				Scan(&path, &readonly, &temp, &locks, &prepared, &channels), sql)
			require.Equal(t, `"public", pg_temp`, path, sql)
			require.Equal(t, "off", readonly, sql)
			require.Zero(t, temp+locks+prepared+channels, sql)
		}
	}
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s1", 0))
	require.NoError(t, err)

	_, err = s.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s0", 0))
	sentence(t, err, "shard s1", "KW001")

	tx, err := s.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "delete from orders")
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(ctx))
	require.ErrorIs(t, tx.Rollback(ctx), pgx.ErrTxClosed)
	results := s.SendBatch(ctx, batchOf("select 1", "select 2"))
	_, err = results.Exec()
	require.NoError(t, err)
	require.NoError(t, results.Close())
	n, err := s.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{tenantOn(t, db, "s1", 1), 1}}))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	got, err := s.Query(ctx, "select tenant_id, id from orders order by 1")
	require.NoError(t, err)
	require.True(t, got.Next())
	got.Close()
	require.Eventually(t, func() bool { return inUse(db) <= 1 }, time.Minute, time.Millisecond, "connections leaked")

	_, err = db.Shard("s9").Exec(ctx, "select 1")
	sentence(t, err, `"s9"`, "s0, s1")
	sentence(t, db.Shard("s9").QueryRow(ctx, "select 1").Scan(nil), `"s9"`)
}

func TestALibraryMayHaveARealPgxPool(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	lib, err := db.Shard("s1").PgxPool(ctx, 3)
	require.NoError(t, err)
	defer lib.Close()
	n := 0
	require.NoError(t, lib.QueryRow(ctx, "select count(*) from orders").Scan(&n))
	require.Zero(t, n)
	lent := 0
	for _, in := range db.Stat().Instances {
		lent += in.Lent
	}
	require.Positive(t, lent, "it counts in the budget")
	_, err = db.Shard("s1").PgxPool(ctx, 1000)
	sentence(t, err, "shard s1", "1000")
}

func TestEachShardVisitsAllAndJoinsErrorsInOrder(t *testing.T) {
	f, db := opened(t, 3)
	ctx := f.ctx()
	boom := errors.New("boom")
	var first, second string
	for i, text := range []*string{&first, &second} {
		err := db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
			if s.ID() == "s1" {
				return nil
			}
			return boom
		})
		require.ErrorIs(t, err, boom, i)
		*text = err.Error()
	}
	require.Equal(t, "shard s0: boom\nshard s2: boom", first)
	require.Equal(t, first, second)
}

func TestExplainSaysWhereAndWhatWithoutSending(t *testing.T) {
	f, db := onShop(t)
	tenant := tenantOn(t, db, "s1", 0)
	p, err := db.Explain("insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	require.Equal(t, shard.ID("s1"), p.Shard)
	require.Equal(t, "i1", p.Instance)
	require.Equal(t, shard.Int64(tenant).Slot(), p.Slot)
	require.EqualValues(t, 1, p.MapVersion)
	require.Equal(t, []string{"public.orders"}, p.Tables)
	require.Equal(t, []string{"tenant_id"}, p.KeyColumns)
	require.Equal(t, "from $1", p.KeySource)
	require.Contains(t, p.Text, "slot")
	require.Equal(t, 1, p.Params)
	require.Equal(t, 2, p.Sent)
	text := p.String()
	for _, want := range []string{"INSERT", "public.orders", "tenant_id", "s1 on instance i1", "version 1", p.Text} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, fmt.Sprintf("= %d", tenant))

	p, err = db.Explain("select * from orders where tenant_id = $1")
	require.NoError(t, err)
	require.True(t, p.NoArgs)
	require.Empty(t, p.Shard)
	require.Contains(t, p.String(), "not known without the arguments (1)")
	p, err = db.Explain("select *\nfrom plans")
	require.NoError(t, err)
	require.Contains(t, p.String(), "\ntext     select *\n         from plans\n", "its lines are below each other")
	several, err := db.Scatter().Explain("select id\nfrom orders")
	require.NoError(t, err)
	require.Regexp(t, `\ntext     select .*id\n         from orders`, several.String())
	p, err = db.Explain("select * from plans")
	require.NoError(t, err)
	require.Equal(t, "any shard", p.Target)
	p, err = db.Explain("select * from jobs")
	require.NoError(t, err)
	require.Equal(t, shard.ID("s0"), p.Shard)
	p, err = db.ForKey(shard.Int64(tenant)).Explain("select count(*) from orders")
	require.NoError(t, err)
	require.Equal(t, shard.ID("s1"), p.Shard)
	require.Contains(t, p.Text, "tenant_id")
	require.Equal(t, "from the handle", p.KeySource)
	p, err = db.Explain("update orders set total = $1 where id = $2 and tenant_id = $3", tenant, 1, tenant)
	require.NoError(t, err)
	require.Equal(t, "from $3", p.KeySource, "not from an argument that happens to be equal")
	p, err = db.Explain("select * from orders where tenant_id = 7")
	require.NoError(t, err)
	require.Equal(t, "from a constant", p.KeySource)
	_, err = db.Explain("select * from orders")
	require.ErrorIs(t, err, router.ErrNoShardKey)
	n, err := router.Get[int64](f.ctx(), db.Shard("s1"), router.Text("select count(*) from orders"))
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestARefusalShowsThePlaceInTheText(t *testing.T) {
	_, db := onShop(t)
	_, err := db.Explain("select total,\n\tmine(total) from orders where tenant_id = 1")
	var refused *router.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "\tmine(total) from orders where tenant_id = 1\n\t^", refused.Caret)
}

func TestRouteAndStatAskNoServer(t *testing.T) {
	_, db := onShop(t)
	_, err := db.Route(shard.Key{})
	require.Error(t, err)
	stat := db.Stat()
	require.Len(t, stat.Shards, 2)
	require.Len(t, stat.Instances, 2)
	require.Equal(t, 4, stat.Tables)
	require.EqualValues(t, 1, stat.MapVersion)
	slots := 0
	for _, s := range stat.Shards {
		slots += s.Slots
		require.Equal(t, "i"+string(s.ID[1:]), s.Instance)
	}
	require.Equal(t, shard.HashSlots, slots)
	for i, in := range stat.Instances {
		require.Equal(t, db.Instances()[i].Name(), in.Name)
		require.NotEmpty(t, in.Databases)
		for _, d := range in.Databases {
			require.Equal(t, "s"+in.Name[1:], d.Shard)
			require.NotEmpty(t, d.User)
		}
	}
	require.True(t, slices.IsSortedFunc(stat.Shards, func(a, b router.ShardStat) int { return int(a.ID[1]) - int(b.ID[1]) }))
}

// TestAProcessWithOneConnectionForWorkStillWorks: two shards on one server, and the smallest limit there may be.
func TestAProcessWithOneConnectionForWorkStillWorks(t *testing.T) {
	exampleDB()
	db, err := router.Open(t.Context(), examples.cfg, router.WithoutLease(1))
	require.NoError(t, err)
	defer db.Close()
	ctx := t.Context()
	a, b := tenantOn(t, db, "s0", 50), tenantOn(t, db, "s1", 50)
	for range 20 {
		for _, tenant := range []int64{a, b} {
			require.NoError(t, db.InTx(ctx, shard.Int64(tenant), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Exec(ctx, "insert into jobs2 (id) values (1)")
				require.Error(t, err)
				_, err = tx.Exec(ctx, "select 1 from orders")
				return err
			}))
		}
	}
	require.NoError(t, db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error {
		_, err := s.Exec(ctx, "select 1")
		return err
	}))
	_, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{a, 1}, {b, 1}}))
	var many *pool.TooManyError
	require.ErrorAs(t, err, &many)
	sentence(t, err, "copy into public.orders", "2 connections are wanted at once", "CopyInParts")
	n, err := db.CopyInParts(ctx, pgx.Identifier{"orders"}, []string{"tenant_id", "id"}, pgx.CopyFromRows([][]any{{a, 1}, {b, 1}}), 0)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Equal(t, 1, db.Stat().Instances[0].Peak)
	require.Empty(t, db.Stat().Budget)
	require.NoError(t, db.Ready())
}

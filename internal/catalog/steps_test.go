package catalog_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// TestLargeTableIsPreparedInSteps goes the whole way with rows written between the steps, an interruption, and back.
func TestLargeTableIsPreparedInSteps(t *testing.T) {
	s := single(t)
	s.exec(`create table orders (id bigint not null, tenant_id bigint not null, total int default 0, primary key (id));
		insert into orders select i, i % 1000 from generate_series(1, 30000) i;
		delete from orders where id between 100 and 900; analyze orders;
		select keyway.allow('orders', 'unique_per_shard');
		select keyway.prepare_table('orders', 'tenant_id');
		grant select, insert, update on orders to public`)
	table := func() *catalog.Table {
		r, err := catalog.ReadRegistry(s.ctx(), s.conn)
		require.NoError(t, err)
		require.Empty(t, r.Drift())
		return r.Tables()[0]
	}
	require.False(t, table().HasSlot)
	require.Equal(t, 30000-801, value[int](s, "select count(*) from orders where slot is null"))

	// Writers go on: new rows have their slot, old ones get it when they are touched, and keys do not change.
	s.psql(s.app, "insert into orders values (40001, 5), (40002, 6); update orders set total = 1 where id = 1")
	require.NotNil(t, value[*int](s, "select slot from orders where id = 1"))
	s.refused(catalog.CodeKeyChanged, "update orders set tenant_id = 77 where id = 2")

	// Not complete yet: the reasons name the next step, and no slot is given away.
	e := s.refused(catalog.CodeRefused, "select keyway.validate_table('orders')")
	require.Contains(t, e.Hint, "create index concurrently on public.orders (slot, id)")
	s.exec(e.Hint)
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.validate_table('orders')").Hint, "backfill_table('public.orders')")
	err := catalog.StoreMap(s.ctx(), s.conn, s.mapOf(2, shard.Range{Lo: 1, Hi: shard.HashSlots - 1, Shard: "s0"}), "s0")
	require.ErrorContains(t, err, "public.orders have no complete slot column")

	batches, done := 0, int64(0)
	for n := int64(1); n > 0; batches++ {
		require.Less(t, batches, 100)
		n = value[int64](s, "select keyway.backfill_table('orders', 5000)")
		done += n
		if batches == 2 { // an interrupted batch is done again
			_, err := s.conn.Exec(s.ctx(), "begin")
			require.NoError(t, err)
			require.Positive(t, value[int64](s, "select keyway.backfill_table('orders', 5000)"))
			_, err = s.conn.Exec(s.ctx(), "rollback")
			require.NoError(t, err)
		}
	}
	require.Greater(t, batches, 4)
	require.Equal(t, int64(30000-801-1), done)
	s.exec("select keyway.validate_table('orders'); select keyway.validate_table('orders')")
	require.True(t, table().HasSlot)
	s.rightSlots("orders", "tenant_id", 30000-801+2)
	require.Equal(t, "f", value[string](s, "select relreplident::text from pg_class where oid = 'orders'::regclass"))
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.prepare_table('orders', 'tenant_id')").Message, "already")

	s.exec("select keyway.unshard_table('orders')")
	require.Zero(t, value[int](s, "select count(*) from pg_trigger where tgrelid = 'orders'::regclass and not tgisinternal"))
	require.Zero(t, value[int](s, "select count(*) from pg_attribute where attrelid = 'orders'::regclass and attname = 'slot' and not attisdropped"))
	require.Equal(t, "d", value[string](s, "select relreplident::text from pg_class where oid = 'orders'::regclass"))
	require.Equal(t, 1, value[int](s, "select count(*) from pg_index where indrelid = 'orders'::regclass"))
	s.psql(s.app, "update orders set tenant_id = 77 where id = 2")
}

func TestBackfillStartsAgainAfterTheTableWasRewritten(t *testing.T) {
	s := single(t)
	s.exec(`create table logs (k int not null); insert into logs select i from generate_series(1, 5000) i;
		select keyway.prepare_table('logs', 'k')`)
	require.Positive(t, value[int](s, "select keyway.backfill_table('logs', 1000)"))
	s.exec("vacuum full logs")
	for n := 1; n > 0; {
		n = value[int](s, "select keyway.backfill_table('logs', 1000)")
	}
	s.exec("select keyway.validate_table('logs')")
	s.rightSlots("logs", "k", 5000)
}

func TestStepsWorkOnAPartitionedTable(t *testing.T) {
	s := single(t)
	s.exec(`create table events (k int not null, at date not null, primary key (k, at)) partition by range (at);
		create table events_1 partition of events for values from ('2024-01-01') to ('2025-01-01');
		create table events_2 partition of events for values from ('2025-01-01') to ('2026-01-01');
		insert into events select i, date '2024-01-01' + i % 700 from generate_series(1, 2000) i;
		select keyway.prepare_table('events', 'k')`)
	for n := 1; n > 0; {
		n = value[int](s, "select keyway.backfill_table('events', 500)")
	}
	s.exec("create index on events (slot, k, at); select keyway.validate_table('events')")
	s.rightSlots("events", "k", 2000)
}

func TestStepsRefuseWhatIsNotPrepared(t *testing.T) {
	s := single(t)
	s.exec("create table logs (k int not null); create table full_one (k int not null, slot smallint)")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.backfill_table('logs')").Message, "not prepared")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.validate_table('logs')").Message, "not prepared")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.prepare_table('full_one', 'k')").Message, "column slot already")
	s.own(2, shard.Range{Lo: 0, Hi: 100, Shard: "s0"})
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.prepare_table('logs', 'k')").Message, "owns every slot")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.adopt_table('logs', 'k')").Message, "does not own every slot")
}

// TestAdoptedTableIsNotTouched registers a table as it is, and later gives it its slot.
func TestAdoptedTableIsNotTouched(t *testing.T) {
	s := single(t)
	s.exec("create table orders (id bigserial primary key, tenant_id int not null unique); insert into orders (tenant_id) values (1), (2)")
	before := value[string](s, "select pg_relation_filenode('orders')::text || (select count(*) from pg_attribute where attrelid = 'orders'::regclass)")
	s.exec("select keyway.adopt_table('orders', 'tenant_id')")
	require.Equal(t, before, value[string](s, "select pg_relation_filenode('orders')::text || (select count(*) from pg_attribute where attrelid = 'orders'::regclass)"))
	require.Zero(t, value[int](s, "select count(*) from pg_trigger where tgrelid = 'orders'::regclass and not tgisinternal"))
	r, err := catalog.ReadRegistry(s.ctx(), s.conn)
	require.NoError(t, err)
	tab, ok := r.Table("public", "orders")
	require.True(t, ok)
	require.False(t, tab.HasSlot)
	require.Equal(t, catalog.Sharded, tab.Kind)
	require.Zero(t, value[int](s, "select count(*) from keyway.misplaced_rows('orders')"))

	m := s.mapOf(2, shard.Range{Lo: 0, Hi: 1, Shard: "s0"})
	require.ErrorContains(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"), "cannot give slots away: public.orders")
	s.exec("select keyway.allow('orders', 'unique_per_shard'); select keyway.shard_sequence('orders', 'id'); select keyway.shard_table('orders', 'tenant_id')")
	s.rightSlots("orders", "tenant_id", 2)
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
}

// rows is how many rows the steps are tried with: 60,000, or what KEYWAY_ROWS says; make soak takes five times as many.
func rows(t *testing.T) int {
	text := os.Getenv("KEYWAY_ROWS")
	if text == "" {
		return 60_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "KEYWAY_ROWS is a number")
	return n
}

// TestBothWaysIntoShardingTakeManyRows shards a table in one go and in steps, and says how long each took.
func TestBothWaysIntoShardingTakeManyRows(t *testing.T) {
	s := single(t)
	n := rows(t)
	s.exec(fmt.Sprintf(`create table accounts (aid int primary key, bid int, abalance int, filler char(84));
		insert into accounts select i, 1, 0, '' from generate_series(1, %d) i;
		create table stepped (like accounts including all); insert into stepped select * from accounts; analyze`, n))
	start := time.Now()
	s.exec("select keyway.shard_table('accounts', 'aid')")
	t.Logf("shard_table: %v", time.Since(start).Round(time.Millisecond))
	require.Less(t, value[int64](s, "select pg_table_size('accounts')"), int64(n)*210, "a rewrite leaves no dead rows")

	start = time.Now()
	s.exec("select keyway.prepare_table('stepped', 'aid')")
	t.Logf("prepare_table: %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	batches, longest := 0, time.Duration(0)
	for left := 1; left > 0; batches++ {
		batch := time.Now()
		left = value[int](s, fmt.Sprintf("select keyway.backfill_table('stepped', %d)", n/15))
		longest = max(longest, time.Since(batch))
	}
	t.Logf("backfill_table: %v in %d batches, the longest %v", time.Since(start).Round(time.Millisecond), batches, longest.Round(time.Millisecond))
	start = time.Now()
	s.exec("create index concurrently on stepped (slot, aid)")
	s.exec("select keyway.validate_table('stepped')")
	t.Logf("index and validate_table: %v", time.Since(start).Round(time.Millisecond))

	start = time.Now()
	s.rightSlots("accounts", "aid", n)
	t.Logf("audit of %d rows: %v", n, time.Since(start).Round(time.Millisecond))
	s.rightSlots("stepped", "aid", n)
}

func TestTableTooLargeForOneLockIsSentToTheSteps(t *testing.T) {
	s := single(t)
	s.exec("create table logs (k int not null) with (autovacuum_enabled = false); insert into logs select generate_series(1, 1100000); analyze logs")
	e := s.refused(catalog.CodeRefused, "select keyway.shard_table('logs', 'k')")
	require.Contains(t, e.Message, "about 1 million rows")
	require.Contains(t, e.Hint, "keyway.prepare_table('public.logs', ...)")
}

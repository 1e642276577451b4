package catalog_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

const eventsDDL = `
create table events (tenant_id bigint not null, at date not null, n int not null, primary key (tenant_id, at, n)) partition by range (at);
create table events_24 partition of events for values from ('2024-01-01') to ('2025-01-01') partition by list (n);
create table events_24_1 partition of events_24 for values in (1);
create table events_24_2 partition of events_24 for values in (2);
create table events_25 partition of events for values from ('2025-01-01') to ('2026-01-01');
grant select, insert, update, delete on events, events_25 to public;`

// TestAPartitionedTableIsShardedAsAWhole: rows that enter by the parent, by a partition, or by one made later.
func TestAPartitionedTableIsShardedAsAWhole(t *testing.T) {
	s := single(t)
	s.exec(eventsDDL + `insert into events select i, date '2024-06-01' + i * 3 % 500, 1 + i % 2 from generate_series(1, 300) i;
		select keyway.shard_table('events', 'tenant_id');
		create table events_26 partition of events for values from ('2026-01-01') to ('2027-01-01')`)
	require.Empty(t, s.registry().Drift())
	s.psql(s.app, "insert into events values (1000, '2024-02-02', 2), (1001, '2026-02-02', 9)")
	s.psql(s.app, "insert into events_25 values (1002, '2025-02-02', 9, -1)")
	s.psql(s.app, "copy events from stdin;\n1003\t2026-03-03\t5\t7\n\\.\n")
	n, err := s.library(s.app).CopyFrom(s.ctx(), pgx.Identifier{"events"}, []string{"tenant_id", "at", "n"},
		pgx.CopyFromRows([][]any{{int64(1004), "2025-05-05", int32(2)}}))
	if err != nil { // a text for a date needs the text format
		_, err = s.library(s.app).Exec(s.ctx(), "insert into events values (1004, '2025-05-05', 2)")
		require.NoError(t, err)
		n = 1
	}
	require.Equal(t, int64(1), n)
	s.rightSlots("events", "tenant_id", 305)

	// A row that moves between partitions keeps its key.
	s.psql(s.app, "update events set at = '2026-07-07' where tenant_id = 1000")
	s.refused(catalog.CodeKeyChanged, "update events set at = '2026-07-08', tenant_id = 5 where tenant_id = 1000")
	s.rightSlots("events", "tenant_id", 305)

	// Every partition's fill trigger is enabled always, the later one's too.
	require.Zero(t, value[int](s, `select count(*) from pg_trigger
		where tgname like '~~keyway\_1\_%' and tgenabled <> 'A'`))
	for _, leaf := range []string{"events_24_1", "events_24_2", "events_25"} {
		require.Equal(t, "f", value[string](s, "select relreplident::text from pg_class where oid = $1::regclass", leaf), leaf)
	}

	// The guard reaches every partition.
	gone := shard.Int64(1001).Slot()
	s.own(2, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}, shard.Range{Lo: gone, Hi: gone, Shard: "s1"})
	s.refused(catalog.CodeNotOwned, "insert into events values (1001, '2026-02-03', 9)")
	s.refused(catalog.CodeNotOwned, "insert into events_25 values (1001, '2025-02-03', 9)")
	s.refused(catalog.CodeNotOwned, "delete from events where tenant_id = 1001")

	s.own(3, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"})
	s.exec("select keyway.unshard_table('events')")
	require.Zero(t, value[int](s, "select count(*) from pg_trigger where tgname like '~~%'"))
	s.exec("insert into events values (1, '2025-02-02', 9)")
}

func TestPartitioningByTheKeyWorks(t *testing.T) {
	s := single(t)
	s.exec("create table t (k bigint primary key) partition by hash (k)")
	for i := range 3 {
		s.exec(fmt.Sprintf("create table t%d partition of t for values with (modulus 3, remainder %d)", i, i))
	}
	s.exec("select keyway.shard_table('t', 'k'); insert into t select generate_series(1, 100)")
	s.rightSlots("t", "k", 100)
}

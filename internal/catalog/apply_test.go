package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// TestReplicationFillsWhatIsMissingAndKeepsWhatWasSent: apply workers run in the role "replica", where ordinary
// triggers do not fire. The slot must be filled there, or NOT NULL stops the subscription; a slot that was sent is the
// publisher's; and a move must be able to write rows of slots that this shard does not own yet.
func TestReplicationFillsWhatIsMissingAndKeepsWhatWasSent(t *testing.T) {
	s := owning(t, shard.Range{Lo: 0, Hi: 0, Shard: "s0"})
	s.exec(ordersDDL)
	enabled := map[string]string{}
	rows, err := s.conn.Query(s.ctx(), "select tgname::text, tgenabled::text from pg_trigger where tgrelid = 'orders'::regclass and not tgisinternal")
	require.NoError(t, err)
	for rows.Next() {
		var name, how string
		require.NoError(t, rows.Scan(&name, &how))
		enabled[name] = how
	}
	require.NoError(t, rows.Err())
	require.Equal(t, map[string]string{
		"~~keyway_1_fill": "A", "~~keyway_1_refill": "A", "~~keyway_2_key": "O",
		"~~keyway_3_insert": "O", "~~keyway_3_update": "O", "~~keyway_3_delete": "O",
	}, enabled)

	worker := s.connect("postgres", "session_replication_role", "replica")
	slot, err := one[int](s.ctx(), worker, "insert into orders values (1, 42) returning slot")
	require.NoError(t, err)
	require.Equal(t, int(shard.Int64(42).Slot()), slot)
	slot, err = one[int](s.ctx(), worker, "insert into orders values (2, 42, 0, 20000) returning slot")
	require.NoError(t, err)
	require.Equal(t, 20000, slot)
	_, err = worker.Exec(s.ctx(), "update orders set total = 1; delete from orders")
	require.NoError(t, err)
	s.refused(catalog.CodeNotOwned, "insert into orders values (1, 42)")
}

// TestARowFilterOnTheSlotCanBePublished: without the replica identity that shard_table makes, UPDATE and DELETE fail
// as soon as a publication filters on the slot.
func TestARowFilterOnTheSlotCanBePublished(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL + `
		create table history (k int not null, delta int); select keyway.shard_table('history', 'k');
		create table declared (slot smallint not null, k int not null, primary key (slot, k)); select keyway.shard_table('declared', 'k');
		create table deferred (k int not null, id int, primary key (k, id) deferrable initially deferred); select keyway.shard_table('deferred', 'k');
		insert into orders values (1, 1); insert into history values (1, 1); insert into declared (k) values (1); insert into deferred values (1, 1);
		create publication p for table orders where (slot < 16384), table history where (slot < 16384),
			table declared where (slot < 16384), table deferred where (slot < 16384) with (publish = 'insert, update, delete')`)
	s.exec("update orders set total = 2; delete from orders; update history set delta = 3; delete from history;" +
		"update declared set slot = null; delete from declared; update deferred set id = 3; delete from deferred")
	for table, identity := range map[string]string{"orders": "f", "history": "f", "declared": "d", "deferred": "f"} {
		require.Equal(t, identity, value[string](s, "select relreplident::text from pg_class where oid = $1::regclass", table), table)
	}
}

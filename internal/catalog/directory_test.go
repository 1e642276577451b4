package catalog_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// TestPinnedKeysGetTheirOwnSlot for tables that were there and for later ones, by every client, and only where this
// shard owns the slot.
func TestPinnedKeysGetTheirOwnSlot(t *testing.T) {
	s := owning(t, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}, shard.Range{Lo: 16384, Hi: 16400, Shard: "s0"})
	s.exec(ordersDDL + "create table notes (owner text not null, part uuid not null); select keyway.shard_table('notes', 'owner', 'part')")
	s.exec("select keyway.pin_key(int8send(42), 16384), keyway.pin_key(int8send(42), 16384), keyway.pin_key(int8send(43), 30000)")
	s.exec(`select keyway.pin_key(keyway.key_part('acme') || keyway.key_part('0190163d-8694-739b-aea5-966c26f8ad90'::uuid), 16385)`)
	s.exec("create table late (k int not null); select keyway.shard_table('late', 'k')")
	slot := func(conn *pgx.Conn, sql string) int {
		n, err := one[int](s.ctx(), conn, sql)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 16384, slot(s.connect(s.app), "insert into orders values (1, 42) returning slot"))
	require.Equal(t, 16384, slot(s.library(s.app), "insert into orders values (2, 42, 0, 7) returning slot"))
	require.Equal(t, 16384, slot(s.conn, "insert into late values (42) returning slot"))
	require.Equal(t, 16385, slot(s.conn, "insert into notes values ('acme', '0190163d-8694-739b-aea5-966c26f8ad90') returning slot"))
	require.Equal(t, int(shard.Int64(1).Slot()), slot(s.conn, "insert into orders values (1, 1) returning slot"))
	s.refused(catalog.CodeNotOwned, "insert into orders values (1, 43)")
	require.Zero(t, value[int](s, "select count(*) from keyway.misplaced_rows('orders')"))

	for sql, says := range map[string]string{
		"select keyway.pin_key(int8send(42), 16385)":  "pinned already, to another slot",
		"select keyway.pin_key(int8send(1), 16385)":   "it has rows of this key",
		"select keyway.pin_key(int8send(99), 16383)":  "from 16384 to 32767",
		"select keyway.pin_key(int8send(99), 32768)":  "from 16384 to 32767",
		"select keyway.pin_key('', 16384)":            "not empty",
		"select keyway.pin_key(int8send(99), null)":   "from 16384 to 32767",
		"select keyway.pin_key(null::bytea, '16384')": "not empty",
	} {
		require.Contains(t, s.refused(catalog.CodeRefused, sql).Message, says, sql)
	}
}

// A pin holds for transactions that began before it, whatever their snapshot: they see the new function, where they
// would not have seen a new row of the directory.
func TestAPinHoldsForOlderSnapshots(t *testing.T) {
	s := owning(t, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}, shard.Range{Lo: 16384, Hi: 16400, Shard: "s0"})
	s.exec(ordersDDL + "select keyway.pin_key(int8send(1), 16384)")
	writer := s.connect(s.app)
	_, err := writer.Exec(s.ctx(), "insert into orders values (1, 5)") // its plans are cached
	require.NoError(t, err)
	tx, err := writer.BeginTx(s.ctx(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	n, err := one[int](s.ctx(), writer, "select count(*) from orders")
	require.NoError(t, err)
	require.Equal(t, 1, n)

	s.exec("select keyway.pin_key(int8send(42), 16390)")
	slot, err := one[int](s.ctx(), writer, "insert into orders values (1, 42) returning slot")
	require.NoError(t, err)
	require.Equal(t, 16390, slot)
	require.NoError(t, tx.Commit(s.ctx()))
}

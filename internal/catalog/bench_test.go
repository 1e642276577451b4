package catalog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/shard"
)

// benchTable makes an empty table keyed by k, sharded with so many owned ranges; 0 leaves it plain.
func benchTable(b *testing.B, key string, ranges int) *pgx.Conn {
	b.Helper()
	c := pgtest.Shared(b)
	db, migrator, _ := pgtest.Owned(b, c)
	conn := pgtest.Conn(b, c, migrator, db)
	ctx := b.Context()
	id := catalog.Identity{ClusterID: catalog.NewClusterID(), Shard: "s0", Catalog: "s0"}
	require.NoError(b, catalog.Install(ctx, conn, id, catalog.Roles{}))
	_, err := conn.Exec(ctx, fmt.Sprintf("create table t (id bigint not null, k %s not null, note text, total int)", key))
	require.NoError(b, err)
	if ranges > 0 {
		m, err := shard.Even(1, "s0")
		require.NoError(b, err)
		for i := range shard.Slot(ranges - 1) { // holes far above the hash slots keep every key owned
			m, err = m.Move(20000+i*2, 20000+i*2, "s0")
			require.NoError(b, err)
		}
		require.NoError(b, catalog.StoreMap(ctx, conn, m, "s0"))
		_, err = conn.Exec(ctx, "select keyway.shard_table('t', 'k')")
		require.NoError(b, err)
	}
	return conn
}

var benchCases = []struct {
	name, key string
	ranges    int
	value     string // of k, from the row's number i
}{
	{"plain bigint", "bigint", 0, "i"},
	{"bigint", "bigint", 1, "i"},
	{"bigint, 8 ranges", "bigint", 8, "i"},
	{"bigint, 40 ranges looked up", "bigint", 40, "i"},
	{"plain uuid", "uuid", 0, "md5(i::text)::uuid"},
	{"uuid", "uuid", 1, "md5(i::text)::uuid"},
	{"plain text", "text", 0, "'customer-' || i"},
	{"text of 15 bytes", "text", 1, "'customer-' || i"},
	{"text of 36 bytes", "text", 1, "md5(i::text) || 'abcd'"},
}

// BenchmarkInsertSelect is the cost of the triggers for a row of a bulk load: compare each with its plain twin.
func BenchmarkInsertSelect(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			conn := benchTable(b, c.key, c.ranges)
			insert := fmt.Sprintf("insert into t (id, k, note, total) select i, %s, 'hello world', 5 from generate_series(1, $1::int) i", c.value)
			b.ResetTimer()
			_, err := conn.Exec(b.Context(), insert, b.N)
			require.NoError(b, err)
		})
	}
}

// BenchmarkInsertOne is a routed insert as the server sees it: one row, one transaction, one round trip.
func BenchmarkInsertOne(b *testing.B) {
	for _, c := range benchCases[:4] {
		b.Run(c.name, func(b *testing.B) {
			conn := benchTable(b, c.key, c.ranges)
			_, err := conn.Exec(b.Context(), "set synchronous_commit = off")
			require.NoError(b, err)
			var i int64
			for b.Loop() {
				i++
				if _, err := conn.Exec(b.Context(), "insert into t (id, k, note, total) values ($1, $1, 'hello world', 5)", i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUpdate is the guard of an update alone: the key and slot compared, the owned ranges checked.
func BenchmarkUpdate(b *testing.B) {
	for _, c := range benchCases[:4] {
		b.Run(c.name, func(b *testing.B) {
			conn := benchTable(b, c.key, c.ranges)
			_, err := conn.Exec(b.Context(), "insert into t (id, k, total) select i, i, 0 from generate_series(1, $1::int) i", b.N)
			require.NoError(b, err)
			b.ResetTimer()
			_, err = conn.Exec(b.Context(), "update t set total = 1")
			require.NoError(b, err)
		})
	}
}

// BenchmarkReadRegistry is what a process pays to learn whether a table changed, with fifty of them.
func BenchmarkReadRegistry(b *testing.B) {
	conn := benchTable(b, "bigint", 1)
	for i := range 50 {
		_, err := conn.Exec(b.Context(), fmt.Sprintf("create table t%d (id bigint primary key, a int, b text, c jsonb, d date, e uuid); select keyway.shard_table('t%d', 'id')", i, i))
		require.NoError(b, err)
	}
	for b.Loop() {
		if _, err := catalog.ReadRegistry(context.Background(), conn); err != nil {
			b.Fatal(err)
		}
	}
}

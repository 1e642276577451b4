package faults_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// bank is pgbench's simple-update schema in small, and events for writes that stand alone. Each row of history and
// events has a number that is used once, so that what is stored can be compared with what callers were told.
const bank = `
create table accounts (aid bigint primary key, balance bigint not null default 0, touched bigint not null default 0, note text);
create table history (aid bigint not null, ref bigint not null, delta bigint not null, primary key (aid, ref));
create table events (aid bigint not null, ref bigint not null, note text, primary key (aid, ref));
create table named (name text not null, ref bigint not null, primary key (name, ref));
create table plans (id int primary key, name text);
select keyway.shard_table('accounts', 'aid');
select keyway.shard_table('history', 'aid');
select keyway.shard_table('events', 'aid');
select keyway.shard_table('named', 'name');
select keyway.reference_table('plans');
insert into plans values (1, 'free'), (2, 'paid');
`

// accountOn returns the n-th account that lives on the i-th shard.
func accountOn(t testing.TB, db *router.DB, i, n int) int64 {
	t.Helper()
	for aid := int64(1); aid < 100_000; aid++ {
		route, err := db.Route(shard.Int64(aid))
		require.NoError(t, err)
		if route.Shard != testkit.ID(i) {
			continue
		}
		if n == 0 {
			return aid
		}
		n--
	}
	t.Fatalf("no account is on shard %d", i)
	return 0
}

// appOf is the role that the library connects as on the i-th server.
func appOf(set *testkit.Set, i int) string {
	return set.Config.Instances[set.Config.Shards[testkit.ID(i)].Instance].Credentials.App.User
}

// noMisplaced checks that every row is on the shard of its key, with the key's slot.
func noMisplaced(t testing.TB, set *testkit.Set, tables ...string) {
	t.Helper()
	for i := range set.Clusters {
		super := set.Super(t, i)
		for _, table := range tables {
			rows, err := super.Query(t.Context(), "select aid, slot from "+table)
			require.NoError(t, err)
			var aid int64
			var slot int16
			_, err = pgx.ForEachRow(rows, []any{&aid, &slot}, func() error {
				key := shard.Int64(aid)
				owner, _ := set.DB.Map().Shard(key.Slot())
				if owner != testkit.ID(i) || shard.Slot(slot) != key.Slot() {
					t.Errorf("table %s on %s: a row of slot %d (stored as %d), which %s owns", table, testkit.ID(i),
						key.Slot(), slot, owner)
				}
				return nil
			})
			require.NoError(t, err)
		}
	}
}

package router_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestShardsThatWouldAnswerDifferentlyAreNotReadTogether: by what their sessions print by, and by their columns.
func TestShardsThatWouldAnswerDifferentlyAreNotReadTogether(t *testing.T) {
	f, own := opened(t, 2)
	stock(t, own, 8)
	super := f.superuser("s1")
	_, err := super.Exec(t.Context(), "alter table orders rename column total to sum")
	require.NoError(t, err)
	_, err = router.Select[struct{ ID int64 }](t.Context(), own.Scatter(), router.Text("select * from orders where id < 0"))
	var differ *router.DisagreementError
	require.ErrorAs(t, err, &differ)
	require.Equal(t, []shard.ID{"s0", "s1"}, []shard.ID{min(differ.ShardA, differ.ShardB), max(differ.ShardA, differ.ShardB)})
	sentence(t, err, "total", "sum")
	givenBack(t, own)
	own.Close()

	_, err = super.Exec(t.Context(), "alter table orders rename column sum to total; "+
		"do $$ begin execute format('alter database %I set lc_monetary = %L', current_database(), 'C'); "+
		"execute format('alter database %I set IntervalStyle = %L', current_database(), 'sql_standard'); end $$")
	require.NoError(t, err)
	db := f.open()
	_, err = router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders"))
	require.ErrorAs(t, err, &differ)
	sentence(t, err, "IntervalStyle", "sql_standard")
	givenBack(t, db)
	n, err := router.Get[int](t.Context(), db, router.Text("select count(*) from orders where tenant_id = $1", tenantOn(t, db, "s1", 0)))
	require.NoError(t, err, "one shard agrees with itself")
	require.Equal(t, 2, n)
}

// TestSlotsThatMoveWhenRowsAreOutFailTheRead: in turns the first shard's rows are given out before the second is asked,
// so the statement cannot be sent again.
func TestSlotsThatMoveWhenRowsAreOutFailTheRead(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 40)
	m := newMover(f)
	next, err := db.Map().Move(16000, 16383, "s0")
	require.NoError(t, err)
	rows, err := db.Scatter(router.MaxConns(1)).Query(t.Context(), "select o.id, repeat('x', 20000) from orders o")
	require.NoError(t, err)
	require.True(t, rows.Next(), "%v", rows.Err())
	// More than the merge reads ahead is left of the first shard, so the second one was not asked yet.
	require.NoError(t, catalog.StoreMap(f.ctx(), m.conns["s1"], next, "s1"))
	n := 1
	for rows.Next() {
		n++
	}
	var moved *router.MovedError
	require.ErrorAs(t, rows.Err(), &moved)
	require.Equal(t, shard.ID("s1"), moved.Shard)
	require.Equal(t, 20, n, "those of the first shard")
	givenBack(t, db)
}

// TestMoreShardsThanConnectionsAreReadInTurns: four databases of one server, which lends this process fewer connections.
func TestMoreShardsThanConnectionsAreReadInTurns(t *testing.T) {
	c := pgtest.Shared(t)
	f := onServers(t, c, c, c, c)
	role := router.Credential{User: localpg.Superuser}
	f.cfg.Instances = map[string]router.Instance{
		"i0": {Primary: c.Addr(), Credentials: router.Credentials{App: role, Migrator: role}},
	}
	for id, s := range f.cfg.Shards {
		s.Instance = "i0"
		f.cfg.Shards[id] = s
	}
	f.cfg.Budget = router.Budget{Connections: 4, Processes: 1}
	f.init()
	for id := range f.cfg.Shards {
		_, err := f.superuser(id).Exec(t.Context(), shop)
		require.NoError(t, err)
	}
	db := f.open()
	require.Less(t, db.Stat().Budget[0].Limit, 5, "one of them hears of the map")
	for i := range 20 {
		_, err := db.Exec(t.Context(), "insert into orders (tenant_id, id, state, total) values ($1, $1::bigint, 'new', 1)", i+1)
		require.NoError(t, err)
	}
	var readers sync.WaitGroup
	for range 3 { // who holds some and waits for more would wait for the others
		readers.Go(func() {
			for _, sql := range []string{
				"select id from orders", "select id from orders order by id", "select count(*) from orders group by id", "select id from orders where tenant_id = any('{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20}')",
			} {
				ids, err := router.Select[int64](t.Context(), db.Scatter(), router.Text(sql))
				if err != nil || len(ids) != 20 {
					t.Errorf("%s: %d rows, %v", sql, len(ids), err)
				}
			}
		})
	}
	readers.Wait()
	// Only in turns are ordered rows held.
	_, err := router.Select[int64](t.Context(), db.Scatter(router.MaxBytes(10)), router.Text("select id from orders order by id"))
	var large *router.TooLargeError
	require.ErrorAs(t, err, &large)
	givenBack(t, db)
}

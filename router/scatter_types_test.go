package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestEnumsThatSortInAnotherWayOnAnotherShardAreNotReadTogether(t *testing.T) {
	f, db := opened(t, 2)
	f.everywhere("create type mood as enum ('sad', 'happy'); " +
		"create table people (tenant_id bigint not null, id int, m mood, all_of mood[]); select keyway.shard_table('people', 'tenant_id')")
	add := func(on shard.ID, how string) {
		_, err := f.migrator(on).Exec(f.ctx(), "alter type mood add value "+how)
		require.NoError(t, err)
	}
	fill := func(label string) {
		for i := range 8 {
			_, err := db.Exec(t.Context(), "insert into people (tenant_id, id, m, all_of) values ($1, 1, $2::text::mood, array['sad', 'happy']::mood[])", i, label)
			require.NoError(t, err)
		}
	}
	read := func(sql string) error {
		_, err := router.Select[string](t.Context(), db.Scatter(), router.Text(sql))
		return err
	}
	reopen := func() {
		db.Close()
		db = f.open()
	}

	reopen()
	fill("sad")
	add("s1", "'better' after 'sad'")
	require.NoError(t, read("select m from people order by m, id"), "one shard comes after the other")
	add("s0", "'better' after 'sad'")
	reopen()
	require.NoError(t, read("select m from people order by m, id"))

	add("s0", "'ok' before 'happy'")
	add("s1", "'ok' after 'happy'")
	reopen()
	var differ *router.DisagreementError
	for _, sql := range []string{
		"select m from people order by m, id", "select m from people", "select max(m) from people", "select m from people group by m",
		"select id::text from people order by m, id", "select all_of::text as shown from people order by all_of",
	} {
		require.ErrorAs(t, read(sql), &differ, sql)
		require.Contains(t, differ.What, "are in different order")
	}
	require.NoError(t, read("select id::text from people order by id"))
	givenBack(t, db)
}

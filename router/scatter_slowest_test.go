package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestTheShardThatWasWaitedForIsSentToFirst: a shard that takes its time, and then another.
func TestTheShardThatWasWaitedForIsSentToFirst(t *testing.T) {
	f, db := opened(t, 4)
	stock(t, db, 8)
	const sql = "select id from orders order by id"
	slow := func(id shard.ID) {
		_, err := f.superuser(id).Exec(t.Context(), `alter table orders enable row level security;
			create policy slow on orders using ((select pg_sleep(0.5)) is not null)`)
		require.NoError(t, err)
	}
	quick := func(id shard.ID) {
		_, err := f.superuser(id).Exec(t.Context(), "drop policy slow on orders; alter table orders disable row level security")
		require.NoError(t, err)
	}
	read := func() {
		ids, err := router.Select[int](t.Context(), db.Scatter(), router.Text(sql))
		require.NoError(t, err)
		require.Len(t, ids, 8)
		require.IsIncreasing(t, ids)
	}
	for _, id := range []shard.ID{"s1", "s0", "s1"} {
		slow(id)
		for range 2 {
			read()
			require.Equal(t, id, router.SentFirst(db, sql))
		}
		quick(id)
	}
}

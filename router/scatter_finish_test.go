package router_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestTheConnectionThatFinishesIsGivenBack: however the finishing statement ends.
func TestTheConnectionThatFinishesIsGivenBack(t *testing.T) {
	_, db := stocked(t, 20)
	finish := func(sql string, args ...any) error {
		_, err := router.Select[int64](t.Context(), db.Scatter(), router.Text(sql, args...))
		return err
	}
	for range 3 {
		require.NoError(t, finish("select count(*) from orders group by state having count(*) > $1", 0))
		givenBack(t, db)
		err := finish("select count(*) from orders group by state having 1 / (count(*) - count(*)) > 0")
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg)
		require.Equal(t, "22012", pg.Code)
		sentence(t, err, "shard s")
		givenBack(t, db)
		panics := true
		require.PanicsWithValue(t, "a Valuer of the caller", func() {
			_ = finish("select count(*) from orders group by state having count(*) > $1", moody{&panics})
		})
		givenBack(t, db)
		rows, err := db.Scatter().Query(t.Context(), "select id, count(*) from orders group by id")
		require.NoError(t, err)
		require.True(t, rows.Next())
		rows.Close()
		givenBack(t, db)
		require.Len(t, rows.FieldDescriptions(), 2)
	}
}

// TestWhatAServerFinishesIsNotCut: a shard that is asked for its part of the first rows alone leaves out what others do not
// have, and who finishes cannot tell.
func TestWhatAServerFinishesIsNotCut(t *testing.T) {
	const limit = 40
	_, db := opened(t, 4)
	home := tenantOn(t, db, "s2", 0)
	_, err := db.ForKey(shard.Int64(home)).CopyFrom(t.Context(), pgx.Identifier{"orders"}, []string{"tenant_id", "id", "state"},
		pgx.CopyFromSlice(100, func(i int) ([]any, error) { return []any{home, i, "a"}, nil }))
	require.NoError(t, err)
	for i, id := range []shard.ID{"s0", "s1", "s3"} {
		_, err := db.Exec(t.Context(), "insert into orders (tenant_id, id, state) values ($1, $2, 'z')", tenantOn(t, db, id, 0), 1000+i)
		require.NoError(t, err)
	}
	for _, sql := range []string{
		`select id from orders order by state collate "en-x-icu", id limit 40`, // known from its text
		"select id from orders order by to_jsonb(state), id limit 40",          // known when it has run
	} {
		for range 3 {
			ids, err := router.Select[int](t.Context(), db.Scatter(), router.Text(sql))
			require.NoError(t, err)
			require.Len(t, ids, limit)
			for i, id := range ids {
				require.Equal(t, i, id, sql)
			}
		}
	}
}

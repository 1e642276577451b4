package router_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestTheFirstRowsAreRightWhicheverShardHasThem: rows that are spread, and rows of which one shard or two have all the
// first ones, so that it is asked for too few at first.
func TestTheFirstRowsAreRightWhicheverShardHasThem(t *testing.T) {
	const rows, limit = 400, 40
	f, db := opened(t, 4)
	var tenants [4]int64
	for i := range tenants {
		tenants[i] = tenantOn(t, db, shard.ID(fmt.Sprintf("s%d", i)), 0)
	}
	for name, of := range map[string]func(i int) int{
		"spread":    func(i int) int { return i % 4 },
		"on one":    func(int) int { return 2 },
		"in blocks": func(i int) int { return i / 100 },
		"unlike":    func(i int) int { return []int{0, 0, 0, 3, 0, 0, 0, 0, 1, 0}[i%10] },
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 4 {
				_, err := f.superuser(shard.ID(fmt.Sprintf("s%d", i))).Exec(t.Context(), "delete from orders")
				require.NoError(t, err)
			}
			_, err := db.CopyFrom(t.Context(), pgx.Identifier{"orders"}, []string{"tenant_id", "id", "total"},
				pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return []any{tenants[of(i)], int64(i), i}, nil }))
			require.NoError(t, err)
			for range 6 {
				for _, offset := range []int{0, 5} {
					up, err := router.Select[int](t.Context(), db.Scatter(), router.Text("select id from orders order by total limit $1 offset $2", limit, offset))
					require.NoError(t, err)
					down, err := router.Select[int](t.Context(), db.Scatter(), router.Text(
						fmt.Sprintf("select id from orders order by total desc limit %d offset %d", limit, offset)))
					require.NoError(t, err)
					require.Len(t, up, limit)
					require.Len(t, down, limit)
					for i := range limit {
						require.Equal(t, offset+i, up[i])
						require.Equal(t, rows-1-offset-i, down[i])
					}
				}
			}
			givenBack(t, db)
		})
	}

	p, err := db.Scatter().Explain("select id from orders order by total limit 40")
	require.NoError(t, err)
	require.EqualValues(t, 21, p.Cut)
	require.Contains(t, p.String(), "limit    each shard is asked for 21 rows first\n")
}

func TestExplainTellsNoCutWhereNoneIsSent(t *testing.T) {
	_, db := opened(t, 4)
	const sorted = "select id from orders order by total limit 40"
	for conns, want := range map[int]int64{0: 21, 3: 0, 4: 21, 5: 21} {
		p, err := db.Scatter(router.MaxConns(conns)).Explain(sorted)
		require.NoError(t, err)
		require.Equal(t, want, p.Cut, "with %d connections", conns)
	}

	for _, sql := range []string{
		"select id from orders order by to_jsonb(state) limit 40",          // known when it has run
		`select id from orders order by state collate "en-x-icu" limit 40`, // known from its text
	} {
		_, err := router.Select[int64](t.Context(), db.Scatter(), router.Text(sql))
		require.NoError(t, err)
		p, err := db.Scatter().Explain(sql)
		require.NoError(t, err)
		require.Equal(t, "finished by a server", p.Combine, sql)
		require.Zero(t, p.Cut, sql)
	}
}

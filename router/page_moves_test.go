package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// TestEveryRowIsOnOnePageWhileSlotsMove moves the rows of two tenants to and fro between pages, leaves copies behind, and
// inserts and deletes others before and behind the place where the pages are, also with a process that hears of no move.
func TestEveryRowIsOnOnePageWhileSlotsMove(t *testing.T) {
	f, hears := opened(t, 2)
	deaf := f.open(router.WithPollInterval(time.Hour))
	const orders = 16
	stock(t, hears, orders)
	from := shard.Int64(tenantOn(t, hears, "s0", 0)).Slot()
	m := newMover(f)
	at, other := shard.ID("s0"), shard.ID("s1")
	passing := tenantOn(t, hears, "s1", 1)
	version, extra := hears.Map().Version(), int64(100)
	for _, db := range []*router.DB{hears, deaf} {
		o := router.PageOptions{Size: 5}
		var seen []int64
		for turn := int64(1); ; turn++ {
			page, err := router.Page[int64](t.Context(), db.Scatter(),
				router.Text("select id from orders order by total, tenant_id desc, id"), o)
			require.NoError(t, err)
			for _, id := range page.Rows {
				if id <= orders {
					seen = append(seen, id)
				}
			}
			if o.After = page.Next; o.After == "" {
				break
			}
			m.move(from, from, at, other, func() {})
			if at, other = other, at; turn%2 == 0 {
				m.cleanup(other, from, from)
			}
			_, err = hears.Exec(t.Context(), "delete from orders where tenant_id = $1 and id > $2", passing, orders)
			require.NoError(t, err)
			for _, total := range []any{0, 10 * turn, 20 * turn, 60 * turn, nil} {
				extra++
				_, err = hears.Exec(t.Context(), "insert into orders (tenant_id, id, total) values ($1, $2, $3)", passing, extra, total)
				require.NoError(t, err)
			}
		}
		require.Len(t, seen, orders)
		for i, id := range seen {
			require.EqualValues(t, i+1, id)
		}
	}
	require.Eventually(t, func() bool { return hears.Map().Version() > version+4 }, time.Minute, 10*time.Millisecond, "too few moves")
}

// TestRowsOfOnePlaceAreFoundWhereAnIndexIsMissing: the other shard, or yesterday, had a unique index.
func TestRowsOfOnePlaceAreFoundWhereAnIndexIsMissing(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 4)
	stmt := router.Text("select id from orders order by tenant_id, id")
	_, err := router.Page[int64](t.Context(), db.Scatter(), stmt, router.PageOptions{Size: 1})
	require.NoError(t, err)
	owner := f.migrator("s1")
	_, err = owner.Exec(t.Context(), "alter table orders drop constraint orders_pkey; insert into orders (tenant_id, id) select tenant_id, id from orders")
	require.NoError(t, err)
	read := func(o router.PageOptions) (err error) {
		for page := (router.PageOf[int64]{Next: "first"}); err == nil && page.Next != ""; o.After = page.Next {
			page, err = router.Page[int64](t.Context(), db.Scatter(), stmt, o)
		}
		return err
	}
	for size := range 5 {
		err := read(router.PageOptions{Size: size + 1})
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused, "pages of %d", size+1)
		require.Equal(t, "order not total", refused.Reason)
	}
}

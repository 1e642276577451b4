package router_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// numbered is a source of the rows 1 to n, in turn for each tenant, whose number is the id. before may be nil.
func numbered(n int, tenants []int64, before func(i int) error) pgx.CopyFromSource {
	return pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		if before != nil {
			if err := before(i + 1); err != nil {
				return nil, err
			}
		}
		return []any{tenants[i%len(tenants)], i + 1}, nil
	})
}

// there reads which rows are there, sorted.
func there(t *testing.T, db *router.DB) []int64 {
	t.Helper()
	ids, err := router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders order by id"))
	require.NoError(t, err)
	return ids
}

// says checks an error against what is there.
func says(t *testing.T, db *router.DB, n int64, err error) *router.CopyPartsError {
	t.Helper()
	var parts *router.CopyPartsError
	require.ErrorAs(t, err, &parts)
	var want []int64
	for i := int64(1); i <= parts.Through; i++ {
		if !slices.Contains(parts.Missing, i) && !slices.Contains(parts.InDoubt, i) {
			want = append(want, i)
		}
	}
	require.Equal(t, want, there(t, db))
	require.Len(t, want, int(n))
	sentence(t, err, "public.orders", "are there", "none behind them")
	return parts
}

var copied = []string{"tenant_id", "id"}

func TestACopyInPartsSaysWhichRowsAreThere(t *testing.T) {
	f, db := opened(t, 2)
	owner := f.migrator("s1")
	_, err := owner.Exec(t.Context(), `create function refuse() returns trigger language plpgsql as 'begin if new.id >= 50 then raise exception ''no''; end if; return new; end';
		create trigger late before insert on orders for each row execute function refuse()`)
	require.NoError(t, err)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 1)}
	orders := pgx.Identifier{"orders"}

	n, err := db.CopyInParts(t.Context(), orders, copied, numbered(200, tenants, nil), 20)
	parts := says(t, db, n, err)
	require.EqualValues(t, 60, parts.Through, "the part in which row 50 is")
	require.NotEmpty(t, parts.Missing)
	require.Empty(t, parts.InDoubt)
	var at *router.ShardError
	require.ErrorAs(t, err, &at)
	require.Equal(t, shard.ID("s1"), at.Shard)

	_, err = owner.Exec(t.Context(), "drop trigger late on orders")
	require.NoError(t, err)
	var rest [][]any // as the error says one goes on
	for i := int64(1); i <= 200; i++ {
		if i > parts.Through || slices.Contains(parts.Missing, i) {
			rest = append(rest, []any{tenants[(i-1)%3], i})
		}
	}
	n, err = db.CopyInParts(t.Context(), orders, copied, pgx.CopyFromRows(rest), 0)
	require.NoError(t, err)
	require.Len(t, rest, int(n))
	require.Len(t, there(t, db), 200)
}

func TestACopyInPartsOfABadSourceSendsNothingOfThePart(t *testing.T) {
	_, db := onShop(t)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)}
	broken := errors.New("broken")
	fails := func(at int) pgx.CopyFromSource {
		return numbered(100, tenants, func(i int) error {
			if i == at {
				return broken
			}
			return nil
		})
	}
	n, err := db.CopyInParts(t.Context(), pgx.Identifier{"orders"}, copied, fails(5), 10)
	require.Equal(t, broken, err, "nothing was copied")
	require.Zero(t, n)
	n, err = db.CopyInParts(t.Context(), pgx.Identifier{"orders"}, copied, fails(25), 10)
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 20, says(t, db, n, err).Through)
	_, err = db.CopyInParts(t.Context(), pgx.Identifier{"plans"}, []string{"id"}, pgx.CopyFromRows(nil), 0)
	sentence(t, err, "reference table")
	n, err = db.CopyInParts(t.Context(), pgx.Identifier{"jobs"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {2}, {3}}), 2)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
}

// TestACopyInPartsFollowsSlotsThatMove: parts are sent while no shard has the slot, and find its next owner.
func TestACopyInPartsFollowsSlotsThatMove(t *testing.T) {
	f, db := opened(t, 2)
	m := newMover(f)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)}
	slot := shard.Int64(tenants[0]).Slot()
	var moves sync.WaitGroup
	move := func(from, to shard.ID) {
		nobodys := make(chan struct{})
		moves.Go(func() {
			m.move(slot, slot, from, to, func() {
				close(nobodys)
				time.Sleep(100 * time.Millisecond) // the part is sent meanwhile
			})
		})
		<-nobodys
	}
	n, err := db.CopyInParts(t.Context(), pgx.Identifier{"orders"}, copied, numbered(60, tenants, func(i int) error {
		switch i {
		case 20:
			move("s0", "s1")
		case 40:
			moves.Wait()
			move("s1", "s0")
		}
		return nil
	}), 10)
	moves.Wait()
	require.NoError(t, err)
	require.EqualValues(t, 60, n)
	require.Len(t, there(t, db), 60)
}

// TestACopyInPartsWhoseReplyIsLostIsInDoubt: the caller gives up while one shard is at work.
func TestACopyInPartsWhoseReplyIsLostIsInDoubt(t *testing.T) {
	f, db := opened(t, 2)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0)}
	tx, err := f.migrator("s1").Begin(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch := f.superuser("s1")
	n, err := db.CopyInParts(ctx, pgx.Identifier{"orders"}, copied, numbered(40, tenants, func(i int) error {
		if i == 25 {
			_, err := tx.Exec(t.Context(), "lock table orders in share mode")
			go func() {
				for waits := 0; waits == 0 && t.Context().Err() == nil; time.Sleep(time.Millisecond) {
					_ = watch.QueryRow(t.Context(), "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()").Scan(&waits)
				}
				cancel()
			}()
			return err
		}
		return nil
	}), 10)
	require.NoError(t, tx.Rollback(t.Context()))
	var doubt *txn.InDoubtError
	require.ErrorAs(t, err, &doubt)
	var parts *router.CopyPartsError
	require.ErrorAs(t, err, &parts)
	require.Equal(t, []int64{22, 24, 26, 28, 30}, parts.InDoubt)
	require.Empty(t, parts.Missing)
	require.EqualValues(t, 30, parts.Through)
	require.EqualValues(t, 25, n)
	sentence(t, err, "5 are in doubt")
}

package router_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// move gives one slot to another shard as a cutover does: the old owner refuses it first, then the catalog says where
// it is, then the new owner takes it. between runs in the pause.
func (f *fixture) move(slot shard.Slot, from, to shard.ID, between func()) *shard.Map {
	f.t.Helper()
	ctx := f.ctx()
	source, target, owner := f.migrator(from), f.migrator(to), f.migrator("s0")
	m, err := catalog.ReadMap(ctx, owner)
	require.NoError(f.t, err)
	next, err := m.Move(slot, slot, to)
	require.NoError(f.t, err)
	if from != "s0" {
		require.NoError(f.t, catalog.StoreMap(ctx, source, next, from))
	}
	require.NoError(f.t, catalog.SwapMap(ctx, owner, m.Version(), next))
	require.NoError(f.t, catalog.StoreMap(ctx, owner, next, "s0"))
	if between != nil {
		between()
	}
	if to != "s0" {
		require.NoError(f.t, catalog.StoreMap(ctx, target, next, to))
	}
	return next
}

func TestAMovedSlotIsFoundAtItsNewShard(t *testing.T) {
	// The poll interval is long, so that only the notification or a shard's refusal can bring the news.
	f, db := opened(t, 2, router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s0", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	next := f.move(shard.Int64(tenant).Slot(), "s0", "s1", nil)

	_, err = db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 2)", tenant)
	require.NoError(t, err)
	r, err := db.Route(shard.Int64(tenant))
	require.NoError(t, err)
	require.Equal(t, shard.ID("s1"), r.Shard)
	require.Equal(t, next.Version(), r.MapVersion)
	ids, err := router.Select[int64](ctx, db.Shard("s1"), router.Text("select id from orders where tenant_id = $1", tenant))
	require.NoError(t, err)
	require.Equal(t, []int64{2}, ids)
}

// TestARefusedSlotIsTriedAgainWhileItMoves: without any notification, through every kind of statement, also in the
// pause in which no shard takes the slot.
func TestARefusedSlotIsTriedAgainWhileItMoves(t *testing.T) {
	f, db := opened(t, 2, router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	f.deaf(db)
	for i, write := range map[string]func(tenant int64) error{
		"Exec": func(tenant int64) error {
			_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
			return err
		},
		"QueryRow": func(tenant int64) error {
			return db.QueryRow(ctx, "insert into orders (tenant_id, id) values ($1, 1) returning id", tenant).Scan(new(int64))
		},
		"Query": func(tenant int64) error {
			_, err := router.Get[int64](ctx, db, router.Text("insert into orders (tenant_id, id) values ($1, 1) returning id", tenant))
			return err
		},
		"InTx": func(tenant int64) error {
			return db.InTx(ctx, shard.Int64(tenant), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Exec(ctx, "insert into orders (tenant_id, id) values ($1, 1)", tenant)
				return err
			})
		},
	} {
		t.Run(i, func(t *testing.T) {
			tenant := tenantOn(t, db, "s0", 0)
			done := make(chan error, 1)
			f.move(shard.Int64(tenant).Slot(), "s0", "s1", func() {
				go func() { done <- write(tenant) }()
				select {
				case err := <-done:
					t.Fatalf("nobody took the slot yet: %v", err)
				case <-time.After(100 * time.Millisecond):
				}
			})
			require.NoError(t, <-done)
			r, err := db.Route(shard.Int64(tenant))
			require.NoError(t, err)
			require.Equal(t, shard.ID("s1"), r.Shard)
		})
	}
}

// deaf ends the connection that listens, for good: nothing tells db of a new map but a shard's refusal.
func (f *fixture) deaf(db *router.DB) {
	f.t.Helper()
	router.StopListening(db)
}

func TestNoAcknowledgedWriteIsLostWhileSlotsMove(t *testing.T) {
	f, db := opened(t, 2)
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s0", 0)
	var acknowledged atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := int64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values ($1, $2)", tenant, int64(w)*1_000_000+i)
				if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "KW001" {
					continue // the move took longer than statements wait, as it may on a busy machine: it was refused to the last
				}
				if err != nil {
					t.Errorf("write %d: %v", i, err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	slot := shard.Int64(tenant).Slot()
	for range 3 {
		before := acknowledged.Load()
		require.Eventually(t, func() bool { return acknowledged.Load() > before+5 }, time.Minute, time.Millisecond)
		f.move(slot, "s0", "s1", nil)
		f.move(slot, "s1", "s0", nil)
	}
	close(stop)
	wg.Wait()
	total := int64(0)
	for _, id := range []shard.ID{"s0", "s1"} {
		n, err := router.Get[int64](ctx, db.Shard(id), router.Text("select count(*) from orders"))
		require.NoError(t, err)
		total += n
	}
	require.Equal(t, acknowledged.Load(), total)
	require.EqualValues(t, 7, db.Map().Version())
}

func TestAnOlderMapIsNeverTaken(t *testing.T) {
	f, db := opened(t, 2, router.WithPollInterval(10*time.Millisecond))
	slot := shard.Int64(tenantOn(t, db, "s0", 0)).Slot()
	next := f.move(slot, "s0", "s1", nil)
	require.Eventually(t, func() bool { return db.Map().Version() == next.Version() }, time.Minute, time.Millisecond)
	router.InstallMap(db, older(t))
	require.True(t, db.Map().Equal(next))
}

func older(t *testing.T) *shard.Map {
	m, err := shard.Even(1, "s1")
	require.NoError(t, err)
	return m
}

func TestAPollFindsWhatNoNotificationBrought(t *testing.T) {
	f, db := opened(t, 2, router.WithPollInterval(20*time.Millisecond))
	_, err := f.superuser("s0").Exec(f.ctx(), `select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid()`)
	require.NoError(t, err)
	next := f.move(shard.Int64(tenantOn(t, db, "s0", 0)).Slot(), "s0", "s1", nil)
	require.Eventually(t, func() bool { return db.Map().Version() == next.Version() }, time.Minute, time.Millisecond)
}

func TestTablesRegisteredLaterAreFound(t *testing.T) {
	f, db := opened(t, 2)
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into notes (tenant_id, id) values (1, 1)")
	sentence(t, err, "notes")
	f.everywhere("create table notes (tenant_id bigint not null, id int not null, primary key (tenant_id, id)); select keyway.shard_table('notes', 'tenant_id')")
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into notes (tenant_id, id) values (1, 1)")
		return err == nil
	}, time.Minute, 50*time.Millisecond, "%v", err)
	f.everywhere("alter table notes add column body text")
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "update notes set body = 'x' where tenant_id = 1 and id = 1")
		return err == nil
	}, time.Minute, 50*time.Millisecond, "%v", err)
}

// TestATableIsKnownWhenEveryShardHasIt: half-way through a migration the registry of before is kept.
func TestATableIsKnownWhenEveryShardHasIt(t *testing.T) {
	f, db := opened(t, 2, router.WithPollInterval(20*time.Millisecond))
	ctx := f.ctx()
	const create = `create table notes (tenant_id bigint not null, id int not null, primary key (tenant_id, id));
		select keyway.shard_table('notes', 'tenant_id')`
	half := f.migrator("s1")
	_, err := half.Exec(ctx, create)
	require.NoError(t, err)
	_, err = half.Exec(ctx, "grant insert on notes to "+f.apps[1])
	require.NoError(t, err)
	until := time.Now().Add(500 * time.Millisecond)
	for time.Now().Before(until) { // many polls and looks on demand
		_, err = db.Exec(ctx, "insert into notes (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s1", 0))
		var refused *router.RefusedError
		require.ErrorAs(t, err, &refused)
	}
	_, err = f.migrator("s0").Exec(ctx, create)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into notes (tenant_id, id) values ($1, 1)", tenantOn(t, db, "s1", 0))
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
}

// TestAChangedColumnDoesNotFailACachedStatement: the server refuses the prepared plan once (0A000).
func TestAChangedColumnDoesNotFailACachedStatement(t *testing.T) {
	f, db := opened(t, 1)
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values (1, 1)")
	require.NoError(t, err)
	const q = "select * from orders where tenant_id = $1"
	read := func() int {
		got, err := db.Query(ctx, q, 1)
		require.NoError(t, err)
		list, err := pgx.CollectRows(got, pgx.RowToMap)
		require.NoError(t, err)
		require.Len(t, list, 1)
		return len(list[0])
	}
	before := read()
	f.everywhere("alter table orders add column added int")
	require.Equal(t, before+1, read())
}

// TestATableThatIsNoLongerAsRegisteredSaysSo: a column of the key that changed its type makes every plan wrong.
func TestATableThatIsNoLongerAsRegisteredSaysSo(t *testing.T) {
	f, db := opened(t, 1)
	ctx := f.ctx()
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) values (1, 1)")
	require.NoError(t, err)
	_, err = f.superuser("s0").Exec(ctx, "alter table items rename to articles")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into items (tenant_id, order_id, n) values (1, 1, 1)")
		return err != nil
	}, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		_, err = db.Exec(ctx, "insert into items (tenant_id, order_id, n) values (1, 1, 1)")
		var refused *router.RefusedError
		return errors.As(err, &refused)
	}, time.Minute, 50*time.Millisecond, "%v", err)
	sentence(t, err, "items")
	t.Log(err)
}

func TestABudgetTooSmallToListenLooksForTheMapOverOrdinaryConnections(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(shop)
	db := f.open(router.WithPollInterval(20*time.Millisecond), router.WithoutLease(1))
	tenant := tenantOn(t, db, "s0", 0)
	_, err := db.Exec(f.ctx(), "insert into orders (tenant_id, id) values ($1, 1)", tenant)
	require.NoError(t, err)
	next := f.move(shard.Int64(tenant).Slot(), "s0", "s1", nil)
	require.Eventually(t, func() bool {
		r, err := db.Route(shard.Int64(tenant))
		return err == nil && r.MapVersion == next.Version()
	}, time.Minute, 5*time.Millisecond)
	for _, in := range db.Stat().Instances {
		require.LessOrEqual(t, in.Peak, 1)
	}
}

package router_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// mover moves slots of orders between shards as a move does: the old shard is told first, then the catalog, and the new
// shard begins to own the slots in the transaction that brings it the rows.
type mover struct {
	f     *fixture
	conns map[shard.ID]*pgx.Conn
}

func newMover(f *fixture) *mover {
	m := &mover{f: f, conns: map[shard.ID]*pgx.Conn{}}
	for id := range f.cfg.Shards {
		m.conns[id] = f.superuser(id)
	}
	return m
}

// move leaves the rows on the old shard as well, until cleanup takes them away. between is called when no shard owns
// the slots.
func (m *mover) move(lo, hi shard.Slot, from, to shard.ID, between func()) {
	t := m.f.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	current, err := catalog.ReadMap(ctx, m.conns["s0"])
	require.NoError(t, err)
	next, err := current.Move(lo, hi, to)
	require.NoError(t, err)
	if from != "s0" {
		require.NoError(t, catalog.StoreMap(ctx, m.conns[from], next, from))
	}
	require.NoError(t, catalog.SwapMap(ctx, m.conns["s0"], current.Version(), next))
	if to != "s0" {
		require.NoError(t, catalog.StoreMap(ctx, m.conns["s0"], next, "s0"))
	}
	between()

	rows, err := m.conns[from].Query(ctx, "select tenant_id, id, state, total from orders where slot between $1 and $2", int16(lo), int16(hi))
	require.NoError(t, err)
	orders, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Tenant, ID int64
		State      *string
		Total      *int
	}])
	require.NoError(t, err)
	tx, err := m.conns[to].Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	var los, his []int16
	var ids []string
	for _, r := range next.Ranges() {
		los, his, ids = append(los, int16(r.Lo)), append(his, int16(r.Hi)), append(ids, string(r.Shard))
	}
	_, err = tx.Exec(ctx, "select keyway.store_map($1, $2, $3, $4, $5)", int64(next.Version()), los, his, ids, string(to))
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "delete from orders where slot between $1 and $2", int16(lo), int16(hi)) // of an earlier move
	require.NoError(t, err)
	for _, o := range orders {
		_, err = tx.Exec(ctx, "insert into orders (tenant_id, id, state, total) values ($1, $2, $3, $4)", o.Tenant, o.ID, o.State, o.Total)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit(ctx))
}

// cleanup deletes what a shard does not own any more, which its triggers refuse to everybody else.
func (m *mover) cleanup(id shard.ID, lo, hi shard.Slot) {
	t := m.f.t
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tx, err := m.conns[id].Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, "alter table orders disable trigger user")
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "delete from orders where slot between $1 and $2", int16(lo), int16(hi))
	require.NoError(t, err)
	for _, name := range []string{"~~keyway_1_fill", "~~keyway_1_refill", "~~keyway_2_key", "~~keyway_3_insert", "~~keyway_3_update", "~~keyway_3_delete"} {
		_, err = tx.Exec(ctx, "alter table orders enable always trigger "+pgx.Identifier{name}.Sanitize())
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit(ctx))
}

// TestScatterCountsEachRowOnceWhileSlotsMove: a process that hears of moves and one that learns of them from the shards
// read all rows, in every way to merge, while rows go to and fro, are on both shards, and are deleted on one.
func TestScatterCountsEachRowOnceWhileSlotsMove(t *testing.T) {
	f, db := opened(t, 2)
	deaf := f.open(router.WithPollInterval(time.Hour))
	const orders = 60
	stock(t, db, orders)
	tenants := []int64{tenantOn(t, db, "s0", 0), tenantOn(t, db, "s1", 0), tenantOn(t, db, "s0", 1), tenantOn(t, db, "s1", 1)}
	// One tenant of each shard stays, so that no map has all the keys on one shard: such a statement goes there as it is,
	// and a read of one shard asks nothing; see ADR 0020.
	mid := shard.Int64(tenants[0]).Slot()
	require.Greater(t, shard.Int64(tenants[2]).Slot(), mid)
	require.Greater(t, shard.Int64(tenants[3]).Slot(), shard.Slot(12000))
	var reads, wrong, late atomic.Int64
	var readers sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop); readers.Wait() })
	defer end()
	for i, read := range []func(*router.ScatterDB) (int, error){
		func(*router.ScatterDB) (int, error) { // each shard is sent its own keys, and no slots
			ids, err := router.Select[int64](t.Context(), db, router.Text("select id from orders where tenant_id = any($1)", tenants))
			return len(ids), err
		},
		func(*router.ScatterDB) (int, error) {
			return router.Get[int](t.Context(), deaf, router.Text("select count(*) from orders where tenant_id = any($1)", tenants))
		},
		func(s *router.ScatterDB) (int, error) {
			ids, err := router.Select[int64](t.Context(), s, router.Text("select id from orders"))
			return len(ids), err
		},
		func(s *router.ScatterDB) (int, error) {
			ids, err := router.Select[int64](t.Context(), s, router.Text("select id from orders order by id"))
			for i, id := range ids {
				if id != int64(i+1) {
					return i, err
				}
			}
			return len(ids), err
		},
		func(s *router.ScatterDB) (int, error) {
			return router.Get[int](t.Context(), s, router.Text("select count(*) from orders"))
		},
		func(s *router.ScatterDB) (n int, err error) {
			err = s.QueryRow(t.Context(), "select sum(total) / 10 from orders having count(*) > 0").Scan(&n)
			return n - orders*(orders+1)/2 + orders, err
		},
	} {
		handle := []*router.DB{db, deaf}[i%2].Scatter()
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond): // the mover needs the processor too
				}
				n, err := read(handle)
				if _, ok := errors.AsType[*router.MovedError](err); ok {
					late.Add(1) // the move took longer than statements wait, as it may on a busy machine
					continue
				}
				reads.Add(1)
				if err != nil || n != orders {
					wrong.Add(1)
					t.Errorf("reader %d: %d rows, %v", i, n, err)
				}
			}
		})
	}
	m := newMover(f)
	progress := func() {
		before := reads.Load()
		require.Eventually(t, func() bool { return wrong.Load() > 10 || reads.Load() > before+12 }, time.Minute, time.Millisecond)
	}
	pause := func() { time.Sleep(20 * time.Millisecond) }
	progress()
	for range 2 {
		m.move(0, mid, "s0", "s1", pause)
		progress()
		m.cleanup("s0", 0, mid)
		m.move(0, mid, "s1", "s0", pause)
		m.move(8192, 12000, "s1", "s0", pause)
		progress()
		m.move(8192, 12000, "s0", "s1", pause)
		m.cleanup("s0", 8192, 12000)
	}
	end()
	givenBack(t, db)
	t.Logf("%d reads, %d gave up waiting", reads.Load(), late.Load())
}

// TestScatterGivesUpOnSlotsThatNobodyOwns: a move that stopped half-way is an error that says so, and no rows.
func TestScatterGivesUpOnSlotsThatNobodyOwns(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 8)
	m := newMover(f)
	next, err := db.Map().Move(0, 100, "s1")
	require.NoError(t, err)
	require.NoError(t, catalog.StoreMap(f.ctx(), m.conns["s0"], next, "s0"))
	_, err = router.Select[int64](t.Context(), db.Scatter(), router.Text("select id from orders"))
	var moved *router.MovedError
	require.ErrorAs(t, err, &moved)
	sentence(t, err, "moving")
	givenBack(t, db)
}

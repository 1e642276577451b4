package faults_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// migrator connects to the i-th shard as the owner of its tables.
func migrator(t testing.TB, set *testkit.Set, i int) *pgx.Conn {
	t.Helper()
	cc, err := set.Config.ConnConfig(testkit.ID(i), router.Migrator)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(context.Background(), cc)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// mover moves slots with their rows, as a move that stops the slots' writers does.
type mover struct {
	t     testing.TB
	conns []*pgx.Conn
}

func newMover(t testing.TB, set *testkit.Set) *mover {
	m := &mover{t: t}
	for i := range set.Clusters {
		m.conns = append(m.conns, migrator(t, set, i))
	}
	return m
}

// move fences the source, publishes, and gives the slots with their rows to the target. cleanup deletes them on the
// source.
func (m *mover) move(lo, hi shard.Slot, from, to int, cleanup bool) *shard.Map {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	current, err := catalog.ReadMap(ctx, m.conns[0])
	require.NoError(m.t, err)
	next, err := current.Move(lo, hi, testkit.ID(to))
	require.NoError(m.t, err)
	if from != 0 {
		require.NoError(m.t, catalog.StoreMap(ctx, m.conns[from], next, testkit.ID(from)))
	}
	require.NoError(m.t, catalog.SwapMap(ctx, m.conns[0], current.Version(), next))
	require.NoError(m.t, catalog.StoreMap(ctx, m.conns[0], next, testkit.ID(0)))

	tx, err := m.conns[to].Begin(ctx)
	require.NoError(m.t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, "lock table accounts, events in access exclusive mode")
	require.NoError(m.t, err)
	if to != 0 {
		var los, his []int16
		var ids []string
		for _, r := range next.Ranges() {
			los, his, ids = append(los, int16(r.Lo)), append(his, int16(r.Hi)), append(ids, string(r.Shard))
		}
		_, err = tx.Exec(ctx, "select keyway.store_map($1, $2, $3, $4, $5)", int64(next.Version()), los, his, ids, string(testkit.ID(to)))
		require.NoError(m.t, err)
	}
	for _, table := range []struct{ name, columns string }{
		{"accounts", "aid, balance, touched, note"}, {"events", "aid, ref, note"},
	} {
		rows, err := m.conns[from].Query(ctx, "select "+table.columns+" from "+table.name+" where slot between $1 and $2", int16(lo), int16(hi))
		require.NoError(m.t, err)
		var values [][]any
		for rows.Next() {
			v, err := rows.Values()
			require.NoError(m.t, err)
			values = append(values, v)
		}
		require.NoError(m.t, rows.Err())
		columns := []string{"aid", "balance", "touched", "note"}
		if table.name == "events" {
			columns = []string{"aid", "ref", "note"}
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{table.name}, columns, pgx.CopyFromRows(values))
		require.NoError(m.t, err)
	}
	require.NoError(m.t, tx.Commit(ctx))
	if cleanup {
		for _, table := range []string{"accounts", "events"} {
			// The guard refuses to delete rows that the shard does not own; a mover has to pass it.
			m.without(ctx, m.conns[from], table, func(tx pgx.Tx) {
				_, err := tx.Exec(ctx, "delete from "+table+" where slot between $1 and $2", int16(lo), int16(hi))
				require.NoError(m.t, err)
			})
		}
	}
	return next
}

// without runs f in a transaction without the table's triggers.
func (m *mover) without(ctx context.Context, conn *pgx.Conn, table string, f func(pgx.Tx)) {
	tx, err := conn.Begin(ctx)
	require.NoError(m.t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	_, err = tx.Exec(ctx, "alter table "+table+" disable trigger user")
	require.NoError(m.t, err)
	f(tx)
	for _, name := range []string{"~~keyway_1_fill", "~~keyway_1_refill", "~~keyway_2_key", "~~keyway_3_insert", "~~keyway_3_update", "~~keyway_3_delete"} {
		_, err = tx.Exec(ctx, "alter table "+table+" enable always trigger "+pgx.Identifier{name}.Sanitize())
		require.NoError(m.t, err)
	}
	require.NoError(m.t, tx.Commit(ctx))
}

// TestSlotsMoveWithTheirRowsUnderLoad: callers insert, update, post and read while a shard's whole range goes to and
// fro. No insert and no addition that was acknowledged is lost, whatever a caller's map says.
func TestSlotsMoveWithTheirRowsUnderLoad(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Processes(2))
	other, err := router.Open(t.Context(), set.Config) // another process of the service
	require.NoError(t, err)
	t.Cleanup(other.Close)
	const accounts = 40
	for aid := int64(1); aid <= accounts; aid++ {
		_, err := set.DB.Exec(t.Context(), "insert into accounts (aid) values ($1)", aid)
		require.NoError(t, err)
	}
	l := newLedger()
	var added [accounts + 1]atomic.Int64
	var missed, seen atomic.Int64
	var callers sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop); callers.Wait() })
	defer end()
	for caller := range 8 {
		db := []*router.DB{set.DB, other}[caller%2]
		callers.Go(func() {
			for n := int64(caller); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				aid := 1 + n*7%accounts
				e := entry{aid: aid, ref: l.ref(), how: "exec"}
				_, err := db.Exec(ctx, "insert into events (aid, ref) values ($1, $2)", aid, e.ref)
				l.note(e, err)
				err = db.InTx(ctx, shard.Int64(aid), func(ctx context.Context, tx *txn.Tx) error {
					tag, err := tx.Exec(ctx, "update accounts set balance = balance + 1 where aid = $1", aid)
					if err == nil && tag.RowsAffected() != 1 {
						err = errMissing
					}
					return err
				})
				switch {
				case err == nil:
					added[aid].Add(1)
				case errors.Is(err, errMissing):
					missed.Add(1)
				default:
					t.Errorf("update: %v", err)
				}
				var got int64
				if err := db.QueryRow(ctx, "select aid from accounts where aid = $1", aid).Scan(&got); errors.Is(err, router.ErrNoRows) {
					seen.Add(1)
				} else if err != nil {
					t.Errorf("read: %v", err)
				}
				cancel()
			}
		})
	}
	m := newMover(t, set)
	progress := func() {
		before := l.next.Load()
		require.Eventually(t, func() bool { return l.next.Load() > before+80 }, time.Minute, time.Millisecond)
	}
	progress()
	for range 3 {
		m.move(0, 4095, 0, 1, true)
		progress()
		m.move(0, 4095, 1, 0, true)
		progress()
	}
	end()
	l.audit(t, set)
	noMisplaced(t, set, "accounts", "events")
	t.Logf("%d updates and %d reads found no row on a shard that had just given it away; %d inserts", missed.Load(), seen.Load(), l.next.Load())
	for aid := int64(1); aid <= accounts; aid++ {
		balance, err := router.Get[int64](t.Context(), set.DB, router.Text("select balance from accounts where aid = $1", aid))
		require.NoError(t, err)
		require.Equal(t, added[aid].Load(), balance, "account %d", aid)
	}
	for ref, v := range l.told {
		if v != acknowledged {
			t.Errorf("a write failed while slots moved: %v", l.why[ref])
			break
		}
	}
}

var errMissing = errors.New("the account is not there")

// TestWhatAStaleMapStillDoes states what holds for a process that has not heard of a move: it changes nothing on the old
// shard, as long as that keeps the rows, and what it reads there is what the old shard still has. A move that deletes
// them too early would turn a stale UPDATE into one of no rows: there is then no row for a trigger to refuse.
func TestWhatAStaleMapStillDoes(t *testing.T) { untilDeaf(t, whatAStaleMapStillDoes) }

func whatAStaleMapStillDoes(t *testing.T) (deaf bool) {
	set := deafSet(t)
	stale := set.DB
	aid := accountOn(t, stale, 0, 0)
	_, err := stale.Exec(t.Context(), "insert into accounts (aid, balance) values ($1, 7)", aid)
	require.NoError(t, err)

	slot := shard.Int64(aid).Slot()
	m := newMover(t, set)
	next := m.move(slot, slot, 0, 1, false)
	if stale.Map().Version() == next.Version() {
		return false
	}
	_, err = m.conns[1].Exec(t.Context(), "update accounts set balance = 8 where aid = $1", aid)
	require.NoError(t, err)

	balance, err := router.Get[int64](t.Context(), stale, router.Text("select balance from accounts where aid = $1", aid))
	require.NoError(t, err)
	require.EqualValues(t, 7, balance, "nothing tells a reader: the rows of before are still there")
	require.EqualValues(t, 1, stale.Map().Version())
	tag, err := stale.Exec(t.Context(), "delete from accounts where aid = $1 and balance = 7", aid)
	require.NoError(t, err)
	require.Zero(t, tag.RowsAffected(), "the old shard refused, and the new one has 8")
	require.Equal(t, next.Version(), stale.Map().Version(), "the refusal brought the news")
	tag, err = stale.Exec(t.Context(), "update accounts set balance = balance + 1 where aid = $1", aid)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
	balance, err = router.Get[int64](t.Context(), stale, router.Text("select balance from accounts where aid = $1", aid))
	require.NoError(t, err)
	require.EqualValues(t, 9, balance)
	return true
}

// untilDeaf repeats a test whose DB heard of the move after all: on a loaded machine its first look may come after it.
func untilDeaf(t *testing.T, try func(t *testing.T) (deaf bool)) {
	t.Helper()
	for range 10 {
		if try(t) {
			return
		}
	}
	t.Fatal("the DB heard of every move; nothing was tested")
}

// deafSet has a DB that nobody tells of a new map: it has one connection to each server, none of which it keeps for
// listening, and after its first look at the map the next one is far away.
func deafSet(t *testing.T) *testkit.Set {
	t.Helper()
	return testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Connections(4), testkit.Router(router.WithPollInterval(time.Hour)))
}

// TestABatchAndACopyLearnFromARefusal: they are not sent again by themselves, so the caller who sends them again must
// not meet the old map for ever.
func TestABatchAndACopyLearnFromARefusal(t *testing.T) {
	for name, write := range map[string]func(db *router.DB, aid int64) error{
		"batch": func(db *router.DB, aid int64) error {
			b := &pgx.Batch{}
			b.Queue("insert into events (aid, ref) values ($1, 1)", aid)
			return db.SendBatch(context.Background(), b).Close()
		},
		"copy": func(db *router.DB, aid int64) error {
			_, err := db.CopyFrom(context.Background(), pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromRows([][]any{{aid, 1}}))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			untilDeaf(t, func(t *testing.T) bool {
				set := deafSet(t)
				aid := accountOn(t, set.DB, 0, 0)
				slot := shard.Int64(aid).Slot()
				next := newMover(t, set).move(slot, slot, 0, 1, false)
				if set.DB.Map().Version() == next.Version() {
					return false
				}
				err := write(set.DB, aid)
				require.ErrorContains(t, err, "KW001")
				require.NotErrorIs(t, err, txn.ErrInDoubt)
				require.Eventually(t, func() bool { err = write(set.DB, aid); return err == nil }, time.Minute, 10*time.Millisecond, "%v", err)
				return true
			})
		})
	}
}

package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// stripes gives s0 every second piece of n pieces of the hash slots.
func stripes(n int) []shard.Range {
	var rs []shard.Range
	size := shard.HashSlots / n
	for i := 0; i < n; i += 2 {
		rs = append(rs, shard.Range{Lo: shard.Slot(i * size), Hi: shard.Slot((i+1)*size - 1), Shard: "s0"})
	}
	return rs
}

func TestAMapIsReadBackAsItWasStored(t *testing.T) {
	s := installed(t)
	_, err := catalog.ReadMap(s.ctx(), s.conn)
	require.ErrorIs(t, err, catalog.ErrNoMap)
	m := s.mapOf(7, append(stripes(30), shard.Range{Lo: 20000, Hi: 20001, Shard: "eu"}, shard.Range{Lo: 32767, Hi: 32767, Shard: "s0"})...)
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
	got, err := catalog.ReadMap(s.ctx(), s.conn)
	require.NoError(t, err)
	require.True(t, m.Equal(got), "%s\n%s", m, got)
	require.Equal(t, len(m.RangesOf("s0")), value[int](s, "select count(*) from keyway.owned"))
}

func TestAnOlderOrAnotherMapIsRefused(t *testing.T) {
	s := installed(t)
	m := s.mapOf(5, stripes(4)...)
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"), "the same again is fine")
	for name, other := range map[string]*shard.Map{"older": s.mapOf(4, stripes(4)...), "another": s.mapOf(5, stripes(8)...)} {
		var conflict *catalog.MapConflictError
		require.ErrorAs(t, catalog.StoreMap(s.ctx(), s.conn, other, "s0"), &conflict, name)
		require.Equal(t, uint64(5), conflict.Have)
		require.ErrorContains(t, conflict, "has version 5 and is not replaced")
	}
	err := catalog.StoreMap(s.ctx(), s.conn, s.mapOf(6), "s1")
	require.ErrorContains(t, err, "this database is shard s0, not s1")
	codeOf(t, catalog.CodeRefused, err)
	got, err := catalog.ReadMap(s.ctx(), s.conn)
	require.NoError(t, err)
	require.True(t, m.Equal(got))
}

func TestOneOfManySwapsWinsAndListenersHear(t *testing.T) {
	s := installed(t)
	listener := s.connect(s.app)
	_, err := listener.Exec(s.ctx(), "listen "+catalog.MapChannel)
	require.NoError(t, err)
	require.NoError(t, catalog.SwapMap(s.ctx(), s.conn, 0, s.mapOf(1)))
	n, err := listener.WaitForNotification(s.ctx())
	require.NoError(t, err)
	require.Equal(t, "1", n.Payload)

	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		conn := s.connect(s.migrator)
		wg.Go(func() { errs[i] = catalog.SwapMap(s.ctx(), conn, 1, s.mapOf(uint64(2+i), stripes(2+2*i)...)) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(t, -1, won, "two swaps won")
			won = i
			continue
		}
		var conflict *catalog.MapConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, uint64(1), conflict.Want)
		require.ErrorContains(t, err, "someone else changed it")
	}
	require.NotEqual(t, -1, won)
	got, err := catalog.ReadMap(s.ctx(), s.conn)
	require.NoError(t, err)
	require.True(t, s.mapOf(uint64(2+won), stripes(2+2*won)...).Equal(got))
	require.ErrorContains(t, catalog.SwapMap(s.ctx(), s.conn, 9, got), "cannot follow")
}

// The catalog's database is a shard too: publishing a map there does not fence it, storing it does.
func TestPublishingAMapChangesNoTrigger(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	m := s.mapOf(2)
	require.NoError(t, catalog.SwapMap(s.ctx(), s.conn, 1, m))
	s.exec("insert into orders values (1, 1)")
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
	s.refused(catalog.CodeNotOwned, "insert into orders values (2, 1)")
	require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
}

// TestEverySlotIsGuarded asks the triggers about keys all over the slots, with few ranges (literals), many (a lookup)
// and none, and back again; the table made last must know what the older ones were told.
func TestEverySlotIsGuarded(t *testing.T) {
	s := owning(t, stripes(4)...)
	s.exec("create table a (k bigint not null); select keyway.shard_table('a', 'k')")
	for i, n := range []int{16, 18, 100, 6, 0, 2} {
		var ranges []shard.Range
		if n > 0 {
			ranges = stripes(n)
		}
		m := s.mapOf(uint64(2+i), ranges...)
		require.NoError(t, catalog.StoreMap(s.ctx(), s.conn, m, "s0"))
		late := fmt.Sprintf("late_%d", i)
		s.exec(fmt.Sprintf("create table %s (k bigint not null); select keyway.shard_table('%s', 'k')", late, late))
		for _, table := range []string{"a", late} {
			batch := &pgx.Batch{}
			for k := range int64(300) {
				batch.Queue(fmt.Sprintf("do $$ begin insert into %s values (%d); raise sqlstate 'KW999'; exception when sqlstate 'KW001' then perform set_config('test.in', '-1', false); when sqlstate 'KW999' then perform set_config('test.in', '%d', false); end $$", table, k, k))
				batch.Queue("select current_setting('test.in')::bigint").QueryRow(func(row pgx.Row) error {
					var in int64
					if err := row.Scan(&in); err != nil {
						return err
					}
					if owns := m.Owns("s0", shard.Int64(k).Slot()); owns != (in == k) {
						return fmt.Errorf("%s, %d stripes: key %d: owned %v, inserted %v", table, n, k, owns, in == k)
					}
					return nil
				})
			}
			require.NoError(t, s.conn.SendBatch(s.ctx(), batch).Close())
		}
	}
}

// TestAStaleWriterIsStoppedWhateverItsSnapshot is the lost write that a plain lookup lets through: a REPEATABLE READ
// transaction that began before its slot was given away must not commit a write to it afterwards.
func TestAStaleWriterIsStoppedWhateverItsSnapshot(t *testing.T) {
	for name, n := range map[string]int{"literals": 4, "lookup": 40} {
		for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
			t.Run(name+" "+string(level), func(t *testing.T) {
				s := owning(t, stripes(n)...)
				s.exec(ordersDDL)
				s.own(2, append(stripes(n), shard.Range{Lo: shard.Int64(42).Slot(), Hi: shard.Int64(42).Slot(), Shard: "s0"})...)
				s.exec("insert into orders values (1, 42, 0)")
				writer := s.connect(s.app)
				tx, err := writer.BeginTx(s.ctx(), pgx.TxOptions{IsoLevel: level})
				require.NoError(t, err)
				_, err = one[int](s.ctx(), writer, "select count(*) from keyway.map")
				require.NoError(t, err)

				gone := shard.Range{Lo: shard.Int64(42).Slot(), Hi: shard.Int64(42).Slot(), Shard: "s1"}
				s.own(3, append(stripes(n), gone)...)
				_, err = tx.Exec(s.ctx(), "update orders set total = 1 where tenant_id = 42")
				if name == "lookup" && level != pgx.ReadCommitted {
					codeOf(t, "40001", err)
				} else {
					codeOf(t, catalog.CodeNotOwned, err)
				}
				require.NoError(t, tx.Rollback(s.ctx()))
			})
		}
	}
}

// TestGivingSlotsAwayWaitsForTheirWriters: whoever was first, the other sees it.
func TestGivingSlotsAwayWaitsForTheirWriters(t *testing.T) {
	for name, n := range map[string]int{"literals": 4, "lookup": 40} {
		t.Run(name, func(t *testing.T) {
			s := owning(t, stripes(n)...)
			s.exec(ordersDDL)
			var key int64
			for !s.mapOf(1, stripes(n)...).Owns("s0", shard.Int64(key).Slot()) {
				key++
			}
			writer := s.connect(s.app)
			tx, err := writer.Begin(s.ctx())
			require.NoError(t, err)
			_, err = tx.Exec(s.ctx(), "insert into orders values (1, $1)", key)
			require.NoError(t, err)

			next := s.mapOf(2)
			stored := make(chan error, 1)
			mover := s.connect(s.migrator)
			go func() { stored <- catalog.StoreMap(s.ctx(), mover, next, "s0") }()
			require.Eventually(t, func() bool {
				return value[int](s, "select count(*) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'", mover.PgConn().PID()) == 1
			}, time.Minute, 5*time.Millisecond)
			select {
			case err := <-stored:
				t.Fatalf("the map was stored beside a writer: %v", err)
			default:
			}
			require.NoError(t, tx.Commit(s.ctx()))
			require.NoError(t, <-stored)

			// A mover that may not wait gives up and changes nothing.
			s.own(3, stripes(n)...)
			tx, err = writer.Begin(s.ctx())
			require.NoError(t, err)
			_, err = tx.Exec(s.ctx(), "insert into orders values (2, $1)", key)
			require.NoError(t, err)
			_, err = mover.Exec(s.ctx(), "set lock_timeout = '50ms'")
			require.NoError(t, err)
			codeOf(t, "55P03", catalog.StoreMap(s.ctx(), mover, s.mapOf(4), "s0"))
			require.NoError(t, tx.Commit(s.ctx()))
			require.Equal(t, int64(3), value[int64](s, "select version from keyway.map"))
		})
	}
}

func TestACancelledContextStoresNoMap(t *testing.T) {
	s := single(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := catalog.StoreMap(ctx, s.connect(s.migrator), s.mapOf(2), "s0")
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
	require.Equal(t, int64(1), value[int64](s, "select version from keyway.map"))
}

// TestRegisteringATableAndGivingSlotsAwayExcludeEachOther: a table that is being made while the map changes must not
// keep the triggers of the map before.
func TestRegisteringATableAndGivingSlotsAwayExcludeEachOther(t *testing.T) {
	s := single(t)
	mine := s.connect(s.migrator)
	tx, err := mine.Begin(s.ctx())
	require.NoError(t, err)
	_, err = mine.PgConn().Exec(s.ctx(), ordersDDL).ReadAll()
	require.NoError(t, err)

	mover, next := s.connect(s.migrator), s.mapOf(2)
	stored := make(chan error, 1)
	go func() { stored <- catalog.StoreMap(s.ctx(), mover, next, "s0") }()
	require.Eventually(t, func() bool {
		return len(stored) > 0 || value[int](s, "select count(*) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'", mover.PgConn().PID()) == 1
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, tx.Commit(s.ctx()))
	require.NoError(t, <-stored)
	s.refused(catalog.CodeNotOwned, "insert into orders values (1, 1)")
}

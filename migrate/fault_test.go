package migrate_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/migrate"
)

const concurrently = "-- keyway:no-transaction\ncreate index concurrently accounts_balance on accounts (balance);"

// soon polls for what another session is about to do.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 10*time.Millisecond, what)
}

// later runs Up in the background; wait returns its error.
func later(ctx context.Context, r *migrate.Runner, targets ...migrate.Target) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		_, err := r.Up(ctx, targets)
		done <- err
	}()
	return func() error { return <-done }
}

func index(t testing.TB, conn *pgx.Conn, name string) (state string) {
	t.Helper()
	return one[string](t, conn, `select coalesce(max(case when i.indisvalid then 'valid' else 'INVALID' end), 'none')
		from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = $1`, name)
}

func TestRunnersAtTheSameTimeApplyEachVersionOnce(t *testing.T) {
	const runners, rounds = 3, 3
	for range rounds {
		targets := fleet(t, 2)
		r := runner(t, files(
			"1_accounts.up.sql", accounts,
			"2_rows.up.sql", "insert into accounts select i, i from generate_series(1, 1000) i",
			"3_index.up.sql", concurrently,
			"4_more.up.sql", "create table more ();",
		))
		errs := make([]error, runners)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = r.Up(t.Context(), targets) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		for _, target := range targets {
			require.Equal(t, "1 2 3 4", log(t, target))
			require.Equal(t, 1000, one[int](t, open(t, target), "select count(*) from accounts"))
			require.Equal(t, "valid", index(t, open(t, target), "accounts_balance"))
			nothingLeft(t, target)
		}
	}
}

func TestAServerKilledInTheMiddleLeavesNothingDirty(t *testing.T) {
	c := pgtest.Private(t)
	first := target(t, c, "s0")
	r := runner(t, files(
		"1_accounts.up.sql", accounts,
		"2_stuck.up.sql", "create table half (); select pg_advisory_xact_lock(42); create table whole ();",
	), migrate.WithLockTimeout(time.Minute, 1))
	blocker := open(t, first)
	exec(t, blocker, "select pg_advisory_lock(42)")
	wait := later(t.Context(), r, first)
	soon(t, "the second file waits", func() bool {
		return one[int](t, blocker, "select count(*) from pg_locks where locktype = 'advisory' and objid = 42 and not granted") == 1
	})
	require.NoError(t, c.Kill())
	require.Error(t, wait())
	require.NoError(t, c.Start(t.Context()))

	status, err := r.Status(t.Context(), []migrate.Target{first})
	require.NoError(t, err)
	require.EqualValues(t, 1, status[0].Version)
	require.Empty(t, status[0].Running, "nothing is dirty")
	require.Equal(t, 0, one[int](t, open(t, first), "select count(*) from pg_class where relname = 'half'"))

	_, err = r.Up(t.Context(), []migrate.Target{first})
	require.NoError(t, err)
	require.Equal(t, "1 2", log(t, first))
}

func TestAnIndexThatAKilledServerLeftInvalidIsBuiltAgain(t *testing.T) {
	c := pgtest.Private(t)
	first := target(t, c, "s0")
	_, err := runner(t, files("1_accounts.up.sql", accounts)).Up(t.Context(), []migrate.Target{first})
	require.NoError(t, err)
	r := runner(t, files("1_accounts.up.sql", accounts, "2_index.up.sql", concurrently, "3_after.up.sql", "create table after ()"))

	watch := holdSnapshot(t, first)
	wait := later(t.Context(), r, first)
	soon(t, "the index is there and not valid", func() bool { return index(t, watch, "accounts_balance") == "INVALID" })
	require.NoError(t, c.Kill())
	require.Error(t, wait())
	require.NoError(t, c.Start(t.Context()))

	require.Equal(t, "1 2*", log(t, first))
	require.Equal(t, "INVALID", index(t, open(t, first), "accounts_balance"))
	status, err := r.Status(t.Context(), []migrate.Target{first})
	require.NoError(t, err)
	require.Equal(t, []string{"2_index.up.sql"}, status[0].Running)

	_, err = r.Up(t.Context(), []migrate.Target{first})
	require.NoError(t, err)
	require.Equal(t, "1 2 3", log(t, first))
	require.Equal(t, "valid", index(t, open(t, first), "accounts_balance"))
}

// holdSnapshot opens a transaction for which CREATE INDEX CONCURRENTLY has to
// wait, and returns another connection to watch with.
func holdSnapshot(t testing.TB, target migrate.Target) (watch *pgx.Conn) {
	t.Helper()
	old := open(t, target)
	exec(t, old, "begin isolation level repeatable read")
	exec(t, old, "select count(*) from accounts")
	return open(t, target)
}

func TestABuildThatOutlivedItsRunnerIsWaitedFor(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_accounts.up.sql", accounts)).Up(t.Context(), targets)
	require.NoError(t, err)
	old, builder, watch := open(t, targets[0]), open(t, targets[0]), open(t, targets[0])
	exec(t, old, "begin isolation level repeatable read; select count(*) from accounts")
	exec(t, watch, "insert into keyway.migration_log (version, name, sha256, started, runner) values (2, 'x', 'x', now(), 'died')")
	built := make(chan error, 1)
	go func() {
		_, err := builder.Exec(context.Background(), "create index concurrently accounts_balance on accounts (balance)")
		built <- err
	}()
	soon(t, "the index is being built", func() bool { return index(t, watch, "accounts_balance") == "INVALID" })
	before := one[uint32](t, watch, "select 'accounts_balance'::regclass::oid")

	wait := later(t.Context(), runner(t, files("1_accounts.up.sql", accounts, "2_index.up.sql", concurrently)), targets...)
	soon(t, "the runner has asked", func() bool {
		return one[int](t, watch, `select count(*) from pg_stat_activity where application_name = 'keyway migrate'
			and datname = current_database() and query like '%pg_stat_progress_create_index%'`) == 1
	})
	exec(t, old, "commit")
	require.NoError(t, <-built)
	require.NoError(t, wait())
	require.Equal(t, before, one[uint32](t, watch, "select 'accounts_balance'::regclass::oid"), "it was not built twice")
	require.Equal(t, "1 2", log(t, targets[0]))
}

func TestAnIndexOfSomebodyElseIsNotTakenForOurs(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_accounts.up.sql", accounts+"create index accounts_balance on accounts (aid)")).Up(t.Context(), targets)
	require.NoError(t, err)
	set := files("1_accounts.up.sql", accounts+"create index accounts_balance on accounts (aid)", "2_index.up.sql", concurrently)
	for range 2 { // and not on the second try either
		_, err = runner(t, set).Up(t.Context(), targets)
		require.ErrorContains(t, err, "exists already")
	}
	require.Equal(t, "1", log(t, targets[0]))
}

func TestALongReaderDelaysAFileAndNotTheOtherReaders(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_accounts.up.sql", accounts)).Up(t.Context(), targets)
	require.NoError(t, err)
	reader := open(t, targets[0])
	exec(t, reader, "begin; select count(*) from accounts")

	retried := make(chan migrate.Event, 100)
	r := runner(t, files("1_accounts.up.sql", accounts, "2_column.up.sql", "alter table accounts add note text"),
		migrate.WithLockTimeout(100*time.Millisecond, 50), migrate.WithProgress(func(e migrate.Event) {
			if e.Kind == migrate.Retry {
				retried <- e
			}
		}))
	wait := later(t.Context(), r, targets...)
	require.Equal(t, 1, (<-retried).Attempt)
	other := open(t, targets[0])
	exec(t, other, "set statement_timeout = '20s'; select count(*) from accounts") // gets through
	exec(t, reader, "commit")
	require.NoError(t, wait())
	require.Equal(t, "1 2", log(t, targets[0]))
}

func TestRetriesHaveAnEndAndSayWhatIsInTheWay(t *testing.T) {
	targets := fleet(t, 1)
	_, err := runner(t, files("1_accounts.up.sql", accounts)).Up(t.Context(), targets)
	require.NoError(t, err)
	reader := open(t, targets[0])
	exec(t, reader, "begin; select count(*) from accounts")
	_, err = runner(t, files("1_accounts.up.sql", accounts, "2_column.up.sql", "alter table accounts add note text"),
		migrate.WithLockTimeout(20*time.Millisecond, 2)).Up(t.Context(), targets)
	var file *migrate.FileError
	require.ErrorAs(t, err, &file)
	require.Equal(t, "55P03", file.Code)
	require.ErrorContains(t, err, "tried 2 times; a transaction that holds a lock is in the way")
	nothingLeft(t, targets[0])
}

func TestACancelledContextCancelsOnTheServerToo(t *testing.T) {
	targets := fleet(t, 2)
	blocker := open(t, targets[0])
	exec(t, blocker, "select pg_advisory_lock(42)")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := runner(t, files("1_accounts.up.sql", accounts, "2_stuck.up.sql", "select pg_advisory_xact_lock(42)"),
		migrate.WithLockTimeout(time.Minute, 1), migrate.WithParallel(1))
	wait := later(ctx, r, targets[:1]...)
	soon(t, "the second file waits", func() bool {
		return one[int](t, blocker, "select count(*) from pg_locks where locktype = 'advisory' and objid = 42 and not granted") == 1
	})
	cancel()
	require.ErrorIs(t, wait(), context.Canceled)
	require.Equal(t, "1", log(t, targets[0]))
	exec(t, blocker, "select pg_advisory_unlock(42)")
	nothingLeft(t, targets[0])
}

func TestARunnerThatWaitsForTheLockGivesUpInTime(t *testing.T) {
	targets := fleet(t, 1)
	holder := open(t, targets[0])
	exec(t, holder, "select pg_advisory_lock(1801812343, 1835624306)") // "keyw", "migr"
	waiting := make(chan struct{}, 1)
	r := runner(t, files("1_accounts.up.sql", accounts), migrate.WithLockWait(200*time.Millisecond),
		migrate.WithProgress(func(e migrate.Event) {
			if e.Kind == migrate.Waiting {
				waiting <- struct{}{}
			}
		}))
	_, err := r.Up(t.Context(), targets)
	require.ErrorIs(t, err, migrate.ErrLockWait)
	require.ErrorContains(t, err, "server process")
	require.Len(t, waiting, 1)

	ctx, cancel := context.WithCancel(t.Context())
	patient := runner(t, files("1_accounts.up.sql", accounts), migrate.WithProgress(func(migrate.Event) { cancel() }))
	_, err = patient.Up(ctx, targets)
	require.ErrorIs(t, err, context.Canceled)
	exec(t, holder, "select pg_advisory_unlock_all()")
	nothingLeft(t, targets[0])
}

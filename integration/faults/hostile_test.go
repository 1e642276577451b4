package faults_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// TestSettingsOfTheRoleDoNotChangeWhatStatementsMean: each of these would, if it reached a routed session.
func TestSettingsOfTheRoleDoNotChangeWhatStatementsMean(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Processes(2))
	for i := range set.Clusters {
		super := set.Super(t, i)
		for _, sql := range []string{
			"create schema decoy", "create table decoy.accounts (aid bigint, balance bigint, touched bigint, note text, slot smallint)", "grant all on schema decoy to public",
			"grant all on decoy.accounts to public",
			"insert into decoy.accounts (aid, balance, slot) select n, 666, 0 from generate_series(1, 100) n",
		} {
			_, err := super.Exec(t.Context(), sql)
			require.NoError(t, err)
		}
		for _, setting := range []string{
			"search_path = decoy, public", "standard_conforming_strings = off", "transform_null_equals = on",
			"client_encoding = 'LATIN1'", "backslash_quote = on", "keyway.client = ''", "default_transaction_isolation = 'serializable'",
			"\"TimeZone\" = 'Asia/Tokyo'", "bytea_output = 'escape'", "array_nulls = off", "extra_float_digits = 0",
			"row_security = off", "xmloption = document", "quote_all_identifiers = on",
		} {
			_, err := super.Exec(t.Context(), "alter role "+appOf(set, i)+" set "+setting)
			require.NoError(t, err)
		}
	}
	db, err := router.Open(t.Context(), set.Config) // the sessions of set.DB are older than the settings
	require.NoError(t, err)
	t.Cleanup(db.Close)
	ctx := t.Context()
	for aid := int64(1); aid <= 20; aid++ {
		_, err := db.Exec(ctx, "insert into accounts (aid, balance, note) values ($1, 1, $2)", aid, "ü\\'")
		require.NoError(t, err)
		got, err := router.Get[int64](ctx, db, router.Text("select balance from accounts where aid = $1", aid))
		require.NoError(t, err)
		require.EqualValues(t, 1, got)
	}
	// With backslashes as escapes, the string below would end later and hide the key.
	note, err := router.Get[int64](ctx, db, router.Text(`select count(*) from accounts where note <> 'a\' and aid = 5 and note <> ' or true or '`))
	require.NoError(t, err)
	require.EqualValues(t, 1, note)
	// With transform_null_equals this would be "is null".
	n, err := router.Get[int64](ctx, db, router.Text("select count(*) from accounts where aid = 5 and touched = null"))
	require.NoError(t, err)
	require.Zero(t, n)
	// In LATIN1 the server would store other characters than were hashed.
	for _, name := range []string{"Ärger", "naïve", "日本", "x"} {
		_, err := db.Exec(ctx, "insert into named (name, ref) values ($1, 1)", name)
		require.NoError(t, err)
		got, err := router.Get[string](ctx, db, router.Text("select name from named where name = $1", name))
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	noMisplaced(t, set, "accounts")
	for i := range set.Clusters {
		var wrong int
		require.NoError(t, set.Super(t, i).QueryRow(ctx, "select count(*) from named where slot <> keyway.slot_of(name)").Scan(&wrong))
		require.Zero(t, wrong)
	}
}

// TestWhatASessionKeepsDoesNotReachTheNextUser: settings, temporary tables, prepared statements, advisory locks, LISTEN,
// another role, an open transaction, through every handle that sends text as it stands.
func TestWhatASessionKeepsDoesNotReachTheNextUser(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank, testkit.Connections(4)) // reserve, control, and two for work
	db := set.DB
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := db.Exec(ctx, "insert into accounts (aid, balance) values (1, 1)")
	require.NoError(t, err)
	mess := []string{
		"set search_path = pg_temp", "create temp table accounts (aid bigint, balance bigint, slot smallint)",
		"insert into accounts values (1, 666)", "set standard_conforming_strings = off", "set transform_null_equals = on",
		"set keyway.client = ''", "prepare mine as select 1", "listen something", "select pg_advisory_lock(42)",
		"declare c cursor with hold for select 1", "set default_transaction_read_only = on",
	}
	all := strings.Join(mess, ";")
	own := func(how string, f func() error) {
		t.Helper()
		require.NoError(t, f(), how)
		for range 4 { // over both connections
			balance, err := router.Get[int64](ctx, db, router.Text("select balance from accounts where aid = 1"))
			require.NoError(t, err, how)
			require.EqualValues(t, 1, balance, how)
			_, err = db.Exec(ctx, "update accounts set note = 'x' where aid = 1")
			require.NoError(t, err, how)
		}
		_, err := db.Exec(ctx, "insert into events (aid, ref) values (1, $1)", time.Now().UnixNano())
		require.NoError(t, err, how)
		var locks, prepared, temps int
		super := set.Super(t, 0)
		require.Eventually(t, func() bool {
			return super.QueryRow(ctx, "select count(*) from pg_locks where locktype = 'advisory' and objid = 42").Scan(&locks) == nil &&
				super.QueryRow(ctx, "select count(*) from pg_class where relname = 'accounts' and relpersistence = 't'").Scan(&temps) == nil &&
				locks+temps == 0
		}, time.Minute, 10*time.Millisecond, "%s: %d locks, %d temporary tables", how, locks, temps)
		require.NoError(t, db.Shard("s0").QueryRow(ctx, "select count(*) from pg_prepared_statements where name = 'mine'").Scan(&prepared))
		require.Zero(t, prepared, how)
		var path, client string
		require.NoError(t, db.Shard("s0").QueryRow(ctx, "select current_setting('search_path'), current_setting('keyway.client')").Scan(&path, &client))
		require.Equal(t, `"public", pg_temp`, path, how)
		require.Equal(t, "1", client, how)
	}
	s0 := db.Shard("s0")
	own("Shard.Exec", func() error { _, err := s0.Exec(ctx, all); return err })
	own("Shard.Begin", func() error {
		tx, err := s0.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, all); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
	own("Shard.Begin with a COMMIT and a BEGIN as text", func() error {
		tx, err := s0.Begin(ctx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, all+"; commit; begin; select pg_advisory_lock(42)")
		_ = tx.Rollback(ctx)
		return err
	})
	own("Shard.Exec that leaves a transaction open", func() error { _, err := s0.Exec(ctx, "begin; "+all); return err })
	own("Shard.Query", func() error {
		rows, err := s0.Query(ctx, "select set_config('search_path', 'pg_temp', false), pg_advisory_lock(42) from generate_series(1, 100000)")
		if err != nil {
			return err
		}
		rows.Next()
		rows.Close()
		return rows.Err()
	})
	own("Shard.SendBatch", func() error {
		b := &pgx.Batch{}
		for _, sql := range mess {
			b.Queue(sql)
		}
		b.Queue("begin")
		return s0.SendBatch(ctx, b).Close()
	})
	own("Shard.PgxPool", func() error {
		p, err := s0.PgxPool(ctx, 1)
		if err != nil {
			return err
		}
		defer p.Close()
		_, err = p.Exec(ctx, all)
		return err
	})
	own("EachShard", func() error {
		return db.EachShard(ctx, func(ctx context.Context, s *router.ShardDB) error { _, err := s.Exec(ctx, all); return err })
	})
	own("Tx.Conn", func() error {
		return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error { _, err := tx.Conn().Exec(ctx, all); return err })
	})
	own("Tx.Conn, and a panic", func() error {
		defer func() { _ = recover() }()
		return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			if _, err := tx.Conn().Exec(ctx, all+"; commit"); err != nil {
				return err
			}
			panic("the caller's")
		})
	})
	own("a savepoint's Conn", func() error {
		return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			sp, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := sp.Conn().Exec(ctx, all); err != nil {
				return err
			}
			return sp.Commit(ctx)
		})
	})
	own("the Conn of rows", func() error {
		return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			rows, err := tx.Query(ctx, "select balance from accounts where aid = 1")
			if err != nil {
				return err
			}
			conn := rows.Conn()
			rows.Close()
			_, err = conn.Exec(ctx, all)
			return err
		})
	})
	own("the Conn of a batch's rows", func() error {
		return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
			b := &pgx.Batch{}
			b.Queue("select balance from accounts where aid = 1")
			results := tx.SendBatch(ctx, b)
			rows, err := results.Query()
			if err != nil {
				return err
			}
			conn := rows.Conn()
			rows.Close()
			if err := results.Close(); err != nil {
				return err
			}
			_, err = conn.Exec(ctx, all)
			return err
		})
	})
	rows, err := db.Query(ctx, "select balance from accounts where aid = 1")
	require.NoError(t, err)
	require.Nil(t, rows.Conn(), "routed rows keep their connection to themselves")
	rows.Close()
	b := &pgx.Batch{}
	b.Queue("select balance from accounts where aid = 1")
	results := db.SendBatch(ctx, b)
	rows, err = results.Query()
	require.NoError(t, err)
	require.Nil(t, rows.Conn())
	rows.Close()
	require.NoError(t, results.Close())
}

// TestTheCallersMistakesCostNoConnection: more often than there are connections.
func TestTheCallersMistakesCostNoConnection(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank, testkit.Connections(3), // reserve, control, and one for work
		testkit.Router(router.WithCloseGrace(0)))
	db := set.DB
	_, err := db.Exec(t.Context(), "insert into accounts (aid) values (1)")
	require.NoError(t, err)
	for name, mistake := range map[string]func(ctx context.Context) error{
		"a cancelled context": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := db.Exec(ctx, "update accounts set note = 'x' where aid = 1")
			return err
		},
		"a cancelled InTx": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
				cancel()
				_, err := tx.Exec(ctx, "update accounts set note = 'x' where aid = 1")
				return err
			})
		},
		"rows half read": func(ctx context.Context) error {
			rows, err := db.Query(ctx, "select n from accounts, generate_series(1, 100000) n where aid = 1")
			if err == nil {
				rows.Next()
				rows.Close()
				return errors.New("none")
			}
			return err
		},
		"a nested InTx": func(ctx context.Context) error {
			return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, _ *txn.Tx) error {
				return db.InTx(ctx, shard.Int64(1), func(context.Context, *txn.Tx) error { return nil })
			})
		},
		"a panic in InTx": func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return db.InTx(ctx, shard.Int64(1), func(context.Context, *txn.Tx) error { panic("the caller's") })
		},
		"Goexit in InTx": func(ctx context.Context) error {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = db.InTx(ctx, shard.Int64(1), func(context.Context, *txn.Tx) error { runtime.Goexit(); return nil })
			}()
			<-done
			return errors.New("none")
		},
		"a panic in a source of rows": func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			_, err = db.CopyFrom(ctx, pgx.Identifier{"events"}, []string{"aid", "ref"},
				pgx.CopyFromFunc(func() ([]any, error) { panic("the caller's") }))
			return err
		},
		"a panic in a batch's function": func(ctx context.Context) (err error) {
			b := &pgx.Batch{}
			b.Queue("select aid from accounts where aid = 1").QueryRow(func(pgx.Row) error { panic("the caller's") })
			results := db.SendBatch(ctx, b)
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return results.Close()
		},
		"a panic in Scan": func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return db.QueryRow(ctx, "select aid from accounts where aid = 1").Scan(panicking{})
		},
		"rows left open in InTx": func(ctx context.Context) error {
			return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Query(ctx, "select aid from accounts where aid = 1")
				return err
			})
		},
		"a Shard transaction that failed": func(ctx context.Context) error {
			tx, err := db.Shard("s0").Begin(ctx)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "select 1/0")
			_ = tx.Commit(ctx)
			_ = tx.Rollback(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				require.Error(t, mistake(ctx))
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
				_, err := db.Exec(ctx, "update accounts set note = 'y' where aid = 1")
				cancel()
				require.NoError(t, err, "the only connection is free again")
			}
		})
	}
	t.Run("InTx inside EachShard", func(t *testing.T) {
		require.NoError(t, db.EachShard(t.Context(), func(ctx context.Context, _ *router.ShardDB) error {
			return db.InTx(ctx, shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Exec(ctx, "update accounts set note = 'z' where aid = 1")
				return err
			})
		}))
	})
	t.Run("QueryRow without Scan", func(t *testing.T) {
		_ = db.QueryRow(t.Context(), "select aid from accounts where aid = 1")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := db.Exec(ctx, "update accounts set note = 'y' where aid = 1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		t.Log(err)
		require.NotErrorIs(t, err, txn.ErrInDoubt)
	})
}

// TestAPanicInTheMiddleOfACopy: the copy is on its way to two shards.
func TestAPanicInTheMiddleOfACopy(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Connections(6))
	for range 2 {
		n := int64(0)
		require.PanicsWithValue(t, "the caller's", func() {
			_, _ = set.DB.CopyFrom(t.Context(), pgx.Identifier{"events"}, []string{"aid", "ref"}, pgx.CopyFromFunc(func() ([]any, error) {
				if n++; n > 5000 {
					panic("the caller's")
				}
				return []any{n, n}, nil
			}))
		})
		require.NoError(t, set.DB.EachShard(t.Context(), func(ctx context.Context, s *router.ShardDB) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			stored, err := router.Get[int64](ctx, s, router.Text("select count(*) from events"))
			require.Zero(t, stored)
			return err
		}))
	}
}

type panicking struct{}

func (panicking) Scan(any) error { panic("the caller's") }

package pgerr_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/pgerr"
)

// two connects an ordinary role twice to a database with a small table.
func two(t *testing.T) (a, b *pgx.Conn) {
	t.Helper()
	c := pgtest.Shared(t)
	db, owner, _ := pgtest.Owned(t, c)
	a, b = pgtest.Conn(t, c, owner, db), pgtest.Conn(t, c, owner, db)
	mustExec(t, a, "create table t (id int primary key, n int not null)")
	mustExec(t, a, "insert into t values (1, 0), (2, 0)")
	return a, b
}

func mustExec(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := c.Exec(within(t), sql, args...)
	require.NoError(t, err, sql)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func fails(t *testing.T, c *pgx.Conn, sql string, args ...any) error {
	t.Helper()
	_, err := c.Exec(within(t), sql, args...)
	require.Error(t, err, sql)
	return err
}

func TestASerializationFailureOfAServer(t *testing.T) {
	a, b := two(t)
	for _, c := range []*pgx.Conn{a, b} {
		mustExec(t, c, "begin isolation level repeatable read")
		mustExec(t, c, "select * from t")
	}
	mustExec(t, a, "update t set n = n + 1 where id = 1")
	mustExec(t, a, "commit")
	err := fails(t, b, "update t set n = n + 1 where id = 1")
	require.Equal(t, pgerr.Serialization, pgerr.Code(err))
	require.Equal(t, pgerr.RetryTx, pgerr.Classify(err, pgerr.BeforeCommit))
}

func TestALockThatIsNotAvailable(t *testing.T) {
	a, b := two(t)
	mustExec(t, a, "begin")
	mustExec(t, a, "select * from t where id = 1 for update")
	mustExec(t, b, "set lock_timeout = '50ms'")
	err := fails(t, b, "update t set n = 1 where id = 1")
	require.Equal(t, pgerr.RetryLater, pgerr.Classify(err, pgerr.BeforeCommit))
	require.Equal(t, 2, pgerr.Judge(err, pgerr.BeforeCommit).Limit)
	err = fails(t, b, "select * from t where id = 1 for update nowait")
	require.Equal(t, pgerr.RetryLater, pgerr.Classify(err, pgerr.BeforeCommit))
}

func TestAStatementTimeout(t *testing.T) {
	a, _ := two(t)
	mustExec(t, a, "set statement_timeout = '20ms'")
	err := fails(t, a, "select pg_sleep(10)")
	require.Equal(t, pgerr.QueryCanceled, pgerr.Code(err))
	require.Equal(t, pgerr.Fail, pgerr.Classify(err, pgerr.BeforeCommit))
	require.Equal(t, pgerr.Fail, pgerr.Classify(err, pgerr.AtCommit))
}

func TestAConnectionThatWasTerminated(t *testing.T) {
	a, b := two(t)
	mustExec(t, a, "select pg_terminate_backend($1)", int32(b.PgConn().PID()))
	err := fails(t, b, "select 1")
	require.Equal(t, pgerr.RetryTxIfRerunnable, pgerr.Classify(err, pgerr.BeforeCommit), "%v", err)
	require.Equal(t, pgerr.InDoubt, pgerr.Classify(err, pgerr.AtCommit), "%v", err)

	again := fails(t, b, "select 1") // pgx knows now: nothing is sent
	require.True(t, pgerr.NotSent(again))
	require.Equal(t, pgerr.RetryTxIfRerunnable, pgerr.Classify(again, pgerr.AtCommit))
}

func TestAReadOnlyServer(t *testing.T) {
	a, _ := two(t)
	mustExec(t, a, "set default_transaction_read_only = on")
	err := fails(t, a, "update t set n = 1")
	require.Equal(t, pgerr.Reroute, pgerr.Classify(err, pgerr.BeforeCommit))
	require.Equal(t, pgerr.Reroute, pgerr.Classify(err, pgerr.AtCommit))
}

func TestAStalePlan(t *testing.T) {
	a, b := two(t)
	var id, n int
	require.NoError(t, a.QueryRow(within(t), "select * from t where id = $1", 1).Scan(&id, &n))
	mustExec(t, b, "alter table t add column note text")
	err := a.QueryRow(within(t), "select * from t where id = $1", 1).Scan(&id, &n)
	require.Equal(t, "0A000", pgerr.Code(err))
	require.Equal(t, pgerr.RetryTx, pgerr.Classify(err, pgerr.BeforeCommit))
	require.Equal(t, 1, pgerr.Judge(err, pgerr.BeforeCommit).Limit)

	other := fails(t, a, "create table x (a int) inherits (t) partition by list (a)") // another 0A000
	require.Equal(t, pgerr.Fail, pgerr.Classify(other, pgerr.BeforeCommit), "%v", other)
}

func TestOurOwnStates(t *testing.T) {
	a, _ := two(t)
	err := fails(t, a, "do $$ begin raise exception 'slot 7 is not owned by this shard' using errcode = 'KW001'; end $$")
	require.Equal(t, pgerr.SlotNotOwned, pgerr.Code(err))
	require.Equal(t, pgerr.Reroute, pgerr.Classify(err, pgerr.AtCommit))
	require.ErrorContains(t, pgerr.Public(err), "slot 7")
}

func TestConnectingInVain(t *testing.T) {
	c := pgtest.Shared(t)
	_, err := pgx.Connect(within(t), c.DSN("postgres", "nowhere"))
	require.Equal(t, "3D000", pgerr.Code(err))
	require.True(t, pgerr.NotSent(err))
	require.Equal(t, pgerr.Fail, pgerr.Classify(err, pgerr.AtCommit))

	_, err = pgx.Connect(within(t), "postgres://postgres@127.0.0.1:1/postgres?sslmode=disable")
	require.True(t, pgerr.NotSent(err))
	require.Equal(t, pgerr.RetryLater, pgerr.Classify(err, pgerr.AtCommit))
}

// Every way in which a server's or pgx's text could quote what a row or an argument holds.
func TestTextsOfRealErrorsHoldNoValues(t *testing.T) {
	a, _ := two(t)
	mustExec(t, a, "create table u (email text primary key, n int check (n < 10), d date, v varchar(3))")
	mustExec(t, a, "insert into u values ('secret')")
	for name, run := range map[string]func() error{
		"unique":   func() error { return fails(t, a, "insert into u values ($1)", "secret") },
		"check":    func() error { return fails(t, a, "insert into u values ('secret2', 11)") },
		"not null": func() error { return fails(t, a, "insert into u values (null, 1, null, 'sec')") },
		"too long": func() error { return fails(t, a, "insert into u values ('x', 1, null, 'secret')") },
		"integer":  func() error { return fails(t, a, "select 'secret'::int") },
		"date":     func() error { return fails(t, a, "select 'secret'::date") },
		"uuid":     func() error { return fails(t, a, "select 'secret'::uuid") },
		"json":     func() error { return fails(t, a, `select '{"secret'::json`) },
		"range":    func() error { return fails(t, a, "select '99999999999999'::int") },
		"regexp":   func() error { return fails(t, a, "select 'x' ~ '(secret'") },
		"syntax":   func() error { return fails(t, a, "selec 'secret'") },
		"unended":  func() error { return fails(t, a, "select 'secret") },
		"raise":    func() error { return fails(t, a, "do $$ begin raise 'no secret'; end $$") },
		"raise 23505": func() error {
			return fails(t, a, "do $$ begin raise unique_violation using message = 'secret'; end $$")
		},
		"argument": func() error { return fails(t, a, "select * from t where id = $1", "secret") },
		"array":    func() error { return fails(t, a, "select '{secret'::int[]") },
		"enum":     func() error { return fails(t, a, "select 'secret'::bool") },
		"nested": func() error {
			return fails(t, a, "do $$ begin perform 'secret'::int; end $$")
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := pgerr.Public(run())
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "99999999999999")
		})
	}
}

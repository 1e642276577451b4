package txn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/txn"
)

// picky refuses statements that mention a forbidden word and adds a comment to the others, so that both can be seen.
type picky struct{ seen []string }

var errMismatch = &txn.ShardMismatchError{
	Table: "orders", Columns: []string{"tenant_id"}, Want: "s1", Got: "s2", WantSlot: 5, GotSlot: 9,
}

func (p *picky) Check(_ context.Context, sql string, args []any) (string, []any, error) {
	p.seen = append(p.seen, sql)
	if strings.Contains(sql, "forbidden") {
		return "", nil, errMismatch
	}
	if len(args) == 1 && args[0] == "double" {
		return sql, []any{2}, nil
	}
	return sql, args, nil
}

// copier also judges COPY: it lets through what the caller says, but only into the first column.
type copier struct{ picky }

func (c *copier) CheckCopy(_ context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (
	[]string, pgx.CopyFromSource, error,
) {
	if table[0] == "forbidden" {
		return nil, nil, errMismatch
	}
	return columns, &refuseOdd{CopyFromSource: rows}, nil
}

// refuseOdd ends the rows with an error at the first odd number.
type refuseOdd struct{ pgx.CopyFromSource }

func (r *refuseOdd) Values() ([]any, error) {
	v, err := r.CopyFromSource.Values()
	if err == nil && v[0].(int)%2 == 1 {
		return nil, errMismatch
	}
	return v, err
}

func TestEveryStatementIsChecked(t *testing.T) {
	w := newWorld(t)
	p := &picky{}
	w.statements = p
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		sp, err := tx.Begin(ctx)
		require.NoError(t, err)
		for name, of := range map[string]pgx.Tx{"transaction": tx, "savepoint": sp} {
			_, err := of.Exec(ctx, "forbidden")
			require.ErrorIs(t, err, errMismatch, name)
			rows, err := of.Query(ctx, "forbidden")
			require.ErrorIs(t, err, errMismatch, name)
			require.False(t, rows.Next())
			rows.Close()
			require.ErrorIs(t, rows.Err(), errMismatch)
			require.ErrorIs(t, rows.Scan(), errMismatch)
			_, err = rows.Values()
			require.ErrorIs(t, err, errMismatch)
			require.ErrorIs(t, of.QueryRow(ctx, "forbidden").Scan(), errMismatch, name)
			_, err = pgx.CollectRows(rows, pgx.RowTo[int])
			require.ErrorIs(t, err, errMismatch)

			b := &pgx.Batch{}
			b.Queue("update account set n = 50 where id = 2")
			b.Queue("forbidden")
			err = of.SendBatch(ctx, b).Close()
			require.ErrorIs(t, err, errMismatch, name)
			require.ErrorContains(t, err, "statement 2")

			_, err = of.Prepare(ctx, "p", "select 1")
			require.ErrorIs(t, err, txn.ErrPrepare, name)
			_, err = of.CopyFrom(ctx, pgx.Identifier{"account"}, []string{"id", "n"}, pgx.CopyFromRows(nil))
			require.ErrorIs(t, err, txn.ErrCopy, name)
			require.Panics(t, func() { of.LargeObjects() }, name)
		}

		// A refused statement was not sent, so the transaction goes on.
		require.NoError(t, sp.Commit(ctx))
		_, err = tx.Exec(ctx, "update account set n = $1 where id = 1", "double")
		return err
	}))
	require.Equal(t, 2, w.n(1), "the arguments that Check returned were sent")
	require.Zero(t, w.n(2), "nothing of a batch with a refused statement was sent")
	for _, sql := range p.seen {
		require.NotContains(t, sql, "savepoint", "what Begin sends by itself is not the caller's")
	}
}

func TestABatchIsCheckedAndSent(t *testing.T) {
	w := newWorld(t)
	w.statements = &picky{}
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		b := &pgx.Batch{}
		b.Queue("update account set n = n + $1 where id = 1", "double")
		b.Queue("update account set n = n + 1 where id = 1").Exec(func(tag pgconn.CommandTag) error {
			require.Equal(t, int64(1), tag.RowsAffected())
			return nil
		})
		return tx.SendBatch(ctx, b).Close()
	}))
	require.Equal(t, 3, w.n(1))
}

func TestRowsOfACopyAreChecked(t *testing.T) {
	w := newWorld(t)
	w.statements = &copier{}
	copyIn := func(ctx context.Context, tx *txn.Tx, table string, ids ...int) error {
		rows := make([][]any, len(ids))
		for i, id := range ids {
			rows[i] = []any{id, 0}
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, []string{"id", "n"}, pgx.CopyFromRows(rows))
		return err
	}
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		require.ErrorIs(t, copyIn(ctx, tx, "forbidden", 10), errMismatch)
		return copyIn(ctx, tx, "account", 10, 12)
	}))
	require.Zero(t, w.n(12))
	require.ErrorIs(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		return copyIn(ctx, tx, "account", 14, 15)
	}), errMismatch)
	w.idle()
}

func TestUncheckedTransactionsMayDoEverything(t *testing.T) {
	w := newWorld(t)
	w.statements = nil
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Prepare(ctx, "p", "select n from account where id = $1")
		require.NoError(t, err)
		var n int
		require.NoError(t, tx.QueryRow(ctx, "p", 1).Scan(&n))
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"account"}, []string{"id", "n"}, pgx.CopyFromRows([][]any{{3, 3}}))
		require.NoError(t, err)
		lo := tx.LargeObjects()
		_, err = lo.Create(ctx, 0)
		return err
	}))
	require.Equal(t, 3, w.n(3))
}

// A setting made by a statement that nobody has read must not be there for the next one on the same connection.
func TestWhatUnreadStatementsLeaveBehindIsDiscarded(t *testing.T) {
	unread := map[string]func(ctx context.Context, w *world, tx *txn.Tx, sql string) error{
		"unchecked": func(ctx context.Context, w *world, tx *txn.Tx, sql string) error {
			_, err := tx.Exec(ctx, sql)
			return err
		},
		"on the connection itself": func(ctx context.Context, w *world, tx *txn.Tx, sql string) error {
			_, err := tx.Conn().Exec(ctx, sql)
			return err
		},
	}
	for name, exec := range unread {
		for _, result := range []error{nil, errOwn} {
			t.Run(name+", "+map[bool]string{true: "committed", false: "rolled back"}[result == nil], func(t *testing.T) {
				w := newWorld(t)
				if name == "unchecked" {
					w.statements = nil
				}
				err := w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
					require.NoError(t, exec(ctx, w, tx, "select pg_advisory_lock(7)"))
					require.NoError(t, exec(ctx, w, tx, "set search_path = nowhere"))
					return result
				})
				require.ErrorIs(t, err, result)
				require.Eventually(t, func() bool { return w.db.Instance().Stat().Idle == 1 }, soon, time.Millisecond)
				require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
					var path string
					var locks int
					require.NoError(t, tx.QueryRow(ctx, `select current_setting('search_path'),
						(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())`).Scan(&path, &locks))
					require.NotEqual(t, "nowhere", path)
					require.Zero(t, locks)
					return nil
				}))
				require.Equal(t, int64(1), w.db.Instance().Stat().Dials, "it was the same connection")
			})
		}
	}
}

func TestCheckedStatementsNeedNoCleaning(t *testing.T) {
	w := newWorld(t)
	w.statements = &picky{}
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "set application_name = 'checked'")
		return err
	}))
	require.NoError(t, w.run(txn.Options{}, func(ctx context.Context, tx *txn.Tx) error {
		var name string
		require.NoError(t, tx.QueryRow(ctx, "select current_setting('application_name')").Scan(&name))
		require.Equal(t, "checked", name, "a DISCARD ALL would cost every transaction its prepared statements")
		return nil
	}))
}

func TestTheTextOfAMismatch(t *testing.T) {
	require.EqualError(t, errMismatch, "keyway: the statement is for slot 9 on shard s2 (table orders, key tenant_id), but it "+
		"was sent on a handle for slot 5 on shard s1; send it on its own key's handle")
	var m *txn.ShardMismatchError
	require.True(t, errors.As(error(errMismatch), &m))
	unknown := *errMismatch
	unknown.Got = ""
	require.Contains(t, unknown.Error(), "is for another key (table orders")
	home := &txn.ShardMismatchError{Table: "jobs", Want: "s1", Got: "s0", WantSlot: 5}
	require.EqualError(t, home, "keyway: the statement is for the home table jobs on shard s0, but it was sent on a handle for "+
		"slot 5 on shard s1; send it by itself, outside this transaction")
}

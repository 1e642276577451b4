package pool_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

func TestEveryKindOfStatementGivesItsConnectionBack(t *testing.T) {
	s := shared(t)
	in := s.instance(limit(1))
	db := in.Database(s.db, pool.DatabaseConfig{})
	ctx := within(t, soon)

	_, err := db.Exec(ctx, "create table t (id int primary key, s text)")
	require.NoError(t, err)
	n, err := db.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "s"}, pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}}))
	require.NoError(t, err)
	require.EqualValues(t, 2, n)

	var got string
	require.NoError(t, db.QueryRow(ctx, "select s from t where id = $1", 2).Scan(&got))
	require.Equal(t, "b", got)
	require.ErrorIs(t, db.QueryRow(ctx, "select s from t where id = 3").Scan(&got), pgx.ErrNoRows)
	require.Error(t, db.QueryRow(ctx, "select nonsense").Scan(&got))

	rows, err := db.Query(ctx, "select s from t order by id")
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, all)

	rows, err = db.Query(ctx, "select s from t")
	require.NoError(t, err)
	require.True(t, rows.Next())
	var i int
	require.Error(t, rows.Scan(&i), "a text is no int")

	rows, err = db.Query(ctx, "select s from t")
	require.NoError(t, err)
	rows.Close()
	rows.Close()

	b := &pgx.Batch{}
	b.Queue("select 1")
	b.Queue("select 2")
	require.NoError(t, db.SendBatch(ctx, b).Close())

	tx, err := db.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "delete from t")
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(ctx))
	require.ErrorIs(t, tx.Commit(ctx), pgx.ErrTxClosed)

	tx, err = db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	require.NoError(t, err)
	require.NoError(t, tx.Commit(ctx))

	st := in.Stat()
	require.Equal(t, 0, st.InUse)
	require.Equal(t, 1, st.Idle)
	require.EqualValues(t, 1, st.Dials, "one connection served all of it: %+v", st)
}

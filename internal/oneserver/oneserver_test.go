package oneserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/oneserver"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAServerIsToldByALockWhateverTheDatabaseAndTheRole(t *testing.T) {
	servers := pgtest.SharedN(t, 2)
	db, owner, app := pgtest.Owned(t, servers[0])
	other, otherOwner, _ := pgtest.Owned(t, servers[0])
	far, _, farApp := pgtest.Owned(t, servers[1])
	here, there := pgtest.Conn(t, servers[0], app, db), pgtest.Conn(t, servers[0], otherOwner, other)
	again, elsewhere := pgtest.Conn(t, servers[0], owner, db), pgtest.Conn(t, servers[1], farApp, far)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, q := range []struct {
		a, b oneserver.Conn
		same bool
	}{
		{here, there, true}, {there, here, true}, {here, again, true},
		{here, elsewhere, false}, {elsewhere, here, false}, {elsewhere, there, false},
	} {
		same, err := oneserver.Ask(ctx, q.a, q.b)
		require.NoError(t, err)
		require.Equal(t, q.same, same)
	}
	var locks int
	require.NoError(t, here.QueryRow(ctx, "select count(*) from pg_locks where locktype = 'advisory'").Scan(&locks))
	require.Zero(t, locks, "a question leaves nothing behind")
}

func TestAReadOnlyTransactionMayAsk(t *testing.T) {
	c := pgtest.Shared(t)
	db, _, app := pgtest.Owned(t, c)
	a, b := pgtest.Conn(t, c, app, db), pgtest.Conn(t, c, app, db)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := a.Exec(ctx, "set default_transaction_read_only = on")
	require.NoError(t, err)
	same, err := oneserver.Ask(ctx, a, b)
	require.NoError(t, err)
	require.True(t, same)
}

func TestAQuestionThatCannotBeAskedIsAnError(t *testing.T) {
	c := pgtest.Shared(t)
	db, _, app := pgtest.Owned(t, c)
	a, b := pgtest.Conn(t, c, app, db), pgtest.Conn(t, c, app, db)
	require.NoError(t, b.Close(context.Background()))
	_, err := oneserver.Ask(context.Background(), a, b)
	require.Error(t, err)
	_, err = oneserver.Ask(context.Background(), b, a)
	require.Error(t, err)
	require.Equal(t, byte('I'), a.PgConn().TxStatus(), "the transaction has ended")
}

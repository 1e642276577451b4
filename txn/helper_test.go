package txn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

const soon = time.Minute

// world is one database behind a proxy, with a pool, a runner and a table of accounts.
type world struct {
	t      *testing.T
	proxy  *faultproxy.Proxy
	db     *pool.Database
	direct *pgx.Conn // past the proxy and the pool, to look at what is true
	runner *txn.Runner

	begins     atomic.Int32 // calls of Begin
	statements txn.Statements
	shardID    shard.ID
}

func newWorld(t *testing.T, change ...func(*txn.RunnerConfig)) *world {
	t.Helper()
	return newWorldOn(t, pgtest.Shared(t), change...)
}

func newWorldOn(t *testing.T, c *localpg.Cluster, change ...func(*txn.RunnerConfig)) *world {
	t.Helper()
	database, owner, _ := pgtest.Owned(t, c)
	proxy, err := faultproxy.New(context.Background(), c.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proxy.Close()) })
	conf, err := pgx.ParseConfig(proxy.DSN(c.DSN(owner, database)))
	require.NoError(t, err)
	instance, err := pool.New(pool.Config{Name: "pg-a", Conn: conf, Limit: 8, DrainTimeout: time.Second, LingerTimeout: 2 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(t, instance.Close(ctx))
	})
	config := txn.RunnerConfig{CommitTimeout: soon}
	for _, f := range change {
		f(&config)
	}
	w := &world{
		t: t, proxy: proxy, db: instance.Database(database, pool.DatabaseConfig{}),
		direct: pgtest.Conn(t, c, owner, database), runner: txn.NewRunner(config), shardID: "s1",
		statements: &unchanged{},
	}
	w.exec("create table account (id int primary key, n int not null)")
	w.exec("insert into account values (1, 0), (2, 0)")
	return w
}

// Begin makes a world a txn.Source.
func (w *world) Begin(ctx context.Context, _ int) (txn.Attempt, error) {
	w.begins.Add(1)
	conn, err := w.db.Acquire(ctx)
	return txn.Attempt{Conn: conn, Shard: w.shardID, MapVersion: 7, Statements: w.statements}, err
}

func (w *world) run(o txn.Options, fn func(ctx context.Context, tx *txn.Tx) error) error {
	w.t.Helper()
	return w.runner.Run(within(w.t), w, o, fn)
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.direct.Exec(within(w.t), sql, args...)
	require.NoError(w.t, err, sql)
}

// n reads an account past everything that is under test.
func (w *world) n(id int) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.direct.QueryRow(within(w.t), "select n from account where id = $1", id).Scan(&n))
	return n
}

// idle checks that every connection came back to the pool or ended.
func (w *world) idle() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.db.Instance().Stat().InUse == 0 }, soon, 2*time.Millisecond,
		"a connection was not given back: %+v", w.db.Instance().Stat())
}

// unchanged is a Statements that lets everything through.
type unchanged struct{}

func (*unchanged) Check(_ context.Context, sql string, args []any) (string, []any, error) {
	return sql, args, nil
}

// add is the plainest of transactions.
func add(ctx context.Context, tx *txn.Tx) error {
	_, err := tx.Exec(ctx, "update account set n = n + 1 where id = $1", 1)
	return err
}

// kill ends the transaction's backend from outside.
func (w *world) kill(tx *txn.Tx) {
	w.t.Helper()
	w.exec("select pg_terminate_backend($1, 5000)", int32(tx.Conn().PgConn().PID()))
}

var errOwn = errors.New("out of stock")

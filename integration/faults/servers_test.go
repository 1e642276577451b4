package faults_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// TestAServerBehindAnAddressIsExchanged: after Open, s1's address leads to s2's server and the other way round. The
// roles and databases have the same names, so that only who the database is can tell.
func TestAServerBehindAnAddressIsExchanged(t *testing.T) {
	clusters := pgtest.SharedN(t, 3)
	set := testkit.New(t, clusters, bank)
	set.DB.Close() // nobody may be connected to a database that gets another name
	cfg := set.Config
	cfg.Instances, cfg.Shards = maps.Clone(cfg.Instances), maps.Clone(cfg.Shards)
	proxies := make([]*faultproxy.Proxy, 3)
	for i := 1; i <= 2; i++ {
		super := pgtest.Conn(t, clusters[i], localpg.Superuser, "postgres")
		require.Eventually(t, func() bool {
			_, err := super.Exec(t.Context(), "alter database "+set.DBNames[i]+" rename to exchanged")
			return err == nil
		}, time.Minute, 20*time.Millisecond)
		inside := pgtest.Conn(t, clusters[i], localpg.Superuser, "exchanged")
		_, err := inside.Exec(t.Context(), "update keyway.pool_home set database = 'exchanged'")
		require.NoError(t, err)
		require.NoError(t, inside.Close(t.Context()))
		_, err = super.Exec(t.Context(), "create role exchanged login in role "+appOf(set, i))
		require.NoError(t, err)
		t.Cleanup(func() {
			for _, sql := range []string{"alter database exchanged rename to " + set.DBNames[i], "drop role exchanged"} {
				_, err := super.Exec(context.Background(), sql)
				require.NoError(t, err)
			}
		})
		proxies[i], err = faultproxy.New(context.Background(), clusters[i].Addr())
		require.NoError(t, err)
		name := cfg.Shards[testkit.ID(i)].Instance
		in := cfg.Instances[name]
		in.Primary, in.Credentials.App.User = proxies[i].Addr(), "exchanged"
		cfg.Instances[name] = in
		cfg.Shards[testkit.ID(i)] = router.Shard{Instance: name, Database: "exchanged"}
	}

	db, err := router.Open(t.Context(), cfg, router.WithCloseGrace(0))
	require.NoError(t, err)
	t.Cleanup(db.Close)
	aid := accountOn(t, db, 1, 0)
	_, err = db.Exec(t.Context(), "insert into accounts (aid) values ($1)", aid)
	require.NoError(t, err)

	// The exchange: what listened on s1's address is s2 now.
	require.NoError(t, proxies[1].Close())
	require.NoError(t, proxies[2].Close())
	for i := 1; i <= 2; i++ {
		t.Cleanup(relay(t, proxies[i].Addr(), clusters[3-i].Addr()))
	}
	for _, call := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			_, err := db.Exec(ctx, "insert into events (aid, ref) values ($1, 1)", aid)
			return err
		},
		func(ctx context.Context) error {
			_, err := router.Get[int64](ctx, db, router.Text("select count(*) from accounts where aid = $1", aid))
			return err
		},
		func(ctx context.Context) error {
			return db.InTx(ctx, shard.Int64(aid), func(ctx context.Context, tx *txn.Tx) error {
				_, err := tx.Exec(ctx, "insert into events (aid, ref) values ($1, 2)", aid)
				return err
			})
		},
		func(ctx context.Context) error {
			_, err := db.Shard("s1").Exec(ctx, "delete from accounts")
			return err
		},
		func(ctx context.Context) error { p, err := db.Shard("s1").PgxPool(ctx, 1); return pinged(ctx, p, err) },
	} {
		require.Eventually(t, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := call(ctx)
			require.Error(t, err)
			var identity *router.IdentityError
			return errors.As(err, &identity)
		}, time.Minute, 10*time.Millisecond)
	}
}

// TestAShardRestoredFromAnOldCopyIsToldOf: the catalog's map decides, also against an older or a newer copy on a shard;
// and each is worth a warning, since triggers take and refuse rows by the copy.
func TestAShardRestoredFromAnOldCopyIsToldOf(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 2), bank, testkit.Processes(2))
	aid := accountOn(t, set.DB, 1, 0)
	slot := shard.Int64(aid).Slot()
	m := newMover(t, set)
	next := m.move(slot, slot, 1, 0, false)
	// A restore brings back the map and the triggers of before.
	var los, his []int16
	var ids []string
	old, err := next.Move(slot, slot, "s1")
	require.NoError(t, err)
	for _, r := range old.Ranges() {
		los, his, ids = append(los, int16(r.Lo)), append(his, int16(r.Hi)), append(ids, string(r.Shard))
	}
	super := set.Super(t, 1)
	_, err = super.Exec(t.Context(), "update keyway.map set version = 0")
	require.NoError(t, err)
	_, err = super.Exec(t.Context(), "select keyway.store_map($1, $2, $3, $4, 's1')", 1, los, his, ids)
	require.NoError(t, err)

	var log strings.Builder
	db, err := router.Open(t.Context(), set.Config, router.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	t.Cleanup(db.Close)
	require.Contains(t, log.String(), "older slot map")
	require.Contains(t, log.String(), "shard=s1")
	require.Equal(t, next.Version(), db.Map().Version(), "the catalog's")
	_, err = db.Exec(t.Context(), "insert into accounts (aid) values ($1)", aid)
	require.NoError(t, err)
	route, err := db.Route(shard.Int64(aid))
	require.NoError(t, err)
	require.Equal(t, shard.ID("s0"), route.Shard)
	require.NoError(t, catalog.StoreMap(t.Context(), m.conns[1], next, "s1"))
	_, err = super.Exec(t.Context(), "insert into accounts (aid) values ($1)", aid)
	require.ErrorContains(t, err, "not owned")
}

func pinged(ctx context.Context, p interface {
	Ping(ctx context.Context) error
	Close()
}, err error,
) error {
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Ping(ctx)
}

// TestARoleWithoutRightsIsToldWhichAndWhere: no grant on the tables, then none on the schema of the library.
func TestARoleWithoutRightsIsToldWhichAndWhere(t *testing.T) {
	set := testkit.New(t, pgtest.SharedN(t, 1), bank, testkit.Processes(2))
	super := set.Super(t, 0)
	_, err := super.Exec(t.Context(), "revoke all on accounts from "+appOf(set, 0))
	require.NoError(t, err)
	_, err = set.DB.Exec(t.Context(), "insert into accounts (aid) values (1)")
	require.ErrorContains(t, err, "permission denied for table accounts")
	require.NotErrorIs(t, err, txn.ErrInDoubt)
	err = set.DB.InTx(t.Context(), shard.Int64(1), func(ctx context.Context, tx *txn.Tx) error {
		_, err := tx.Exec(ctx, "insert into accounts (aid) values (1)")
		return err
	})
	require.ErrorContains(t, err, "permission denied for table accounts")
	_, err = set.DB.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, []string{"aid"}, pgx.CopyFromRows([][]any{{1}}))
	require.ErrorContains(t, err, "permission denied for table accounts")
	_, err = super.Exec(t.Context(), "revoke all on schema keyway from "+appOf(set, 0)+", public")
	require.NoError(t, err)
	_, err = router.Open(t.Context(), set.Config)
	require.ErrorContains(t, err, "no right on the keyway schema")
	require.ErrorContains(t, err, "keyway init")
}

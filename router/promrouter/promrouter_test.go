package promrouter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/promrouter"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func adopted(t *testing.T) *router.DB {
	cluster := pgtest.Shared(t)
	name, migrator, app := pgtest.Owned(t, cluster)
	cfg := router.Config{
		Catalog: "s0", Budget: router.Budget{Connections: 20, Processes: 2}, Observe: []string{"orders"},
		Instances: map[string]router.Instance{"pg-a": {Primary: cluster.Addr(), Credentials: router.Credentials{
			App: router.Credential{User: app}, Migrator: router.Credential{User: migrator},
		}}},
		Shards: map[shard.ID]router.Shard{"s0": {Instance: "pg-a", Database: name}},
	}
	ctx := t.Context()
	_, err := router.Init(ctx, cfg, router.InitOptions{Adopt: true})
	require.NoError(t, err)
	cc, err := cfg.ConnConfig("s0", router.Migrator)
	require.NoError(t, err)
	owner, err := pgx.ConnectConfig(ctx, cc)
	require.NoError(t, err)
	defer owner.Close(ctx)
	_, err = owner.Exec(ctx, "create table orders (tenant_id bigint not null, id bigint primary key);"+
		"select keyway.adopt_table('orders', 'tenant_id'); grant all on orders to "+app)
	require.NoError(t, err)
	db, err := router.Open(ctx, cfg, router.WithCloseGrace(time.Second))
	require.NoError(t, err)
	t.Cleanup(db.Close)
	for range 2 {
		_, err = db.Exec(ctx, "select count(*) from orders")
		require.NoError(t, err)
	}
	_, err = db.Exec(ctx, "update orders set id = id")
	require.NoError(t, err)
	return db
}

func TestObservedStatementsAreCountedByVerdictAlone(t *testing.T) {
	c := promrouter.New(adopted(t))
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(`
# HELP keyway_observed_not_kept_total Of these, those that are only counted because too many others are kept apart.
# TYPE keyway_observed_not_kept_total counter
keyway_observed_not_kept_total 0
# HELP keyway_observed_statements_total Statements that ran although they are refused, because observe mode lets them, by what several shards would do with them.
# TYPE keyway_observed_statements_total counter
keyway_observed_statements_total{verdict="refused"} 1
keyway_observed_statements_total{verdict="scatter"} 2
# HELP keyway_observing 1 while observe mode is configured and in force.
# TYPE keyway_observing gauge
keyway_observing 1
`)))
}

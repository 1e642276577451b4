package otelrouter_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/otelrouter"
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
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer provider.Shutdown(context.Background())
	metrics, err := otelrouter.Register(provider, adopted(t))
	require.NoError(t, err)

	got := map[string]int64{}
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			v, _ := p.Attributes.Value(attribute.Key("keyway.verdict"))
			got[m.Name+" "+v.AsString()] = p.Value
		}
	}
	require.Equal(t, map[string]int64{
		"keyway.observed.statements scatter": 2, "keyway.observed.statements refused": 1,
		"keyway.observed.not_kept ": 0, "keyway.observing ": 1,
	}, got)
	require.NoError(t, metrics.Unregister())
	var after metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &after))
	require.Empty(t, after.ScopeMetrics)
}

package otelpool_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/otelpool"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestMetricsOfAPoolOnARealServer(t *testing.T) {
	cluster := pgtest.Shared(t)
	name := pgtest.Database(t, cluster)
	cc, err := pgx.ParseConfig(cluster.DSN(localpg.Superuser, name))
	require.NoError(t, err)
	in, err := pool.New(pool.Config{Name: "pg-a", Conn: cc, Limit: 4})
	require.NoError(t, err)
	defer in.Close(context.Background())
	db := in.Database(name, pool.DatabaseConfig{Shard: "s1"})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer provider.Shutdown(context.Background())
	metrics, err := otelpool.Register(provider, in)
	require.NoError(t, err)
	held, err := db.Acquire(ctx)
	require.NoError(t, err)
	for range 3 {
		_, err = db.Exec(ctx, "select pg_sleep(0.01)")
		require.NoError(t, err)
	}
	require.Error(t, in.Database("no_such_database", pool.DatabaseConfig{}).Ping(ctx))

	got := collect(t, reader)
	of := []attribute.KeyValue{attribute.String("db.client.connection.pool.name", "pg-a"),
		attribute.String("db.namespace", name), attribute.String("keyway.role", "postgres"), attribute.String("keyway.shard", "s1")}
	count := func(state string) int64 {
		return point(t, got["db.client.connection.count"], append(of, attribute.String("db.client.connection.state", state))...)
	}
	require.EqualValues(t, 1, count("used"))
	require.EqualValues(t, 1, count("idle"))
	require.EqualValues(t, 4, point(t, got["db.client.connection.max"], of[0]))
	require.EqualValues(t, 0, point(t, got["db.client.connection.pending_requests"], of[0]))
	for _, name := range []string{
		"db.client.connection.timeouts", "keyway.pool.handoffs", "keyway.pool.cancels", "keyway.pool.evictions", "keyway.pool.transactions",
		"keyway.pool.pings", "keyway.pool.ping_errors", "keyway.pool.checks", "keyway.pool.check_errors", "keyway.pool.leaks",
		"keyway.pool.hook_errors", "keyway.pool.cancel_dials", "keyway.pool.forgotten", "keyway.pool.paused", "keyway.pool.cancelling",
		"keyway.pool.lingering",
	} {
		require.EqualValues(t, 0, point(t, got[name], of[0]), name)
	}
	require.EqualValues(t, 4, point(t, got["db.client.connection.idle.max"], of[0]))
	require.EqualValues(t, 0, point(t, got["db.client.connection.idle.min"], of[0]))
	require.EqualValues(t, 1, point(t, got["keyway.pool.failed"], of[0]))
	require.EqualValues(t, 1, point(t, got["keyway.pool.backing_off"], of[0]))
	require.EqualValues(t, 1, point(t, got["keyway.pool.bound"], of[0], attribute.String("keyway.bound", "backends")))
	require.EqualValues(t, 0, point(t, got["keyway.pool.closes"], of[0], attribute.String("keyway.reason", "leaked")))
	require.EqualValues(t, 4, point(t, got["keyway.pool.acquires"], of[0], attribute.String("keyway.class", "interactive")))
	require.EqualValues(t, 1, point(t, got["keyway.pool.dial_errors"], of[0], attribute.String("error.type", "3D000")))
	require.EqualValues(t, 3, histogram(t, got["db.client.connection.use_time"], of...).Count)
	require.Greater(t, histogram(t, got["db.client.connection.use_time"], of...).Sum, 0.03)
	require.EqualValues(t, 4, histogram(t, got["db.client.connection.wait_time"], of...).Count)
	require.EqualValues(t, 2, histogram(t, got["db.client.connection.create_time"], of...).Count)
	require.Equal(t, "s", got["db.client.connection.use_time"].Unit)

	require.NoError(t, metrics.Close())
	require.NoError(t, metrics.Close())
	held.Release()
	after := collect(t, reader)
	require.NotContains(t, after, "db.client.connection.max")
	require.EqualValues(t, 3, histogram(t, after["db.client.connection.use_time"], of...).Count)
}

func collect(t *testing.T, r sdk.Reader) map[string]metricdata.Metrics {
	var all metricdata.ResourceMetrics
	require.NoError(t, r.Collect(context.Background(), &all))
	found := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

func point(t *testing.T, m metricdata.Metrics, of ...attribute.KeyValue) int64 {
	t.Helper()
	set := attribute.NewSet(of...)
	sum, ok := m.Data.(metricdata.Sum[int64])
	require.True(t, ok, "%s: %T", m.Name, m.Data)
	for _, p := range sum.DataPoints {
		if p.Attributes.Equals(&set) {
			return p.Value
		}
	}
	require.Fail(t, "no such point", "%s %v in %v", m.Name, set, sum.DataPoints)
	return 0
}

func histogram(t *testing.T, m metricdata.Metrics, of ...attribute.KeyValue) metricdata.HistogramDataPoint[float64] {
	t.Helper()
	set := attribute.NewSet(of...)
	h, ok := m.Data.(metricdata.Histogram[float64])
	require.True(t, ok, "%s: %T", m.Name, m.Data)
	for _, p := range h.DataPoints {
		if p.Attributes.Equals(&set) {
			return p
		}
	}
	require.Fail(t, "no such point", "%s %v", m.Name, set)
	return metricdata.HistogramDataPoint[float64]{}
}

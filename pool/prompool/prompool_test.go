package prompool_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/pool/prompool"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAScrapeShowsAPoolOnARealServer(t *testing.T) {
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
	held, err := db.Acquire(ctx)
	require.NoError(t, err)
	defer held.Release()
	for range 3 {
		_, err = db.Exec(ctx, "select pg_sleep(0.01)")
		require.NoError(t, err)
	}
	require.Error(t, in.Database("no_such_database", pool.DatabaseConfig{}).Ping(ctx))

	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(prompool.New(in)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)

	web := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer web.Close()
	reply, err := http.Get(web.URL)
	require.NoError(t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	for _, line := range []string{
		`keyway_pool_limit{instance="pg-a"} 4`,
		`keyway_pool_bound{bound="backends",instance="pg-a"} 1`,
		`keyway_pool_min_idle{instance="pg-a"} 0`,
		`keyway_pool_max_idle{instance="pg-a"} 4`,
		`keyway_pool_paused{instance="pg-a"} 0`,
		`keyway_pool_hook_errors_total{instance="pg-a"} 0`,
		`keyway_pool_leaks_total{instance="pg-a"} 0`,
		`keyway_pool_checks_total{instance="pg-a"} 0`,
		`keyway_pool_connections{instance="pg-a",state="in_use"} 1`,
		`keyway_pool_connections{instance="pg-a",state="idle"} 1`,
		`keyway_pool_acquires_total{class="interactive",instance="pg-a"} 4`,
		`keyway_pool_wait_seconds_count{class="interactive",instance="pg-a"} 4`,
		`keyway_pool_use_seconds_count{instance="pg-a"} 3`,
		`keyway_pool_use_seconds_bucket{instance="pg-a",le="0.01"} 0`,
		`keyway_pool_use_seconds_bucket{instance="pg-a",le="+Inf"} 3`,
		`keyway_pool_dial_errors_by_state_total{instance="pg-a",state="3D000"} 1`,
		`keyway_pool_refusals_total{instance="pg-a",reason="queue_full"} 0`,
		`keyway_pool_closes_total{instance="pg-a",reason="broken"} 0`,
		`keyway_pool_database_acquires_total{database="` + name + `",instance="pg-a",role="postgres",shard="s1"} 4`,
		`keyway_pool_database_backing_off{database="no_such_database",instance="pg-a",role="postgres",shard=""} 1`,
	} {
		require.Contains(t, string(text), line+"\n")
	}
}

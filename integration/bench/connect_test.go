package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/lab"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

// BenchmarkConnectPerQuery sends 3,000 requests from 300 callers over a connection for each and over a pool of ten, with
// and without a password, with and without 3 ms in which a request holds its connection. The ratio depends on nothing
// so much as on that time: say the workload beside it.
func BenchmarkConnectPerQuery(b *testing.B) {
	for _, auth := range []string{"trust", "scram-sha-256"} {
		c := pgtest.Private(b, localpg.Options{Auth: auth, Settings: map[string]string{"max_connections": "320"}})
		require.NoError(b, lab.Prepare(context.Background(), c))
		for _, hold := range []time.Duration{0, 3 * time.Millisecond} {
			w := lab.Workload{Requests: 3000, Callers: 300, Hold: hold}
			b.Run(fmt.Sprintf("%s/hold=%s", auth, hold), func(b *testing.B) {
				for b.Loop() {
					unpooled, err := lab.Run(b.Context(), c, lab.PerQuery(), w)
					require.NoError(b, err)
					pooled, err := lab.Run(b.Context(), c, lab.Pool(10), w)
					require.NoError(b, err)
					reportRun(b, "unpooled", unpooled)
					reportRun(b, "pooled", pooled)
					b.ReportMetric(unpooled.Elapsed.Seconds()/pooled.Elapsed.Seconds(), "ratio")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func reportRun(b *testing.B, name string, r lab.Result) {
	b.ReportMetric(r.Elapsed.Seconds(), name+"-s")
	b.ReportMetric(r.Cost.ClientCPU.Seconds(), name+"-client-cpu-s")
	b.ReportMetric(r.Cost.ServerCPU.Seconds(), name+"-server-cpu-s")
	b.ReportMetric(float64(r.Cost.ServerMem)/1e6, name+"-server-MB")
}

// BenchmarkFairness lets 300 callers share ten connections and reports the worst wait over the median one, for this
// pool, pgxpool and database/sql, whose order is random.
func BenchmarkFairness(b *testing.B) {
	c := pgtest.Private(b, localpg.Options{})
	require.NoError(b, lab.Prepare(context.Background(), c))
	w := lab.Workload{Requests: 9000, Callers: 300, Hold: time.Millisecond}
	for _, k := range []lab.Contestant{lab.Pool(10), lab.PgxPool(10), lab.DatabaseSQL(10)} {
		b.Run(k.Name, func(b *testing.B) {
			for b.Loop() {
				r, err := lab.Run(b.Context(), c, k, w)
				require.NoError(b, err)
				b.ReportMetric(r.Wait.Max.Seconds()/r.Wait.Median.Seconds(), "worst/median")
				b.ReportMetric(r.Wait.P99.Seconds()/r.Wait.Median.Seconds(), "p99/median")
				b.ReportMetric(r.Rate(w), "requests/s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

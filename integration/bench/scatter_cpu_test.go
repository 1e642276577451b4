package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/integration/testkit"
)

// cpu is what a side has used so far, in microseconds.
type cpu struct {
	client   float64
	backends map[int]float64 // by process id
}

// since is what was used after from: by this process, and by the backends that are there.
func (to cpu) since(from cpu) (client, servers float64) {
	for pid, used := range to.backends {
		servers += used - from.backends[pid]
	}
	return to.client - from.client, servers
}

// used is what this process and all backends of the servers have used so far.
func used(b *testing.B, set *testkit.Set) cpu {
	var self syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &self))
	at := cpu{client: float64(self.Utime.Nano()+self.Stime.Nano()) / 1000, backends: map[int]float64{}}
	for i := range shards {
		got, err := set.Super(b, i).Query(b.Context(), "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
		require.NoError(b, err)
		pids, err := pgx.CollectRows(got, pgx.RowTo[int])
		require.NoError(b, err)
		for _, pid := range pids {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
			require.NoError(b, err)
			var ns float64
			_, err = fmt.Sscan(strings.Fields(string(text))[0], &ns)
			require.NoError(b, err)
			at.backends[pid] = ns / 1000
		}
	}
	return at
}

// BenchmarkScatterCPU reports what a read costs this process and all servers together, one read at a time: the least of
// rounds by hand and through the router in turn, since other work on the machine can only add. It is Linux's.
func BenchmarkScatterCPU(b *testing.B) {
	const reads, turns = 500, 20
	set, hand := open(b)
	for _, c := range scatterReads(b, set, hand) {
		b.Run(c.name, func(b *testing.B) {
			type cost struct{ client, servers float64 }
			one := func(read func(context.Context) ([]account, error)) cost {
				from := used(b, set)
				for range reads {
					_, err := read(context.Background())
					require.NoError(b, err)
				}
				client, servers := used(b, set).since(from)
				return cost{client / reads, servers / reads}
			}
			least := func(a, b cost) cost { return cost{min(a.client, b.client), min(a.servers, b.servers)} }
			for b.Loop() {
				byHand, routed := one(c.hand), one(c.routed)
				for range turns {
					byHand, routed = least(byHand, one(c.hand)), least(routed, one(c.routed))
				}
				b.ReportMetric(byHand.client, "by-hand-client-us")
				b.ReportMetric(byHand.servers, "by-hand-servers-us")
				b.ReportMetric(routed.client, "routed-client-us")
				b.ReportMetric(routed.servers, "routed-servers-us")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

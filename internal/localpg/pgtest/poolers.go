package pgtest

import (
	"context"
	"testing"

	"github.com/keyway-go/keyway/internal/localpg"
)

// Bouncer starts a PgBouncer in front of the cluster for this test. Where PgBouncer is not installed the test fails and
// says how to get it.
func Bouncer(t testing.TB, c *localpg.Cluster, o localpg.PoolerOptions) *localpg.Pooler {
	t.Helper()
	return pooler(t, c, o, localpg.StartPgBouncer)
}

// Pgpool is [Bouncer] for pgpool-II.
func Pgpool(t testing.TB, c *localpg.Cluster, o localpg.PoolerOptions) *localpg.Pooler {
	t.Helper()
	return pooler(t, c, o, localpg.StartPgpool)
}

func pooler(
	t testing.TB, c *localpg.Cluster, o localpg.PoolerOptions,
	start func(context.Context, *localpg.Cluster, localpg.PoolerOptions) (*localpg.Pooler, error),
) *localpg.Pooler {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	p, err := start(ctx, c, o)
	if err != nil {
		t.Fatalf("start a pooler: %v", err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the pooler: %v", err)
		}
	})
	return p
}

package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
)

// statementOf is the text of one request.
func statementOf(ctx context.Context, c *localpg.Cluster, w Workload) (string, error) {
	rows, err := rowsFor(ctx, c, w.Work)
	if err != nil {
		return "", err
	}
	switch {
	case w.Hold > 0 && rows > 0:
		return fmt.Sprintf("select pg_sleep(%g), (select count(*) from generate_series(1, %d))", w.Hold.Seconds(), rows), nil
	case w.Hold > 0:
		return fmt.Sprintf("select pg_sleep(%g)", w.Hold.Seconds()), nil
	case rows > 0:
		return fmt.Sprintf("select count(*) from generate_series(1, %d)", rows), nil
	default:
		return "select 1", nil
	}
}

// rowsFor is how many rows of generate_series cost the server the given time, measured on an idle server.
func rowsFor(ctx context.Context, c *localpg.Cluster, work time.Duration) (int, error) {
	if work <= 0 {
		return 0, nil
	}
	conn, err := pgx.Connect(ctx, c.DSN(localpg.Superuser, "postgres"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	const sample = 100_000
	best := time.Hour
	for range 5 {
		start := time.Now()
		if _, err := conn.Exec(ctx, fmt.Sprintf("select count(*) from generate_series(1, %d)", sample)); err != nil {
			return 0, err
		}
		best = min(best, time.Since(start))
	}
	return max(1, int(sample*work.Seconds()/best.Seconds())), nil
}

package pool

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// PoolerError says that the pooler in front of a server is set up in a way that loses writes or gives old rows. No
// connection through it is used.
type PoolerError struct{ Detail string }

func (e *PoolerError) Error() string { return "pool: " + e.Detail }

// checkPgpool refuses settings of pgpool-II. Measured with 4.3.5: with backend_clustering_mode = raw a write of the
// extended protocol leaves its transaction open, so that it is acknowledged and never committed.
func checkPgpool(ctx context.Context, pg *pgconn.PgConn) error {
	results, err := pg.Exec(ctx, "pgpool show all").ReadAll()
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, r := range results {
		for _, row := range r.Rows {
			if len(row) > 1 {
				settings[string(row[0])] = string(row[1])
			}
		}
	}
	for _, must := range []struct{ name, value, why string }{
		{"backend_clustering_mode", "streaming_replication", "the other modes answer writes before they are committed, or change them"},
		{"load_balance_mode", "off", "it sends reads to replicas, which lag behind"},
		{"memory_cache_enabled", "off", "it answers with rows of before"},
	} {
		if have := settings[must.name]; have != must.value {
			return &PoolerError{fmt.Sprintf("pgpool-II has %s = %s, and only %s can be used: %s", must.name, have, must.value, must.why)}
		}
	}
	return nil
}

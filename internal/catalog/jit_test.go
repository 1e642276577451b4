package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
)

// TestReadingTheMapIsCheapToThePlanner: every process reads the map when it opens, and what costs more than jit_above_cost
// is compiled first, for a fifth of a second and more.
func TestReadingTheMapIsCheapToThePlanner(t *testing.T) {
	s := installed(t)
	var plan []struct {
		Plan struct {
			Cost float64 `json:"Total Cost"`
		}
	}
	require.NoError(t, s.conn.QueryRow(s.ctx(), "explain (format json) "+catalog.ReadMapStatement).Scan(&plan))
	require.Len(t, plan, 1)
	require.Positive(t, plan[0].Plan.Cost)
	require.Less(t, plan[0].Plan.Cost, 10_000.0, "jit_above_cost is 100000")
}

package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAColumnThatAMigrationAddsIsKnownWithoutRegisteringTheTableAgain(t *testing.T) {
	f, db := opened(t, 2)
	_, err := db.Exec(t.Context(), `select id from orders where tenant_id = 5 and state = "open"`)
	sentence(t, err, "no table of the statement has a column", `"open"`, "single quotes",
		"apply the migration that adds it to every shard")

	f.everywhere("alter table orders add column fresh text")
	require.Eventually(t, func() bool {
		_, err := db.Exec(t.Context(), "select fresh from orders where tenant_id = 5")
		return err == nil
	}, time.Minute, 10*time.Millisecond, "statements make the tables be read again, but not more often than learnPause")
}

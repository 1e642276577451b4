package router_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

// TestScatterReadsByConnectionsOfOneSetting: a time zone that is changed under way holds for connections that are opened
// after it. A statement that has one of each would print half its rows by the one and half by the other.
func TestScatterReadsByConnectionsOfOneSetting(t *testing.T) {
	f, db := opened(t, 2)
	stock(t, db, 40)
	zones := func(opts ...router.ScatterOption) ([]string, error) {
		return router.Select[string](t.Context(), db.Scatter(opts...), router.Text("select timestamptz '2026-01-01 00:00Z'::text from orders order by id"))
	}
	before, err := zones()
	require.NoError(t, err)
	for id, s := range f.cfg.Shards {
		_, err := f.superuser(id).Exec(t.Context(), fmt.Sprintf("alter database %s set timezone = 'Asia/Tokyo'", s.Database))
		require.NoError(t, err)
	}
	still, err := zones()
	require.NoError(t, err)
	require.Equal(t, before, still, "by the connections that are there")

	held, err := db.Shard("s0").Query(t.Context(), "select generate_series(1, 100000)") // so that s0 has to open one
	require.NoError(t, err)
	defer held.Close()
	require.True(t, held.Next())
	var disagreement *router.DisagreementError
	_, err = zones()
	require.ErrorAs(t, err, &disagreement)
	sentence(t, err, "TimeZone")
	for _, opts := range [][]router.ScatterOption{{router.Partial(func([]*router.ShardError) {})}, {router.MaxConns(1)}, nil} {
		after, err := zones(opts...)
		if err != nil { // one of the new ones is still to come
			require.ErrorAs(t, err, &disagreement)
			continue
		}
		require.NotEqual(t, before, after)
		require.Len(t, slices.Compact(after), 1, "all by one setting")
	}
	held.Close()
	givenBack(t, db)
	require.Eventually(t, func() bool {
		after, err := zones()
		return err == nil && !slices.Equal(after, before)
	}, time.Minute, 10*time.Millisecond, "connections from before the change are replaced")
	require.Positive(t, db.Stat().Instances[0].Closes.Recycled)
}

// TestShardsThatAnswerByOtherSettingsAreNotReadTogether has settings that one shard's administrator may have changed, and
// a value that each then gives otherwise.
func TestShardsThatAnswerByOtherSettingsAreNotReadTogether(t *testing.T) {
	for setting, c := range map[string]struct{ value, sql string }{
		"xmlbinary":                    {"hex", `select xmlforest('\xff'::bytea as x)::text as x from orders`},
		"bytea_output":                 {"escape", `select '\x61'::bytea::text as x from orders`},
		"pg_trgm.similarity_threshold": {"0.9", "select 'new' as x from orders"},
	} {
		t.Run(setting, func(t *testing.T) {
			f, db := opened(t, 2)
			stock(t, db, 8)
			db.Close()
			_, err := f.superuser("s1").Exec(t.Context(), fmt.Sprintf("alter database %s set %s = '%s'", f.cfg.Shards["s1"].Database, setting, c.value))
			require.NoError(t, err)
			db = f.open()
			got, err := router.Select[string](t.Context(), db.Scatter(), router.Text(c.sql))
			var differ *router.DisagreementError
			require.ErrorAs(t, err, &differ, "%v", slices.Compact(got))
			require.Contains(t, strings.ToLower(differ.What), strings.ToLower(setting))
		})
	}
}

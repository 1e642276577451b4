//go:build matrix

// Package matrix holds what only `make test-matrix` can show, because it needs another PostgreSQL than the one found.
package matrix

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestARealPostgreSQL14IsRefusedWithASentence(t *testing.T) {
	install, err := localpg.Major(14)
	require.NoError(t, err)
	c := pgtest.Private(t, localpg.Options{Install: install})
	database, migrator, app := pgtest.Owned(t, c)
	cfg := router.Config{
		Catalog: "s0", Budget: router.Budget{Connections: 4, Processes: 1},
		Credentials: router.Credentials{App: router.Credential{User: app}, Migrator: router.Credential{User: migrator}},
		Instances:   map[string]router.Instance{"pg-0": {Primary: c.Addr()}},
		Shards:      map[shard.ID]router.Shard{"s0": {Instance: "pg-0", Database: database}},
	}
	_, err = router.Init(t.Context(), cfg, router.InitOptions{})
	require.ErrorContains(t, err, "PostgreSQL 14")
	require.ErrorContains(t, err, "15 or later")
	_, err = router.Open(t.Context(), cfg)
	require.ErrorContains(t, err, "15 or later")
	t.Log(err)
}

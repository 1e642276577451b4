package main_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
)

func TestTheBudgetOfAllProcessesIsShownAndChanged(t *testing.T) {
	s := newSite(t)
	s.fails(1, "keyway init", "pool")
	out := s.ok("init")
	require.Regexp(t, `pg-0 +6 +1 +2 +1 +3\n`, out, "the budget that was made of the configuration's 12 connections")
	require.Contains(t, s.ok("pool"), "no process holds a lease")

	t.Setenv("KW_TEST_PASSWORD", secret)
	cfg, err := config.Load(s.config)
	require.NoError(t, err)
	db, err := router.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	out = s.ok("pool")
	require.Regexp(t, `^pg-0: 6 connections for at most 1 process, 2 always for each\n  █+░+·+  5 held, 0 free, 1 in reserve\n`, out)
	require.Regexp(t, `leased +\d +5 +5 +\d+ +\S+s +█+░+ +\S+:\d+ keyway test\n`, out)
	for line := range strings.Lines(out) {
		before, _, _ := strings.Cut(line, "keyway test")
		require.LessOrEqual(t, utf8.RuneCountInString(before), 80, "the numbers and the host fit a terminal: %s", line)
	}
	v, code := s.json("pool")
	require.Zero(t, code)
	first := v["instances"].([]any)[0].(map[string]any)
	require.EqualValues(t, 6, first["connections"])
	held := first["leases"].([]any)[0].(map[string]any)
	require.Equal(t, "leased", held["state"])
	require.EqualValues(t, 5, held["floor"].(float64)+held["granted"].(float64))

	require.Contains(t, s.ok("route", "1", "--type", "bigint"), "on shard s", "an operator's tool needs no place in the budget")

	s.fails(2, "needs --connections", "pool", "set")
	s.fails(2, `no instance "pg-9"`, "pool", "set", "--instance", "pg-9", "--connections", "8")
	s.fails(1, "and the server has", "pool", "set", "--connections", "100000")
	s.fails(1, "too few for 50 processes", "pool", "set", "--processes", "50")
	require.Regexp(t, `pg-1 +8 +2 +1 +1 +5\n`, s.ok("pool", "set", "--instance", "pg-1", "--connections", "8", "--processes", "2", "--floor", "1"))
	out = s.ok("pool")
	require.Contains(t, out, "pg-0: 6 connections for at most 1 process")
	require.Contains(t, out, "pg-1: 8 connections for at most 2 processes")
	code, stdout, _ := s.run("doctor")
	require.Equal(t, 3, code)
	require.Contains(t, strings.ReplaceAll(stdout, "\n", " "), "the budget on the server has 2 processes, and the configuration asserts 1")
}

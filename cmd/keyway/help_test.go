package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var commands = []string{
	"", "assess", "init", "import", "route", "explain", "observe", "observe report", "pool", "pool set", "migrate", "migrate up", "migrate status", "doctor", "config", "config check",
	"config schema", "version", "help",
}

func TestHelpIsAsItWasReviewed(t *testing.T) {
	for _, name := range commands {
		words := strings.Fields(name)
		code, text, stderr := keyway(t, append([]string{"help"}, words...)...)
		require.Zero(t, code, stderr)
		golden := filepath.Join("testdata", "help", "keyway"+strings.Join(append([]string{""}, words...), "-")+".txt")
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
			require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), text, "run the test with -update and review the difference")
		require.Contains(t, text, "example:\n  ", "every help has an example")
		require.Contains(t, text, "exit codes:")

		code, asked, _ := keyway(t, append(words, "--help")...)
		require.Zero(t, code)
		require.Equal(t, text, asked, "--help of %q", name)
	}
}

func TestAWrongCommandLineIsExitCode2(t *testing.T) {
	s := &site{TB: t, config: "keyway.none.yaml"}
	for part, args := range map[string][]string{
		"assess needs --dsn":            {"assess"},
		"--dsn is not a connection":     {"assess", "--dsn", "postgres://u:" + secret + "@h:port/d"},
		"is not table=column":           {"assess", "--dsn", "postgres://u@h/d", "--table", "orders"},
		"--statements: ":                {"assess", "--dsn", "postgres://u@h/d", "--statements", "none.sql"},
		`there is no command "nope"`:    {"nope"},
		`there is no command "down"`:    {"migrate", "down"},
		"flag provided but not defined": {"init", "--nope"},
		"init takes no arguments":       {"init", "now"},
		"import takes no arguments":     {"import", "postgres://u:" + secret + "@h/d"},
		"import needs --from":           {"import"},
		"route needs a key":             {"route"},
		"explain needs a statement":     {"explain"},
		"give one of them":              {"explain", "select 1", "--scatter", "--key", "1"},
		"there is no file keyway.none":  {"doctor"},
		"invalid value":                 {"migrate", "up", "--parallel", "many"},
		"it is empty":                   {"import", "--from", "x", "--table", ""},
		"--from is not a connection":    {"import", "--from", "postgres://u:" + secret + "@h:port/d"},
	} {
		s.fails(2, part, args...)
	}
	code, _, stderr := keyway(t, "doctor")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "no configuration; give --config")
	code, stdout, stderr := keyway(t)
	require.Equal(t, 2, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "usage: keyway COMMAND")
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, args := range [][]string{{"version", "--json"}, {"--json", "version"}} {
		code, stdout, _ := keyway(t, args...)
		require.Zero(t, code)
		require.Contains(t, stdout, `"schema": 3`)
	}
	code, stdout, _ := keyway(t, "--version")
	require.Zero(t, code)
	require.Contains(t, stdout, "schema 3")
}

func TestTheSchemaIsOneJSONObject(t *testing.T) {
	s := &site{TB: t}
	v, code := s.json("config", "schema")
	require.Zero(t, code)
	require.Contains(t, v, "properties")
}

func TestEveryFaultOfAConfigurationIsReported(t *testing.T) {
	s := &site{TB: t}
	s.config = s.write("keyway.bad.yaml", "catalog: s0\nbudgett: 1\nbudget: { connections: 10, processes: 1 }\n"+
		"credentials: { app: { user: app, password: "+secret+" } }\n")
	s.fails(3, "budgett", "config", "check")
}

package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	main "github.com/keyway-go/keyway/cmd/keyway"
	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// asProgram makes the test binary run as the program itself, so that what is
// tested is a process with its arguments, its environment and its exit code.
const asProgram = "KEYWAY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main.Main()
		return
	}
	pgtest.Main(m)
}

// secret stands in every place where a password can stand. No output may show it.
const secret = "hunter2-never-print"

// site is a cluster of two shards that are not initialised yet, as its operator
// has it: a configuration file, and roles that only have what they need.
type site struct {
	testing.TB
	config  string
	servers []*localpg.Cluster
	owners  []string
	names   []string // of the databases
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{TB: t, servers: pgtest.SharedN(t, 2)}
	instances, shards := "", ""
	for i, c := range s.servers {
		db, owner, app := pgtest.Owned(t, c)
		s.owners, s.names = append(s.owners, owner), append(s.names, db)
		instances += fmt.Sprintf("  pg-%d:\n    primary: %q\n    credentials:\n      app: { user: %s, password_env: KW_TEST_PASSWORD }\n"+
			"      migrator: { user: %s, password_env: KW_TEST_PASSWORD }\n", i, c.Addr(), app, owner)
		shards += fmt.Sprintf("  s%d: { instance: pg-%d, database: %s }\n", i, i, db)
	}
	s.config = s.write("keyway.test.yaml", "environment: test\ncatalog: s0\nbudget: { connections: 12, processes: 1 }\nsslmode: disable\n"+
		"instances:\n"+instances+"shards:\n"+shards)
	return s
}

func (s *site) write(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	require.NoError(s, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// run runs the program and returns its exit code and what it printed.
func (s *site) run(args ...string) (code int, stdout, stderr string) {
	s.Helper()
	return keyway(s.TB, append([]string{"--config", s.config}, args...)...)
}

func keyway(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "KW_TEST_PASSWORD="+secret, "PGPASSWORD="+secret, "PGHOST=nowhere.invalid", "KEYWAY_CONFIG=", asProgram+"=1",
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // the race detector would sleep for a second at each exit
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.True(t, errors.As(err, &exit), "%v", err)
		code = exit.ExitCode()
	}
	require.NotContains(t, out.String()+errs.String(), secret, "a password was printed")
	require.NotContains(t, out.String()+errs.String(), "\x1b", "ANSI without a terminal")
	return code, out.String(), errs.String()
}

// ok runs the program and requires success.
func (s *site) ok(args ...string) string {
	s.Helper()
	code, stdout, stderr := s.run(args...)
	require.Zero(s, code, "%s%s", stdout, stderr)
	require.Empty(s, stderr)
	return stdout
}

// json runs the program with --json and returns the object and the exit code.
func (s *site) json(args ...string) (map[string]any, int) {
	s.Helper()
	code, stdout, stderr := s.run(append([]string{"--json"}, args...)...)
	require.Empty(s, stderr, "with --json everything is on standard output")
	var v map[string]any
	require.NoError(s, json.Unmarshal([]byte(stdout), &v), stdout)
	return v, code
}

// fails requires an exit code, an error of one line on standard error, and an
// object of the same message with --json.
func (s *site) fails(want int, part string, args ...string) {
	s.Helper()
	code, _, stderr := s.run(args...)
	require.Equal(s, want, code, stderr)
	require.True(s, strings.HasPrefix(stderr, "keyway: "), stderr)
	require.Contains(s, stderr, part)
	v, code := s.json(args...)
	require.Equal(s, want, code)
	e, _ := v["error"].(map[string]any)
	require.EqualValues(s, want, e["exit_code"])
	require.Contains(s, e["message"], part)
}

package main_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
	"github.com/keyway-go/keyway/router/observe"
)

// TestWhatProcessesObservedIsReported goes the whole way: an adopted database, two processes that log, the program.
func TestWhatProcessesObservedIsReported(t *testing.T) {
	s := newSite(t)
	s.ok("init", "--adopt")
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	s.config = s.write("keyway.test.yaml", string(text)+"observe: [\"*\"]\n")
	s.ok("config", "check")
	t.Setenv("KW_TEST_PASSWORD", secret)
	c, err := config.Load(s.config)
	require.NoError(t, err)
	var logs []string
	for range 2 {
		path := filepath.Join(t.TempDir(), "log")
		f, err := os.Create(path)
		require.NoError(t, err)
		db, err := router.Open(t.Context(), c, router.WithLogger(slog.New(slog.NewJSONHandler(f, nil))))
		require.NoError(t, err)
		for range 3 {
			_, err = db.Exec(t.Context(), "select count(*) from pg_catalog.pg_class where relname = 'l1teral'")
			require.NoError(t, err)
		}
		for _, sql := range []string{"set work_mem = '1MB'", "reset work_mem"} {
			_, err = db.Exec(t.Context(), sql)
			require.NoError(t, err)
		}
		db.Close()
		require.NoError(t, f.Close())
		logs = append(logs, path)
	}

	code, out, stderr := keyway(t, append([]string{"observe", "report"}, logs...)...)
	require.Equal(t, 3, code, stderr)
	require.Empty(t, stderr)
	for _, part := range []string{
		"3 statements in 2 places: 0 calls would scatter, 10 calls would be refused.",
		"CALLS  VERDICT  REASON ", "6      refused  catalog table  ", "keyway_test.TestWhatProcessesObservedIsReported observe_test.go:",
		"\n  select count(*) from pg_catalog.pg_class where relname = ?\n  -> ", "\n  set work_mem = ?\n",
	} {
		require.Contains(t, out, part)
	}
	require.Less(t, strings.Index(out, "catalog table"), strings.Index(out, "unsupported"), "most often first")
	require.NotContains(t, out, "l1teral")

	code, out, _ = keyway(t, append([]string{"observe", "report", "--json"}, logs...)...)
	require.Equal(t, 3, code)
	var v struct {
		Observations []router.Observation `json:"observations"`
		Malformed    int64                `json:"malformed"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &v), out)
	require.Len(t, v.Observations, 3)
	require.EqualValues(t, 6, v.Observations[0].Count)
	require.False(t, v.Observations[0].First.IsZero())
}

func TestAReportReadsStandardInput(t *testing.T) {
	report := func(want int, input string, more ...string) string {
		t.Helper()
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(self, append([]string{"observe", "report"}, more...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.Stdin = strings.NewReader(input)
		out, _ := cmd.Output()
		require.Equal(t, want, cmd.ProcessState.ExitCode(), "%s", out)
		return string(out)
	}
	require.Equal(t, "1 line of observe mode could not be read: not JSON, or cut. Log with slog.NewJSONHandler.\n",
		report(3, "level=INFO msg=\""+router.ObservedMessage+"\" verdict=refused\n"), "logs of another form are no good news")
	require.Equal(t, "Nothing was observed: no line is of observe mode.\n", report(0, "not a line of ours\n{\"msg\":\"nor this\"}\n"))
	require.Contains(t, report(0, "", "--json"), `"observations": []`)
	event := func(statement string) string {
		line, _ := json.Marshal(map[string]any{
			"msg": router.ObservedMessage, "fingerprint": "0123456789abcdef", "site": "orders.List list.go:7", "verdict": router.WouldScatter,
			"reason": "no shard key", "count": 1, "statement": statement, "hint": "name its key",
		})
		return string(line) + "\n"
	}
	out := report(3, event("select \x1b[31m1 from "+strings.Repeat("abcdefgh, ", 40))+event("")[:len(event(""))-30]+"\n"+`{"msg":"`+router.NotKeptMessage+`","count":5}`)
	narrow(t, out)
	for _, part := range []string{"1 statement in 1 place: 1 call would scatter", "select [31m1 from", "5 calls more were counted", "1 line of observe mode"} {
		require.Contains(t, strings.Join(strings.Fields(out), " "), part)
	}
	require.Contains(t, report(3, event("")), "(a text that cannot be read)")
	var many strings.Builder
	for i := range observe.MaxObservations + 2 {
		many.WriteString(strings.Replace(event("select 1"), "0123456789abcdef", fmt.Sprintf("%016x", i), 1))
	}
	require.Contains(t, report(3, many.String()), "\n2 calls were of statements and places beyond the first 10000")
	code, _, stderr := keyway(t, "observe", "report", "none.log")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "none.log")
}

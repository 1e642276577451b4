package pgquery

import (
	"encoding/json"
	"errors"
	"go/scanner"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/wasilibs/go-pgquery/parser"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// share is how much of the DML of a corpus, as libpg_query tells it, sqlparse reads.
type share struct {
	dml, accepted int
	refused       map[string][]string // reason -> texts
}

// measure compares every text of a corpus that is one statement of DML.
func measure(t *testing.T, texts []string) *share {
	t.Helper()
	s := &share{refused: map[string][]string{}}
	slices.Sort(texts)
	for _, sql := range slices.Compact(texts) {
		found, refusal := finding(sql)
		require.Empty(t, found, sql)
		if refusal == nil {
			s.dml++
			s.accepted++
			continue
		}
		if _, err := theirs(sql); err != nil || dialect(refusal) {
			continue
		}
		s.dml++
		s.refused[reason(refusal)] = append(s.refused[reason(refusal)], sql)
	}
	return s
}

// dialect reports whether a text was refused for a parameter in the place of a literal, as in DATE $1: libpg_query reads
// what its own normalisation writes, and no server does.
func dialect(refusal error) bool { return strings.Contains(refusal.Error(), "unexpected parameter $") }

func reason(err error) string {
	if e, ok := errors.AsType[*sqlparse.UnsupportedError](err); ok {
		return e.What
	}
	if e, ok := errors.AsType[*sqlparse.SyntaxError](err); ok {
		return "syntax: " + e.Message
	}
	return err.Error()
}

func (s *share) log(t *testing.T, corpus string) {
	t.Helper()
	t.Logf("%s: %d of %d statements of DML read (%.2f %%)", corpus, s.accepted, s.dml, s.percent())
	for _, why := range slices.Sorted(maps.Keys(s.refused)) {
		t.Logf("  %4d  %s, as in %.200q", len(s.refused[why]), why, s.refused[why][0])
	}
}

func (s *share) percent() float64 { return 100 * float64(s.accepted) / float64(max(s.dml, 1)) }

// shipped lists where packages keep SQL or tests full of it, below the module cache or from the root. What is not
// there is left out; nothing of it is copied into this repository.
var shipped = []string{
	"github.com/jackc/pgx/v5@*", "github.com/lib/pq@*", "github.com/golang-migrate/migrate/v4@*",
	"github.com/!masterminds/squirrel@*", "github.com/sqlc-dev/sqlc@*", "github.com/pganalyze/pg_query_go/v6@*",
	"github.com/wasilibs/go-pgquery@*", "/usr/share/postgresql/*",
}

func TestShareOfTheDMLThatPackagesShip(t *testing.T) {
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	all := share{refused: map[string][]string{}}
	for _, pattern := range shipped {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(strings.TrimSpace(string(cache)), pattern)
		}
		dirs, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, dir := range dirs {
			s := measure(t, texts(t, dir))
			if s.dml > 0 {
				s.log(t, dir)
			}
			all.dml += s.dml
			all.accepted += s.accepted
			for why, list := range s.refused {
				all.refused[why] = append(all.refused[why], list...)
			}
		}
	}
	if all.dml < 100 {
		t.Skipf("only %d statements found", all.dml)
	}
	all.log(t, "all of them")
	require.Greater(t, all.percent(), 98.5)
}

// texts collects what may be a statement of DML from the files below a directory.
func texts(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".go":
			all = append(all, literals(read(t, path))...)
		case ".sql":
			all = append(all, script(read(t, path), 0)...)
		case ".json":
			all = append(all, inputs(read(t, path))...)
		}
		return nil
	}))
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

var startsDML = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*(select|insert|update|delete|merge|with|values|table)\b|^\s*\(\s*(select|values)\b`)

// literals gives the string literals of Go source that begin like DML.
func literals(source string) []string {
	var all []string
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", -1, len(source)), []byte(source), nil, 0)
	for {
		_, tok, text := s.Scan()
		if tok == token.EOF {
			return all
		}
		if tok != token.STRING {
			continue
		}
		if sql, err := strconv.Unquote(text); err == nil && startsDML.MatchString(sql) && legible(sql) {
			all = append(all, sql)
		}
	}
}

// legible reports whether a server whose encoding is UTF-8 reads the text at all.
func legible(sql string) bool { return utf8.ValidString(sql) && !strings.Contains(sql, "\x00") }

// inputs gives the field "input" of a list of test cases.
func inputs(text string) []string {
	var cases []struct{ Input string }
	if json.Unmarshal([]byte(text), &cases) != nil {
		return nil
	}
	var all []string
	for _, c := range cases {
		if startsDML.MatchString(c.Input) {
			all = append(all, c.Input)
		}
	}
	return all
}

var (
	psqlCommand = regexp.MustCompile(`(?m)^\\.*$`)
	viewQuery   = regexp.MustCompile(`(?is)^\s*create\s+(or\s+replace\s+)?(recursive\s+|materialized\s+)*view\s.*?\sas\s+((select|with|values)\b.*)$`)
	dollarBody  = regexp.MustCompile(`(?s)\$(\w*)\$(.*)\$\w*\$`)
)

// script gives the statements of DML in an SQL script: its own, the queries of its views, and those in the bodies of its
// SQL functions.
func script(text string, depth int) []string {
	text = psqlCommand.ReplaceAllString(text, "")
	parsed, err := parser.ParseToJSON(text)
	if err != nil || depth > 1 {
		return nil
	}
	var result struct {
		Stmts []struct {
			Stmt  map[string]any `json:"stmt"`
			Start int            `json:"stmt_location"`
			Len   int            `json:"stmt_len"`
		} `json:"stmts"`
	}
	if json.Unmarshal([]byte(parsed), &result) != nil {
		return nil
	}
	var all []string
	for _, s := range result.Stmts {
		sql := text[s.Start:]
		if s.Len > 0 {
			sql = sql[:s.Len]
		}
		switch {
		case s.Stmt["CreateFunctionStmt"] != nil:
			if m := dollarBody.FindStringSubmatch(sql); m != nil {
				all = append(all, script(m[2], depth+1)...)
			}
		case startsDML.MatchString(sql):
			all = append(all, sql)
		default:
			if m := viewQuery.FindStringSubmatch(sql); m != nil {
				all = append(all, m[3])
			}
		}
	}
	return all
}

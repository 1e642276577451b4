package assess

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// Statement is a text that the application runs, with what it cost.
type Statement struct {
	Query        string  `json:"query"`
	Calls        int64   `json:"calls"`
	Milliseconds float64 `json:"milliseconds"`
}

// ReadStatements reads a JSON list of texts or of objects as [Statement] is written in JSON, or else texts that are
// separated by lines of a single semicolon. A statement without a number of calls counts as one.
func ReadStatements(r io.Reader) ([]Statement, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		return readJSON(text)
	}
	list := []Statement{}
	var b strings.Builder
	end := func() {
		if s := strings.TrimRight(strings.TrimSpace(b.String()), "; \t\r\n"); s != "" {
			list = append(list, Statement{Query: s, Calls: 1})
		}
		b.Reset()
	}
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == ";" {
			end()
			continue
		}
		b.WriteString(lines.Text() + "\n")
	}
	end()
	return list, lines.Err()
}

func readJSON(text []byte) ([]Statement, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return nil, errors.New("assess: the statements begin with [ and are no JSON list")
	}
	list := []Statement{}
	for i, item := range items {
		s := Statement{Calls: 1}
		if json.Unmarshal(item, &s.Query) != nil && (json.Unmarshal(item, &s) != nil || s.Query == "") {
			return nil, fmt.Errorf(`assess: statement %d of the JSON list is neither a text nor {"query": ..., "calls": ..., "milliseconds": ...}`, i+1)
		}
		list = append(list, s)
	}
	return list, nil
}

// statement is one that is to be judged, or set apart.
type statement struct {
	Statement
	shown string // without literals and comments; empty when that cannot be made sure, and when it is set apart
	apart Verdict
}

// readable prepares the statements: each is read once, whatever number of keys they are judged under.
func (db *database) readable() []*statement {
	list := make([]*statement, 0, len(db.statements))
	for _, s := range db.statements {
		r := &statement{Statement: s}
		if s.Query == "<insufficient privilege>" || s.Query == "" {
			r.apart = Hidden
			list = append(list, r)
			continue
		}
		tokens, err := sqlparse.Lex(s.Query)
		switch {
		case !isDML(s.Query, tokens, err):
			r.apart = Utility
		case err == nil:
			r.shown = masked(s.Query, tokens)
			r.Query = withoutGaps(s.Query, tokens) // files are often copies of pg_stat_statements
		}
		list = append(list, r)
	}
	return list
}

// isDML looks at the first word. A text that has no tokens because it cannot be read counts by its first letters.
func isDML(text string, tokens []sqlparse.Token, err error) bool {
	word := strings.ToLower(strings.TrimLeft(text, " \t\r\n("))
	if err == nil {
		for _, t := range tokens {
			if t.Value != "(" {
				word = t.Value
				break
			}
		}
	}
	for _, verb := range []string{"select", "insert", "update", "delete", "merge", "with", "values", "table"} {
		if strings.HasPrefix(word, verb) {
			return true
		}
	}
	return false
}

package assess

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// pg_stat_statements writes a parameter for every constant, also where the grammar has no parameter, and shortens lists
// (PostgreSQL 18). withoutGaps undoes what can be undone, so that the text says again what was run:
//
//	interval $1, date $1        -> $1::interval, $1::date
//	extract($1 from t)          -> extract(epoch from t)
//	in ($1 /*, ... */)          -> in ($1, $9)
//	f($1, a) ... group by f($2, a) -> both with $1: PostgreSQL took them for equal, or would not have run the text
func withoutGaps(text string, tokens []sqlparse.Token) string {
	var edits []edit
	highest := 0
	for _, t := range tokens {
		if t.Kind == sqlparse.TokenParam {
			var n int
			_, _ = fmt.Sscanf(text[t.Start:t.End], "$%d", &n)
			highest = max(highest, n)
		}
	}
	for i, t := range tokens {
		if t.Kind != sqlparse.TokenParam {
			continue
		}
		param := text[t.Start:t.End]
		if rest := text[t.End:tokens[i+1].Start]; squashed(rest) {
			highest++
			edits = append(edits, edit{t.End, t.End, fmt.Sprintf(", $%d", highest)})
		}
		if i > 1 && tokens[i-1].Value == "(" && tokens[i-2].Value == "extract" {
			edits = append(edits, edit{t.Start, t.End, "epoch"})
			continue
		}
		if from := typeBefore(tokens, i); from < i {
			name := text[tokens[from].Start:tokens[i-1].End]
			edits = append(edits, edit{tokens[from].Start, t.End, param + "::" + name})
		}
	}
	edits = append(edits, sameGroups(text, tokens)...)
	return applied(text, edits)
}

// squashed reports whether what is behind a parameter says that there were more.
func squashed(behind string) bool { return strings.HasPrefix(strings.TrimSpace(behind), "/*, ... */") }

// typeBefore is where the name of a type begins that stands directly before the parameter, or i when none does.
func typeBefore(tokens []sqlparse.Token, i int) int {
	if i == 0 {
		return i
	}
	before := tokens[i-1]
	words := []string{"interval", "timestamp", "time", "boolean", "bigint", "integer", "numeric"}
	switch {
	case before.Kind == sqlparse.TokenIdent, slices.Contains(words, before.Value) && before.Kind == sqlparse.TokenKeyword:
		return i - 1
	case i > 3 && before.Value == "zone" && (tokens[i-3].Value == "with" || tokens[i-3].Value == "without"):
		return i - 4
	}
	return i
}

// sameGroups finds calls after GROUP BY that differ from an earlier one only where that has parameters. PostgreSQL 15 to
// 17 leave the constants of GROUP BY as they were.
func sameGroups(text string, tokens []sqlparse.Token) (edits []edit) {
	by := slices.IndexFunc(tokens, func(t sqlparse.Token) bool { return t.Kind == sqlparse.TokenKeyword && t.Value == "group" })
	if by < 0 {
		return nil
	}
	calls := callsOf(tokens)
	for _, late := range calls {
		if late.from < by {
			continue
		}
		for _, early := range calls {
			if early.from < late.from && sameBut(tokens[early.from:early.to], tokens[late.from:late.to]) {
				for k := range early.to - early.from {
					if a, b := tokens[early.from+k], tokens[late.from+k]; a.Kind == sqlparse.TokenParam {
						edits = append(edits, edit{b.Start, b.End, text[a.Start:a.End]})
					}
				}
				break
			}
		}
	}
	return edits
}

type run struct{ from, to int } // of tokens

// callsOf are the calls of functions, without those inside of others.
func callsOf(tokens []sqlparse.Token) (calls []run) {
	for i := 0; i+1 < len(tokens); i++ {
		if tokens[i].Kind != sqlparse.TokenIdent || tokens[i+1].Value != "(" || tokens[i+1].Kind != sqlparse.TokenPunct {
			continue
		}
		depth := 0
		for j := i + 1; j < len(tokens); j++ {
			if tokens[j].Kind != sqlparse.TokenPunct {
				continue
			}
			switch tokens[j].Value {
			case "(":
				depth++
			case ")":
				depth--
			}
			if depth == 0 {
				calls = append(calls, run{i, j + 1})
				i = j
				break
			}
		}
	}
	return calls
}

func sameBut(a, b []sqlparse.Token) bool {
	return slices.EqualFunc(a, b, func(x, y sqlparse.Token) bool {
		return x.Kind == y.Kind && x.Value == y.Value || x.Kind == sqlparse.TokenParam && isConstant(y)
	})
}

func isConstant(t sqlparse.Token) bool {
	switch t.Kind {
	case sqlparse.TokenParam, sqlparse.TokenString, sqlparse.TokenBit, sqlparse.TokenInteger, sqlparse.TokenNumeric:
		return true
	default:
		return false
	}
}

type edit struct {
	from, to int
	text     string
}

// applied makes the edits, of which the first at a place wins.
func applied(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at {
			continue
		}
		b.WriteString(text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// masked is the text on one line, without comments and without any literal that could be data. Only small numbers
// that count rows or columns stay.
func masked(text string, tokens []sqlparse.Token) string {
	var b strings.Builder
	counts := false
	for i, t := range tokens {
		if t.Kind == sqlparse.TokenEOF {
			break
		}
		if i > 0 && t.Start > tokens[i-1].End {
			b.WriteByte(' ')
		}
		switch t.Kind {
		case sqlparse.TokenInteger:
			if counts && t.End-t.Start <= 4 {
				b.WriteString(t.Value)
				continue
			}
			b.WriteByte('?')
		case sqlparse.TokenString, sqlparse.TokenBit, sqlparse.TokenNumeric:
			b.WriteByte('?')
		default:
			b.WriteString(text[t.Start:t.End])
			if i+1 < len(tokens) && squashed(text[t.End:tokens[i+1].Start]) {
				b.WriteString(", ...")
			}
		}
		if t.Value != "," || t.Kind != sqlparse.TokenPunct {
			counts = t.Kind == sqlparse.TokenKeyword && slices.Contains([]string{"limit", "offset", "first", "next", "by"}, t.Value)
		}
	}
	return b.String()
}

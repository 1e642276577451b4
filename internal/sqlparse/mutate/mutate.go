// Package mutate breaks SQL statements, for tests that hold the reader against another judge of what SQL is. It is its
// own package because two modules have such tests.
package mutate

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// A Mutator breaks statements byte by byte or token by token, and mends some: expressions, relations and queries of other statements
// take the place of their own kind, which gives texts that are mostly valid.
type Mutator struct {
	*rand.Rand

	texts  []string
	tokens [][]string
	parts  map[kind][]string
}

// kind is what may stand for each other.
type kind int

const (
	noPart kind = iota
	anExpr
	aTable
	aQuery
	aType
)

func kindOf(n sqlparse.Node) kind {
	switch n := n.(type) {
	case *sqlparse.GroupingSet, *sqlparse.NamedArg, *sqlparse.DefaultExpr, *sqlparse.Star:
		return noPart
	case *sqlparse.ClauseCall:
		if n.Name == "json_table" || n.Name == "xmltable" {
			return noPart
		}
		return anExpr
	case sqlparse.Expr:
		return anExpr
	case sqlparse.TableExpr:
		return aTable
	case *sqlparse.Select:
		return aQuery
	case *sqlparse.TypeName:
		return aType
	}
	return noPart
}

// New returns a Mutator of texts, each of which must be a statement that [sqlparse.Parse] reads; the error names the one
// that is not. What r gives decides what becomes of them.
func New(r *rand.Rand, texts []string) (*Mutator, error) {
	m := &Mutator{Rand: r, texts: texts, parts: map[kind][]string{}}
	for _, sql := range texts {
		tokens, err := sqlparse.Lex(sql)
		if err != nil {
			return nil, fmt.Errorf("mutate: %w: %s", err, sql)
		}
		var words []string
		for _, tok := range tokens[:len(tokens)-1] {
			words = append(words, tok.Text(sql))
		}
		m.tokens = append(m.tokens, words)
		s, err := sqlparse.Parse(sql)
		if err != nil {
			return nil, fmt.Errorf("mutate: %w: %s", err, sql)
		}
		sqlparse.Walk(s, func(n sqlparse.Node) bool {
			if k := kindOf(n); k != noPart && n.Pos().End > n.Pos().Start {
				m.parts[k] = append(m.parts[k], n.Pos().Text(sql))
			}
			return true
		})
	}
	return m, nil
}

// Statement is the next mutant.
func (m *Mutator) Statement() string {
	i := m.IntN(len(m.texts))
	switch m.IntN(5) {
	case 0:
		return m.bytes(m.texts[i])
	case 1, 2:
		return m.graft(m.texts[i])
	}
	tokens := append([]string(nil), m.tokens[i]...)
	for range 1 + m.IntN(3) {
		tokens = m.mutate(tokens)
	}
	return strings.Join(tokens, " ")
}

// graft puts parts of other statements in the place of parts of the same kind.
func (m *Mutator) graft(sql string) string {
	for range 1 + m.IntN(3) {
		s, err := sqlparse.Parse(sql)
		if err != nil {
			return sql
		}
		var places []sqlparse.Node
		sqlparse.Walk(s, func(n sqlparse.Node) bool {
			if kindOf(n) != noPart && n.Pos().End > n.Pos().Start {
				places = append(places, n)
			}
			return true
		})
		if len(places) == 0 {
			return sql
		}
		n := places[m.IntN(len(places))]
		parts := m.parts[kindOf(n)]
		sql = sql[:n.Pos().Start] + " " + parts[m.IntN(len(parts))] + " " + sql[n.Pos().End:]
	}
	return sql
}

// mutate drops, doubles, swaps, replaces, inserts or moves tokens.
func (m *Mutator) mutate(tokens []string) []string {
	if len(tokens) < 2 {
		return append(tokens, m.token())
	}
	i := m.IntN(len(tokens))
	switch m.IntN(7) {
	case 0:
		return append(tokens[:i:i], tokens[i+1:]...)
	case 1:
		return append(tokens[:i+1:i+1], tokens[i:]...)
	case 2:
		j := m.IntN(len(tokens))
		tokens[i], tokens[j] = tokens[j], tokens[i]
		return tokens
	case 3:
		tokens[i] = m.token()
		return tokens
	case 4:
		return append(append(tokens[:i:i], m.token()), tokens[i:]...)
	case 5: // a few tokens of another statement
		other := m.tokens[m.IntN(len(m.tokens))]
		from := m.IntN(len(other))
		to := min(len(other), from+1+m.IntN(5))
		return append(append(tokens[:i:i], other[from:to]...), tokens[i:]...)
	default: // parentheses around a few tokens
		j := i + m.IntN(len(tokens)-i)
		out := append(tokens[:i:i], "(")
		out = append(append(out, tokens[i:j]...), ")")
		return append(out, tokens[j:]...)
	}
}

func (m *Mutator) token() string {
	if m.IntN(3) == 0 {
		return spice[m.IntN(len(spice))]
	}
	other := m.tokens[m.IntN(len(m.tokens))]
	return other[m.IntN(len(other))]
}

var spice = strings.Fields(`( ) [ ] , . : :: = <> < + - * / ^ || @ not and or is null isnull in like between similar to
	escape at time zone local collate operator any all some distinct from where group by order having window limit offset
	fetch first rows only with ties for update values select table union intersect except as on using join left cross
	natural lateral rows range case when then else end array row cast exists default current_date user nulls last filter
	over within int text double precision interval year format json value without ordinality tablesample into $1 1 'x' a
	set returning do nothing conflict recursive materialized grouping sets rollup cube variadic => symmetric json_object
	json_value json_table json_array passing wrapper empty error columns nested path search cycle xmlelement xmltable name
	document content 0x1 1_0`)

// bytes damages the text itself, which the lexer must read as the server's does.
func (m *Mutator) bytes(sql string) string {
	b := []byte(sql)
	for range 1 + m.IntN(3) {
		i := m.IntN(len(b) + 1)
		const alphabet = "'\"$\\-/*+<>=!@#%^&|~`?:;.,()[]_ \n\teEuUbBxXnN019aA&"
		switch c := alphabet[m.IntN(len(alphabet))]; {
		case m.IntN(3) == 0 && i < len(b):
			b = append(b[:i:i], b[i+1:]...)
		case m.IntN(2) == 0 && i < len(b):
			b[i] = c
		default:
			b = append(append(b[:i:i], c), b[i:]...)
		}
	}
	return string(b)
}

// Package sqltext gives texts of SQL a form in which they can be counted and shown: without constants.
package sqltext

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// Normal is the text on one line with one spelling of white space, without comments, every constant and parameter as ?,
// and every list of like elements (IN, ANY(ARRAY[...]), the rows of VALUES) as its first one. It has nothing that could
// be a value of a row: what SET sets and the channels of LISTEN and NOTIFY are ? too. An error says that the text cannot
// be split into tokens, so that nothing of it may be shown.
func Normal(text string) (string, error) {
	tokens, err := sqlparse.Lex(text)
	if err != nil {
		return "", err
	}
	return joined(lists(settings(words(tokens)))), nil
}

// Fingerprint is 16 hexadecimal digits, the same for texts that differ in constants only.
func Fingerprint(normal string) string { return fmt.Sprintf("%016x", xxhash.Sum64String(normal)) }

// word is a token as it is shown.
type word struct {
	text string
	kind sqlparse.TokenKind // TokenParam for every constant
}

func (w word) is(text string) bool {
	return w.text == text && w.kind != sqlparse.TokenQuoted && w.kind != sqlparse.TokenParam
}

var value = word{"?", sqlparse.TokenParam}

// words leaves the constants out.
func words(tokens []sqlparse.Token) []word {
	var list []word
	for _, t := range tokens {
		w := word{t.Value, t.Kind}
		switch t.Kind {
		case sqlparse.TokenEOF:
			continue
		case sqlparse.TokenParam, sqlparse.TokenString, sqlparse.TokenBit:
			w = value
		case sqlparse.TokenInteger, sqlparse.TokenNumeric:
			w, list = value, unsigned(list)
		case sqlparse.TokenQuoted:
			w.text = `"` + strings.ReplaceAll(t.Value, `"`, `""`) + `"`
		case sqlparse.TokenKeyword:
			if (w.text == "true" || w.text == "false") && !tests(list) {
				w = value
			}
		}
		list = append(list, w)
	}
	for len(list) > 0 && list[len(list)-1].is(";") {
		list = list[:len(list)-1]
	}
	return list
}

// unsigned takes off the sign of the number that follows: -1 is a constant as 1 is.
func unsigned(list []word) []word {
	n := len(list)
	if n == 0 || !list[n-1].is("-") && !list[n-1].is("+") {
		return list
	}
	if n > 1 {
		before := list[n-2]
		operand := before.kind == sqlparse.TokenIdent || before.kind == sqlparse.TokenQuoted || before.kind == sqlparse.TokenParam ||
			before.is(")") || before.is("]") || before.is("*")
		if operand {
			return list
		}
	}
	return list[:n-1]
}

// tests reports whether the next word ends IS TRUE or IS NOT FALSE.
func tests(list []word) bool {
	n := len(list)
	return n > 0 && list[n-1].is("is") || n > 1 && list[n-1].is("not") && list[n-2].is("is")
}

// settings leaves out bare words that are values: of SET, and channels, which are often named after rows.
func settings(list []word) []word {
	if len(list) == 0 {
		return list
	}
	switch list[0].text {
	case "listen", "notify", "unlisten":
		return []word{list[0], value}
	case "set":
		for i, w := range list {
			if w.is("=") || w.is("to") {
				return append(list[:i+1:i+1], value)
			}
		}
		for i, w := range list {
			if w.is("role") || w.is("authorization") {
				return append(list[:i+1:i+1], value)
			}
		}
	}
	return list
}

// lists shortens lists to their first element, where all are alike.
func lists(list []word) []word {
	var out []word
	for i := 0; i < len(list); i++ {
		out = append(out, list[i])
		switch {
		case list[i].is("values"):
			row, last := rows(list, i)
			out, i = append(out, lists(row)...), last
		case list[i].is("(") && i > 0 && list[i-1].is("in"), list[i].is("[") && i > 0 && list[i-1].is("array"):
			if end := closing(list, i); end > 0 && alike(list[i+1:end]) {
				elements := list[i+1 : end]
				out, i = append(out, lists(elements[:elementEnd(elements, 0)])...), end-1
			}
		}
	}
	return out
}

// rows returns the first row behind VALUES and the index of the last word of the rows like it.
func rows(list []word, at int) (first []word, last int) {
	if at+1 >= len(list) || !list[at+1].is("(") {
		return nil, at
	}
	end := closing(list, at+1)
	if end < 0 {
		return nil, at
	}
	first, last = list[at+1:end+1], end
	for last+2 < len(list) && list[last+1].is(",") && list[last+2].is("(") {
		next := closing(list, last+2)
		if next < 0 || !slices.Equal(first, list[last+2:next+1]) {
			break
		}
		last = next
	}
	return first, last
}

// alike reports whether all elements of a list are the same.
func alike(list []word) bool {
	first := list[:elementEnd(list, 0)]
	for at := len(first) + 1; at < len(list); {
		to := elementEnd(list, at)
		if !slices.Equal(first, list[at:to]) {
			return false
		}
		at = to + 1
	}
	return true
}

// elementEnd is where the element that begins at the index ends: at a comma, or at the end.
func elementEnd(list []word, at int) int {
	for depth := 0; at < len(list); at++ {
		switch {
		case list[at].is("("), list[at].is("["):
			depth++
		case list[at].is(")"), list[at].is("]"):
			depth--
		case depth == 0 && list[at].is(","):
			return at
		}
	}
	return at
}

// closing is the index of the bracket that closes the one at the index, or -1.
func closing(list []word, open int) int {
	depth := 0
	for i := open; i < len(list); i++ {
		switch {
		case list[i].is("("), list[i].is("["):
			depth++
		case list[i].is(")"), list[i].is("]"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// joined writes the words with spaces as a person would.
func joined(list []word) string {
	var b strings.Builder
	for i, w := range list {
		if i > 0 && spaced(list[i-1], w) {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

func spaced(a, b word) bool {
	if a.kind == sqlparse.TokenPunct && slices.Contains([]string{"(", "[", ".", "::"}, a.text) {
		return false
	}
	if b.kind != sqlparse.TokenPunct {
		return true
	}
	switch b.text {
	case ")", "]", ",", ".", "::", ";", "[":
		return false
	case "(":
		return a.kind != sqlparse.TokenIdent && a.kind != sqlparse.TokenQuoted
	}
	return true
}

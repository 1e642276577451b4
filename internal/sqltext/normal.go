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
	s := shortener{list: list, pair: pairs(list)}
	s.write(0, len(list), maxNested)
	return s.out
}

// maxNested bounds how deep lists in lists are shortened, and so how often a word is looked at.
const maxNested = 8

type shortener struct {
	list []word
	pair []int // of an opening bracket, where it is closed; else -1
	out  []word
}

// pairs finds the bracket that closes each one, in one pass.
func pairs(list []word) []int {
	pair := make([]int, len(list))
	var open []int
	for i, w := range list {
		pair[i] = -1
		switch {
		case w.is("("), w.is("["):
			open = append(open, i)
		case len(open) > 0 && (w.is(")") || w.is("]")):
			pair[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
	return pair
}

func (s *shortener) write(from, to, depth int) {
	for i := from; i < to; i++ {
		s.out = append(s.out, s.list[i])
		if depth == 0 {
			continue
		}
		switch w := s.list[i]; {
		case w.is("values") && i+1 < to && s.pair[i+1] > 0:
			s.write(i+1, s.pair[i+1]+1, depth-1)
			i = s.lastRow(i+1, to)
		case s.pair[i] > 0 && i > 0 && (w.is("(") && s.list[i-1].is("in") || w.is("[") && s.list[i-1].is("array")):
			if end := s.pair[i]; s.alike(i+1, end) {
				s.write(i+1, s.elementEnd(i+1, end), depth-1)
				i = end - 1
			}
		}
	}
}

// lastRow is where the last of the rows ends that are like the first one, which opens at the index.
func (s *shortener) lastRow(first, to int) int {
	last := s.pair[first]
	row := s.list[first : last+1]
	for last+2 < to && s.list[last+1].is(",") && s.list[last+2].is("(") {
		end := s.pair[last+2]
		if end < 0 || !slices.Equal(row, s.list[last+2:end+1]) {
			break
		}
		last = end
	}
	return last
}

// alike reports whether all elements of a list are the same.
func (s *shortener) alike(from, end int) bool {
	at := s.elementEnd(from, end)
	first := s.list[from:at]
	for at < end {
		next := s.elementEnd(at+1, end)
		if !slices.Equal(first, s.list[at+1:next]) {
			return false
		}
		at = next
	}
	return true
}

// elementEnd is where the element that begins at the index ends: at a comma, or at the end of its list.
func (s *shortener) elementEnd(at, end int) int {
	for at < end && !s.list[at].is(",") {
		at = max(at, s.pair[at]) + 1
	}
	return at
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

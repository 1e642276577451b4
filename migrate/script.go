package migrate

import (
	"slices"
	"strings"
)

// script is a migration file cut into statements. It does not use
// internal/sqlparse, which is strict on purpose: here whatever is not understood
// goes to the server as it stands, and only the server judges it.
type script struct {
	statements []statement
	marks      []mark // comments of the form "-- keyway:..."
}

type statement struct {
	offset int      // of its first word
	text   string   // without the semicolon
	words  []string // unquoted words lower-cased; quoted names with their quotes; other characters one by one; literals as ''
}

type mark struct {
	offset int
	text   string // after "keyway:"
}

// starts tells whether the statement begins with these words.
func (s statement) starts(words ...string) bool {
	return len(s.words) >= len(words) && slices.Equal(s.words[:len(words)], words)
}

// has tells whether the words stand next to each other anywhere.
func (s statement) has(words ...string) bool {
	for i := range s.words {
		if len(s.words)-i >= len(words) && slices.Equal(s.words[i:i+len(words)], words) {
			return true
		}
	}
	return false
}

// scanner cuts where psql would: at a semicolon outside of literals, comments,
// parentheses (CREATE RULE) and the BEGIN ATOMIC ... END of an SQL-body function.
type scanner struct {
	text   string
	pos    int
	parens int
	bodies int // open BEGIN and CASE of a function body
	out    script
	now    statement
}

func scan(text string) script {
	s := scanner{text: text}
	s.now.offset = -1
	for s.pos < len(text) {
		s.step()
	}
	s.cut(len(text))
	return s.out
}

func (s *scanner) step() {
	rest := s.text[s.pos:]
	switch c := rest[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		s.pos++
	case strings.HasPrefix(rest, "--"):
		s.lineComment(rest)
	case strings.HasPrefix(rest, "/*"):
		s.pos += blockComment(rest)
	case c == ';' && s.parens == 0 && s.bodies == 0:
		s.cut(s.pos)
		s.pos++
	case c == '\'':
		s.take("''", quoted(rest, '\'', s.escapes()))
	case c == '"':
		n := quoted(rest, '"', false)
		s.take(rest[:n], n)
	case c == '$' && dollarTag(rest) != "":
		s.take("''", dollarQuoted(rest, dollarTag(rest)))
	case wordByte(c):
		s.word(rest)
	default:
		s.symbol(c)
	}
}

// take adds one word of n bytes to the statement.
func (s *scanner) take(word string, n int) {
	if s.now.offset < 0 {
		s.now.offset = s.pos
	}
	s.now.words = append(s.now.words, word)
	s.pos += n
}

func (s *scanner) cut(end int) {
	if s.now.offset >= 0 {
		s.now.text = s.text[s.now.offset:end]
		s.out.statements = append(s.out.statements, s.now)
	}
	s.now = statement{offset: -1}
	s.parens, s.bodies = 0, 0
}

func (s *scanner) symbol(c byte) {
	switch c {
	case '(':
		s.parens++
	case ')':
		s.parens = max(0, s.parens-1)
	}
	s.take(string(rune(c)), 1)
}

func (s *scanner) word(rest string) {
	n := 1
	for n < len(rest) && (wordByte(rest[n]) || rest[n] == '$') {
		n++
	}
	word := strings.ToLower(rest[:n])
	switch {
	case word == "begin" && (s.now.starts("create") && (s.now.has("function") || s.now.has("procedure"))),
		word == "case" && s.bodies > 0:
		s.bodies++
	case word == "end":
		s.bodies = max(0, s.bodies-1)
	}
	s.take(word, n)
}

// escapes tells whether the literal that starts here is an E'...' one.
func (s *scanner) escapes() bool {
	return s.pos > 0 && (s.text[s.pos-1] == 'e' || s.text[s.pos-1] == 'E') &&
		len(s.now.words) > 0 && s.now.words[len(s.now.words)-1] == "e"
}

func (s *scanner) lineComment(rest string) {
	line, _, _ := strings.Cut(rest, "\n")
	comment := strings.TrimSpace(strings.TrimLeft(line, "-"))
	if text, ok := strings.CutPrefix(comment, "keyway:"); ok {
		s.out.marks = append(s.out.marks, mark{offset: s.pos, text: strings.TrimSpace(text)})
	}
	s.pos += len(line)
}

func blockComment(rest string) int {
	depth := 0
	for i := 0; i < len(rest); {
		switch {
		case strings.HasPrefix(rest[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(rest)
}

// quoted returns the length of a literal or a quoted name, quotes included.
func quoted(rest string, quote byte, escapes bool) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] == quote && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return i + 1
		}
	}
	return len(rest)
}

// dollarTag returns the opening $tag$, or "" when there is none ($1).
func dollarTag(rest string) string {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '$':
			return rest[:i+1]
		case !wordByte(rest[i]) || i == 1 && rest[i] >= '0' && rest[i] <= '9':
			return ""
		}
	}
	return ""
}

func dollarQuoted(rest, tag string) int {
	if i := strings.Index(rest[len(tag):], tag); i >= 0 {
		return i + 2*len(tag)
	}
	return len(rest)
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

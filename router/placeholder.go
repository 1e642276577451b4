package router

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// numberPlaceholders turns the ? of a built statement into $1, $2, ... and ?? into ?, outside of strings, quoted
// identifiers, comments and dollar-quoted bodies. want is the number of arguments.
//
// squirrel's own replacement does not look where a ? stands, and numbers each nested builder from 1, so that two
// arguments share $1. Here everything is built with ? and numbered once, and a $1 that is already there is refused.
func numberPlaceholders(text string, want int) (string, error) {
	var b strings.Builder
	b.Grow(len(text) + 2*want)
	n := 0
	for i := 0; i < len(text); {
		if end := skipQuoted(text, i); end > i {
			b.WriteString(text[i:end])
			i = end
			continue
		}
		switch c := text[i]; {
		case c == '?' && strings.HasPrefix(text[i:], "??"):
			b.WriteByte('?')
			i += 2
		case c == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			i++
		case c == '$' && i+1 < len(text) && isDigit(text[i+1]):
			return "", errors.New(errPrefix + "a part of this statement already has numbered placeholders ($1); build every " +
				"part with ?, from router.SQL or squirrel's default format, and they are numbered once")
		default:
			b.WriteByte(c)
			i++
		}
	}
	if n != want {
		return "", fmt.Errorf("%sthe statement has %d placeholders and %d arguments; write the operator ? as ??",
			errPrefix, n, want)
	}
	return b.String(), nil
}

// skipQuoted returns the end of the string, quoted identifier, comment or dollar-quoted body that begins at i; i when
// none does. What is not closed goes to the end of the text, and the server or the planner will say so.
func skipQuoted(text string, i int) int {
	switch rest := text[i:]; {
	case rest[0] == '\'':
		return i + quotedLen(rest, '\'', escapeString(text, i))
	case rest[0] == '"':
		return i + quotedLen(rest, '"', false)
	case strings.HasPrefix(rest, "--"):
		if nl := strings.IndexByte(rest, '\n'); nl >= 0 {
			return i + nl
		}
		return len(text)
	case strings.HasPrefix(rest, "/*"):
		return i + commentLen(rest)
	case rest[0] == '$' && !identByteBefore(text, i):
		return i + dollarLen(rest)
	}
	return i
}

// escapeString reports whether the string at i is E'...', where a backslash hides a quote.
func escapeString(text string, i int) bool {
	return i > 0 && (text[i-1] == 'E' || text[i-1] == 'e') && !identByteBefore(text, i-1)
}

func quotedLen(s string, quote byte, backslash bool) int {
	for j := 1; j < len(s); j++ {
		switch {
		case backslash && s[j] == '\\':
			j++
		case s[j] != quote:
		case j+1 < len(s) && s[j+1] == quote:
			j++
		default:
			return j + 1
		}
	}
	return len(s)
}

// commentLen measures a comment of the /* kind, which nests in PostgreSQL.
func commentLen(s string) int {
	depth := 0
	for j := 0; j+1 < len(s); j++ {
		switch s[j : j+2] {
		case "/*":
			depth++
			j++
		case "*/":
			depth--
			j++
		}
		if depth == 0 {
			return j + 1
		}
	}
	return len(s)
}

// dollarLen measures $tag$...$tag$; 0 when s does not begin one.
func dollarLen(s string) int {
	j := 1
	for j < len(s) && s[j] != '$' {
		if !identByte(s[j]) || j == 1 && isDigit(s[j]) {
			return 0
		}
		j++
	}
	if j == len(s) {
		return 0
	}
	tag := s[:j+1]
	if end := strings.Index(s[len(tag):], tag); end >= 0 {
		return len(tag) + end + len(tag)
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func identByte(c byte) bool {
	return c == '_' || c >= 0x80 || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func identByteBefore(text string, i int) bool {
	return i > 0 && (identByte(text[i-1]) || text[i-1] == '$')
}

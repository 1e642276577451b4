package sqlparse

import (
	"strings"
	"unicode/utf8"
)

// prefixedString reads a string or identifier that a letter introduces (E, B, X, N, U&) and reports whether c did.
func (l *lexer) prefixedString(c byte) bool {
	start := l.i
	switch next := l.at(1); {
	case c|0x20 == 'e' && next == '\'':
		l.escapeString(start)
	case (c|0x20 == 'b' || c|0x20 == 'x') && next == '\'':
		l.bitString(start, c|0x20)
	case c|0x20 == 'n' && next == '\'':
		// PostgreSQL reads N'text' as the type nchar and a string.
		l.i++
		l.emit(TokenIdent, start, "nchar")
		l.lookUp()
	case c|0x20 == 'u' && next == '&' && l.at(2) == '\'':
		l.sawUnicode = true
		l.quotedString(start, start+3)
	case c|0x20 == 'u' && next == '&' && l.at(2) == '"':
		l.sawUnicode = true
		name := l.quotedIdentifier(start, start+3)
		l.emit(TokenQuoted, start, name)
	default:
		return false
	}
	return true
}

// quotedString reads a string without escapes; body is the offset behind its first quote.
func (l *lexer) quotedString(start, body int) {
	l.i = body
	simple := true
	var parts strings.Builder
	for {
		n := strings.IndexByte(l.s[l.i:], '\'')
		if n < 0 {
			failSyntax(start, "unterminated string")
		}
		piece := l.s[l.i : l.i+n]
		l.i += n + 1
		switch {
		case l.at(0) == '\'':
			l.i++
			simple = false
			parts.WriteString(piece)
			parts.WriteByte('\'')
		case l.continues():
			simple = false
			parts.WriteString(piece)
		case simple:
			l.emit(TokenString, start, piece)
			return
		default:
			parts.WriteString(piece)
			l.emit(TokenString, start, parts.String())
			return
		}
	}
}

// continues reports whether the string whose quote was just closed goes on: white space with a line break, then
// another quote. It then stands behind that quote. Line comments count as white space here, block comments do not.
func (l *lexer) continues() bool {
	newline := false
	for i := l.i; i < len(l.s); {
		switch c := l.s[i]; {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case isSpace(c):
			i++
		case c == '-' && i+1 < len(l.s) && l.s[i+1] == '-':
			i = lineEnd(l.s, i)
		case c == '\'' && newline:
			l.i = i + 1
			return true
		default:
			return false
		}
	}
	return false
}

// bitString reads B'...' and X'...'; Value is the digits behind the letter that says which.
func (l *lexer) bitString(start int, letter byte) {
	l.quotedString(start, start+2)
	t := &l.tokens[len(l.tokens)-1]
	t.Kind = TokenBit
	for i := range len(t.Value) {
		c := t.Value[i]
		hex := isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
		if letter == 'b' && c != '0' && c != '1' || !hex {
			failSyntax(start, "a bit string with a character that is no digit")
		}
	}
	t.Value = string(rune(letter)) + t.Value
}

// quotedIdentifier reads "name"; body is the offset behind its first quote.
func (l *lexer) quotedIdentifier(start, body int) string {
	l.i = body
	for {
		n := strings.IndexByte(l.s[l.i:], '"')
		if n < 0 {
			failSyntax(start, "unterminated quoted identifier")
		}
		l.i += n + 1
		if l.at(0) != '"' {
			return strings.ReplaceAll(l.s[body:l.i-1], `""`, `"`)
		}
		l.i++
	}
}

func (l *lexer) emitQuoted(start int, name string) {
	checkQuoted(start, name)
	l.emit(TokenQuoted, start, name)
}

func checkQuoted(offset int, name string) {
	if name == "" {
		failSyntax(offset, "an empty quoted identifier")
	}
	checkLength(offset, name)
}

// checkDecoded refuses a string whose escapes gave bytes that PostgreSQL refuses in a UTF-8 database.
func checkDecoded(offset int, s string) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		failSyntax(offset, "an escape in a string that gives no valid UTF-8")
	}
}

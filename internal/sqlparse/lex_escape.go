package sqlparse

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeString reads E'...' with its backslash escapes.
func (l *lexer) escapeString(start int) {
	l.i = start + 2
	var out []byte
	for l.i < len(l.s) {
		c := l.s[l.i]
		l.i++
		switch {
		case c == '\\':
			out = l.escape(start, out)
		case c != '\'':
			out = append(out, c)
		case l.at(0) == '\'':
			l.i++
			out = append(out, '\'')
		case !l.continues():
			s := string(out)
			checkDecoded(start, s)
			l.emit(TokenString, start, s)
			return
		}
	}
	failSyntax(start, "unterminated string")
}

// escape reads what follows a backslash and appends what it means.
func (l *lexer) escape(start int, out []byte) []byte {
	if l.i >= len(l.s) {
		failSyntax(start, "unterminated string")
	}
	c := l.s[l.i]
	l.i++
	switch c {
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'v':
		failUnsupported(l.i-2, `the escape \v`, `write \x0b; PostgreSQL 15 and 16 read \v as the letter`)
	case 'x':
		if n := l.run(2, isHex); n > 0 {
			return append(out, byte(l.take(n, 16)))
		}
	case 'u':
		return l.unicodeEscape(out, 4)
	case 'U':
		return l.unicodeEscape(out, 8)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		l.i--
		return append(out, byte(l.take(l.run(3, isOctal), 8)))
	}
	return append(out, c)
}

func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// run counts how many of the next bytes, at most limit, are digits of a kind.
func (l *lexer) run(limit int, digit func(byte) bool) int {
	n := 0
	for n < limit && digit(l.at(n)) {
		n++
	}
	return n
}

// take reads the next n bytes as a number.
func (l *lexer) take(n, base int) uint64 {
	v, err := strconv.ParseUint(l.s[l.i:l.i+n], base, 64)
	if err != nil {
		panic("bug: digits that are none: " + err.Error())
	}
	l.i += n
	return v
}

// unicodeEscape reads the digits of \uXXXX or \UXXXXXXXX, and the second half of a surrogate pair.
func (l *lexer) unicodeEscape(out []byte, digits int) []byte {
	r := l.codePoint(digits)
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r)
	}
	second := rune(-1)
	if l.at(0) == '\\' && (l.at(1) == 'u' || l.at(1) == 'U') {
		digits = 4
		if l.at(1) == 'U' {
			digits = 8
		}
		l.i += 2
		second = l.codePoint(digits)
	}
	return utf8.AppendRune(out, joinPair(l.i, r, second))
}

func (l *lexer) codePoint(digits int) rune {
	if l.run(digits, isHex) < digits {
		failSyntax(l.i, "a Unicode escape with too few digits")
	}
	offset := l.i
	v := l.take(digits, 16)
	checkCodePoint(offset, v)
	return rune(v)
}

func checkCodePoint(offset int, v uint64) {
	if v == 0 || v > utf8.MaxRune {
		failSyntax(offset, "a Unicode escape that is no character")
	}
}

func joinPair(offset int, first, second rune) rune {
	r := utf16.DecodeRune(first, second)
	if r == utf8.RuneError {
		failSyntax(offset, "half of a surrogate pair")
	}
	return r
}

// decodeUnicode resolves the U& tokens, now that the UESCAPE behind them can be seen, and drops the latter.
func (l *lexer) decodeUnicode() {
	in := l.tokens
	out := in[:0]
	for i := 0; i < len(in); i++ {
		t := in[i]
		if (t.Kind == TokenString || t.Kind == TokenQuoted) && l.s[t.Start]|0x20 == 'u' {
			escape := byte('\\')
			if in[i+1].Kind == TokenKeyword && in[i+1].Value == "uescape" {
				escape = l.escapeCharacter(in[i+2])
				t.End = in[i+2].End
				i += 2
			}
			t.Value = decodeUnicode(t.Start, t.Value, escape)
			if t.Kind == TokenQuoted {
				checkQuoted(t.Start, t.Value)
			}
		}
		out = append(out, t)
	}
	l.tokens = out
}

func (l *lexer) escapeCharacter(t Token) byte {
	if t.Kind != TokenString || l.s[t.Start]|0x20 == 'u' {
		failSyntax(t.Start, "UESCAPE must be followed by a plain string")
	}
	if len(t.Value) != 1 || isHex(t.Value[0]) || isSpace(t.Value[0]) || strings.IndexByte("+'\"\v", t.Value[0]) >= 0 {
		failSyntax(t.Start, "an unusable UESCAPE character")
	}
	return t.Value[0]
}

// decodeUnicode resolves \XXXX, \+XXXXXX and the doubled escape in the body of a U& token that starts at offset.
func decodeUnicode(offset int, body string, escape byte) string {
	l := lexer{s: body}
	var out []byte
	first := rune(-1) // the first half of a surrogate pair; the second must follow at once
	for l.i < len(body) {
		c := body[l.i]
		l.i++
		if c != escape || l.at(0) == escape {
			if c == escape {
				l.i++
			}
			if first >= 0 {
				failSyntax(offset, "half of a surrogate pair")
			}
			out = append(out, c)
			continue
		}
		r := l.plainCodePoint(offset)
		switch {
		case first >= 0:
			out, first = utf8.AppendRune(out, joinPair(offset, first, r)), -1
		case utf16.IsSurrogate(r):
			first = r
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	if first >= 0 {
		failSyntax(offset, "half of a surrogate pair")
	}
	return string(out)
}

// plainCodePoint reads XXXX or +XXXXXX.
func (l *lexer) plainCodePoint(offset int) rune {
	digits := 4
	if l.at(0) == '+' {
		l.i++
		digits = 6
	}
	if l.run(digits, isHex) < digits {
		failSyntax(offset, "a Unicode escape with too few digits")
	}
	v := l.take(digits, 16)
	checkCodePoint(offset, v)
	return rune(v)
}

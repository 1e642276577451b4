package sqlparse

import "strconv"

// maxParam is the protocol's limit on parameters.
const maxParam = 65535

// number reads digits [. digits] [e [+-] digits], with digits on at least one side of the point.
func (l *lexer) number() {
	start := l.i
	kind := TokenInteger
	l.digits()
	if l.at(0) == '.' && l.at(1) != '.' { // 1..2 is 1 and the token ".."
		kind = TokenNumeric
		l.i++
		l.digits()
	}
	if l.exponent() {
		kind = TokenNumeric
	}
	l.checkJunk(start)
	l.emit(kind, start, l.s[start:l.i])
}

func (l *lexer) digits() {
	for isDigit(l.at(0)) {
		l.i++
	}
}

func (l *lexer) exponent() bool {
	if l.at(0)|0x20 != 'e' {
		return false
	}
	n := 1
	if c := l.at(n); c == '+' || c == '-' {
		n++
	}
	if !isDigit(l.at(n)) {
		return false
	}
	l.i += n
	l.digits()
	return true
}

// checkJunk refuses a number that runs into a letter. PostgreSQL 15 refuses all of them; 16 reads some as numbers.
func (l *lexer) checkJunk(start int) {
	c := l.at(0)
	if !isIdentStart(c) {
		return
	}
	radix := l.i == start+1 && l.s[start] == '0' && (c|0x20 == 'x' || c|0x20 == 'o' || c|0x20 == 'b')
	if radix || c == '_' {
		failUnsupported(start, "a number in hexadecimal, octal or binary, or with underscores",
			"write it in plain decimal digits; PostgreSQL 15 does not read this form")
	}
	failSyntax(l.i, "trailing junk after a number")
}

// param reads $n. PostgreSQL before 18 silently wraps a number that does not fit.
func (l *lexer) param() {
	start := l.i
	l.i++
	l.digits()
	if isIdentStart(l.at(0)) {
		failSyntax(l.i, "trailing junk after a parameter")
	}
	n, err := strconv.Atoi(l.s[start+1 : l.i])
	if err != nil || n < 1 || n > maxParam {
		failSyntax(start, "a parameter's number must be between $1 and $65535")
	}
	l.emit(TokenParam, start, l.s[start+1:l.i])
}

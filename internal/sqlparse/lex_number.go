package sqlparse

import (
	"math/big"
	"strconv"
	"strings"
)

const (
	// maxParam is the protocol's limit on parameters.
	maxParam = 65535
	// maxRadix bounds the digits of a number that is not decimal: to convert it takes more than linear time.
	maxRadix = 1000
)

// number reads digits [. digits] [e [+-] digits], with digits on at least one side of the point, or an integer in
// hexadecimal, octal or binary.
func (l *lexer) number() {
	start := l.i
	if base := l.radix(); base != 0 {
		l.radixInteger(start, base)
		return
	}
	kind := TokenInteger
	plain := l.digits()
	if l.at(0) == '.' && l.at(1) != '.' { // 1..2 is 1 and the token ".."
		kind = TokenNumeric
		l.i++
		plain = l.digits() && plain
	}
	if l.at(0)|0x20 == 'e' {
		exponent, digits := l.exponent()
		if exponent {
			kind, plain = TokenNumeric, digits && plain
		}
	}
	l.checkJunk()
	value := l.s[start:l.i]
	if !plain {
		l.version = 16
		value = strings.ReplaceAll(value, "_", "")
	}
	l.emit(kind, start, value)
}

// digits reads digits, which may have one underscore between two of them, and reports whether there was none.
func (l *lexer) digits() (plain bool) {
	plain = true
	for first := true; ; first = false {
		switch {
		case isDigit(l.at(0)):
			l.i++
		case l.at(0) == '_' && isDigit(l.at(1)) && !first && isDigit(l.s[l.i-1]):
			plain = false
			l.i += 2
		default:
			return plain
		}
	}
}

// exponent reads e [+-] digits; it reports whether there was one, and whether it was without underscores.
func (l *lexer) exponent() (found, plain bool) {
	n := 1
	if c := l.at(n); c == '+' || c == '-' {
		n++
	}
	if !isDigit(l.at(n)) {
		return false, true
	}
	l.i += n
	return true, l.digits()
}

// radix returns the base of the number that begins here when it is 0x, 0o or 0b, else 0.
func (l *lexer) radix() int {
	if l.at(0) != '0' {
		return 0
	}
	switch l.at(1) | 0x20 {
	case 'x':
		return 16
	case 'o':
		return 8
	case 'b':
		return 2
	}
	return 0
}

// radixInteger reads an integer that is not decimal; each digit may have one underscore before it.
func (l *lexer) radixInteger(start, base int) {
	l.i += 2
	var digits []byte
	for {
		n := 0
		if l.at(0) == '_' {
			n = 1
		}
		c := l.at(n)
		if !isHex(c) || base == 8 && c > '7' || base == 2 && c > '1' {
			break
		}
		digits = append(digits, c)
		l.i += n + 1
	}
	if len(digits) == 0 {
		failSyntax(start, "a number without digits")
	}
	l.checkJunk()
	if len(digits) > maxRadix {
		failUnsupported(start, "a number of more than "+strconv.Itoa(maxRadix)+" digits that are not decimal",
			"write it in decimal digits")
	}
	v, ok := new(big.Int).SetString(string(digits), base)
	if !ok {
		panic("bug: digits that are none")
	}
	l.version = 16
	l.emit(TokenInteger, start, v.String())
}

// checkJunk refuses a number that runs into a letter.
func (l *lexer) checkJunk() {
	if isIdentStart(l.at(0)) {
		failSyntax(l.i, "trailing junk after a number")
	}
}

// param reads $n. PostgreSQL before 18 silently wraps a number that does not fit.
func (l *lexer) param() {
	start := l.i
	l.i++
	for isDigit(l.at(0)) {
		l.i++
	}
	if isIdentStart(l.at(0)) {
		failSyntax(l.i, "trailing junk after a parameter")
	}
	n, err := strconv.Atoi(l.s[start+1 : l.i])
	if err != nil || n < 1 || n > maxParam {
		failSyntax(start, "a parameter's number must be between $1 and $65535")
	}
	l.emit(TokenParam, start, l.s[start+1:l.i])
}

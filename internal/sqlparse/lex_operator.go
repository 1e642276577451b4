package sqlparse

import "strings"

func isOperator(c byte) bool { return strings.IndexByte("~!@#^&|`?+-*/%<>=", c) >= 0 }

// operator reads the longest run of operator characters that PostgreSQL would take as one operator: a comment ends
// it, and + or - may end it only if it has a character that no standard SQL operator has.
func (l *lexer) operator() {
	start := l.i
	end := start
	for end < len(l.s) && isOperator(l.s[end]) {
		end++
	}
	op := l.s[start:end]
	if i := strings.Index(op, "--"); i > 0 {
		op = op[:i]
	}
	if i := strings.Index(op, "/*"); i > 0 {
		op = op[:i]
	}
	for len(op) > 1 && (op[len(op)-1] == '+' || op[len(op)-1] == '-') && !strings.ContainsAny(op, "~!@#^&|`?%") {
		op = op[:len(op)-1]
	}
	if len(op) > maxIdentifier {
		failSyntax(start, "an operator of more than 63 characters")
	}
	l.i += len(op)
	switch op {
	case "=>":
		l.emit(TokenPunct, start, op)
	case "!=":
		l.emit(TokenOperator, start, "<>")
	default:
		l.emit(TokenOperator, start, op)
	}
}

package plan

import (
	"errors"
	"strings"
	"unicode"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// unread turns an error of the parser into a refusal.
func unread(text string, err error) *Refusal {
	if syntax, ok := errors.AsType[*sqlparse.SyntaxError](err); ok {
		hint := ""
		if foreignParameter(text, syntax.Offset) {
			hint = "PostgreSQL's parameters are $1, $2 and so on"
		}
		return &Refusal{Reason: Syntax, Detail: syntax.Message, Hint: hint, Offset: syntax.Offset}
	}
	if unsupported, ok := errors.AsType[*sqlparse.UnsupportedError](err); ok {
		return &Refusal{Reason: Unsupported, Detail: unsupported.What + " is not read", Hint: unsupported.Hint, Offset: unsupported.Offset}
	}
	return &Refusal{Reason: Syntax, Detail: "the text could not be read", Offset: -1}
}

// foreignParameter reports whether reading stopped at, or behind, what is a parameter to other databases or libraries: ?, :name
// or %s.
func foreignParameter(text string, at int) bool {
	if at < 0 || at > len(text) {
		return false
	}
	rest := text[at:]
	named := len(rest) > 1 && rest[0] == ':' && (rest[1] == '_' || unicode.IsLetter(rune(rest[1])) || unicode.IsDigit(rune(rest[1])))
	return named || strings.HasPrefix(rest, "%s") || strings.HasSuffix(strings.TrimSpace(text[:at]), "?")
}

package sqlparse

import (
	"strconv"
	"strings"
)

// SyntaxError says that PostgreSQL would refuse the text too. Its message may show keywords, identifiers and
// punctuation of the text, never the contents of a literal.
type SyntaxError struct {
	Offset  int // byte offset into the text
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return "SQL syntax error at byte " + strconv.Itoa(e.Offset) + ": " + e.Message
}

// Caret returns the line of sql that holds the error with a ^ below the place. It shows the text as it was
// written, literals included: print it for the person who wrote the statement, do not log it.
func (e *SyntaxError) Caret(sql string) string { return caret(sql, e.Offset) }

// UnsupportedError says that the text may well be valid for PostgreSQL, but that this package does not read it,
// or not in the same way for every PostgreSQL version it serves.
type UnsupportedError struct {
	Offset int    // byte offset into the text
	What   string // "the command CREATE"
	Hint   string // what to write instead; may be ""
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	s := "SQL not supported at byte " + strconv.Itoa(e.Offset) + ": " + e.What
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Caret returns the line of sql that holds the error with a ^ below the place; see [SyntaxError.Caret].
func (e *UnsupportedError) Caret(sql string) string { return caret(sql, e.Offset) }

func caret(sql string, offset int) string {
	offset = max(0, min(offset, len(sql)))
	start := strings.LastIndexByte(sql[:offset], '\n') + 1
	end := len(sql)
	if i := strings.IndexByte(sql[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	var pad strings.Builder
	for _, r := range sql[start:offset] {
		if r == '\t' {
			pad.WriteByte('\t') // keeps the caret below its column whatever the tab width
			continue
		}
		pad.WriteByte(' ')
	}
	return strings.TrimRight(sql[start:end], "\r") + "\n" + pad.String() + "^"
}

// The lexer and the parser give up by panicking with one of the two errors; catch, deferred by the exported
// functions, turns that into a result. Deep grammar functions stay free of error plumbing that way.
func failSyntax(offset int, message string) {
	panic(&SyntaxError{Offset: offset, Message: message})
}

func failUnsupported(offset int, what, hint string) {
	panic(&UnsupportedError{Offset: offset, What: what, Hint: hint})
}

func catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case *SyntaxError:
		*err = e
	case *UnsupportedError:
		*err = e
	default:
		panic(e)
	}
}

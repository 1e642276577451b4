package main

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/shard"
)

// explained explains the statement of a call with its arguments, which are texts. Whether {1,2} is a text or an array is
// for the statement to say: it is taken for an array where it cannot be a key as it stands.
func explained[T any](explain func(sql string, args ...any) (T, error), c *call) (T, error) {
	args := make([]any, len(c.args)-1)
	for i, a := range c.args[1:] {
		args[i] = a
	}
	p, err := explain(c.args[0], args...)
	if _, bad := errors.AsType[*shard.KeyError](err); bad && readArrays(args) {
		return explain(c.args[0], args...)
	}
	return p, err
}

// readArrays puts lists in the place of texts that are PostgreSQL's arrays, and reports whether there was one.
func readArrays(args []any) (found bool) {
	m := pgtype.NewMap()
	for i, a := range args {
		text, ok := a.(string)
		if !ok || !strings.HasPrefix(text, "{") {
			continue
		}
		var elements []*string
		if m.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, []byte(text), &elements) != nil {
			continue
		}
		args[i], found = keysOf(elements), true
	}
	return found
}

// keysOf are the elements as arguments, nil for NULL.
func keysOf(elements []*string) []any {
	list := make([]any, len(elements))
	for i, e := range elements {
		if e != nil {
			list[i] = *e
		}
	}
	return list
}

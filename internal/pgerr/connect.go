package pgerr

import (
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ConnectCause is why a connection could not be opened, for a sentence that names the address and the role itself. It
// is without pgx's own error around it, which keeps the whole configuration, the password included, and whose text
// repeats the address for each try. errors.As still reaches the server's *pgconn.PgError. nil gives nil.
func ConnectCause(err error) error {
	if err == nil {
		return nil
	}
	if outer, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = outer.Unwrap()
	}
	return &connectCause{err: err, text: causeText(err)}
}

type connectCause struct {
	err  error
	text string
}

func (e *connectCause) Error() string { return e.text }
func (e *connectCause) Unwrap() error { return e.err }

// causeText is one line: what the server said, else what the network said, else the error's own text.
func causeText(err error) string {
	var causes []string
	collectCauses(err, &causes)
	if len(causes) == 0 {
		return strings.Join(strings.Fields(err.Error()), " ")
	}
	return strings.Join(causes, "; ")
}

// collectCauses walks the tree of errors: pgx joins one for each address it tried.
func collectCauses(err error, causes *[]string) {
	var text string
	switch e := err.(type) { //nolint:errorlint // each node of the tree is looked at by itself
	case nil:
		return
	case *pgconn.PgError:
		text = Public(e).Error()
	case *net.OpError:
		text = e.Err.Error()
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			collectCauses(one, causes)
		}
		return
	default:
		collectCauses(errors.Unwrap(err), causes)
		return
	}
	if !slices.Contains(*causes, text) {
		*causes = append(*causes, text)
	}
}

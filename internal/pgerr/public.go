package pgerr

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Public returns err with a text that holds no row's and no argument's value, as far as the server and pgx put them
// there. The chain stays: errors.Is and errors.As see all that they saw, *pgconn.PgError with its Detail included.
//
// PostgreSQL's Detail, Where and InternalQuery are never part of the text. Its primary message is kept where
// PostgreSQL itself puts only names of objects into it, and left out where it quotes data: class 22 (invalid input
// syntax for type integer: "..."), syntax errors (which quote the statement near the fault), and everything raised by
// RAISE in PL/pgSQL, by the client's own end of a COPY, or of a class not listed here. The messages of the keyway schema (KW...) hold no values and are
// kept. pgx's "failed to encode args[n]" loses what follows, which quotes the argument.
func Public(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	safe := text
	if pg, ok := asPgError(err); ok {
		safe = strings.ReplaceAll(safe, pg.Error(), message(pg))
	}
	safe = cutArgument(safe)
	if safe == text {
		return err
	}
	return &public{err: err, text: safe}
}

// public replaces an error's text.
type public struct {
	err  error
	text string
}

func (e *public) Error() string { return e.text }
func (e *public) Unwrap() error { return e.err }

// message is the server's error as a text for logs.
func message(pg *pgconn.PgError) string {
	severity := pg.SeverityUnlocalized
	if severity == "" {
		severity = pg.Severity
	}
	if showsMessage(pg) {
		return severity + ": " + pg.Message + " (SQLSTATE " + pg.Code + ")"
	}
	text := severity + ": SQLSTATE " + pg.Code
	if pg.Routine == copyRoutine {
		text += ", COPY was ended by the client"
	} else if class := className(pg.Code); class != "" {
		text += ", " + class
	}
	return text + " (the message is left out because it may quote a value)"
}

// shown are the classes whose messages hold names only. 23 has its values in Detail.
var shown = map[string]string{
	"08": "connection exception", "0A": "feature not supported", "21": "cardinality violation",
	"23": "integrity constraint violation", "25": "invalid transaction state", "26": "invalid statement name",
	"28": "invalid authorization", "2D": "invalid transaction termination", "3B": "savepoint exception",
	"3D": "invalid catalog name", "3F": "invalid schema name", "40": "transaction rollback",
	"42": "syntax error or access rule violation", "44": "with check option violation",
	"53": "insufficient resources", "54": "program limit exceeded", "55": "object not in prerequisite state",
	"57": "operator intervention", "58": "system error", "KW": "refused by the keyway schema",
}

// hidden are classes with a name to show in place of the message.
var hidden = map[string]string{
	"22": "data exception", "38": "external routine exception", "39": "external routine invocation exception",
	"P0": "raised by a function", "XX": "internal error", "HV": "foreign data wrapper error",
}

const syntaxError = "42601"

// copyRoutine is where the server gives back what the client said to end a COPY, as a cancelled query's message. pgx says
// there which value it could not encode.
const copyRoutine = "CopyGetData"

// showsMessage reports whether the primary message may be repeated. exec_stmt_raise is the routine of PL/pgSQL's RAISE
// (pl_exec.c): its message is somebody's own text under any SQLSTATE.
func showsMessage(pg *pgconn.PgError) bool {
	if len(pg.Code) != 5 || pg.Code == syntaxError {
		return false
	}
	if pg.Code[:2] == "KW" {
		return true
	}
	if pg.Routine == copyRoutine {
		return false
	}
	_, ok := shown[pg.Code[:2]]
	return ok && pg.Routine != "exec_stmt_raise"
}

func className(code string) string {
	if len(code) != 5 {
		return ""
	}
	if name, ok := hidden[code[:2]]; ok {
		return name
	}
	return shown[code[:2]]
}

const encodeFailure = "failed to encode args["

// isEncoding reports whether pgx refused an argument before anything was sent. It has no type for that.
func isEncoding(err error) bool { return strings.Contains(err.Error(), encodeFailure) }

// cutArgument ends the text after the number of the argument that pgx could not encode.
func cutArgument(text string) string {
	at := strings.Index(text, encodeFailure)
	if at < 0 {
		return text
	}
	end := strings.IndexByte(text[at:], ']')
	if end < 0 {
		return text[:at] + "failed to encode an argument"
	}
	return text[:at+end+1] + ": its Go value does not fit the parameter's type"
}

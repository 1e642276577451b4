package plan

import "strings"

// Reason says why a statement was refused. The zero value is no reason.
type Reason uint8

// The reasons.
const (
	Syntax          Reason = iota + 1 // PostgreSQL would not read it either
	Unsupported                       // a form of SQL that is not judged
	NotDML                            // not SELECT, INSERT, UPDATE or DELETE
	NoShardKey                        // a sharded table is not pinned to a key
	Or                                // the key's condition is under OR or NOT
	ManyKeys                          // occurrences, or rows, are pinned to different keys
	KeyList                           // a list of keys where only one key can be
	KeyUpdate                         // the key or the slot of a row would change
	NullKey                           // an INSERT whose key is NULL or DEFAULT
	BadKey                            // a constant that cannot be a key of the column's type
	UnknownTable                      // not in the registry: a table nobody registered, a view, a temporary table
	UnknownColumn                     // not a column of the registry's snapshot
	AmbiguousColumn                   // PostgreSQL would call it ambiguous, or it cannot be told
	CatalogTable                      // a relation of pg_catalog or information_schema
	UserFunction                      // not a function of the allow-list
	UserOperator                      // OPERATOR(schema.op) of another schema than pg_catalog
	ReferenceWrite                    // a write or a row lock on a reference table
	MixedPlaces                       // sharded and home tables, or home tables of two shards, in one statement
	Arguments                         // the arguments do not fit the statement
	ScatterWrite                      // a write or a row lock over several shards
	NotDivided                        // no table divides the rows of the statement among the shards
	NotColocated                      // tables joined otherwise than by their keys, over several shards
	Inexact                           // rows of several shards cannot be combined to what one server would give
	ServerFunction                    // a function or constant that each shard would answer for itself
	OtherKeysRow                      // DO UPDATE of a row that may be another key's
	NotTotal                          // pages in an order in which two rows may be equal
)

var reasonNames = [...]string{
	Syntax: "syntax", Unsupported: "unsupported", NotDML: "not DML", NoShardKey: "no shard key", Or: "key under OR",
	ManyKeys: "many keys", KeyList: "key list", KeyUpdate: "key update", NullKey: "null key", BadKey: "bad key",
	UnknownTable: "unknown table", UnknownColumn: "unknown column", AmbiguousColumn: "ambiguous column",
	CatalogTable: "catalog table", UserFunction: "user function", UserOperator: "user operator",
	ReferenceWrite: "reference write", MixedPlaces: "mixed places", Arguments: "arguments",
	ScatterWrite: "scatter write", NotDivided: "not divided", NotColocated: "not co-located", Inexact: "inexact",
	ServerFunction: "server function", OtherKeysRow: "other key's row", NotTotal: "order not total",
}

// String returns a short name for counting and for logs.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) || reasonNames[r] == "" {
		return "no reason"
	}
	return reasonNames[r]
}

// Refusal says why a statement is not sent. It names tables, columns and functions, never a constant of the text or
// the value of an argument.
type Refusal struct {
	Reason Reason
	Table  string // schema.table when one table is at fault
	Detail string // what was not understood, as a sentence without the full stop
	Hint   string // what to write instead; may be empty
	Offset int    // byte offset into the text, -1 when there is no one place

	gathers bool // a server that is given the rows of the statement's queries can go on; see nesting
}

// Error implements error.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Reason.String())
	b.WriteString(": ")
	b.WriteString(r.Detail)
	if r.Hint != "" {
		b.WriteString("; ")
		b.WriteString(r.Hint)
	}
	return b.String()
}

// MismatchError says that a statement on a handle for one key names another key. Neither key is in it.
type MismatchError struct {
	Table   string   // schema.table that is pinned to the other key
	Columns []string // its key columns
}

// Error implements error.
func (e *MismatchError) Error() string {
	return "the statement pins " + e.Table + " (" + strings.Join(e.Columns, ", ") +
		") to another key than the one its handle is for; use the handle of that key, or db itself"
}

// catch is deferred where a reader begins: the refusal that reading panicked with becomes the error, and there is no
// result then. Any other panic goes on.
func catch[T any](result **T, err *error) {
	switch f := recover().(type) {
	case nil:
	case *Refusal:
		*result, *err = nil, f
	default:
		panic(f)
	}
}

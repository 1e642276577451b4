package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// Scope says whether a statement is confined to the one key of its handle.
type Scope uint8

// The scopes.
const (
	Unscoped Scope = iota // the statement's own conditions decide
	Scoped                // ForKey, WithKey: every sharded table that the text does not pin is restricted to the handle's key
)

// Target is where a statement may run.
type Target uint8

// The targets. The zero value is none of them.
const (
	ToKey     Target = iota + 1 // on the shard of one key
	ToKeyList                   // on the one shard that has all keys of a list; the keys may be of several shards
	ToAny                       // on any one shard: reference tables, no tables, keys that match nothing
	ToHome                      // on the shard that is the home of its tables
)

var targetNames = [...]string{ToKey: "key", ToKeyList: "key list", ToAny: "any shard", ToHome: "home shard"}

// String returns a short name for people.
func (t Target) String() string {
	if int(t) >= len(targetNames) || targetNames[t] == "" {
		return "no target"
	}
	return targetNames[t]
}

// Plan is how a statement is sent. It is immutable and may be used by many goroutines.
type Plan struct {
	Target   Target
	Home     shard.ID // with ToHome
	Verb     string   // "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"
	ReadOnly bool     // it neither writes nor locks rows
	Tables   []string // schema.table of every registered table it names, sorted, each once

	// KeyTable is the schema.table whose key decides and KeyColumns its key columns; empty without a sharded table.
	KeyTable   string
	KeyColumns []string

	// Text is what is sent: the text as it was written, but for the slot appended to an INSERT and the predicates that
	// a scope adds.
	Text string

	// Params is the number of arguments the caller gives: the highest $n of the text.
	Params int

	occs   []occurrence // what must agree on one key; deduplicated
	rows   []row        // of an INSERT into a sharded table
	extras []extra      // arguments appended after the caller's
	newer  []string     // functions called that an older PostgreSQL has not; see callsByName
	scoped bool         // the key of the scope decides, occs and rows must not contradict it
	fast   fast

	// shapes are the keys of the tables that the scope restricts, or gives a key to, each once.
	shapes []keyShape
}

// Binding is a plan with arguments.
type Binding struct {
	// Target is the plan's, or ToAny when the arguments match no row anywhere (k = $1 and k = $2 with different keys, an
	// empty list), or ToKey when all keys of a list are the same one.
	Target Target
	Key    shard.Key   // with ToKey
	Keys   []shard.Key // with ToKeyList: the distinct keys; of a multi-row INSERT: the key of each row, when they differ
	Args   []any       // what is sent: the caller's own slice unless something was converted or appended
}

// Build reads text against the registry and says where it runs. Unqualified relations are looked up in schema. An error
// is always a [*Refusal].
func Build(text string, reg *catalog.Registry, schema string, scope Scope) (*Plan, error) {
	return build(text, reg, schema, scope)
}

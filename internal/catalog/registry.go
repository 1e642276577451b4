package catalog

import (
	"cmp"
	"slices"

	"github.com/keyway-go/keyway/shard"
)

// Kind says where a table's rows are.
type Kind string

// The kinds of tables.
const (
	Sharded   Kind = "sharded"   // each row is on the shard that owns its key's slot
	Reference Kind = "reference" // the same rows on every shard
	Home      Kind = "home"      // all rows on one named shard
)

// KeyColumn is one column of a table's shard key.
type KeyColumn struct {
	Name string
	Type shard.Type
}

// Column is a column of a table as PostgreSQL describes it.
type Column struct {
	Name    string
	Type    string // as format_type prints it: "bigint", "character varying(20)"
	OID     uint32 // of the type, on the server that was read; differs between servers for user-defined types
	NotNull bool

	// Collation is the column's own, as COLLATE would name it; empty for the database's default and for types that have none.
	Collation string
	// Loose says that the collation calls values equal whose bytes differ.
	Loose bool
}

// Table is a registered table. It is not changed once it is part of a [Registry].
type Table struct {
	Schema, Name string
	OID          uint32 // of the relation, on the server that was read
	Kind         Kind
	Key          []KeyColumn // in the order given when the table was sharded; empty unless Sharded
	Home         shard.ID    // empty unless Home
	HasSlot      bool        // the table has its slot column, complete; false for adopted and half-prepared tables
	Columns      []Column    // in the order of `select *`, the slot column included
}

// Column returns the column of that name.
func (t *Table) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], true
		}
	}
	return nil, false
}

// KeyIndex returns the position of the column in the table's shard key, or -1.
func (t *Table) KeyIndex(column string) int {
	for i := range t.Key {
		if t.Key[i].Name == column {
			return i
		}
	}
	return -1
}

type tableName struct{ schema, name string }

// Registry is a snapshot of the registered tables. It never changes once made.
type Registry struct {
	// Version tells two registries apart: it is a hash of everything in the registry but the OIDs, so that equal
	// versions mean equal tables, columns and keys, on whichever shard they were read. It is not ordered.
	Version int64

	tables map[tableName]*Table
	sorted []*Table
	drift  []*DriftError

	functions     []*Function // sorted by schema and name
	functionDrift []*DriftError
}

// NewRegistry makes a registry of the tables. A table that is named twice panics: that is a mistake of the program.
func NewRegistry(version int64, tables ...*Table) *Registry {
	r := &Registry{Version: version, tables: make(map[tableName]*Table, len(tables)), sorted: slices.Clone(tables)}
	for _, t := range tables {
		n := tableName{t.Schema, t.Name}
		if r.tables[n] != nil {
			panic("catalog: NewRegistry: " + t.Schema + "." + t.Name + " is named twice")
		}
		r.tables[n] = t
	}
	slices.SortFunc(r.sorted, func(a, b *Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return r
}

// Table returns the registered table of that name, spelled as PostgreSQL stores it.
func (r *Registry) Table(schema, name string) (*Table, bool) {
	t, ok := r.tables[tableName{schema, name}]
	return t, ok
}

// Tables returns the tables sorted by schema and name. The slice is the caller's.
func (r *Registry) Tables() []*Table { return slices.Clone(r.sorted) }

// Drift returns what is wrong with the tables that are registered but not in the registry because they are no longer
// what was registered, sorted by schema and name. The slice is the caller's.
func (r *Registry) Drift() []*DriftError { return slices.Clone(r.drift) }

// DriftOf returns why the table is missing although it is registered; nil when it is not.
func (r *Registry) DriftOf(schema, name string) *DriftError {
	for _, d := range r.drift {
		if d.Schema == schema && d.Name == name {
			return d
		}
	}
	return nil
}

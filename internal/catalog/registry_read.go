package catalog

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// registryQuery returns one JSON object: the rows of keyway.tables and keyway.functions, each with what pg_catalog says of
// it now.
// One value, because it is one round trip over any kind of connection and pooler.
//
//go:embed sql/registry.sql
var registryQuery string

// registered is a table as the database describes it.
type registered struct {
	Schema  string      `json:"schema"`
	Name    string      `json:"name"`
	Kind    Kind        `json:"kind"`
	Columns []string    `json:"key_columns"`
	Types   []string    `json:"key_types"`
	Home    shard.ID    `json:"home"`
	HasSlot bool        `json:"has_slot"`
	OID     uint32      `json:"oid"` // 0 when the table is gone
	Now     []columnNow `json:"columns"`
	Fired   []string    `json:"triggers"` // ours that are enabled as they must be
	Late    string      `json:"late"`     // a trigger of the user's that fires after ours, or ""
}

type columnNow struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	OID       uint32 `json:"oid"`
	NotNull   bool   `json:"not_null"`
	KeyType   string `json:"key_type"` // "" when the column cannot be part of a key
	Generated bool   `json:"generated"`
	Collation string `json:"collation"`
	Loose     bool   `json:"loose"`
}

// ReadRegistry returns the registered tables with their columns as they are now, in one round trip. A table that is no
// longer as it was registered (dropped, renamed, a key column altered, a trigger of ours disabled) is left out and
// listed by [Registry.Drift], so that nothing is misrouted meanwhile and the other tables go on.
//
// It returns [ErrNotInitialised] when there is no keyway schema.
func ReadRegistry(ctx context.Context, q Querier) (*Registry, error) {
	var text []byte
	if err := q.QueryRow(ctx, registryQuery, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		return nil, readError("registry", err)
	}
	var found struct {
		Tables    []registered         `json:"tables"`
		Functions []registeredFunction `json:"functions"`
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("catalog: read the registry: %w", err)
	}
	var tables []*Table
	var drift []*DriftError
	for _, f := range found.Tables {
		t, why := f.table()
		if why != "" {
			drift = append(drift, &DriftError{Schema: f.Schema, Name: f.Name, Reason: why})
			continue
		}
		tables = append(tables, t)
	}
	r := NewRegistry(0, tables...)
	r.drift = drift
	r.addFunctions(found.Functions)
	r.Version = r.hash()
	return r, nil
}

// table returns what is registered, or why that is no longer true.
func (f *registered) table() (t *Table, why string) {
	if f.OID == 0 {
		return nil, fmt.Sprintf("it does not exist; if it was dropped: select keyway.forget_table('%s', '%s'); "+
			"if it was renamed, register it under its new name as well", f.Schema, f.Name)
	}
	t = &Table{Schema: f.Schema, Name: f.Name, OID: f.OID, Kind: f.Kind, Home: f.Home, HasSlot: f.HasSlot}
	for _, c := range f.Now {
		t.Columns = append(t.Columns, Column{
			Name: c.Name, Type: c.Type, OID: c.OID, NotNull: c.NotNull, Collation: c.Collation, Loose: c.Loose,
		})
	}
	for i, name := range f.Columns {
		typ, err := shard.ParseType(f.Types[i])
		if err != nil {
			return nil, err.Error()
		}
		t.Key = append(t.Key, KeyColumn{Name: name, Type: typ})
		if why := f.checkKeyColumn(name, typ); why != "" {
			return nil, why
		}
	}
	if t.HasSlot {
		if why := f.checkSlot(); why != "" {
			return nil, why
		}
	}
	if f.Late != "" && len(f.Fired) > 0 {
		return nil, fmt.Sprintf("its trigger %q fires after those that keep the slot right, and could change the key; "+
			"give it a name that starts with an ASCII letter", f.Late)
	}
	return t, ""
}

func (f *registered) column(name string) *columnNow {
	for i := range f.Now {
		if f.Now[i].Name == name {
			return &f.Now[i]
		}
	}
	return nil
}

func (f *registered) checkKeyColumn(name string, want shard.Type) string {
	c := f.column(name)
	if c == nil {
		return fmt.Sprintf("its key column %s does not exist", name)
	}
	have := c.KeyType
	if have == "text" && want == shard.TextUUID {
		have = want.String()
	}
	switch {
	case have != want.String():
		return fmt.Sprintf("its key column %s is %s now and was registered as %s; "+
			"unregister the table (keyway.unshard_table) and register it again", name, c.Type, want)
	case !c.NotNull:
		return fmt.Sprintf("its key column %s may be NULL now", name)
	case c.Generated:
		return fmt.Sprintf("its key column %s is generated now", name)
	}
	return ""
}

// ourTriggers are what a table with a slot column must have for its slots to stay right.
var ourTriggers = []string{
	"~~keyway_1_fill", "~~keyway_1_refill", "~~keyway_2_key", "~~keyway_3_insert", "~~keyway_3_update", "~~keyway_3_delete",
}

func (f *registered) checkSlot() string {
	const again = "call keyway.shard_table again, which makes what is missing"
	switch c := f.column("slot"); {
	case c == nil:
		return "its slot column does not exist; " + again
	case c.Type != "smallint" || !c.NotNull || c.Generated:
		return "its slot column is not a plain smallint not null; " + again
	}
	for _, name := range ourTriggers {
		if !slices.Contains(f.Fired, name) {
			return fmt.Sprintf("its trigger %s is missing or disabled; %s", name, again)
		}
	}
	return ""
}

// hash is over everything but the OIDs, which differ between servers, in an order that does not depend on them.
func (r *Registry) hash() int64 {
	h := xxhash.New()
	enc := json.NewEncoder(h)
	for _, t := range r.sorted {
		c := *t
		c.OID = 0
		c.Columns = slices.Clone(t.Columns)
		for i := range c.Columns {
			c.Columns[i].OID = 0
		}
		if err := enc.Encode(c); err != nil {
			panic("bug: a table cannot be hashed: " + err.Error())
		}
	}
	for _, f := range r.functions {
		if err := enc.Encode(f); err != nil {
			panic("bug: a function cannot be hashed: " + err.Error())
		}
	}
	for _, d := range slices.Concat(r.drift, r.functionDrift) {
		_, _ = fmt.Fprintf(h, "%s.%s:%s", d.Schema, d.Name, d.Reason)
	}
	return int64(h.Sum64())
}

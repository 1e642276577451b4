package assess

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
)

// Kind is what a table would be.
type Kind string

// The kinds. The first three are those that tables are registered as.
const (
	Sharded   Kind = Kind(catalog.Sharded)
	Reference Kind = Kind(catalog.Reference)
	Home      Kind = Kind(catalog.Home)
	Undecided Kind = "undecided" // nothing fits; statements on it would be refused
)

// TableReport is one table and what it would be.
type TableReport struct {
	Table      string   `json:"table"` // schema.name
	Rows       int64    `json:"rows"`  // estimated
	Analysed   bool     `json:"analysed"`
	Bytes      int64    `json:"bytes"` // with its indexes
	Partitions int      `json:"partitions"`
	Kind       Kind     `json:"kind"`
	Key        []string `json:"key"`     // when sharded
	Because    string   `json:"because"` // why it would be that
}

// What is small enough to be on every shard.
const (
	smallRows  = 100_000
	smallBytes = 64 << 20
)

// home is the shard that an adopted database becomes.
const home = "s0"

type placed struct {
	*table
	kind    Kind
	key     []string
	because string
	why     string // the undecided: what to do
	asked   bool   // the options say its kind
	bytes   int64
	rows    float64
}

func (p *placed) report() TableReport {
	return TableReport{
		Table: p.String(), Rows: int64(p.rows), Analysed: !p.Unknown, Bytes: p.bytes, Partitions: int(p.Partitions),
		Kind: p.kind, Key: append([]string{}, p.key...), Because: p.because,
	}
}

// proposal is a kind for each table.
type proposal struct {
	key     *candidate // nil when there is none
	tables  []*placed  // largest first
	byTable map[*table]*placed
}

// propose gives each table a kind under the key.
func (db *database) propose(c *candidate, own map[string]As) *proposal {
	p := &proposal{key: c, byTable: make(map[*table]*placed)}
	members := make(map[*table]string)
	if c != nil {
		maps.Copy(members, c.members)
	}
	given := make(map[*table]As)
	for name, as := range own {
		t := db.named(name)
		given[t] = as
		delete(members, t)
		if as.Kind == Sharded {
			members[t] = as.Key[0]
		}
	}
	for _, t := range db.tables {
		x := &placed{table: t, bytes: t.Bytes, rows: t.Rows}
		switch as := given[t]; {
		case as.Kind != "":
			x.kind, x.key, x.because, x.asked = as.Kind, as.Key, "as you asked", true
		case t.Kind == "f":
			x.kind, x.because = Undecided, "it is a foreign table; its rows are on another server"
		case members[t] != "":
			x.kind, x.key, x.because = Sharded, []string{members[t]}, db.whySharded(c, t)
		case c != nil && t.column(c.report.Column) != nil:
			x.kind, x.because = Undecided, "its "+c.report.Column+" cannot be the key as it is"
		default:
			db.placeWithoutKey(x, members)
		}
		p.tables = append(p.tables, x)
		p.byTable[t] = x
	}
	slices.SortFunc(p.tables, func(a, b *placed) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return p
}

func (db *database) whySharded(c *candidate, t *table) string {
	switch col := c.members[t]; {
	case t == c.root:
		return "its rows are what the key names"
	case col != c.report.Column:
		return fmt.Sprintf("%s refers to %s too", col, c.root.Name)
	default:
		return "it has " + col
	}
}

// namesKey are the columns by which t refers to the key itself of a sharded table: the rows of either could be together.
func (t *table) namesKey(parent *table, key string) (own []string) {
	for _, f := range t.references {
		if f.Parent == parent.OID && len(f.ChildColumns) == 1 && f.ParentColumns[0] == key {
			own = append(own, f.ChildColumns[0])
		}
	}
	return own
}

// nameForKey is what a new column with the key would be called: as in most tables, and not id.
func (t *table) nameForKey(parent *table, members map[*table]string) string {
	key := members[parent]
	if t.column(key) == nil {
		return key
	}
	return strings.TrimSuffix(parent.Name, "s") + "_" + key
}

// small reports whether every shard could have the table.
func (t *table) small() bool { return t.Rows <= smallRows && t.Bytes <= smallBytes }

// writes are those since statistics began, without the rows that are there.
func (t *table) writes() int64 { return t.Changes + max(0, t.Inserts-int64(t.Rows)) }

// keyByAnotherName is the column of t whose name says what the members' says, in another way: tenantId beside tenant_id. It
// is "" when there is none.
func (t *table) keyByAnotherName(members map[*table]string) string {
	for _, c := range t.columns {
		for m, key := range members {
			if typ, ok := m.column(key).keyType(); ok && isTenantWord(key) && stemOf(c.Name) == stemOf(key) && inFamily(c, family(typ)) {
				return c.Name
			}
		}
	}
	return ""
}

// placeWithoutKey decides what a table without the key would be.
func (db *database) placeWithoutKey(x *placed, members map[*table]string) {
	small, writes := x.small(), x.writes()
	readMostly := writes*10 <= x.Reads
	wanted := slices.ContainsFunc(x.referenced, func(f *foreignKey) bool { return members[db.byOID[f.Child]] != "" })
	parent, first := db.reaches(x.table, members)
	switch {
	case parent != nil:
		x.kind = Undecided
		x.because = fmt.Sprintf("without the key; %s leads to %s", strings.Join(first.ChildColumns, ", "), parent.Name)
		x.why = fmt.Sprintf("add %s to it, filled from %s, and shard it by that", x.nameForKey(parent, members), parent.Name)
		if own := x.namesKey(parent, members[parent]); len(own) > 0 {
			x.because = fmt.Sprintf("%s could be its key", strings.Join(own, " or "))
			x.why = fmt.Sprintf("say by which one with --table %s=%s; rows that it names otherwise may be on another shard", x.Name, own[0])
		}
	case x.keyByAnotherName(members) != "":
		own := x.keyByAnotherName(members)
		x.kind, x.because = Undecided, fmt.Sprintf("%s may be the key by another name", own)
		x.why = fmt.Sprintf("say so with --table %s=%s, or what it is: --table %s=reference", x.Name, own, x.Name)
	case small && readMostly && (wanted || x.Reads > 0):
		x.kind, x.because = Reference, "small, and read more than written"
	case small && readMostly && writes == 0 && len(members) > 0:
		x.kind, x.because = Reference, "small, and not written since statistics began"
	case wanted && small:
		x.kind, x.because = Undecided, "sharded tables refer to it, and it is written often"
		x.why = "drop those foreign keys and make it a home table, or accept that a reference table cannot be written from routed statements"
	case wanted:
		x.kind, x.because = Undecided, "sharded tables refer to it, and it is too large for every shard"
		x.why = "give it the key column, or drop those foreign keys and make it a home table"
	case small:
		x.kind, x.because = Home, "without the key, and written often"
	case len(members) == 0:
		x.kind, x.because = Undecided, "no column was found to shard it by"
		x.why = "name one with --table " + x.Name + "=COLUMN"
	case x.Bytes > 1<<30:
		x.kind, x.because = Undecided, "without the key, and large for one shard"
		x.why = "give it the key column, or leave it on one shard as a home table"
	default:
		x.kind, x.because = Home, "nothing connects it to the key"
	}
}

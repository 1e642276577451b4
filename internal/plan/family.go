package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
	"github.com/keyway-go/keyway/shard"
)

// family is a set of types between which PostgreSQL's "=" is equality of the value, and whose casts among each other
// keep the value or fail. The integers are compared across widths without loss. numeric, float, char(n), name and
// citext are in no family: char(n) drops trailing blanks, name truncates, a float matches two different bigints.
type family uint8

const (
	famNone family = iota
	famInt
	famText
	famUUID
	famBytea
)

// familyOfKey is the family of a key column of type t.
func familyOfKey(t shard.Type) family {
	switch t {
	case shard.Int2, shard.Int4, shard.Int8:
		return famInt
	case shard.Text, shard.TextUUID:
		return famText
	case shard.TypeUUID:
		return famUUID
	case shard.Bytea:
		return famBytea
	default:
		return famNone
	}
}

// familyOfColumn reads a type as format_type prints it. A domain, or a type of another schema, prints otherwise.
func familyOfColumn(c *catalog.Column) family {
	switch c.Type {
	case "smallint", "integer", "bigint":
		return famInt
	case "uuid":
		return famUUID
	case "bytea":
		return famBytea
	case "text", "character varying":
		return famText
	}
	if strings.HasPrefix(c.Type, "character varying(") && strings.HasSuffix(c.Type, ")") {
		return famText
	}
	return famNone
}

// familyOfCast is the family of a type name as written. One with a modifier is in none: varchar(2) truncates.
func familyOfCast(t *sqlparse.TypeName) family {
	if t.Schema != "" && t.Schema != "pg_catalog" || len(t.Mods) > 0 || t.SetOf || t.Quoted {
		return famNone
	}
	switch t.Name {
	case "smallint", "int2", "integer", "int", "int4", "bigint", "int8":
		return famInt
	case "text", "varchar", "character varying":
		return famText
	case "uuid":
		return famUUID
	case "bytea":
		return famBytea
	default:
		return famNone
	}
}

// LengthLimit is n of a varchar(n) column, 0 for no limit.
func LengthLimit(c *catalog.Column) int {
	digits, ok := strings.CutPrefix(c.Type, "character varying(")
	if !ok {
		return 0
	}
	n := 0
	for _, d := range strings.TrimSuffix(digits, ")") {
		if d < '0' || d > '9' {
			return 0
		}
		n = n*10 + int(d-'0')
	}
	return n
}

// FitsLength refuses a key that a varchar(limit) column would refuse, or cut at trailing blanks: the row would be another
// key's, after the slot was computed. A limit of 0 is none.
func FitsLength(k shard.Key, t shard.Type, limit int) error {
	if limit == 0 {
		return nil
	}
	if s, ok := k.Value().(string); ok && utf8.RuneCountInString(s) > limit {
		return &shard.KeyError{Type: t, Reason: fmt.Sprintf("it is longer than the column's %d characters", limit)}
	}
	return nil
}

package assess

import "github.com/keyway-go/keyway/shard"

// keyTypes are the types that may be a shard key, by the name in pg_type; the same rule as in keyway.key_type_problem.
var keyTypes = map[string]shard.Type{
	"int2": shard.Int2, "int4": shard.Int4, "int8": shard.Int8, "uuid": shard.TypeUUID, "bytea": shard.Bytea,
	"text": shard.Text, "varchar": shard.Text,
}

// keyType is the column's type as a key; ok is false when it cannot be one, whether it may be NULL or not.
func (c *column) keyType() (t shard.Type, ok bool) {
	t, ok = keyTypes[c.TypeName]
	return t, ok && c.OID < 16384 && !c.Generated && !c.Loose && c.Name != "slot"
}

// family is what types must share for equal keys to have one slot.
func family(t shard.Type) string {
	switch t {
	case shard.Int2, shard.Int4, shard.Int8:
		return "integer"
	case shard.TextUUID:
		return shard.Text.String()
	default:
		return t.String()
	}
}

// refusedAsKey says why the column cannot be a key, and what to do; empty when it can.
func (c *column) refusedAsKey() (problem, remedy string) {
	remedy = "use smallint, integer, bigint, uuid, text, varchar or bytea"
	_, ok := c.keyType()
	switch {
	case ok:
		return "", ""
	case c.Name == "slot":
		return "the name slot is the library's own column", "rename the column"
	case c.Generated:
		return "a generated column is computed only after the triggers that need it", "store the key in an ordinary column"
	case c.Loose:
		return "its collation is nondeterministic: equal values may differ in their bytes", `alter the column to type text collate "C"`
	case c.TypeName == "citext":
		return "equal values of citext may differ in letter case", "use text and store lower(...)"
	case c.TypeName == "bpchar":
		return "equal values of character(n) may differ in trailing blanks", "use text or varchar"
	case c.TypeName == "numeric":
		return "equal values of numeric may differ in their digits (1.0 and 1.00)", "use bigint for whole numbers, else text"
	case c.TypeKind == "e":
		return "the bytes of an enum label differ between servers, and there are few labels", "use text with a CHECK"
	case c.TypeKind == "d":
		return "a domain cannot be used in the row filters that move rows between shards",
			"use " + c.BaseType + ", and put the domain's CHECK on the column"
	case c.Category == "D":
		return "a point in time has many spellings", "shard by what the row belongs to: a tenant, an account, a user"
	default:
		return "equality of " + c.Type + " is not known to be equality of bytes", remedy
	}
}

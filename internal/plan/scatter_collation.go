package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// collation is how an expression's values are compared when they are text. The zero value is not known.
type collation struct {
	known bool
	name  string // as COLLATE would name it; empty for the database's default
	loose bool   // values that are equal may differ in their bytes
}

// collationOf follows PostgreSQL's derivation as far as it is plain: a column's own, what COLLATE says, and the default
// for an expression whose columns all have it.
func (r *reader) collationOf(e sqlparse.Expr, sc *scope) collation {
	if r.tops == nil {
		return collation{}
	}
	switch e := strip(e).(type) {
	case *sqlparse.ColumnRef:
		return r.column(e, sc).coll
	case *sqlparse.Collate:
		return r.named(&e.Collation)
	default:
		return r.derivedCollation(e, sc)
	}
}

// strictCollations are those whose name alone says that equal values have equal bytes. A collation of a name that is
// none of these may be the user's.
var strictCollations = []string{"C", "POSIX", "ucs_basic", "default"}

func (r *reader) named(n *sqlparse.TableName) collation {
	c := collation{known: true, name: n.Text(r.text)}
	c.loose = n.Schema.Value != "pg_catalog" && (n.Schema.Value != "" || !slices.Contains(strictCollations, n.Name.Value))
	return c
}

func (r *reader) derivedCollation(e sqlparse.Expr, sc *scope) collation {
	c := collation{known: true}
	sqlparse.Walk(e, func(n sqlparse.Node) bool {
		switch n := n.(type) {
		case *sqlparse.Select, *sqlparse.Collate, *sqlparse.Star:
			c.known = false
			return false
		case *sqlparse.Case: // what it tells apart by does not matter, what it gives does
			for i := range n.Whens {
				c.known = c.known && r.collationOf(n.Whens[i].Then, sc) == collation{known: true}
			}
			c.known = c.known && (n.Else == nil || r.collationOf(n.Else, sc) == collation{known: true})
			return false
		case *sqlparse.ColumnRef:
			if r.column(n, sc).coll != (collation{known: true}) {
				c.known = false
			}
		case *sqlparse.Cast:
			c.known = c.known && plainType(&n.Type)
		case *sqlparse.ClauseCall:
			for i := range n.Types {
				c.known = c.known && plainType(&n.Types[i])
			}
		}
		return true
	})
	if !c.known {
		return collation{}
	}
	return c
}

// plainTypes are types of pg_catalog, as they may be written, that bring no collation of their own. name does, and so may
// a domain, whose values are described as those of its base type.
var plainTypes = []string{
	"text", "varchar", "character varying", "char varying", "char", "character", "bpchar", "boolean", "bool", "smallint", "int2",
	"integer", "int", "int4", "bigint", "int8", "numeric", "decimal", "dec", "real", "float", "float4", "float8", "double precision",
	"money", "date", "time", "time without time zone", "time with time zone", "timetz", "timestamp", "timestamp without time zone",
	"timestamp with time zone", "timestamptz", "interval", "uuid", "bytea", "json", "jsonb", "xml", "bit", "bit varying", "varbit",
	"inet", "cidr", "macaddr", "macaddr8", "oid", "regclass", "regtype", "int4range", "int8range", "numrange", "tsrange", "tstzrange",
	"daterange", "tsvector", "tsquery", "jsonpath",
}

func plainType(t *sqlparse.TypeName) bool {
	return (t.Schema == "" || t.Schema == "pg_catalog") && slices.Contains(plainTypes, t.Name)
}

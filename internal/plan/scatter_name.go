package plan

import (
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// outputName is the name that PostgreSQL gives an output.
func outputName(t *sqlparse.Target) string {
	if t.Alias.Value != "" {
		return t.Alias.Value
	}
	if name, _ := figured(t.Expr); name != "" {
		return name
	}
	return "?column?"
}

// figured follows FigureColname of PostgreSQL: a weak name gives way to one from outside.
func figured(x sqlparse.Expr) (name string, weak bool) {
	switch x := strip(x).(type) {
	case *sqlparse.ColumnRef:
		return x.Parts[len(x.Parts)-1].Value, false
	case *sqlparse.FuncCall:
		return x.Name, false
	case *sqlparse.ClauseCall:
		return x.Name, false
	case *sqlparse.Coalesce:
		return x.Name, false
	case *sqlparse.Field:
		return x.Name.Value, false
	case *sqlparse.Index:
		return figured(x.X)
	case *sqlparse.Collate:
		return figured(x.X)
	case *sqlparse.Cast:
		if name, weak := figured(x.X); name != "" && !weak {
			return name, false
		}
		return internalName(x.Type.Name), true
	case *sqlparse.Case:
		if name, weak := figured(x.Else); name != "" && !weak {
			return name, false
		}
		return "case", true
	case *sqlparse.Array:
		return "array", false
	case *sqlparse.Row:
		return "row", false
	case *sqlparse.IsTest:
		if !x.Not && strings.HasSuffix(x.What, "normalized") {
			return "is_normalized", false
		}
	case *sqlparse.Subquery:
		return ofSubquery(x), false
	case *sqlparse.Binary:
		switch x.Op {
		case "at time zone":
			return "timezone", false
		case "overlaps":
			return "overlaps", false
		}
	}
	return "", true
}

// ofSubquery is the name of what a subquery gives; that of a scalar one is its output's.
func ofSubquery(x *sqlparse.Subquery) string {
	switch x.Kind {
	case sqlparse.SubExists:
		return "exists"
	case sqlparse.SubArray:
		return "array"
	}
	q := x.Query
	for q.Left != nil {
		q = q.Left
	}
	if len(q.Targets) == 0 {
		return "column1"
	}
	return outputName(&q.Targets[0])
}

// internalName is pg_type's name of a type that the grammar has words for.
func internalName(written string) string {
	names := map[string]string{
		"integer": "int4", "int": "int4", "bigint": "int8", "smallint": "int2", "real": "float4", "float": "float8",
		"double precision": "float8", "decimal": "numeric", "dec": "numeric", "boolean": "bool",
		"character varying": "varchar", "char varying": "varchar", "character": "bpchar", "char": "bpchar",
		"bit varying": "varbit", "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
		"time with time zone": "timetz", "time without time zone": "time",
	}
	if n, ok := names[written]; ok {
		return n
	}
	return written
}

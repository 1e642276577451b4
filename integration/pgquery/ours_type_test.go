package pgquery

import (
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// builtin gives the catalog's name of each type that the grammar knows by keywords.
var builtin = map[string]string{
	"int": "int4", "integer": "int4", "smallint": "int2", "bigint": "int8", "real": "float4",
	"double precision": "float8", "float": "float8", "decimal": "numeric", "dec": "numeric", "numeric": "numeric",
	"boolean": "bool", "bit": "bit", "bit varying": "varbit", "json": "json", "interval": "interval",
	"char": "bpchar", "character": "bpchar", "nchar": "bpchar", "national char": "bpchar", "national character": "bpchar",
	"char varying": "varchar", "character varying": "varchar", "nchar varying": "varchar", "varchar": "varchar",
	"national char varying": "varchar", "national character varying": "varchar",
	"timestamp": "timestamp", "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
	"time": "time", "time with time zone": "timetz", "time without time zone": "time",
}

// intervalBits are the bits of INTERVAL_MASK.
var intervalBits = map[string]int{
	"year": 1 << 2, "month": 1 << 1, "day": 1 << 3, "hour": 1 << 10, "minute": 1 << 11, "second": 1 << 12,
}

// typeName gives a type; literal says that it is that of type 'text', where char and bit have no length by default.
func (r reading) typeName(t *sqlparse.TypeName, literal bool) tree {
	out := tree{"names": name(t.Schema, t.Name), "typmods": r.modifiers(t.Mods), "setof": t.SetOf, "arrayBounds": t.Array}
	if system, ok := builtin[t.Name]; ok && t.Schema == "" && !t.Quoted {
		out["names"] = name("pg_catalog", system)
		switch {
		case t.Name == "float":
			if len(t.Mods) > 0 {
				if bits, _ := strconv.Atoi(t.Mods[0].(*sqlparse.Literal).Value); bits <= 24 {
					out["names"] = name("pg_catalog", "float4")
				}
			}
			delete(out, "typmods")
		case t.Name == "interval":
			out["typmods"] = r.interval(t)
		case (system == "bpchar" || system == "bit") && t.Mods == nil && !literal:
			out["typmods"] = []any{number(1)}
		}
	}
	return out.compact()
}

func (r reading) modifiers(mods []sqlparse.Expr) any {
	if mods == nil {
		return nil
	}
	return placeless(r.exprs(mods).([]any))
}

func (r reading) interval(t *sqlparse.TypeName) any {
	mask := 0
	words, _, _ := strings.Cut(t.Fields, "(")
	first, last, _ := strings.Cut(words, " to ")
	for seen, field := false, 0; field < 6; field++ {
		f := [...]string{"year", "month", "day", "hour", "minute", "second"}[field]
		seen = seen || f == first
		if seen {
			mask |= intervalBits[f]
		}
		if f == last || last == "" && f == first {
			break
		}
	}
	if t.Fields == "" {
		if t.Mods == nil {
			return nil
		}
		mask = 0x7FFF
	}
	mods, _ := r.modifiers(t.Mods).([]any)
	if _, digits, ok := strings.Cut(strings.TrimSuffix(t.Fields, ")"), "("); ok {
		n, _ := strconv.Atoi(digits)
		mods = []any{number(n)}
	}
	return append([]any{number(mask)}, mods...)
}

// number is a constant that the grammar made itself.
func number(n int) tree { return tree{"A_Const": tree{"ival": tree{"ival": n}.compact()}} }

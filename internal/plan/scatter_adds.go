package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// exactTypes are the types of pg_catalog that can be added up and whose sums do not depend on the order of addition, as
// they may be written.
var exactTypes = []string{
	"smallint", "int2", "integer", "int", "int4", "bigint", "int8", "numeric", "decimal", "dec", "interval",
}

// addsExactly reports whether a type, as format_type prints it, is one of them.
func addsExactly(typ string) bool {
	name, _, _ := strings.Cut(typ, "(")
	return slices.Contains(exactTypes, name)
}

// adds reports whether the values of an expression are surely of a type whose sums are exact.
func (r *reader) adds(e sqlparse.Expr, sc *scope) bool {
	if r.tops == nil {
		return false
	}
	all := func(list ...sqlparse.Expr) bool {
		return !slices.ContainsFunc(list, func(x sqlparse.Expr) bool { return !r.adds(x, sc) })
	}
	switch e := strip(e).(type) {
	case *sqlparse.Literal:
		return e.Kind == sqlparse.LitInteger || e.Kind == sqlparse.LitNumeric || e.Kind == sqlparse.LitNull
	case *sqlparse.ColumnRef:
		return r.column(e, sc).adds
	case *sqlparse.Cast:
		return e.Type.Array == 0 && (e.Type.Schema == "" || e.Type.Schema == "pg_catalog") && slices.Contains(exactTypes, e.Type.Name)
	case *sqlparse.Unary:
		return e.OpSchema == "" && (e.Op == "-" || e.Op == "+") && all(e.X)
	case *sqlparse.Binary:
		return e.OpSchema == "" && len(e.Op) == 1 && strings.Contains("+-*/%", e.Op) && all(e.L, e.R)
	case *sqlparse.Coalesce:
		return all(e.Args...)
	case *sqlparse.Case:
		for i := range e.Whens {
			if !r.adds(e.Whens[i].Then, sc) {
				return false
			}
		}
		return e.Else == nil || r.adds(e.Else, sc)
	case *sqlparse.FuncCall:
		return r.callAdds(e, all)
	}
	return false
}

// givesCount are functions of pg_catalog whose result is an integer whatever their arguments are; those of givesArgument
// give a value of a type that their arguments have in common.
var (
	givesCount    = []string{"count", "row_number", "rank", "dense_rank", "ntile", "length", "char_length", "cardinality"}
	givesArgument = []string{"sum", "avg", "min", "max", "any_value", "abs", "round", "lag", "lead", "first_value", "last_value", "nth_value"}
)

func (r *reader) callAdds(e *sqlparse.FuncCall, all func(...sqlparse.Expr) bool) bool {
	switch {
	case e.Schema != "" && e.Schema != "pg_catalog", len(e.WithinGroup) > 0:
		return false
	case slices.Contains(givesCount, e.Name):
		return true
	}
	if e.Name == "round" && len(e.Args) == 1 {
		return false // of an integer it is a float
	}
	return slices.Contains(givesArgument, e.Name) && len(e.Args) > 0 && all(e.Args...)
}

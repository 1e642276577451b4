package sqlparse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// printed writes an expression with every operator in brackets and without the parentheses of the text, so that a
// test shows the structure.
func printed(e sqlparse.Expr) string {
	switch e := e.(type) {
	case *sqlparse.Paren:
		return printed(e.X)
	case *sqlparse.ColumnRef:
		var parts []string
		for _, p := range e.Parts {
			parts = append(parts, p.Value)
		}
		return strings.Join(parts, ".")
	case *sqlparse.Literal:
		switch e.Kind {
		case sqlparse.LitNull:
			return "null"
		case sqlparse.LitTrue:
			return "true"
		case sqlparse.LitFalse:
			return "false"
		case sqlparse.LitString:
			return "'" + e.Value + "'"
		}
		return e.Value
	case *sqlparse.Param:
		return fmt.Sprintf("$%d", e.Number)
	case *sqlparse.Unary:
		return "[" + op(e.Op, e.OpSchema) + " " + printed(e.X) + "]"
	case *sqlparse.Binary:
		return "[" + printed(e.L) + " " + op(e.Op, e.OpSchema) + " " + printed(e.R) + "]"
	case *sqlparse.And:
		return "[" + joined(e.X, " and ") + "]"
	case *sqlparse.Or:
		return "[" + joined(e.X, " or ") + "]"
	case *sqlparse.Cast:
		return "[" + printed(e.X) + " :: " + e.Type.Name + strings.Repeat("[]", e.Type.Array) + "]"
	case *sqlparse.IsTest:
		return "[" + printed(e.X) + " is " + not(e.Not) + e.What + "]"
	case *sqlparse.Between:
		return "[" + printed(e.X) + " " + not(e.Not) + "between " + printed(e.Lo) + " & " + printed(e.Hi) + "]"
	case *sqlparse.Like:
		s := "[" + printed(e.X) + " " + not(e.Not) + e.Op + " " + printed(e.Pattern)
		if e.Escape != nil {
			s += " escape " + printed(e.Escape)
		}
		return s + "]"
	case *sqlparse.In:
		if e.Query != nil {
			return "[" + printed(e.X) + " " + not(e.Not) + "in (query)]"
		}
		return "[" + printed(e.X) + " " + not(e.Not) + "in (" + joined(e.List, ", ") + ")]"
	case *sqlparse.Quantified:
		word := "any"
		if e.All {
			word = "all"
		}
		if e.Query != nil {
			return "[" + printed(e.X) + " " + op(e.Op, e.OpSchema) + " " + word + " (query)]"
		}
		return "[" + printed(e.X) + " " + op(e.Op, e.OpSchema) + " " + word + " (" + printed(e.Array) + ")]"
	case *sqlparse.Subquery:
		return []string{"", "exists", "array"}[e.Kind] + "(query)"
	case *sqlparse.Row:
		return "row(" + joined(e.X, ", ") + ")"
	case *sqlparse.Array:
		return "array[" + joined(e.X, ", ") + "]"
	case *sqlparse.FuncCall:
		return e.Name + "(" + joined(e.Args, ", ") + ")"
	case *sqlparse.Collate:
		return "[" + printed(e.X) + " collate " + e.Collation.Name.Value + "]"
	case *sqlparse.Index:
		return printed(e.X) + "[]"
	case *sqlparse.Field:
		return "(" + printed(e.X) + ")." + e.Name.Value
	case *sqlparse.Star:
		return "*"
	}
	return fmt.Sprintf("%T", e)
}

func op(op, schema string) string {
	if schema != "" {
		return schema + "." + op
	}
	return op
}

func not(b bool) string {
	if b {
		return "not "
	}
	return ""
}

func joined(x []sqlparse.Expr, sep string) string {
	var out []string
	for _, e := range x {
		out = append(out, printed(e))
	}
	return strings.Join(out, sep)
}

// parsed parses a statement that must be valid.
func parsed[S sqlparse.Statement](t testing.TB, sql string) S {
	t.Helper()
	s, err := sqlparse.Parse(sql)
	require.NoError(t, err, sql)
	require.IsType(t, *new(S), s)
	return s.(S)
}

// expression parses "select "+text and returns its one target.
func expression(t testing.TB, text string) sqlparse.Expr {
	t.Helper()
	s := parsed[*sqlparse.Select](t, "select "+text)
	require.Len(t, s.Targets, 1, text)
	return s.Targets[0].Expr
}

package sqlparse_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// requireSpans checks that every node lies inside its parent, begins and ends at a token, and that siblings of one
// list stand in order without overlapping.
func requireSpans(t testing.TB, sql string, s sqlparse.Statement) {
	t.Helper()
	tokens, err := sqlparse.Lex(sql)
	require.NoError(t, err)
	starts, ends := map[int]bool{}, map[int]bool{}
	for _, tok := range tokens {
		starts[tok.Start], ends[tok.End] = true, true
	}
	var check func(n sqlparse.Node)
	check = func(n sqlparse.Node) {
		span := n.Pos()
		require.LessOrEqual(t, 0, span.Start, "%T in %s", n, sql)
		require.LessOrEqual(t, span.End, len(sql), "%T in %s", n, sql)
		require.True(t, starts[span.Start], "%T starts inside a token at %d in %s", n, span.Start, sql)
		if span.End > span.Start { // TABLE t has a star that is not in the text, FETCH FIRST ROW a 1
			require.True(t, ends[span.End], "%T ends inside a token at %d in %s", n, span.End, sql)
		} else {
			require.Contains(t, []string{"*sqlparse.Star", "*sqlparse.Literal", "*sqlparse.Target"}, reflect.TypeOf(n).String(), sql)
		}
		sqlparse.Walk(n, func(child sqlparse.Node) bool {
			if child == n {
				return true
			}
			require.LessOrEqual(t, span.Start, child.Pos().Start, "%T in %T in %s", child, n, sql)
			require.LessOrEqual(t, child.Pos().End, span.End, "%T in %T in %s", child, n, sql)
			check(child)
			return false
		})
	}
	check(s)
}

func TestEveryNodeLiesInsideItsParent(t *testing.T) {
	for _, sql := range corpus(t) {
		s, err := sqlparse.Parse(sql)
		require.NoError(t, err, sql)
		requireSpans(t, sql, s)
	}
}

// tree gives what a node is without where it is.
func tree(n sqlparse.Node) string {
	var out strings.Builder
	sqlparse.Walk(n, func(n sqlparse.Node) bool {
		out.WriteString(reflect.TypeOf(n).String())
		switch n := n.(type) {
		case *sqlparse.Name:
			out.WriteString(" " + n.Value)
		case *sqlparse.Literal:
			out.WriteString(" " + n.Value)
		case *sqlparse.Binary:
			out.WriteString(" " + n.Op)
		}
		out.WriteByte('\n')
		return true
	})
	return out.String()
}

func TestTheTextOfAnExpressionIsThatExpression(t *testing.T) {
	n := 0
	for _, sql := range corpus(t) {
		s, err := sqlparse.Parse(sql)
		require.NoError(t, err, sql)
		sqlparse.Walk(s, func(node sqlparse.Node) bool {
			e, ok := node.(sqlparse.Expr)
			if !ok || e.Pos().Start == e.Pos().End {
				return true
			}
			switch e := e.(type) {
			case *sqlparse.GroupingSet, *sqlparse.NamedArg, *sqlparse.DefaultExpr, *sqlparse.Star:
				return true
			case *sqlparse.Row: // may hold DEFAULT
				return true
			case *sqlparse.Array: // the inner brackets of [[a]]
				if sql[e.Start] == '[' {
					return true
				}
			case *sqlparse.ClauseCall:
				if e.Name == "json_table" || e.Name == "xmltable" {
					return true // stand in FROM only
				}
			case *sqlparse.FuncCall:
				if e.Special && e.Name == "extract" {
					return false // its field is given as a string, but may be written as a name
				}
				if e.Special && e.Name == "normalize" {
					return false
				}
			}
			text := e.Pos().Text(sql)
			require.Equal(t, tree(e), tree(expression(t, text)), "%s\nin %s", text, sql)
			n++
			return true
		})
	}
	require.Greater(t, n, 3000)
}

func TestTheTextOfAQueryOrRelationIsThatNode(t *testing.T) {
	for _, sql := range corpus(t) {
		s, err := sqlparse.Parse(sql)
		require.NoError(t, err, sql)
		sqlparse.Walk(s, func(n sqlparse.Node) bool {
			switch n.(type) {
			case *sqlparse.Select:
				again := parsed[*sqlparse.Select](t, n.Pos().Text(sql))
				require.Equal(t, tree(n), tree(again))
			case *sqlparse.Join, *sqlparse.SubqueryRef, *sqlparse.FuncRef:
				again := parsed[*sqlparse.Select](t, "select from "+n.Pos().Text(sql)).From[0]
				require.Equal(t, tree(n), tree(again), sql)
			case *sqlparse.TypeName:
				text := n.Pos().Text(sql)
				if strings.EqualFold(text, "n") { // the string N'...' is read as nchar '...'
					return true
				}
				again := expression(t, "cast(a as "+text+")").(*sqlparse.Cast)
				require.Equal(t, n.(*sqlparse.TypeName).Name, again.Type.Name)
			}
			return true
		})
	}
}

// withWhere adds a condition to each query and statement of sql that may have one, one at a time, as a caller would.
func withWhere(sql string, s sqlparse.Statement) []string {
	var edited []string
	sqlparse.Walk(s, func(n sqlparse.Node) bool {
		var where sqlparse.Expr
		at, current := -1, false
		switch n := n.(type) {
		case *sqlparse.Select:
			where, at = n.Where, n.WhereAt
		case *sqlparse.Update:
			where, at, current = n.Where, n.WhereAt, n.CurrentOf
		case *sqlparse.Delete:
			where, at, current = n.Where, n.WhereAt, n.CurrentOf
		}
		switch {
		case at < 0 || current:
		case where == nil:
			edited = append(edited, sql[:at]+" where added.key = 1"+sql[at:])
		default:
			w := where.Pos()
			edited = append(edited, sql[:w.Start]+"added.key = 1 and ("+w.Text(sql)+")"+sql[w.End:])
		}
		return true
	})
	return edited
}

func TestAConditionCanBeAddedByOffset(t *testing.T) {
	g := newGrammar(t)
	n := 0
	for _, sql := range corpus(t) {
		s, version, err := sqlparse.ParseVersion(sql)
		require.NoError(t, err, sql)
		for _, edited := range withWhere(sql, s) {
			again, err := sqlparse.Parse(edited)
			require.NoError(t, err, edited)
			require.Contains(t, tree(again), "*sqlparse.Name added")
			if version <= g.major {
				require.NoError(t, g.refusal(t, edited), edited)
			}
			n++
		}
	}
	require.Greater(t, n, 300)
}

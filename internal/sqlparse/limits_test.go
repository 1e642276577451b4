package sqlparse_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func nested(open, middle, end string, n int) string {
	return "select " + strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

func TestNestingIsBoundedAndNotTheStack(t *testing.T) {
	forms := map[string]func(n int) string{
		"parentheses":  func(n int) string { return nested("(", "1", ")", n) },
		"queries":      func(n int) string { return nested("(select ", "1", ")", n) },
		"query parens": func(n int) string { return strings.Repeat("(", n) + "select 1" + strings.Repeat(")", n) },
		"not":          func(n int) string { return nested("not ", "a", "", n) },
		"minus":        func(n int) string { return nested("- ", "a", "", n) },
		"prefix":       func(n int) string { return nested("@ ", "a", "", n) },
		"calls":        func(n int) string { return nested("f(", "1", ")", n) },
		"case":         func(n int) string { return nested("case when a then ", "1", " end", n) },
		"subscripts":   func(n int) string { return nested("a[", "1", "]", n) },
		"arrays":       func(n int) string { return nested("array[", "1", "]", n) },
		"brackets":     func(n int) string { return "select array" + strings.Repeat("[", n) + strings.Repeat("]", n) },
		"casts":        func(n int) string { return nested("cast(", "1", " as int)", n) },
		"from":         func(n int) string { return nested("* from (select ", "1", ") x", n) },
		"joins in parens": func(n int) string {
			return "select from " + strings.Repeat("(", n) + "a" + strings.Repeat(" cross join b)", n)
		},
		"joins to the right": func(n int) string {
			return "select from a" + strings.Repeat(" join b", n) + strings.Repeat(" on true", n)
		},
		"ctes": func(n int) string {
			return strings.Repeat("with a as (", n) + "select 1" + strings.Repeat(") select 1", n)
		},
		"grouping sets": func(n int) string {
			return "select from t group by " + strings.Repeat("grouping sets (", n) + "a" + strings.Repeat(")", n)
		},
		"json":           func(n int) string { return nested("json_object('a': ", "1", ")", n) },
		"json arrays":    func(n int) string { return nested("json_array(select ", "1", ")", n) },
		"json pairs":     func(n int) string { return nested("json_object((", "1", ") value 2)", n) },
		"xml":            func(n int) string { return nested("xmlelement(name a, ", "1", ")", n) },
		"xml attributes": func(n int) string { return nested("xmlelement(name a, xmlattributes(", "1", "))", n) },
		"nested columns": func(n int) string {
			return "select from json_table(a, '$' columns (" + strings.Repeat("nested '$' columns (", n) + "b int" +
				strings.Repeat(")", n) + ")) x"
		},
		"table functions": func(n int) string {
			return "select " + strings.Repeat("1 from xmltable((select ", n) + "a" +
				strings.Repeat(") passing b columns c int) x", n)
		},
		"chain of local":  func(n int) string { return "select a" + strings.Repeat(" at local", 4*n) },
		"literals' types": func(n int) string { return nested("t(", "1", ") 'x'", n) },
		"rows":            func(n int) string { return nested("row(", "1", ")", n) },
		"type mods":       func(n int) string { return nested("1::t(", "1", ")", n) },
		"chain of +":      func(n int) string { return "select a" + strings.Repeat(" + a", 4*n) },
		"chain of ::":     func(n int) string { return "select a" + strings.Repeat("::int", 4*n) },
		"chain of []":     func(n int) string { return "select a" + strings.Repeat("[1]", 4*n) },
		"chain of .":      func(n int) string { return "select (a)" + strings.Repeat(".b", 4*n) },
		"chain of union":  func(n int) string { return "select 1" + strings.Repeat(" union select 1", 4*n) },
		"chain of joins":  func(n int) string { return "select from a" + strings.Repeat(" cross join a", 4*n) },
		"chain of is":     func(n int) string { return "select a" + strings.Repeat(" is null", 4*n) },
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			s, err := sqlparse.Parse(form(50))
			require.NoError(t, err)
			requireSpans(t, form(50), s)
			var e *sqlparse.UnsupportedError
			_, err = sqlparse.Parse(form(1000))
			require.ErrorAs(t, err, &e)
			long := form(10000)
			long = long[:min(len(long), sqlparse.MaxText)]
			_, err = sqlparse.Parse(long)
			require.Error(t, err)
		})
	}
}

func TestLongFlatStatementsAreRead(t *testing.T) {
	row := "($1, 'abc', null, default), "
	values := "insert into t values " + strings.Repeat(row, 30000) + "(1, 2, 3, 4)"
	require.Len(t, parsed[*sqlparse.Insert](t, values).Query.Values, 30001)

	in := "select 1 where a in (" + strings.Repeat("$65535, ", 65535) + "1)"
	require.Len(t, parsed[*sqlparse.Select](t, in).Where.(*sqlparse.In).List, 65536)

	and := "select 1 where a" + strings.Repeat(" and a = 1", 50000)
	require.Len(t, parsed[*sqlparse.Select](t, and).Where.(*sqlparse.And).X, 50001)

	columns := "select * from xmltable(a passing b columns c int" + strings.Repeat(", c int path 'c' default 1 not null", 20000) + ")"
	require.Len(t, parsed[*sqlparse.Select](t, columns).From, 1)

	pairs := "select json_object('a': 1" + strings.Repeat(", a value b format json", 30000) + ")"
	require.Len(t, parsed[*sqlparse.Select](t, pairs).Targets[0].Expr.(*sqlparse.ClauseCall).Args, 60002)

	number := "select " + strings.Repeat("1_0", 300000)
	require.NotNil(t, parsed[*sqlparse.Select](t, number))

	or := "select 1 where a" + strings.Repeat(" or a = 1", 50000)
	require.Len(t, parsed[*sqlparse.Select](t, or).Where.(*sqlparse.Or).X, 50001)
}

func TestTheDeepestTreeThatIsReadCanBeWalked(t *testing.T) {
	level := strings.Repeat("+1", 900)
	sql := "select " + strings.Repeat("(", 450) + "1" + strings.Repeat(level+")", 450)
	s, err := sqlparse.Parse(sql)
	require.NoError(t, err)
	n := 0
	sqlparse.Walk(s, func(sqlparse.Node) bool { n++; return true })
	require.Greater(t, n, 2*450*900)
}

func TestATreeOutlivesTheNextText(t *testing.T) {
	sql := "select a.\"B\", 'text', $1 from t as x (c) where f(d => 1) is not null and e || 'x' = any ($2)"
	s, err := sqlparse.Parse(sql)
	require.NoError(t, err)
	before := tree(s)
	for range 100 {
		_, err := sqlparse.Parse("insert into u (v, w) values (1, 2), (3, 4) returning *")
		require.NoError(t, err)
		_, err = sqlparse.Parse("select 1 1")
		require.Error(t, err)
	}
	require.Equal(t, before, tree(s))
}

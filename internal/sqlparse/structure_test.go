package sqlparse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func TestOperatorsBindAsInPostgreSQL(t *testing.T) {
	for text, want := range map[string]string{
		"a or b and c or d":                "[a or [b and c] or d]",
		"a and b and c":                    "[a and b and c]",
		"a and (b and c)":                  "[a and [b and c]]",
		"not a = b and c":                  "[[not [a = b]] and c]",
		"not not a":                        "[not [not a]]",
		"a + b * c ^ d":                    "[a + [b * [c ^ d]]]",
		"a - b - c":                        "[[a - b] - c]",
		"a ^ b ^ c":                        "[[a ^ b] ^ c]",
		"-a ^ b":                           "[[- a] ^ b]",
		"- a * b":                          "[[- a] * b]",
		"-1":                               "-1",
		"- /* c */ 1":                      "-1",
		"- -1":                             "[- -1]",
		"-(1)":                             "[- 1]",
		"-1::int":                          "[- [1 :: int]]",
		"-1.5":                             "[- 1.5]",
		"a -1":                             "[a - 1]",
		"a - -1":                           "[a - -1]",
		"-1 ^ 2":                           "[-1 ^ 2]",
		"@ a + b":                          "[@ [a + b]]",
		"@ a || b":                         "[[@ a] || b]",
		"a || b + c -> d":                  "[[a || [b + c]] -> d]",
		"a = b || c":                       "[a = [b || c]]",
		"a ->> 'k' = 'v'":                  "[[a ->> 'k'] = 'v']",
		"a operator(pg_catalog.=) b + c":   "[a pg_catalog.= [b + c]]",
		"a operator(pg_catalog.*) b = c":   "[[a pg_catalog.* b] = c]",
		"a + b operator(=) c":              "[[a + b] = c]",
		"a <> b":                           "[a <> b]",
		"a != b":                           "[a <> b]",
		"a = b is null":                    "[[a = b] is null]",
		"a is null = b":                    "[[a is null] = b]",
		"a is null is not true":            "[[a is null] is not true]",
		"a isnull and b notnull":           "[[a is null] and [b is not null]]",
		"a is distinct from b and c":       "[[a is distinct from b] and c]",
		"a = b is not distinct from c = d": "[[a = b] is not distinct from [c = d]]",
		"a between 1 and 2 and b":          "[[a between 1 & 2] and b]",
		"a between b = c and d":            "[a between [b = c] & d]",
		"a between 1 and 2 = true":         "[[a between 1 & 2] = true]",
		"a not between b + 1 and c or d":   "[[a not between [b + 1] & c] or d]",
		"not a between 1 and 2":            "[not [a between 1 & 2]]",
		"a like b || c escape d || e":      "[a like [b || c] escape [d || e]]",
		"a = b like c":                     "[a = [b like c]]",
		"a not ilike b = c":                "[[a not ilike b] = c]",
		"a in (1, 2) in (true)":            "[[a in (1, 2)] in (true)]",
		"a = b in (c)":                     "[a = [b in (c)]]",
		"not a in (1)":                     "[not [a in (1)]]",
		"a + 1 not in (select 1)":          "[[a + 1] not in (query)]",
		"a in ((select 1))":                "[a in (query)]",
		"a in ((select 1), 2)":             "[a in ((query), 2)]",
		"a in ((select 1) + 1)":            "[a in ([(query) + 1])]",
		"a = any (b) = c":                  "[[a = any (b)] = c]",
		"a || b = all (c) and d":           "[[[a || b] = all (c)] and d]",
		"a = some ((select 1))":            "[a = any (query)]",
		"a = any ((select b) || c)":        "[a = any ([(query) || c])]",
		"a not like all (b)":               "[a not like all (b)]",
		"a operator(s.=) any (select 1)":   "[a s.= any (query)]",
		"a collate x || b":                 "[[a collate x] || b]",
		"a || b collate x":                 "[a || [b collate x]]",
		"-a collate x":                     "[[- a] collate x]",
		"a at time zone b at time zone c":  "[[a at time zone b] at time zone c]",
		"a + b at time zone c":             "[a + [b at time zone c]]",
		"a at time zone b || c":            "[[a at time zone b] || c]",
		"a at time zone b collate c":       "[a at time zone [b collate c]]",
		"a::int::text || b":                "[[[a :: int] :: text] || b]",
		"a + b::int":                       "[a + [b :: int]]",
		"a::int[]":                         "[a :: int[]]",
		"a[1].b":                           "(a[]).b",
		"(a).b.c":                          "((a).b).c",
		"a.b.c":                            "a.b.c",
		"date 'x' + 1":                     "[['x' :: date] + 1]",
		"interval '1' day * 2":             "[['1' :: interval] * 2]",
		"(a, b) = (c, d)":                  "[row(a, b) = row(c, d)]",
		"(a, b) overlaps (c, d) and e":     "[[row(a, b) overlaps row(c, d)] and e]",
		"1 + not a = b":                    "[1 + [not [a = b]]]",
		"((select 1) + 1)":                 "[(query) + 1]",
		"((select 1) union select 2) + 1":  "[(query) + 1]",
		"exists (select 1) and a":          "[exists(query) and a]",
		"position(a || b in c = d)":        "position([a || b], [c = d])",
	} {
		require.Equal(t, want, printed(expression(t, text)), text)
	}
}

func TestOperatorsThatDoNotChainAreRefused(t *testing.T) {
	for _, text := range []string{
		"a = b = c", "a < b < c", "a = b <> c", "a like b like c", "a in (1) between 2 and 3 like c and d like e like f",
		"a between 1 and 2 between 3 and 4", "a is distinct from b is null", "a like b in (c)", "a between b and c in (d)",
	} {
		_, err := sqlparse.Parse("select " + text)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, text)
	}
}

func TestSetOperationsGroupAsInPostgreSQL(t *testing.T) {
	s := parsed[*sqlparse.Select](t, "select 1 union select 2 intersect all select 3 except select 4 order by 1")
	require.Equal(t, sqlparse.SetExcept, s.Op)
	require.Len(t, s.OrderBy, 1)
	require.Equal(t, sqlparse.SetUnion, s.Left.Op)
	require.Equal(t, sqlparse.SetIntersect, s.Left.Right.Op)
	require.True(t, s.Left.Right.All)
	require.False(t, s.Left.All)
	require.Equal(t, -1, s.WhereAt)
}

func TestClausesBehindAQueryInParenthesesBelongToIt(t *testing.T) {
	s := parsed[*sqlparse.Select](t, "(select a from t order by a) limit 3 for update")
	require.Len(t, s.OrderBy, 1)
	require.NotNil(t, s.Limit)
	require.Len(t, s.Locking, 1)
	require.False(t, s.Parens)
	require.Equal(t, 0, s.Start)

	for _, sql := range []string{
		"(select 1 order by 1) order by 1", "(select 1 limit 1) limit 1", "(select 1 limit 1) offset 1",
		"(select 1 limit all) limit 1", "with a as (select 1) (with b as (select 1) select 1)",
		"select 1 order by 1 union select 2", "select 1 fetch first 1 row with ties", "select 1 limit 1, 2",
		"select 1 order by 1 fetch first row with ties for update skip locked",
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, sql)
	}
}

func TestJoinsGroupAsInPostgreSQL(t *testing.T) {
	from := func(sql string) sqlparse.TableExpr {
		s := parsed[*sqlparse.Select](t, "select * from "+sql)
		require.Len(t, s.From, 1)
		return s.From[0]
	}
	name := func(e sqlparse.TableExpr) string { return e.(*sqlparse.TableRef).Table.Name.Value }

	j := from("a join b on x left join c using (y) as u").(*sqlparse.Join)
	require.Equal(t, sqlparse.JoinLeft, j.Kind)
	require.Equal(t, "c", name(j.Right))
	require.Equal(t, "u", j.UsingAlias.Value)
	require.Equal(t, sqlparse.JoinInner, j.Left.(*sqlparse.Join).Kind)

	j = from("a join b join c on x on y").(*sqlparse.Join)
	require.Equal(t, "a", name(j.Left))
	require.Equal(t, "y", printed(j.On))
	require.Equal(t, "x", printed(j.Right.(*sqlparse.Join).On))

	j = from("a cross join b join c on x").(*sqlparse.Join)
	require.Equal(t, sqlparse.JoinInner, j.Kind)
	require.Equal(t, sqlparse.JoinCross, j.Left.(*sqlparse.Join).Kind)

	j = from("a left join b natural full join c on x").(*sqlparse.Join)
	require.Equal(t, sqlparse.JoinLeft, j.Kind)
	require.True(t, j.Right.(*sqlparse.Join).Natural)
	require.Equal(t, sqlparse.JoinFull, j.Right.(*sqlparse.Join).Kind)

	j = from("((a join b on x) join (c cross join d) as y (p, q) on z)").(*sqlparse.Join)
	require.Equal(t, "y", j.Right.(*sqlparse.Join).Alias.Name.Value)
	require.Len(t, j.Right.(*sqlparse.Join).Alias.Columns, 2)

	require.IsType(t, &sqlparse.SubqueryRef{}, from("((select 1)) x"))
	require.IsType(t, &sqlparse.SubqueryRef{}, from("((select 1) union (select 2)) x"))
	require.IsType(t, &sqlparse.Join{}, from("((select 1) x cross join a)"))

	for _, sql := range []string{"(a)", "((a join b on x) y)", "a join b", "a natural b", "a cross join b on x", "a left b"} {
		_, err := sqlparse.Parse("select * from " + sql)
		require.Error(t, err, sql)
	}
}

func TestUpdateTakesSetForItsKeyword(t *testing.T) {
	s := parsed[*sqlparse.Update](t, "update t set set = 1")
	require.Empty(t, s.Table.Alias.Name.Value)
	require.Equal(t, "set", s.Set[0].Columns[0].Name.Value)
	s = parsed[*sqlparse.Update](t, "update t as set set a = 1")
	require.Equal(t, "set", s.Table.Alias.Name.Value)
}

func TestInsertTellsItsColumnsFromAQueryInParentheses(t *testing.T) {
	s := parsed[*sqlparse.Insert](t, "insert into t (values) values (1)")
	require.Equal(t, "values", s.Columns[0].Name.Value)
	require.Equal(t, "(values)", s.ColumnsSpan.Text("insert into t (values) values (1)"))
	s = parsed[*sqlparse.Insert](t, "insert into t (values (1))")
	require.Nil(t, s.Columns)
	require.Len(t, s.Query.Values, 1)
	s = parsed[*sqlparse.Insert](t, "insert into t ((select 1) union select 2) returning *")
	require.Nil(t, s.Columns)
	require.Equal(t, sqlparse.SetUnion, s.Query.Op)
	require.Len(t, s.Returning, 1)
}

func TestTheKeywordsOfTypesTellThemFromNames(t *testing.T) {
	quoted := expression(t, `a::"char"`).(*sqlparse.Cast)
	require.True(t, quoted.Type.Quoted)
	plain := expression(t, "a::char").(*sqlparse.Cast)
	require.False(t, plain.Type.Quoted)
	day := expression(t, "interval '1' day to second(3)").(*sqlparse.Cast)
	require.Equal(t, "day to second(3)", day.Type.Fields)
	zone := expression(t, "a::timestamp(3) with time zone[]").(*sqlparse.Cast)
	require.Equal(t, "timestamp with time zone", zone.Type.Name)
	require.Equal(t, 1, zone.Type.Array)
	require.Len(t, zone.Type.Mods, 1)
}

func TestAfterALaterVersionsSyntaxTheVersionIsKnown(t *testing.T) {
	for sql, want := range map[string]int{
		"select 1":                   15,
		"select * from (select 1)":   16,
		"select a is json":           16,
		"select * from (select 1) x": 15,
		"merge into t using s on true when matched then delete":                      15,
		"merge into t using s on true when matched then delete returning *":          17,
		"merge into t using s on true when not matched by source then delete":        17,
		"with x as (merge into t using s on true when matched then delete) select 1": 17,
	} {
		_, version, err := sqlparse.ParseVersion(sql)
		require.NoError(t, err, sql)
		require.Equal(t, want, version, sql)
	}
}

func TestOnlyParenthesesThatNoSyntaxAsksForAreKept(t *testing.T) {
	sql := "(select (select 1), ((select 2)) from ((select 3) union all (select 4)) x)"
	s := parsed[*sqlparse.Select](t, sql)
	require.True(t, s.Parens)
	require.Equal(t, sql[1:len(sql)-1], s.Pos().Text(sql))
	require.False(t, s.Targets[0].Expr.(*sqlparse.Subquery).Query.Parens)
	require.True(t, s.Targets[1].Expr.(*sqlparse.Subquery).Query.Parens)
	union := s.From[0].(*sqlparse.SubqueryRef).Query
	require.False(t, union.Parens)
	require.True(t, union.Left.Parens)
	require.Equal(t, "(select 3) union all (select 4)", union.Pos().Text(sql))
	require.Equal(t, "select 3", union.Left.Pos().Text(sql))
}

// Some of these PostgreSQL refuses not by a rule of its grammar but in the code beside it.
func TestWhatTheServersGrammarRefusesIsRefused(t *testing.T) {
	g := newGrammar(t)
	for _, sql := range []string{
		"select f(distinct a) within group (order by b)",
		"select f(a order by b) within group (order by c)",
		"select f(variadic a) within group (order by c)",
		"select row(1) overlaps row(2)",
		"select (1, 2, 3) overlaps (1, 2, 3)",
		"select a.*.b", "select (a).*.b", "select (a).*[1]", "select a.*[1]",
		"select nullif(1)", "select nullif(1, 2, 3)",
		"select a::float(0)", "select a::float(54)",
		"select sum(a) over (rows unbounded following)",
		"select sum(a) over (rows 1 following)",
		"select sum(a) over (rows between unbounded following and current row)",
		"select sum(a) over (rows between current row and unbounded preceding)",
		"select sum(a) over (rows between current row and 1 preceding)",
		"select sum(a) over (rows between 1 following and current row)",
		"select array[1][1]", "select f(a).b", "select row(1).a", "select (1, 2).a", "select case when a then b end.c",
		"select coalesce(a) over ()", "select count(*) filter (where a) within group (order by b)",
		"select f(all)", "select f(distinct)", "select f(*, a)", "select f(variadic a, b)", "select f(a => )",
		"select 1 as nulls first", "select nulls last", "select a.not in",
		"select extract(quarter, a)", "select extract(values from a)", "select substring(a => 1 from 2)",
		"select * from t limit 1 limit 2", "select * from t for update limit 1 for share",
		"select * from t offset 1 + 1 rows", "select * from t fetch first 1 + 1 rows only",
		"select * from exists (select 1)", "select * from row(1)", "select * from grouping(a)", "select * from lateral t",
		"select distinct from t", "select * a from t", "select a order from t", "select a year from t",
		"update t set a = 1 from", "delete t", "insert t values (1)",
		"insert into t x values (1)", "insert into t () values (1)", "insert into t (a) default values",
		"merge into t using s on true", "merge into t using s on true when matched then insert values (1)",
		"merge into t using s on true when not matched then delete", "merge into t using s when matched then delete",
		"with a (select 1) select 1", "with a as select 1 select 1", "with a as (select 1)", "with a as (table t) x",
		"values", "values ()", "values (1),", "table", "table t where a", "select 1 union", "select 1 union all all select 2",
		"select a between 1", "select a in ()", "select a in 1", "select a = any 1", "select not", "select a is 1",
		"select case end", "select case when a end", "select case when a then b", "select cast(a)", "select cast(a int)",
		"select substring(a = b similar c escape d)", "select substring(a in (1) and b similar c escape d)",
		"select substring(a between 1 and 2 similar c escape d)",
		"select a::", "select a::int[", "select a::int[b]", "select a::3", "select -", "select a +", "select ()",
	} {
		_, err := sqlparse.Parse(sql)
		var e *sqlparse.SyntaxError
		require.ErrorAs(t, err, &e, sql)
		require.Error(t, g.refusal(t, sql), "valid for the server: %s", sql)
	}
}

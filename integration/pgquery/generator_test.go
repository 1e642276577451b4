package pgquery

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// productions is a grammar that gives statements of DML only: each name stands for one of its alternatives, the first
// of which ends. What an application writes has more alternatives than what is rare.
var productions = map[string][]string{
	"statement": {"<select>", "<with> <select>", "<insert>", "<update>", "<delete>", "<merge>", "<select>", "<with> <update>"},
	"select": {"select <targets> from <table>", "<core>", "<core> <tail>", "(<core> <tail>) union all <core> order by 1",
		"<core> intersect <core> except all (<select>) <tail>", "values (<exprs>), (<exprs>)", "table <name>", "<core> <tail>"},
	"core": {"select <targets>", "select <targets> from <from> where <cond>", "select distinct <targets> from <from>",
		"select <targets> from <from> where <cond> group by <groups> having <cond>",
		"select distinct on (<exprs>) <targets> from <from> window w as (partition by <exprs> order by <order>)"},
	"tail": {"order by <order>", "limit <expr>", "order by <order> limit $1 offset <int>", "offset <int> rows fetch next 5 rows only",
		"order by <order> for update of a skip locked", "for no key share", "order by <order> fetch first <int> rows with ties"},
	"targets": {"*", "<target>", "<target>, <target>", "<target>, <targets>"},
	"target":  {"<col>", "a.*", "<expr> as <name>", "<expr> \"Out\"", "<call>"},
	"from":    {"<table>", "<table>, <table>", "<join>", "<join>", "<table>, lateral (<select>) as l", "<join>, <table>"},
	"table": {"<name>", "<name> as <alias>", "only <name> <alias>", "(<select>) as <alias> (x, y)", "s.<name> <alias>",
		"<fcall> with ordinality as <alias> (x, n)", "<name> tablesample system (<int>)", "(<join>) as <alias>",
		"rows from (<fcall>, <fcall>) as <alias>", "json_table(<expr>, '$' columns (x int path '$.x', n for ordinality)) <alias>",
		"<fcall> as <alias> (x int, y text)"},
	"join": {"<table> join <table> on <cond>", "<table> left join <table> using (x, y)", "<join> full outer join <table> on <cond>",
		"<table> natural join <table>", "<table> cross join <table> right join <table> on <cond>"},
	"cond": {"<expr> = <expr>", "<col> = $2", "<cond> and <cond>", "<cond> or <cond>", "not <cond>", "(<cond>)", "<pred>", "<pred>"},
	"pred": {"<col> is null", "<col> in (<exprs>)", "<col> not in (<select>)", "<col> = any (<expr>)", "<col> between <expr> and <expr>",
		"<col> like <str> escape '#'", "exists (<select>)", "<expr> is not distinct from <expr>", "(<exprs>) = (<exprs>)",
		"<col> <> all (<select>)", "<expr> <op> <expr>", "<col> is not true", "<col> similar to <str>", "<expr> is json object",
		"(<col>, <expr>) overlaps (<expr>, <expr>)", "<col> not ilike any (<expr>)", "<col> isnull"},
	"exprs": {"<expr>", "<expr>, <expr>", "<expr>, <exprs>"},
	"expr": {"<col>", "<int>", "<str>", "$3", "<expr> + <expr>", "<expr> <op> <expr>", "(<expr>)", "- <expr>", "<expr>::<type>",
		"cast(<expr> as <type>)", "<call>", "case when <cond> then <expr> else <expr> end", "case <expr> when <int> then <expr> end",
		"(<select>)", "array[<exprs>]", "array(<select>)", "row(<exprs>)", "(<col>)[<int>]", "<col>[<int>:]", "(<col>).f",
		"<expr> at time zone <str>", "<col> collate \"C\"", "<type2> <str>", "coalesce(<exprs>)", "null", "true", "<cond>",
		"nullif(<expr>, <expr>)", "<expr> operator(pg_catalog.+) <expr>", "json_value(<expr>, '$' returning int default 0 on error)",
		"json_object(<str>: <expr>)", "xmlforest(<expr> as a)"},
	"call": {"count(*)", "<fcall>", "sum(distinct <expr>) filter (where <cond>)", "max(<expr>) over w", "extract(year from <expr>)",
		"rank() over (partition by <exprs> order by <order> rows between <int> preceding and current row)", "current_timestamp(3)",
		"percentile_cont(0.5) within group (order by <expr>)", "substring(<expr> from <expr> for <expr>)", "trim(both <str> from <expr>)",
		"string_agg(<expr>, ',' order by <order>)", "f(a => <expr>, variadic b => <expr>)", "grouping(<col>)", "position(<str> in <str>)"},
	"fcall":   {"f(<expr>)", "s.f(<exprs>)", "generate_series(1, <expr>)", "unnest(<expr>)"},
	"order":   {"<expr>", "<expr> desc nulls last", "<expr> asc, <order>", "<expr> using <", "1"},
	"groups":  {"<expr>", "<col>, <col>", "rollup (<exprs>), <col>", "grouping sets ((<exprs>), (), cube (<col>, <col>))", "distinct <groups2>"},
	"groups2": {"<col>", "cube (<col>), rollup (<col>)"},
	"with": {"with <name> as (<select>)", "with recursive r (n) as (select 1 union all select n + 1 from r where <cond>)",
		"with c as materialized (<insert>), d as not materialized (<select>)", "with recursive r as (<select>) search depth first by a set o"},
	"insert": {"insert into <name> (a, b) values (<expr>, default) <returning>", "insert into <name> (a, b) <select> <conflict> <returning>",
		"insert into s.<name> as x values (<exprs>), (<exprs>) <conflict>", "insert into <name> default values <returning>",
		"insert into <name> (a, b[1], c.d) overriding user value <select>"},
	"conflict": {"on conflict do nothing", "on conflict (a, lower(b)) where <cond> do update set <sets> where <cond>",
		"on conflict on constraint k do update set a = excluded.a"},
	"update": {"update <name> set <sets> where <cond> <returning>", "update only <name> as a set <sets> from <from> where <cond> <returning>"},
	"sets":   {"a = <expr>", "a = default, b = <expr>", "(a, b) = (<expr>, default), <sets>", "(a, b) = (<select>)", "a[1] = <expr>"},
	"delete": {"delete from <name> where <cond> <returning>", "delete from <name> as a using <from> where <cond> <returning>"},
	"merge": {"merge into <name> a using <table> on <cond> when matched then update set <sets> when not matched then insert (a) values (<expr>)",
		"merge into <name> using (<select>) b on <cond> when matched and <cond> then delete when not matched by source then do nothing returning *"},
	"returning": {"", "returning *", "returning <targets>"},
	"name":      {"t", "orders", "\"Order\"", "accounts", "value"},
	"alias":     {"a", "b", "\"A\"", "x"},
	"col":       {"a", "a.id", "tenant_id", "b.\"Key\"", "x.y", "name", "s.t.c"},
	"int":       {"1", "42", "3.5", "1e3", "0x1F", "99999999999"},
	"str":       {"'x'", "E'a\\'b'", "$$q$$", "'it''s'", "U&'\\0041'", "B'01'"},
	"type":      {"int", "text", "numeric(10, 2)", "timestamp with time zone", "varchar(3)[]", "s.t", "interval day to second(2)", "char"},
	"type2":     {"date", "interval", "timestamptz", "jsonb", "numeric(3)"},
	"op":        {"<", "||", "->>", "@>", "<->", "%", "^", "=", "~*", "!=", "&&", "-", "*"},
}

var productionName = regexp.MustCompile(`<[a-z0-9]+>`)

// grown gives a text for a name of the grammar. From depth 0 on only first alternatives are taken.
func grown(r *rand.Rand, name string, depth int) string {
	alternatives := productions[name]
	text := alternatives[0]
	if depth > 0 || !strings.Contains(text, "<") {
		text = alternatives[r.IntN(len(alternatives))]
	}
	if depth < -12 {
		return "1"
	}
	return productionName.ReplaceAllStringFunc(text, func(s string) string {
		if _, ok := productions[s[1:len(s)-1]]; !ok {
			return s
		}
		return grown(r, s[1:len(s)-1], depth-1)
	})
}

func TestGeneratedStatementsAreReadAsLibpgqueryReadsThem(t *testing.T) {
	r := random(t)
	var all []string
	for range setting(t, "KEYWAY_STATEMENTS", 1500) {
		all = append(all, grown(r, "statement", 3+r.IntN(4)))
	}
	s := measure(t, all)
	s.log(t, "generated")
	require.Greater(t, s.dml, len(all)/4)
	require.Greater(t, s.percent(), 99.0)
}

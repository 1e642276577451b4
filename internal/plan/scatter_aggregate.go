package plan

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// FoldColumn is a column of partial results that is put together without a server.
type FoldColumn struct {
	Fold Fold
	// Collation and CollationKnown say for FoldMin and FoldMax of text what they say in a [SortKey].
	Collation      string
	CollationKnown bool
}

// partials are the aggregates whose partial results over some rows make the result over all, by the aggregate named.
var partials = map[string]struct {
	over string
	fold Fold
}{
	"min": {"min", FoldMin}, "max": {"max", FoldMax}, "bool_and": {"bool_and", FoldAnd}, "every": {"bool_and", FoldAnd},
	"bool_or": {"bool_or", FoldOr}, "bit_and": {"bit_and", FoldBitAnd}, "bit_or": {"bit_or", FoldBitOr},
	"bit_xor": {"bit_xor", FoldBitXor}, "any_value": {"any_value", 0},
}

// spreads are the aggregates made of a count, a sum and a sum of squares.
var spreads = map[string]struct{ sample, root bool }{
	"variance": {true, false}, "var_samp": {true, false}, "var_pop": {false, false},
	"stddev": {true, true}, "stddev_samp": {true, true}, "stddev_pop": {false, true},
}

// ordered are the aggregates whose result depends on the order of the rows.
var ordered = map[string]bool{
	"array_agg": true, "string_agg": true, "json_agg": true, "json_agg_strict": true, "jsonb_agg": true,
	"jsonb_agg_strict": true, "json_object_agg": true, "json_object_agg_strict": true, "json_object_agg_unique": true,
	"json_object_agg_unique_strict": true, "jsonb_object_agg": true, "jsonb_object_agg_strict": true,
	"jsonb_object_agg_unique": true, "jsonb_object_agg_unique_strict": true, "xmlagg": true,
}

// added are the aggregates that add up, so that the order of the rows shows when they are floats.
var added = map[string]bool{
	"sum": true, "avg": true, "variance": true, "var_samp": true, "var_pop": true, "stddev": true, "stddev_samp": true,
	"stddev_pop": true,
}

// countedRows are other aggregates that a server can compute from the rows, in whatever order they come.
var countedRows = map[string]bool{
	"percentile_cont": true, "percentile_disc": true, "mode": true, "rank": true, "dense_rank": true, "percent_rank": true,
	"cume_dist": true, "range_agg": true, "range_intersect_agg": true, "regr_count": true,
}

// floats are the aggregates that only exist for floats.
var floats = map[string]bool{
	"corr": true, "covar_pop": true, "covar_samp": true, "regr_avgx": true, "regr_avgy": true, "regr_intercept": true,
	"regr_r2": true, "regr_slope": true, "regr_sxx": true, "regr_sxy": true, "regr_syy": true,
}

// needsRows reports whether an aggregate has no partial results, and refuses those that are not exact from rows either.
func (g *grouping) needsRows() bool {
	raw := false
	g.each(func(call *sqlparse.FuncCall) {
		_, partial := partials[call.Name]
		_, spread := spreads[call.Name]
		partial = partial || spread || call.Name == "count" || call.Name == "sum" || call.Name == "avg"
		switch {
		case call.Schema != "" && call.Schema != "pg_catalog":
		case ordered[call.Name] && len(call.OrderBy) == 0 && !call.Distinct:
			panic(refuse(Inexact, call.Start, "the result of "+call.Name+" depends on the order of the rows of all shards",
				"write "+call.Name+"(... ORDER BY ...)"))
		case floats[call.Name] && !g.plan.approximate:
			panic(refuse(Inexact, call.Start, call.Name+" adds up floats, and depends on the order of addition", "allow it with Approximate"))
		case partial && !call.Variadic && len(call.OrderBy) == 0 && len(call.WithinGroup) == 0:
		case partial || ordered[call.Name] || countedRows[call.Name] || floats[call.Name]:
			raw = raw || !call.Distinct
		default:
			panic(refuse(Inexact, call.Start, "the aggregate "+call.Name+" over several shards is not read", "use db.EachShard"))
		}
	})
	return raw
}

// aggregate writes, for the final query, what is made of an aggregate's partial results.
func (g *grouping) aggregate(call *sqlparse.FuncCall) string {
	if g.raw || call.Distinct {
		g.folds = append(g.folds, FoldColumn{})
		return g.overRows(call)
	}
	text := g.render(call.Pos(), g.shard...)
	if call.Name == "count" {
		g.folds = append(g.folds, FoldColumn{Fold: FoldCount})
		return "coalesce(sum(" + columnMark(g.partial(text, collation{}, 0)) + "), 0)::int8"
	}
	if len(call.Args) != 1 {
		panic(refuse(Syntax, call.Start, call.Name+" takes one argument", ""))
	}
	if p, ok := partials[call.Name]; ok {
		coll := g.collationOf(call.Args[0], g.scope)
		g.folds = append(g.folds, FoldColumn{Fold: p.fold, Collation: coll.name, CollationKnown: coll.known})
		return p.over + "(" + columnMark(g.partial(text+g.notProjected(call, g.scope), coll, needOrder)) + ")"
	}
	x := "(" + g.render(call.Args[0].Pos(), g.shard...) + ")"
	filter := g.notProjected(call, g.scope)
	if call.Filter != nil {
		filter = " filter (where " + g.render(call.Filter.Pos(), g.shard...) + ")"
	}
	sum := g.partial("sum("+x+")"+filter, collation{}, needExact)
	if call.Name == "sum" {
		g.folds = append(g.folds, FoldColumn{Fold: FoldSum})
		return typedMark("sum", sum)
	}
	g.folds = append(g.folds, FoldColumn{})
	count := g.partial("count("+x+")"+filter, collation{}, 0)
	if call.Name == "avg" {
		return typedMark("avg", sum, count)
	}
	squares := g.partial("sum(("+x+")::numeric * ("+x+")::numeric)"+filter, collation{}, 0)
	return typedMark(call.Name, sum, count, squares)
}

// overRows writes an aggregate as it is, over columns that hold what it reads.
func (g *grouping) overRows(call *sqlparse.FuncCall) string {
	var edits []edit
	for i, x := range operands(call) {
		if !hasColumn(x) {
			continue
		}
		var needs need
		if call.Distinct {
			needs = needEqual
		}
		if added[call.Name] && i < len(call.Args) {
			needs |= needExact
		}
		if len(call.OrderBy) > 0 || len(call.WithinGroup) > 0 || call.Name == "min" || call.Name == "max" {
			needs |= needOrder
		}
		at := x.Pos()
		edits = append(edits, edit{at: at.Start, to: at.End, text: columnMark(g.operand(x, needs))})
	}
	return g.render(call.Pos(), edits...)
}

func (g *grouping) operand(x sqlparse.Expr, needs need) int {
	if i := g.find(g.canonical(x, g.scope)); i >= 0 {
		g.columns[i].needs |= needs
		return i
	}
	if !g.raw {
		panic(refuse(Inexact, x.Pos().Start, "what a DISTINCT aggregate reads is not read here", ""))
	}
	return g.partial(g.sent(x), g.collationOf(x, g.scope), needs)
}

// foldable reports whether the result is one row of aggregates that are folded column by column.
func (g *grouping) foldable() bool {
	q := g.query
	if len(q.GroupBy) > 0 || q.Having != nil || len(q.OrderBy) > 0 || q.Limit != nil || q.Offset != nil || q.Distinct ||
		len(q.Windows) > 0 || g.raw || g.keys > 0 || len(g.columns) != len(q.Targets) || len(g.folds) != len(q.Targets) {
		return false
	}
	for i := range q.Targets {
		call, ok := strip(q.Targets[i].Expr).(*sqlparse.FuncCall)
		if !ok || !isAggregate(call) || g.folds[i].Fold == 0 {
			return false
		}
	}
	return true
}

// typed writes the parts of the final query that depend on the types of partial results.
func typed(name string, columns []int, types []ResultColumn, approximate bool) (string, error) {
	sum := types[columns[0]]
	s := "sum(" + columnMark(columns[0]) + ")"
	float := sum.Type == pgtype.Float4OID || sum.Type == pgtype.Float8OID
	exact := sum.Type == pgtype.Int8OID || sum.Type == pgtype.NumericOID
	const money = 790
	switch {
	case float && !approximate:
		return "", refuse(Inexact, -1, "a sum or average of floats depends on the order of addition", "cast to numeric, or allow it with Approximate")
	case name == "sum" && sum.Type == pgtype.Int8OID:
		return s + "::int8", nil
	case name == "sum" && (exact || float || sum.Type == pgtype.IntervalOID || sum.Type == money):
		return s, nil
	}
	if len(columns) > 1 {
		n := "sum(" + columnMark(columns[1]) + ")"
		switch {
		case name == "avg" && exact:
			return "(" + s + " / nullif(" + n + ", 0))", nil
		case name == "avg" && float:
			return "(" + s + "::float8 / nullif(" + n + ", 0)::float8)", nil
		case name == "avg" && sum.Type == pgtype.IntervalOID:
			return "(" + s + " / nullif(" + n + ", 0)::float8)", nil
		case exact:
			return spread(name, n, s, "sum("+columnMark(columns[2])+")"), nil
		}
	}
	return "", refuse(Inexact, -1, name+" of this type over several shards is not read", "use db.EachShard")
}

// spread is PostgreSQL's own formula (numeric_stddev_internal) over a count, a sum and a sum of squares: the quotient has
// the scale of a numeric division, a variance that is not positive is 0 without digits, and the root is rounded to the
// scale of the variance. The root is rounded twice here, which goes wrong just below a half; the square tells.
func spread(name, n, sum, squares string) string {
	kind := spreads[name]
	divisor, least := "m.n * m.n", "1"
	if kind.sample {
		divisor, least = "m.n * (m.n - 1)", "2"
	}
	result := "w.v"
	if kind.root {
		result = "case when w.v = 'NaN' then w.v when (r.r - r.half) * (r.r - r.half) > w.v then round(r.r - 2 * r.half, scale(w.v)) else r.r end"
	}
	return "(select case when coalesce(m.n, 0) < " + least + " then null when m.d <= 0 then 0 else " + result + " end" +
		" from (select x.n, x.n * x.q - x.s * x.s as d from (select " + n + " as n, " + sum + " as s, " + squares + " as q) as x) as m" +
		" cross join lateral (select m.d / nullif(" + divisor + ", 0) as v) as w" +
		" cross join lateral (select round(sqrt(greatest(w.v, 0)), coalesce(scale(w.v), 0)) as r, 0.5 * power(10::numeric, -coalesce(scale(w.v), 0)) as half) as r)"
}

// Marks of the final query; see numbered.

const fromMark = "\x00f" + markEnd

func columnMark(i int) string { return "\x00c" + strconv.Itoa(i) + markEnd }

func typedMark(name string, columns ...int) string {
	words := []string{name}
	for _, c := range columns {
		words = append(words, strconv.Itoa(c))
	}
	return "\x00t" + strings.Join(words, ",") + markEnd
}

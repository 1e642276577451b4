package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// grouping plans a statement whose groups are over the rows of all shards. Each shard groups its own rows by everything
// the result may tell apart, and a server runs the statement again over those: with the partial results in place of
// aggregates and columns in place of what is grouped by. Where an aggregate has no partial results, the shards send
// their rows as they are (raw).
type grouping struct {
	*splitter
	scope   *scope
	raw     bool
	windows bool // there are no groups, but windows over all rows; see splitter.windows

	star    string        // with windows, the star among the outputs; the shards send its columns before the others
	columns []groupColumn // of the shards' rows
	keys    int           // the first so many are what the shards group by, once all keys are known
	folds   []FoldColumn  // of the aggregates, as long as each is one column that is folded
}

// groupColumn is a column of the shards' rows. What it is compared with needs its collation.
type groupColumn struct {
	text      string
	canonical string // of what is grouped by, "" for partial results
	coll      collation
	needs     need
}

// need is what the final query does with a column.
type need uint8

const (
	needEqual need = 1 << iota // it makes groups
	needOrder                  // it sorts
	needExact                  // it is added up: no floats
	needKnown                  // an expression reads it, which may compare it or pass it on to what does
)

func (sp *splitter) group() {
	g := &grouping{splitter: sp, scope: sp.arms[0].top.scope}
	q := sp.query
	if slices.ContainsFunc(q.Targets, isStarTarget) {
		panic(refuse(Inexact, q.Start, "a star beside groups over all shards is not read", "write the columns"))
	}
	for _, x := range q.GroupBy {
		g.groupBy(x)
	}
	g.plainKeys()
	g.raw = g.needsRows()
	final := g.finalText()
	if len(g.columns) == 0 {
		g.columns = append(g.columns, groupColumn{text: map[bool]string{false: "count(*)", true: "1"}[g.raw]})
	}
	sp.plan.final = &finalQuery{grouped: &groupedQuery{text: final, columns: g.columns, part: sp.input}}
	sp.plan.Combine = Finished
	if g.foldable() {
		sp.plan.Combine, sp.plan.Folds = Folded, g.folds
	}
	sp.plan.text = g.shardText()
	g.separateParameters()
}

// groupBy finds the columns for one item of GROUP BY.
func (g *grouping) groupBy(x sqlparse.Expr) {
	switch x := strip(x).(type) {
	case *sqlparse.GroupingSet:
		for _, y := range x.X {
			g.groupBy(y)
		}
	case *sqlparse.Row:
		for _, y := range x.X {
			g.groupBy(y)
		}
	default:
		g.key(g.grouped(x))
	}
}

// grouped is the expression that an item of GROUP BY stands for: a position or the name of an output, which an input
// column of that name hides.
func (g *grouping) grouped(x sqlparse.Expr) sqlparse.Expr {
	targets := g.query.Targets
	switch x := strip(x).(type) {
	case *sqlparse.Literal:
		if n, err := strconv.Atoi(x.Value); err == nil && x.Kind == sqlparse.LitInteger && n >= 1 && n <= len(targets) {
			return strip(targets[n-1].Expr)
		}
	case *sqlparse.ColumnRef:
		if len(x.Parts) == 1 && g.visible(x, g.scope.ns, x.Parts[0].Value) == nil {
			if i := named(g.query, x.Parts[0].Value); i >= 0 {
				return strip(targets[i].Expr)
			}
		}
	}
	return x
}

// key returns the column of something that is grouped by.
func (g *grouping) key(x sqlparse.Expr) int {
	if hasAggregate(x) {
		panic(refuse(Inexact, x.Pos().Start, "an aggregate in GROUP BY is not read", ""))
	}
	want := g.canonical(x, g.scope)
	if i := g.find(want); i >= 0 {
		return i
	}
	g.columns = append(g.columns, groupColumn{
		text: g.sent(x), canonical: want, coll: g.collationOf(x, g.scope), needs: needEqual,
	})
	return len(g.columns) - 1
}

func (g *grouping) find(canonical string) int {
	return slices.IndexFunc(g.columns, func(c groupColumn) bool { return c.canonical == canonical && c.needs&needEqual != 0 })
}

// plainKeys finds what DISTINCT aggregates need told apart, before the other columns are numbered.
func (g *grouping) plainKeys() {
	g.each(func(call *sqlparse.FuncCall) {
		if !call.Distinct {
			return
		}
		for _, x := range operands(call) {
			if hasColumn(x) {
				g.key(x)
			}
		}
		if len(g.columns) == 0 { // of constants alone: a shard without rows must send none
			g.columns = append(g.columns, groupColumn{text: "1", needs: needEqual})
		}
	})
	g.keys = len(g.columns)
}

// each calls f for every aggregate of the query's own level.
func (g *grouping) each(f func(*sqlparse.FuncCall)) {
	for _, n := range g.after() {
		sqlparse.Walk(n, func(n sqlparse.Node) bool {
			if call, ok := n.(*sqlparse.FuncCall); ok && isAggregate(call) {
				f(call)
				return false
			}
			_, query := n.(*sqlparse.Select)
			return !query
		})
	}
}

// after lists what is computed after grouping.
func (g *grouping) after() []sqlparse.Node {
	q := g.query
	var nodes []sqlparse.Node
	for i := range q.Targets {
		nodes = append(nodes, q.Targets[i].Expr)
	}
	if q.Having != nil {
		nodes = append(nodes, q.Having)
	}
	for i := range q.Windows {
		nodes = append(nodes, &q.Windows[i])
	}
	for _, x := range q.DistinctOn {
		nodes = append(nodes, x)
	}
	for i := range q.OrderBy {
		nodes = append(nodes, q.OrderBy[i].Expr)
	}
	return nodes
}

// operands lists what an aggregate reads: arguments, orders and its filter. A row is its fields, since a row by itself
// cannot be read back by a server.
func operands(call *sqlparse.FuncCall) []sqlparse.Expr {
	var all []sqlparse.Expr
	for _, x := range call.Args {
		all = append(all, fields(x)...)
	}
	for i := range call.OrderBy {
		all = append(all, call.OrderBy[i].Expr)
	}
	for i := range call.WithinGroup {
		all = append(all, call.WithinGroup[i].Expr)
	}
	if call.Filter != nil {
		all = append(all, call.Filter)
	}
	return all
}

func fields(x sqlparse.Expr) []sqlparse.Expr {
	row, ok := strip(x).(*sqlparse.Row)
	if !ok {
		return []sqlparse.Expr{x}
	}
	var all []sqlparse.Expr
	for _, y := range row.X {
		all = append(all, fields(y)...)
	}
	return all
}

// hasColumn reports whether an expression differs from row to row.
func hasColumn(x sqlparse.Expr) bool { return len(columnsIn(x)) > 0 || hasQuery(x) || hasStar(x) }

func hasStar(x sqlparse.Expr) bool {
	found := false
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if _, ok := n.(*sqlparse.Star); ok {
			found = true
		}
		return !found
	})
	return found
}

// output reports whether an item of ORDER BY or DISTINCT ON is an output by its name or position.
func (g *grouping) output(x sqlparse.Expr) bool {
	switch x := strip(x).(type) {
	case *sqlparse.Literal:
		return x.Kind == sqlparse.LitInteger
	case *sqlparse.ColumnRef:
		return len(x.Parts) == 1 && slices.ContainsFunc(g.query.Targets, func(t sqlparse.Target) bool {
			return outputName(&t) == x.Parts[0].Value
		})
	}
	return false
}

func (g *grouping) sorted(x sqlparse.Expr) string {
	if g.output(x) {
		return g.render(x.Pos())
	}
	return g.rewritten(x)
}

// checkWindow refuses windows that add up floats, whose order of addition is anybody's.
func (g *grouping) checkWindow(call *sqlparse.FuncCall) {
	if call.Over == nil {
		return
	}
	sqlparse.Walk(call, func(n sqlparse.Node) bool {
		if cast, ok := n.(*sqlparse.Cast); ok && strings.Contains("float4 float8 float real double precision", cast.Type.Name) {
			panic(refuse(Inexact, call.Start, "a window over floats depends on the order of addition", "cast to numeric"))
		}
		return true
	})
}

// separateParameters refuses a parameter that is in both texts: each would find the parameter's type for itself.
func (g *grouping) separateParameters() {
	final := numbered(g.plan.final.grouped.text, blanks{owns: unasked})
	for _, a := range numbered(g.plan.text, blanks{owns: unasked}).args {
		if a.kind == argCaller && slices.Contains(final.args, a) {
			panic(refuse(Inexact, -1, "$"+strconv.Itoa(a.n)+" is used both for rows and for groups over all shards", "pass it twice"))
		}
	}
}

// setReturning are the functions of pg_catalog that give several rows.
var setReturning = map[string]bool{
	"generate_series": true, "generate_subscripts": true, "unnest": true, "json_array_elements": true,
	"json_array_elements_text": true, "json_each": true, "json_each_text": true, "json_object_keys": true,
	"json_populate_recordset": true, "json_to_recordset": true, "jsonb_array_elements": true,
	"jsonb_array_elements_text": true, "jsonb_each": true, "jsonb_each_text": true, "jsonb_object_keys": true,
	"jsonb_path_query": true, "jsonb_path_query_tz": true, "jsonb_populate_recordset": true, "jsonb_to_recordset": true,
	"regexp_matches": true, "regexp_split_to_table": true, "string_to_table": true, "ts_debug": true, "ts_parse": true,
	"ts_token_type": true,
}

// checkSetReturning refuses rows that are made after the grouping, whose number and place are hard to see.
func checkSetReturning(x sqlparse.Expr) {
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if call, ok := n.(*sqlparse.FuncCall); ok && setReturning[call.Name] {
			panic(refuse(Inexact, call.Start, "the function "+call.Name+" in the outputs gives several rows",
				"write it in FROM: FROM ... CROSS JOIN LATERAL "+call.Name+"(...) AS x (value)"))
		}
		_, query := n.(*sqlparse.Select)
		return !query
	})
}

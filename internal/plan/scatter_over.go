package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// windows plans a statement whose windows are over the rows of all shards. The shards send their rows, with what the
// outputs, the windows and the order read of them as columns, and a server runs the statement again over those.
func (sp *splitter) windows() {
	q := sp.query
	g := &grouping{splitter: sp, scope: sp.arms[0].top.scope, raw: true, windows: true}
	grouped := &groupedQuery{part: sp.input}
	for _, t := range q.Targets {
		if !isStar(t.Expr) {
			continue
		}
		if g.star != "" || sp.arms[0].top.shape.open || q.Distinct {
			panic(refuse(Inexact, t.Start, "beside a window over all shards one star is read, of columns that are known, without DISTINCT", "write the columns"))
		}
		g.star = g.render(t.Expr.Pos())
		grouped.stars = sp.starred()
	}
	grouped.text = g.finalText()
	if len(g.columns) == 0 {
		g.columns = append(g.columns, groupColumn{text: "1"})
	}
	grouped.columns = g.columns
	sp.plan.final = &finalQuery{grouped: grouped}
	sp.plan.Combine = Finished
	sp.plan.text = g.shardText()
	g.separateParameters()
}

// starred are the columns of the one star among the outputs.
func (sp *splitter) starred() []output {
	outs := sp.arms[0].top.shape.outs
	targets := sp.query.Targets
	i := slices.IndexFunc(targets, isStarTarget)
	return outs[i : len(outs)-(len(targets)-1-i)]
}

// rowEdits replace in an expression what can be computed of a row, as large as it is without a window, by a column. needs
// is what is done with the value of the expression; of parts of it, and of what a window gives, nothing more is known.
func (g *grouping) rowEdits(n sqlparse.Node, needs need) []edit {
	if x, ok := n.(sqlparse.Expr); ok && hasWindow(x) {
		needs |= needKnown
	}
	var edits []edit
	sqlparse.Walk(n, func(n sqlparse.Node) bool {
		x, ok := n.(sqlparse.Expr)
		if !ok {
			return true
		}
		if call, ok := x.(*sqlparse.FuncCall); ok && call.Over != nil {
			edits = append(edits, g.callEdits(call, needs)...)
			return false
		}
		if _, row := strip(x).(*sqlparse.Row); row || hasWindow(x) {
			return true
		}
		if hasColumn(x) {
			at := x.Pos()
			column := g.partial(g.sent(x), g.collationOf(x, g.scope), needs)
			edits = append(edits, edit{at: at.Start, to: at.End, text: columnMark(column)})
		}
		return false
	})
	return edits
}

// outputNeeds is what DISTINCT and ORDER BY do with output i.
func (g *grouping) outputNeeds(i int) need {
	var n need
	if g.query.Distinct {
		n |= needEqual
	}
	for _, o := range g.query.OrderBy {
		if g.position(o.Expr, i) || g.output(o.Expr) && isNamed(o.Expr, outputName(&g.query.Targets[i])) {
			n |= needOrder
		}
	}
	return n
}

// position reports whether an item of ORDER BY may be output i by its position. One that counts a star may be any.
func (g *grouping) position(x sqlparse.Expr, i int) bool {
	lit, ok := strip(x).(*sqlparse.Literal)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(lit.Value)
	return err != nil || n == i+1 || g.star != ""
}

func isNamed(x sqlparse.Expr, name string) bool {
	ref, ok := strip(x).(*sqlparse.ColumnRef)
	return ok && ref.Parts[0].Value == name
}

// windowFunctions are those that give the same in whatever order equal rows come, as far as one server does.
var windowFunctions = map[string]bool{
	"row_number": true, "rank": true, "dense_rank": true, "percent_rank": true, "cume_dist": true, "ntile": true, "lag": true, "lead": true,
	"first_value": true, "last_value": true, "nth_value": true, "count": true,
}

func (g *grouping) callEdits(call *sqlparse.FuncCall, needs need) []edit {
	_, partial := partials[call.Name]
	switch {
	case floats[call.Name] && !g.plan.approximate:
		panic(refuse(Inexact, call.Start, call.Name+" adds up floats, and depends on the order of addition", "allow it with Approximate"))
	case added[call.Name]:
		needs |= needExact
	case partial:
		needs |= needOrder
	case !windowFunctions[call.Name] && !floats[call.Name]:
		panic(refuse(Inexact, call.Start, "the window function "+call.Name+" over the rows of all shards is not read",
			"add the key to its PARTITION BY, or use db.EachShard"))
	}
	var edits []edit
	for _, x := range call.Args {
		edits = append(edits, g.rowEdits(x, needs)...)
	}
	if call.Filter != nil {
		edits = append(edits, g.rowEdits(call.Filter, 0)...)
	}
	return append(edits, g.windowEdits(call.Over)...)
}

func (g *grouping) windowEdits(w *sqlparse.WindowDef) []edit {
	var edits []edit
	for _, x := range w.Partition {
		edits = append(edits, g.rowEdits(x, needEqual)...)
	}
	for i := range w.OrderBy {
		if w.OrderBy[i].Using != "" {
			panic(refuse(Inexact, w.OrderBy[i].Start, "ORDER BY ... USING is not read for several shards", "write ASC or DESC"))
		}
		edits = append(edits, g.rowEdits(w.OrderBy[i].Expr, needOrder)...)
	}
	return edits
}

func hasWindow(x sqlparse.Expr) bool {
	found := false
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if call, ok := n.(*sqlparse.FuncCall); ok && call.Over != nil {
			found = true
		}
		_, query := n.(*sqlparse.Select)
		return !found && !query
	})
	return found
}

// starMark stands for the columns of a star, under their names.
const starMark = "\x00s" + markEnd

// writeStar writes a query with a star, whose columns the server has told.
func (g *groupedQuery) writeStar(w *finalWriter) (string, error) {
	n := len(g.stars)
	if len(w.columns) != n+len(g.columns) {
		return "", fewColumns()
	}
	rest := *g
	rest.stars = nil
	body, err := w.within(n, len(g.columns), rest.write)
	if err != nil {
		return "", err
	}
	columns := make([]string, 0, n)
	for i, o := range g.stars {
		if o.name != w.columns[i].Name {
			return "", fewColumns()
		}
		if err := w.taken(i, o.coll); err != nil {
			return "", err
		}
		columns = append(columns, columnMark(i)+" as "+quote(o.name))
	}
	return strings.ReplaceAll(body, starMark, strings.Join(columns, ", ")), nil
}

package plan

import (
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// column adds a column that is no key.
func (g *grouping) partial(text string, coll collation, needs need) int {
	for i, c := range g.columns[g.keys:] {
		if c.text == text && c.coll == coll && c.needs&^needOrder == needs&^needOrder {
			g.columns[g.keys+i].needs |= needs
			return g.keys + i
		}
	}
	g.columns = append(g.columns, groupColumn{text: text, coll: coll, needs: needs})
	return len(g.columns) - 1
}

// finalText writes the statement again over the shards' rows.
func (g *grouping) finalText() string {
	q := g.query
	var b strings.Builder
	b.WriteString("select ")
	switch {
	case len(q.DistinctOn) > 0:
		texts := make([]string, 0, len(q.DistinctOn))
		for _, x := range q.DistinctOn {
			texts = append(texts, g.sorted(x))
		}
		b.WriteString("distinct on (" + strings.Join(texts, ", ") + ") ")
	case q.Distinct:
		b.WriteString("distinct ")
	}
	for i := range q.Targets {
		if i > 0 {
			b.WriteString(", ")
		}
		if isStar(q.Targets[i].Expr) {
			b.WriteString(starMark)
			continue
		}
		var text string
		if g.windows {
			x := q.Targets[i].Expr
			text = g.render(x.Pos(), g.rowEdits(x, g.outputNeeds(i))...)
		} else {
			text = g.rewritten(q.Targets[i].Expr)
		}
		b.WriteString(text + " as " + quote(outputName(&q.Targets[i])))
	}
	b.WriteString(" from " + fromMark)
	g.groupClause(&b)
	if q.Having != nil {
		b.WriteString(" having " + g.rewritten(q.Having))
	}
	if n := len(q.Windows); n > 0 {
		var edits []edit
		for i := range q.Windows {
			if g.windows {
				edits = append(edits, g.windowEdits(&q.Windows[i])...)
				continue
			}
			edits = append(edits, g.edits(&q.Windows[i])...)
		}
		b.WriteString(" window " + g.render(sqlparse.Span{Start: q.Windows[0].Start, End: q.Windows[n-1].End}, edits...))
	}
	if n := len(q.OrderBy); n > 0 {
		var edits []edit
		for i := range q.OrderBy {
			if !g.output(q.OrderBy[i].Expr) {
				edits = append(edits, g.edits(q.OrderBy[i].Expr)...)
			}
		}
		b.WriteString(" order by " + g.render(sqlparse.Span{Start: q.OrderBy[0].Start, End: q.OrderBy[n-1].End}, edits...))
	}
	if q.Offset != nil {
		b.WriteString(" offset (" + g.render(q.Offset.Pos()) + ")")
	}
	oneRow := len(q.GroupBy) == 0 && !g.windows
	switch {
	case q.WithTies && !oneRow: // one row has no ties, and PostgreSQL finds max('x') WITH TIES by a subquery that fails
		b.WriteString(" fetch first (" + g.limitText() + ") rows with ties")
	case q.Limit != nil:
		b.WriteString(" limit (" + g.limitText() + ")")
	}
	return b.String()
}

func (g *grouping) limitText() string {
	if at := g.query.Limit.Pos(); at.End > at.Start {
		return g.render(at)
	}
	return "1" // FETCH FIRST ROW
}

func (g *grouping) groupClause(b *strings.Builder) {
	q := g.query
	n := len(q.GroupBy)
	if n == 0 {
		return
	}
	b.WriteString(" group by ")
	if q.GroupDistinct {
		b.WriteString("distinct ")
	}
	var edits []edit
	for _, x := range q.GroupBy {
		edits = append(edits, g.groupEdits(x)...)
	}
	b.WriteString(g.render(sqlparse.Span{Start: q.GroupBy[0].Pos().Start, End: q.GroupBy[n-1].Pos().End}, edits...))
}

func (g *grouping) groupEdits(x sqlparse.Expr) []edit {
	var edits []edit
	switch y := strip(x).(type) {
	case *sqlparse.GroupingSet:
		for _, z := range y.X {
			edits = append(edits, g.groupEdits(z)...)
		}
	case *sqlparse.Row:
		for _, z := range y.X {
			edits = append(edits, g.groupEdits(z)...)
		}
	default:
		at := y.Pos()
		return []edit{{at: at.Start, to: at.End, text: columnMark(g.key(g.grouped(y)))}}
	}
	return edits
}

func (g *grouping) rewritten(x sqlparse.Expr) string { return g.render(x.Pos(), g.edits(x)...) }

// edits replace in an expression what is grouped by, by its column, and aggregates by what is made of their partial
// results. Nothing that needs the tables may be left.
func (g *grouping) edits(n sqlparse.Node) []edit {
	if g.windows { // of ORDER BY and DISTINCT ON
		needs := needOrder
		if len(g.query.DistinctOn) > 0 {
			needs |= needEqual
		}
		return g.rowEdits(n, needs)
	}
	var edits []edit
	sqlparse.Walk(n, func(n sqlparse.Node) bool {
		at := n.Pos()
		switch n := n.(type) {
		case *sqlparse.Select:
			panic(refuse(Inexact, at.Start, "a subquery beside groups over all shards is not read", "send it as a statement of its own"))
		case *sqlparse.Star:
			panic(refuse(Inexact, at.Start, "a whole row beside groups over all shards is not read", "write the columns"))
		case *sqlparse.FuncCall:
			if isAggregate(n) {
				edits = append(edits, edit{at: at.Start, to: at.End, text: g.aggregate(n)})
				return false
			}
			g.checkWindow(n)
		}
		x, ok := n.(sqlparse.Expr)
		if !ok {
			return true
		}
		if _, constant := strip(x).(*sqlparse.Literal); !constant {
			if i := g.find(g.canonical(x, g.scope)); i >= 0 {
				edits = append(edits, edit{at: at.Start, to: at.End, text: columnMark(i)})
				return false
			}
		}
		if _, ok := x.(*sqlparse.ColumnRef); ok {
			panic(refuse(Inexact, at.Start, "a column that is not in GROUP BY as it is written here is not read for several shards",
				"add it to GROUP BY"))
		}
		return true
	})
	return edits
}

// shardText is what the shards send: keys and partial results.
func (g *grouping) shardText() string {
	q := g.query
	var b strings.Builder
	if q.With != nil {
		b.WriteString(g.render(q.With.Pos(), g.shard...) + " ")
	}
	b.WriteString("select " + g.star)
	for i, c := range g.columns {
		if i > 0 || g.star != "" {
			b.WriteString(", ")
		}
		name := "c" + strconv.Itoa(i+1)
		if g.plan.Combine == Folded {
			name = outputName(&q.Targets[i])
		}
		b.WriteString(c.text + " as " + quote(name))
	}
	b.WriteString(" from " + g.render(sqlparse.Span{Start: q.From[0].Pos().Start, End: q.WhereAt}, g.shard...))
	if q.Where != nil {
		b.WriteString(" where " + g.render(q.Where.Pos(), g.shard...))
	}
	if g.keys > 0 && !g.raw {
		b.WriteString(" group by ")
		for i := range g.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Itoa(i + 1))
		}
	}
	return b.String()
}

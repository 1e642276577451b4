package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// canonical is a text by which expressions that PostgreSQL takes for the same are compared: two that differ may still be
// the same, never the other way round.
func (sp *splitter) canonical(x sqlparse.Expr, sc *scope) string {
	x = strip(x)
	var names []edit
	span := x.Pos()
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if ref, ok := n.(*sqlparse.ColumnRef); ok {
			names = append(names, edit{at: ref.Start - span.Start, to: ref.End - span.Start, text: sp.identity(ref, sc)})
		}
		_, query := n.(*sqlparse.Select)
		return !query
	})
	text := apply(span.Text(sp.text), names)
	if strings.ContainsAny(text, `'"$`) || hasQuery(x) || strings.Contains(text, "--") || strings.Contains(text, "/*") {
		return text
	}
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}

// identity is a column's own number, so that o.total and total are one.
func (sp *splitter) identity(ref *sqlparse.ColumnRef, sc *scope) string {
	c := sp.column(ref, sc)
	if c == opaque {
		return ref.Text(sp.text)
	}
	i := slices.Index(sp.known, c)
	if i < 0 {
		i = len(sp.known)
		sp.known = append(sp.known, c)
	}
	return "#" + strconv.Itoa(i)
}

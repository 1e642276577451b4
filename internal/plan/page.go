package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// Page is a SELECT that is read in pages: the rows behind a given one, in the order of its ORDER BY. The text that is
// sent for a page is an ordinary statement, which is planned and sent as any other. It is immutable but for what
// [Page.Proven] says, and may be used by many goroutines.
//
// Pages are exact because the order is total, so that the rows behind a row are those that compare as greater, and
// because the comparison is the server's own, by the column's own type and collation.
type Page struct {
	Order []PageColumn

	text      string
	params    int
	where     sqlparse.Expr
	whereAt   int
	targetsAt int         // behind the last output
	limitAt   int         // behind the last item of ORDER BY
	rels      []*relation // of tables
	scoped    bool
	proven    atomic.Bool // see Proven
}

// PageColumn is one item of a page's order.
type PageColumn struct {
	Text       string // the column as the statement writes it
	Type       string // as format_type prints it
	Desc       bool
	NullsFirst bool
	Nullable   bool

	col    *column
	strict bool // values that are equal have equal bytes, or compare by value in every index
	as     *pageType
	array  bool
}

// PageKeys is what the last output of a page's text is called: an array of the texts of the order's columns.
const PageKeys = "keyway_page"

// BuildPage reads a SELECT that is to be sent in pages. Scope is that of the handle. An error is always a [*Refusal].
// Whether the order is total is not known before [Page.Total].
func BuildPage(text string, reg *catalog.Registry, schema string, scope Scope) (p *Page, err error) {
	stmt, err := sqlparse.Parse(text)
	if err != nil {
		return nil, unread(text, err)
	}
	defer catch(&p, &err)
	q, ok := stmt.(*sqlparse.Select)
	if !ok {
		return nil, refuse(Unsupported, 0, "only a SELECT is read in pages", "")
	}
	r := &reader{
		text: text, reg: reg, schema: schema, uses: map[int]*paramUse{}, tables: map[*catalog.Table]bool{},
		tops: map[*sqlparse.Select]*top{},
	}
	r.pageable(q)
	r.statement(q)
	if r.writes {
		return nil, refuse(Unsupported, 0, "a statement that writes is not read in pages", "")
	}
	return r.page(q, scope == Scoped), nil
}

// pageable refuses statements whose rows do not each come from rows of tables, or whose end is taken.
func (r *reader) pageable(q *sqlparse.Select) {
	switch {
	case q.Op != sqlparse.SetNone, q.Values != nil, q.Table, len(q.Targets) == 0:
		panic(refuse(Unsupported, q.Start, "only a plain SELECT ... FROM is read in pages", "put a UNION's arms into statements of their own"))
	case q.Limit != nil, q.Offset != nil:
		panic(refuse(Unsupported, q.Start, "a page's size is its LIMIT, and its cursor its OFFSET", "leave LIMIT and OFFSET out"))
	case len(q.Locking) > 0:
		panic(refuse(Unsupported, q.Start, "pages take no row locks", "lock in InTx with the key"))
	case q.Distinct, len(q.DistinctOn) > 0, grouped(q):
		panic(refuse(Unsupported, q.Start, "groups and DISTINCT are not read in pages",
			"read on by the groups themselves: WHERE column > $last ... GROUP BY column ORDER BY column LIMIT n; or all groups at once"))
	case fullJoin(q.From):
		panic(refuse(Unsupported, q.Start, "a FULL JOIN is not read in pages", "write LEFT JOIN"))
	case len(q.OrderBy) == 0:
		panic(refuse(NotTotal, q.Start, "pages need an ORDER BY", "order by what is wanted, and then by the columns of a primary key"))
	case strings.TrimSpace(r.text[q.OrderBy[len(q.OrderBy)-1].End:q.End]) != "":
		panic(refuse(Unsupported, q.Start, "something stands behind the ORDER BY", "leave it out: a page's size is its LIMIT"))
	}
	for i := range q.Targets {
		checkSetReturning(q.Targets[i].Expr)
	}
}

func (r *reader) page(q *sqlparse.Select, scoped bool) *Page {
	t := r.tops[q]
	if t.block.window {
		panic(refuse(Unsupported, q.Start, "a window would be over the rows of the page only",
			"read all its rows at once, or keep what it computes in a column"))
	}
	for _, rel := range t.block.rels {
		if rel.table == nil {
			panic(refuse(NotTotal, rel.offset, "it is not known which columns tell the rows of "+called(rel)+" apart",
				"read pages of tables and joins of tables, with queries in WHERE or in the outputs"))
		}
	}
	if len(t.block.rels) == 0 {
		panic(refuse(NotTotal, q.Start, "a SELECT without FROM has no pages", ""))
	}
	p := &Page{
		text: r.text, params: r.params, where: q.Where, whereAt: q.WhereAt, targetsAt: q.Targets[len(q.Targets)-1].End,
		limitAt: q.OrderBy[len(q.OrderBy)-1].End, rels: t.block.rels, scoped: scoped,
	}
	for i := range q.OrderBy {
		p.Order = append(p.Order, r.pageColumn(q, t, &q.OrderBy[i]))
	}
	return p
}

// pageColumn resolves an item of ORDER BY to a column of a table, as PostgreSQL does: a position, an output, a column.
func (r *reader) pageColumn(q *sqlparse.Select, t *top, o *sqlparse.OrderItem) PageColumn {
	if o.Using != "" {
		panic(refuse(Unsupported, o.Start, "ORDER BY ... USING is not read in pages", "write ASC or DESC"))
	}
	x := r.pageExpr(q, t, strip(o.Expr))
	c := PageColumn{Text: x.Pos().Text(r.text), Desc: o.Desc, NullsFirst: o.Desc, strict: true}
	if o.NullsFirst != nil {
		c.NullsFirst = *o.NullsFirst
	}
	if coll, ok := x.(*sqlparse.Collate); ok {
		c.strict = !r.collationNamed(&coll.Collation).loose
		x = strip(coll.X)
	}
	ref, ok := x.(*sqlparse.ColumnRef)
	if ok {
		c.col = r.column(ref, t.scope)
	}
	if c.col == nil || !slices.Contains(t.block.rels, c.col.rel) {
		panic(refuse(Unsupported, o.Start, "pages are read on by the values of columns of the tables in FROM, and this item of ORDER BY is something else",
			"order by columns; make an expression a generated column"))
	}
	c.describe(o.Start)
	return c
}

func (c *PageColumn) describe(at int) {
	tc := &c.col.rel.table.Columns[slices.Index(c.col.rel.cols, c.col)]
	c.Type = tc.Type
	c.Nullable = !tc.NotNull || c.col.rel.dom.parent != nil
	c.strict = c.strict && !tc.Loose
	if c.as, c.array = pageTypeOf(tc.Type); c.as == nil {
		panic(refuse(Unsupported, at, "pages are not read on by a value of type "+tc.Type,
			"order by columns of other types; for an enum make a generated column of its places: CASE column WHEN 'new' THEN 1 ... END"))
	}
}

// pageExpr is what an item of ORDER BY stands for.
func (r *reader) pageExpr(q *sqlparse.Select, t *top, x sqlparse.Expr) sqlparse.Expr {
	switch e := x.(type) {
	case *sqlparse.Literal:
		n, err := strconv.Atoi(e.Value)
		if err != nil || n < 1 || n > len(q.Targets) || slices.ContainsFunc(q.Targets[:n], isStarTarget) {
			panic(refuse(Unsupported, e.Start, "the position in ORDER BY is not one of a written output", "write the column"))
		}
		return strip(q.Targets[n-1].Expr)
	case *sqlparse.ColumnRef:
		name := e.Parts[len(e.Parts)-1].Value
		if len(e.Parts) > 1 || !t.shape.named(name) {
			return e
		}
		return r.pageOutput(q, t, e, name)
	default:
		return x
	}
}

// pageOutput is the one output of a name.
func (r *reader) pageOutput(q *sqlparse.Select, t *top, e *sqlparse.ColumnRef, name string) sqlparse.Expr {
	var of *column
	for _, o := range t.shape.outs {
		if o.name != name {
			continue
		}
		if o.col == nil || of != nil && of != o.col {
			of = nil
			break
		}
		of = o.col
	}
	if of == nil {
		if i := named(q, name); i >= 0 && !slices.ContainsFunc(q.Targets, isStarTarget) {
			return strip(q.Targets[i].Expr) // refused unless it is COLLATE of a column
		}
		panic(refuse(Unsupported, e.Start, "the ORDER BY names an output that is not one column of a table", "order by columns"))
	}
	if i := named(q, name); i >= 0 {
		return strip(q.Targets[i].Expr)
	}
	if r.column(e, t.scope) != of { // o.* of f LEFT JOIN o USING (k) has o's k, and k alone is f's
		panic(refuse(Unsupported, e.Start, "the ORDER BY names an output of a star that is another column of the tables in FROM",
			"write it with its table's name"))
	}
	return e
}

// Params is how many arguments the caller gives; those of [Page.Text] follow.
func (p *Page) Params() int { return p.params }

// Text is the statement for the first size rows behind a row, with its further arguments. after has the texts of the
// row's values of the order's columns, nil for NULL; a nil slice begins at the first row. The statement has one more
// output than the caller's, [PageKeys].
func (p *Page) Text(size int, after []*string) (string, []any) {
	edits := []edit{{at: p.targetsAt, to: p.targetsAt, text: ", " + p.keys() + " as " + PageKeys}}
	w := behind{page: p, after: after}
	if after != nil {
		cond := w.condition()
		if p.where == nil {
			edits = append(edits, edit{at: p.whereAt, to: p.whereAt, text: " where " + cond})
		} else {
			span := p.where.Pos()
			edits = append(edits, edit{at: span.Start, to: span.Start, text: "("},
				edit{at: span.End, to: span.End, text: ") and (" + cond + ")"})
		}
	}
	edits = append(edits, edit{at: p.limitAt, to: p.limitAt, text: fmt.Sprintf(" limit %d", size)})
	return apply(p.text, edits), w.args
}

// keys is the output by which the next page is found.
func (p *Page) keys() string {
	texts := make([]string, len(p.Order))
	for i := range p.Order {
		texts[i] = p.Order[i].print()
	}
	return "array[" + strings.Join(texts, ", ") + "]"
}

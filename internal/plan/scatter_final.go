package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// ResultColumn is a column of the rows that the shards send, as the server describes it.
type ResultColumn struct {
	Name string
	Type uint32 // the oid of its type
}

// Final is the query that a server runs over the rows of all shards.
type Final struct {
	Pieces []FinalPiece
	// Collations are those of columns that are not compared by the default of their type, as COLLATE names them.
	Collations map[int]string
}

// FinalPiece is a part of a [Final]; the parts follow each other without a blank.
type FinalPiece struct {
	Kind  FinalKind
	Text  string // with FinalText
	Index int    // with FinalColumn and FinalParam, from 0
}

// FinalKind says what a [FinalPiece] is.
type FinalKind uint8

// The kinds.
const (
	FinalText   FinalKind = iota // SQL
	FinalColumn                  // a column of the shards' rows, with its type
	FinalParam                   // one of [ScatterBinding.FinalArgs]
	FinalFrom                    // the shards' rows as an item of FROM; once in a query
)

// finalQuery is what a Final is written from when the columns' types are known.
type finalQuery struct {
	distinct bool      // the rows are made distinct first
	on       []SortKey // DISTINCT ON
	order    []SortKey
	hidden   int
	hiddenOf []string // the expressions that those are of
	ties     bool
	equal    []collation // how the columns are compared with distinct

	part *partQuery // of a query that is a part of the statement

	grouped *groupedQuery // of a statement that groups; then nothing else is set
	nested  *nestedQuery  // of a statement over the rows of its queries; then nothing else is set
}

// groupedQuery is the final query of a statement that groups over the rows of all shards.
type groupedQuery struct {
	text    string // with marks
	columns []groupColumn
	part    bool     // the rest of the statement may compare every column
	stars   []output // the columns of a star that come before columns; nil for none
}

// finalArgs are what the arguments of a final query hold, in their order.
func (f *finalQuery) finalArgs() []arg {
	switch {
	case f.nested != nil:
		return f.nested.args()
	case f.grouped != nil:
		return numbered(f.grouped.text, blanks{owns: unasked}).args
	case f.part != nil:
		return numbered(f.part.bounds, blanks{owns: unasked}).args
	default:
		return []arg{{kind: argCount}, {kind: argSkip}}
	}
}

// Final writes the final query for the columns that the shards sent. The error is a [*Refusal] when their types show that
// the result would not be exact: sums of floats, text under a collation that is not known.
func (s *Scatter) Final(columns []ResultColumn) (*Final, error) {
	for _, c := range columns {
		if c.Type == pgtype.RecordOID && s.final != nil {
			return nil, refuse(Inexact, -1, "the row in the column "+strconv.Quote(c.Name)+" cannot be read back by a server", "write its fields as columns")
		}
	}
	if s.final == nil {
		return nil, refuse(Inexact, -1, "the plan has no final query", "")
	}
	w := &finalWriter{columns: columns, collations: map[int]string{}, approximate: s.approximate}
	text, err := s.final.write(w)
	if err != nil {
		return nil, err
	}
	return w.final(text, s.final.finalArgs()), nil
}

// write returns the query over the writer's columns, with marks.
func (f *finalQuery) write(w *finalWriter) (string, error) {
	switch {
	case f.nested != nil:
		return f.nested.write(w)
	case f.grouped != nil:
		return f.grouped.write(w)
	case f.hidden > len(w.columns), f.hidden == len(w.columns) && f.part == nil:
		return "", fewColumns()
	}
	visible := w.columns[:len(w.columns)-f.hidden]
	w = w.naming(func(i int) string {
		if i -= len(visible); i >= 0 {
			return f.hiddenOf[i]
		}
		return ""
	})
	if err := f.comparable(visible); err != nil {
		return "", err
	}
	if f.part != nil {
		if err := f.part.collate(w, visible); err != nil {
			return "", err
		}
	}
	on, err := w.keys(f.on)
	if err != nil {
		return "", err
	}
	order, err := w.keys(f.order)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("select ")
	switch {
	case len(on) > 0:
		b.WriteString("distinct on (" + strings.Join(on, ", ") + ") ")
	case f.distinct:
		b.WriteString("distinct ")
	}
	for i, c := range visible {
		b.WriteString(map[bool]string{true: ", "}[i > 0] + columnMark(i) + " as " + quote(c.Name))
	}
	b.WriteString(" from " + fromMark)
	for i, k := range f.order {
		b.WriteString(map[bool]string{false: " order by ", true: ", "}[i > 0] + order[i] + k.direction())
	}
	switch {
	case f.part != nil:
		b.WriteString(f.part.bounds)
	case f.ties:
		b.WriteString(" offset " + mark(arg{kind: argSkip}) + " fetch first (" + mark(arg{kind: argCount}) + ") rows with ties")
	default:
		b.WriteString(" offset " + mark(arg{kind: argSkip}) + " limit " + mark(arg{kind: argCount}))
	}
	return b.String(), nil
}

func (k SortKey) direction() string {
	return map[bool]string{false: " asc", true: " desc"}[k.Desc] + map[bool]string{false: " nulls last", true: " nulls first"}[k.NullsFirst]
}

// comparable refuses to make rows distinct by text whose equality is not that of bytes.
func (f *finalQuery) comparable(visible []ResultColumn) error {
	for i, c := range visible {
		if f.distinct && collatable(c.Type) && (i >= len(f.equal) || !f.equal[i].strict()) {
			return notComparable(c.Name)
		}
	}
	return nil
}

func (c collation) strict() bool { return c.known && !c.loose }

func (g *groupedQuery) write(w *finalWriter) (string, error) {
	if len(g.stars) > 0 {
		return g.writeStar(w)
	}
	if len(w.columns) != len(g.columns) {
		return "", fewColumns()
	}
	w = w.naming(func(i int) string { return g.columns[i].text })
	for i, c := range g.columns {
		if err := w.compared(i, c); err != nil {
			return "", err
		}
		if g.part || c.needs&needKnown != 0 {
			if err := w.taken(i, c.coll); err != nil {
				return "", err
			}
		}
		if float := w.columns[i].Type == pgtype.Float4OID || w.columns[i].Type == pgtype.Float8OID; float && c.needs&needExact != 0 && !w.approximate {
			return "", refuse(Inexact, -1, "a sum or average of floats depends on the order of addition", "cast to numeric, or allow it with Approximate")
		}
	}
	return g.typed(w.columns, w.approximate)
}

// typed writes what depends on the types of the partial results.
func (g *groupedQuery) typed(columns []ResultColumn, approximate bool) (string, error) {
	var b strings.Builder
	text := g.text
	for {
		before, rest, found := strings.Cut(text, "\x00t")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		word, after, _ := strings.Cut(rest, markEnd)
		words := strings.Split(word, ",")
		var indexes []int
		for _, w := range words[1:] {
			indexes = append(indexes, atoi(w))
		}
		t, err := typed(words[0], indexes, columns, approximate)
		if err != nil {
			return "", err
		}
		b.WriteString(t)
		text = after
	}
}

// finalWriter writes a final query over columns.
type finalWriter struct {
	columns     []ResultColumn
	collations  map[int]string
	approximate bool

	expression func(column int) string // "" for what has a name; nil for none
}

// naming is the same writer, whose refusals name columns by the expressions that they are of.
func (w *finalWriter) naming(expression func(column int) string) *finalWriter {
	named := *w
	named.expression = expression
	return &named
}

// name is what a refusal calls column i.
func (w *finalWriter) name(i int) string {
	if w.expression != nil {
		if x := withoutConstants(w.expression(i)); x != "" {
			return x
		}
	}
	return w.columns[i].Name
}

// withoutConstants is an expression with dots in place of what may be somebody's key, or "" when it cannot be read.
func withoutConstants(expression string) string {
	parts := strings.Split(expression, "\x00") // every second one is a mark
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "NULL"
	}
	const before = "select "
	text := before + strings.Join(parts, "")
	stmt, err := sqlparse.Parse(text)
	if err != nil {
		return ""
	}
	var edits []edit
	sqlparse.Walk(stmt, func(n sqlparse.Node) bool {
		if lit, ok := n.(*sqlparse.Literal); ok {
			edits = append(edits, edit{at: lit.Start, to: lit.End, text: "..."})
		}
		return true
	})
	return strings.TrimSpace(strings.TrimPrefix(apply(text, edits), before))
}

// taken gives column i its collation where anything may be done with it.
func (w *finalWriter) taken(i int, coll collation) error {
	const userDefined = 16384
	switch t := w.columns[i].Type; {
	case !collatable(t) && t < userDefined:
		return nil
	case !coll.known:
		return notOrderable(w.name(i))
	}
	return w.collate(i, coll.name)
}

// compared gives column i its collation, and refuses it when what is known of that is not enough.
func (w *finalWriter) compared(i int, c groupColumn) error {
	if c.needs&(needEqual|needOrder|needExact) == 0 || !collatable(w.columns[i].Type) {
		return nil
	}
	switch {
	case c.needs&needEqual != 0 && !c.coll.strict():
		return notComparable(w.name(i))
	case !c.coll.known:
		return notOrderable(w.name(i))
	}
	return w.collate(i, c.coll.name)
}

func (w *finalWriter) collate(i int, name string) error {
	if name == "" {
		return nil
	}
	if have, ok := w.collations[i]; ok && have != name {
		return notOrderable(w.name(i))
	}
	w.collations[i] = name
	return nil
}

// keys writes the columns of an order.
func (w *finalWriter) keys(keys []SortKey) ([]string, error) {
	texts := make([]string, 0, len(keys))
	for _, k := range keys {
		i := k.Column
		if i < 0 {
			i += len(w.columns)
		}
		if i < 0 || i >= len(w.columns) {
			return nil, fewColumns()
		}
		texts = append(texts, columnMark(i))
		if !collatable(w.columns[i].Type) {
			continue
		}
		if !k.CollationKnown {
			return nil, notOrderable(w.name(i))
		}
		if err := w.collate(i, k.Collation); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// final cuts a text at its marks.
func (w *finalWriter) final(text string, args []arg) *Final {
	f := &Final{Collations: w.collations}
	add := func(p FinalPiece) {
		if p.Kind != FinalText || p.Text != "" {
			f.Pieces = append(f.Pieces, p)
		}
	}
	for {
		before, rest, found := strings.Cut(text, "\x00")
		add(FinalPiece{Text: before})
		if !found {
			return f
		}
		word, after, _ := strings.Cut(rest, markEnd)
		switch word[0] {
		case 'f':
			add(FinalPiece{Kind: FinalFrom})
		case 'c':
			add(FinalPiece{Kind: FinalColumn, Index: atoi(word[1:])})
		default:
			kind, n, _ := strings.Cut(word[1:], ",")
			add(FinalPiece{Kind: FinalParam, Index: slices.Index(args, arg{argKind(atoi(kind)), atoi(n)})})
		}
		text = after
	}
}

func fewColumns() *Refusal {
	return refuse(Inexact, -1, "the shards sent other columns than the statement has", "bring their schemas to the same version")
}

func notComparable(name string) *Refusal {
	return &Refusal{Reason: Inexact, Offset: -1,
		Detail: "the collation by which the text of the column " + strconv.Quote(name) + " is compared is not known, or calls different texts equal",
		Hint:   `write COLLATE "C" behind the expression, or group by the key`}
}

func notOrderable(name string) *Refusal {
	return &Refusal{Reason: Inexact, Offset: -1,
		Detail: "the collation by which the text of the column " + strconv.Quote(name) + " is ordered is not known",
		Hint:   `write COLLATE "C" in its ORDER BY`}
}

// collatableTypes are those of pg_catalog whose values a collation compares. A column of name is compared as "C"; g::name
// is compared as g is.
var collatableTypes = []uint32{
	pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID,
	pgtype.TextArrayOID, pgtype.VarcharArrayOID, pgtype.BPCharArrayOID, pgtype.NameArrayOID,
}

func collatable(oid uint32) bool { return slices.Contains(collatableTypes, oid) }

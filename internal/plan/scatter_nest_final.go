package plan

import (
	"slices"
	"strconv"
	"strings"
)

// partQuery is what a final query of rows needs to know when it is a part of the statement.
type partQuery struct {
	outs   []output // what the columns are, to whoever reads them; nil when it is not known
	bounds string   // LIMIT and its kin, with marks
}

// partOf describes the rows of a query that is an input.
func (sp *splitter) partOf() *partQuery {
	q := sp.query
	if q.Offset != nil {
		panic(refuse(Inexact, q.Offset.Pos().Start, "an OFFSET inside the statement is over the rows of all shards",
			"number the rows with row_number() and leave out the first"))
	}
	p := &partQuery{}
	colls := sp.equalities()
	for i, o := range sp.arms[0].top.shape.outs {
		p.outs = append(p.outs, output{name: o.name, coll: colls[i]})
	}
	for _, a := range sp.arms {
		if a.top.shape.open {
			p.outs = nil
		}
	}
	if p.outs == nil {
		panic(refuse(Inexact, q.Start, "the columns of a query inside the statement are not known", "name the columns of functions in FROM"))
	}
	limit := func() string {
		if at := q.Limit.Pos(); at.End > at.Start {
			return sp.render(at)
		}
		return "1" // FETCH FIRST ROW
	}
	switch {
	case q.WithTies:
		p.bounds = " fetch first (" + limit() + ") rows with ties"
	case q.Limit != nil:
		p.bounds = " limit (" + limit() + ")"
	}
	return p
}

// all reports whether the input is its tables' rows, and nothing bounds how many.
func (sp *splitter) all() bool {
	f := sp.plan.final
	return f.part != nil && f.part.bounds == "" && !f.distinct && len(f.on) == 0
}

// width is the number of columns that the shards send for an input.
func (sp *splitter) width() int {
	if g := sp.plan.final.grouped; g != nil {
		return len(g.stars) + len(g.columns)
	}
	return len(sp.plan.final.part.outs) + sp.plan.final.hidden
}

// collate gives the columns the collations that they have in the statement. They are refused where the server counts
// others than the registry.
func (p *partQuery) collate(w *finalWriter, visible []ResultColumn) error {
	if len(visible) != len(p.outs) {
		return fewColumns()
	}
	for i, o := range p.outs {
		if o.name != "" && o.name != visible[i].Name {
			return fewColumns()
		}
		if err := w.taken(i, o.coll); err != nil {
			return err
		}
	}
	return nil
}

// nestedQuery is the final query of a statement over the rows of its inputs.
type nestedQuery struct {
	text   string // with a mark for each input
	inputs []nestedInput
}

type nestedInput struct {
	final *finalQuery
	width int // of the shards' columns those that are its own
}

func (n *nestedQuery) args() []arg {
	all := slices.Clone(numbered(n.text, blanks{owns: unasked}).args)
	for _, in := range n.inputs {
		for _, a := range in.final.finalArgs() {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}

// write puts what is made of each input in its place.
func (n *nestedQuery) write(w *finalWriter) (string, error) {
	from, tagged := 0, len(n.inputs) > 1
	if tagged {
		from = 1
	}
	text := n.text
	for i, in := range n.inputs {
		if from+in.width > len(w.columns) {
			return "", fewColumns()
		}
		body, err := w.within(from, in.width, in.final.write)
		if err != nil {
			return "", err
		}
		if tagged {
			body = strings.ReplaceAll(body, fromMark, fromMark+" where "+columnMark(0)+" = "+strconv.Itoa(i+1))
		}
		text = strings.ReplaceAll(text, inputMark(i), body)
		from += in.width
	}
	if from != len(w.columns) {
		return "", fewColumns()
	}
	return text, nil
}

// within writes a query over some of the writer's columns.
func (w *finalWriter) within(from, width int, write func(*finalWriter) (string, error)) (string, error) {
	own := &finalWriter{columns: w.columns[from : from+width], collations: map[int]string{}, approximate: w.approximate}
	body, err := write(own)
	if err != nil {
		return "", err
	}
	for i, name := range own.collations {
		w.collations[from+i] = name
	}
	return shifted(body, from), nil
}

// shifted counts the columns of a text from another one.
func shifted(text string, by int) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x00c")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		number, after, _ := strings.Cut(rest, markEnd)
		b.WriteString(columnMark(atoi(number) + by))
		text = after
	}
}

// inputMark stands for what is made of the rows of input i.
func inputMark(i int) string { return "\x00i" + strconv.Itoa(i) + markEnd }

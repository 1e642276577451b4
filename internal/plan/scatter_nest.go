package plan

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// nesting plans a statement whose sharded tables are all in queries that stand for themselves: arms of a UNION, queries
// in FROM, CTEs, subqueries that are not tied to a row. Each of these inputs is planned as if it were a statement. What
// is around them sees only their rows, so a server that has these gives what one with all tables would.
//
//	select region, n, rank() over (order by n) from (select region, count(*) as n from t group by region) x
//	                                                 input: as several shards answer it
//
// An input is as large a query as can be planned, so that little is left to the server.
type nesting struct {
	*scatterBuilder
	*reader // of the whole statement
	query   *sqlparse.Select
	inputs  []*splitter
}

// nest plans q, which cannot be split as a whole. The error is the one that helps: an input's, or why.
func (b *scatterBuilder) nest(q *sqlparse.Select, why error) (*Scatter, error) {
	if !nestable(why) {
		return nil, why
	}
	r, err := b.read(q)
	if err != nil {
		return nil, err
	}
	n := &nesting{scatterBuilder: b, reader: r, query: q}
	if err := n.find(q, false, why); err != nil {
		return nil, err
	}
	if f, ok := errors.AsType[*Refusal](why); ok && f.Reason == NotColocated && slices.ContainsFunc(n.inputs, (*splitter).all) {
		return nil, why // to join by the key is better than to send all rows to one server
	}
	return n.plan()
}

// nestable reports whether a refusal is about rows being on several shards, and not about how something is written.
func nestable(err error) bool {
	var f *Refusal
	return errors.As(err, &f) && (f.Reason == NotDivided || f.Reason == NotColocated || f.gathers)
}

// find makes inputs of q or of queries inside it, until no sharded table is outside of them.
func (n *nesting) find(q *sqlparse.Select, arm bool, why error) error {
	if !n.sharded(q, nil) {
		return nil
	}
	if q != n.query {
		input, err := n.input(q, arm)
		if err == nil {
			n.inputs = append(n.inputs, input)
			return nil
		}
		if f, ok := errors.AsType[*Refusal](err); ok && (nestable(err) || f.Reason == Inexact) {
			why = err
		}
	}
	inner := below(q)
	if n.sharded(q, inner) || q.With != nil && q.With.Recursive {
		return why
	}
	if err := n.unread(q); err != nil {
		return err
	}
	for _, x := range inner {
		if err := n.find(x, x == q.Left || x == q.Right, why); err != nil {
			return err
		}
	}
	return nil
}

// unread refuses a CTE that nothing reads. PostgreSQL does not run it, so it must not fail on a shard.
func (n *nesting) unread(q *sqlparse.Select) error {
	if q.With == nil {
		return nil
	}
	for _, c := range q.With.CTEs {
		read := false
		sqlparse.Walk(q, func(node sqlparse.Node) bool {
			t, ok := node.(*sqlparse.TableRef)
			read = read || ok && t.Table.Schema.Value == "" && t.Table.Name.Value == c.Name.Value
			return !read
		})
		if !read {
			return refuse(NotDivided, c.Start, "nothing reads the CTE "+quote(c.Name.Value), "leave it out")
		}
	}
	return nil
}

// below lists the queries inside q that are in no other one inside it.
func below(q *sqlparse.Select) []*sqlparse.Select {
	var found []*sqlparse.Select
	sqlparse.Walk(q, func(node sqlparse.Node) bool {
		x, ok := node.(*sqlparse.Select)
		if ok && x != q {
			found = append(found, x)
		}
		return !ok || x == q
	})
	return found
}

// sharded reports whether q names a sharded table outside of the queries given.
func (n *nesting) sharded(q *sqlparse.Select, except []*sqlparse.Select) bool {
	return slices.ContainsFunc(n.occurrences, func(rel *relation) bool {
		in := func(x *sqlparse.Select) bool { return x.Start <= rel.offset && rel.offset < x.End }
		return rel.table.Kind == catalog.Sharded && in(q) && !slices.ContainsFunc(except, in)
	})
}

// input plans a query by itself. arm says that it is one side of a set operation.
func (n *nesting) input(q *sqlparse.Select, arm bool) (*splitter, error) {
	if name := n.commonTable(q); name != "" {
		return nil, refuse(NotDivided, q.Start, "a query over the rows of all shards reads the CTE "+quote(name),
			"write the CTE's query in its place")
	}
	sp, err := n.split(q, true)
	if err != nil {
		return nil, err
	}
	if f := sp.plan.final; arm && f.grouped == nil {
		if err := untyped(q); err != nil {
			return nil, err
		}
	}
	return sp, nil
}

// commonTable returns the name of a CTE that q may read and does not have itself.
func (n *nesting) commonTable(q *sqlparse.Select) string {
	outside := map[string]bool{}
	sqlparse.Walk(n.query, func(node sqlparse.Node) bool {
		if c, ok := node.(*sqlparse.CTE); ok {
			outside[c.Name.Value] = true
		}
		return node != sqlparse.Node(q)
	})
	found := ""
	sqlparse.Walk(q, func(node sqlparse.Node) bool {
		if t, ok := node.(*sqlparse.TableRef); ok && t.Table.Schema.Value == "" && outside[t.Table.Name.Value] {
			found = t.Table.Name.Value
		}
		return found == ""
	})
	return found
}

// untyped refuses an arm of a set operation whose column gets its type from the other arm: the shards do not see that.
func untyped(q *sqlparse.Select) error {
	for i := range q.Targets {
		at := q.Targets[i].Start
		switch x := strip(q.Targets[i].Expr).(type) {
		case *sqlparse.Param:
		case *sqlparse.Literal:
			if x.Kind != sqlparse.LitString && x.Kind != sqlparse.LitNull {
				continue
			}
		default:
			continue
		}
		return refuse(Inexact, at, "the type of a constant or parameter in an arm of a UNION comes from another arm", "cast it")
	}
	return nil
}

// plan puts the inputs' texts together to one for the shards, and what a server does with the rows.
func (n *nesting) plan() (s *Scatter, err error) {
	defer catch(&s, &err)
	if err := n.checkOutside(); err != nil {
		return nil, err
	}
	s = &Scatter{Params: n.params, newer: n.newer, approximate: n.approximate, Combine: Finished}
	for t := range n.tables {
		s.Tables = append(s.Tables, nameOf(t))
		if t.Kind == catalog.Sharded && !t.HasSlot {
			s.Unmarked = append(s.Unmarked, nameOf(t))
		}
	}
	slices.Sort(s.Tables)
	slices.Sort(s.Unmarked)
	nested := &nestedQuery{text: n.outside()}
	for _, in := range n.inputs {
		nested.inputs = append(nested.inputs, nestedInput{final: in.plan.final, width: in.width()})
	}
	s.final = &finalQuery{nested: nested}
	s.text = n.shardText()
	if len(n.inputs) == 1 {
		in := n.inputs[0].plan
		s.anchors, s.listParam = in.anchors, in.listParam
	}
	n.separateParameters(s)
	return s, nil
}

// outside is the statement with a mark in place of each input.
func (n *nesting) outside() string {
	sp := &splitter{reader: n.reader, query: n.query}
	sp.findLeaves()
	var edits []edit
	for i, in := range n.inputs {
		at := in.query.Pos()
		edits = append(edits, edit{at: at.Start, to: at.End, text: "(" + inputMark(i) + ")"})
	}
	sqlparse.Walk(n.query, func(node sqlparse.Node) bool {
		if q, ok := node.(*sqlparse.Select); ok {
			edits = append(edits, clockNamesOf(q)...)
		}
		return true
	})
	edits = slices.DeleteFunc(edits, func(e edit) bool { return e.at == e.to && n.inInput(e.at) })
	return sp.render(sqlparse.Span{Start: 0, End: len(n.text())}, edits...)
}

func (n *nesting) text() string { return n.scatterBuilder.text }

func (n *nesting) inInput(at int) bool {
	return slices.ContainsFunc(n.inputs, func(in *splitter) bool { return in.query.Start <= at && at <= in.query.End })
}

// shardText has one input as it is. Rows of several go by in one list of columns, in which each input has its own, with
// the number of the input before them; a CTE is read once, though all name it for the types of its columns.
func (n *nesting) shardText() string {
	if len(n.inputs) == 1 {
		return n.inputs[0].plan.text
	}
	name := func(i int) string { return `"keyway ` + strconv.Itoa(i+1) + `"` }
	var with, columns, arms []string
	for i, in := range n.inputs {
		with = append(with, name(i)+" as ("+in.plan.text+")")
		columns = append(columns, name(i)+".*")
	}
	for i := range n.inputs {
		from := []string{name(i)}
		for j := range n.inputs {
			if j != i {
				from = append(from, name(j)+" on false")
			}
		}
		arms = append(arms, "select "+strconv.Itoa(i+1)+` as "keyway input", `+strings.Join(columns, ", ")+" from "+strings.Join(from, " left join "))
	}
	return "with " + strings.Join(with, ", ") + " " + strings.Join(arms, " union all ")
}

// separateParameters refuses a parameter that is in both texts, as that of a grouping does; one that is a LIMIT and
// nothing else is a number in both.
func (n *nesting) separateParameters(s *Scatter) {
	final := s.final.nested.args()
	for _, a := range numbered(s.text, blanks{owns: unasked}).args {
		if a.kind == argCaller && slices.Contains(final, a) && n.mentions(a.n) > 1 {
			panic(refuse(Inexact, -1, "$"+strconv.Itoa(a.n)+" is used both for rows of the shards and for what is made of them", "pass it twice"))
		}
	}
}

func (n *nesting) mentions(param int) int {
	count := 0
	sqlparse.Walk(n.query, func(node sqlparse.Node) bool {
		if p, ok := node.(*sqlparse.Param); ok && p.Number == param {
			count++
		}
		return true
	})
	return count
}

package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// ordering finds the columns of the shards' rows by which they are ordered.
type ordering struct {
	sp     *splitter
	hide   bool // columns may be added
	hidden []string
	seen   []string // the hidden ones as compared
}

// key finds the column of an item of ORDER BY. A hidden one is counted from 0 in pending form; see settle.
func (o *ordering) key(item *sqlparse.OrderItem) SortKey {
	if item.Using != "" {
		panic(refuse(Inexact, item.Start, "ORDER BY ... USING is not read for several shards", "write ASC or DESC"))
	}
	k := SortKey{Desc: item.Desc, NullsFirst: item.Desc}
	if item.NullsFirst != nil {
		k.NullsFirst = *item.NullsFirst
	}
	var coll collation
	k.Column, coll = o.column(item.Expr)
	k.Collation, k.CollationKnown = coll.name, coll.known
	return k
}

func (o *ordering) column(x sqlparse.Expr) (int, collation) {
	q, sp := o.sp.query, o.sp
	first := sp.arms[0].query
	x = strip(x)
	if lit, ok := x.(*sqlparse.Literal); ok {
		n, err := strconv.Atoi(lit.Value)
		if err != nil || lit.Kind != sqlparse.LitInteger || n < 1 {
			panic(refuse(Inexact, lit.Start, "a constant in ORDER BY that is no position is not read", "write the expression"))
		}
		if len(q.DistinctOn) > 0 && slices.ContainsFunc(q.Targets, isStarTarget) {
			panic(refuse(Inexact, lit.Start, "a position in ORDER BY that counts the columns of a star is not read beside DISTINCT ON", "write the column"))
		}
		return n - 1, o.collationAt(n-1, lit.Start)
	}
	if ref, ok := x.(*sqlparse.ColumnRef); ok && len(ref.Parts) == 1 {
		if i := named(first, ref.Parts[0].Value); i >= 0 {
			return o.position(first, i, ref.Start)
		}
		sp.checkStars(ref)
	}
	if q.Op != sqlparse.SetNone {
		panic(refuse(Inexact, x.Pos().Start, "the ORDER BY of a UNION whose column is not written in its first SELECT is not read",
			"write the columns instead of a star"))
	}
	scope := sp.arms[0].top.scope
	want := sp.canonical(x, scope)
	for i := range q.Targets {
		if !isStar(q.Targets[i].Expr) && sp.canonical(q.Targets[i].Expr, scope) == want {
			if starBefore(q, i) && starAfter(q, i) {
				break
			}
			return o.position(q, i, x.Pos().Start)
		}
	}
	return o.hiddenColumn(x, want), sp.collationOf(x, scope)
}

// collationAt is that of the output at a position, which may be a column of a star.
func (o *ordering) collationAt(i, at int) collation {
	return o.sp.armsCollation(func(a *arm) collation {
		outs := a.top.shape.outs
		if a.top.shape.open {
			return collation{}
		}
		if i >= len(outs) {
			panic(refuse(Inexact, at, "a position in ORDER BY is not in the list of outputs", "write the column"))
		}
		if slices.ContainsFunc(a.query.Targets, isStarTarget) && slices.ContainsFunc(outs[:i+1], output.isSlot) {
			panic(refuse(Inexact, at, "a position in ORDER BY counts the slot column of a star", "write the column"))
		}
		return outs[i].coll
	})
}

// position is the place of target i among the columns: from the end when a star before it has columns that the server
// may count otherwise than the registry.
func (o *ordering) position(q *sqlparse.Select, i, at int) (int, collation) {
	coll := o.collation(i)
	switch {
	case !starBefore(q, i) && !isStar(q.Targets[i].Expr):
		return i, coll
	case !starAfter(q, i):
		return pending/2 + i - len(q.Targets), coll
	}
	panic(refuse(Inexact, at, "the position of a column between two stars is not known", "write the columns"))
}

// collation is that of output i of all arms.
func (o *ordering) collation(i int) collation {
	return o.sp.armsCollation(func(a *arm) collation {
		if i >= len(a.query.Targets) || starBefore(a.query, i) && a != o.sp.arms[0] {
			return collation{}
		}
		return o.sp.collationOf(a.query.Targets[i].Expr, a.top.scope)
	})
}

func (o *ordering) hiddenColumn(x sqlparse.Expr, want string) int {
	if !o.hide {
		panic(refuse(Inexact, x.Pos().Start, "the ORDER BY of a DISTINCT is not found among the written outputs",
			"write the output as in the list, or its position"))
	}
	if i := slices.Index(o.seen, want); i >= 0 {
		return pending + i
	}
	o.seen = append(o.seen, want)
	o.hidden = append(o.hidden, o.sp.sent(x))
	return pending + len(o.hidden) - 1
}

// settle counts from the end what was pending until the number of hidden columns was known.
func (o *ordering) settle(keys []SortKey) {
	for i := range keys {
		switch c := &keys[i].Column; {
		case *c >= pending:
			*c -= pending + len(o.hidden)
		case *c > pending/4:
			*c -= pending/2 + len(o.hidden)
		}
	}
}

// edits add the hidden columns to the outputs.
func (o *ordering) edits() []edit {
	if len(o.hidden) == 0 {
		return nil
	}
	targets := o.sp.query.Targets
	if len(targets) == 0 || o.sp.query.Table {
		panic(refuse(Unsupported, o.sp.query.Start, "ORDER BY without written outputs is not read for several shards", "write SELECT * FROM"))
	}
	name := "keyway_order_" // that of an output which ORDER BY names would be ambiguous
	for text := strings.ToLower(o.sp.text); strings.Contains(text, name); {
		name += "_"
	}
	var b strings.Builder
	for i, x := range o.hidden {
		b.WriteString(", " + x + " as " + quote(name+strconv.Itoa(i+1)))
	}
	at := targets[len(targets)-1].End
	return []edit{{at: at, to: at, text: b.String()}}
}

// checkStars refuses a bare name in ORDER BY that is a star's output to PostgreSQL and another column to the tables in
// FROM: o.* of f LEFT JOIN o USING (k) has o's k, and k alone is f's.
func (sp *splitter) checkStars(ref *sqlparse.ColumnRef) {
	for _, a := range sp.arms {
		if !slices.ContainsFunc(a.query.Targets, isStarTarget) {
			continue
		}
		for _, out := range a.top.shape.outs {
			if out.name == ref.Parts[0].Value && out.col != sp.column(ref, a.top.scope) {
				panic(refuse(Inexact, ref.Start, "the name in ORDER BY is an output of a star and another column of the tables in FROM",
					"write it with its table's name"))
			}
		}
	}
}

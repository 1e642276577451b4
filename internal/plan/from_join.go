package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func (r *reader) join(j *sqlparse.Join, outer, lateral *scope, d *domain, b *block) *namespace {
	ns := r.joined(j, outer, lateral, d, b)
	if j.Alias.Name.Value == "" {
		return ns
	}
	return r.single(r.aliasedJoin(j, ns, d, b))
}

// aliasedJoin makes the relation of (a JOIN b) AS j (x, ...): the columns of the join, under the names of the alias.
func (r *reader) aliasedJoin(j *sqlparse.Join, ns *namespace, d *domain, b *block) *relation {
	rel := &relation{alias: j.Alias.Name.Value, dom: d, blk: b, open: ns.open, joins: true, offset: j.Start}
	for _, in := range ns.rels {
		in.inline = true
		rel.names = append(rel.names, in.names...)
	}
	if ns.open && len(j.Alias.Columns) > 0 {
		panic(refuse(Unsupported, j.Start, "column aliases over a join whose columns are not known are not read",
			"give the function in it an alias with columns"))
	}
	if len(j.Alias.Columns) > len(ns.cols) {
		panic(refuse(Syntax, j.Start, quote(rel.alias)+" has more column aliases than the join has columns", ""))
	}
	for i, c := range ns.cols {
		if i < len(j.Alias.Columns) {
			c = rel.renamed(c, j.Alias.Columns[i].Value)
		}
		rel.cols = append(rel.cols, c)
	}
	b.rels = append(b.rels, rel)
	return rel
}

// renamed is a column of a join under another name. It is on every row what the column is.
func (rel *relation) renamed(c *column, name string) *column {
	n := &column{rel: rel, name: name, fam: c.fam, exact: c.exact, inner: c, coll: c.coll, adds: c.adds}
	if c.rel != nil {
		c.outs = append(c.outs, n)
	}
	return n
}

// joined puts each side into the domain for which its condition speaks.
func (r *reader) joined(j *sqlparse.Join, outer, lateral *scope, d *domain, b *block) *namespace {
	left, right, on := d, d, d
	switch j.Kind {
	case sqlparse.JoinLeft:
		right = &domain{parent: d}
		on = right
	case sqlparse.JoinRight:
		left = &domain{parent: d}
		on = left
	case sqlparse.JoinFull:
		left, right, on = &domain{parent: d}, &domain{parent: d}, nil
	default:
	}
	l := r.item(j.Left, outer, lateral, left, b)
	rr := r.item(j.Right, outer, lateral.within(l), right, b)
	both := l.add(rr)
	if j.Natural || len(j.Using) > 0 {
		ns := r.using(j, l, rr, on)
		if j.UsingAlias.Value != "" {
			rel := &relation{alias: j.UsingAlias.Value, dom: d, blk: b, joins: true, offset: j.Start, cols: ns.cols[:len(j.Using)]}
			b.rels = append(b.rels, rel)
			ns.rels = append(ns.rels, rel)
		}
		return ns
	}
	if j.On == nil {
		return both
	}
	sc := outer.within(both)
	r.expr(j.On, sc)
	r.on(j, sc, d, on)
	return both
}

func (r *reader) on(j *sqlparse.Join, sc *scope, d, on *domain) {
	if on == nil {
		r.noticeOuter(j.On, sc, nil, "its condition is in the ON of a FULL JOIN, which keeps the rows that do not match")
		return
	}
	r.conjuncts(j.On, sc, on)
	if on != d {
		r.noticeOuter(j.On, sc, on, "its condition is in the ON of an outer join whose preserved side it is on")
	}
}

// noticeOuter remembers, for the error, that a key column's condition is in an ON that does not speak for its side.
func (r *reader) noticeOuter(e sqlparse.Expr, sc *scope, on *domain, what string) {
	for _, ref := range columnsIn(e) {
		c := r.column(ref, sc)
		if c.rel == nil || c.rel.table == nil || c.rel.note != nil || !c.rel.isKey(c) || on != nil && c.rel.within(on) {
			continue
		}
		c.rel.note = &note{reason: NoShardKey, what: what, offset: e.Pos().Start}
	}
}

func (rel *relation) within(d *domain) bool {
	for x := rel.dom; x != nil; x = x.parent {
		if x == d {
			return true
		}
	}
	return false
}

// using reads USING and NATURAL: the named columns are equal and visible once.
func (r *reader) using(j *sqlparse.Join, l, rr *namespace, on *domain) *namespace {
	if l.open || rr.open {
		panic(refuse(Unsupported, j.Start, "NATURAL and USING with a function or a query whose column names are not known are not read",
			"write the condition with ON"))
	}
	names := make([]string, 0, len(j.Using))
	for _, n := range j.Using {
		names = append(names, n.Value)
	}
	if j.Natural {
		names = r.common(l, rr)
	}
	out := &namespace{rels: append(append([]*relation(nil), l.rels...), rr.rels...)}
	for _, name := range names {
		lc, rc := r.usingColumn(j, l, name), r.usingColumn(j, rr, name)
		if on != nil && lc.exact && rc.exact && lc.fam == rc.fam {
			on.equal(lc, rc)
		}
		merged := lc
		switch {
		case j.Kind == sqlparse.JoinFull, lc.fam != rc.fam, lc.fam == famNone && lc.adds != rc.adds:
			merged = &column{name: name} // of a type that both become, in which two keys may be one, and sums inexact
		case r.tops != nil && lc.coll != rc.coll: // of one shard no collation is known, nor asked for
			merged = &column{name: name} // of the collation of the side that has the type of both
		case j.Kind == sqlparse.JoinRight:
			merged = rc
		}
		out.cols = append(out.cols, merged)
	}
	for _, side := range [...]*namespace{l, rr} {
		for _, c := range side.cols {
			if !slices.Contains(names, c.name) {
				out.cols = append(out.cols, c)
			}
		}
	}
	return out
}

func (r *reader) common(l, rr *namespace) []string {
	var names []string
	for _, c := range l.cols {
		for _, o := range rr.cols {
			if c.name == o.name && !slices.Contains(names, c.name) {
				names = append(names, c.name)
			}
		}
	}
	return names
}

func (r *reader) usingColumn(j *sqlparse.Join, side *namespace, name string) *column {
	var found *column
	for _, c := range side.cols {
		if c.name != name {
			continue
		}
		if found != nil {
			panic(refuse(AmbiguousColumn, j.Start, "the column "+quote(name)+" of a USING or NATURAL join is there twice on one side",
				"write the condition with ON"))
		}
		found = c
	}
	if found == nil {
		panic(refuse(UnknownColumn, j.Start, "one side of a USING join has no column "+quote(name), ""))
	}
	return found
}

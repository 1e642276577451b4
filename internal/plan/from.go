package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// from reads a FROM list. outer is what encloses the query; items see those to their left only when LATERAL.
func (r *reader) from(items []sqlparse.TableExpr, outer *scope, d *domain, b *block) *namespace {
	ns := &namespace{}
	for _, item := range items {
		ns = ns.add(r.item(item, outer, outer.within(ns), d, b))
	}
	return ns
}

// item reads one item of FROM into domain d. lateral is outer with what is to the left of the item.
func (r *reader) item(item sqlparse.TableExpr, outer, lateral *scope, d *domain, b *block) *namespace {
	switch item := item.(type) {
	case *sqlparse.TableRef:
		return r.single(r.tableRef(item, outer, d, b))
	case *sqlparse.SubqueryRef:
		return r.single(r.derived(item, outer, lateral, d, b))
	case *sqlparse.FuncRef:
		return r.single(r.function(item, lateral, d, b))
	case *sqlparse.Join:
		return r.join(item, outer, lateral, d, b)
	default:
		panic(refuse(Unsupported, item.Pos().Start, "this item of FROM is not read", ""))
	}
}

func (r *reader) single(rel *relation) *namespace {
	return &namespace{rels: []*relation{rel}, cols: rel.cols, open: rel.open}
}

// function reads a function in FROM. Its columns are not known, unless an alias lists them.
func (r *reader) function(f *sqlparse.FuncRef, lateral *scope, d *domain, b *block) *relation {
	for _, call := range f.Calls {
		r.expr(call, lateral)
	}
	rel := &relation{alias: f.Alias.Name.Value, dom: d, blk: b, open: true, offset: f.Start}
	if rel.alias == "" && len(f.Calls) == 1 {
		if call, ok := f.Calls[0].(*sqlparse.FuncCall); ok {
			rel.alias = call.Name
		}
	}
	if rel.cols = r.unnested(f, rel); rel.cols != nil {
		rel.open = false
	} else {
		for _, n := range f.Alias.Columns {
			rel.cols = append(rel.cols, &column{rel: rel, name: n.Value})
		}
	}
	rel.names = r.functionColumns(f, rel.alias)
	if r.tops != nil {
		rel.texts = r.functionTexts(f, lateral)
		rel.sure = sureColumn(f, rel.alias)
		for _, c := range rel.cols {
			c.coll = rel.texts
		}
	}
	b.rels = append(b.rels, rel)
	return rel
}

// derived reads a query in FROM.
func (r *reader) derived(s *sqlparse.SubqueryRef, outer, lateral *scope, d *domain, b *block) *relation {
	if s.Lateral {
		outer = lateral
	}
	// An aggregate in FROM is never one of b's own.
	r.block = b.up
	inner := r.query(s.Query, outer)
	r.block = b
	return r.wrap(inner, "", &s.Alias, s.Start, d, b, true)
}

// wrap makes the relation that a query's output is. A filter outside may go inside only when the query is read once.
func (r *reader) wrap(s *shape, name string, alias *sqlparse.Alias, at int, d *domain, b *block, once bool) *relation {
	rel := &relation{alias: name, dom: d, blk: b, open: s.open, names: s.names, offset: at}
	if alias.Name.Value != "" {
		rel.alias = alias.Name.Value
	}
	if len(alias.Columns) > 0 && s.open {
		panic(refuse(Unsupported, at, "column aliases over a query whose columns are not known are not read",
			"name the columns in the query"))
	}
	if len(alias.Columns) > len(s.outs) {
		panic(refuse(Syntax, at, quote(rel.alias)+" has more column aliases than the query has columns", ""))
	}
	for i, o := range s.outs {
		c := &column{rel: rel, name: o.name, coll: o.coll.implicit(), adds: o.adds}
		if i < len(alias.Columns) {
			c.name = alias.Columns[i].Value
		}
		if o.col != nil {
			c.inner, c.fam, c.exact = o.col, o.col.fam, o.col.exact
			if once && o.enter {
				o.col.outs = append(o.col.outs, c)
			}
		}
		rel.cols = append(rel.cols, c)
		rel.open = rel.open || c.name == ""
	}
	rel.carry(s, once)
	b.rels = append(b.rels, rel)
	return rel
}

// wrapCTE makes the relation of a reference to a CTE.
func (r *reader) wrapCTE(c *cte, t *sqlparse.TableRef, d *domain, b *block) *relation {
	c.used++
	rel := r.wrap(c.shape, t.Table.Name.Value, &t.Alias, t.Start, d, b, c.used == 1)
	if c.used == 1 {
		c.ways = rel.waysIn()
		return rel
	}
	for _, w := range c.ways {
		w.in.outs = slices.DeleteFunc(w.in.outs, func(o *column) bool { return o == w.out })
	}
	c.ways = nil
	return rel
}

// waysIn lists the columns by which a filter on rel may go inside.
func (rel *relation) waysIn() []way {
	var ways []way
	add := func(cols []*column) {
		for _, c := range cols {
			if c.inner != nil && slices.Contains(c.inner.outs, c) {
				ways = append(ways, way{in: c.inner, out: c})
			}
		}
	}
	add(rel.cols)
	for _, k := range rel.carried {
		add(k)
	}
	return ways
}

package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
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
	n := &column{rel: rel, name: name, fam: c.fam, exact: c.exact, inner: c, coll: c.coll}
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
		switch j.Kind {
		case sqlparse.JoinRight:
			merged = rc
		case sqlparse.JoinFull:
			merged = &column{name: name}
		default:
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

// tableRef reads a relation in FROM: a CTE when an unqualified name is one, else a registered table.
func (r *reader) tableRef(t *sqlparse.TableRef, outer *scope, d *domain, b *block) *relation {
	if t.Table.Schema.Value == "" {
		if c := outer.cte(t.Table.Name.Value); c != nil {
			if c.pending {
				panic(refuse(Unsupported, t.Start, "the CTE "+quote(c.name)+" is named here before its query is read",
					"put it before the queries that use it, and write a recursion as a query without it UNION a query with it"))
			}
			if t.TableSample || t.Only || t.Star {
				panic(refuse(Unsupported, t.Start, "a CTE is read as a whole", ""))
			}
			return r.wrapCTE(c, t, d, b)
		}
	}
	rel := r.table(t, d, b)
	r.occurrences = append(r.occurrences, rel)
	if t.TableSample {
		r.sample(t, rel.table, outer)
	}
	return rel
}

// sample reads TABLESAMPLE. Which rows are in a sample is left to chance, so any rows of a key may be those that one
// server would give. A seed makes one server give the same rows again, which other servers do not.
func (r *reader) sample(t *sqlparse.TableRef, table *catalog.Table, outer *scope) {
	method := t.Sample[len(t.Sample)-1].Value
	switch {
	case method != "bernoulli" && method != "system", len(t.Sample) > 1 && t.Sample[0].Value != "pg_catalog":
		panic(refuse(UserFunction, t.Start, "the sampling method "+quote(method)+" is not BERNOULLI or SYSTEM", "use one of these"))
	case t.Repeatable && table.Kind != catalog.Home:
		panic(refuse(Unsupported, t.Start, "TABLESAMPLE with REPEATABLE gives the same rows again on one server only",
			"leave REPEATABLE out, or choose rows by a hash of their id"))
	case r.tops != nil:
		panic(refuse(ServerFunction, t.Start, "TABLESAMPLE differs each time", "use db.EachShard"))
	}
	for _, x := range t.SampleArgs {
		if hasQuery(x) {
			panic(refuse(Unsupported, t.Start, "a query in TABLESAMPLE is not read", "give the percentage as an argument"))
		}
		r.expr(x, outer)
	}
}

// table makes the relation of a registered table.
func (r *reader) table(t *sqlparse.TableRef, d *domain, b *block) *relation {
	table := r.lookup(&t.Table)
	rel := &relation{alias: table.Name, schema: table.Schema, table: table, dom: d, blk: b, ref: t, offset: t.Start}
	if t.Alias.Name.Value != "" {
		rel.alias, rel.schema = t.Alias.Name.Value, ""
	}
	if len(t.Alias.Columns) > len(table.Columns) {
		panic(refuse(Syntax, t.Start, quote(rel.alias)+" has more column aliases than the table has columns", ""))
	}
	for i := range table.Columns {
		rel.cols = append(rel.cols, rel.newColumn(i, &t.Alias))
	}
	b.rels = append(b.rels, rel)
	return rel
}

func (rel *relation) newColumn(i int, alias *sqlparse.Alias) *column {
	tc := &rel.table.Columns[i]
	c := &column{rel: rel, name: tc.Name, fam: familyOfColumn(tc), coll: collation{known: true, name: tc.Collation, loose: tc.Loose}}
	if k := rel.table.KeyIndex(tc.Name); k >= 0 {
		c.fam = familyOfKey(rel.table.Key[k].Type)
		c.exact = c.fam != famNone
	} else {
		c.exact = c.fam != famNone && c.fam != famText
	}
	if i < len(alias.Columns) {
		c.name = alias.Columns[i].Value
	}
	return c
}

// key returns the column that is the i-th of the table's key, under whatever name it has here.
func (rel *relation) key(i int) *column {
	for n := range rel.table.Columns {
		if rel.table.Columns[n].Name == rel.table.Key[i].Name {
			return rel.cols[n]
		}
	}
	return nil
}

func (rel *relation) isKey(c *column) bool {
	for i := range rel.table.Key {
		if rel.key(i) == c {
			return true
		}
	}
	return false
}

// lookup finds a registered table. A name that starts with pg_ is pg_catalog's or a temporary table's business.
func (r *reader) lookup(n *sqlparse.TableName) *catalog.Table {
	schema := n.Schema.Value
	if schema == "pg_catalog" || schema == "information_schema" || strings.HasPrefix(schema, "pg_") ||
		schema == "" && strings.HasPrefix(n.Name.Value, "pg_") {
		panic(refuse(CatalogTable, n.Start, "the relation "+quote(n.Name.Value)+" describes one server, not the data",
			"read it with db.Shard(id)"))
	}
	if schema == "" {
		schema = r.schema
	}
	t, ok := r.reg.Table(schema, n.Name.Value)
	if !ok {
		panic(r.unknownTable(schema, n))
	}
	r.tables[t] = true
	for i := range t.Key {
		if _, ok := t.Column(t.Key[i].Name); !ok || t.Kind == catalog.Sharded && familyOfKey(t.Key[i].Type) == famNone {
			panic(&Refusal{Reason: Unsupported, Table: nameOf(t), Offset: n.Start,
				Detail: "the registry's key column " + quote(t.Key[i].Name) + " of " + nameOf(t) + " is not among its columns"})
		}
	}
	if t.Kind == catalog.Sharded && len(t.Key) == 0 {
		panic(&Refusal{Reason: Unsupported, Table: nameOf(t), Offset: n.Start, Detail: nameOf(t) + " is sharded by no column"})
	}
	return t
}

func (r *reader) unknownTable(schema string, n *sqlparse.TableName) *Refusal {
	full := schema + "." + n.Name.Value
	f := &Refusal{Reason: UnknownTable, Table: full, Offset: n.Start}
	if d := r.reg.DriftOf(schema, n.Name.Value); d != nil {
		f.Detail = full + " is registered, but is no longer what was registered"
		f.Hint = "register it again; keyway doctor says what changed"
		return f
	}
	f.Detail = full + " is not registered: where its rows are is not known (views and temporary tables cannot be registered)"
	written := asWritten(schema) + "." + asWritten(n.Name.Value)
	f.Hint = "say it in a migration: select keyway.shard_table('" + written + "', 'key column'), keyway.reference_table('" + written +
		"') or keyway.home_table('" + written + "', 'shard'); for anything else use db.Shard(id)"
	return f
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// asWritten is a name as it stands inside a string of SQL: quoted where PostgreSQL would fold it.
func asWritten(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return strings.ReplaceAll(quote(name), "'", "''")
}

func nameOf(t *catalog.Table) string { return t.Schema + "." + t.Name }

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
	for _, n := range f.Alias.Columns {
		rel.cols = append(rel.cols, &column{rel: rel, name: n.Value})
	}
	rel.names = r.functionColumns(f, rel.alias)
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
		c := &column{rel: rel, name: o.name, coll: o.coll}
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

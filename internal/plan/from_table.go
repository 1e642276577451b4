package plan

import (
	"regexp"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

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
	rel.takeColumns(&t.Alias)
	b.rels = append(b.rels, rel)
	return rel
}

// takeColumns gives rel the columns of its table, under the names that the alias has for them.
func (rel *relation) takeColumns(alias *sqlparse.Alias) {
	all := make([]column, len(rel.table.Columns)) // together: a text that never repeats pays for each allocation
	rel.cols = make([]*column, len(all))
	for i := range all {
		c, tc := &all[i], &rel.table.Columns[i]
		*c = column{rel: rel, name: tc.Name, fam: familyOfColumn(tc), coll: collation{known: true, name: tc.Collation, loose: tc.Loose}, adds: addsExactly(tc.Type)}
		if k := rel.table.KeyIndex(tc.Name); k >= 0 {
			c.fam = familyOfKey(rel.table.Key[k].Type)
			c.exact = c.fam != famNone
		} else {
			c.exact = c.fam != famNone && c.fam != famText
		}
		if i < len(alias.Columns) {
			c.name = alias.Columns[i].Value
		}
		rel.cols[i] = c
	}
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

// identifier is a name as people write it: quoted where PostgreSQL would fold it.
func identifier(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return quote(name)
}

// asWritten is an identifier inside a string of SQL.
func asWritten(name string) string { return strings.ReplaceAll(identifier(name), "'", "''") }

func nameOf(t *catalog.Table) string { return t.Schema + "." + t.Name }

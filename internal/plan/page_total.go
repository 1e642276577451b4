package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// Tables are the tables in FROM, each once: those whose unique columns [Page.Total] asks for.
func (p *Page) Tables() []*catalog.Table {
	var tables []*catalog.Table
	for _, rel := range p.rels {
		if !slices.Contains(tables, rel.table) {
			tables = append(tables, rel.table)
		}
	}
	return tables
}

// Proven reports whether [Page.Total] has found the order total before. By then the columns cannot be others, since they
// are the registry's; an index may have been dropped, which is looked for in the rows.
func (p *Page) Proven() bool { return p.proven.Load() }

// Total refuses an order in which two rows may be equal. unique lists, for a table, sets of columns that are unique on
// each server; whether they may be NULL is looked up here.
//
// Two rows of the result differ in the row of some table in FROM. The order tells them apart when, for every table, it
// has the columns of a unique set, and of the key where the table is sharded, since a set without the key is unique on
// each shard only. A column counts as in the order when it equals one that is, or one value, on every row.
func (p *Page) Total(unique func(*catalog.Table) [][]string) error {
	for _, rel := range p.rels {
		if !p.tells(rel, unique(rel.table)) {
			return p.undecided(rel, unique(rel.table))
		}
	}
	p.proven.Store(true)
	return nil
}

func (p *Page) tells(rel *relation, unique [][]string) bool {
	if rel.table.Kind == catalog.Sharded {
		for i := range rel.table.Key {
			if !p.decided(rel.key(i)) {
				return false
			}
		}
	}
	return slices.ContainsFunc(unique, func(set []string) bool {
		return len(set) > 0 && !slices.ContainsFunc(set, func(name string) bool { return !p.decides(rel, name) })
	})
}

// decides reports whether the order tells rows apart that differ in a column of rel.
func (p *Page) decides(rel *relation, name string) bool {
	for i := range rel.table.Columns {
		if tc := &rel.table.Columns[i]; tc.Name == name {
			return tc.NotNull && p.decided(rel.cols[i])
		}
	}
	return false
}

func (p *Page) decided(c *column) bool {
	if p.scoped && c.rel.table.Kind == catalog.Sharded && c.rel.isKey(c) {
		return true
	}
	w := walk{}
	w.from(c)
	if slices.ContainsFunc(w.found, func(s *source) bool { return !s.isList() && s.kind != srcEmptyList }) {
		return true
	}
	return slices.ContainsFunc(p.Order, func(o PageColumn) bool { return o.strict && slices.Contains(w.cols, o.col) })
}

// undecided says what the order lacks.
func (p *Page) undecided(rel *relation, unique [][]string) *Refusal {
	f := &Refusal{Reason: NotTotal, Table: nameOf(rel.table), Offset: rel.offset,
		Detail: "several rows of " + nameOf(rel.table) + " may have the same place in this ORDER BY, and a page could end between them"}
	best := []string(nil)
	for _, set := range unique {
		want := slices.Clone(set)
		if rel.table.Kind == catalog.Sharded && !p.scoped {
			for _, k := range rel.table.Key {
				if !slices.Contains(want, k.Name) {
					want = append(want, k.Name)
				}
			}
		}
		if !slices.ContainsFunc(want, func(name string) bool { return nullable(rel.table, name) }) && (best == nil || len(want) < len(best)) {
			best = want
		}
	}
	if best == nil {
		f.Hint = "it has no unique index of columns that are NOT NULL; make one that has the key"
		return f
	}
	columns := make([]string, 0, len(best))
	for _, name := range best {
		columns = append(columns, identifier(rel.alias)+"."+identifier(name))
	}
	f.Hint = "add " + strings.Join(columns, ", ") + " to the end of the ORDER BY"
	return f
}

func nullable(t *catalog.Table, name string) bool {
	c, ok := t.Column(name)
	return !ok || !c.NotNull
}

func called(rel *relation) string {
	if rel.alias == "" {
		return "what is in FROM"
	}
	return quote(rel.alias)
}

// fullJoin reports whether rows of both sides may be missing.
func fullJoin(items []sqlparse.TableExpr) bool {
	return slices.ContainsFunc(items, func(item sqlparse.TableExpr) bool {
		j, ok := item.(*sqlparse.Join)
		return ok && (j.Kind == sqlparse.JoinFull || fullJoin([]sqlparse.TableExpr{j.Left, j.Right}))
	})
}

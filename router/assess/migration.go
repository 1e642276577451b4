package assess

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// manyRows is where shard_table refuses to rewrite a table under a lock.
const manyRows = 1_000_000

// ident writes a name with quotes only where it needs them.
func ident(name string) string {
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) && (name[0] < '0' || name[0] > '9') && !slices.Contains(reserved, name)
	if plain {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

// reserved are the words that PostgreSQL does not take as a table's name and that people choose nevertheless.
var reserved = []string{
	"all", "analyse", "analyze", "array", "case", "check", "column", "constraint", "default", "desc", "end", "for", "grant", "group",
	"in", "limit", "offset", "on", "order", "primary", "references", "select", "table", "then", "to", "union", "unique", "user",
	"using", "when", "where", "window", "with",
}

// sql is the table as a migration names it, whose search_path has the schema public.
func (t *table) sql() string {
	if t.Schema == "public" {
		return ident(t.Name)
	}
	return ident(t.Schema) + "." + ident(t.Name)
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// migration registers the tables, each after those that its foreign keys need.
func (p *proposal) migration(db *database) []string {
	lines := []string{}
	seen := make(map[*placed]bool)
	var visit func(x *placed)
	visit = func(x *placed) {
		if seen[x] {
			return
		}
		seen[x] = true
		for _, f := range x.references {
			visit(p.byTable[db.byOID[f.Parent]])
		}
		lines = append(lines, x.register()...)
	}
	inOrder := slices.Clone(p.tables)
	slices.SortStableFunc(inOrder, func(a, b *placed) int { return strings.Compare(a.String(), b.String()) })
	for _, kind := range []Kind{Reference, Home, Sharded, Undecided} {
		for _, x := range inOrder {
			if x.kind == kind {
				visit(x)
			}
		}
	}
	return lines
}

func (x *placed) register() []string {
	name := literal(x.sql())
	switch x.kind {
	case Reference:
		return []string{fmt.Sprintf("select keyway.reference_table(%s);", name)}
	case Home:
		return []string{fmt.Sprintf("select keyway.home_table(%s, '%s');", name, home)}
	case Undecided:
		return []string{fmt.Sprintf("-- %s: undecided: %s", strings.ReplaceAll(x.sql(), "\n", " "), strings.ReplaceAll(x.because, "\n", " "))}
	}
	var lines []string
	for _, c := range x.columns {
		if c.Sequence != "" {
			lines = append(lines, fmt.Sprintf("select keyway.shard_sequence(%s, %s);", name, literal(c.Name)))
		}
	}
	if x.onlyUniqueByThemselves() {
		lines = append(lines, fmt.Sprintf("select keyway.allow(%s, 'unique_per_shard');", name))
	}
	columns := make([]string, len(x.key))
	for i, k := range x.key {
		columns[i] = literal(k)
	}
	if x.rows > manyRows {
		return append(lines, fmt.Sprintf("select keyway.prepare_table(%s, %s); -- large: then backfill_table and validate_table", name, strings.Join(columns, ", ")))
	}
	return append(lines, fmt.Sprintf("select keyway.shard_table(%s, %s);", name, strings.Join(columns, ", ")))
}

// onlyUniqueByThemselves reports whether there are constraints without the key, and all of them are harmless.
func (x *placed) onlyUniqueByThemselves() bool {
	some := false
	for _, i := range x.unique {
		if contains(i.Columns, x.key) {
			continue
		}
		if !x.uniqueByItself(i) {
			return false
		}
		some = true
	}
	return some
}

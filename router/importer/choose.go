package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
)

// slotColumn is the column that the library adds to sharded tables.
const slotColumn = "slot"

// table is one table to import.
type table struct {
	name    tableName
	target  *catalog.Table
	columns []string // copied, in this order
	keyAt   []int    // where the key columns are among them; empty unless sharded
	addSlot bool     // after the columns

	report TableReport
}

// choose matches the source's tables with the registered ones.
func (im *importation) choose(ctx context.Context) error {
	registry := im.shards[0].registry
	if drift := registry.Drift(); len(drift) > 0 {
		return drift[0]
	}
	wanted, err := im.wanted(registry)
	if err != nil {
		return err
	}
	generated, err := im.shards[0].generatedColumns(ctx)
	if err != nil {
		return fmt.Errorf("import: shard %s: %w", im.shards[0].id, pgerr.Public(err))
	}
	registered := make(map[tableName]bool)
	for _, t := range registry.Tables() {
		name := tableName{t.Schema, t.Name}
		registered[name] = true
		if !wanted(t) {
			continue
		}
		found, ok := im.source.tables[name]
		if !ok {
			im.report.Absent = append(im.report.Absent, name.String())
			continue
		}
		tab, err := match(t, found, generated)
		if err != nil {
			return err
		}
		im.tables = append(im.tables, tab)
	}
	for name, t := range im.source.tables {
		if (t.kind == "r" || t.kind == "p") && !registered[name] {
			im.report.LeftBehind = append(im.report.LeftBehind, name.String())
		}
	}
	slices.Sort(im.report.LeftBehind)
	if len(im.tables) == 0 {
		return &RefusedError{Reason: "the source has none of the registered tables",
			Remedy: "run the migrations that make and register them first (keyway migrate up), and check the name of the source's database"}
	}
	return im.order(ctx)
}

// wanted makes a filter of Options.Tables and refuses names that are not registered.
func (im *importation) wanted(r *catalog.Registry) (func(*catalog.Table) bool, error) {
	if len(im.opts.Tables) == 0 {
		return func(*catalog.Table) bool { return true }, nil
	}
	is := func(t *catalog.Table, name string) bool { return name == t.Name || name == t.Schema+"."+t.Name }
	for _, name := range im.opts.Tables {
		if !slices.ContainsFunc(r.Tables(), func(t *catalog.Table) bool { return is(t, name) }) {
			return nil, &RefusedError{Table: name, Reason: "is not registered",
				Remedy: "register it in a migration with keyway.shard_table, reference_table or home_table"}
		}
	}
	return func(t *catalog.Table) bool {
		return slices.ContainsFunc(im.opts.Tables, func(name string) bool { return is(t, name) })
	}, nil
}

type columnOf struct {
	table  tableName
	column string
}

// generatedColumns are computed by the shard and cannot be copied into.
func (t *target) generatedColumns(ctx context.Context) (map[columnOf]bool, error) {
	rows, err := t.conn.Query(ctx, `select n.nspname, c.relname, a.attname from pg_catalog.pg_attribute a
		join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where a.attgenerated <> '' and not a.attisdropped`)
	if err != nil {
		return nil, err
	}
	found := make(map[columnOf]bool)
	var c columnOf
	_, err = pgx.ForEachRow(rows, []any{&c.table.schema, &c.table.name, &c.column}, func() error {
		found[c] = true
		return nil
	})
	return found, err
}

// match decides which columns are copied.
func match(t *catalog.Table, from *sourceTable, generated map[columnOf]bool) (*table, error) {
	tab := &table{name: tableName{t.Schema, t.Name}, target: t, addSlot: t.HasSlot}
	refuse := func(reason, remedy string) error {
		return &RefusedError{Table: tab.name.String(), Reason: reason, Remedy: remedy}
	}
	if from.kind != "r" && from.kind != "p" {
		return nil, refuse("it is a view or a foreign table in the source", "copy what it shows into a table first")
	}
	var lacking []string
	for _, c := range from.columns {
		_, there := t.Column(c)
		switch {
		case t.HasSlot && c == slotColumn, generated[columnOf{tab.name, c}]: // computed on the shard
		case !there:
			lacking = append(lacking, c)
		default:
			tab.columns = append(tab.columns, c)
		}
	}
	if len(lacking) > 0 {
		return nil, refuse("the source has columns that the shards lack: "+strings.Join(lacking, ", "),
			"add them in a migration, or drop them from the source")
	}
	for _, k := range t.Key {
		at := slices.Index(tab.columns, k.Name)
		if at < 0 {
			return nil, refuse("the source has no column "+k.Name+", which is part of the shard key", "add and fill it in the source first")
		}
		tab.keyAt = append(tab.keyAt, at)
	}
	return tab, nil
}

// order sorts the tables so that a table comes after those it refers to. Tables
// that refer to each other stay in the order of their names: their foreign keys
// must be deferrable.
func (im *importation) order(ctx context.Context) error {
	rows, err := im.shards[0].conn.Query(ctx, `select conrelid, confrelid from pg_catalog.pg_constraint
		where contype = 'f' and conrelid <> confrelid and conparentid = 0 order by 1, 2`)
	if err != nil {
		return err
	}
	refers := make(map[uint32][]uint32)
	var from, to uint32
	if _, err := pgx.ForEachRow(rows, []any{&from, &to}, func() error {
		refers[from] = append(refers[from], to)
		return nil
	}); err != nil {
		return err
	}
	byOID := make(map[uint32]*table)
	for _, t := range im.tables {
		byOID[t.target.OID] = t
	}
	var sorted []*table
	seen := make(map[*table]bool)
	var visit func(t *table)
	visit = func(t *table) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		for _, oid := range refers[t.target.OID] {
			visit(byOID[oid])
		}
		sorted = append(sorted, t)
	}
	for _, t := range im.tables {
		visit(t)
	}
	im.tables = sorted
	return nil
}

// list is the copied columns, quoted.
func (t *table) list(more ...string) string {
	quoted := make([]string, 0, len(t.columns)+len(more))
	for _, c := range append(slices.Clone(t.columns), more...) {
		quoted = append(quoted, pgx.Identifier{c}.Sanitize())
	}
	return strings.Join(quoted, ", ")
}

func (t *table) copyOut() string {
	return fmt.Sprintf("copy (select %s from %s) to stdout", t.list(), t.name.quoted())
}

func (t *table) copyIn() string {
	if t.addSlot {
		return fmt.Sprintf("copy %s (%s) from stdin", t.name.quoted(), t.list(slotColumn))
	}
	return fmt.Sprintf("copy %s (%s) from stdin", t.name.quoted(), t.list())
}

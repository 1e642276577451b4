package plan_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// typedTable is a table of the world of types: columns of one name and of different types, so that NATURAL, USING, UNION
// and whatever else finds a common type has one to find.
type typedTable struct {
	name string
	key  shard.Type // of its column k
	ref  bool       // a reference table
	cols []string   // name and type, as format_type prints it
}

var typedTables = []typedTable{
	{name: "bigs", key: shard.Int8, cols: []string{"k bigint", "i integer", "n numeric", "f double precision", "t text", "b bytea"}},
	{name: "mids", key: shard.Int4, cols: []string{"i bigint", "k integer", "f real", "n bigint", "t character varying(5)"}},
	{name: "smalls", key: shard.Int2, cols: []string{"k smallint", "i bigint", "c character(4)", "f numeric"}},
	{name: "strs", key: shard.Text, cols: []string{"k text", "c character(4)", "v character varying(6)", "i integer", "t name"}},
	{name: "chars", key: shard.Text, cols: []string{"i integer", "k character varying(6)", "t text", "n numeric"}},
	{name: "devs", key: shard.TypeUUID, cols: []string{"k uuid", "t text", "b bytea", "i integer"}},
	{name: "seats", key: shard.TextUUID, cols: []string{"u uuid", "k text", "i integer"}},
	{name: "blobs", key: shard.Bytea, cols: []string{"k bytea", "i integer", "t text"}},
	{name: "floats", ref: true, cols: []string{"k double precision", "i bigint", "t text"}},
	{name: "nums", ref: true, cols: []string{"i bigint", "k numeric", "t character(4)"}},
	{name: "ints", ref: true, cols: []string{"k integer", "i real", "c name"}},
	{name: "fixed", ref: true, cols: []string{"k character(4)", "i integer"}},
	{name: "names", ref: true, cols: []string{"k name", "i smallint", "t text"}},
	{name: "texts", ref: true, cols: []string{"k text", "i integer", "u uuid"}},
}

var (
	typedUUIDs = []string{"00000000-0000-0000-0000-000000000001", "ffffffff-0000-4000-8000-000000000002"}
	typedTexts = []string{"a", "a ", "b", "A", "1"}
	typedBytes = []string{`\x61`, `\x6120`, `\x00`}
)

// The values that a column of a type may have, as SQL: few, equal as one type and different as another. Those that are equal
// as one type and print differently are among the corners: which of them one server gives is anybody's guess.
func typedValues(typ string) []string {
	texts := []string{"'a'", "'a '", "'b'", "'A'", "'1'", "''"}
	switch typ {
	case "bigint":
		return []string{"1", "2", "3", "9007199254740992", "9007199254740993"}
	case "integer", "smallint":
		return []string{"1", "2", "3"}
	case "numeric":
		return []string{"1", "2", "3", "2.5", "9007199254740993", "'NaN'"}
	case "double precision":
		return []string{"1", "2", "9007199254740992", "0", "'NaN'", "2.5"}
	case "real":
		return []string{"1", "2", "0", "2.5"}
	case "uuid":
		return quoted(typedUUIDs)
	case "bytea":
		return quoted(typedBytes)
	case "text":
		return append(texts, quoted(typedUUIDs)...)
	}
	return texts
}

func quoted(values []string) []string {
	all := make([]string, 0, len(values))
	for _, v := range values {
		all = append(all, "'"+v+"'")
	}
	return all
}

// keyValues are the keys that rows of the table have, as SQL.
func (t *typedTable) keyValues() []string {
	switch t.key {
	case shard.Text:
		return quoted(typedTexts)
	case shard.TypeUUID, shard.TextUUID:
		return quoted(typedUUIDs)
	case shard.Bytea:
		return quoted(typedBytes)
	case shard.Int8:
		return typedValues("bigint")
	default:
		return typedValues("integer")
	}
}

// keyName is what a row's key is called in the model: one text may be a key of several types.
func (t *typedTable) keyName(value string) string {
	value = strings.Trim(value, "'")
	switch t.key {
	case shard.Text, shard.TextUUID:
		return "t" + value
	case shard.TypeUUID:
		return "u" + value
	}
	return value
}

var typedModel = func() model {
	m := model{keys: map[string]shard.Key{}}
	var tables []*catalog.Table
	var b strings.Builder
	b.WriteString(`create schema app; set search_path = app;
create table key_slots (k text primary key, slot smallint not null);
create function app.fill() returns trigger language plpgsql as $$
begin
	new.slot := coalesce(new.slot, (select s.slot from app.key_slots s where s.k = tg_argv[0] || (to_jsonb(new) ->> 'k')));
	return new;
end $$;`)
	for i := range typedTables {
		t := &typedTables[i]
		slot, kind, keys := ", slot smallint not null", catalog.Sharded, key("k", t.key)
		if t.ref {
			slot, kind, keys = "", catalog.Reference, nil
		}
		cols := strings.Replace(strings.Join(t.cols, ", "), ", k ", ", k ", 1)
		fmt.Fprintf(&b, "create table %s (%s%s);", t.name, cols, slot)
		columns := append([]string(nil), t.cols...)
		if !t.ref {
			fmt.Fprintf(&b, "alter table %s alter k set not null; create trigger fill before insert on %[1]s for each row execute function app.fill('%s');",
				t.name, strings.TrimSuffix(t.keyName(""), ""))
			columns = append(columns, "slot smallint")
			for _, v := range t.keyValues() {
				k, err := shard.FromLiteral(strings.Trim(v, "'"), t.key)
				if err != nil {
					panic(err)
				}
				m.keys[t.keyName(v)] = k
			}
		}
		tables = append(tables, table(kind, t.name, keys, columns...))
		for c := range tables[i].Columns {
			if tables[i].Columns[c].Type == "name" {
				tables[i].Columns[c].Collation = `pg_catalog."C"`
			}
		}
	}
	m.schema, m.registry = b.String(), catalog.NewRegistry(5, tables...)
	return m
}()

func typedRows(r *rand.Rand) []rowText {
	var rows []rowText
	for i := range typedTables {
		t := &typedTables[i]
		keys := []string{""}
		if !t.ref {
			keys = t.keyValues()
		}
		for _, k := range keys {
			count := r.IntN(4)
			if t.ref {
				count = 7
			}
			for range count {
				var names, values []string
				for _, c := range t.cols {
					name, typ, _ := strings.Cut(c, " ")
					all := typedValues(typ)
					v := all[r.IntN(len(all))]
					if r.IntN(7) == 0 {
						v = "null"
					}
					if name == "k" && !t.ref {
						v = k
					}
					names, values = append(names, name), append(values, v)
				}
				row := rowText{table: t.name, columns: strings.Join(names, ", "), values: strings.Join(values, ", ")}
				if !t.ref {
					row.key = t.keyName(k)
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

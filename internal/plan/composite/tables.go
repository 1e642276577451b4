// Package composite writes random statements over tables whose keys have several columns of mixed types. It is its own
// package because two modules hold such statements against one PostgreSQL.
package composite

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// Table is a table whose key has several columns, or none: then it is a reference table.
type Table struct {
	Name    string
	Key     []Column // in the order in which the table is sharded
	Columns []Column // in the table's order, the key's among them
}

// Column is a column with what its values are: num, text, uuid, bytea, or int and word for what is in no key.
type Column struct{ Name, Kind string }

// Schema has keys of the same types in another order, of other widths, of other names, and ones that begin
// alike: what is equal by name need not be by place, and the other way round.
const Schema = `
create table legs (region text not null, num bigint not null, id int not null, km int, note text, primary key (num, region, id));
create table stops (num int not null, id int not null, region varchar(8) not null, qty int, note text, primary key (region, num, id));
create table roads (num bigint not null, region text not null, id int not null, km int, primary key (num, region, id));
create table pairs (a bigint not null, b bigint not null, v int, note text);
create table twins (a bigint not null, b int not null, v int, primary key (a, b, v));
create table visits (tenant uuid not null, region text not null, num bigint not null, id int, seen date);
create table posts (tenant uuid not null, id int not null, region text not null, num smallint not null, note text, primary key (tenant, region, num, id));
create table tokens (h bytea not null, num smallint not null, v int);
create table zones (region text, num bigint, a bigint, b bigint, tenant uuid, name text);
`

// Tables are the tables of the schema, the reference table last.
var Tables = []Table{
	table("legs", "region:text num:num", "region:text num:num id:int km:int note:word"),
	table("stops", "region:text num:num", "num:num id:int region:text qty:int note:word"),
	table("roads", "num:num region:text", "num:num region:text id:int km:int"),
	table("pairs", "a:num b:num", "a:num b:num v:int note:word"),
	table("twins", "b:num a:num", "a:num b:num v:int"),
	table("visits", "tenant:uuid region:text num:num", "tenant:uuid region:text num:num id:int"),
	table("posts", "tenant:uuid region:text num:num", "tenant:uuid id:int region:text num:num note:word"),
	table("tokens", "h:bytea num:num", "h:bytea num:num v:int"),
	table("zones", "", "region:text num:num a:num b:num tenant:uuid name:word"),
}

func table(name, key, columns string) Table {
	return Table{name, columnsOf(key), columnsOf(columns)}
}

func columnsOf(list string) (cols []Column) {
	for c := range strings.FieldsSeq(list) {
		name, kind, _ := strings.Cut(c, ":")
		cols = append(cols, Column{name, kind})
	}
	return cols
}

// Register says what the tables are to Keyway.
func Register() string {
	var b strings.Builder
	for _, t := range Tables {
		if t.Key == nil {
			fmt.Fprintf(&b, "select keyway.reference_table('%s');", t.Name)
			continue
		}
		fmt.Fprintf(&b, "select keyway.shard_table('%s', '%s');", t.Name, strings.Join(t.KeyNames(), "', '"))
	}
	return b.String()
}

// KeyNames are the names of the key's columns.
func (t Table) KeyNames() []string {
	var names []string
	for _, c := range t.Key {
		names = append(names, c.Name)
	}
	return names
}

// KeyText names a key by its types and the texts of its parts, so that no two keys have the same.
func (t Table) KeyText(parts []string) string { return t.KeyPrefix() + strings.Join(parts, "|") }

// KeyPrefix begins the names of the table's keys.
func (t Table) KeyPrefix() string {
	var kinds []string
	for _, c := range t.Key {
		kinds = append(kinds, c.Kind)
	}
	return strings.Join(kinds, ",") + ":"
}

// Find returns the table of a name.
func Find(name string) Table {
	return Tables[slices.IndexFunc(Tables, func(t Table) bool { return t.Name == name })]
}

// domain has the values of which keys are made.
var domain = map[string][]string{
	"num":   {"1", "2", "3"},
	"text":  {"eu", "us", "EU", "eu ", "1"},
	"uuid":  {"7d444840-9dc0-11d1-b245-5ffdce74fad2", "00000000-0000-0000-0000-000000000001"},
	"bytea": {`\x01`, `\x0100`},
}

// Keys are all keys of all tables, under their names.
func Keys() map[string]shard.Key {
	keys := map[string]shard.Key{}
	for _, t := range Tables {
		for _, values := range tuples(t.Key) {
			var parts []shard.Key
			for i, v := range values {
				parts = append(parts, keyPart(t.Key[i].Kind, v))
			}
			if t.Key != nil {
				keys[t.KeyText(values)] = shard.Composite(parts...)
			}
		}
	}
	return keys
}

func keyPart(kind, value string) shard.Key {
	switch kind {
	case "num":
		return shard.Int64(number(value))
	case "text":
		return shard.String(value)
	case "uuid":
		k, err := shard.FromValue(value, shard.TypeUUID)
		if err != nil {
			panic("bug: " + err.Error())
		}
		return k
	}
	b, err := hex.DecodeString(value[2:])
	if err != nil {
		panic("bug: " + err.Error())
	}
	return shard.Bytes(b)
}

func number(value string) int64 { return int64(value[0] - '0') }

// tuples are all values of columns.
func tuples(cols []Column) [][]string {
	all := [][]string{nil}
	for _, c := range cols {
		var more [][]string
		for _, head := range all {
			for _, v := range domain[c.Kind] {
				more = append(more, append(slices.Clone(head), v))
			}
		}
		all = more
	}
	return all
}

// Handle is a key that statements are scoped to, of a table's type.
type Handle struct {
	Table Table
	Parts []string
}

// Handles have keys of all types.
var Handles = []Handle{
	{Find("legs"), []string{"eu", "1"}}, {Find("stops"), []string{"EU", "2"}}, {Find("pairs"), []string{"1", "2"}},
	{Find("posts"), []string{domain["uuid"][0], "eu", "1"}}, {Find("tokens"), []string{domain["bytea"][0], "3"}},
}

// Key is the key itself.
func (h Handle) Key() shard.Key { return Keys()[h.Table.KeyText(h.Parts)] }

// Row is a row of a table as an INSERT has it. Key names its key, and is empty in the reference table.
type Row struct{ Table, Key, Columns, Values string }

// Rows are rows of all tables, with keys that share some of their parts. No two of a table are the same in what is unique.
func Rows(r *rand.Rand) []Row {
	var rows []Row
	for _, t := range Tables {
		for _, parts := range tuples(t.Key) {
			many := r.IntN(4)
			if t.Key == nil {
				many = 8
			}
			for id := range many {
				rows = append(rows, row(r, t, id+1, parts))
			}
		}
	}
	return rows
}

func row(r *rand.Rand, t Table, id int, parts []string) Row {
	in := Row{Table: t.Name}
	var names, values []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
		switch at := slices.Index(t.Key, c); {
		case at >= 0:
			values = append(values, "'"+parts[at]+"'")
		case c.Kind != "int" && c.Kind != "word":
			values = append(values, "'"+domain[c.Kind][r.IntN(len(domain[c.Kind]))]+"'")
		case c.Name == "id" || t.Name == "twins":
			values = append(values, fmt.Sprint(id))
		case r.IntN(8) == 0:
			values = append(values, "null")
		case c.Kind == "int":
			values = append(values, fmt.Sprint(r.IntN(5)))
		default:
			values = append(values, []string{"'a'", "'b'", "'c'"}[r.IntN(3)])
		}
	}
	if t.Key != nil {
		in.Key = t.KeyText(parts)
	}
	in.Columns, in.Values = strings.Join(names, ", "), strings.Join(values, ", ")
	return in
}

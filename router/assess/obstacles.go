package assess

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// obstacles are found by these, each by the rule that the keyway schema applies when a table is registered.
func (db *database) obstacles(p *proposal) []Obstacle {
	x := &inspection{db: db, proposal: p, found: []Obstacle{}}
	for _, t := range p.tables {
		x.relation(t)
		x.key(t)
		x.uniqueness(t)
		x.numbers(t)
		x.undecided(t)
		x.reference(t)
	}
	for _, f := range db.foreignKeys {
		x.foreignKey(f)
	}
	x.objects()
	slices.SortStableFunc(x.found, func(a, b Obstacle) int {
		return cmp.Or(cmp.Compare(rank(a.Level), rank(b.Level)), cmp.Compare(a.Check, b.Check),
			cmp.Compare(strings.Join(a.Tables, ","), strings.Join(b.Tables, ",")), cmp.Compare(a.Sentence, b.Sentence))
	})
	return x.found
}

func rank(l Level) int { return slices.Index([]Level{Problem, Warning, Note}, l) }

type inspection struct {
	db       *database
	proposal *proposal
	found    []Obstacle
}

func (x *inspection) add(l Level, check string, t *table, sentence, remedy string) {
	o := Obstacle{Level: l, Check: check, Tables: []string{}, Sentence: sentence, Remedy: remedy}
	if t != nil {
		o.Tables = append(o.Tables, t.String())
	}
	x.found = append(x.found, o)
}

// relation finds what no kind of registration can work with.
func (x *inspection) relation(t *placed) {
	problem := func(check, sentence, remedy string) { x.add(Problem, check, t.table, sentence, remedy) }
	switch {
	case t.Kind == "f":
		x.add(Warning, "foreign table", t.table, "it is a foreign table, which is not registered", "register the table behind it, where that is")
	case t.Persistence == "u":
		problem("unlogged", "it is unlogged: a crash empties it, and it cannot be moved", "alter table "+t.sql()+" set logged")
	case t.Inherits:
		problem("inheritance", "it takes part in table inheritance, where a statement on one table reads others", "use declarative partitioning")
	case t.HasRules:
		problem("rule", "it has a rule, which can turn a statement into another", "use a trigger instead")
	case t.Typed:
		problem("typed table", "it is a typed table, to which no column can be added", "alter table "+t.sql()+" not of")
	}
	if t.kind != Sharded {
		return
	}
	if t.Partitions > 0 || t.Kind == "p" {
		if slices.Contains(t.PartitionKey, "slot") {
			problem("partitions", "it is partitioned by slot, which a trigger computes too late", "partition by another column")
		} else {
			x.add(Note, "partitions", t.table, fmt.Sprintf("it is partitioned by %s; every shard has all %d partitions", strings.Join(t.PartitionKey, ", "), t.Partitions),
				"name the whole in statements; one partition by its own name is refused")
		}
	}
	if t.RowSecurity {
		x.add(Note, "row security", t.table, "its row security policies apply on each shard as they do today",
			"make roles and policies on every shard in a migration; policies that read other tables see one shard's rows")
	}
	if t.primary() == nil {
		x.add(Warning, "primary key", t.table, "it has no primary key: moves find rows by all their columns, which is slow, and equal rows are one",
			"add a primary key that contains "+strings.Join(t.key, ", "))
	}
	if c := t.column("slot"); c != nil {
		x.add(Problem, "slot column", t.table, "it has a column slot of type "+c.Type+", the name that the library needs",
			"alter table "+t.sql()+" rename column slot to ...")
	}
}

// key looks at the key columns, and at columns of the key's name that cannot be one.
func (x *inspection) key(t *placed) {
	for _, name := range t.key {
		c := t.column(name)
		if c.NotNull {
			continue
		}
		sentence, remedy := name+" may be NULL, and NULL belongs to no shard", fmt.Sprintf("alter table %s alter column %s set not null", t.sql(), ident(name))
		if nulls := valueOr(c.Nulls, 0); nulls > 0 {
			sentence = fmt.Sprintf("%s is NULL in %s of the rows, and NULL belongs to no shard", name, percent(nulls))
			remedy = "give those rows a key, or move them to a home table; then " + remedy
		}
		x.add(Problem, "nullable key", t.table, sentence, remedy)
	}
	if len(t.key) > 0 || t.asked || x.proposal.key == nil {
		return
	}
	if c := t.column(x.proposal.key.report.Column); c != nil {
		sentence, remedy := c.refusedAsKey()
		if sentence == "" {
			sentence = fmt.Sprintf("%s is %s and the key is %s elsewhere, so equal keys would have different slots", c.Name, c.Type, x.proposal.key.report.Type)
			remedy = fmt.Sprintf("alter table %s alter column %s type %[3]s using %[2]s::%[3]s", t.sql(), ident(c.Name), x.proposal.key.report.Type)
		} else {
			sentence = fmt.Sprintf("%s is %s, which cannot be a shard key: %s", c.Name, c.Type, sentence)
		}
		x.add(Problem, "key type", t.table, sentence, remedy)
	}
}

func (x *inspection) uniqueness(t *placed) {
	if t.kind != Sharded {
		return
	}
	for _, i := range t.unique {
		if contains(i.Columns, t.key) {
			continue
		}
		what := "unique index"
		if i.Primary {
			what = "primary key"
		} else if i.Exclusion {
			what = "exclusion constraint"
		}
		whole := strings.Join(append(slices.Clone(t.key), without(i.Columns, t.key)...), ", ")
		if t.uniqueByItself(i) {
			x.add(Warning, "uniqueness", t.table, fmt.Sprintf("%s %s (%s) lacks %s: each shard enforces it alone", what, i.Name,
				strings.Join(i.Columns, ", "), strings.Join(without(t.key, i.Columns), ", ")),
				"its values are unique by themselves, so keyway.allow in the migration is enough; better: make it ("+whole+")")
			continue
		}
		x.add(Problem, "uniqueness", t.table, fmt.Sprintf("%s %s (%s) lacks %s: each shard would enforce it alone", what, i.Name,
			strings.Join(i.Columns, ", "), strings.Join(without(t.key, i.Columns), ", ")),
			fmt.Sprintf("%s; or, if it may hold within a shard only: select keyway.allow(%s, 'unique_per_shard')",
				t.keepUnique(i, whole), literal(t.sql())))
	}
}

// keepUnique says how a constraint could hold over all shards. With the key in it, it says nothing more where the key
// alone is unique.
func (t *placed) keepUnique(i *index, whole string) string {
	if slices.ContainsFunc(t.unique, func(u *index) bool { return !u.Exclusion && contains(t.key, u.Columns) && len(u.Columns) > 0 }) {
		return fmt.Sprintf("let a home table have it (%s with %s) and write that first", strings.Join(i.Columns, ", "), strings.Join(t.key, ", "))
	}
	return "make it (" + whole + "); or keep it in a home table"
}

// uniqueByItself reports whether two shards cannot give equal values: a uuid, or a number that shard_sequence can divide.
func (t *placed) uniqueByItself(i *index) bool {
	return !i.Exclusion && slices.ContainsFunc(i.Columns, func(name string) bool {
		c := t.column(name)
		return c.TypeName == "uuid" || c.Sequence != ""
	})
}

func (x *inspection) numbers(t *placed) {
	if t.kind != Sharded {
		return
	}
	for _, c := range t.columns {
		if c.Sequence == "" {
			continue
		}
		what := "serial"
		if c.Identity {
			what = "identity"
		}
		remedy := fmt.Sprintf("in the migration, select keyway.shard_sequence(%s, %s) gives each shard numbers of its own", literal(t.sql()), literal(c.Name))
		if c.TypeName != "int8" {
			x.add(Problem, "numbers", t.table, fmt.Sprintf("%s column %s is %s, too narrow for numbers that are unique over all shards", what, c.Name, c.Type),
				fmt.Sprintf("alter table %s alter column %s type bigint, and what refers to it; then %s", t.sql(), ident(c.Name), remedy))
			continue
		}
		if slices.Contains(t.key, c.Name) {
			x.add(Warning, "numbers", t.table, fmt.Sprintf("%s column %s is the key: of the numbers that a shard makes most belong to other shards", what, c.Name),
				"make it in the program, and name it in each INSERT; "+remedy)
			continue
		}
		x.add(Warning, "numbers", t.table, fmt.Sprintf("%s column %s would count on each shard by itself", what, c.Name), remedy)
	}
}

func (x *inspection) undecided(t *placed) {
	if t.kind == Undecided && t.why != "" {
		x.add(Warning, "undecided", t.table, "it has no kind yet: "+t.because, t.why)
	}
}

// reference looks at a table that the options make one.
func (x *inspection) reference(t *placed) {
	if t.kind != Reference || !t.asked {
		return
	}
	if writes := t.writes(); writes*10 > t.Reads {
		x.add(Warning, "reference writes", t.table, fmt.Sprintf("as a reference table it is on every shard, and it is written often: %d rows for %d reads", writes, t.Reads),
			"write it with db.EachShard, which is no transaction over the shards; or shard it, or make it a home table")
	}
	if !t.small() {
		x.add(Warning, "reference size", t.table, "as a reference table it is on every shard, and it is large", "look whether it has a column to shard it by")
	}
}

// foreignKey finds those that shards could not enforce; the rule of keyway.foreign_key_problem.
func (x *inspection) foreignKey(f *foreignKey) {
	child, parent := x.proposal.byTable[x.db.byOID[f.Child]], x.proposal.byTable[x.db.byOID[f.Parent]]
	problem := ""
	remedy := "make " + parent.Name + " a reference table, or drop the foreign key"
	switch {
	case child.kind == Undecided, parent.kind == Reference:
	case parent.kind == Undecided:
		problem, remedy = "which has no kind yet", "decide what "+parent.Name+" is, or drop the foreign key"
	case child.kind == Reference:
		problem = "whose rows are not on every shard"
	case child.kind == Home && parent.kind != Home:
		problem, remedy = "whose rows are not all on the home shard", "drop the foreign key"
	case child.kind == Home:
	case parent.kind == Home:
		problem = "which is only on the home shard"
	default:
		problem, remedy = crossing(child, parent, f)
	}
	if problem != "" {
		x.add(Problem, "foreign key", child.table, fmt.Sprintf("foreign key %s (%s) refers to %s, %s", f.Name,
			strings.Join(f.ChildColumns, ", "), parent.Name, problem), remedy)
	}
}

// crossing says how a foreign key between sharded tables could lead to a row of another key; empty when it cannot.
func crossing(child, parent *placed, f *foreignKey) (problem, remedy string) {
	if len(child.key) != len(parent.key) {
		return "which is sharded by another key", "drop the foreign key, or shard both by the same columns"
	}
	if slices.Equal(child.key, parent.key) && !slices.ContainsFunc(parent.key, func(k string) bool { return slices.Contains(f.ParentColumns, k) }) {
		return "", "" // the same key by name, and rows of one key stay together
	}
	for i, k := range child.key {
		at := slices.Index(f.ChildColumns, k)
		if (at < 0 || f.ParentColumns[at] != parent.key[i]) && contains(parent.key, f.ParentColumns) {
			return "whose row has a key of its own, and may be on another shard", "drop it; no index can hold it over shards"
		}
		if at < 0 || f.ParentColumns[at] != parent.key[i] {
			return "and does not pair the shard keys, so it could cross tenants",
				fmt.Sprintf("let it contain them: foreign key (%s, ...) references %s (%s, ...); or drop it",
					strings.Join(child.key, ", "), parent.Name, strings.Join(parent.key, ", "))
		}
	}
	return "", ""
}

// objects finds what is not a table.
func (x *inspection) objects() {
	var views, extensions []string
	triggers := make(map[*placed][]string)
	for _, o := range x.db.objects {
		switch o.Kind {
		case "view", "materialized view":
			views = append(views, strings.TrimPrefix(o.Name, x.db.schema+"."))
		case "extension":
			extensions = append(extensions, o.Name)
		case "trigger":
			if t := x.proposal.byTable[x.db.byOID[o.Table]]; t != nil && t.kind == Sharded {
				triggers[t] = append(triggers[t], o.Name)
			}
		case "function":
			x.function(o)
		case "large objects":
			x.add(Warning, "large objects", nil, o.Name+" large objects are not rows of a table and move with none",
				"keep them in bytea columns, or outside of the database")
		}
	}
	for _, t := range x.proposal.tables {
		if len(triggers[t]) > 0 {
			x.add(Warning, "triggers", t.table, "its triggers see one shard's rows only: "+strings.Join(triggers[t], ", "),
				"look whether they read or write rows of other keys")
		}
	}
	if len(views) > 0 {
		x.add(Warning, "views", nil, "statements on views are refused, because their text is not read: "+some(views),
			"write their query in the statement, or read them on one shard with db.Shard(id)")
	}
	if len(extensions) > 0 {
		x.add(Note, "extensions", nil, "every shard needs the extensions "+strings.Join(extensions, ", "), "create them in a migration")
	}
}

// function finds those that read tables of which a shard has only some rows.
func (x *inspection) function(o object) {
	var reads []string
	for _, word := range slices.Compact(slices.Sorted(slices.Values(words.FindAllString(strings.ToLower(o.Body), -1)))) {
		if t := x.db.named(word); t != nil && x.proposal.byTable[t].kind == Sharded {
			reads = append(reads, word)
		}
	}
	if len(reads) > 0 {
		x.add(Warning, "functions", nil, fmt.Sprintf("function %s names %s, of which it would see one shard's rows",
			strings.TrimPrefix(o.Name, x.db.schema+"."), some(reads)),
			"statements that call it are refused on routed handles; call it on db.Shard(id), or write its query in the statement")
	}
}

var words = regexp.MustCompile(`[a-z_][a-z0-9_]*`)

// some are the first of a list, with how many more there are.
func some(list []string) string {
	const most = 6
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

func contains(list, all []string) bool { return len(without(all, list)) == 0 }

func without(list, these []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(these, s) })
}

func percent(share float64) string {
	if share > 0 && share < 0.001 {
		return "less than 0.1 %"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") + " %"
}

package assess

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/shard"
)

// Candidate is a column that tables could be sharded by.
type Candidate struct {
	Column string `json:"column"`
	Type   string `json:"type"`
	// Root is the table whose rows the key names, such as the tenants; empty when no foreign key tells.
	Root string `json:"root,omitempty"`

	Tables      int     `json:"tables"`       // that have it
	TablesShare float64 `json:"tables_share"` // of all tables
	RowsShare   float64 `json:"rows_share"`   // of all rows: those in the tables that have it
	Reachable   int     `json:"reachable"`    // tables without it whose foreign keys lead to one with it
	Nullable    int     `json:"nullable"`     // of Tables, where it may be NULL

	// Of the largest table that has it, from pg_stats; nil when ANALYZE has not run or the role may not read the table.
	DistinctValues *float64 `json:"distinct_values"`
	LargestShare   *float64 `json:"largest_share"` // of the rows that have the most common value; nil when none stands out
	Nulls          *float64 `json:"nulls"`         // share of rows

	// RoutedCalls is the share of calls that would route as they are; nil when no statements were judged for it.
	RoutedCalls *float64 `json:"routed_calls"`
	Score       float64  `json:"score"` // compares the candidates of one report and means nothing else
}

type candidate struct {
	report  Candidate
	members map[*table]string // the key column of each table that has the key
	root    *table
}

const (
	mostCandidates = 12
	triedOut       = 3 // of the best, under which the statements are judged
)

// tenantWords are what columns are called that a whole business is divided by.
var tenantWords = []string{
	"tenant", "org", "organization", "organisation", "account", "company", "workspace", "merchant", "customer", "client",
	"team", "shop", "store", "site", "school", "project", "user",
}

// idEndings are how names of columns end that refer to something.
var idEndings = []string{"id", "uuid", "guid", "key", "code", "slug", "no", "number"}

// anyTablesOwn are names of columns that mean another thing in each table.
var anyTablesOwn = []string{"id", "uuid", "guid", "pk", "gid", "slot"}

// shardable are the tables whose rows could be divided.
func (db *database) shardable() []*table {
	var list []*table
	for _, t := range db.tables {
		if t.Kind != "f" {
			list = append(list, t)
		}
	}
	return list
}

// candidates returns the columns worth considering, best first.
func (db *database) candidates() []*candidate {
	var list []*candidate
	for _, name := range db.candidateNames() {
		if c := db.candidateOf(name); len(c.members) > 0 {
			list = append(list, c)
		}
	}
	sortCandidates(list)
	return list[:min(len(list), mostCandidates)]
}

func sortCandidates(list []*candidate) {
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.report.Score, a.report.Score), cmp.Compare(a.report.Column, b.report.Column))
	})
}

// candidateNames are the names that refer to something: by a foreign key, or by being in several tables and called so.
func (db *database) candidateNames() []string {
	tables := make(map[string]int)
	refers := make(map[string]bool)
	for _, t := range db.shardable() {
		for _, c := range t.columns {
			if typ, ok := c.keyType(); ok && soundsLikeKey(c.Name, typ) {
				tables[c.Name]++
			}
		}
	}
	for _, f := range db.foreignKeys {
		if len(f.ChildColumns) == 1 && f.Child != f.Parent {
			refers[f.ChildColumns[0]] = true
		}
	}
	var names []string
	for name, n := range tables {
		if !slices.Contains(anyTablesOwn, name) && (n > 1 || refers[name] || isTenantWord(name)) {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// soundsLikeKey leaves out what is in many tables and names nothing: status, name, quantity.
func soundsLikeKey(name string, t shard.Type) bool {
	if t == shard.TypeUUID || isTenantWord(name) {
		return true
	}
	return slices.ContainsFunc(idEndings, func(e string) bool { return strings.HasSuffix(strings.ToLower(name), e) })
}

// isTenantWord tells tenant_id, tenantId and tenant from the others.
func isTenantWord(name string) bool {
	stem := stemOf(name)
	return slices.Contains(tenantWords, strings.TrimSuffix(stem, "s")) || slices.Contains(tenantWords, stem)
}

// stemOf is what a column is the number of: tenant of tenant_id, tenantId and TENANT.
func stemOf(name string) string {
	stem := strings.ToLower(name)
	for _, e := range []string{"_id", "_uuid", "_key", "_slug", "_code", "id"} {
		if s, cut := strings.CutSuffix(stem, e); cut {
			return s
		}
	}
	return stem
}

// candidateOf gathers the tables that have the column, the table that it refers to, and those that refer to the same
// table by another name.
func (db *database) candidateOf(name string) *candidate {
	c := &candidate{members: make(map[*table]string), report: Candidate{Column: name}}
	typ := db.commonFamily(name)
	for _, t := range db.shardable() {
		if col := t.column(name); col != nil && inFamily(col, typ) {
			c.members[t] = name
		}
	}
	if root, column := db.rootOf(c); root != nil && inFamily(root.column(column), typ) {
		c.root = root
		c.members[root] = column
		for t, col := range db.referringOnce(root, column) {
			if c.members[t] == "" && inFamily(t.column(col), typ) {
				c.members[t] = col
			}
		}
	}
	db.measure(c)
	return c
}

func inFamily(c *column, want string) bool {
	t, ok := c.keyType()
	return ok && family(t) == want
}

// commonFamily is the family of types that the column has in most rows.
func (db *database) commonFamily(name string) string {
	weight := make(map[string]float64)
	for _, t := range db.shardable() {
		if c := t.column(name); c != nil {
			if typ, ok := c.keyType(); ok {
				weight[family(typ)] += t.Rows + 1
			}
		}
	}
	best := ""
	for _, f := range slices.Sorted(maps.Keys(weight)) {
		if best == "" || weight[f] > weight[best] {
			best = f
		}
	}
	return best
}

// rootOf is the table and column that most members refer to by the key.
func (db *database) rootOf(c *candidate) (*table, string) {
	type place struct {
		table  *table
		column string
	}
	votes := make(map[place]int)
	var best place
	for _, f := range db.foreignKeys {
		child, parent := db.byOID[f.Child], db.byOID[f.Parent]
		if len(f.ChildColumns) != 1 || child == parent || c.members[child] != f.ChildColumns[0] {
			continue
		}
		p := place{parent, f.ParentColumns[0]}
		votes[p]++
		if best.table == nil || votes[p] > votes[best] {
			best = p
		}
	}
	return best.table, best.column
}

// referringOnce are the tables with exactly one foreign key to the column; with two, nobody knows which one is meant.
func (db *database) referringOnce(root *table, column string) map[*table]string {
	found, twice := make(map[*table]string), make(map[*table]bool)
	for _, f := range root.referenced {
		child := db.byOID[f.Child]
		if child == root || len(f.ChildColumns) != 1 || f.ParentColumns[0] != column {
			continue
		}
		twice[child] = found[child] != ""
		found[child] = f.ChildColumns[0]
	}
	maps.DeleteFunc(found, func(t *table, _ string) bool { return twice[t] })
	return found
}

// measure fills in the figures and the score.
func (db *database) measure(c *candidate) {
	r := &c.report
	var rows, all float64
	var largest *table
	inKey := 0
	for _, t := range db.shardable() {
		all += t.Rows + 1
		name, member := c.members[t]
		if !member {
			if reached, _ := db.reaches(t, c.members); reached != nil {
				r.Reachable++
			}
			continue
		}
		r.Tables++
		rows += t.Rows + 1
		if !t.column(name).NotNull {
			r.Nullable++
		}
		if p := t.primary(); p != nil && slices.Contains(p.Columns, name) {
			inKey++
		}
		if t != c.root && (largest == nil || t.Rows > largest.Rows) {
			largest = t
		}
	}
	if r.Tables == 0 {
		return
	}
	n := float64(len(db.shardable()))
	r.TablesShare, r.RowsShare = float64(r.Tables)/n, rows/all
	if c.root != nil {
		r.Root = c.root.String()
	}
	if largest == nil {
		largest = c.root
	}
	col := largest.column(c.members[largest])
	r.Type = col.Type
	r.DistinctValues, r.LargestShare, r.Nulls = col.distinct(largest.Rows), col.Top, col.Nulls
	r.Score = 45*r.RowsShare + 30*r.TablesShare + 5*float64(r.Reachable)/n + 10*float64(inKey)/float64(r.Tables) -
		10*float64(r.Nullable)/float64(r.Tables) - 40*valueOr(r.LargestShare, 0) - 20*valueOr(r.Nulls, 0)
	if isTenantWord(r.Column) {
		r.Score += 15
	}
	if c.root != nil {
		r.Score += 5
	}
	switch d := valueOr(r.DistinctValues, 1000); {
	case largest.Rows < 1000: // too few rows to tell
	case d < 16:
		r.Score -= 40
	case d < 64:
		r.Score -= 20
	}
}

// distinct is the number of distinct values, where pg_stats may give it as a share of the rows.
func (c *column) distinct(rows float64) *float64 {
	if c.DistinctValues == nil {
		return nil
	}
	d := *c.DistinctValues
	if d < 0 {
		d = -d * rows
	}
	return &d
}

func valueOr(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}

// reaches follows foreign keys upwards to the nearest table that has the key, and returns the first step.
func (db *database) reaches(t *table, members map[*table]string) (*table, *foreignKey) {
	type step struct {
		at    *table
		first *foreignKey
	}
	seen := map[*table]bool{t: true}
	for queue := []step{{at: t}}; len(queue) > 0; queue = queue[1:] {
		for _, f := range queue[0].at.references {
			parent, first := db.byOID[f.Parent], queue[0].first
			if first == nil {
				first = f
			}
			if members[parent] != "" {
				return parent, first
			}
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, step{parent, first})
			}
		}
	}
	return nil, nil
}

// choose returns the best candidate, nil when there is none. The first few are compared by how many of the calls would
// route under them.
func (db *database) choose(list []*candidate, own map[string]As, texts []*statement) *candidate {
	if len(list) == 0 {
		return nil
	}
	for _, c := range list[:min(triedOut, len(list))] {
		s := db.judgeAll(db.propose(c, own), texts)
		if s.Calls > 0 {
			share := float64(s.Routes.Calls) / float64(s.Calls)
			c.report.RoutedCalls = &share
			c.report.Score += 25 * share
		}
	}
	sortCandidates(list)
	return list[0]
}

// check refuses options that name what is not there.
func (db *database) check(o Options) error {
	if o.Key != "" && len(db.candidateOf(o.Key).members) == 0 {
		for _, t := range db.shardable() {
			if c := t.column(o.Key); c != nil {
				problem, remedy := c.refusedAsKey()
				return &OptionsError{fmt.Sprintf("column %s of %s cannot be a shard key: %s; %s", o.Key, t, problem, remedy)}
			}
		}
		return &OptionsError{fmt.Sprintf("no table has a column %q", o.Key)}
	}
	asked := make(map[*table]string)
	for _, name := range slices.Sorted(maps.Keys(o.Tables)) {
		t := db.named(name)
		if t == nil {
			return db.noTable(name)
		}
		if other := asked[t]; other != "" {
			return &OptionsError{fmt.Sprintf("%s and %s are one table, which can be one thing only", other, name)}
		}
		asked[t] = name
		if err := t.checkChoice(o.Tables[name]); err != nil {
			return err
		}
	}
	return nil
}

// noTable says what is called so, if anything is.
func (db *database) noTable(name string) error {
	for _, o := range db.objects {
		if (o.Kind == "view" || o.Kind == "materialized view") && (o.Name == name || o.Name == db.schema+"."+name) {
			return &OptionsError{fmt.Sprintf("%s is a %s, which is not registered; say what the tables behind it are", o.Name, o.Kind)}
		}
	}
	return &OptionsError{fmt.Sprintf("there is no table %q; write it as schema.name when it is not in %s, and the whole instead of a partition",
		name, db.schema)}
}

// checkChoice refuses what the table cannot be.
func (t *table) checkChoice(as As) error {
	switch {
	case t.Kind == "f":
		return &OptionsError{fmt.Sprintf("%s is a foreign table; its rows are on another server", t)}
	case as.Kind == Reference || as.Kind == Home:
		if len(as.Key) > 0 {
			return &OptionsError{fmt.Sprintf("%s is to be a %s table, which has no key", t, as.Kind)}
		}
		return nil
	case as.Kind != Sharded:
		return &OptionsError{fmt.Sprintf("%s is to be %q; a table is %s, %s or %s", t, as.Kind, Sharded, Reference, Home)}
	case len(as.Key) == 0:
		return &OptionsError{fmt.Sprintf("%s is to be sharded; say by which column", t)}
	}
	for i, name := range as.Key {
		c := t.column(name)
		if c == nil {
			return &OptionsError{fmt.Sprintf("table %s has no column %q", t, name)}
		}
		if problem, remedy := c.refusedAsKey(); problem != "" {
			return &OptionsError{fmt.Sprintf("column %s of %s cannot be a shard key: %s; %s", name, t, problem, remedy)}
		}
		if slices.Contains(as.Key[:i], name) {
			return &OptionsError{fmt.Sprintf("column %s of %s is named twice", name, t)}
		}
	}
	return nil
}

// named is the table of that name, alone or with its schema.
func (db *database) named(name string) *table {
	for _, t := range db.tables {
		if t.String() == name || t.Schema == db.schema && t.Name == name {
			return t
		}
	}
	return nil
}

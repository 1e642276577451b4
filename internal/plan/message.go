package plan

import (
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// unpinned says which table has no key, and the first thing that stood in the way.
func (r *reader) unpinned(rel *relation) *Refusal {
	t := rel.table
	called := nameOf(t)
	if rel.alias != t.Name {
		called += " (as " + quote(rel.alias) + ")"
	}
	f := &Refusal{Reason: NoShardKey, Table: nameOf(t), Offset: rel.offset,
		Detail: "nothing pins " + called + " to one key (" + keyList(t) + ")"}
	if i := r.unsafeParam(rel); i > 0 {
		f.Detail += ": $" + strconv.Itoa(i) + " is also used where PostgreSQL may give it another type than the key's"
		f.Hint = "write $" + strconv.Itoa(i) + "::" + castName(t.Key[0].Type) + " at each use, or pass it twice"
		return f
	}
	if rel.note != nil {
		f.Reason, f.Offset = rel.note.reason, rel.note.offset
		f.Detail += ": " + rel.note.what
	}
	conds := make([]string, 0, len(t.Key))
	for i := range t.Key {
		conds = append(conds, identifier(rel.alias)+"."+identifier(rel.key(i).name)+" = $n")
	}
	if rel.inline {
		f.Hint = "put it in a query: (SELECT * FROM " + quote(t.Name) + " WHERE " + strings.Join(columnConditions(t), " AND ") + ") AS " + quote(rel.alias)
		return f
	}
	f.Hint = "add " + strings.Join(conds, " and ") + " with AND, or use db.ForKey; "
	if r.readOnly {
		f.Hint += "db.Scatter() reads all shards"
	} else {
		f.Hint += "db.EachShard reaches every shard"
	}
	return f
}

// castName is the type to write after :: for a parameter of a key's type.
func castName(t shard.Type) string {
	if t == shard.TextUUID {
		return "text"
	}
	return t.String()
}

// unsafeParam finds a parameter that would pin rel if its other uses allowed it.
func (r *reader) unsafeParam(rel *relation) int {
	for i := range rel.table.Key {
		c := rel.key(i)
		for _, src := range sources(c) {
			if src.param > 0 && !r.usable(src, c.fam) {
				return src.param
			}
		}
	}
	return 0
}

func columnConditions(t *catalog.Table) []string {
	conds := make([]string, 0, len(t.Key))
	for _, k := range t.Key {
		conds = append(conds, identifier(k.Name)+" = $n")
	}
	return conds
}

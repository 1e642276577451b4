package plan

import (
	"cmp"
	"strings"
)

// restrict adds the scope's key to the occurrences that the text does not pin.
func (r *reader) restrict(open []*relation, x *extras) {
	// Up to version 17 PostgreSQL itself is wrong here: SELECT DISTINCT k ... WHERE k = 1 GROUP BY ROLLUP (k) loses the row
	// whose k is NULL, because the planner takes k for constant. What the user writes is theirs; this package must not be
	// the one to add the condition.
	if len(open) > 0 && r.groupingSets {
		panic(refuse(Unsupported, open[0].offset, "the handle's key is not added to a statement with ROLLUP, CUBE or GROUPING SETS",
			"write the key's condition in the statement"))
	}
	byBlock := map[*block][]*relation{}
	for _, rel := range open {
		r.distinctAlias(rel)
		if rel.dom == rel.blk.root && !rel.inline {
			byBlock[rel.blk] = append(byBlock[rel.blk], rel)
			continue
		}
		r.restrictTable(rel, x)
	}
	for _, rel := range open {
		if rels := byBlock[rel.blk]; rels != nil {
			r.restrictWhere(rel.blk, rels, x)
			delete(byBlock, rel.blk)
		}
	}
}

// distinctAlias refuses to write a predicate whose table name would be ambiguous.
func (r *reader) distinctAlias(rel *relation) {
	for _, o := range rel.blk.rels {
		if o != rel && o.alias == rel.alias && o.inline == rel.inline {
			panic(refuse(AmbiguousColumn, rel.offset, "the name "+quote(rel.alias)+" stands for several tables of one FROM",
				"give each an alias"))
		}
	}
}

// restrictWhere adds "and t.key = $n" for each of rels to the WHERE of their block.
func (r *reader) restrictWhere(b *block, rels []*relation, x *extras) {
	var conds []string
	for _, rel := range rels {
		for i := range rel.table.Key {
			conds = append(conds, quote(rel.alias)+"."+quote(rel.key(i).name)+" = "+x.part(rel.table, i))
		}
	}
	all := strings.Join(conds, " and ")
	if b.where == nil && b.whereAt < 0 {
		panic(refuse(Unsupported, rels[0].offset, "a condition cannot be added to the command TABLE", "write SELECT * FROM"))
	}
	if b.where == nil {
		r.edits = append(r.edits, edit{at: b.whereAt, to: b.whereAt, text: cmp.Or(b.first, " where ") + all + " "})
		return
	}
	at := b.where.Pos()
	r.edits = append(r.edits, edit{at: at.Start, to: at.Start, text: "("}, edit{at: at.End, to: at.End, text: ") and " + all})
}

// restrictTable replaces a table on the nullable side of an outer join by its rows of the key: a predicate in WHERE
// would also drop the rows of the other side that match nothing.
func (r *reader) restrictTable(rel *relation, x *extras) {
	t := rel.ref
	var conds []string
	for i := range rel.table.Key {
		conds = append(conds, quote(rel.table.Name)+"."+quote(rel.table.Key[i].Name)+" = "+x.part(rel.table, i))
	}
	name := t.Table.Text(r.text)
	if t.Only {
		name = "only " + name
	}
	if t.TableSample {
		name += " tablesample " + r.text[t.Sample[0].Start:t.End]
	}
	text := "(select * from " + name + " where " + strings.Join(conds, " and ") + ") as " + quote(rel.alias)
	if len(t.Alias.Columns) > 0 {
		cols := make([]string, 0, len(t.Alias.Columns))
		for _, c := range t.Alias.Columns {
			cols = append(cols, quote(c.Value))
		}
		text += "(" + strings.Join(cols, ", ") + ")"
	}
	r.edits = append(r.edits, edit{at: t.Start, to: t.End, text: text})
}

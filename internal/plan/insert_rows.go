package plan

import (
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
)

// insertRows appends the slot of each row, and the parts of the key that the scope gives. Where there are too many rows for
// that, the table's own trigger computes the slots alone.
func (r *reader) insertRows(ins *insertion, p *Plan, x *extras) {
	t := ins.rel.table
	slots := t.HasSlot && x.room(len(t.Key)+len(ins.keys))
	var names strings.Builder
	for k, src := range ins.keys[0] {
		if src == nil {
			names.WriteString(", " + quote(t.Key[k].Name))
		}
	}
	if slots {
		names.WriteString(", slot")
	}
	if names.String() != "" {
		last := ins.stmt.Columns[len(ins.stmt.Columns)-1].End
		r.edits = append(r.edits, edit{at: last, to: last, text: names.String()})
	}
	for i, keys := range ins.keys {
		row := row{table: nameOf(t), columns: keyColumns(t)}
		var values strings.Builder
		for k, src := range keys {
			if src == nil {
				values.WriteString(", " + x.part(t, k))
				row.parts = append(row.parts, rowPart{typ: t.Key[k].Type, limit: keyLimit(t, k), scope: true})
				continue
			}
			row.parts = append(row.parts, r.rowPart(src, ins.rel, k))
		}
		if slots {
			values.WriteString(", " + x.slot(len(p.rows)))
		}
		if values.String() != "" {
			exprs := ins.stmt.Query.Values[i]
			end := exprs[len(exprs)-1].Pos().End
			r.edits = append(r.edits, edit{at: end, to: end, text: values.String()})
		}
		p.rows = append(p.rows, row)
	}
}

func (r *reader) rowPart(src *source, rel *relation, k int) rowPart {
	typ := rel.table.Key[k].Type
	part := rowPart{typ: typ, limit: keyLimit(rel.table, k)}
	if src.kind == srcParam {
		if !r.uses[src.param].only(familyOfKey(typ), false) {
			panic(r.noKey(rel, src.at, "$"+strconv.Itoa(src.param)+" is also used where PostgreSQL may give it another type than the key's",
				"pass the value twice"))
		}
		part.value = value{param: src.param}
		return part
	}
	part.value = value{key: r.literalKey(src, rel, k)}
	if err := part.fits(part.key); err != nil {
		panic(&Refusal{Reason: BadKey, Table: nameOf(rel.table), Offset: src.at, Detail: err.Error()})
	}
	return part
}

// keyLimit is the length limit of part k of the table's key.
func keyLimit(t *catalog.Table, k int) int {
	c, _ := t.Column(t.Key[k].Name)
	return LengthLimit(c)
}

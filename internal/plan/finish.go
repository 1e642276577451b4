package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// plan turns what was read into a plan.
func (r *reader) plan() *Plan {
	p := &Plan{Verb: r.verb, ReadOnly: r.readOnly, Text: r.text, Params: r.params, newer: r.newer}
	sharded, home := r.places()
	for t := range r.tables {
		p.Tables = append(p.Tables, nameOf(t))
	}
	slices.Sort(p.Tables)
	switch {
	case home != "":
		p.Target, p.Home = ToHome, home
		return p
	case len(sharded) == 0 && len(r.inserts) == 0:
		p.Target = ToAny
		return p
	}
	r.keyOf(p, sharded)
	p.scoped = r.scope == Scoped
	extras := &extras{next: r.params}
	open := r.judge(p, sharded)
	r.restrict(open, extras)
	for _, ins := range r.inserts {
		r.insertRows(ins, p, extras)
	}
	r.edits = append(r.edits, r.scopeValues(extras)...)
	if !extras.room(0) {
		panic(refuse(Arguments, -1, "the statement has more than 65,535 arguments, those of the handle's key included",
			"write fewer rows in each statement, or use CopyFrom"))
	}
	p.extras = extras.list
	p.Text = apply(r.text, r.edits)
	p.settle(r)
	return p
}

// judge adds to the plan what pins each occurrence, and returns those that the scope must restrict.
func (r *reader) judge(p *Plan, sharded []*relation) (open []*relation) {
	var stored []*relation
	for _, rel := range sharded {
		occ, pinned := r.occurrence(rel)
		switch {
		case pinned:
			p.add(occ)
		case r.scope == Scoped && rel.fromQuery:
			stored = append(stored, rel)
		case r.scope == Scoped:
			open = append(open, rel)
			p.addShape(rel.table, false)
		default:
			panic(r.unpinned(rel))
		}
	}
	for _, rel := range open {
		for i := range rel.table.Key {
			rel.dom.is(rel.key(i), r.scopePart(rel.table, i))
		}
	}
	for _, rel := range stored {
		if !r.hasScopesKey(rel) {
			panic(r.unpinned(rel))
		}
		p.addShape(rel.table, true)
	}
	return open
}

func (r *reader) scopePart(t *catalog.Table, i int) *source {
	return &source{kind: srcScope, param: i, parts: len(t.Key)}
}

// hasScopesKey reports whether the key of rows that are stored is that of rows which the scope restricts.
func (r *reader) hasScopesKey(rel *relation) bool {
	for i := range rel.table.Key {
		if c := rel.key(i); !c.exact || !slices.ContainsFunc(sources(c), r.scopePart(rel.table, i).same) {
			return false
		}
	}
	return true
}

// places tells sharded from home tables and refuses a statement whose tables are in two places.
func (r *reader) places() (sharded []*relation, home shard.ID) {
	var first *relation
	for _, rel := range r.occurrences {
		switch rel.table.Kind {
		case catalog.Sharded:
			sharded = append(sharded, rel)
		case catalog.Home:
			if first != nil && first.table.Home != rel.table.Home {
				panic(r.mixed(first, rel, "are at home on different shards"))
			}
			if rel.table.Home == "" {
				panic(&Refusal{Reason: Unsupported, Table: nameOf(rel.table), Offset: rel.offset,
					Detail: "the home shard of " + nameOf(rel.table) + " is not known"})
			}
			first, home = rel, rel.table.Home
		case catalog.Reference:
		default:
			panic(&Refusal{Reason: Unsupported, Table: nameOf(rel.table), Offset: rel.offset,
				Detail: "the kind of " + nameOf(rel.table) + " is not known to this version"})
		}
	}
	if first != nil && len(sharded) > 0 {
		panic(r.mixed(first, sharded[0], "are in different places: one is a home table, the other is sharded"))
	}
	if first != nil && len(r.inserts) > 0 {
		panic(r.mixed(first, r.inserts[0].rel, "are in different places: one is a home table, the other is sharded"))
	}
	return sharded, home
}

func (r *reader) mixed(a, b *relation, what string) *Refusal {
	return &Refusal{Reason: MixedPlaces, Table: nameOf(b.table), Offset: b.offset,
		Detail: nameOf(a.table) + " and " + nameOf(b.table) + " " + what, Hint: "send two statements"}
}

// keyOf names the table whose key decides, for errors: the target of an INSERT, else the first sharded table.
func (r *reader) keyOf(p *Plan, sharded []*relation) {
	var t *catalog.Table
	if n := len(r.inserts); n > 0 {
		t = r.inserts[n-1].rel.table
	} else {
		t = sharded[0].table
	}
	p.KeyTable, p.KeyColumns = nameOf(t), keyColumns(t)
}

func keyColumns(t *catalog.Table) []string {
	names := make([]string, 0, len(t.Key))
	for _, k := range t.Key {
		names = append(names, k.Name)
	}
	return names
}

func keyList(t *catalog.Table) string { return strings.Join(keyColumns(t), ", ") }

// occurrence says what the key of a table's occurrence is proven equal to, and whether that is one key or a list.
func (r *reader) occurrence(rel *relation) (occurrence, bool) {
	occ := occurrence{table: nameOf(rel.table), columns: keyColumns(rel.table)}
	walks := make([]walk, len(rel.table.Key))
	for i, k := range rel.table.Key {
		c := rel.key(i)
		if !c.exact {
			return occ, false
		}
		part := part{typ: k.Type}
		if rel.fromQuery {
			part.limit = keyLimit(rel.table, i)
		}
		walks[i].from(c)
		for _, src := range walks[i].found {
			if src.kind == srcOwn || src.kind == srcScope || !r.usable(src, c.fam) || !r.listable(src, rel, i) {
				continue
			}
			v := r.value(src, rel, i)
			if src.isList() {
				part.lists = append(part.lists, v)
			} else {
				part.singles = append(part.singles, v)
			}
		}
		// One key decides more than a list that holds it. What lists leave of a key of several columns is more than a
		// handle's key, which the handle adds.
		if len(part.singles) > 0 {
			part.lists = nil
		}
		if len(part.singles) == 0 && (len(part.lists) == 0 || len(rel.table.Key) > 1 && r.scope == Scoped) {
			return occ, false
		}
		occ.parts = append(occ.parts, part)
	}
	if occ.isList() {
		occ.align(oneRow(walks))
	}
	if occ.isList() && r.writes && r.scope == Unscoped {
		panic(&Refusal{Reason: KeyList, Table: occ.table, Offset: rel.offset,
			Detail: "the statement writes, and its condition on " + occ.table + " (" + keyList(rel.table) + ") is a list of keys",
			Hint:   "send one statement per key"})
	}
	return occ, true
}

// usable refuses a parameter whose type another use may decide.
func (r *reader) usable(src *source, fam family) bool {
	switch src.kind {
	case srcParam:
		return r.uses[src.param].only(fam, false)
	case srcAnyOf:
		return r.uses[src.param].only(fam, true)
	case srcList:
		for _, e := range src.elems {
			if !r.usable(e, fam) {
				return false
			}
		}
	default:
	}
	return true
}

// listable leaves lists out, where all shards may be asked instead, that have a constant that is no key.
func (r *reader) listable(src *source, rel *relation, part int) bool {
	if r.tops == nil || src.kind != srcList || len(rel.table.Key) == 1 && src.rows == nil && !src.unnested {
		return true
	}
	return !slices.ContainsFunc(src.elems, func(e *source) bool {
		if e.kind != srcLiteral {
			return false
		}
		_, err := shard.FromLiteral(e.digits(), rel.table.Key[part].Type)
		return err != nil
	})
}

// value makes what Bind reads from a source.
func (r *reader) value(src *source, rel *relation, part int) value {
	switch src.kind {
	case srcParam:
		return value{param: src.param}
	case srcAnyOf:
		return value{param: src.param, list: true, unnested: src.unnested, rows: src.rows}
	case srcNull:
		return value{null: true}
	case srcList:
		v := value{list: true, rows: src.rows}
		for _, e := range src.elems {
			v.elems = append(v.elems, r.value(e, rel, part))
		}
		return v
	default:
		return value{key: r.literalKey(src, rel, part)}
	}
}

func (r *reader) literalKey(src *source, rel *relation, part int) shard.Key {
	col := rel.table.Key[part]
	key, err := shard.FromLiteral(src.digits(), col.Type)
	if err != nil {
		panic(&Refusal{Reason: BadKey, Table: nameOf(rel.table), Offset: src.at,
			Detail: "the constant compared with the key column " + quote(col.Name) + " of " + nameOf(rel.table) + " is no key: " + err.Error(),
			Hint:   "pass it as a parameter"})
	}
	return key
}

// digits is the text of a constant. PostgreSQL reads 007 and 7 alike.
func (s *source) digits() string {
	if s.isInt {
		if n, err := strconv.ParseInt(s.lit, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return s.lit
}

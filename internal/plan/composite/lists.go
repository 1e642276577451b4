package composite

import (
	"strings"
)

// listed is a condition that has a list of keys for a relation: rows of constants, arrays side by side, a list for each
// column.
func (g *Generator) listed(rel relation, cols []Column) string {
	names := g.columns(rel, cols)
	row := g.row(names)
	switch g.r.IntN(10) {
	case 0, 1, 2:
		rows := make([]string, 1+g.r.IntN(4))
		for i := range rows {
			rows[i] = g.row(g.some(cols))
		}
		return row + g.pick(" in (", " in (", " in (", " in (", " not in (") + strings.Join(rows, ", ") + ")"
	case 3, 4:
		return row + g.pick(" in (", " in (", " = any (", " not in (") + "select * " + g.unnestOf(cols) + ")"
	case 5:
		return row + " in (values " + g.valuesOf(cols) + ")"
	case 6:
		return "exists (select " + g.unnestOf(cols) + " where " + row + " = (" + letters(len(cols)) + "))"
	}
	var conds []string
	for i, c := range cols {
		switch g.r.IntN(6) {
		case 0:
			conds = append(conds, names[i]+" = "+g.constant(c))
		case 1:
			conds = append(conds, names[i]+" in ("+strings.Join(g.some([]Column{c, c, c}), ", ")+")")
		case 2:
			conds = append(conds, names[i]+" in (select unnest("+g.array(c)+"))")
		case 3:
			conds = append(conds, names[i]+g.pick(" = any(", " = any(", " <> all(")+g.array(c)+")")
		default:
			conds = append(conds, names[i]+" = any("+g.bareArray(c)+")")
		}
	}
	return g.and(conds)
}

// some are constants of all values of the columns, the statement's own among them.
func (g *Generator) some(cols []Column) []string {
	far := g.far
	g.far = 0.5
	defer func() { g.far = far }()
	return g.constants(cols)
}

// bareArray is an array parameter for what its column makes of it.
func (g *Generator) bareArray(c Column) string {
	text, _, _ := strings.Cut(g.arrayParam(c), "::")
	return text
}

// array is an array whose type is known by itself.
func (g *Generator) array(c Column) string {
	if g.chance(0.3) {
		values := make([]string, 1+g.r.IntN(3))
		far := g.far
		g.far = 0.5
		for i := range values {
			values[i] = g.typed(c)
			if g.chance(0.05) {
				values[i] = "null"
			}
		}
		g.far = far
		return "array[" + strings.Join(values, ", ") + "]" + g.pick("", "", "::"+typeOf(c)+"[]")
	}
	return g.arrayParam(c)
}

func typeOf(c Column) string {
	if c.Kind == "num" {
		return "bigint"
	}
	return c.Kind
}

// arrayParam is a parameter with a cast: elements are NULL, repeated, or none at all.
func (g *Generator) arrayParam(c Column) string {
	var values []string
	for range g.r.IntN(4) {
		v := pick(g, domain[c.Kind])
		if g.chance(0.4) {
			v = g.value(c)
		}
		if len(values) > 0 && g.chance(0.2) {
			v = values[0]
		}
		values = append(values, v)
	}
	null := -1
	if len(values) > 0 && g.chance(0.15) {
		null = g.r.IntN(len(values))
	}
	if g.chance(0.02) {
		return g.fresh(nil) + "::" + typeOf(c) + "[]"
	}
	switch c.Kind {
	case "num":
		if null < 0 && g.chance(0.5) {
			return g.fresh(all(values, func(v string) int32 { return int32(number(v)) })) + g.pick("::int[]", "::bigint[]")
		}
		if null < 0 && g.chance(0.5) {
			return g.fresh(all(values, number)) + "::bigint[]"
		}
		return g.fresh(some(values, null, number)) + g.pick("::bigint[]", "::int4[]", "::smallint[]")
	case "text":
		if null < 0 {
			return g.fresh(values) + g.pick("::text[]", "::varchar[]")
		}
		return g.fresh(some(values, null, func(v string) string { return v })) + "::text[]"
	case "uuid":
		if null < 0 && g.chance(0.5) {
			return g.fresh(values) + "::uuid[]"
		}
		return g.fresh(some(values, null, func(v string) [16]byte { return keyPart("uuid", v).Value().([16]byte) })) + "::uuid[]"
	default:
		return g.fresh(all(values, func(v string) []byte { return keyPart("bytea", v).Value().([]byte) })) + "::bytea[]"
	}
}

func all[T any](values []string, of func(string) T) []T {
	list := make([]T, 0, len(values))
	for _, v := range values {
		list = append(list, of(v))
	}
	return list
}

func some[T any](values []string, null int, of func(string) T) []*T {
	list := make([]*T, len(values))
	for i, v := range values {
		if x := of(v); i != null {
			list[i] = &x
		}
	}
	return list
}

// unnestOf is FROM with arrays side by side, of whatever lengths.
func (g *Generator) unnestOf(cols []Column) string {
	arrays := make([]string, len(cols))
	for i, c := range cols {
		arrays[i] = g.array(c)
		if i > 0 && c.Kind == cols[0].Kind && g.chance(0.1) {
			arrays[i] = arrays[0]
		}
	}
	return "from unnest(" + strings.Join(arrays, ", ") + ") as z(" + letters(len(cols)) + ")"
}

// valuesOf are rows of VALUES.
func (g *Generator) valuesOf(cols []Column) string {
	far := g.far
	g.far = 0.5
	defer func() { g.far = far }()
	rows := make([]string, 1+g.r.IntN(4))
	for i := range rows {
		values := make([]string, len(cols))
		for j, c := range cols {
			values[j] = g.typed(c)
			if i > 0 && g.chance(0.05) {
				values[j] = "null"
			}
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	return strings.Join(rows, ", ")
}

// listItem is an item of FROM that has a list of keys of a table.
func (g *Generator) listItem(t Table, name string) (string, relation) {
	rel := relation{name: name, key: t.Key, cols: t.Key}
	return "(" + g.listQuery(t.Key) + ") as " + name + "(" + strings.Join(t.KeyNames(), ", ") + ")", rel
}

func (g *Generator) listQuery(cols []Column) string {
	if g.chance(0.5) {
		return "values " + g.valuesOf(cols)
	}
	return "select * " + g.unnestOf(cols)
}

// apart links each column of a key to that of another relation: what each of them says of its column may be of different rows.
func (g *Generator) apart(rels []relation, r relation) string {
	var conds []string
	for i, c := range r.key {
		for range 5 {
			if other := pick(g, rels); i < len(other.key) && other.key[i].Kind == c.Kind {
				conds = append(conds, other.name+"."+other.key[i].Name+" = "+r.name+"."+c.Name)
				break
			}
		}
	}
	return g.and(conds)
}

// mixed is a list that is named twice, in FROM or in WHERE: the columns of a key are those of one row of it, or of two.
func (g *Generator) mixed() string {
	t := pick(g, Tables[:len(Tables)-1])
	rel := relation{name: g.newAlias(), key: t.Key, cols: t.Columns}
	a, b := g.newAlias(), g.newAlias()
	with := "with w(" + strings.Join(t.KeyNames(), ", ") + ") as (" + g.listQuery(t.Key) + ") "
	outs := "select " + strings.Join(g.columns(rel, t.Columns), ", ") + " from "
	if g.chance(0.3) {
		var conds []string
		for _, c := range t.Key {
			conds = append(conds, rel.name+"."+c.Name+" in (select "+c.Name+" from w)")
		}
		return with + outs + t.Name + " " + rel.name + " where " + g.and(conds)
	}
	var conds []string
	for _, c := range t.Key {
		conds = append(conds, rel.name+"."+c.Name+" = "+g.pick(a, b)+"."+c.Name)
	}
	return with + outs + t.Name + " " + rel.name + ", w " + a + ", w " + b + " where " + g.and(conds)
}

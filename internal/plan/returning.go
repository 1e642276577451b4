package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// returning reads the RETURNING list of a change of rel, in which rel's name stands for given: the row as it was stored,
// of which the conditions that rel met need not hold any more; or, of a DELETE, rel itself.
//
// From version 18 on, PostgreSQL has beside it the row as it was and as it is, called old and new unless WITH gives them
// other names. An older server refuses those names.
func (r *reader) returning(aliases []sqlparse.ReturningAlias, list []sqlparse.Target, rel, given *relation, sc *scope) *shape {
	if len(list) == 0 {
		return &shape{}
	}
	ns := sc.ns.replaced(rel, given)
	for _, name := range []string{"old", "new"} {
		alias := name
		for _, a := range aliases {
			if a.New == (name == "new") {
				alias = a.Name.Value
			}
		}
		// The names that nobody gave are there only where nothing else is called so. What WITH calls like another table is
		// ambiguous where it is used.
		if alias == name && (!r.mayName(name) || slices.ContainsFunc(ns.rels, func(o *relation) bool { return o.alias == name })) {
			continue
		}
		row := rowOf(given, alias, "") // all NULL where there is none
		row.dom.set(keyFacts(row, given))
		ns.rels = append(ns.rels, row)
	}
	return r.targets(list, &scope{ns: ns, up: sc.up, ctes: sc.ctes})
}

// mayName reports whether the text could have the name anywhere. Few statements name old or new, and what cannot be named
// need not be made.
func (r *reader) mayName(name string) bool { return strings.Contains(strings.ToLower(r.text), name) }

// storedRow is a row of rel after the change, under rel's name. Only its key is still what it was.
func storedRow(rel *relation) *relation {
	row := rowOf(rel, rel.alias, rel.schema)
	row.dom.set(keyFacts(row, rel))
	return row
}

// keyFacts says that two rows of a table have the same key.
func keyFacts(row, as *relation) []fact {
	if row.table.Kind != catalog.Sharded {
		return nil
	}
	var facts []fact
	for k := range row.table.Key {
		facts = append(facts, fact{col: row.key(k), to: as.key(k)})
	}
	return facts
}

// replaced is n with another relation of the same columns in the place of rel.
func (n *namespace) replaced(rel, by *relation) *namespace {
	m := &namespace{rels: slices.Clone(n.rels), cols: slices.Clone(n.cols), open: n.open}
	for i := range m.rels {
		if m.rels[i] == rel {
			m.rels[i] = by
		}
	}
	for i, c := range m.cols {
		if at := slices.Index(rel.cols, c); at >= 0 {
			m.cols[i] = by.cols[at]
		}
	}
	return m
}

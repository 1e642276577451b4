package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// hintColumn is what a column that no table has may be: whoever runs plans has looked again for a new one.
const hintColumn = "see to its spelling (a string constant has single quotes), or apply the migration that adds it to every shard"

// column is a column of one relation of one FROM. Two occurrences of a table have different columns.
type column struct {
	rel  *relation // nil for a value that stands for no one column, such as the merged column of a FULL JOIN
	name string

	// fam is the family of its type; exact says that "=" on it compares values, which for text needs a deterministic
	// collation and so is known of key columns only.
	fam   family
	exact bool

	// inner is, for a column of a derived table or CTE, the column of the query inside that it passes on unchanged.
	// outs is the way back, set only where a filter on the outside may be applied inside.
	inner *column
	outs  []*column

	coll collation
	adds bool // its values are surely such that their order does not show in a sum: no floats
}

// relation is an item of FROM, or the target of DML, under the name it has there.
type relation struct {
	alias  string
	schema string         // "" when the item has an alias, which then hides the table's own name
	table  *catalog.Table // nil for derived tables, CTEs and functions
	cols   []*column      // in the order of *; names may repeat in a derived table
	open   bool           // it has further columns, whose names are not known
	names  []string       // what some of those may be called
	texts  collation      // of every text among the columns of a function
	sure   []string       // the names of a function's columns, where they are known
	joins  bool           // it is a join under an alias of its own, which hides the names of its tables
	inline bool           // no condition behind FROM may name it: a part of such a join, or the source of MERGE
	dom    *domain
	blk    *block
	ref    *sqlparse.TableRef // of a table
	offset int
	note   *note // why a condition on its key did not pin it

	// carried are, of a derived table or CTE, keys of tables inside it, as columns of this relation that no text can name.
	carried [][]*column

	// fromQuery is set for the target of INSERT ... SELECT, whose key columns are those of the query.
	fromQuery bool
}

// note is the first thing that stood in the way of a pin.
type note struct {
	reason Reason
	what   string
	offset int
}

// namespace is what the FROM of a query, or one side of a join, makes visible.
type namespace struct {
	rels []*relation
	cols []*column // visible without a qualifier, in the order of *; those that USING merged are there once
	open bool
}

func (n *namespace) add(m *namespace) *namespace {
	sum := &namespace{open: n.open || m.open}
	sum.rels = append(append(sum.rels, n.rels...), m.rels...)
	sum.cols = append(append(sum.cols, n.cols...), m.cols...)
	return sum
}

// scope is a namespace and what encloses it: the innermost scope that has a name wins.
type scope struct {
	ns   *namespace
	up   *scope
	ctes *cte
}

// cte is a common table expression; a later or inner one of the same name hides it.
type cte struct {
	name  string
	shape *shape
	up    *cte

	// pending is set, in WITH RECURSIVE, where the CTE's query is not read yet.
	pending bool

	// used by one reference in the statement, a CTE is like a derived table there: a filter outside may go inside. The
	// second one cuts the ways in again.
	used int
	ways []way
}

// way is a column of a query and the column outside that passes it on.
type way struct{ in, out *column }

func (s *scope) cte(name string) *cte {
	for c := s.ctes; c != nil; c = c.up {
		if c.name == name {
			return c
		}
	}
	return nil
}

// within is s with ns innermost.
func (s *scope) within(ns *namespace) *scope { return &scope{ns: ns, up: s, ctes: s.ctes} }

// opaque is a value of which nothing is known. To take a name for opaque is always sound: it can lose a pin, never
// make one.
var opaque = &column{}

// isSystemColumn names what may be read from any table. They differ between servers, as they do between two restores of one.
func isSystemColumn(name string) bool {
	switch name {
	case "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid":
		return true
	}
	return false
}

// column resolves a reference as PostgreSQL does, or refuses it.
func (r *reader) column(e *sqlparse.ColumnRef, sc *scope) *column {
	switch len(e.Parts) {
	case 1:
		return r.bareColumn(e, sc)
	case 2:
		return r.columnOf(e, sc, "", e.Parts[0].Value, e.Parts[1].Value)
	case 3:
		return r.columnOf(e, sc, e.Parts[0].Value, e.Parts[1].Value, e.Parts[2].Value)
	}
	panic(refuse(Unsupported, e.Start, "the name has too many parts", "write table.column"))
}

func (r *reader) bareColumn(e *sqlparse.ColumnRef, sc *scope) *column {
	name := e.Parts[0].Value
	for s := sc; s != nil; s = s.up {
		if s.ns == nil {
			continue
		}
		if c := r.visible(e, s.ns, name); c != nil {
			return c
		}
	}
	// PostgreSQL takes a name that is no column anywhere for a whole row.
	for s := sc; s != nil; s = s.up {
		if s.ns == nil {
			continue
		}
		for _, rel := range s.ns.rels {
			if rel.alias == name {
				return opaque
			}
		}
	}
	panic(refuse(UnknownColumn, e.Start, "no table of the statement has a column "+quote(name),
		hintColumn))
}

func (r *reader) visible(e *sqlparse.ColumnRef, ns *namespace, name string) *column {
	var found *column
	for _, c := range ns.cols {
		if c.name != name {
			continue
		}
		if found != nil {
			panic(refuse(AmbiguousColumn, e.Start, "the column "+quote(name)+" is in several tables of the statement",
				"write table."+quote(name)))
		}
		found = c
	}
	if found != nil {
		return found
	}
	if ns.open {
		return opaque
	}
	if isSystemColumn(name) {
		for _, rel := range ns.rels {
			if rel.table != nil {
				return opaque
			}
		}
	}
	return nil
}

// columnOf resolves table.column: the innermost relation of that name decides, whether it has the column or not.
func (r *reader) columnOf(e *sqlparse.ColumnRef, sc *scope, schema, table, name string) *column {
	rel := r.relationOf(e.Start, sc, schema, table)
	var found *column
	for _, c := range rel.cols {
		if c.name != name {
			continue
		}
		if found != nil {
			panic(refuse(AmbiguousColumn, e.Start, quote(table)+" has several columns "+quote(name), "give them different names"))
		}
		found = c
	}
	switch {
	case found != nil:
		return found
	case rel.table != nil && isSystemColumn(name), rel.open && slices.Contains(rel.names, name):
		return opaque
	case rel.open:
		panic(refuse(UserFunction, e.Start, quote(table)+"."+quote(name)+" may be a call of a function of that name",
			"name the columns: AS "+quote(table)+" (column, ...)"))
	}
	panic(refuse(UnknownColumn, e.Start, quote(table)+" has no column "+quote(name)+" that the registry knows",
		hintColumn))
}

// relationOf finds a relation by the name it has in FROM, innermost scope first.
func (r *reader) relationOf(at int, sc *scope, schema, table string) *relation {
	for s := sc; s != nil; s = s.up {
		if s.ns == nil {
			continue
		}
		var found *relation
		for _, rel := range s.ns.rels {
			if rel.alias != table || schema != "" && rel.schema != schema {
				continue
			}
			if found != nil {
				panic(refuse(AmbiguousColumn, at, "the name "+quote(table)+" stands for several tables of the statement",
					"give each an alias"))
			}
			found = rel
		}
		if found != nil {
			return found
		}
	}
	panic(refuse(UnknownColumn, at, "no table of the statement is called "+quote(table), ""))
}

// quote spells an identifier so that it survives in any text.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

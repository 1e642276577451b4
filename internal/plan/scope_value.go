package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// scopeValue is a key column that an INSERT ... SELECT, or the INSERT of a MERGE, leaves out, and the scope gives.
type scopeValue struct {
	table  *catalog.Table
	part   int
	names  int    // where the column list ends
	values []int  // where each list of values ends
	as     string // what follows an output: its type, which UNION and DISTINCT would decide, and its name; empty in VALUES
}

// scopeOutput finds where part k of the key is to be selected: in every SELECT whose rows are inserted. It gets a name
// that no text has: an output's own name, which is that of its type, would hide a column called so from ORDER BY.
func (r *reader) scopeOutput(q *sqlparse.Insert, rel *relation, k int) scopeValue {
	// The PostgreSQL mistake that restrict tells of is about constants in such a query.
	if r.groupingSets {
		panic(refuse(Unsupported, q.Query.Start, "the handle's key is not added to a statement with ROLLUP, CUBE or GROUPING SETS",
			"select the key column in the statement"))
	}
	key := rel.table.Key[k]
	v := scopeValue{table: rel.table, part: k, names: q.Columns[len(q.Columns)-1].End, as: "::" + castName(key.Type) + ` as "keyway key"`}
	var collect func(s *sqlparse.Select)
	collect = func(s *sqlparse.Select) {
		switch {
		case s.Op != sqlparse.SetNone:
			collect(s.Left)
			collect(s.Right)
		case s.Table || len(s.Targets) == 0:
			panic(r.noKey(rel, s.Start, "the column list has no "+quote(key.Name)+", and nothing can be added to the outputs of VALUES or TABLE here",
				"write SELECT, or select the key column in the statement"))
		default:
			v.values = append(v.values, s.Targets[len(s.Targets)-1].End)
		}
	}
	collect(q.Query)
	return v
}

// scopeValues writes them into the text.
func (r *reader) scopeValues(x *extras) []edit {
	var edits []edit
	for _, v := range r.scoped {
		edits = append(edits, edit{at: v.names, to: v.names, text: ", " + quote(v.table.Key[v.part].Name)})
		for _, at := range v.values {
			edits = append(edits, edit{at: at, to: at, text: ", " + x.part(v.table, v.part) + v.as})
		}
	}
	return edits
}

package plan

import "github.com/keyway-go/keyway/internal/sqlparse"

// Relation is a name that a text gives where a relation stands.
type Relation struct {
	Schema, Name string
	Written      bool // it is the target of INSERT, UPDATE, DELETE or MERGE, or of SELECT INTO
	MayBeCTE     bool // it has no schema, and some WITH of the text defines the name; a table of that name may be meant all the same
}

// Relations returns the relations that a text of DML names, in the order of the text, repeated as often as they stand
// there; unqualified names are in schema. It judges nothing: an error says that the text cannot be read.
func Relations(text, schema string) ([]Relation, error) {
	tree, err := sqlparse.Parse(text)
	if err != nil {
		return nil, err
	}
	r := relationsOf{schema: schema, ctes: map[string]bool{}}
	sqlparse.Walk(tree, r.visit)
	for i := range r.list {
		x := &r.list[i]
		x.MayBeCTE = x.MayBeCTE && r.ctes[x.Name]
	}
	return r.list, nil
}

type relationsOf struct {
	schema string
	ctes   map[string]bool
	list   []Relation
}

func (r *relationsOf) visit(n sqlparse.Node) bool {
	switch n := n.(type) {
	case *sqlparse.CTE:
		r.ctes[n.Name.Value] = true
	case *sqlparse.Insert:
		r.add(n.Table.Table, true)
	case *sqlparse.Update:
		r.add(n.Table.Table, true)
	case *sqlparse.Delete:
		r.add(n.Table.Table, true)
	case *sqlparse.Merge:
		r.add(n.Table.Table, true)
	case *sqlparse.Select:
		if n.Into != nil {
			r.add(*n.Into, true)
		}
	case *sqlparse.TableRef:
		r.add(n.Table, false)
	}
	return true
}

func (r *relationsOf) add(n sqlparse.TableName, written bool) {
	x := Relation{Schema: n.Schema.Value, Name: n.Name.Value, Written: written, MayBeCTE: n.Schema.Value == "" && !written}
	if x.Schema == "" {
		x.Schema = r.schema
	}
	r.list = append(r.list, x)
}

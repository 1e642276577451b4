package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// opaqueCollation is that of a column of a function in FROM whose columns have no names of their own in the statement, or
// of its value as a whole.
func (r *reader) opaqueCollation(e *sqlparse.ColumnRef, sc *scope) collation {
	if len(e.Parts) == 2 {
		return r.relationOf(e.Start, sc, "", e.Parts[0].Value).texts
	}
	name := e.Parts[0].Value
	var found *relation
	for s := sc; s != nil && len(e.Parts) == 1; s = s.up {
		if s.ns == nil {
			continue
		}
		for _, c := range s.ns.cols {
			switch {
			case c.name == name && found == nil:
				return c.coll
			case c.name == name: // which a column of further out is rather than the whole value of a function
				return collation{}
			}
		}
		for _, rel := range s.ns.rels {
			switch {
			case rel.alias != name && (!rel.open || !slices.Contains(rel.names, name)):
			case found != nil:
				return collation{}
			case slices.Contains(rel.sure, name):
				return rel.texts
			case rel.alias != name:
				return collation{}
			default:
				found = rel
			}
		}
	}
	if found == nil {
		return collation{}
	}
	return found.texts
}

// sureColumn is what the columns of one function in FROM are called; nil when that is not known. Those of unnest are
// others for a tsvector.
func sureColumn(f *sqlparse.FuncRef, alias string) []string {
	if len(f.Calls) != 1 || len(f.Alias.Columns) > 0 || f.CallDefs != nil {
		return nil
	}
	call, ok := f.Calls[0].(*sqlparse.FuncCall)
	switch {
	case !ok || call.Name == "unnest" || !postgresOwn(call.Name) || slices.Contains(populates, call.Name):
		return nil
	case outColumns[call.Name] != nil:
		return outColumns[call.Name]
	}
	return []string{alias}
}

// functionTexts is the collation of every text among the columns of a function in FROM; not known when they differ.
func (r *reader) functionTexts(f *sqlparse.FuncRef, sc *scope) collation {
	types := slices.Clone(f.Types)
	for _, d := range f.CallDefs {
		if d != nil {
			types = append(types, d.Types...)
		}
	}
	if slices.ContainsFunc(types, func(t sqlparse.TypeName) bool { return !plainType(&t) }) {
		return collation{}
	}
	var all []collation
	for i, call := range f.Calls {
		fn, ok := call.(*sqlparse.FuncCall)
		switch {
		case ok && (slices.Contains(populates, fn.Name) || !postgresOwn(fn.Name)):
			return collation{}
		case ok && (len(outColumns[fn.Name]) > 1 || f.ColumnDefs || f.CallDefs != nil && f.CallDefs[i] != nil):
			all = append(all, plain) // their columns have their types' collations, whatever goes in
		case ok && fn.Name == "unnest":
			for _, x := range fn.Args {
				all = append(all, r.collationOf(x, sc).implicit())
			}
		default:
			all = append(all, r.collationOf(call, sc).implicit())
		}
	}
	for _, c := range all {
		if c != all[0] {
			return collation{}
		}
	}
	if len(all) == 0 {
		return collation{}
	}
	return all[0]
}

package pgquery

import "github.com/keyway-go/keyway/internal/sqlparse"

func (r reading) tables(list []sqlparse.TableExpr) any {
	var out []any
	for _, t := range list {
		out = append(out, r.table(t))
	}
	return out
}

func (r reading) table(t sqlparse.TableExpr) tree {
	switch t := t.(type) {
	case *sqlparse.TableRef:
		v := tree{"RangeVar": r.rangeVar(t)}
		if t.TableSample {
			return node("RangeTableSample", tree{"relation": v, "args": r.exprs(t.SampleArgs)})
		}
		return v
	case *sqlparse.Join:
		return node("JoinExpr", tree{
			"jointype":  [...]string{"JOIN_INNER", "JOIN_INNER", "JOIN_LEFT", "JOIN_RIGHT", "JOIN_FULL"}[t.Kind],
			"isNatural": t.Natural, "larg": r.table(t.Left), "rarg": r.table(t.Right), "quals": r.expr(t.On),
			"usingClause": names(t.Using), "join_using_alias": r.alias(&sqlparse.Alias{Name: t.UsingAlias}),
			"alias": r.alias(&t.Alias),
		})
	case *sqlparse.SubqueryRef:
		return node("RangeSubselect", tree{"lateral": t.Lateral, "subquery": r.query(t.Query), "alias": r.alias(&t.Alias)})
	case *sqlparse.FuncRef:
		return r.function(t)
	}
	panic("bug: an item of FROM of another kind")
}

func (r reading) rangeVar(t *sqlparse.TableRef) tree {
	return tree{
		"schemaname": t.Table.Schema.Value, "relname": t.Table.Name.Value, "inh": !t.Only, "alias": r.alias(&t.Alias),
	}.compact().with("location", t.Table.Start)
}

// with sets a field that is kept whatever it is.
func (t tree) with(field string, v any) tree {
	t[field] = v
	return t
}

func (r reading) alias(a *sqlparse.Alias) any {
	if a.Name.Value == "" {
		return nil
	}
	return tree{"aliasname": a.Name.Value, "colnames": names(a.Columns)}.compact()
}

// function gives a function in FROM. The standard's table functions are nodes of their own.
func (r reading) function(f *sqlparse.FuncRef) tree {
	if c, ok := f.Calls[0].(*sqlparse.ClauseCall); ok && (c.Name == "json_table" || c.Name == "xmltable") {
		return tree{"TableFunction": tree{"alias": r.alias(&f.Alias), "lateral": f.Lateral, "of": r.expr(c)}.compact()}
	}
	alias, definitions := f.Alias, any(nil)
	if f.ColumnDefs {
		alias.Columns, definitions = nil, r.definitions(f.Alias.Columns, f.Types)
	}
	var calls []any
	for i, call := range f.Calls {
		var defs any = tree{}
		if len(f.CallDefs) > i && f.CallDefs[i] != nil {
			defs = tree{"List": tree{"items": r.definitions(f.CallDefs[i].Columns, f.CallDefs[i].Types)}}
		}
		calls = append(calls, tree{"List": tree{"items": []any{r.expr(call), defs}}})
	}
	return node("RangeFunction", tree{
		"lateral": f.Lateral, "ordinality": f.Ordinality, "functions": calls, "alias": r.alias(&alias),
		"coldeflist": definitions,
	})
}

func (r reading) definitions(columns []sqlparse.Name, types []sqlparse.TypeName) []any {
	var out []any
	for i := range columns {
		out = append(out, node("ColumnDef", tree{"colname": columns[i].Value, "typeName": r.typeName(&types[i], false)}))
	}
	return out
}

func text(s string) tree { return tree{"String": tree{"sval": s}} }

// name gives a name that may have a schema.
func name(schema, name string) []any {
	if schema == "" {
		return []any{text(name)}
	}
	return []any{text(schema), text(name)}
}

func names(list []sqlparse.Name) any {
	var out []any
	for _, n := range list {
		out = append(out, text(n.Value))
	}
	return out
}

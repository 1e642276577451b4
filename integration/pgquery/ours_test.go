package pgquery

import (
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// reading gives what sqlparse read of a text in the neutral form.
type reading struct{ sql string }

// ours reads one statement with sqlparse and gives it in the neutral form.
func ours(sql string) (tree, error) {
	s, err := sqlparse.Parse(sql)
	if err != nil {
		return nil, err
	}
	return reading{sql}.statement(s), nil
}

func (r reading) statement(s sqlparse.Statement) tree {
	switch s := s.(type) {
	case *sqlparse.Select:
		return r.query(s)
	case *sqlparse.Insert:
		return node("InsertStmt", tree{
			"relation": r.rangeVar(&s.Table), "cols": r.columns(s.Columns), "selectStmt": some(s.Query, r.query),
			"onConflictClause": some(s.OnConflict, r.onConflict), "returningList": r.targets(s.Returning),
			"withClause": some(s.With, r.with), "override": overriding(s.Overriding),
		})
	case *sqlparse.Update:
		return node("UpdateStmt", tree{
			"relation": r.rangeVar(&s.Table), "targetList": r.set(s.Set), "fromClause": r.tables(s.From),
			"whereClause": r.where(s.Where, s.CurrentOf), "returningList": r.targets(s.Returning),
			"withClause": some(s.With, r.with),
		})
	case *sqlparse.Delete:
		return node("DeleteStmt", tree{
			"relation": r.rangeVar(&s.Table), "usingClause": r.tables(s.Using),
			"whereClause": r.where(s.Where, s.CurrentOf), "returningList": r.targets(s.Returning),
			"withClause": some(s.With, r.with),
		})
	case *sqlparse.Merge:
		return node("MergeStmt", tree{
			"relation": r.rangeVar(&s.Table), "sourceRelation": r.table(s.Source), "joinCondition": r.expr(s.On),
			"mergeWhenClauses": each(s.When, r.mergeWhen), "returningList": r.targets(s.Returning),
			"withClause": some(s.With, r.with),
		})
	}
	panic("bug: a statement of another kind")
}

// some gives the form of a node that may be absent.
func some[T any](n *T, form func(*T) tree) any {
	if n == nil {
		return nil
	}
	return form(n)
}

// each gives the forms of nodes that a slice holds by value.
func each[T any](list []T, form func(*T) tree) any {
	var out []any
	for i := range list {
		out = append(out, form(&list[i]))
	}
	return out
}

func (r reading) query(q *sqlparse.Select) tree { return tree{"SelectStmt": r.queryFields(q)} }

func (r reading) queryFields(q *sqlparse.Select) tree {
	t := tree{
		"targetList": r.targets(q.Targets), "fromClause": r.tables(q.From), "whereClause": r.expr(q.Where),
		"groupClause": r.exprs(q.GroupBy), "groupDistinct": q.GroupDistinct, "havingClause": r.expr(q.Having),
		"windowClause": each(q.Windows, r.namedWindow), "sortClause": each(q.OrderBy, r.sortBy),
		"limitOffset": r.expr(q.Offset), "lockingClause": each(q.Locking, r.locking), "withClause": some(q.With, r.with),
		"intoClause": some(q.Into, r.into), "all": q.All, "valuesLists": r.values(q.Values),
		"op": [...]string{"SETOP_NONE", "SETOP_UNION", "SETOP_INTERSECT", "SETOP_EXCEPT"}[q.Op],
	}
	if limit := r.expr(q.Limit); !isNull(limit) {
		t["limitCount"] = limit
	}
	if q.WithTies {
		t["limitOption"] = "LIMIT_OPTION_WITH_TIES"
	}
	switch {
	case q.DistinctOn != nil:
		t["distinctClause"] = r.exprs(q.DistinctOn)
	case q.Distinct:
		t["distinctClause"] = []any{tree{}}
	}
	if q.Op != sqlparse.SetNone {
		t["larg"], t["rarg"] = r.queryFields(q.Left), r.queryFields(q.Right)
	}
	return t.compact()
}

func (r reading) values(rows [][]sqlparse.Expr) any {
	var out []any
	for _, row := range rows {
		out = append(out, node("List", tree{"items": r.exprs(row)}))
	}
	return out
}

func (r reading) with(w *sqlparse.With) tree {
	var ctes []any
	for _, c := range w.CTEs {
		ctes = append(ctes, node("CommonTableExpr", tree{
			"ctename": c.Name.Value, "aliascolnames": names(c.Columns), "ctequery": r.statement(c.Query),
			"ctematerialized": [...]string{"CTEMaterializeDefault", "CTEMaterializeAlways", "CTEMaterializeNever"}[c.Materialized],
			"search_clause":   some(c.Search, search), "cycle_clause": some(c.Cycle, r.cycle),
		}))
	}
	return tree{"ctes": ctes, "recursive": w.Recursive}.compact()
}

func search(s *sqlparse.Search) tree {
	return tree{
		"search_col_list": names(s.Columns), "search_breadth_first": s.Breadth, "search_seq_column": s.Set.Value,
	}.compact()
}

func (r reading) cycle(c *sqlparse.Cycle) tree {
	mark, otherwise := r.expr(c.Mark), r.expr(c.Default)
	if c.Mark == nil {
		mark = tree{"A_Const": tree{"boolval": tree{"boolval": true}, "location": -1}}
		otherwise = tree{"A_Const": tree{"boolval": tree{}, "location": -1}}
	}
	return tree{
		"cycle_col_list": names(c.Columns), "cycle_mark_column": c.Set.Value, "cycle_mark_value": mark,
		"cycle_mark_default": otherwise, "cycle_path_column": c.Using.Value,
	}.compact()
}

func (r reading) into(name *sqlparse.TableName) tree {
	t := sqlparse.TableRef{Span: name.Span, Table: *name}
	return tree{"rel": r.rangeVar(&t)}
}

func (r reading) targets(list []sqlparse.Target) any {
	return each(list, func(t *sqlparse.Target) tree {
		x := r.expr(t.Expr)
		if t.Start == t.End { // the star of TABLE t
			x["ColumnRef"].(tree)["location"] = -1
		}
		return node("ResTarget", tree{"name": t.Alias.Value, "val": x})
	})
}

func (r reading) locking(l *sqlparse.Locking) tree {
	var of []any
	for i := range l.Of {
		t := sqlparse.TableRef{Span: l.Of[i].Span, Table: l.Of[i]}
		of = append(of, tree{"RangeVar": r.rangeVar(&t)})
	}
	wait := map[string]string{"": "LockWaitBlock", "NOWAIT": "LockWaitError", "SKIP LOCKED": "LockWaitSkip"}
	return node("LockingClause", tree{
		"lockedRels": of, "strength": "LCS_FOR" + strings.ReplaceAll(l.Strength, " ", ""), "waitPolicy": wait[l.Wait],
	})
}

func (r reading) sortBy(o *sqlparse.OrderItem) tree {
	direction, nulls := "SORTBY_DEFAULT", "SORTBY_NULLS_DEFAULT"
	words := strings.ToLower(o.Text(r.sql)[o.Expr.Pos().End-o.Start:])
	switch {
	case o.Using != "":
		direction = "SORTBY_USING"
	case o.Desc:
		direction = "SORTBY_DESC"
	case strings.Contains(words, "asc"): // the default, written out
		direction = "SORTBY_ASC"
	}
	if o.NullsFirst != nil {
		nulls = "SORTBY_NULLS_LAST"
		if *o.NullsFirst {
			nulls = "SORTBY_NULLS_FIRST"
		}
	}
	var op []any
	if o.Using != "" {
		op = name(o.UsingSchema, o.Using)
	}
	return node("SortBy", tree{"node": r.expr(o.Expr), "sortby_dir": direction, "sortby_nulls": nulls, "useOp": op})
}

func (r reading) onConflict(c *sqlparse.OnConflict) tree {
	t := tree{"action": "ONCONFLICT_NOTHING"}
	if !c.DoNothing {
		t = tree{"action": "ONCONFLICT_UPDATE", "targetList": r.set(c.Set), "whereClause": r.expr(c.Where)}
	}
	infer := tree{"conname": c.Constraint.Value, "whereClause": r.expr(c.TargetWhere)}
	var elems []any
	for _, x := range c.Targets {
		elems = append(elems, r.indexElem(x))
	}
	infer["indexElems"] = elems
	if infer.compact(); len(infer) > 0 {
		t["infer"] = infer
	}
	return t.compact()
}

func (r reading) indexElem(x sqlparse.Expr) any {
	t := tree{}
	if c, ok := x.(*sqlparse.Collate); ok {
		t["collation"] = name(c.Collation.Schema.Value, c.Collation.Name.Value)
		x = c.X
	}
	if c, ok := x.(*sqlparse.ColumnRef); ok {
		t["name"] = c.Parts[0].Value
	} else {
		t["expr"] = r.expr(x)
	}
	return node("IndexElem", t)
}

// columns gives the column list of an INSERT.
func (r reading) columns(list []sqlparse.InsertColumn) any {
	return each(list, func(c *sqlparse.InsertColumn) tree { return r.assigned(c, nil) })
}

func (r reading) assigned(c *sqlparse.InsertColumn, value any) tree {
	t := tree{"name": c.Name.Value, "val": value}
	if c.Indirection {
		t["indirection"] = tree{"subscripts": r.exprs(c.Subscripts)}.compact()
	}
	return node("ResTarget", t)
}

func (r reading) set(list []sqlparse.SetClause) any {
	var out []any
	for _, s := range list {
		value := r.expr(s.Value)
		for i := range s.Columns {
			v := any(value)
			if s.Multi {
				v = node("MultiAssignRef", tree{"source": value, "colno": i + 1, "ncolumns": len(s.Columns)})
			}
			out = append(out, r.assigned(&s.Columns[i], v))
		}
	}
	return out
}

func (r reading) where(x sqlparse.Expr, currentOf bool) any {
	if currentOf {
		return tree{"CurrentOfExpr": tree{}}
	}
	return r.expr(x)
}

func overriding(word string) string {
	if word == "" {
		return "OVERRIDING_NOT_SET"
	}
	return "OVERRIDING_" + word + "_VALUE"
}

func (r reading) mergeWhen(w *sqlparse.MergeWhen) tree {
	t := tree{"condition": r.expr(w.Cond), "matchKind": "MERGE_WHEN_NOT_MATCHED_BY_TARGET", "override": overriding(w.Overriding)}
	switch {
	case w.Matched:
		t["matchKind"] = "MERGE_WHEN_MATCHED"
	case w.BySource:
		t["matchKind"] = "MERGE_WHEN_NOT_MATCHED_BY_SOURCE"
	}
	t["commandType"] = "CMD_" + w.Action
	switch w.Action {
	case "UPDATE":
		t["targetList"] = r.set(w.Set)
	case "INSERT":
		t["targetList"] = r.columns(w.Columns)
		t["values"] = r.exprs(w.Values)
	case "DO NOTHING":
		t["commandType"] = "CMD_NOTHING"
	}
	return node("MergeWhenClause", t)
}

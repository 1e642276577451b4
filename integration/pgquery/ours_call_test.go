package pgquery

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func (r reading) call(c *sqlparse.FuncCall) tree {
	if c.Special {
		return r.keywordCall(c)
	}
	t := tree{
		"funcname": name(c.Schema, c.Name), "args": r.exprs(c.Args), "agg_order": each(c.OrderBy, r.sortBy),
		"agg_filter": r.expr(c.Filter), "agg_star": c.Star, "agg_distinct": c.Distinct, "func_variadic": c.Variadic,
		"funcformat": "COERCE_EXPLICIT_CALL",
	}
	if c.WithinGroup != nil {
		t["agg_within_group"], t["agg_order"] = true, each(c.WithinGroup, r.sortBy)
	}
	if c.Over != nil {
		t["over"] = r.over(c.Over)
	}
	if c.Name == "json_object" && c.Schema == "" && r.sql[c.Start] != '"' {
		t["funcname"] = name("pg_catalog", c.Name)
	}
	return node("FuncCall", t)
}

// keywordCall gives the functions that have a syntax of their own.
func (r reading) keywordCall(c *sqlparse.FuncCall) tree {
	var args []any
	for _, x := range c.Args {
		args = append(args, r.expr(x))
	}
	switch c.Name {
	case "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_role", "current_user",
		"session_user", "user", "current_catalog", "current_schema":
		op := "SVFOP_" + strings.ToUpper(c.Name)
		if len(args) == 0 {
			return tree{"SQLValueFunction": tree{"op": op}}
		}
		n, _ := strconv.Atoi(c.Args[0].(*sqlparse.Literal).Value)
		return tree{"SQLValueFunction": tree{"op": op + "_N", "typmod": n}}
	case "grouping":
		return node("GroupingFunc", tree{"args": args})
	case "merge_action":
		return tree{"MergeSupportFunc": tree{}}
	case "position":
		slices.Reverse(args)
	case "btrim", "ltrim", "rtrim":
		if r.charactersFirst(c) {
			args = append(args[1:], args[0])
		}
	case "substring":
		if r.keywordBetween(c.Args[0], c.Args[1]) != "for" {
			break
		}
		if len(args) == 2 {
			int4 := tree{"names": name("pg_catalog", "int4")}
			one := tree{"A_Const": tree{"ival": tree{"ival": 1}, "location": -1}}
			args = []any{args[0], one, node("TypeCast", tree{"arg": args[1], "typeName": int4})}
			break
		}
		args[1], args[2] = args[2], args[1]
	case "normalize":
		if len(args) == 2 {
			form := args[1].(tree)["A_Const"].(tree)["sval"].(tree)
			form["sval"] = strings.ToUpper(form["sval"].(string))
		}
	}
	return system(c.Name, args...)
}

// charactersFirst reports whether a trim is written characters FROM source, which the call has the other way round.
func (r reading) charactersFirst(c *sqlparse.FuncCall) bool {
	return len(c.Args) > 1 && r.keywordBetween(c.Args[0], c.Args[1]) == "from"
}

// keywordBetween is the token between two operands, in lower case.
func (r reading) keywordBetween(a, b sqlparse.Expr) string {
	tokens, err := sqlparse.Lex(r.sql)
	if err != nil {
		panic("bug: " + err.Error())
	}
	for _, t := range tokens {
		if a.Pos().End <= t.Start && t.End <= b.Pos().Start {
			return t.Value
		}
	}
	return ""
}

// constructor gives the operands and types of a function of SQL/JSON or XML in the order of the text.
func (r reading) constructor(c *sqlparse.ClauseCall) tree {
	var parts []part
	for _, x := range c.Args {
		parts = append(parts, part{x.Pos().Start, r.expr(x)})
	}
	for i := range c.Types {
		parts = append(parts, part{c.Types[i].Start, r.typeName(&c.Types[i], false)})
	}
	for i := range c.OrderBy {
		parts = append(parts, part{c.OrderBy[i].Start, r.sortBy(&c.OrderBy[i])})
	}
	if c.Query != nil {
		parts = append(parts, part{c.Query.Start, r.query(c.Query)})
	}
	others := []sqlparse.Expr{c.Filter}
	if c.Over != nil {
		for i := range c.Over.OrderBy {
			parts = append(parts, part{c.Over.OrderBy[i].Start, r.sortBy(&c.Over.OrderBy[i])})
		}
		others = append(append(others, c.Over.Partition...), c.Over.FrameArgs...)
	}
	for _, x := range others {
		if x != nil {
			parts = append(parts, part{x.Pos().Start, r.expr(x)})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.at, b.at) })
	list := []any{}
	for _, p := range parts {
		list = append(list, p.form)
	}
	return tree{"Constructor": list}
}

// over gives what follows OVER: the name of a window, or a definition that may refine one.
func (r reading) over(w *sqlparse.WindowDef) tree {
	if !strings.HasSuffix(w.Text(r.sql), ")") {
		return tree{"name": w.Base.Value}
	}
	return r.window(w)
}

func (r reading) namedWindow(w *sqlparse.WindowDef) tree { return tree{"WindowDef": r.window(w)} }

func (r reading) window(w *sqlparse.WindowDef) tree {
	return tree{
		"name": w.Name.Value, "refname": w.Base.Value, "partitionClause": r.exprs(w.Partition),
		"orderClause": each(w.OrderBy, r.sortBy), "frame": r.exprs(w.FrameArgs),
	}.compact()
}

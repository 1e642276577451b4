package pgquery

import (
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func (r reading) exprs(list []sqlparse.Expr) any {
	var out []any
	for _, x := range list {
		out = append(out, r.expr(x))
	}
	return out
}

// expr gives an expression, nil for nil.
func (r reading) expr(e sqlparse.Expr) tree {
	switch e := e.(type) {
	case nil:
		return nil
	case *sqlparse.Paren:
		return r.expr(e.X)
	case *sqlparse.ColumnRef:
		return tree{"ColumnRef": tree{"fields": names(e.Parts), "location": e.Start}}
	case *sqlparse.Star:
		fields, _ := names(e.Parts).([]any)
		return tree{"ColumnRef": tree{"fields": append(fields, tree{"A_Star": tree{}}), "location": e.Start}}
	case *sqlparse.Param:
		return tree{"ParamRef": tree{"number": e.Number, "location": e.Start}}
	case *sqlparse.Literal:
		return r.literal(e)
	case *sqlparse.Cast:
		return node("TypeCast", tree{"arg": r.expr(e.X), "typeName": r.typeName(&e.Type, e.Type.Start < e.X.Pos().Start)})
	case *sqlparse.Unary:
		return r.unary(e)
	case *sqlparse.Binary:
		return r.binary(e)
	case *sqlparse.And:
		return r.conjunction("AND_EXPR", e.X)
	case *sqlparse.Or:
		return r.conjunction("OR_EXPR", e.X)
	case *sqlparse.IsTest:
		return r.isTest(e)
	case *sqlparse.Between:
		words := "BETWEEN"
		if e.Not {
			words = "NOT BETWEEN"
		}
		kind := "AEXPR_" + strings.ReplaceAll(words, " ", "_")
		if e.Symmetric {
			words, kind = words+" SYMMETRIC", kind+"_SYM"
		}
		return operator(kind, "", words, r.expr(e.X), list(r.expr(e.Lo), r.expr(e.Hi)))
	case *sqlparse.Like:
		return r.like(e)
	case *sqlparse.In:
		return r.in(e)
	case *sqlparse.Quantified:
		return r.quantified(e)
	case *sqlparse.Subquery:
		kind := [...]string{"EXPR_SUBLINK", "EXISTS_SUBLINK", "ARRAY_SUBLINK"}[e.Kind]
		return node("SubLink", tree{"subLinkType": kind, "subselect": r.query(e.Query)})
	case *sqlparse.FuncCall:
		return r.call(e)
	case *sqlparse.ClauseCall:
		return r.constructor(e)
	case *sqlparse.NamedArg:
		return node("NamedArgExpr", tree{"arg": r.expr(e.X), "name": e.Name.Value})
	case *sqlparse.Case:
		whens := each(e.Whens, func(w *sqlparse.When) tree {
			return node("CaseWhen", tree{"expr": r.expr(w.Cond), "result": r.expr(w.Then)})
		})
		return node("CaseExpr", tree{"arg": r.expr(e.X), "args": whens, "defresult": r.expr(e.Else)})
	case *sqlparse.Coalesce:
		return r.coalesce(e)
	case *sqlparse.Row:
		format := "COERCE_IMPLICIT_CAST"
		if e.Explicit {
			format = "COERCE_EXPLICIT_CALL"
		}
		return node("RowExpr", tree{"args": r.exprs(e.X), "row_format": format})
	case *sqlparse.Array:
		return node("A_ArrayExpr", tree{"elements": r.exprs(e.X)})
	case *sqlparse.Index, *sqlparse.Field:
		return r.indirection(e)
	case *sqlparse.Collate:
		return node("CollateClause", tree{"arg": r.expr(e.X), "collname": name(e.Collation.Schema.Value, e.Collation.Name.Value)})
	case *sqlparse.DefaultExpr:
		return tree{"SetToDefault": tree{}}
	case *sqlparse.GroupingSet:
		kinds := map[string]string{"": "EMPTY", "rollup": "ROLLUP", "cube": "CUBE", "grouping sets": "SETS"}
		return node("GroupingSet", tree{"kind": "GROUPING_SET_" + kinds[e.Kind], "content": r.exprs(e.X)})
	}
	panic("bug: an expression of another kind")
}

// written is a number as it was written, which is how the server keeps one that is no int4.
func (r reading) written(e *sqlparse.Literal) string {
	text := strings.TrimLeft(e.Text(r.sql), "- \t\n")
	if strings.HasPrefix(e.Value, "-") {
		return "-" + text
	}
	return text
}

func (r reading) literal(e *sqlparse.Literal) tree {
	at := e.Start
	if e.End == e.Start { // FETCH FIRST ROW
		at = -1
	}
	c := tree{"location": at}
	switch e.Kind {
	case sqlparse.LitNull:
		c["isnull"] = true
	case sqlparse.LitTrue:
		c["boolval"] = tree{"boolval": true}
	case sqlparse.LitFalse:
		c["boolval"] = tree{}
	case sqlparse.LitInteger:
		digits := strings.TrimPrefix(e.Value, "-")
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			c["fval"] = tree{"fval": r.written(e)}
			break
		}
		if digits != e.Value {
			n = -n
		}
		c["ival"] = tree{"ival": int(n)}.compact()
	case sqlparse.LitNumeric:
		c["fval"] = tree{"fval": r.written(e)}
	case sqlparse.LitString:
		c["sval"] = tree{"sval": e.Value}
	case sqlparse.LitBit:
		c["bsval"] = tree{"bsval": e.Value}
	}
	return tree{"A_Const": c}
}

func operator(kind, schema, op string, l, r any) tree {
	return node("A_Expr", tree{"kind": kind, "name": name(schema, op), "lexpr": l, "rexpr": r})
}

func list(items ...any) tree { return tree{"List": tree{"items": items}} }

func negation(x tree) tree { return tree{"BoolExpr": tree{"boolop": "NOT_EXPR", "args": []any{x}}} }

// system is a call that the grammar makes of a form of its own.
func system(name string, args ...any) tree {
	return node("FuncCall", tree{
		"funcname": []any{text("pg_catalog"), text(name)}, "args": args, "funcformat": "COERCE_SQL_SYNTAX",
	})
}

func (r reading) unary(e *sqlparse.Unary) tree {
	x := r.expr(e.X)
	switch {
	case e.Op == "not":
		return negation(x)
	case e.Op == "-" && e.OpSchema == "" && !strings.HasPrefix(strings.ToLower(e.Text(r.sql)), "operator"):
		if c, ok := x["A_Const"].(tree); ok {
			c["location"] = e.Start
			if negate(c) {
				return x
			}
		}
	}
	return node("A_Expr", tree{"kind": "AEXPR_OP", "name": name(e.OpSchema, e.Op), "rexpr": x})
}

// negate folds a minus into a number, as the grammar does.
func negate(c tree) bool {
	if i, ok := c["ival"].(tree); ok {
		n, _ := i["ival"].(int)
		c["ival"] = tree{"ival": -n}.compact()
		return true
	}
	if f, ok := c["fval"].(tree); ok {
		s := f["fval"].(string)
		if positive, ok := strings.CutPrefix(s, "-"); ok {
			f["fval"] = positive
		} else {
			f["fval"] = "-" + s
		}
		return true
	}
	return false
}

func (r reading) binary(e *sqlparse.Binary) tree {
	switch e.Op {
	case "is distinct from":
		return operator("AEXPR_DISTINCT", "", "=", r.expr(e.L), r.expr(e.R))
	case "is not distinct from":
		return operator("AEXPR_NOT_DISTINCT", "", "=", r.expr(e.L), r.expr(e.R))
	case "at time zone":
		return system("timezone", r.expr(e.R), r.expr(e.L))
	case "overlaps":
		var args []any
		for _, row := range []sqlparse.Expr{e.L, e.R} {
			for _, x := range row.(*sqlparse.Row).X {
				args = append(args, r.expr(x))
			}
		}
		return system("overlaps", args...)
	}
	return operator("AEXPR_OP", e.OpSchema, e.Op, r.expr(e.L), r.expr(e.R))
}

// conjunction gives AND or OR; one on the left side is of the same list, also in parentheses.
func (r reading) conjunction(op string, x []sqlparse.Expr) tree {
	var args []any
	for i, e := range x {
		t := r.expr(e)
		if b, ok := t["BoolExpr"].(tree); ok && i == 0 && b["boolop"] == op {
			args = append(args, b["args"].([]any)...)
			continue
		}
		args = append(args, t)
	}
	return tree{"BoolExpr": tree{"boolop": op, "args": args}}
}

func (r reading) isTest(e *sqlparse.IsTest) tree {
	x := r.expr(e.X)
	not := ""
	if e.Not {
		not = "NOT_"
	}
	var t tree
	switch word := strings.ToUpper(e.What); {
	case word == "NULL":
		return node("NullTest", tree{"arg": x, "nulltesttype": "IS_" + not + word})
	case word == "TRUE", word == "FALSE", word == "UNKNOWN":
		return node("BooleanTest", tree{"arg": x, "booltesttype": "IS_" + not + word})
	case word == "DOCUMENT":
		t = tree{"XmlExpr": tree{"op": "IS_DOCUMENT", "args": []any{x}}}
	case word == "NORMALIZED":
		t = system("is_normalized", x)
	case strings.HasSuffix(word, " NORMALIZED"):
		t = r.normalized(e, x, strings.TrimSuffix(word, " NORMALIZED"))
	default:
		t = jsonTest(x, word)
	}
	if e.Not {
		return negation(t)
	}
	return t
}

func (r reading) normalized(e *sqlparse.IsTest, x tree, form string) tree {
	behind := strings.ToUpper(r.sql[e.X.Pos().End:e.End])
	return system("is_normalized", x, tree{"A_Const": tree{
		"sval": tree{"sval": form}, "location": e.X.Pos().End + strings.LastIndex(behind, form),
	}})
}

func jsonTest(x tree, words string) tree {
	unique := strings.HasSuffix(words, " WITH UNIQUE KEYS")
	kind := strings.TrimPrefix(strings.TrimSuffix(words, " WITH UNIQUE KEYS"), "JSON")
	switch kind = strings.TrimSpace(kind); kind {
	case "", "VALUE":
		kind = "ANY"
	}
	return node("JsonIsPredicate", tree{"expr": x, "item_type": "JS_TYPE_" + kind, "unique_keys": unique})
}

func (r reading) like(e *sqlparse.Like) tree {
	op := map[string]string{"like": "~~", "ilike": "~~*", "similar to": "~"}[e.Op]
	kind := map[string]string{"like": "AEXPR_LIKE", "ilike": "AEXPR_ILIKE", "similar to": "AEXPR_SIMILAR"}[e.Op]
	if e.Not {
		op = "!" + op
	}
	pattern := r.expr(e.Pattern)
	escape := "like_escape"
	if e.Op == "similar to" {
		escape = "similar_to_escape"
	}
	args := []any{pattern}
	if e.Escape != nil {
		args = append(args, r.expr(e.Escape))
	}
	if e.Escape != nil || e.Op == "similar to" {
		pattern = system(escape, args...)
		pattern["FuncCall"].(tree)["funcformat"] = "COERCE_EXPLICIT_CALL"
	}
	return operator(kind, "", op, r.expr(e.X), pattern)
}

func (r reading) in(e *sqlparse.In) tree {
	if e.Query == nil {
		op := "="
		if e.Not {
			op = "<>"
		}
		return operator("AEXPR_IN", "", op, r.expr(e.X), tree{"List": tree{"items": r.exprs(e.List)}})
	}
	t := node("SubLink", tree{"subLinkType": "ANY_SUBLINK", "testexpr": r.expr(e.X), "subselect": r.query(e.Query)})
	if e.Not {
		return negation(t)
	}
	return t
}

func (r reading) quantified(e *sqlparse.Quantified) tree {
	op := e.Op
	if matching, ok := map[string]string{"like": "~~", "not like": "!~~", "ilike": "~~*", "not ilike": "!~~*"}[op]; ok {
		op = matching
	}
	word := "ANY"
	if e.All {
		word = "ALL"
	}
	if e.Query == nil {
		return operator("AEXPR_OP_"+word, e.OpSchema, op, r.expr(e.X), r.expr(e.Array))
	}
	return node("SubLink", tree{
		"subLinkType": word + "_SUBLINK", "testexpr": r.expr(e.X), "operName": name(e.OpSchema, op), "subselect": r.query(e.Query),
	})
}

func (r reading) coalesce(e *sqlparse.Coalesce) tree {
	switch e.Name {
	case "nullif":
		return operator("AEXPR_NULLIF", "", "=", r.expr(e.Args[0]), r.expr(e.Args[1]))
	case "greatest", "least":
		return node("MinMaxExpr", tree{"op": "IS_" + strings.ToUpper(e.Name), "args": r.exprs(e.Args)})
	}
	return node("CoalesceExpr", tree{"args": r.exprs(e.Args)})
}

// indirection gives all the subscripts and fields behind an operand as one list.
func (r reading) indirection(e sqlparse.Expr) tree {
	var steps []any
	for {
		var step tree
		switch x := e.(type) {
		case *sqlparse.Index:
			e = x.X
			lo, hi := r.expr(x.Lo), r.expr(x.Hi)
			if !x.Slice {
				lo, hi = nil, lo
			}
			step = node("A_Indices", tree{"is_slice": x.Slice, "lidx": lo, "uidx": hi})
		case *sqlparse.Field:
			e = x.X
			step = text(x.Name.Value)
			if x.Star {
				step = tree{"A_Star": tree{}}
			}
		default:
			return node("A_Indirection", tree{"arg": r.expr(e), "indirection": steps})
		}
		steps = append([]any{step}, steps...)
	}
}

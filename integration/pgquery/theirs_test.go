package pgquery

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"github.com/wasilibs/go-pgquery/parser"
)

// errNoDML says that the text is not one statement of the five that sqlparse reads.
var errNoDML = errors.New("not one statement of DML")

// theirs reads one statement of DML with libpg_query and gives it in the neutral form.
func theirs(sql string) (tree, error) {
	text, err := parser.ParseToJSON(sql)
	if err != nil {
		return nil, err
	}
	var result struct {
		Stmts []struct {
			Stmt map[string]any `json:"stmt"`
		} `json:"stmts"`
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		return nil, err
	}
	if len(result.Stmts) != 1 {
		return nil, errNoDML
	}
	stmt := result.Stmts[0].Stmt
	for _, kind := range []string{"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"} {
		if _, ok := stmt[kind]; ok {
			return neutral("", stmt).(tree), nil
		}
	}
	return nil, errNoDML
}

// left lists the fields that the neutral form leaves out: what sqlparse leaves in the text, and what follows from other
// fields.
var left = map[string]bool{
	"relpersistence": true, "typemod": true, "is_local": true, "argnumber": true, "frameOptions": true, "method": true,
	"is_rowsfrom": true, "collClause": true, "cursor_name": true, "limitOption": true, "xmloption": true, "msftype": true,
	"onCommit": true, "format": true, "ordering": true, "nulls_ordering": true, "opclass": true, "opclassopts": true,
}

// located lists the nodes whose position sqlparse gives too.
var located = map[string]bool{"ColumnRef": true, "ParamRef": true, "RangeVar": true, "A_Const": true}

// constructors are the nodes of SQL/JSON and XML of which only the operands and types are compared, in the order of
// the text.
var constructors = map[string]bool{
	"JsonFuncExpr": true, "JsonObjectConstructor": true, "JsonArrayConstructor": true, "JsonArrayQueryConstructor": true,
	"JsonObjectAgg": true, "JsonArrayAgg": true, "JsonParseExpr": true, "JsonScalarExpr": true, "JsonSerializeExpr": true,
	"XmlExpr": true, "XmlSerialize": true,
}

// neutral brings what libpg_query printed, a value of a field of a node of type kind, into the neutral form.
func neutral(kind string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for k, x := range v {
				if fields, ok := x.(map[string]any); ok && k[0] >= 'A' && k[0] <= 'Z' {
					return wrapped(k, fields)
				}
			}
		}
		return fields(kind, v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = neutral("", x)
		}
		return out
	case float64:
		if v == math.Trunc(v) {
			return int(v)
		}
		return v
	}
	return v
}

func wrapped(kind string, v map[string]any) any {
	if kind == "XmlExpr" && v["op"] == "IS_DOCUMENT" {
		return tree{kind: tree{"op": "IS_DOCUMENT", "args": neutral("", v["args"])}}
	}
	switch {
	case kind == "JsonTable", kind == "RangeTableFunc":
		alias, lateral := neutral("", v["alias"]), v["lateral"]
		return tree{"TableFunction": tree{"alias": alias, "lateral": lateral, "of": constructor(v)}.compact()}
	case constructors[kind]:
		return constructor(v)
	}
	return tree{kind: fields(kind, v)}
}

func fields(kind string, v map[string]any) tree {
	out := tree{}
	for k, x := range v {
		switch {
		case k == "location":
			if located[kind] {
				out[k] = neutral("", x)
			}
		case k == "limitOption" && x == "LIMIT_OPTION_WITH_TIES":
			out[k] = x
		case left[k]:
		case k == "arrayBounds":
			out[k] = len(x.([]any))
		case k == "relation", k == "rel":
			out[k] = neutral("RangeVar", x)
		case k == "startOffset", k == "endOffset":
			out["frame"] = nil
		default:
			out[k] = neutral("", x)
		}
	}
	return special(kind, v, out)
}

// special brings the forms into line that sqlparse does not tell apart, and drops positions that stand for nothing.
func special(kind string, v map[string]any, out tree) tree {
	if _, ok := out["frame"]; ok {
		var bounds []any
		for _, k := range []string{"startOffset", "endOffset"} {
			if x, ok := v[k]; ok {
				bounds = append(bounds, neutral("", x))
			}
		}
		out["frame"] = bounds
	}
	switch kind {
	case "RangeTableSample":
		args, _ := out["args"].([]any)
		if x, ok := out["repeatable"]; ok {
			args = append(args, x)
			delete(out, "repeatable")
		}
		out["args"] = args
	case "ResTarget":
		if in, ok := out["indirection"]; ok {
			out["indirection"] = subscripts(in.([]any))
		}
	case "ColumnRef", "ParamRef", "RangeVar", "A_Const":
		if _, ok := out["location"]; !ok {
			out["location"] = 0
		}
	case "SQLValueFunction":
		switch n, ok := v["typmod"]; {
		case !ok:
			out["typmod"] = 0
		case n == -1.0:
			delete(out, "typmod")
		default:
			out["typmod"] = neutral("", n)
		}
	}
	if isNull(out["limitCount"]) {
		delete(out, "limitCount")
	}
	if mods, ok := out["typmods"].([]any); ok {
		out["typmods"] = placeless(mods)
	}
	return out
}

// isNull reports whether a limit is the constant NULL, which is also what LIMIT ALL is read as.
func isNull(v any) bool {
	t, _ := v.(tree)
	c, _ := t["A_Const"].(tree)
	return c["isnull"] == true
}

// subscripts keeps the subscripts of an assigned column and drops the names of fields.
func subscripts(in []any) any {
	var out []any
	for _, x := range in {
		if i, ok := x.(tree)["A_Indices"].(tree); ok {
			for _, k := range []string{"lidx", "uidx"} {
				if b, ok := i[k]; ok {
					out = append(out, b)
				}
			}
		}
	}
	return tree{"subscripts": out}.compact()
}

// placeless drops the positions of constants that the grammar made itself.
func placeless(list []any) []any {
	for _, x := range list {
		if c, ok := x.(tree)["A_Const"].(tree); ok {
			delete(c, "location")
		}
	}
	return list
}

// structural are the nodes that a constructor is built of; what is below them belongs to the constructor.
var structural = map[string]bool{
	"JsonValueExpr": true, "JsonKeyValue": true, "JsonArgument": true, "ResTarget": true, "List": true,
	"JsonTableColumn": true, "RangeTableFuncCol": true, "JsonTablePathSpec": true, "JsonAggConstructor": true,
	"String": true,
}

// constructor gives the operands and types of v in the order of the text.
func constructor(v map[string]any) tree {
	var parts []part
	collect(v, &parts)
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.at, b.at) })
	list := []any{}
	for _, p := range parts {
		list = append(list, p.form)
	}
	return tree{"Constructor": list}
}

type part struct {
	at   int
	form any
}

func collect(v any, parts *[]part) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			collect(x, parts)
		}
	case map[string]any:
		for k, x := range v {
			fields, ok := x.(map[string]any)
			switch {
			case !ok, k[0] < 'A' || k[0] > 'Z':
				if k == "typeName" {
					*parts = append(*parts, part{place(x), neutral("", x)})
				} else if k != "alias" {
					collect(x, parts)
				}
			case structural[k]:
				collect(fields, parts)
			default:
				if p := place(x); p < math.MaxInt { // else it is a constant that the grammar made itself
					*parts = append(*parts, part{p, neutral("", v)})
				}
			}
		}
	}
}

// place is the first position that is named in v.
func place(v any) int {
	at := math.MaxInt
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			at = min(at, place(x))
		}
	case map[string]any:
		for k, x := range v {
			if n, ok := x.(float64); ok && k == "location" {
				if n >= 0 {
					at = min(at, int(n))
				}
			} else {
				at = min(at, place(x))
			}
		}
	}
	return at
}

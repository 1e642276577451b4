package plan

import (
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// expr reads an expression for what it needs, not for what it proves: every name must resolve, every function and
// operator must be one that stays on its server and its row, every subquery is read, and every use of a parameter is
// noted.
func (r *reader) expr(e sqlparse.Expr, sc *scope) {
	switch e := e.(type) {
	case nil:
	case *sqlparse.Literal:
		r.checkClockWord(e)
	case *sqlparse.DefaultExpr:
	case *sqlparse.Param:
		r.use(e, famNone, false)
	case *sqlparse.ColumnRef:
		r.checkSystemColumn(e)
		r.column(e, sc)
	case *sqlparse.Star:
		r.wholeRow(e, sc)
	case *sqlparse.Paren:
		r.expr(e.X, sc)
	case *sqlparse.Cast:
		r.cast(e, sc)
	case *sqlparse.Unary:
		r.operator(e.OpSchema, e.Start)
		r.expr(e.X, sc)
	case *sqlparse.Binary:
		r.operator(e.OpSchema, e.Start)
		r.sides(e.Op, e.L, e.R, sc)
	case *sqlparse.And:
		r.exprs(e.X, sc)
	case *sqlparse.Or:
		r.exprs(e.X, sc)
	case *sqlparse.IsTest:
		r.expr(e.X, sc)
	case *sqlparse.Between:
		r.expr(e.X, sc)
		r.bound(e.X, e.Lo, sc)
		r.bound(e.X, e.Hi, sc)
	case *sqlparse.Like:
		r.expr(e.X, sc)
		r.expr(e.Pattern, sc)
		r.expr(e.Escape, sc)
	case *sqlparse.In:
		r.in(e, sc)
	case *sqlparse.Quantified:
		r.quantified(e, sc)
	case *sqlparse.Subquery:
		r.keepFirst(e.Query, r.query(e.Query, sc))
	case *sqlparse.FuncCall:
		r.call(e, sc)
	case *sqlparse.ClauseCall:
		r.clauseCall(e, sc)
	case *sqlparse.NamedArg:
		r.expr(e.X, sc)
	case *sqlparse.Case:
		r.expr(e.X, sc)
		for _, w := range e.Whens {
			r.expr(w.Cond, sc)
			r.expr(w.Then, sc)
		}
		r.expr(e.Else, sc)
	case *sqlparse.Coalesce:
		r.exprs(e.Args, sc)
	case *sqlparse.Row:
		r.exprs(e.X, sc)
	case *sqlparse.Array:
		r.exprs(e.X, sc)
	case *sqlparse.Index:
		r.expr(e.X, sc)
		r.expr(e.Lo, sc)
		r.expr(e.Hi, sc)
	case *sqlparse.Field:
		r.field(e, sc)
	case *sqlparse.Collate:
		r.expr(e.X, sc)
	default:
		panic(refuse(Unsupported, e.Pos().Start, "this expression is not read", ""))
	}
}

func (r *reader) exprs(list []sqlparse.Expr, sc *scope) {
	for _, x := range list {
		r.expr(x, sc)
	}
}

func (r *reader) wholeRow(e *sqlparse.Star, sc *scope) {
	switch len(e.Parts) {
	case 1:
		r.relationOf(e.Start, sc, "", e.Parts[0].Value)
	case 2:
		r.relationOf(e.Start, sc, e.Parts[0].Value, e.Parts[1].Value)
	default:
		panic(refuse(Unsupported, e.Start, "a star is not read here", "write the columns"))
	}
}

// field reads (x).name. PostgreSQL takes it for the function call name(x) when x has no such field, so only the
// columns of a table's whole row pass.
func (r *reader) field(e *sqlparse.Field, sc *scope) {
	r.expr(e.X, sc)
	if e.Star {
		return
	}
	if ref, ok := strip(e.X).(*sqlparse.ColumnRef); ok && len(ref.Parts) == 1 && r.column(ref, sc) == opaque {
		for s := sc; s != nil; s = s.up {
			if s.ns == nil {
				continue
			}
			for _, rel := range s.ns.rels {
				if rel.alias == ref.Parts[0].Value && rel.table != nil && rel.has(e.Name.Value) {
					return
				}
			}
		}
	}
	panic(refuse(UserFunction, e.Start, "(expression)."+quote(e.Name.Value)+" may be a call of a function of that name",
		"write table.column"))
}

func (rel *relation) has(name string) bool {
	for _, c := range rel.cols {
		if c.name == name {
			return true
		}
	}
	return false
}

func (r *reader) operator(schema string, at int) {
	if schema != "" && schema != "pg_catalog" {
		panic(refuse(UserOperator, at, "an operator of the schema "+quote(schema)+" may read tables",
			"use operators of pg_catalog, or db.Shard(id)"))
	}
}

// cast reads x::type. Types of the schema are accepted (enums are everywhere): a cast to a domain may run its CHECK,
// which PostgreSQL wants to be immutable, that is, to read no table.
func (r *reader) cast(e *sqlparse.Cast, sc *scope) {
	r.checkObjectName(e)
	if p, ok := strip(e.X).(*sqlparse.Param); ok {
		switch e.Type.Array {
		case 0:
			r.use(p, familyOfCast(&e.Type), false)
		case 1:
			r.use(p, familyOfCast(&e.Type), true)
		default:
			r.use(p, famNone, false)
		}
		return
	}
	if list, ok := strip(e.X).(*sqlparse.Array); ok && e.Type.Array == 1 { // each element is read as if it had the cast
		for _, x := range list.X {
			if p, ok := strip(x).(*sqlparse.Param); ok {
				r.use(p, familyOfCast(&e.Type), false)
				continue
			}
			r.expr(x, sc)
		}
		return
	}
	r.expr(e.X, sc)
}

func (r *reader) in(e *sqlparse.In, sc *scope) {
	if e.Query != nil {
		r.expr(e.X, sc)
		r.keepMembers(e.Query, r.query(e.Query, sc))
		return
	}
	if len(e.List) == 1 {
		r.sides("=", e.X, e.List[0], sc)
		return
	}
	if row, ok := strip(e.X).(*sqlparse.Row); ok {
		if rows := rowsOf(row, e.List); rows != nil {
			r.useRows(row, rows, sc)
			return
		}
	}
	// PostgreSQL seeks one type for the whole list: $1 beside 1.5 becomes numeric, beside 1.5::float8 a float.
	fam := r.familyOf(e.X, sc)
	for _, x := range e.List {
		if !neutral(x) && r.familyOf(x, sc) != fam {
			fam = famNone
		}
	}
	r.expr(e.X, sc)
	for _, x := range e.List {
		if p, ok := strip(x).(*sqlparse.Param); ok {
			r.use(p, fam, false)
			continue
		}
		r.expr(x, sc)
	}
}

// neutral reports whether an expression takes its type from what it is compared with.
func neutral(e sqlparse.Expr) bool {
	switch e := strip(e).(type) {
	case *sqlparse.Param:
		return true
	case *sqlparse.Literal:
		return e.Kind == sqlparse.LitString || e.Kind == sqlparse.LitNull
	default:
		return false
	}
}

func (r *reader) quantified(e *sqlparse.Quantified, sc *scope) {
	r.operator(e.OpSchema, e.Start)
	r.expr(e.X, sc)
	if e.Query != nil {
		r.keepMembers(e.Query, r.query(e.Query, sc))
		return
	}
	if p, ok := strip(e.Array).(*sqlparse.Param); ok && comparison(e.Op) {
		r.use(p, r.familyOf(e.X, sc), true)
		return
	}
	r.expr(e.Array, sc)
}

func comparison(op string) bool {
	switch op {
	case "=", "<>", "!=", "<", ">", "<=", ">=", "is distinct from", "is not distinct from":
		return true
	}
	return false
}

// sides reads both operands; a parameter compared with something of a family gets that type.
func (r *reader) sides(op string, l, rr sqlparse.Expr, sc *scope) {
	lrow, lok := strip(l).(*sqlparse.Row)
	rrow, rok := strip(rr).(*sqlparse.Row)
	if lok && rok && inPairs(lrow, rrow) && comparison(op) {
		for i := range lrow.X {
			r.sides(op, lrow.X[i], rrow.X[i], sc)
		}
		return
	}
	lp, lok := strip(l).(*sqlparse.Param)
	rp, rok := strip(rr).(*sqlparse.Param)
	switch {
	case !comparison(op), lok && rok, !lok && !rok:
		r.expr(l, sc)
		r.expr(rr, sc)
	case lok:
		r.use(lp, r.familyOf(rr, sc), false)
		r.expr(rr, sc)
	default:
		r.expr(l, sc)
		r.use(rp, r.familyOf(l, sc), false)
	}
}

func (r *reader) bound(x, bound sqlparse.Expr, sc *scope) {
	if p, ok := strip(bound).(*sqlparse.Param); ok {
		r.use(p, r.familyOf(x, sc), false)
		return
	}
	r.expr(bound, sc)
}

// familyOf is the family of an expression's type where that is plain to see.
func (r *reader) familyOf(e sqlparse.Expr, sc *scope) family {
	switch e := strip(e).(type) {
	case *sqlparse.ColumnRef:
		return r.column(e, sc).fam
	case *sqlparse.Cast:
		if e.Type.Array == 0 {
			return familyOfCast(&e.Type)
		}
	case *sqlparse.Literal:
		if e.Kind == sqlparse.LitInteger && len(e.Value) <= 18 {
			return famInt
		}
	}
	return famNone
}

// call reads a function call.
func (r *reader) call(e *sqlparse.FuncCall, sc *scope) {
	kind := r.allowed(e)
	r.checkScattered(e)
	if e.Over != nil {
		r.windowDef(e.Over, sc)
		r.mark(func(b *block) { b.window = true })
	} else if kind == aggregate || e.Star || e.Distinct || len(e.WithinGroup) > 0 || e.Filter != nil || len(e.OrderBy) > 0 {
		r.checkField(e, sc)
		r.checkOuterAggregate(e, sc)
		r.mark(func(b *block) { b.aggregate = true })
	}
	for _, x := range e.Args {
		r.expr(x, sc)
	}
	r.orderBy(e.OrderBy, sc)
	r.orderBy(e.WithinGroup, sc)
	r.expr(e.Filter, sc)
}

// clauseCalls are the functions of SQL/JSON and XML; all work on their operands alone.
var clauseCalls = map[string]functionKind{
	"json": plainFunction, "json_array": plainFunction, "json_arrayagg": aggregate, "json_exists": plainFunction,
	"json_object": plainFunction, "json_objectagg": aggregate, "json_query": plainFunction, "json_scalar": plainFunction,
	"json_serialize": plainFunction, "json_table": plainFunction, "json_value": plainFunction,
	"xmlconcat": plainFunction, "xmlelement": plainFunction, "xmlforest": plainFunction, "xmlparse": plainFunction,
	"xmlpi": plainFunction, "xmlroot": plainFunction, "xmlserialize": plainFunction, "xmltable": plainFunction,
}

// clauseCall reads a function of SQL/JSON or XML.
func (r *reader) clauseCall(e *sqlparse.ClauseCall, sc *scope) {
	kind, ok := clauseCalls[e.Name]
	r.callsByName(e.Name)
	switch {
	case !ok:
		panic(refuse(Unsupported, e.Start, "the function "+e.Name+" is not read", ""))
	case r.tops != nil && kind == aggregate:
		panic(refuse(Inexact, e.Start, "the aggregate "+e.Name+" is not read for several shards",
			"use json_agg or json_object_agg with ORDER BY"))
	case e.Over != nil:
		r.windowDef(e.Over, sc)
		r.mark(func(b *block) { b.window = true })
	case kind == aggregate:
		r.mark(func(b *block) { b.aggregate = true })
	}
	r.exprs(e.Args, sc)
	if e.Query != nil {
		r.query(e.Query, sc)
	}
	r.orderBy(e.OrderBy, sc)
	r.expr(e.Filter, sc)
}

// mark applies f to the blocks around: an aggregate of outer columns belongs to an outer query.
func (r *reader) mark(f func(*block)) {
	for b := r.block; b != nil; b = b.up {
		f(b)
	}
}

func (r *reader) windowDef(w *sqlparse.WindowDef, sc *scope) {
	r.exprs(w.Partition, sc)
	r.orderBy(w.OrderBy, sc)
	r.exprs(w.FrameArgs, sc)
	if w.Base.Value != "" {
		return // it has the partitions of the window it refines, which is read by itself
	}
	var cols []*column
	for _, x := range w.Partition {
		if ref, ok := strip(x).(*sqlparse.ColumnRef); ok {
			cols = append(cols, r.column(ref, sc))
		}
	}
	r.mark(func(b *block) { b.partitions = append(b.partitions, cols) })
}

// allowed returns the kind of a listed function and refuses any other.
func (r *reader) allowed(e *sqlparse.FuncCall) functionKind {
	kind, ok := functions[e.Name]
	if !ok && e.Special && e.Schema == "" {
		kind, ok = specials[e.Name]
	}
	if ok && (e.Schema == "" || e.Schema == "pg_catalog") {
		if e.Schema == "" {
			r.callsByName(e.Name)
		}
		return kind
	}
	if r.local(e) {
		return plainFunction
	}
	panic(refuse(UserFunction, e.Start, "the function "+calledAs(e)+" may read tables, or change what other statements see",
		"write what it does in the statement, or call it with db.Shard(id); one of your own that does neither is registered: "+
			"select keyway.local_function('name(types)')"))
}

// paramUse collects how one parameter is used. PostgreSQL gives $n one type in the whole statement, from whatever it
// meets first: beside a float column $1 is a float, and then k = $1 matches two different bigints.
type paramUse struct {
	scalar, array [famBytea + 1]bool
	other         bool
}

func (r *reader) use(p *sqlparse.Param, fam family, array bool) {
	r.params = max(r.params, p.Number)
	u := r.uses[p.Number]
	if u == nil {
		u = &paramUse{}
		r.uses[p.Number] = u
	}
	switch {
	case fam == famNone:
		u.other = true
	case array:
		u.array[fam] = true
	default:
		u.scalar[fam] = true
	}
}

// only reports whether every use gives the parameter a type of the family.
func (u *paramUse) only(fam family, array bool) bool {
	if u == nil || u.other {
		return false
	}
	for f := range u.scalar {
		if u.scalar[f] && (array || family(f) != fam) || u.array[f] && (!array || family(f) != fam) {
			return false
		}
	}
	return true
}

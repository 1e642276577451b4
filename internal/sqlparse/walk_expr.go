package sqlparse

func (w walker) belowExpr(n Expr) {
	switch n := n.(type) {
	case *ColumnRef:
		parts(w, n.Parts)
	case *Star:
		parts(w, n.Parts)
	case *Param, *Literal, *DefaultExpr:
	case *Cast:
		w.expr(n.X)
		w.node(&n.Type)
	case *Unary:
		w.expr(n.X)
	case *Binary:
		w.expr(n.L)
		w.expr(n.R)
	case *And:
		w.exprs(n.X)
	case *Or:
		w.exprs(n.X)
	case *IsTest:
		w.expr(n.X)
	case *Between:
		w.expr(n.X)
		w.expr(n.Lo)
		w.expr(n.Hi)
	case *Like:
		w.expr(n.X)
		w.expr(n.Pattern)
		w.expr(n.Escape)
	case *In:
		w.expr(n.X)
		w.exprs(n.List)
		w.query(n.Query)
	case *Quantified:
		w.expr(n.X)
		w.expr(n.Array)
		w.query(n.Query)
	case *Subquery:
		w.query(n.Query)
	case *FuncCall:
		w.belowCall(n)
	case *ClauseCall:
		w.belowClauses(n)
	case *NamedArg:
		w.name(&n.Name)
		w.expr(n.X)
	case *Case:
		w.expr(n.X)
		parts(w, n.Whens)
		w.expr(n.Else)
	case *Coalesce:
		w.exprs(n.Args)
	case *Row:
		w.exprs(n.X)
	case *Array:
		w.exprs(n.X)
	case *Index:
		w.expr(n.X)
		w.expr(n.Lo)
		w.expr(n.Hi)
	case *Field:
		w.expr(n.X)
		w.name(&n.Name)
	case *Collate:
		w.expr(n.X)
		w.node(&n.Collation)
	case *Paren:
		w.expr(n.X)
	case *GroupingSet:
		w.exprs(n.X)
	}
}

func (w walker) belowCall(n *FuncCall) {
	w.exprs(n.Args)
	parts(w, n.OrderBy)
	parts(w, n.WithinGroup)
	w.expr(n.Filter)
	if n.Over != nil {
		w.node(n.Over)
	}
}

func (w walker) belowClauses(n *ClauseCall) {
	w.exprs(n.Args)
	w.query(n.Query)
	parts(w, n.Types)
	parts(w, n.Columns)
	parts(w, n.OrderBy)
	w.expr(n.Filter)
	if n.Over != nil {
		w.node(n.Over)
	}
}

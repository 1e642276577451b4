package sqlparse

// Walk calls f for n and, while f returns true, for every node below it, in the order of the text as far as the tree
// keeps it. Names, aliases and types are visited too; those that were not written are not. What a node holds by value
// is visited as a pointer into it (*Target, *OrderItem, *Name, ...).
func Walk(n Node, f func(Node) bool) {
	walker{f}.node(n)
}

type walker struct{ f func(Node) bool }

// node visits n; the caller has checked that it is not nil.
func (w walker) node(n Node) {
	if !w.f(n) {
		return
	}
	switch n := n.(type) {
	case Expr:
		w.belowExpr(n)
	case TableExpr:
		w.belowTable(n)
	case Statement:
		w.belowStatement(n)
	default:
		w.belowPart(n)
	}
}

func (w walker) expr(x Expr) {
	if x != nil {
		w.node(x)
	}
}

func (w walker) exprs(list []Expr) {
	for _, x := range list {
		w.node(x)
	}
}

func (w walker) query(q *Select) {
	if q != nil {
		w.node(q)
	}
}

func (w walker) name(n *Name) {
	if n.End > 0 {
		w.node(n)
	}
}

// parts visits nodes that a slice holds by value.
func parts[T any, P interface {
	*T
	Node
}](w walker, list []T) {
	for i := range list {
		w.node(P(&list[i]))
	}
}

func tables(w walker, list []TableExpr) {
	for _, t := range list {
		w.node(t)
	}
}

func (w walker) belowStatement(n Statement) {
	switch n := n.(type) {
	case *Select:
		w.with(n.With)
		w.belowSelect(n)
	case *Insert:
		w.with(n.With)
		w.node(&n.Table)
		parts(w, n.Columns)
		w.query(n.Query)
		if n.OnConflict != nil {
			w.node(n.OnConflict)
		}
		parts(w, n.ReturningWith)
		parts(w, n.Returning)
	case *Update:
		w.with(n.With)
		w.node(&n.Table)
		parts(w, n.Set)
		tables(w, n.From)
		w.expr(n.Where)
		parts(w, n.ReturningWith)
		parts(w, n.Returning)
	case *Delete:
		w.with(n.With)
		w.node(&n.Table)
		tables(w, n.Using)
		w.expr(n.Where)
		parts(w, n.ReturningWith)
		parts(w, n.Returning)
	case *Merge:
		w.with(n.With)
		w.node(&n.Table)
		w.node(n.Source)
		w.expr(n.On)
		parts(w, n.When)
		parts(w, n.ReturningWith)
		parts(w, n.Returning)
	}
}

func (w walker) with(n *With) {
	if n != nil {
		w.node(n)
	}
}

func (w walker) belowSelect(n *Select) {
	w.query(n.Left)
	w.query(n.Right)
	for _, row := range n.Values {
		w.exprs(row)
	}
	w.exprs(n.DistinctOn)
	parts(w, n.Targets)
	if n.Into != nil {
		w.node(n.Into)
	}
	tables(w, n.From)
	w.expr(n.Where)
	w.exprs(n.GroupBy)
	w.expr(n.Having)
	parts(w, n.Windows)
	parts(w, n.OrderBy)
	w.expr(n.Limit)
	w.expr(n.Offset)
	parts(w, n.Locking)
}

func (w walker) belowTable(n TableExpr) {
	switch n := n.(type) {
	case *TableRef:
		w.node(&n.Table)
		w.alias(&n.Alias)
		parts(w, n.Sample)
		w.exprs(n.SampleArgs)
	case *Join:
		w.node(n.Left)
		w.node(n.Right)
		w.expr(n.On)
		parts(w, n.Using)
		w.name(&n.UsingAlias)
		w.alias(&n.Alias)
	case *SubqueryRef:
		w.query(n.Query)
		w.alias(&n.Alias)
	case *FuncRef:
		w.exprs(n.Calls)
		for _, d := range n.CallDefs {
			if d != nil {
				w.node(d)
			}
		}
		w.alias(&n.Alias)
		parts(w, n.Types)
	}
}

// search visits the SEARCH and CYCLE clauses of a common table expression.
func (w walker) search(n *CTE) {
	if n.Search != nil {
		w.node(n.Search)
	}
	if n.Cycle != nil {
		w.node(n.Cycle)
	}
}

func (w walker) alias(a *Alias) {
	if a.End > 0 {
		w.node(a)
	}
}

// belowPart visits below the nodes that are neither statements, relations nor expressions.
func (w walker) belowPart(n Node) {
	switch n := n.(type) {
	case *With:
		for _, c := range n.CTEs {
			w.node(c)
		}
	case *CTE:
		w.name(&n.Name)
		parts(w, n.Columns)
		w.node(n.Query)
		w.search(n)
	case *Search:
		parts(w, n.Columns)
		w.name(&n.Set)
	case *Cycle:
		parts(w, n.Columns)
		w.name(&n.Set)
		w.expr(n.Mark)
		w.expr(n.Default)
		w.name(&n.Using)
	case *ColumnDefs:
		parts(w, n.Columns)
		parts(w, n.Types)
	case *ReturningAlias:
		w.name(&n.Name)
	case *TableName:
		w.name(&n.Schema)
		w.name(&n.Name)
	case *Alias:
		w.name(&n.Name)
		parts(w, n.Columns)
	case *Target:
		w.expr(n.Expr)
		w.name(&n.Alias)
	case *Locking:
		parts(w, n.Of)
	case *OrderItem:
		w.expr(n.Expr)
	case *WindowDef:
		w.name(&n.Name)
		w.name(&n.Base)
		w.exprs(n.Partition)
		parts(w, n.OrderBy)
		w.exprs(n.FrameArgs)
	case *InsertColumn:
		w.name(&n.Name)
		w.exprs(n.Subscripts)
	case *OnConflict:
		w.exprs(n.Targets)
		w.expr(n.TargetWhere)
		w.name(&n.Constraint)
		parts(w, n.Set)
		w.expr(n.Where)
	case *SetClause:
		parts(w, n.Columns)
		w.expr(n.Value)
	case *MergeWhen:
		w.expr(n.Cond)
		parts(w, n.Set)
		parts(w, n.Columns)
		w.exprs(n.Values)
	case *TypeName:
		w.exprs(n.Mods)
	case *When:
		w.expr(n.Cond)
		w.expr(n.Then)
	}
}

package sqlparse

// with reads WITH [RECURSIVE] cte, ...
func (p *parser) with() *With {
	start := p.next().Start
	w := &With{}
	if p.is("recursive") && isColID(p.peek(1)) {
		p.i++
		w.Recursive = true
	}
	w.CTEs = list(p, p.cte)
	w.Span = p.span(start)
	return w
}

func (p *parser) cte() *CTE {
	p.enter()
	start := p.tok().Start
	c := &CTE{Name: p.colID()}
	if p.isPunct("(") {
		c.Columns = p.nameList()
	}
	p.expect("as")
	switch {
	case p.accept("materialized"):
		c.Materialized = MaterializeAlways
	case p.acceptPair("not", "materialized"):
		c.Materialized = MaterializeNot
	}
	p.expectPunct("(")
	c.Query = p.statement()
	if _, merge := c.Query.(*Merge); merge {
		p.requires(17)
	}
	p.expectPunct(")")
	if p.is("search") {
		c.Search = p.search()
	}
	if p.is("cycle") {
		c.Cycle = p.cycle()
	}
	c.Span = p.span(start)
	p.leave()
	return c
}

// search reads SEARCH DEPTH|BREADTH FIRST BY a, b SET column.
func (p *parser) search() *Search {
	start := p.next().Start
	s := &Search{}
	switch p.oneOf("depth", "breadth") {
	case "":
		p.unexpected("DEPTH or BREADTH")
	case "breadth":
		s.Breadth = true
	}
	p.expect("first")
	p.expect("by")
	s.Columns = list(p, p.colID)
	p.expect("set")
	s.Set = p.colID()
	s.Span = p.span(start)
	return s
}

// cycle reads CYCLE a, b SET column [TO mark DEFAULT default] USING column.
func (p *parser) cycle() *Cycle {
	start := p.next().Start
	c := &Cycle{Columns: list(p, p.colID)}
	p.expect("set")
	c.Set = p.colID()
	if p.accept("to") {
		c.Mark = p.constantOfAType()
		p.expect("default")
		c.Default = p.constantOfAType()
	}
	p.expect("using")
	c.Using = p.colID()
	c.Span = p.span(start)
	return c
}

// constantOfAType reads what PostgreSQL's grammar calls AexprConst: a literal without a sign, or type 'text'.
func (p *parser) constantOfAType() Expr {
	at := p.tok().Start
	x := p.primary()
	switch c := x.(type) {
	case *Literal:
		return x
	case *Cast:
		if c.Type.Start == c.Start {
			return x
		}
	}
	failSyntax(at, "the mark of a cycle must be a constant")
	return nil
}

// orderBy reads ORDER BY item, ...
func (p *parser) orderBy() []OrderItem {
	p.expect("order")
	p.expect("by")
	return list(p, p.orderItem)
}

func (p *parser) orderItem() OrderItem {
	start := p.tok().Start
	o := OrderItem{Expr: p.expr(0)}
	switch {
	case p.accept("using"):
		o.Using, o.UsingSchema = p.anyOperator()
	case p.accept("desc"):
		o.Desc = true
	default:
		p.accept("asc")
	}
	if p.isPair("nulls", "first") || p.isPair("nulls", "last") {
		first := p.peek(1).Value == "first"
		o.NullsFirst = &first
		p.i += 2
	}
	o.Span = p.span(start)
	return o
}

// limitOffset reads LIMIT or FETCH, and OFFSET, in either order and reports whether there was any. In
// (select 1 limit 1) offset 1 PostgreSQL's versions differ; all such pairs are refused.
func (p *parser) limitOffset(q *Select) bool {
	if q.hasLimit || q.Offset != nil {
		once(p.tok().Start, "LIMIT or OFFSET", p.is("limit") || p.is("fetch") || p.is("offset"))
		return false
	}
	begin := p.i
	for {
		switch {
		case !q.hasLimit && p.accept("limit"):
			q.hasLimit = true
			if !p.accept("all") {
				q.Limit = p.expr(0)
			}
		case !q.hasLimit && p.accept("fetch"):
			q.hasLimit = true
			p.fetch(q)
		case q.Offset == nil && p.accept("offset"):
			p.offset(q)
		default:
			return p.i > begin
		}
	}
}

// offset reads the operand of OFFSET; only a simple one may be followed by ROWS.
func (p *parser) offset(q *Select) {
	q.Offset = p.expr(0)
	if simpleValue(q.Offset) {
		_ = p.accept("row") || p.accept("rows")
	}
}

// fetch reads FETCH FIRST [n] ROWS ONLY | WITH TIES. Without n it is one row.
func (p *parser) fetch(q *Select) {
	if p.oneOf("first", "next") == "" {
		p.unexpected("FIRST or NEXT")
	}
	if t := p.tok(); p.is("row") && !p.peek(1).isPunct("(") || p.is("rows") {
		q.Limit = &Literal{Span: Span{t.Start, t.Start}, Kind: LitInteger, Value: "1"}
	} else {
		q.Limit = p.expr(precCast)
		if !simpleValue(q.Limit) {
			failSyntax(q.Limit.Pos().Start, "an expression as FETCH's count must be in parentheses")
		}
	}
	if p.oneOf("row", "rows") == "" {
		p.unexpected("ROW or ROWS")
	}
	if p.accept("only") {
		return
	}
	p.expect("with")
	p.expect("ties")
	q.WithTies = true
	p.checkTies(q)
}

func (p *parser) checkTies(q *Select) {
	if q.OrderBy == nil {
		failSyntax(p.end(), "WITH TIES without ORDER BY")
	}
}

// simpleValue reports whether e is what PostgreSQL allows before ROWS: no operators but the sign of a number.
func simpleValue(e Expr) bool {
	switch e := e.(type) {
	case *Unary:
		n, literal := e.X.(*Literal)
		return literal && (n.Kind == LitInteger || n.Kind == LitNumeric) && n.Value[0] != '-' && (e.Op == "-" || e.Op == "+")
	case *Literal:
		return true
	}
	return isOperand(e)
}

// isOperand reports whether e was written without an operator around it: PostgreSQL's grammar calls it c_expr.
func isOperand(e Expr) bool {
	switch e := e.(type) {
	case *Cast: // CAST(...) and date '...', but not x::type
		return e.X.Pos().Start > e.Start
	case *FuncCall: // all but x AT LOCAL
		return len(e.Args) == 0 || e.Args[0].Pos().Start > e.Start
	case *Literal:
		return e.Kind != LitInteger || e.Value[0] != '-'
	case *ColumnRef, *Star, *Param, *Paren, *Case, *Coalesce, *Subquery, *Array, *Row, *Index, *Field, *ClauseCall:
		return true
	}
	return false
}

// locking reads FOR UPDATE and its kin.
func (p *parser) locking(q *Select) {
	if p.isPair("for", "read") {
		p.i += 2
		p.expect("only")
		return
	}
	for p.is("for") {
		q.Locking = append(q.Locking, p.lock())
	}
	for _, l := range q.Locking {
		if q.WithTies && l.Wait == "SKIP LOCKED" {
			failSyntax(l.Start, "SKIP LOCKED and WITH TIES together")
		}
	}
}

func (p *parser) lock() Locking {
	l := Locking{}
	start := p.next().Start
	switch {
	case p.accept("update"):
		l.Strength = "UPDATE"
	case p.accept("share"):
		l.Strength = "SHARE"
	case p.acceptPair("key", "share"):
		l.Strength = "KEY SHARE"
	case p.isPair("no", "key"):
		p.i += 2
		p.expect("update")
		l.Strength = "NO KEY UPDATE"
	default:
		p.unexpected("UPDATE, NO KEY UPDATE, SHARE or KEY SHARE")
	}
	if p.accept("of") {
		l.Of = list(p, p.tableName)
	}
	switch {
	case p.accept("nowait"):
		l.Wait = "NOWAIT"
	case p.acceptPair("skip", "locked"):
		l.Wait = "SKIP LOCKED"
	}
	l.Span = p.span(start)
	return l
}

// groupBy reads what follows GROUP BY.
func (p *parser) groupBy(q *Select) {
	q.GroupDistinct = p.accept("distinct")
	q.GroupAll = q.GroupDistinct || p.accept("all")
	q.GroupBy = list(p, p.groupItem)
}

func (p *parser) groupItem() Expr {
	p.enter()
	defer p.leave()
	start := p.tok().Start
	switch {
	case p.isPunct("(") && p.peek(1).isPunct(")"):
		p.i += 2
		return &GroupingSet{Span: p.span(start)}
	case (p.is("rollup") || p.is("cube")) && p.peek(1).isPunct("("):
		kind := p.next().Value
		p.i++
		x := p.exprs()
		p.expectPunct(")")
		return &GroupingSet{Span: p.span(start), Kind: kind, X: x}
	case p.isPair("grouping", "sets"):
		p.i += 2
		p.expectPunct("(")
		x := list(p, p.groupItem)
		p.expectPunct(")")
		return &GroupingSet{Span: p.span(start), Kind: "grouping sets", X: x}
	}
	return p.expr(0)
}

package sqlparse

// startsQuery reports whether the next token begins a query, in parentheses or not.
func (p *parser) startsQuery() bool {
	t := p.tok()
	switch t.Kind {
	case TokenKeyword:
		switch t.Value {
		case "select", "table", "with":
			return true
		case "values":
			return p.peek(1).isPunct("(")
		}
	case TokenPunct:
		return t.query
	}
	return false
}

// query reads [WITH ...] select-clause [ORDER BY ...] [LIMIT ...] [FOR ...]; the select-clause may be in parentheses.
func (p *parser) query() *Select {
	start := p.tok().Start
	var with *With
	if p.is("with") {
		with = p.with()
	}
	return p.queryAfterWith(start, with)
}

func (p *parser) queryAfterWith(start int, with *With) *Select {
	p.enter()
	q := p.setOperations(0)
	p.queryTail(start, with, q)
	p.leave()
	return q
}

// parenQuery reads ( query ). The parentheses belong to the caller's syntax; Parens tells of those further in.
func (p *parser) parenQuery() *Select {
	if !p.isPunct("(") || !p.tok().query {
		p.unexpected("a query in parentheses")
	}
	p.i++
	q := p.query()
	p.expectPunct(")")
	return q
}

// The precedence of set operations: INTERSECT binds tighter than UNION and EXCEPT; all group from the left.
func (p *parser) setOp() (op SetOp, precedence int) {
	t := p.tok()
	if t.Kind != TokenKeyword {
		return SetNone, 0
	}
	switch t.Value {
	case "union":
		return SetUnion, 1
	case "except":
		return SetExcept, 1
	case "intersect":
		return SetIntersect, 2
	}
	return SetNone, 0
}

func (p *parser) setOperations(above int) *Select {
	start := p.tok().Start
	left := p.simpleQuery()
	for links := 0; ; p.link(&links) {
		op, precedence := p.setOp()
		if precedence <= above {
			return left
		}
		p.i++
		all := p.accept("all")
		if !all {
			p.accept("distinct")
		}
		right := p.setOperations(precedence)
		left = &Select{Span: p.span(start), Op: op, All: all, Left: left, Right: right, WhereAt: -1}
	}
}

// simpleQuery reads SELECT, VALUES, TABLE, or a query in parentheses.
func (p *parser) simpleQuery() *Select {
	switch {
	case p.isPunct("("):
		q := p.parenQuery()
		q.Parens = true
		return q
	case p.is("select"):
		return p.simpleSelect()
	case p.is("values"):
		return p.values()
	case p.is("table"):
		return p.tableCommand()
	}
	p.unexpected("SELECT, VALUES or TABLE")
	return nil
}

// queryTail reads the clauses behind the select-clause into q. A query in parentheses takes them into itself, as in
// PostgreSQL: (select 1 order by 1) limit 1 is one query, and a clause that is given twice is an error.
func (p *parser) queryTail(start int, with *With, q *Select) {
	begin := p.i
	if with != nil {
		once(with.Start, "WITH", q.With != nil)
		q.With = with
	}
	if p.isPair("order", "by") {
		once(p.tok().Start, "ORDER BY", q.OrderBy != nil)
		q.OrderBy = p.orderBy()
	}
	if p.is("for") {
		p.locking(q)
		p.limitOffset(q)
	} else if p.limitOffset(q) {
		p.locking(q)
	}
	if with != nil || p.i > begin {
		q.Parens = false
		q.Span = p.span(start)
	}
}

func once(offset int, clause string, given bool) {
	if given {
		failSyntax(offset, "a query with two "+clause+" clauses")
	}
}

// simpleSelect reads SELECT ... up to WINDOW.
func (p *parser) simpleSelect() *Select {
	start := p.next().Start
	q := &Select{}
	p.distinct(q)
	if !p.endsTargets() || q.Distinct {
		q.Targets = p.targets()
	}
	if p.accept("into") {
		q.Into = p.into()
	}
	if p.accept("from") {
		q.From = list(p, p.tableExpr)
	}
	q.WhereAt = p.end()
	if p.accept("where") {
		q.Where = p.expr(0)
	}
	if p.acceptPair("group", "by") {
		p.groupBy(q)
	}
	if p.accept("having") {
		q.Having = p.expr(0)
	}
	if p.accept("window") {
		q.Windows = list(p, p.namedWindow)
	}
	q.Span = p.span(start)
	return q
}

// distinct reads ALL, DISTINCT or DISTINCT ON (...).
func (p *parser) distinct(q *Select) {
	if p.accept("all") || !p.accept("distinct") {
		return
	}
	q.Distinct = true
	if p.accept("on") {
		p.expectPunct("(")
		q.DistinctOn = p.exprs()
		p.expectPunct(")")
	}
}

// endsTargets reports whether the target list is empty: PostgreSQL allows SELECT FROM t.
func (p *parser) endsTargets() bool {
	t := p.tok()
	switch t.Kind {
	case TokenEOF:
		return true
	case TokenPunct:
		return t.Value == ")" || t.Value == ";"
	case TokenKeyword:
		switch t.Value {
		case "into", "from", "where", "group", "having", "window", "union", "intersect", "except", "order", "limit",
			"offset", "fetch", "for", "on", "returning":
			return true
		}
	}
	return false
}

func (p *parser) targets() []Target { return list(p, p.target) }

func (p *parser) target() Target {
	start := p.tok().Start
	if p.acceptOp("*") {
		return Target{Span: p.span(start), Expr: &Star{Span: p.span(start)}}
	}
	t := Target{Expr: p.expr(0)}
	if p.accept("as") {
		t.Alias = p.colLabel()
	} else if isBareLabel(p.tok()) {
		p.refuseOperatorLabel()
		t.Alias = p.name()
	}
	t.Span = p.span(start)
	return t
}

// refuseOperatorLabel refuses SELECT a AT: PostgreSQL takes such a word as a label or as the start of an operator,
// depending on the expression before it.
func (p *parser) refuseOperatorLabel() {
	switch t := p.tok(); {
	case t.Kind != TokenKeyword:
	case t.Value == "at", t.Value == "operator", t.Value == "similar", t.Value == "not":
		failUnsupported(t.Start, "the output name "+t.Value+" without AS", "write AS before it")
	}
}

func (p *parser) into() *TableName {
	switch t := p.tok(); t.Value {
	case "temporary", "temp", "local", "global", "unlogged", "table":
		if t.Kind == TokenKeyword {
			failUnsupported(t.Start, "SELECT INTO with "+upper(t.Value), "create the table in a migration")
		}
	}
	name := p.tableName()
	return &name
}

// values reads VALUES (...), (...).
func (p *parser) values() *Select {
	start := p.next().Start
	q := &Select{WhereAt: -1}
	q.Values = list(p, p.valuesRow)
	q.Span = p.span(start)
	return q
}

func (p *parser) valuesRow() []Expr {
	p.expectPunct("(")
	row := list(p, p.exprOrDefault)
	p.expectPunct(")")
	return row
}

// tableCommand reads TABLE name, which is SELECT * FROM name. Its star has an empty span, and there is no place for
// a WHERE.
func (p *parser) tableCommand() *Select {
	start := p.next().Start
	star := Span{start, start}
	table := p.relation()
	return &Select{
		Span:    p.span(start),
		Table:   true,
		Targets: []Target{{Span: star, Expr: &Star{Span: star}}},
		From:    []TableExpr{&table},
		WhereAt: -1,
	}
}

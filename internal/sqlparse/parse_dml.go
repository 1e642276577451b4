package sqlparse

// insert reads INSERT INTO ...; start is where its WITH clause, if any, began.
func (p *parser) insert(start int, with *With) *Insert {
	p.i++
	p.expect("into")
	s := &Insert{With: with}
	s.Table = p.insertTarget()
	if p.isPunct("(") && !p.tok().query {
		s.Columns, s.ColumnsSpan = p.insertColumns()
	}
	s.Overriding = p.overriding()
	switch {
	case p.is("default") && s.Columns == nil && s.Overriding == "":
		p.i++
		p.expect("values")
		s.DefaultValues = true
	case p.startsQuery():
		s.Query = p.query()
	default:
		p.unexpected("VALUES, SELECT or DEFAULT VALUES")
	}
	if p.isPair("on", "conflict") {
		s.OnConflict = p.onConflict()
	}
	s.ReturningWith, s.Returning = p.returning()
	s.Span = p.span(start)
	return s
}

func (p *parser) insertTarget() TableRef {
	start := p.tok().Start
	t := TableRef{Table: p.tableName()}
	if from := p.tok().Start; p.accept("as") {
		t.Alias.Name = p.colID()
		t.Alias.Span = p.span(from)
	}
	t.Span = p.span(start)
	return t
}

func (p *parser) insertColumns() ([]InsertColumn, Span) {
	start := p.tok().Start
	p.expectPunct("(")
	columns := list(p, p.assignedColumn)
	p.expectPunct(")")
	return columns, p.span(start)
}

// assignedColumn reads a column as INSERT's list and SET write it: name, name.field, name[i].
func (p *parser) assignedColumn() InsertColumn {
	start := p.tok().Start
	c := InsertColumn{Name: p.colID()}
	for p.isPunct(".") || p.isPunct("[") {
		c.Indirection = true
		if p.acceptPunct(".") {
			p.colLabel()
			continue
		}
		p.i++
		_, lo, hi := p.bounds()
		for _, x := range []Expr{lo, hi} {
			if x != nil {
				c.Subscripts = append(c.Subscripts, x)
			}
		}
	}
	c.Span = p.span(start)
	return c
}

// overriding reads OVERRIDING SYSTEM|USER VALUE, or nothing.
func (p *parser) overriding() string {
	if !p.accept("overriding") {
		return ""
	}
	kind := p.oneOf("system", "user")
	if kind == "" {
		p.unexpected("SYSTEM or USER")
	}
	p.expect("value")
	return upper(kind)
}

// onConflict reads ON CONFLICT [target] DO NOTHING | DO UPDATE SET ... [WHERE ...].
func (p *parser) onConflict() *OnConflict {
	start := p.tok().Start
	p.i += 2
	c := &OnConflict{}
	switch {
	case p.acceptPair("on", "constraint"):
		c.Constraint = p.colID()
	case p.acceptPunct("("):
		c.Targets = list(p, p.conflictTarget)
		p.expectPunct(")")
		if p.accept("where") {
			c.TargetWhere = p.expr(0)
		}
	}
	p.expect("do")
	if p.accept("nothing") {
		c.DoNothing = true
	} else {
		if c.Targets == nil && c.Constraint.Value == "" {
			failSyntax(p.tok().Start, "ON CONFLICT DO UPDATE needs a target: the columns or ON CONSTRAINT")
		}
		p.expect("update")
		c.Set = p.set()
		if p.accept("where") {
			c.Where = p.expr(0)
		}
	}
	c.Span = p.span(start)
	return c
}

// conflictTarget reads one element of an inferred index: a column, a function call, or an expression in parentheses.
func (p *parser) conflictTarget() Expr {
	var x Expr
	switch t := p.tok(); {
	case p.acceptPunct("("):
		inner := p.expr(0)
		p.expectPunct(")")
		x = &Paren{p.span(t.Start), inner}
	case p.startsFunction():
		x = p.function(false)
	default:
		name := p.colID()
		x = &ColumnRef{name.Span, []Name{name}}
	}
	if p.accept("collate") {
		name := p.collation()
		x = &Collate{p.span(x.Pos().Start), x, name}
	}
	if !p.isPunct(",") && !p.isPunct(")") {
		failUnsupported(p.tok().Start, "an operator class or an order in ON CONFLICT", "name only the columns")
	}
	return x
}

// set reads SET assignment, ...
func (p *parser) set() []SetClause {
	p.expect("set")
	return list(p, p.setClause)
}

// setClause reads column = value, or (a, b) = row.
func (p *parser) setClause() SetClause {
	start := p.tok().Start
	c := SetClause{}
	if p.isPunct("(") {
		c.Multi = true
		c.Columns, _ = p.insertColumns()
	} else {
		c.Columns = []InsertColumn{p.assignedColumn()}
	}
	if !p.acceptOp("=") {
		p.unexpected(`"="`)
	}
	if c.Multi {
		c.Value = p.rowOfValues()
	} else {
		c.Value = p.exprOrDefault()
	}
	c.Span = p.span(start)
	return c
}

// rowOfValues reads the right side of (a, b) = ..., where a row's values may be DEFAULT.
func (p *parser) rowOfValues() Expr {
	start := p.tok().Start
	explicit := p.is("row") && p.peek(1).isPunct("(")
	if !explicit && (!p.isPunct("(") || p.tok().query) {
		return p.exprOrDefault()
	}
	if explicit {
		p.i++
	}
	row := &Row{Explicit: explicit}
	p.expectPunct("(")
	if !explicit || !p.isPunct(")") {
		row.X = list(p, p.exprOrDefault)
	}
	p.expectPunct(")")
	row.Span = p.span(start)
	if explicit || len(row.X) > 1 {
		return row
	}
	return &Paren{row.Span, row.X[0]}
}

// dmlTarget reads the table of UPDATE, DELETE or MERGE with its alias.
func (p *parser) dmlTarget() TableRef {
	start := p.tok().Start
	t := p.relation()
	from := p.tok().Start
	if p.accept("as") || isColID(p.tok()) && !p.is("set") {
		t.Alias.Name = p.colID()
		t.Alias.Span = p.span(from)
	}
	t.Span = p.span(start)
	return t
}

func (p *parser) update(start int, with *With) *Update {
	p.i++
	s := &Update{With: with, Table: p.dmlTarget()}
	s.Set = p.set()
	if p.accept("from") {
		s.From = list(p, p.tableExpr)
	}
	s.WhereAt = p.end()
	s.Where, s.CurrentOf = p.whereOrCurrent()
	s.ReturningWith, s.Returning = p.returning()
	s.Span = p.span(start)
	return s
}

func (p *parser) delete(start int, with *With) *Delete {
	p.i++
	p.expect("from")
	s := &Delete{With: with, Table: p.dmlTarget()}
	if p.accept("using") {
		s.Using = list(p, p.tableExpr)
	}
	s.WhereAt = p.end()
	s.Where, s.CurrentOf = p.whereOrCurrent()
	s.ReturningWith, s.Returning = p.returning()
	s.Span = p.span(start)
	return s
}

// whereOrCurrent reads WHERE condition, WHERE CURRENT OF cursor, or nothing.
func (p *parser) whereOrCurrent() (where Expr, current bool) {
	if !p.accept("where") {
		return nil, false
	}
	if p.acceptPair("current", "of") {
		p.colID()
		return nil, true
	}
	return p.expr(0), false
}

// returning reads RETURNING [WITH (OLD AS a, NEW AS b)] targets, or nothing.
func (p *parser) returning() ([]ReturningAlias, []Target) {
	if !p.accept("returning") {
		return nil, nil
	}
	var aliases []ReturningAlias
	if p.accept("with") {
		p.requires(18)
		p.expectPunct("(")
		aliases = list(p, p.returningAlias)
		p.expectPunct(")")
	}
	return aliases, p.targets()
}

func (p *parser) returningAlias() ReturningAlias {
	start := p.tok().Start
	a := ReturningAlias{}
	switch p.oneOf("old", "new") {
	case "":
		p.unexpected("OLD or NEW")
	case "new":
		a.New = true
	}
	p.expect("as")
	a.Name = p.colID()
	a.Span = p.span(start)
	return a
}

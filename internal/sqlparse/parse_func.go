package sqlparse

// function reads a function call, in the usual syntax or in the keyword syntax of the SQL standard. windowed says
// whether FILTER, OVER and WITHIN GROUP may follow: in FROM they may not.
func (p *parser) function(windowed bool) Expr {
	t := p.tok()
	start := t.Start
	if t.Kind != TokenKeyword || t.word.category == catUnreserved {
		return p.plainFunction(start, windowed)
	}
	switch t.Value {
	case "current_date", "current_role", "current_user", "session_user", "user", "current_catalog":
		p.i++
		return p.special(start, t.Value)
	case "current_time", "current_timestamp", "localtime", "localtimestamp":
		p.i++
		return p.special(start, t.Value, p.length()...)
	case "current_schema":
		if !p.peek(1).isPunct("(") {
			p.i++
			return p.special(start, t.Value)
		}
	case "collation":
		if p.peek(1).isKeyword("for") {
			p.i += 2
			return p.special(start, "pg_collation_for", p.argument())
		}
	case "cast":
		return p.castFunction()
	case "system_user":
		failUnsupported(start, "SYSTEM_USER", "PostgreSQL 15 reads it as a column; quote it if it is one")
	}
	if t.word.category == catColName && p.peek(1).isPunct("(") {
		return p.colNameFunction(start, t.Value, windowed)
	}
	return p.plainFunction(start, windowed)
}

// plainFunction reads [schema.]name(...).
func (p *parser) plainFunction(start int, windowed bool) Expr {
	parts := p.functionName()
	if !p.isPunct("(") {
		p.unexpected(`"("`)
	}
	return p.call(start, parts, windowed)
}

// functionName reads name or schema.name.
func (p *parser) functionName() []Name {
	t := p.tok()
	qualified := p.peek(1).isPunct(".")
	if qualified && !isColID(t) || !qualified && !isTypeFuncName(t) {
		p.unexpected("an expression")
	}
	parts := []Name{p.name()}
	for p.acceptPunct(".") {
		parts = append(parts, p.colLabel())
	}
	return parts
}

// colNameFunction reads the functions whose names PostgreSQL's grammar knows.
func (p *parser) colNameFunction(start int, word string, windowed bool) Expr {
	if !windowed && (word == "exists" || word == "row" || word == "grouping") {
		p.unexpected("a function")
	}
	switch word {
	case "exists":
		p.i++
		q := p.parenQuery()
		return &Subquery{Span: p.span(start), Kind: SubExists, Query: q}
	case "row":
		return p.rowConstructor()
	case "coalesce", "greatest", "least", "nullif":
		return p.coalesce()
	case "grouping":
		p.i += 2
		args := p.exprs()
		p.expectPunct(")")
		return p.special(start, word, args...)
	case "extract", "normalize", "overlay", "position", "substring", "trim":
		return p.keywordFunction()
	case "json", "json_object", "json_array", "json_arrayagg", "json_objectagg", "json_scalar", "json_serialize",
		"json_exists", "json_query", "json_value":
		return p.jsonFunction(windowed)
	case "merge_action":
		p.requires(17)
		p.i += 2
		p.expectPunct(")")
		return p.special(start, word)
	case "treat":
		failUnsupported(start, "TREAT", "write CAST")
	case "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlparse", "xmlpi", "xmlroot", "xmlserialize":
		return p.xmlFunction()
	}
	p.unexpected("a function or an expression")
	return nil
}

// special makes the node of a function in keyword syntax, which ends at the last token read.
func (p *parser) special(start int, name string, args ...Expr) *FuncCall {
	return &FuncCall{Span: p.span(start), Name: name, Args: args, Special: true}
}

// argument reads (a).
func (p *parser) argument() Expr {
	p.expectPunct("(")
	x := p.expr(0)
	p.expectPunct(")")
	return x
}

func (p *parser) castFunction() Expr {
	start := p.next().Start
	p.expectPunct("(")
	x := p.expr(0)
	p.expect("as")
	t := p.typeName()
	p.expectPunct(")")
	return &Cast{Span: p.span(start), X: x, Type: t}
}

func (p *parser) rowConstructor() Expr {
	start := p.next().Start
	p.i++
	r := &Row{Explicit: true}
	if !p.isPunct(")") {
		r.X = p.exprs()
	}
	p.expectPunct(")")
	r.Span = p.span(start)
	return r
}

func (p *parser) coalesce() Expr {
	t := p.next()
	p.i++
	c := &Coalesce{Name: t.Value, Args: p.exprs()}
	if c.Name == "nullif" && len(c.Args) != 2 {
		failSyntax(t.Start, "NULLIF takes two values")
	}
	p.expectPunct(")")
	c.Span = p.span(t.Start)
	return c
}

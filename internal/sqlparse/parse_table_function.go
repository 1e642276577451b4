package sqlparse

// startsTableFunction reports whether the next relation of FROM is one of the standard's table functions.
func (p *parser) startsTableFunction() bool {
	return (p.is("json_table") || p.is("xmltable")) && p.peek(1).isPunct("(")
}

// tableFunction reads JSON_TABLE(...) or XMLTABLE(...) with its alias.
func (p *parser) tableFunction(start int, lateral bool) *FuncRef {
	p.enter()
	t := p.next()
	c := &ClauseCall{Name: t.Value}
	p.expectPunct("(")
	if c.Name == "json_table" {
		p.requires(17)
		p.jsonTable(c)
	} else {
		p.xmlTable(c)
	}
	p.expectPunct(")")
	c.Span = p.span(t.Start)
	f := &FuncRef{Lateral: lateral, Calls: []Expr{c}}
	f.Alias = p.alias()
	f.Span = p.span(start)
	p.leave()
	return f
}

// jsonTable reads document, path [AS name] [PASSING ...] COLUMNS (...) [behavior ON ERROR].
func (p *parser) jsonTable(c *ClauseCall) {
	p.jsonValue(c)
	p.expectPunct(",")
	at := p.tok().Start
	path := p.expr(0)
	if s, ok := path.(*Literal); !ok || s.Kind != LitString {
		failSyntax(at, "the path of JSON_TABLE must be a string")
	}
	c.Args = append(c.Args, path)
	if p.accept("as") {
		p.colID()
	}
	p.jsonPassing(c)
	p.jsonColumns(c)
	p.jsonBehavior(c, "error")
}

// jsonColumns reads COLUMNS (column, ...).
func (p *parser) jsonColumns(c *ClauseCall) {
	p.enter()
	p.expect("columns")
	p.expectPunct("(")
	for {
		p.jsonColumn(c)
		if !p.acceptPunct(",") {
			break
		}
	}
	p.expectPunct(")")
	p.leave()
}

func (p *parser) jsonColumn(c *ClauseCall) {
	if p.is("nested") && (p.peek(1).isKeyword("path") || p.peek(1).Kind == TokenString) {
		p.i++
		p.accept("path")
		p.jsonPath(c)
		if p.accept("as") {
			p.colID()
		}
		p.jsonColumns(c)
		return
	}
	c.Columns = append(c.Columns, p.colID())
	if p.acceptPair("for", "ordinality") {
		return
	}
	c.Types = append(c.Types, p.typeName())
	if p.accept("exists") {
		p.columnPath(c)
		p.jsonBehavior(c, "error")
		return
	}
	p.jsonFormat()
	p.columnPath(c)
	p.jsonWrapper()
	p.jsonQuotes()
	p.jsonBehaviors(c)
}

func (p *parser) columnPath(c *ClauseCall) {
	if p.accept("path") {
		p.jsonPath(c)
	}
}

func (p *parser) jsonPath(c *ClauseCall) {
	if p.tok().Kind != TokenString {
		p.unexpected("a path in a string")
	}
	c.Args = append(c.Args, p.literal(LitString))
}

// xmlTable reads [XMLNAMESPACES (...),] row PASSING document COLUMNS column, ...
func (p *parser) xmlTable(c *ClauseCall) {
	if p.is("xmlnamespaces") && p.peek(1).isPunct("(") {
		p.i += 2
		p.xmlNamespaces(c)
		p.expectPunct(")")
		p.expectPunct(",")
	}
	c.Args = append(c.Args, p.primary())
	c.Args = append(c.Args, p.xmlPassing())
	p.expect("columns")
	for {
		p.xmlColumn(c)
		if !p.acceptPunct(",") {
			return
		}
	}
}

func (p *parser) xmlNamespaces(c *ClauseCall) {
	for {
		if p.accept("default") {
			c.Args = append(c.Args, p.restrictedExpr(0))
		} else {
			c.Args = append(c.Args, p.restrictedExpr(0))
			p.expect("as")
			p.colLabel()
		}
		if !p.acceptPunct(",") {
			return
		}
	}
}

// xmlColumn reads name FOR ORDINALITY, or name type with PATH, DEFAULT and [NOT] NULL, each once.
func (p *parser) xmlColumn(c *ClauseCall) {
	c.Columns = append(c.Columns, p.colID())
	if p.acceptPair("for", "ordinality") {
		return
	}
	c.Types = append(c.Types, p.typeName())
	given := map[string]bool{}
	for {
		at := p.tok().Start
		var option string
		switch {
		case p.accept("path"):
			option = "PATH"
			c.Args = append(c.Args, p.restrictedExpr(0))
		case p.accept("default"):
			option = "DEFAULT"
			c.Args = append(c.Args, p.restrictedExpr(0))
		case p.acceptPair("not", "null"), p.accept("null"):
			option = "NULL"
		default:
			return
		}
		if given[option] {
			failSyntax(at, "a column of XMLTABLE with two clauses "+option)
		}
		given[option] = true
	}
}

package sqlparse

// jsonFunction reads the constructors and query functions of SQL/JSON. The next token is the name. The constructors
// are of PostgreSQL 16, the rest of 17; before that these names were functions like any other.
func (p *parser) jsonFunction(windowed bool) Expr {
	t := p.next()
	c := &ClauseCall{Name: t.Value}
	p.expectPunct("(")
	switch t.Value {
	case "json_object":
		if args := p.jsonObject(c); args != nil {
			p.expectPunct(")")
			return &FuncCall{Span: p.span(t.Start), Name: t.Value, Args: args}
		}
	case "json_array":
		p.jsonArray(c)
	case "json_objectagg":
		p.jsonPair(c, nil)
		p.onNull()
		p.uniqueKeys()
		p.jsonReturning(c)
	case "json_arrayagg":
		p.jsonValue(c)
		if p.is("order") {
			c.OrderBy = p.orderBy()
		}
		p.onNull()
		p.jsonReturning(c)
	default:
		p.requires(17)
		p.jsonQueryFunction(c)
	}
	p.requires(16)
	p.expectPunct(")")
	if windowed && (c.Name == "json_objectagg" || c.Name == "json_arrayagg") {
		c.Filter = p.filter()
		c.Over = p.over()
	}
	c.Span = p.span(t.Start)
	return c
}

// jsonQueryFunction reads the arguments of the functions that 17 added.
func (p *parser) jsonQueryFunction(c *ClauseCall) {
	switch c.Name {
	case "json":
		p.jsonValue(c)
		p.uniqueKeys()
		return
	case "json_scalar":
		c.Args = append(c.Args, p.expr(0))
		return
	case "json_serialize":
		p.jsonValue(c)
		p.jsonReturning(c)
		return
	}
	p.jsonValue(c)
	p.expectPunct(",")
	c.Args = append(c.Args, p.expr(0))
	p.jsonPassing(c)
	switch c.Name {
	case "json_exists":
		p.jsonBehavior(c, "error")
	case "json_query":
		p.jsonReturning(c)
		p.jsonWrapper()
		p.jsonQuotes()
		p.jsonBehaviors(c)
	case "json_value":
		p.jsonReturning(c)
		p.jsonBehaviors(c)
	}
}

// jsonObject reads key: value or key VALUE value pairs into c. When the arguments are those of the function
// json_object(text[], text[]), which all versions have, it returns them instead.
func (p *parser) jsonObject(c *ClauseCall) []Expr {
	if p.isPunct(")") || p.is("returning") {
		p.jsonReturning(c)
		return nil
	}
	first := p.funcArg()
	if p.isPunct(",") || p.isPunct(")") {
		args := []Expr{first}
		for p.acceptPunct(",") {
			args = append(args, p.funcArg())
		}
		return args
	}
	p.jsonPair(c, first)
	for p.acceptPunct(",") {
		p.jsonPair(c, nil)
	}
	p.onNull()
	p.uniqueKeys()
	p.jsonReturning(c)
	return nil
}

// jsonPair reads key: value or key VALUE value; key is what has been read of it.
func (p *parser) jsonPair(c *ClauseCall, key Expr) {
	if key == nil {
		key = p.expr(0)
	}
	switch {
	case p.acceptPunct(":"):
	case p.is("value") && isOperand(key):
		p.i++
	default:
		p.unexpected(`":" or VALUE after the key`)
	}
	c.Args = append(c.Args, key)
	p.jsonValue(c)
}

// jsonArray reads values, a query, or nothing.
func (p *parser) jsonArray(c *ClauseCall) {
	switch {
	case p.isPunct(")"), p.is("returning"):
	case p.startsQuery() && (!p.isPunct("(") || continuesQuery(&p.tokens[p.tok().close+1])):
		c.Query = p.query()
		p.jsonFormat()
	default:
		p.jsonValue(c)
		for p.acceptPunct(",") {
			p.jsonValue(c)
		}
		p.onNull()
	}
	p.jsonReturning(c)
}

// jsonValue reads expression [FORMAT JSON [ENCODING name]].
func (p *parser) jsonValue(c *ClauseCall) {
	c.Args = append(c.Args, p.expr(0))
	p.jsonFormat()
}

func (p *parser) jsonFormat() bool {
	if !p.acceptPair("format", "json") {
		return false
	}
	if p.accept("encoding") {
		p.jsonEncoding()
	}
	return true
}

func (p *parser) jsonEncoding() {
	t := p.tok()
	switch name := p.colID().Value; foldASCII(name) {
	case "utf8", "utf16", "utf32":
	default:
		failSyntax(t.Start, "an encoding of JSON that is none: UTF8, UTF16 or UTF32")
	}
}

func (p *parser) jsonReturning(c *ClauseCall) {
	if p.accept("returning") {
		c.Types = append(c.Types, p.typeName())
		p.jsonFormat()
	}
}

// jsonPassing reads PASSING value AS name, ...
func (p *parser) jsonPassing(c *ClauseCall) {
	if !p.accept("passing") {
		return
	}
	for {
		p.jsonValue(c)
		p.expect("as")
		p.colLabel()
		if !p.acceptPunct(",") {
			return
		}
	}
}

// onNull reads NULL ON NULL or ABSENT ON NULL, or nothing.
func (p *parser) onNull() {
	if p.oneOf("null", "absent") != "" {
		p.expect("on")
		p.expect("null")
	}
}

// uniqueKeys reads WITH UNIQUE [KEYS] or WITHOUT UNIQUE [KEYS], or nothing, and reports whether it was WITH.
func (p *parser) uniqueKeys() bool {
	with := p.isPair("with", "unique")
	if !with && !p.isPair("without", "unique") {
		return false
	}
	p.i += 2
	p.accept("keys")
	return with
}

// jsonWrapper reads WITH [CONDITIONAL | UNCONDITIONAL] [ARRAY] WRAPPER, WITHOUT [ARRAY] WRAPPER, or nothing.
func (p *parser) jsonWrapper() {
	switch p.oneOf("with", "without") {
	case "":
		return
	case "with":
		p.oneOf("conditional", "unconditional")
	}
	p.accept("array")
	p.expect("wrapper")
}

// jsonQuotes reads KEEP|OMIT QUOTES [ON SCALAR STRING], or nothing.
func (p *parser) jsonQuotes() {
	if p.oneOf("keep", "omit") == "" {
		return
	}
	p.expect("quotes")
	if p.accept("on") {
		p.expect("scalar")
		p.expect("string")
	}
}

// jsonBehaviors reads behavior ON EMPTY, behavior ON ERROR, or both in this order.
func (p *parser) jsonBehaviors(c *ClauseCall) {
	if p.jsonBehavior(c, "") == "empty" {
		p.jsonBehavior(c, "error")
	}
}

// jsonBehavior reads behavior ON event, or nothing; an event of "" may be both. It returns the event.
func (p *parser) jsonBehavior(c *ClauseCall, event string) string {
	switch {
	case p.accept("default"):
		c.Args = append(c.Args, p.expr(0))
	case p.accept("empty"):
		p.oneOf("array", "object")
	case p.oneOf("error", "null", "true", "false", "unknown") != "":
	default:
		return ""
	}
	p.expect("on")
	if event != "" {
		p.expect(event)
		return event
	}
	event = p.oneOf("empty", "error")
	if event == "" {
		p.unexpected("EMPTY or ERROR")
	}
	return event
}

package sqlparse

// xmlFunction reads the functions of XML that have a syntax of their own. The next token is the name.
func (p *parser) xmlFunction() Expr {
	t := p.next()
	c := &ClauseCall{Name: t.Value}
	p.expectPunct("(")
	switch t.Value {
	case "xmlconcat":
		c.Args = p.exprs()
	case "xmlelement":
		p.xmlElement(c)
	case "xmlexists":
		args := []Expr{p.primary(), p.xmlPassing()}
		p.expectPunct(")")
		return p.special(t.Start, t.Value, args...)
	case "xmlforest":
		p.xmlAttributes(c)
	case "xmlparse":
		p.xmlKind()
		c.Args = []Expr{p.expr(0)}
		if p.oneOf("preserve", "strip") != "" {
			p.expect("whitespace")
		}
	case "xmlpi":
		p.expect("name")
		p.colLabel()
		if p.acceptPunct(",") {
			c.Args = []Expr{p.expr(0)}
		}
	case "xmlroot":
		p.xmlRoot(c)
	case "xmlserialize":
		p.xmlSerialize(c)
	}
	p.expectPunct(")")
	c.Span = p.span(t.Start)
	return c
}

// xmlElement reads NAME name [, XMLATTRIBUTES (...)] [, content, ...].
func (p *parser) xmlElement(c *ClauseCall) {
	p.expect("name")
	p.colLabel()
	if !p.acceptPunct(",") {
		return
	}
	if p.is("xmlattributes") && p.peek(1).isPunct("(") {
		p.i += 2
		p.xmlAttributes(c)
		p.expectPunct(")")
		if !p.acceptPunct(",") {
			return
		}
	}
	c.Args = append(c.Args, p.exprs()...)
}

// xmlAttributes reads value [AS name], ...
func (p *parser) xmlAttributes(c *ClauseCall) {
	for {
		c.Args = append(c.Args, p.expr(0))
		if p.accept("as") {
			p.colLabel()
		}
		if !p.acceptPunct(",") {
			return
		}
	}
}

func (p *parser) xmlKind() {
	if p.oneOf("document", "content") == "" {
		p.unexpected("DOCUMENT or CONTENT")
	}
}

// xmlPassing reads PASSING [BY REF | BY VALUE] document [BY REF | BY VALUE].
func (p *parser) xmlPassing() Expr {
	p.expect("passing")
	p.xmlMechanism()
	x := p.primary()
	p.xmlMechanism()
	return x
}

func (p *parser) xmlMechanism() {
	if p.accept("by") && p.oneOf("ref", "value") == "" {
		p.unexpected("REF or VALUE")
	}
}

// xmlRoot reads document, VERSION value | NO VALUE [, STANDALONE YES | NO | NO VALUE].
func (p *parser) xmlRoot(c *ClauseCall) {
	c.Args = []Expr{p.expr(0)}
	p.expectPunct(",")
	p.expect("version")
	if !p.acceptPair("no", "value") {
		c.Args = append(c.Args, p.expr(0))
	}
	if !p.acceptPunct(",") {
		return
	}
	p.expect("standalone")
	switch p.oneOf("yes", "no") {
	case "":
		p.unexpected("YES or NO")
	case "no":
		p.accept("value")
	}
}

// xmlSerialize reads DOCUMENT|CONTENT document AS type [[NO] INDENT].
func (p *parser) xmlSerialize(c *ClauseCall) {
	p.xmlKind()
	c.Args = []Expr{p.expr(0)}
	p.expect("as")
	c.Types = []TypeName{p.simpleType()}
	switch {
	case p.accept("indent"), p.acceptPair("no", "indent"):
		p.requires(16)
	}
}

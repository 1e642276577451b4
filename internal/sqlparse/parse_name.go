package sqlparse

// isColID reports whether t may name a column or a table.
func isColID(t *Token) bool {
	switch t.Kind {
	case TokenIdent, TokenQuoted:
		return true
	case TokenKeyword:
		return t.word.category == catUnreserved || t.word.category == catColName
	}
	return false
}

// isTypeFuncName reports whether t may name a function or a type.
func isTypeFuncName(t *Token) bool {
	switch t.Kind {
	case TokenIdent, TokenQuoted:
		return true
	case TokenKeyword:
		return t.word.category == catUnreserved || t.word.category == catTypeFuncName
	}
	return false
}

// isColLabel reports whether t may stand behind AS or a dot.
func isColLabel(t *Token) bool {
	switch t.Kind {
	case TokenIdent, TokenQuoted:
		return true
	case TokenKeyword:
		return t.word.category != catNone
	}
	return false
}

// isBareLabel reports whether t may name an output column without AS.
func isBareLabel(t *Token) bool {
	return isColLabel(t) && (t.Kind != TokenKeyword || t.word.bareLabel)
}

// name takes the next token as a name, whatever it is.
func (p *parser) name() Name {
	t := p.next()
	return Name{Span: t.Span, Value: t.Value, Quoted: t.Kind == TokenQuoted}
}

func (p *parser) colID() Name {
	if !isColID(p.tok()) {
		p.unexpected("a name")
	}
	return p.name()
}

func (p *parser) colLabel() Name {
	if !isColLabel(p.tok()) {
		p.unexpected("a name")
	}
	return p.name()
}

// nameList reads (a, b, c).
func (p *parser) nameList() []Name {
	p.expectPunct("(")
	names := list(p, p.colID)
	p.expectPunct(")")
	return names
}

// tableName reads name or schema.name.
func (p *parser) tableName() TableName {
	start := p.tok().Start
	n := TableName{Name: p.colID()}
	if p.acceptPunct(".") {
		n.Schema, n.Name = n.Name, p.colLabel()
	}
	p.refuseDot()
	n.Span = p.span(start)
	return n
}

// refuseDot refuses one more part of a qualified name.
func (p *parser) refuseDot() {
	if p.isPunct(".") {
		failUnsupported(p.tok().Start, "a name with a database in front", "write schema.name")
	}
}

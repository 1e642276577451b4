package sqlparse

import "slices"

// primary reads what PostgreSQL's grammar calls c_expr: an operand without any operator.
func (p *parser) primary() Expr {
	t := p.tok()
	switch t.Kind {
	case TokenParam:
		p.i++
		n := 0
		for _, digit := range t.Value {
			n = n*10 + int(digit-'0')
		}
		return p.indirection(&Param{t.Span, n})
	case TokenInteger:
		return p.literal(LitInteger)
	case TokenNumeric:
		return p.literal(LitNumeric)
	case TokenString:
		return p.literal(LitString)
	case TokenBit:
		return p.literal(LitBit)
	case TokenIdent, TokenQuoted:
		return p.named(true)
	case TokenKeyword:
		return p.keywordPrimary()
	case TokenPunct:
		if t.Value == "(" {
			return p.parens()
		}
	}
	p.unexpected("an expression")
	return nil
}

func (p *parser) literal(kind LiteralKind) Expr {
	t := p.next()
	return &Literal{Span: t.Span, Kind: kind, Value: t.Value}
}

// parens reads (query), (a), or the row (a, b).
func (p *parser) parens() Expr {
	start := p.tok().Start
	if p.tok().query {
		q := p.parenQuery()
		return p.indirection(&Subquery{Span: p.span(start), Kind: SubScalar, Query: q})
	}
	p.i++
	x := p.expr(0)
	if !p.isPunct(",") {
		p.expectPunct(")")
		return p.indirection(&Paren{p.span(start), x})
	}
	row := &Row{X: []Expr{x}}
	for p.acceptPunct(",") {
		row.X = append(row.X, p.expr(0))
	}
	p.expectPunct(")")
	row.Span = p.span(start)
	return row
}

// indirection reads the .name, .* and [i] behind an operand.
func (p *parser) indirection(x Expr) Expr {
	start := x.Pos().Start
	for links := 0; ; p.link(&links) {
		switch {
		case p.acceptPunct("."):
			f := &Field{X: x}
			if f.Star = p.acceptOp("*"); !f.Star {
				f.Name = p.colLabel()
			}
			f.Span = p.span(start)
			x = f
			if f.Star {
				p.endIndirection()
				return x
			}
		case p.acceptPunct("["):
			x = p.subscript(x)
		default:
			return x
		}
	}
}

// endIndirection refuses what follows a star: a.*.b and a.*[1].
func (p *parser) endIndirection() {
	if p.isPunct(".") || p.isPunct("[") {
		p.unexpected("nothing after .*")
	}
}

func (p *parser) subscript(x Expr) Expr {
	n := &Index{X: x}
	n.Slice, n.Lo, n.Hi = p.bounds()
	n.Span = p.span(x.Pos().Start)
	return n
}

// bounds reads i], lo:hi], :hi], lo:] or :].
func (p *parser) bounds() (slice bool, lo, hi Expr) {
	if !p.isPunct(":") {
		lo = p.expr(0)
	}
	if slice = p.acceptPunct(":"); slice && !p.isPunct("]") {
		hi = p.expr(0)
	}
	p.expectPunct("]")
	return slice, lo, hi
}

// named reads what begins with a name: a column, a function call, or a typed literal. function says whether the name,
// when it stands alone, may be a function's or a type's.
func (p *parser) named(function bool) Expr {
	start := p.tok().Start
	var few [3]Name // keeps the parts off the heap until they are a node's
	parts := append(few[:0], p.name())
	for p.acceptPunct(".") {
		function = true
		if p.acceptOp("*") {
			p.endIndirection()
			p.checkParts(parts)
			return &Star{p.span(start), slices.Clone(parts)}
		}
		parts = append(parts, p.colLabel())
	}
	switch {
	case p.isPunct("(") && function:
		return p.call(start, parts, true)
	case p.tok().Kind == TokenString && function:
		return p.typedLiteral(start, p.typeOf(start, parts))
	}
	p.checkParts(parts)
	return p.indirection(columnRef(p.span(start), parts))
}

// columnRef makes a node and its parts of one piece, for there are many.
func columnRef(span Span, parts []Name) *ColumnRef {
	if len(parts) == 1 {
		n := &struct {
			ref   ColumnRef
			parts [1]Name
		}{ref: ColumnRef{Span: span}, parts: [1]Name{parts[0]}}
		n.ref.Parts = n.parts[:]
		return &n.ref
	}
	return &ColumnRef{span, slices.Clone(parts)}
}

func (p *parser) checkParts(parts []Name) {
	if len(parts) > 3 {
		failUnsupported(parts[0].Start, "a name with a database in front", "write schema.table.column")
	}
}

func (p *parser) typeOf(start int, parts []Name) TypeName {
	last := parts[len(parts)-1]
	t := TypeName{Span: p.span(start), Name: last.Value, Quoted: last.Quoted}
	switch len(parts) {
	case 1:
	case 2:
		t.Schema = parts[0].Value
	default:
		failUnsupported(start, "a name with a database in front", "write schema.type")
	}
	return t
}

// typedLiteral reads the string of type 'text'.
func (p *parser) typedLiteral(start int, t TypeName) Expr {
	if p.tok().Kind != TokenString {
		p.unexpected("a string after the type")
	}
	x := p.literal(LitString)
	if t.Name == "interval" && !t.Quoted && t.Schema == "" && t.Mods == nil {
		t.Fields = p.intervalFields()
	}
	return &Cast{Span: p.span(start), X: x, Type: t}
}

// keywordPrimary reads an operand that begins with a keyword.
func (p *parser) keywordPrimary() Expr {
	t := p.tok()
	switch t.word.category {
	case catUnreserved:
		if t.Value == "double" && p.peek(1).isKeyword("precision") {
			return p.keywordLiteral()
		}
		return p.named(true)
	case catColName:
		switch {
		case p.startsKeywordLiteral():
			return p.keywordLiteral()
		case p.peek(1).isPunct("("):
			return p.function(true)
		}
		return p.named(false)
	case catTypeFuncName:
		if p.peek(1).Kind == TokenString {
			return p.named(true)
		}
		return p.function(true)
	}
	switch t.Value {
	case "null":
		return p.constant(LitNull)
	case "true":
		return p.constant(LitTrue)
	case "false":
		return p.constant(LitFalse)
	case "case":
		return p.caseExpr()
	case "array":
		return p.array()
	case "default":
		failSyntax(t.Start, "DEFAULT may stand only for a whole value in VALUES or SET")
	}
	return p.function(true)
}

func (p *parser) constant(kind LiteralKind) Expr { return &Literal{Span: p.next().Span, Kind: kind} }

// startsKeywordLiteral reports whether the next keyword, which may also be a column's name, begins type 'text'.
func (p *parser) startsKeywordLiteral() bool {
	after := p.peek(1)
	switch p.tok().Value {
	case "int", "integer", "smallint", "bigint", "real", "boolean", "json":
		return after.Kind == TokenString
	case "float", "decimal", "dec", "numeric", "interval", "varchar":
		return after.Kind == TokenString || after.isPunct("(")
	case "bit", "character", "char", "nchar":
		return after.Kind == TokenString || after.isPunct("(") || after.isKeyword("varying")
	case "national":
		return after.isKeyword("character") || after.isKeyword("char")
	case "timestamp", "time":
		return after.Kind == TokenString || after.isPunct("(") ||
			(after.isKeyword("with") || after.isKeyword("without")) && p.peek(2).isKeyword("time")
	}
	return false
}

func (p *parser) keywordLiteral() Expr {
	start := p.tok().Start
	t, _ := p.keywordType()
	t.Span = p.span(start)
	return p.typedLiteral(start, t)
}

// array reads ARRAY(query) or ARRAY[...].
func (p *parser) array() Expr {
	start := p.next().Start
	if p.isPunct("(") {
		q := p.parenQuery()
		return &Subquery{Span: p.span(start), Kind: SubArray, Query: q}
	}
	a := p.brackets()
	a.Start = start
	return a
}

// brackets reads [a, b], [] or, one dimension up, [[a], [b]].
func (p *parser) brackets() *Array {
	p.enter()
	start := p.tok().Start
	p.expectPunct("[")
	a := &Array{}
	switch {
	case p.isPunct("["):
		a.X = list(p, func() Expr { return p.brackets() })
	case !p.isPunct("]"):
		a.X = p.exprs()
	}
	p.expectPunct("]")
	a.Span = p.span(start)
	p.leave()
	return a
}

func (p *parser) caseExpr() Expr {
	start := p.next().Start
	c := &Case{}
	if !p.is("when") {
		c.X = p.expr(0)
	}
	for p.is("when") {
		w := When{}
		from := p.next().Start
		w.Cond = p.expr(0)
		p.expect("then")
		w.Then = p.expr(0)
		w.Span = p.span(from)
		c.Whens = append(c.Whens, w)
	}
	if c.Whens == nil {
		p.unexpected("WHEN")
	}
	if p.accept("else") {
		c.Else = p.expr(0)
	}
	p.expect("end")
	c.Span = p.span(start)
	return c
}

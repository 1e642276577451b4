package sqlparse

// operator reads the infix or postfix operator that is next, whose binding strength is prec, and its right side.
func (p *parser) operator(left Expr, prec int, restricted bool) Expr {
	t := p.tok()
	start := left.Pos().Start
	switch t.Kind {
	case TokenOperator:
		p.i++
		return p.binary(left, t.Value, "", prec, restricted)
	case TokenPunct: // ::
		p.i++
		typ := p.typeName()
		return &Cast{Span: p.span(start), X: left, Type: typ}
	}
	switch t.Value {
	case "operator":
		op, schema := p.qualifiedOperator()
		return p.binary(left, op, schema, prec, restricted)
	case "is":
		p.i++
		return p.isTest(left, restricted)
	case "isnull", "notnull":
		p.i++
		return &IsTest{Span: p.span(start), X: left, Not: t.Value == "notnull", What: "null"}
	case "at":
		if p.peek(1).isKeyword("local") {
			p.i += 2
			p.requires(17)
			return p.special(start, "timezone", left)
		}
		p.i += 2
		p.expect("zone")
		right := p.expr(precAt)
		return &Binary{Span: p.span(start), Op: "at time zone", L: left, R: right}
	case "collate":
		p.i++
		name := p.collation()
		return &Collate{Span: p.span(start), X: left, Collation: name}
	}
	return p.matching(left)
}

// binary reads the right side of an operator, which may be ANY, SOME or ALL of an array or a query.
func (p *parser) binary(left Expr, op, schema string, prec int, restricted bool) Expr {
	if !restricted && p.startsQuantifier() {
		return p.quantified(left, op, schema)
	}
	right := p.climb(prec, restricted)
	return &Binary{Span: p.span(left.Pos().Start), Op: op, OpSchema: schema, L: left, R: right}
}

func (p *parser) startsQuantifier() bool { return p.is("any") || p.is("some") || p.is("all") }

func (p *parser) quantified(left Expr, op, schema string) Expr {
	q := &Quantified{X: left, Op: op, OpSchema: schema, All: p.next().Value == "all"}
	if p.tok().query {
		q.Query = p.parenQuery()
	} else {
		p.expectPunct("(")
		q.Array = p.expr(0)
		p.expectPunct(")")
	}
	q.Span = p.span(left.Pos().Start)
	return q
}

// isTest reads what follows IS.
func (p *parser) isTest(left Expr, restricted bool) Expr {
	start := left.Pos().Start
	not := p.accept("not")
	if p.accept("distinct") {
		p.expect("from")
		op := "is distinct from"
		if not {
			op = "is not distinct from"
		}
		right := p.climb(precIs, restricted)
		return &Binary{Span: p.span(start), Op: op, L: left, R: right}
	}
	if restricted && !p.is("document") {
		p.unexpected("[NOT] DISTINCT FROM or DOCUMENT")
	}
	what := p.oneOf("null", "true", "false", "unknown", "document", "normalized", "nfc", "nfd", "nfkc", "nfkd", "json")
	switch what {
	case "":
		p.unexpected("a test after IS")
	case "nfc", "nfd", "nfkc", "nfkd":
		p.expect("normalized")
		what += " normalized"
	case "json":
		what = p.jsonTest()
	}
	return &IsTest{Span: p.span(start), X: left, Not: not, What: what}
}

func (p *parser) jsonTest() string {
	p.requires(16)
	what := "json"
	if kind := p.oneOf("value", "array", "object", "scalar"); kind != "" {
		what += " " + kind
	}
	if p.uniqueKeys() {
		what += " with unique keys"
	}
	return what
}

// matching reads [NOT] BETWEEN, IN, LIKE, ILIKE or SIMILAR TO.
func (p *parser) matching(left Expr) Expr {
	not := p.accept("not")
	switch t := p.next(); t.Value {
	case "between":
		return p.between(left, not)
	case "in":
		return p.in(left, not)
	case "similar":
		p.expect("to")
		return p.like(left, not, "similar to")
	default:
		if p.startsQuantifier() {
			op := t.Value
			if not {
				op = "not " + op
			}
			return p.quantified(left, op, "")
		}
		return p.like(left, not, t.Value)
	}
}

func (p *parser) between(left Expr, not bool) Expr {
	b := &Between{X: left, Not: not}
	b.Symmetric = p.accept("symmetric")
	if !b.Symmetric {
		p.accept("asymmetric")
	}
	b.Lo = p.restrictedExpr(0)
	p.expect("and")
	b.Hi = p.expr(precLike)
	b.Span = p.span(left.Pos().Start)
	return b
}

func (p *parser) in(left Expr, not bool) Expr {
	in := &In{X: left, Not: not}
	if p.tok().query {
		in.Query = p.parenQuery()
	} else {
		p.expectPunct("(")
		in.List = p.exprs()
		p.expectPunct(")")
	}
	in.Span = p.span(left.Pos().Start)
	return in
}

func (p *parser) like(left Expr, not bool, op string) Expr {
	l := &Like{Op: op, Not: not, X: left}
	l.Pattern = p.expr(precLike)
	if p.accept("escape") {
		l.Escape = p.expr(precLike)
	}
	l.Span = p.span(left.Pos().Start)
	return l
}

// qualifiedOperator reads OPERATOR(op) or OPERATOR(schema.op).
func (p *parser) qualifiedOperator() (op, schema string) {
	p.expect("operator")
	p.expectPunct("(")
	if p.tok().Kind != TokenOperator {
		schema = p.colID().Value
		p.expectPunct(".")
		if isColID(p.tok()) {
			failUnsupported(p.tok().Start, "an operator with a database in front", "write OPERATOR(schema.operator)")
		}
	}
	if p.tok().Kind != TokenOperator {
		p.unexpected("an operator")
	}
	op = p.next().Value
	p.expectPunct(")")
	return op, schema
}

// anyOperator reads an operator in either spelling, as ORDER BY ... USING does.
func (p *parser) anyOperator() (op, schema string) {
	if p.is("operator") {
		return p.qualifiedOperator()
	}
	if p.tok().Kind != TokenOperator {
		p.unexpected("an operator")
	}
	return p.next().Value, ""
}

func (p *parser) collation() TableName { return p.tableName() }

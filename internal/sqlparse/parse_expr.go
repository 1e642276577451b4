package sqlparse

// The binding strength of operators, from PostgreSQL's documentation, section 4.1.6, which its grammar refines: a
// prefix operator other than + and - binds like the infix ones of its class, and all IS forms bind below comparison.
const (
	precOr = iota + 1
	precAnd
	precNot
	precIs      // IS ..., ISNULL, NOTNULL; does not chain
	precCompare // < > = <= >= <>; does not chain
	precLike    // BETWEEN IN LIKE ILIKE SIMILAR; does not chain
	precOp      // every other operator, and OPERATOR(...)
	precAdd
	precMul
	precPow
	precAt
	precCollate
	precSign // unary + and -
	precCast
)

// expr reads an expression with the operators that bind tighter than above.
func (p *parser) expr(above int) Expr { return p.climb(above, false) }

// restrictedExpr reads what PostgreSQL's grammar calls b_expr: no AND, OR, NOT, IN, LIKE, BETWEEN, COLLATE, AT TIME
// ZONE or IS NULL at its top. BETWEEN's lower bound is one, so that its AND is not taken for a conjunction.
func (p *parser) restrictedExpr(above int) Expr { return p.climb(above, true) }

// climb is precedence climbing. It decides as PostgreSQL's LALR parser does: the operator whose right operand is being
// read is the only one that the next operator is compared with.
func (p *parser) climb(above int, restricted bool) Expr {
	p.enter()
	left := p.prefix(restricted)
	for links := 0; ; p.link(&links) {
		prec := p.infix(restricted)
		if prec <= above {
			if prec == above && precIs <= prec && prec <= precLike {
				failSyntax(p.tok().Start, "operators of this kind do not chain; use parentheses")
			}
			p.leave()
			return left
		}
		switch {
		case above == 0 && p.is("similar") && !p.peek(1).isKeyword("to"):
			// Of substring(a SIMILAR b ESCAPE c). Behind an operator that does not bind tighter than SIMILAR TO,
			// PostgreSQL takes the word for that.
			p.leave()
			return left
		case prec == precAnd && !restricted, prec == precOr && !restricted:
			left = p.conjunction(left, prec)
		default:
			left = p.operator(left, prec, restricted)
		}
	}
}

func (p *parser) exprs() []Expr {
	first := p.expr(0)
	if !p.isPunct(",") {
		return []Expr{first}
	}
	items := append(make([]Expr, 0, 4), first)
	for p.acceptPunct(",") {
		items = append(items, p.expr(0))
	}
	return items
}

func (p *parser) exprOrDefault() Expr {
	if t := p.tok(); p.accept("default") {
		return &DefaultExpr{t.Span}
	}
	return p.expr(0)
}

// conjunction reads all of a AND b AND c, or of a OR b OR c, from the first operator on.
func (p *parser) conjunction(first Expr, prec int) Expr {
	word := p.tok().Value
	x := append(make([]Expr, 0, 4), first)
	for p.accept(word) {
		x = append(x, p.expr(prec))
	}
	span := p.span(first.Pos().Start)
	if prec == precAnd {
		return &And{span, x}
	}
	return &Or{span, x}
}

// infix returns how tight the next token binds as an infix or postfix operator, 0 when it is none.
func (p *parser) infix(restricted bool) int {
	t := p.tok()
	switch t.Kind {
	case TokenOperator:
		return operatorPrec(t.Value)
	case TokenPunct:
		if t.Value == "::" {
			return precCast
		}
	case TokenKeyword:
		switch t.Value {
		case "is":
			return precIs
		case "operator":
			if p.peek(1).isPunct("(") {
				return precOp
			}
		default:
			if !restricted {
				return p.infixKeyword(t.Value)
			}
		}
	}
	return 0
}

func operatorPrec(op string) int {
	switch op {
	case "=", "<>", "<", ">", "<=", ">=":
		return precCompare
	case "+", "-":
		return precAdd
	case "*", "/", "%":
		return precMul
	case "^":
		return precPow
	}
	return precOp
}

func (p *parser) infixKeyword(word string) int {
	switch word {
	case "and":
		return precAnd
	case "or":
		return precOr
	case "isnull", "notnull":
		return precIs
	case "between", "in", "like", "ilike", "similar":
		return precLike
	case "not":
		if p.tok().word.category == catNone { // NOT BETWEEN, NOT IN, ...
			return precLike
		}
	case "at":
		if p.peek(1).isKeyword("time") || p.peek(1).isKeyword("local") {
			return precAt
		}
	case "collate":
		return precCollate
	}
	return 0
}

// prefix reads an operand with the prefix operators before it.
func (p *parser) prefix(restricted bool) Expr {
	t := p.tok()
	switch {
	case t.Kind == TokenOperator:
		return p.prefixOperator(restricted)
	case t.Kind != TokenKeyword:
	case t.Value == "not" && !restricted:
		p.i++
		x := p.expr(precNot)
		return &Unary{Span: p.span(t.Start), Op: "not", X: x}
	case t.Value == "operator" && p.peek(1).isPunct("("):
		op, schema := p.qualifiedOperator()
		x := p.climb(precOp, restricted)
		return &Unary{Span: p.span(t.Start), Op: op, OpSchema: schema, X: x}
	}
	x := p.primary()
	if row, ok := x.(*Row); ok && !restricted && p.is("overlaps") {
		return p.overlaps(row)
	}
	return x
}

func (p *parser) prefixOperator(restricted bool) Expr {
	t := p.next()
	switch prec := operatorPrec(t.Value); prec {
	case precAdd:
		x := p.climb(precSign, restricted)
		if n, ok := x.(*Literal); ok && t.Value == "-" && n.Kind == LitInteger && n.Value[0] != '-' {
			return &Literal{Span: p.span(t.Start), Kind: LitInteger, Value: "-" + n.Value}
		}
		return &Unary{Span: p.span(t.Start), Op: t.Value, X: x}
	case precOp:
		x := p.climb(precOp, restricted)
		return &Unary{Span: p.span(t.Start), Op: t.Value, X: x}
	}
	p.i--
	p.unexpected("an expression")
	return nil
}

// overlaps reads (a, b) OVERLAPS (c, d).
func (p *parser) overlaps(left *Row) Expr {
	at := p.next().Start
	right, ok := p.primary().(*Row)
	if !ok || len(left.X) != 2 || len(right.X) != 2 {
		failSyntax(at, "OVERLAPS needs a pair on each side")
	}
	return &Binary{Span: p.span(left.Start), Op: "overlaps", L: left, R: right}
}

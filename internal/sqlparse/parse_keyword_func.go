package sqlparse

// keywordFunction reads the functions whose arguments the SQL standard separates by keywords. Arguments are kept in
// the order in which they are written.
func (p *parser) keywordFunction() Expr {
	t := p.next()
	start := t.Start
	p.expectPunct("(")
	name := t.Value
	var args []Expr
	special := true
	switch name {
	case "extract":
		args = p.extractArgs()
	case "position":
		args = p.positionArgs()
	case "normalize":
		args = p.normalizeArgs()
	case "trim":
		name, args = p.trimArgs()
	case "overlay":
		args, special = p.overlayArgs()
	case "substring":
		args, special = p.substringArgs()
	}
	p.expectPunct(")")
	return &FuncCall{Span: p.span(start), Name: name, Args: args, Special: special}
}

// extractArgs reads field FROM source; the field is given as a string literal.
func (p *parser) extractArgs() []Expr {
	t := p.next()
	switch {
	case t.Kind == TokenIdent, t.Kind == TokenQuoted, t.Kind == TokenString:
	case t.isKeyword("year"), t.isKeyword("month"), t.isKeyword("day"), t.isKeyword("hour"), t.isKeyword("minute"),
		t.isKeyword("second"):
	default:
		failSyntax(t.Start, "unexpected "+describe(t)+"; expected a field of a date or time")
	}
	p.expect("from")
	return []Expr{&Literal{Span: t.Span, Kind: LitString, Value: t.Value}, p.expr(0)}
}

func (p *parser) positionArgs() []Expr {
	what := p.restrictedExpr(0)
	p.expect("in")
	return []Expr{what, p.restrictedExpr(0)}
}

func (p *parser) normalizeArgs() []Expr {
	args := []Expr{p.expr(0)}
	if p.acceptPunct(",") {
		t := p.tok()
		form := p.oneOf("nfc", "nfd", "nfkc", "nfkd")
		if form == "" {
			p.unexpected("NFC, NFD, NFKC or NFKD")
		}
		args = append(args, &Literal{Span: t.Span, Kind: LitString, Value: form})
	}
	return args
}

// trimArgs reads [BOTH | LEADING | TRAILING] [characters] [FROM] source.
func (p *parser) trimArgs() (name string, args []Expr) {
	name = "btrim"
	switch p.oneOf("both", "leading", "trailing") {
	case "leading":
		name = "ltrim"
	case "trailing":
		name = "rtrim"
	}
	if p.accept("from") {
		return name, p.exprs()
	}
	args = p.exprs()
	if len(args) == 1 && p.accept("from") {
		args = append(args, p.exprs()...)
	}
	return name, args
}

// overlayArgs reads source PLACING new FROM start [FOR length], or the arguments of an ordinary call.
func (p *parser) overlayArgs() (args []Expr, special bool) {
	if args = p.plainArgs(); !onePlain(args) || !p.accept("placing") {
		return args, false
	}
	args = append(args, p.expr(0))
	p.expect("from")
	args = append(args, p.expr(0))
	if p.accept("for") {
		args = append(args, p.expr(0))
	}
	return args, true
}

// substringArgs reads source FROM start FOR length and its variants, source SIMILAR pattern ESCAPE character, or the
// arguments of an ordinary call.
func (p *parser) substringArgs() (args []Expr, special bool) {
	if args = p.plainArgs(); !onePlain(args) {
		return args, false
	}
	switch p.oneOf("from", "for", "similar") {
	case "from":
		args = append(args, p.expr(0))
		if p.accept("for") {
			args = append(args, p.expr(0))
		}
	case "for":
		args = append(args, p.expr(0))
		if p.accept("from") {
			args = append(args, p.expr(0))
		}
	case "similar":
		args = append(args, p.expr(0))
		p.expect("escape")
		args = append(args, p.expr(0))
	default:
		return args, false
	}
	return args, true
}

func (p *parser) plainArgs() []Expr {
	if p.isPunct(")") {
		return nil
	}
	return list(p, p.funcArg)
}

func onePlain(args []Expr) bool {
	if len(args) != 1 {
		return false
	}
	_, named := args[0].(*NamedArg)
	return !named
}

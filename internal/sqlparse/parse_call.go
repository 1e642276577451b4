package sqlparse

// call reads the arguments of a function and what may follow them. The name has been read.
func (p *parser) call(start int, parts []Name, windowed bool) Expr {
	c := &FuncCall{Name: parts[len(parts)-1].Value}
	switch len(parts) {
	case 1:
	case 2:
		c.Schema = parts[0].Value
	default:
		failUnsupported(start, "a name with a database in front", "write schema.function")
	}
	p.expectPunct("(")
	all := p.is("all")
	p.callArgs(c)
	p.expectPunct(")")
	if windowed {
		if p.tok().Kind == TokenString && !all {
			return p.modifiedLiteral(start, parts, c)
		}
		p.withinGroup(c)
		c.Filter = p.filter()
		c.Over = p.over()
	}
	c.Span = p.span(start)
	return c
}

// modifiedLiteral reads the string of type(modifiers) 'text'; what looked like a call was the type.
func (p *parser) modifiedLiteral(start int, parts []Name, c *FuncCall) Expr {
	if c.Args == nil || c.Distinct || c.Variadic || c.OrderBy != nil {
		p.unexpected("no string after a call")
	}
	for _, x := range c.Args {
		if named, ok := x.(*NamedArg); ok {
			failSyntax(named.Start, "a type modifier with a name")
		}
	}
	t := p.typeOf(start, parts)
	t.Mods = c.Args
	return p.typedLiteral(start, t)
}

// callArgs reads nothing, *, or [ALL | DISTINCT] arguments [ORDER BY ...].
func (p *parser) callArgs(c *FuncCall) {
	if p.isPunct(")") {
		return
	}
	if p.isOperator("*") && p.peek(1).isPunct(")") {
		p.i++
		c.Star = true
		return
	}
	c.Distinct = p.accept("distinct")
	plain := !c.Distinct && !p.accept("all")
	for {
		c.Variadic = plain && p.accept("variadic")
		c.Args = append(c.Args, p.funcArg())
		if c.Variadic || !p.acceptPunct(",") {
			break
		}
	}
	if p.is("order") {
		c.OrderBy = p.orderBy()
	}
}

// funcArg reads an argument, which may be named: name => value, or name := value in the older spelling.
func (p *parser) funcArg() Expr {
	arrow := p.peek(1)
	if !isTypeFuncName(p.tok()) || !arrow.isPunct("=>") && !arrow.isPunct(":=") {
		return p.expr(0)
	}
	start := p.tok().Start
	n := &NamedArg{Name: p.name()}
	p.i++
	n.X = p.expr(0)
	n.Span = p.span(start)
	return n
}

func (p *parser) withinGroup(c *FuncCall) {
	at := p.tok().Start
	if !p.acceptPair("within", "group") {
		return
	}
	if c.OrderBy != nil || c.Distinct || c.Variadic {
		failSyntax(at, "WITHIN GROUP with ORDER BY, DISTINCT or VARIADIC among the arguments")
	}
	p.expectPunct("(")
	c.WithinGroup = p.orderBy()
	p.expectPunct(")")
}

func (p *parser) filter() Expr {
	if !p.accept("filter") {
		return nil
	}
	p.expectPunct("(")
	p.expect("where")
	x := p.expr(0)
	p.expectPunct(")")
	return x
}

func (p *parser) over() *WindowDef {
	start := p.tok().Start
	if !p.accept("over") {
		return nil
	}
	w := &WindowDef{}
	if p.isPunct("(") {
		p.windowSpec(w)
	} else {
		w.Base = p.colID()
	}
	w.Span = p.span(start)
	return w
}

// namedWindow reads name AS (...) of the WINDOW clause.
func (p *parser) namedWindow() WindowDef {
	start := p.tok().Start
	w := WindowDef{Name: p.colID()}
	p.expect("as")
	p.windowSpec(&w)
	w.Span = p.span(start)
	return w
}

// windowSpec reads ([base] [PARTITION BY ...] [ORDER BY ...] [frame]).
func (p *parser) windowSpec(w *WindowDef) {
	p.expectPunct("(")
	if isColID(p.tok()) && !p.startsWindowClause() {
		w.Base = p.colID()
	}
	if p.accept("partition") {
		p.expect("by")
		w.Partition = p.exprs()
	}
	if p.is("order") {
		w.OrderBy = p.orderBy()
	}
	if p.oneOf("range", "rows", "groups") != "" {
		p.frame(w)
	}
	p.expectPunct(")")
}

func (p *parser) startsWindowClause() bool {
	return p.is("partition") || p.is("range") || p.is("rows") || p.is("groups")
}

// frame reads bound, or BETWEEN bound AND bound, and the exclusion.
func (p *parser) frame(w *WindowDef) {
	w.HasFrame = true
	at := p.tok().Start
	if !p.accept("between") {
		if p.frameBound(w) > frameCurrent {
			failSyntax(at, "a frame that starts behind the current row")
		}
	} else {
		from := p.frameBound(w)
		p.expect("and")
		to := p.frameBound(w)
		backwards := from > to && from >= frameCurrent && to <= frameCurrent // PostgreSQL allows 1 PRECEDING AND 2 PRECEDING
		if from == frameUnboundedFollowing || to == frameUnboundedPreceding || backwards {
			failSyntax(at, "a frame that ends before it starts")
		}
	}
	if !p.accept("exclude") {
		return
	}
	switch {
	case p.acceptPair("current", "row"), p.acceptPair("no", "others"), p.accept("group"), p.accept("ties"):
	default:
		p.unexpected("CURRENT ROW, GROUP, TIES or NO OTHERS")
	}
}

// The bounds of a frame, in the order of rows.
const (
	frameUnboundedPreceding = iota
	framePreceding
	frameCurrent
	frameFollowing
	frameUnboundedFollowing
)

func (p *parser) frameBound(w *WindowDef) int {
	switch {
	case p.acceptPair("unbounded", "preceding"):
		return frameUnboundedPreceding
	case p.acceptPair("unbounded", "following"):
		return frameUnboundedFollowing
	case p.acceptPair("current", "row"):
		return frameCurrent
	}
	w.FrameArgs = append(w.FrameArgs, p.expr(0))
	switch p.oneOf("preceding", "following") {
	case "preceding":
		return framePreceding
	case "following":
		return frameFollowing
	}
	p.unexpected("PRECEDING or FOLLOWING")
	return 0
}

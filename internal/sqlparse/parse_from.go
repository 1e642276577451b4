package sqlparse

// tableExpr reads a relation with the joins behind it. JOIN groups from the left, but a JOIN that still waits for its
// ON takes the joins behind it into its right side: a JOIN b JOIN c ON x ON y.
func (p *parser) tableExpr() TableExpr {
	p.enter()
	left := p.tablePrimary()
	for links := 0; ; p.link(&links) {
		j := &Join{Left: left}
		switch t := p.tok(); {
		case t.Kind != TokenKeyword:
			p.leave()
			return left
		case p.accept("cross"):
			p.expect("join")
			j.Right = p.tablePrimary()
		case p.accept("natural"):
			j.Natural = true
			j.Kind = p.joinKind()
			p.expect("join")
			j.Right = p.tablePrimary()
		case isJoin(t.Value):
			j.Kind = p.joinKind()
			p.expect("join")
			j.Right = p.tableExpr()
			p.joinQual(j)
		default:
			p.leave()
			return left
		}
		j.Span = p.span(left.Pos().Start)
		left = j
	}
}

func isJoin(word string) bool {
	switch word {
	case "join", "inner", "left", "right", "full":
		return true
	}
	return false
}

// joinKind reads [INNER | LEFT | RIGHT | FULL [OUTER]].
func (p *parser) joinKind() JoinKind {
	kind := JoinInner
	switch p.oneOf("inner", "left", "right", "full") {
	case "", "inner":
		return JoinInner
	case "left":
		kind = JoinLeft
	case "right":
		kind = JoinRight
	case "full":
		kind = JoinFull
	}
	p.accept("outer")
	return kind
}

// joinQual reads ON condition or USING (a, b) [AS alias].
func (p *parser) joinQual(j *Join) {
	if p.accept("on") {
		j.On = p.expr(0)
		return
	}
	if !p.accept("using") {
		p.unexpected("ON or USING")
	}
	j.Using = p.nameList()
	if p.accept("as") {
		j.UsingAlias = p.colID()
	}
}

// tablePrimary reads one relation of FROM, without the joins behind it.
func (p *parser) tablePrimary() TableExpr {
	start := p.tok().Start
	lateral := p.accept("lateral")
	switch {
	case p.isPunct("(") && p.tok().query:
		return p.subqueryRef(start, lateral)
	case p.isPair("rows", "from") && p.peek(2).isPunct("("):
		return p.rowsFrom(start, lateral)
	case p.startsTableFunction():
		return p.tableFunction(start, lateral)
	case p.startsFunction():
		f := &FuncRef{Lateral: lateral, Calls: []Expr{p.function(false)}}
		p.funcAlias(start, f)
		return f
	case lateral:
		p.unexpected("a subquery or a function after LATERAL")
	case p.isPunct("("):
		return p.parenJoin()
	}
	table := p.relation()
	table.Alias = p.alias()
	p.tableSample(&table)
	table.Span = p.span(start)
	return &table
}

func (p *parser) subqueryRef(start int, lateral bool) *SubqueryRef {
	s := &SubqueryRef{Lateral: lateral, Query: p.parenQuery()}
	s.Alias = p.alias()
	if s.Alias.Name.Value == "" {
		p.requires(16)
	}
	s.Span = p.span(start)
	return s
}

// parenJoin reads ( join ) [alias]. The span of the join takes in the parentheses and the alias.
func (p *parser) parenJoin() *Join {
	start := p.next().Start
	t := p.tableExpr()
	j, ok := t.(*Join)
	if !ok || j.Alias.Name.Value != "" {
		p.unexpected("a JOIN: only joins may stand in parentheses in FROM")
	}
	p.expectPunct(")")
	j.Alias = p.alias()
	j.Span = p.span(start)
	return j
}

// relation reads [ONLY] name [*], without an alias.
func (p *parser) relation() TableRef {
	start := p.tok().Start
	r := TableRef{}
	if p.accept("only") {
		r.Only = true
		if p.acceptPunct("(") {
			r.Table = p.tableName()
			p.expectPunct(")")
		} else {
			r.Table = p.tableName()
		}
	} else {
		r.Table = p.tableName()
		r.Star = p.acceptOp("*")
	}
	r.Span = p.span(start)
	return r
}

// alias reads [AS] name [(column, ...)], or nothing.
func (p *parser) alias() Alias {
	start := p.tok().Start
	if !p.accept("as") && !isColID(p.tok()) {
		return Alias{}
	}
	a := Alias{Name: p.colID()}
	if p.isPunct("(") {
		a.Columns = p.nameList()
	}
	a.Span = p.span(start)
	return a
}

func (p *parser) tableSample(t *TableRef) {
	if !p.accept("tablesample") {
		return
	}
	t.TableSample = true
	t.Sample = p.functionName()
	p.expectPunct("(")
	t.SampleArgs = p.exprs()
	p.expectPunct(")")
	if t.Repeatable = p.accept("repeatable"); t.Repeatable {
		p.expectPunct("(")
		t.SampleArgs = append(t.SampleArgs, p.expr(0))
		p.expectPunct(")")
	}
}

// startsFunction reports whether the next relation of FROM is a function call.
func (p *parser) startsFunction() bool {
	t := p.tok()
	if t.Kind == TokenKeyword && (t.word.category == catTypeFuncName || t.word.category == catReserved) {
		return t.Value != "only"
	}
	n := 1
	for p.peek(n).isPunct(".") {
		n += 2
	}
	return isColID(t) && p.peek(n).isPunct("(")
}

// rowsFrom reads ROWS FROM (f(...), g(...)).
func (p *parser) rowsFrom(start int, lateral bool) *FuncRef {
	p.i += 3
	f := &FuncRef{Lateral: lateral}
	defined := false
	f.Calls = list(p, func() Expr {
		if !p.startsFunction() {
			p.unexpected("a function call")
		}
		call := p.function(false)
		var defs *ColumnDefs
		if p.accept("as") {
			defined = true
			defs = p.columnDefs()
		}
		f.CallDefs = append(f.CallDefs, defs)
		return call
	})
	if !defined {
		f.CallDefs = nil
	}
	p.expectPunct(")")
	p.funcAlias(start, f)
	return f
}

// funcAlias reads [WITH ORDINALITY] and an alias, which may define columns: AS x (a int, b text) or AS (a int).
func (p *parser) funcAlias(start int, f *FuncRef) {
	f.Ordinality = p.acceptPair("with", "ordinality")
	from := p.tok().Start
	switch {
	case p.is("as") && p.peek(1).isPunct("("):
		p.i++
		f.define(p.columnDefs())
	case p.is("as"), isColID(p.tok()):
		p.accept("as")
		f.Alias.Name = p.colID()
		if p.isPunct("(") {
			if after := p.peek(2); after.isPunct(",") || after.isPunct(")") {
				f.Alias.Columns = p.nameList()
			} else {
				f.define(p.columnDefs())
			}
		}
	}
	if p.end() > from {
		f.Alias.Span = p.span(from)
	}
	f.Span = p.span(start)
}

func (f *FuncRef) define(d *ColumnDefs) {
	f.ColumnDefs, f.Alias.Columns, f.Types = true, d.Columns, d.Types
}

// columnDefs reads (name type [COLLATE name], ...).
func (p *parser) columnDefs() *ColumnDefs {
	start := p.tok().Start
	d := &ColumnDefs{}
	p.expectPunct("(")
	for {
		d.Columns = append(d.Columns, p.colID())
		d.Types = append(d.Types, p.typeName())
		if p.accept("collate") {
			p.collation()
		}
		if !p.acceptPunct(",") {
			break
		}
	}
	p.expectPunct(")")
	d.Span = p.span(start)
	return d
}

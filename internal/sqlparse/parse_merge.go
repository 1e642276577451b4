package sqlparse

func (p *parser) merge(start int, with *With) *Merge {
	p.i++
	p.expect("into")
	s := &Merge{With: with, Table: p.dmlTarget()}
	p.expect("using")
	s.Source = p.tableExpr()
	p.expect("on")
	s.On = p.expr(0)
	for p.is("when") {
		s.When = append(s.When, p.mergeWhen())
	}
	if s.When == nil {
		p.unexpected("WHEN")
	}
	if p.is("returning") {
		p.requires(17)
	}
	s.ReturningWith, s.Returning = p.returning()
	s.Span = p.span(start)
	return s
}

// mergeWhen reads WHEN [NOT] MATCHED [BY SOURCE | BY TARGET] [AND condition] THEN action.
func (p *parser) mergeWhen() MergeWhen {
	start := p.next().Start
	w := MergeWhen{Matched: !p.accept("not")}
	p.expect("matched")
	if !w.Matched && p.accept("by") {
		p.requires(17)
		switch p.oneOf("source", "target") {
		case "source":
			w.BySource = true
		case "":
			p.unexpected("SOURCE or TARGET")
		}
	}
	w.CondAt = p.end()
	if p.accept("and") {
		w.Cond = p.expr(0)
	}
	p.expect("then")
	p.mergeAction(&w)
	w.Span = p.span(start)
	return w
}

// mergeAction reads the action; rows that the target has are updated or deleted, rows that it lacks are inserted.
func (p *parser) mergeAction(w *MergeWhen) {
	has := w.Matched || w.BySource
	switch {
	case p.acceptPair("do", "nothing"):
		w.Action = "DO NOTHING"
	case has && p.accept("update"):
		w.Action = "UPDATE"
		w.Set = p.set()
	case has && p.accept("delete"):
		w.Action = "DELETE"
	case !has && p.accept("insert"):
		w.Action = "INSERT"
		p.mergeInsert(w)
	default:
		p.unexpected("an action that fits the WHEN clause")
	}
}

// mergeInsert reads [(columns)] [OVERRIDING ...] VALUES (...), or DEFAULT VALUES.
func (p *parser) mergeInsert(w *MergeWhen) {
	if p.acceptPair("default", "values") {
		return
	}
	if p.isPunct("(") {
		w.Columns, w.ColumnsSpan = p.insertColumns()
	}
	w.Overriding = p.overriding()
	p.expect("values")
	w.Values = p.valuesRow()
}

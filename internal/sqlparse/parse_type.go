package sqlparse

import "strconv"

// typeName reads a type as a cast writes it.
func (p *parser) typeName() TypeName {
	if p.is("setof") {
		failUnsupported(p.tok().Start, "SETOF", "cast to a type, not to a set")
	}
	start := p.tok().Start
	t := p.simpleType()
	switch {
	case p.accept("array"):
		t.Array = 1
		if p.acceptPunct("[") {
			p.iconst()
			p.expectPunct("]")
		}
	default:
		for p.acceptPunct("[") {
			t.Array++
			if !p.isPunct("]") {
				p.iconst()
			}
			p.expectPunct("]")
		}
	}
	t.Span = p.span(start)
	return t
}

// simpleType reads a type without array bounds.
func (p *parser) simpleType() TypeName {
	start := p.tok().Start
	t, ok := p.keywordType()
	if !ok {
		t = p.genericType()
	}
	if t.Name == "interval" && !t.Quoted && t.Schema == "" && t.Mods == nil {
		t.Fields = p.intervalFields()
	}
	t.Span = p.span(start)
	return t
}

// keywordType reads a type that PostgreSQL's grammar knows by its keywords; such types are never looked up in the
// search path. It reports false, having read nothing, when there is none.
func (p *parser) keywordType() (t TypeName, ok bool) {
	w := p.tok()
	if w.Kind != TokenKeyword {
		return t, false
	}
	t.Name = w.Value
	switch w.Value {
	case "int", "integer", "smallint", "bigint", "real", "boolean", "json":
		p.i++
	case "decimal", "dec", "numeric":
		p.i++
		t.Mods = p.typeMods()
	case "float":
		p.i++
		t.Mods = p.floatPrecision()
	case "interval":
		p.i++
		t.Mods = p.length()
	case "double":
		if !p.peek(1).isKeyword("precision") {
			return t, false
		}
		p.i += 2
		t.Name = "double precision"
	case "bit":
		p.i++
		t.Name = p.varying("bit")
		t.Mods = p.typeMods()
	case "national", "character", "char", "nchar", "varchar":
		t.Name = p.characterType()
		t.Mods = p.length()
	case "timestamp", "time":
		p.i++
		t.Mods = p.length()
		t.Name += p.timeZone()
	default:
		return t, false
	}
	return t, true
}

func (p *parser) characterType() string {
	name := p.next().Value
	switch name {
	case "varchar":
		return name
	case "national":
		word := p.oneOf("character", "char")
		if word == "" {
			p.unexpected("CHARACTER or CHAR")
		}
		name += " " + word
	}
	return p.varying(name)
}

func (p *parser) varying(name string) string {
	if p.accept("varying") {
		return name + " varying"
	}
	return name
}

func (p *parser) timeZone() string {
	switch {
	case p.acceptPair("with", "time"):
		p.expect("zone")
		return " with time zone"
	case p.acceptPair("without", "time"):
		p.expect("zone")
		return " without time zone"
	}
	return ""
}

// length reads (n), or nothing.
func (p *parser) length() []Expr {
	if !p.acceptPunct("(") {
		return nil
	}
	n := p.iconst()
	p.expectPunct(")")
	return []Expr{n}
}

// floatPrecision reads (n), or nothing. PostgreSQL's grammar itself picks float4 or float8 by n.
func (p *parser) floatPrecision() []Expr {
	at := p.tok().Start
	mods := p.length()
	if mods != nil {
		if bits, _ := strconv.Atoi(mods[0].(*Literal).Value); bits < 1 || bits > 53 {
			failSyntax(at, "the precision of float must be between 1 and 53 bits")
		}
	}
	return mods
}

// typeMods reads (expression, ...), or nothing.
func (p *parser) typeMods() []Expr {
	if !p.acceptPunct("(") {
		return nil
	}
	mods := p.exprs()
	p.expectPunct(")")
	return mods
}

func (p *parser) genericType() TypeName {
	if !isTypeFuncName(p.tok()) {
		p.unexpected("a type")
	}
	name := p.name()
	t := TypeName{Name: name.Value, Quoted: name.Quoted}
	if p.acceptPunct(".") {
		name = p.colLabel()
		t.Schema, t.Name, t.Quoted = t.Name, name.Value, name.Quoted
	}
	p.refuseDot()
	t.Mods = p.typeMods()
	return t
}

// intervalFields reads YEAR, DAY TO SECOND(3) and the like, or nothing.
func (p *parser) intervalFields() string {
	first := p.oneOf("year", "month", "day", "hour", "minute", "second")
	if first == "second" {
		return first + p.secondDigits()
	}
	if first == "" || first == "month" || !p.accept("to") {
		return first
	}
	last := ""
	switch first {
	case "year":
		last = p.oneOf("month")
	case "day":
		last = p.oneOf("hour", "minute", "second")
	case "hour":
		last = p.oneOf("minute", "second")
	case "minute":
		last = p.oneOf("second")
	}
	switch last {
	case "":
		p.unexpected("a smaller field of an interval")
	case "second":
		last += p.secondDigits()
	}
	return first + " to " + last
}

func (p *parser) secondDigits() string {
	if n := p.length(); n != nil {
		return "(" + n[0].(*Literal).Value + ")"
	}
	return ""
}

package sqlparse

import "strconv"

const (
	// maxDepth bounds how deep expressions and queries nest, and with it the stack of this reader and of Walk.
	maxDepth = 500
	// maxChain bounds how many operators, casts, joins or set operations of one level follow each other: they make a
	// tree that is as deep as the chain is long. AND and OR are flat and not bounded.
	maxChain = 1000
)

// Parse reads exactly one statement; a trailing semicolon is allowed. It accepts nothing that PostgreSQL's own
// grammar refuses in every version from 15 to 18, and gives what it accepts the structure that PostgreSQL gives it.
// Syntax that only later versions have is accepted where the older ones refuse it. Errors are *SyntaxError and
// *UnsupportedError; neither shows the contents of a literal.
func Parse(sql string) (s Statement, err error) {
	s, _, err = parse(sql)
	return s, err
}

// parse also returns the first PostgreSQL major version that reads the text.
func parse(sql string) (s Statement, version int, err error) {
	defer catch(&err)
	list := borrowTokens()
	defer list.giveBack()
	var p parser
	list.tokens, p.version = lex(sql, list.tokens)
	p.tokens = list.tokens
	p.refuseCommands()
	pairParens(p.tokens)
	s = p.statement()
	p.endOfText()
	return s, p.version, nil
}

// parser is a recursive-descent parser over the whole list of tokens: PostgreSQL's grammar is LALR(1), and the few
// places where it decides late need a look at what follows a parenthesis.
type parser struct {
	tokens  []Token
	i       int // the next token
	depth   int
	version int
}

// endOfText accepts semicolons and nothing else.
func (p *parser) endOfText() {
	semicolon := false
	for p.acceptPunct(";") {
		semicolon = true
	}
	t := p.tok()
	if t.Kind == TokenEOF {
		return
	}
	if semicolon {
		failSyntax(t.Start, "two statements in one text; send them one by one")
	}
	p.unexpected("the end of the statement")
}

// statement reads any of the five statements, with its WITH clause.
func (p *parser) statement() Statement {
	start := p.tok().Start
	var with *With
	if p.is("with") {
		with = p.with()
	}
	switch t := p.tok(); {
	case p.startsQuery():
		return p.queryAfterWith(start, with)
	case t.Kind == TokenKeyword:
		switch t.Value {
		case "insert":
			return p.insert(start, with)
		case "update":
			return p.update(start, with)
		case "delete":
			return p.delete(start, with)
		case "merge":
			return p.merge(start, with)
		}
	}
	p.unexpected("SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE or MERGE")
	return nil
}

func (p *parser) tok() *Token { return &p.tokens[p.i] }

// peek returns the token n places ahead; behind the last one it is that one.
func (p *parser) peek(n int) *Token { return &p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) next() *Token {
	t := &p.tokens[p.i]
	if t.Kind != TokenEOF {
		p.i++
	}
	return t
}

// end is where the last token that was read ends.
func (p *parser) end() int {
	if p.i == 0 {
		return p.tokens[0].Start
	}
	return p.tokens[p.i-1].End
}

func (p *parser) span(start int) Span { return Span{start, p.end()} }

func (t *Token) isKeyword(word string) bool { return t.Kind == TokenKeyword && t.Value == word }
func (t *Token) isPunct(s string) bool      { return t.Kind == TokenPunct && t.Value == s }
func (t *Token) isOperator(op string) bool  { return t.Kind == TokenOperator && t.Value == op }
func (p *parser) is(word string) bool       { return p.tok().isKeyword(word) }
func (p *parser) isPunct(s string) bool     { return p.tok().isPunct(s) }
func (p *parser) isOperator(op string) bool { return p.tok().isOperator(op) }
func (p *parser) isPair(a, b string) bool   { return p.is(a) && p.peek(1).isKeyword(b) }
func (p *parser) accept(word string) bool   { return p.advanceIf(p.is(word)) }
func (p *parser) acceptPunct(s string) bool { return p.advanceIf(p.isPunct(s)) }
func (p *parser) acceptOp(op string) bool   { return p.advanceIf(p.isOperator(op)) }
func (p *parser) acceptPair(a, b string) bool {
	return p.isPair(a, b) && p.advanceIf(true) && p.advanceIf(true)
}

func (p *parser) advanceIf(ok bool) bool {
	if ok {
		p.i++
	}
	return ok
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.unexpected("the keyword " + upper(word))
	}
}

func (p *parser) expectPunct(s string) {
	if !p.acceptPunct(s) {
		p.unexpected(`"` + s + `"`)
	}
}

// oneOf reads one of several keywords and returns it, or "".
func (p *parser) oneOf(words ...string) string {
	for _, w := range words {
		if p.accept(w) {
			return w
		}
	}
	return ""
}

// requires notes that the text needs at least this major version of PostgreSQL.
func (p *parser) requires(version int) { p.version = max(p.version, version) }

func (p *parser) enter() {
	p.depth++
	if p.depth > maxDepth {
		failUnsupported(p.tok().Start, "more than "+strconv.Itoa(maxDepth)+" levels of nesting", "write it flatter")
	}
}

func (p *parser) leave() { p.depth-- }

// link counts one more operator of a chain.
func (p *parser) link(n *int) {
	*n++
	if *n > maxChain {
		failUnsupported(p.tok().Start, "more than "+strconv.Itoa(maxChain)+" operators or joins in one row",
			"split the statement")
	}
}

// iconst reads an integer that fits PostgreSQL's int4.
func (p *parser) iconst() *Literal {
	t := p.tok()
	if _, err := strconv.ParseInt(t.Value, 10, 32); t.Kind != TokenInteger || err != nil {
		p.unexpected("an integer")
	}
	p.i++
	return &Literal{Span: t.Span, Kind: LitInteger, Value: t.Value}
}

// list reads one or more items between commas.
func list[T any](p *parser, item func() T) []T {
	first := item()
	if !p.isPunct(",") {
		return []T{first}
	}
	items := append(make([]T, 0, 4), first)
	for p.acceptPunct(",") {
		items = append(items, item())
	}
	return items
}

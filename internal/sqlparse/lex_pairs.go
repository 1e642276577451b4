package sqlparse

import "strings"

// lookahead lists the pairs of keywords of which the first is not a name: PostgreSQL reads them as one token.
var lookahead = map[string]string{
	"not":     " between in like ilike similar ",
	"nulls":   " first last ",
	"with":    " time ordinality ",
	"without": " time ",
	"format":  " json ",
}

// markLookahead takes the right to be a name from keywords that the next word has changed.
func markLookahead(tokens []Token) {
	for i := range tokens {
		t := &tokens[i]
		if t.Kind != TokenKeyword || tokens[i+1].Kind != TokenKeyword {
			continue
		}
		switch t.Value {
		case "not", "nulls", "with", "without", "format":
			if strings.Contains(lookahead[t.Value], " "+tokens[i+1].Value+" ") {
				t.word = keyword{}
			}
		}
	}
}

// pairParens finds the ")" of every "(" and which of them open a query. That is the one thing about this grammar that
// a reader going left to right cannot tell: in ((select 1) + 2) the outer parenthesis is an expression's, in
// ((select 1) union select 2) and in ((select 1)) it is a query's. Inner ones are known before outer ones, so one
// pass is enough.
func pairParens(tokens []Token) {
	var open []int
	for i := range tokens {
		if tokens[i].Kind != TokenPunct {
			continue
		}
		switch tokens[i].Value {
		case "(":
			open = append(open, i)
		case ")":
			if len(open) == 0 {
				failSyntax(tokens[i].Start, `")" without "("`)
			}
			o := open[len(open)-1]
			open = open[:len(open)-1]
			tokens[o].close = int32(i)
			tokens[o].query = opensQuery(tokens, o)
		}
	}
	if len(open) > 0 {
		failSyntax(tokens[open[len(open)-1]].Start, `"(" without ")"`)
	}
}

func opensQuery(tokens []Token, open int) bool {
	next := &tokens[open+1]
	switch {
	case next.Kind == TokenKeyword:
		switch next.Value {
		case "select", "with", "table":
			return true
		case "values": // may be a column's name too, but not a function's
			return tokens[open+2].isPunct("(")
		}
	case next.isPunct("("):
		return next.query && (continuesQuery(&tokens[next.close+1]) || tokens[next.close+1].isPunct(")"))
	}
	return false
}

// continuesQuery reports whether t, which follows a query in parentheses, makes it a part of a larger query.
func continuesQuery(t *Token) bool {
	if t.Kind == TokenKeyword {
		switch t.Value {
		case "union", "intersect", "except", "order", "limit", "offset", "fetch", "for":
			return true
		}
	}
	return false
}

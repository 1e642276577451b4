package plan

import (
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// constant returns the source that e is when it is compared with a column of the family, or nil.
func constant(e sqlparse.Expr, fam family) *source {
	switch e := strip(e).(type) {
	case *sqlparse.Param:
		return &source{kind: srcParam, param: e.Number, at: e.Start}
	case *sqlparse.Literal:
		return literal(e, fam)
	case *sqlparse.Unary:
		x, ok := strip(e.X).(*sqlparse.Literal)
		if !ok || e.Op != "-" || e.OpSchema != "" || x.Kind != sqlparse.LitInteger {
			return nil
		}
		s := literal(x, fam)
		if s != nil {
			s.lit = "-" + s.lit
		}
		return s
	case *sqlparse.Cast:
		if e.Type.Array != 0 || familyOfCast(&e.Type) != fam {
			return nil
		}
		return constant(e.X, fam)
	default:
		return nil
	}
}

func literal(e *sqlparse.Literal, fam family) *source {
	switch {
	case e.Kind == sqlparse.LitNull:
		return &source{kind: srcNull, at: e.Start}
	case e.Kind == sqlparse.LitString:
		return &source{kind: srcLiteral, lit: e.Value, at: e.Start}
	case e.Kind == sqlparse.LitInteger && fam == famInt:
		return &source{kind: srcLiteral, lit: e.Value, isInt: true, at: e.Start}
	default:
		return nil
	}
}

// fixed is an output whose value is one of the sources wherever it is not NULL. Lists are by themselves there: columns that
// are made of several queries, or of several rows of one, have no one row of a list.
func fixed(fam family, from ...*source) *column {
	c := &column{rel: &relation{dom: &domain{}}, fam: fam, exact: true}
	for _, s := range from {
		if s.rows != nil {
			alone := *s
			alone.rows = nil
			s = &alone
		}
		c.rel.dom.is(c, s)
	}
	return c
}

// constantColumn makes an output column of an expression that is a parameter or constant of a known type, or nil.
func constantColumn(e sqlparse.Expr) *column {
	if fam := familyOfConstant(e); fam != famNone {
		if src := constant(e, fam); src != nil {
			return fixed(fam, src)
		}
	}
	return nil
}

// familyOfConstant is the family of the type that PostgreSQL gives an output by itself. A bare parameter or string has
// none yet.
func familyOfConstant(e sqlparse.Expr) family {
	switch e := strip(e).(type) {
	case *sqlparse.Cast:
		if e.Type.Array == 0 {
			return familyOfCast(&e.Type)
		}
	case *sqlparse.Literal:
		if e.Kind == sqlparse.LitInteger && len(e.Value) <= 18 {
			return famInt
		}
	}
	return famNone
}

// same reports whether two sources are the same value, whatever the arguments.
func (s *source) same(o *source) bool {
	if s == o {
		return true
	}
	if s.kind != o.kind || s.param != o.param || s.lit != o.lit || s.isInt != o.isInt || s.own != o.own || s.parts != o.parts ||
		s.unnested != o.unnested || len(s.elems) != len(o.elems) {
		return false
	}
	for i := range s.elems {
		if !s.elems[i].same(o.elems[i]) {
			return false
		}
	}
	return true
}

// strip removes parentheses.
func strip(e sqlparse.Expr) sqlparse.Expr {
	for {
		p, ok := e.(*sqlparse.Paren)
		if !ok {
			return e
		}
		e = p.X
	}
}

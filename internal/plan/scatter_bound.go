package plan

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// bound is a LIMIT or OFFSET: absent, a constant, a parameter, or what is computed of those.
type bound struct {
	set   bool
	n     int64
	param int    // 0 for a constant
	op    string // "+", "-" or "*" of of; then nothing else is set
	of    [2]*bound
}

// bound reads what the merge must count itself.
func (sp *splitter) bound(e sqlparse.Expr) bound {
	b, ok := boundOf(e)
	if e != nil && (!ok || b.constant() && b.n < 0) {
		panic(refuse(Inexact, e.Pos().Start, "a LIMIT or OFFSET that is not made of whole numbers and parameters with +, - and * is not read for several shards",
			"write the number, or give it as a parameter"))
	}
	return b
}

// boundOf reads a number, which may be negative inside of others.
func boundOf(e sqlparse.Expr) (b bound, ok bool) {
	switch x := strip(e).(type) {
	case *sqlparse.Param:
		return bound{set: true, param: x.Number}, true
	case *sqlparse.Cast:
		if x.Type.Array == 0 && familyOfCast(&x.Type) == famInt {
			return boundOf(x.X)
		}
	case *sqlparse.Literal:
		if x.Kind == sqlparse.LitNull {
			return bound{}, true
		}
		n, err := strconv.ParseInt(x.Value, 10, 64)
		return bound{set: true, n: n}, err == nil && x.Kind == sqlparse.LitInteger
	case *sqlparse.Binary:
		if x.OpSchema != "" || !slices.Contains([]string{"+", "-", "*"}, x.Op) {
			return bound{}, false
		}
		l, lok := boundOf(x.L)
		r, rok := boundOf(x.R)
		b = bound{set: true, op: x.Op, of: [2]*bound{&l, &r}}
		if !lok || !rok || !l.constant() || !r.constant() {
			return b, lok && rok
		}
		n, err := computed(x.Op, l.n, r.n)
		return bound{set: true, n: n}, err == nil
	}
	return bound{}, false
}

// computed is what PostgreSQL makes of two numbers, of whatever type of integers they are.
func computed(op string, l, r int64) (n int64, err error) {
	small := func(n int64) bool { return math.MinInt32 <= n && n <= math.MaxInt32 }
	if small(l) && small(r) {
		switch op {
		case "+":
			n = l + r
		case "-":
			n = l - r
		default:
			n = l * r
		}
		if small(n) {
			return n, nil
		}
	}
	return 0, refuse(Arguments, -1, "a LIMIT or OFFSET is computed of numbers that are too large for integer", "compute it before, and give it as a parameter")
}

// constant reports whether the statement itself gives the number.
func (b bound) constant() bool { return b.set && b.param == 0 && b.op == "" }

// value evaluates a bound. A LIMIT of NULL is none.
func (b bound) value(args []any, what string) (n int64, set bool, err error) {
	n, set, err = b.evaluate(args, what)
	if err == nil && n < 0 {
		err = refuse(Arguments, -1, what+" must not be negative", "")
	}
	if err != nil {
		return 0, false, err
	}
	return n, set, nil
}

func (b bound) evaluate(args []any, what string) (n int64, set bool, err error) {
	switch {
	case b.op != "":
		l, lset, err := b.of[0].evaluate(args, what)
		if err != nil {
			return 0, false, err
		}
		r, rset, err := b.of[1].evaluate(args, what)
		if err != nil || !lset || !rset {
			return 0, false, err
		}
		n, err = computed(b.op, l, r)
		return n, err == nil, err
	case !b.set || b.param == 0:
		return b.n, b.set, nil
	}
	v := reflect.ValueOf(args[b.param-1])
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case !v.IsValid() || v.Kind() == reflect.Pointer:
		return 0, false, nil
	case v.CanInt():
		n = v.Int()
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		n = int64(v.Uint())
	default:
		return 0, false, refuse(Arguments, -1, fmt.Sprintf("the argument of %s is not a Go integer", what), "")
	}
	return n, true, nil
}

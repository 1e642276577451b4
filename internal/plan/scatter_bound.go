package plan

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// bound is a LIMIT or OFFSET: absent, a constant, or a parameter.
type bound struct {
	set   bool
	n     int64
	param int // 0 for a constant
}

// bound reads what the merge must count itself.
func (sp *splitter) bound(e sqlparse.Expr) bound {
	switch x := strip(e).(type) {
	case nil:
		return bound{}
	case *sqlparse.Param:
		return bound{set: true, param: x.Number}
	case *sqlparse.Cast:
		if x.Type.Array == 0 && familyOfCast(&x.Type) == famInt {
			return sp.bound(x.X)
		}
	case *sqlparse.Literal:
		if x.Kind == sqlparse.LitNull {
			return bound{}
		}
		if n, err := strconv.ParseInt(x.Value, 10, 64); err == nil && x.Kind == sqlparse.LitInteger && n >= 0 {
			return bound{set: true, n: n}
		}
	}
	panic(refuse(Inexact, e.Pos().Start, "a LIMIT or OFFSET that is no plain number or parameter is not read for several shards",
		"give the number as a parameter"))
}

// constant reports whether the statement itself gives the number.
func (b bound) constant() bool { return b.set && b.param == 0 }

// value evaluates a bound. A LIMIT of NULL is none.
func (b bound) value(args []any, what string) (n int64, set bool, err error) {
	if !b.set || b.param == 0 {
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
	if n < 0 {
		return 0, false, refuse(Arguments, -1, what+" must not be negative", "")
	}
	return n, true, nil
}

package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// isStar reports whether an expression in a list stands for several: t.*, (t.*), (expression).*.
func isStar(x sqlparse.Expr) bool {
	switch x := strip(x).(type) {
	case *sqlparse.Star:
		return true
	case *sqlparse.Field:
		return x.Star
	}
	return false
}

func isStarTarget(t sqlparse.Target) bool { return isStar(t.Expr) }

func starBefore(q *sqlparse.Select, i int) bool {
	return slices.ContainsFunc(q.Targets[:i], isStarTarget)
}

func starAfter(q *sqlparse.Select, i int) bool {
	return slices.ContainsFunc(q.Targets[i:], isStarTarget)
}

package plan

import "github.com/keyway-go/keyway/internal/sqlparse"

// checkOutside refuses what would not be one server's answer though one server computes it from the inputs' rows: those
// come in another order.
func (n *nesting) checkOutside() error {
	var check func(q *sqlparse.Select) error
	check = func(q *sqlparse.Select) (err error) {
		for _, in := range n.inputs {
			if in.query == q {
				return nil
			}
		}
		if q.Offset != nil && len(q.OrderBy) == 0 {
			return refuse(Inexact, q.Offset.Pos().Start, "OFFSET without ORDER BY skips other rows each time",
				"add ORDER BY, or read on from the last row with a condition")
		}
		sqlparse.Walk(q, func(node sqlparse.Node) bool {
			if sub, ok := node.(*sqlparse.Subquery); ok && err == nil {
				err = n.checkArray(sub)
			}
			if x, ok := node.(*sqlparse.Select); ok && x != q {
				if err == nil {
					err = check(x)
				}
				return false
			}
			if call, ok := node.(*sqlparse.FuncCall); ok && err == nil {
				err = n.checkCall(call, q)
			}
			if call, ok := node.(*sqlparse.ClauseCall); ok && err == nil {
				err = n.checkJSONArray(call)
			}
			return err == nil
		})
		return err
	}
	return check(n.query)
}

// checkArray refuses ARRAY(query), which has the order of the rows as an aggregate does. They may be a CTE's.
func (n *nesting) checkArray(sub *sqlparse.Subquery) error {
	if sub.Kind != sqlparse.SubArray || !n.unordered(sub.Query) {
		return nil
	}
	return refuse(Inexact, sub.Start, "the result of ARRAY(query) depends on the order of the rows of all shards", "write ORDER BY in it")
}

// checkJSONArray refuses JSON_ARRAY(query) for the same, and one whose query is an input: it has no place for what is read
// in the query's stead, a query in parentheses being a value there.
func (n *nesting) checkJSONArray(call *sqlparse.ClauseCall) error {
	if call.Query == nil || !n.unordered(call.Query) && !n.sharded(call.Query, nil) {
		return nil
	}
	return refuse(Inexact, call.Start, "JSON_ARRAY(query) over the rows of all shards is not read",
		"write json_agg(... ORDER BY ...) over the query in its place")
}

// unordered reports whether the rows of q come in any order: those of a table or a CTE, without ORDER BY.
func (n *nesting) unordered(q *sqlparse.Select) bool {
	reads := false
	sqlparse.Walk(q, func(node sqlparse.Node) bool {
		_, table := node.(*sqlparse.TableRef)
		reads = reads || table
		return !reads
	})
	return reads && len(q.OrderBy) == 0
}

func (n *nesting) checkCall(call *sqlparse.FuncCall, q *sqlparse.Select) error {
	switch {
	case !isAggregate(call) && call.Over == nil, call.Schema != "" && call.Schema != "pg_catalog":
		return nil
	case ordered[call.Name] && len(call.OrderBy) == 0 && !call.Distinct:
		return refuse(Inexact, call.Start, "the result of "+call.Name+" depends on the order of the rows of all shards",
			"write "+call.Name+"(... ORDER BY ...)")
	case n.approximate:
		return nil
	case floats[call.Name]:
		return refuse(Inexact, call.Start, call.Name+" adds up floats, and depends on the order of addition", "allow it with Approximate")
	}
	if t := n.tops[q]; added[call.Name] && (t == nil || len(call.Args) != 1 || !n.adds(call.Args[0], t.scope)) {
		return refuse(Inexact, call.Start, "a sum or average over the rows of a query may be one of floats, which depends on the order of addition",
			"cast to numeric: "+call.Name+"((...)::numeric), or allow it with Approximate")
	}
	return nil
}

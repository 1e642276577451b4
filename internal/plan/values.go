package plan

import (
	"slices"
	"strconv"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func (r *reader) values(q *sqlparse.Select, outer *scope) *shape {
	s := &shape{}
	r.outputOrder(q, outer)
	r.limits(q, outer)
	for _, row := range q.Values {
		for _, x := range row {
			r.expr(x, outer)
			s.open = s.open || isStar(x)
		}
	}
	if s.open {
		return s // a star is several columns, so that no place is known
	}
	whole := &relation{dom: &domain{}}
	rows := &rowList{columns: len(q.Values[0])}
	for i := range q.Values[0] {
		s.outs = append(s.outs, output{name: "column" + strconv.Itoa(i+1), col: r.valuesColumn(q.Values, i, whole, rows),
			coll: r.valuesCollation(q.Values, i, outer)})
	}
	return s
}

func (r *reader) valuesCollation(rows [][]sqlparse.Expr, i int, outer *scope) collation {
	all := plain
	for _, row := range rows {
		if i >= len(row) {
			return collation{}
		}
		all = merged(all, r.collationOf(row[i], outer))
	}
	return all.implicit()
}

// valuesColumn is column i of VALUES, of the relation that all have, when each of its values is a parameter or constant,
// or nil.
func (r *reader) valuesColumn(rows [][]sqlparse.Expr, i int, rel *relation, whole *rowList) *column {
	var list []*source
	values := make([]sqlparse.Expr, 0, len(rows))
	for _, row := range rows {
		if i >= len(row) {
			return nil
		}
		values = append(values, row[i])
	}
	fam := familyOfElements(values)
	for _, x := range values {
		if fam == famNone || r.scope == Scoped && familyOfConstant(x) != fam {
			return nil
		}
		src := constant(x, fam)
		if src == nil {
			return nil
		}
		list = append(list, src)
	}
	c := &column{rel: rel, fam: fam, exact: true}
	if !slices.ContainsFunc(list, func(s *source) bool { return !s.same(list[0]) }) {
		rel.dom.is(c, list[0])
	} else {
		rel.dom.is(c, &source{kind: srcList, elems: list, at: rows[0][i].Pos().Start, rows: whole})
	}
	return c
}

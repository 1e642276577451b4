package plan

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// SentColumns are the columns of the shards' rows as far as the plan counts on them, all integers; nil where it does not.
func (s *Scatter) SentColumns() []ResultColumn {
	if s.final == nil {
		return nil
	}
	return s.final.sent()
}

func (f *finalQuery) sent() []ResultColumn {
	var all []ResultColumn
	add := func(name string) { all = append(all, ResultColumn{Name: name, Type: pgtype.Int8OID}) }
	switch {
	case f.nested != nil:
		if len(f.nested.inputs) > 1 {
			add("keyway input")
		}
		for _, in := range f.nested.inputs {
			all = append(all, in.final.sent()...)
		}
	case f.grouped != nil:
		for _, o := range f.grouped.stars {
			add(o.name)
		}
		for i := range f.grouped.columns {
			add(fmt.Sprintf("c%d", i+1))
		}
	case f.part != nil:
		for _, o := range f.part.outs {
			add(o.name)
		}
		for i := range f.hidden {
			add(fmt.Sprintf("keyway_order_%d", i+1))
		}
	}
	return all
}

// FirstCollation is the collation of the first column of a query, as COLLATE would name it, and whether it is known.
func FirstCollation(text string, reg *catalog.Registry, schema string) (name string, known bool, err error) {
	text = "select (" + text + ")"
	stmt, err := sqlparse.Parse(text)
	if err != nil {
		return "", false, err
	}
	q := stmt.(*sqlparse.Select)
	r, err := (&scatterBuilder{text: text, reg: reg, schema: schema}).read(q)
	if err != nil {
		return "", false, err
	}
	c := r.firsts[q.Targets[0].Expr.(*sqlparse.Subquery).Query]
	return c.name, c.known, nil
}

// ShardText is the text of the shards, with its marks.
func (s *Scatter) ShardText() string { return s.text }

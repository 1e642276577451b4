package plan

import (
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// collation is how an expression's values are compared when they are text. The zero value is not known.
type collation struct {
	known    bool
	name     string // as COLLATE would name it; empty for the database's default and for what is no text
	loose    bool   // values that are equal may differ in their bytes
	explicit bool   // COLLATE says it in the expression itself; as a column of a query it is implicit
}

// plain is the collation of constants, parameters and columns without one of their own, and of what is no text.
var plain = collation{known: true}

// implicit is the collation as a column of the query that gives it.
func (c collation) implicit() collation {
	c.explicit = false
	return c
}

// named reports whether it is other than the database's default.
func (c collation) named() bool { return c.name != "" && !c.is(collation{name: `"default"`}) }

func (c collation) is(d collation) bool {
	const own = "pg_catalog." // searched before any schema
	return strings.TrimPrefix(c.name, own) == strings.TrimPrefix(d.name, own)
}

// merged is the collation of what is made of two texts. It is not known when PostgreSQL does not know it either: what
// then compares it fails there.
func merged(a, b collation) collation {
	switch {
	case a.explicit && b.explicit, a.explicit == b.explicit && a.known && b.known:
		switch {
		case a.is(b):
			a.loose = a.loose && b.loose
			return a
		case a.explicit:
			return collation{}
		case !b.named():
			return a
		case !a.named():
			return b
		}
		return collation{}
	case a.explicit:
		return a
	case b.explicit:
		return b
	}
	return collation{}
}

// mergedArms is the collation of a column of a set operation. That of an arm of an arm is implicit, wherefore with more
// than two what is explicit has to be in all of them.
func mergedArms(arms []collation) collation {
	all := arms[0]
	for _, c := range arms[1:] {
		if len(arms) > 2 && (c.explicit || all.explicit) && c != all {
			return collation{}
		}
		all = merged(all, c)
	}
	return all
}

// collationOf is the collation of an expression that has been read, as PostgreSQL derives it.
func (r *reader) collationOf(e sqlparse.Expr, sc *scope) collation {
	if r.tops == nil {
		return collation{}
	}
	switch e := strip(e).(type) {
	case nil, *sqlparse.Literal, *sqlparse.Param, *sqlparse.DefaultExpr:
		return plain
	case *sqlparse.And, *sqlparse.Or, *sqlparse.IsTest, *sqlparse.Between, *sqlparse.Like, *sqlparse.In, *sqlparse.Quantified,
		*sqlparse.Row:
		return plain
	case *sqlparse.ColumnRef:
		if c := r.column(e, sc); c != opaque {
			return c.coll
		}
		return r.opaqueCollation(e, sc)
	case *sqlparse.Collate:
		return r.collationNamed(&e.Collation)
	case *sqlparse.Cast:
		return r.castCollation(e, sc)
	case *sqlparse.Case: // what it tells apart by does not matter, what it gives does
		all := r.collationOf(e.Else, sc)
		for i := range e.Whens {
			all = merged(all, r.collationOf(e.Whens[i].Then, sc))
		}
		return all
	case *sqlparse.Coalesce:
		return r.mergedOf(e.Args, sc)
	case *sqlparse.Array:
		return r.mergedOf(e.X, sc)
	case *sqlparse.Index:
		return r.mergedOf([]sqlparse.Expr{e.X, e.Lo, e.Hi}, sc)
	case *sqlparse.Subquery:
		if e.Kind == sqlparse.SubExists {
			return plain
		}
		return r.firsts[e.Query]
	case *sqlparse.Unary:
		return r.plainOf([]sqlparse.Expr{e.X}, sc)
	case *sqlparse.Binary:
		return r.operatorCollation(e, sc)
	case *sqlparse.FuncCall:
		return r.callCollation(e, sc)
	case *sqlparse.ClauseCall:
		if e.Query != nil || slices.ContainsFunc(e.Types, func(t sqlparse.TypeName) bool { return !plainType(&t) }) {
			return collation{}
		}
		return r.plainOf(e.Args, sc)
	case *sqlparse.NamedArg:
		return r.collationOf(e.X, sc)
	}
	return collation{}
}

// keepFirst notes the collation that a query has as a value.
func (r *reader) keepFirst(q *sqlparse.Select, s *shape) {
	if r.tops == nil || len(s.outs) == 0 || s.open {
		return
	}
	if r.firsts == nil {
		r.firsts = map[*sqlparse.Select]collation{}
	}
	r.firsts[q] = s.outs[0].coll.implicit()
}

func (r *reader) mergedOf(list []sqlparse.Expr, sc *scope) collation {
	all := plain
	for _, x := range list {
		all = merged(all, r.collationOf(x, sc))
	}
	return all
}

// plainOf is the collation of what is made of the list by something of which it is not known whether it gives text.
func (r *reader) plainOf(list []sqlparse.Expr, sc *scope) collation {
	for _, x := range list {
		if r.collationOf(x, sc) != plain {
			return collation{}
		}
	}
	return plain
}

func (r *reader) castCollation(e *sqlparse.Cast, sc *scope) collation {
	switch {
	case !plainType(&e.Type):
		return collation{}
	case !slices.Contains(textTypes, e.Type.Name), e.Type.Quoted && e.Type.Name == "char":
		return plain
	}
	return r.collationOf(e.X, sc)
}

// operatorCollation knows the operators of pg_catalog that give text, and that comparisons give none.
func (r *reader) operatorCollation(e *sqlparse.Binary, sc *scope) collation {
	both := []sqlparse.Expr{e.L, e.R}
	switch e.Op {
	case "||", "->>", "#>>":
		return r.mergedOf(both, sc)
	case "=", "<>", "<", ">", "<=", ">=", "is distinct from", "is not distinct from", "overlaps":
		return plain
	}
	return r.plainOf(both, sc)
}

func (r *reader) callCollation(e *sqlparse.FuncCall, sc *scope) collation {
	args := slices.Clone(e.Args)
	for i := range e.WithinGroup {
		args = append(args, e.WithinGroup[i].Expr)
	}
	how, texts := functionCollations[e.Name]
	if schema := e.Schema != "" && e.Schema != "pg_catalog"; schema || !postgresOwn(e.Name) {
		how, texts = "", false
	}
	switch {
	case how == "t" && len(e.WithinGroup) == 0:
		return r.mergedOf(args, sc)
	case how == "n":
		return plain
	case how == "-":
		return collation{}
	case !texts && hasStar(e):
		return plain
	}
	return r.plainOf(args, sc)
}

// strictCollations are those whose name alone says that equal values have equal bytes. A collation of a name that is
// none of these may be the user's.
var strictCollations = []string{"C", "POSIX", "ucs_basic", "default"}

func (r *reader) collationNamed(n *sqlparse.TableName) collation {
	c := collation{known: true, explicit: true, name: n.Text(r.text)}
	c.loose = n.Schema.Value != "pg_catalog" && (n.Schema.Value != "" || !slices.Contains(strictCollations, n.Name.Value))
	return c
}

// textTypes are those of plainTypes that have a collation.
var textTypes = []string{"text", "varchar", "character varying", "char varying", "char", "character", "bpchar"}

// plainTypes are types of pg_catalog, as they may be written, that bring no collation of their own. name does, and so may
// a domain, whose values are described as those of its base type.
var plainTypes = append(slices.Clone(textTypes),
	"boolean", "bool", "smallint", "int2",
	"integer", "int", "int4", "bigint", "int8", "numeric", "decimal", "dec", "real", "float", "float4", "float8", "double precision",
	"money", "date", "time", "time without time zone", "time with time zone", "timetz", "timestamp", "timestamp without time zone",
	"timestamp with time zone", "timestamptz", "interval", "uuid", "bytea", "json", "jsonb", "xml", "bit", "bit varying", "varbit",
	"inet", "cidr", "macaddr", "macaddr8", "oid", "regclass", "regtype", "int4range", "int8range", "numrange", "tsrange", "tstzrange",
	"daterange", "tsvector", "tsquery", "jsonpath",
)

func plainType(t *sqlparse.TypeName) bool {
	return (t.Schema == "" || t.Schema == "pg_catalog") && slices.Contains(plainTypes, t.Name)
}

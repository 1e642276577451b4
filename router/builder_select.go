package router

import sq "github.com/Masterminds/squirrel"

// SelectBuilder builds a SELECT; see [SQL].
type SelectBuilder struct{ b sq.SelectBuilder }

// ToSql returns the statement with numbered placeholders and its arguments.
func (b SelectBuilder) ToSql() (string, []any, error) { return finish(b.b.ToSql()) }

// Prefix adds an expression before the statement, such as a WITH clause.
func (b SelectBuilder) Prefix(text string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Prefix(text, values(args)...)}
}

// Distinct adds DISTINCT.
func (b SelectBuilder) Distinct() SelectBuilder { return SelectBuilder{b.b.Distinct()} }

// Options adds what stands between SELECT and the columns, such as DISTINCT ON (...).
func (b SelectBuilder) Options(options ...string) SelectBuilder {
	return SelectBuilder{b.b.Options(options...)}
}

// Columns adds result columns.
func (b SelectBuilder) Columns(columns ...string) SelectBuilder {
	return SelectBuilder{b.b.Columns(columns...)}
}

// Column adds a result column that has arguments or is a builder.
func (b SelectBuilder) Column(column any, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Column(part(column), values(args)...)}
}

// From sets the FROM clause.
func (b SelectBuilder) From(from string) SelectBuilder { return SelectBuilder{b.b.From(from)} }

// FromSelect sets a subquery as the FROM clause.
func (b SelectBuilder) FromSelect(from SelectBuilder, alias string) SelectBuilder {
	return SelectBuilder{b.b.FromSelect(from.b, alias)}
}

// Join adds an inner JOIN: "items i on i.tenant_id = o.tenant_id".
func (b SelectBuilder) Join(join string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Join(join, args...)}
}

// LeftJoin adds a LEFT JOIN.
func (b SelectBuilder) LeftJoin(join string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.LeftJoin(join, args...)}
}

// RightJoin adds a RIGHT JOIN.
func (b SelectBuilder) RightJoin(join string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.RightJoin(join, args...)}
}

// CrossJoin adds a CROSS JOIN.
func (b SelectBuilder) CrossJoin(join string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.CrossJoin(join, args...)}
}

// JoinClause adds a join as written.
func (b SelectBuilder) JoinClause(join any, args ...any) SelectBuilder {
	return SelectBuilder{b.b.JoinClause(part(join), args...)}
}

// Where adds a condition, combined with AND: a string with ? placeholders, or one of squirrel's (sq.Eq, sq.And, ...).
func (b SelectBuilder) Where(condition any, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Where(predicate(condition), args...)}
}

// GroupBy adds GROUP BY expressions.
func (b SelectBuilder) GroupBy(by ...string) SelectBuilder { return SelectBuilder{b.b.GroupBy(by...)} }

// Having adds a HAVING condition, as Where.
func (b SelectBuilder) Having(condition any, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Having(predicate(condition), args...)}
}

// OrderBy adds ORDER BY expressions.
func (b SelectBuilder) OrderBy(by ...string) SelectBuilder { return SelectBuilder{b.b.OrderBy(by...)} }

// Limit sets LIMIT. The number is part of the text, so each page size is a statement of its own.
func (b SelectBuilder) Limit(n uint64) SelectBuilder { return SelectBuilder{b.b.Limit(n)} }

// Offset sets OFFSET.
func (b SelectBuilder) Offset(n uint64) SelectBuilder { return SelectBuilder{b.b.Offset(n)} }

// Suffix adds an expression after the statement, such as FOR UPDATE.
func (b SelectBuilder) Suffix(text string, args ...any) SelectBuilder {
	return SelectBuilder{b.b.Suffix(text, args...)}
}

package router

import sq "github.com/Masterminds/squirrel"

// InsertBuilder builds an INSERT; see [SQL].
type InsertBuilder struct{ b sq.InsertBuilder }

// ToSql returns the statement with numbered placeholders and its arguments.
func (b InsertBuilder) ToSql() (string, []any, error) { return finish(b.b.ToSql()) }

// Prefix adds an expression before the statement, such as a WITH clause.
func (b InsertBuilder) Prefix(text string, args ...any) InsertBuilder {
	return InsertBuilder{b.b.Prefix(text, args...)}
}

// Columns adds the columns that Values gives, in their order.
func (b InsertBuilder) Columns(columns ...string) InsertBuilder {
	return InsertBuilder{b.b.Columns(columns...)}
}

// Values adds a row.
func (b InsertBuilder) Values(row ...any) InsertBuilder {
	return InsertBuilder{b.b.Values(values(row)...)}
}

// SetMap sets columns and one row at once, in the order of the columns' names.
func (b InsertBuilder) SetMap(columns map[string]any) InsertBuilder {
	return InsertBuilder{b.b.SetMap(mapped(columns))}
}

// Select takes the rows of a query instead of Values.
func (b InsertBuilder) Select(rows SelectBuilder) InsertBuilder {
	return InsertBuilder{b.b.Select(rows.b)}
}

// Suffix adds what stands after the rows, such as ON CONFLICT ... or RETURNING id.
func (b InsertBuilder) Suffix(text string, args ...any) InsertBuilder {
	return InsertBuilder{b.b.Suffix(text, args...)}
}

// UpdateBuilder builds an UPDATE; see [SQL].
type UpdateBuilder struct{ b sq.UpdateBuilder }

// ToSql returns the statement with numbered placeholders and its arguments.
func (b UpdateBuilder) ToSql() (string, []any, error) { return finish(b.b.ToSql()) }

// Prefix adds an expression before the statement, such as a WITH clause.
func (b UpdateBuilder) Prefix(text string, args ...any) UpdateBuilder {
	return UpdateBuilder{b.b.Prefix(text, args...)}
}

// Set gives a column a value: an argument, or one of squirrel's expressions.
func (b UpdateBuilder) Set(column string, v any) UpdateBuilder {
	return UpdateBuilder{b.b.Set(column, value(v))}
}

// SetMap is Set for several columns, in the order of their names.
func (b UpdateBuilder) SetMap(columns map[string]any) UpdateBuilder {
	return UpdateBuilder{b.b.SetMap(mapped(columns))}
}

// From adds a FROM clause.
func (b UpdateBuilder) From(from string) UpdateBuilder { return UpdateBuilder{b.b.From(from)} }

// FromSelect adds a subquery as the FROM clause.
func (b UpdateBuilder) FromSelect(from SelectBuilder, alias string) UpdateBuilder {
	return UpdateBuilder{b.b.FromSelect(from.b, alias)}
}

// Where adds a condition, as [SelectBuilder.Where].
func (b UpdateBuilder) Where(condition any, args ...any) UpdateBuilder {
	return UpdateBuilder{b.b.Where(predicate(condition), args...)}
}

// Suffix adds what stands at the end, such as RETURNING id.
func (b UpdateBuilder) Suffix(text string, args ...any) UpdateBuilder {
	return UpdateBuilder{b.b.Suffix(text, args...)}
}

// DeleteBuilder builds a DELETE; see [SQL]. One without Where is refused when it is run, since it names no shard key.
type DeleteBuilder struct{ b sq.DeleteBuilder }

// ToSql returns the statement with numbered placeholders and its arguments.
func (b DeleteBuilder) ToSql() (string, []any, error) { return finish(b.b.ToSql()) }

// Prefix adds an expression before the statement, such as a WITH clause.
func (b DeleteBuilder) Prefix(text string, args ...any) DeleteBuilder {
	return DeleteBuilder{b.b.Prefix(text, args...)}
}

// Where adds a condition, as [SelectBuilder.Where].
func (b DeleteBuilder) Where(condition any, args ...any) DeleteBuilder {
	return DeleteBuilder{b.b.Where(predicate(condition), args...)}
}

// Suffix adds what stands at the end, such as RETURNING id.
func (b DeleteBuilder) Suffix(text string, args ...any) DeleteBuilder {
	return DeleteBuilder{b.b.Suffix(text, args...)}
}

func mapped(columns map[string]any) map[string]any {
	out := make(map[string]any, len(columns))
	for name, v := range columns {
		out[name] = value(v)
	}
	return out
}

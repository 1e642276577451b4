package router

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	sq "github.com/Masterminds/squirrel"
)

// SQL builds statements: squirrel's builders with PostgreSQL's placeholders, made safe for routing.
//
//   - sq.Eq{"id": slice} becomes id = ANY($1), one text whatever the length, where squirrel writes IN ($1,$2,...): a new
//     prepared statement for each length, and an error at 65,536 values. sq.NotEq becomes <> ALL($1).
//   - A [16]byte in sq.Eq is one uuid; squirrel would take it for a list of 16 numbers.
//   - A builder as a value of sq.Eq is refused; squirrel passes the builder itself to the server as an argument.
//   - Placeholders are numbered once over the whole statement, nested builders included, and never inside a string or
//     a comment. Write the operator ? as ??.
//
// Builders are values: each method returns a changed copy, so a base may be shared. Names of tables and columns, and
// every string that is not an argument, go into the text as they are: never build them from a user's input.
var SQL Builders

// Builders is the type of [SQL].
type Builders struct{}

// Select begins a SELECT of the columns.
func (Builders) Select(columns ...string) SelectBuilder { return SelectBuilder{sq.Select(columns...)} }

// Insert begins an INSERT into a table.
func (Builders) Insert(into string) InsertBuilder { return InsertBuilder{sq.Insert(into)} }

// Update begins an UPDATE of a table.
func (Builders) Update(table string) UpdateBuilder { return UpdateBuilder{sq.Update(table)} }

// Delete begins a DELETE from a table.
func (Builders) Delete(from string) DeleteBuilder { return DeleteBuilder{sq.Delete(from)} }

// finish makes the statement of what a builder with ? placeholders gave.
func finish(text string, args []any, err error) (string, []any, error) {
	if err != nil {
		return "", nil, fmt.Errorf("%sbuilding the statement: %w", errPrefix, err)
	}
	text, err = numberPlaceholders(text, len(args))
	if err != nil {
		return "", nil, err
	}
	return text, args, nil
}

// part prepares something that stands inside a statement: nested builders keep their ?, and equalities become
// ours.
func part(p any) any {
	switch p := p.(type) {
	case SelectBuilder:
		return p.b
	case InsertBuilder:
		return p.b
	case UpdateBuilder:
		return p.b
	case DeleteBuilder:
		return p.b
	case sq.SelectBuilder:
		return p.PlaceholderFormat(sq.Question)
	case sq.InsertBuilder:
		return p.PlaceholderFormat(sq.Question)
	case sq.UpdateBuilder:
		return p.PlaceholderFormat(sq.Question)
	case sq.DeleteBuilder:
		return p.PlaceholderFormat(sq.Question)
	case sq.Eq:
		return equality{columns: p}
	case map[string]any:
		return equality{columns: p}
	case sq.NotEq:
		return equality{columns: p, not: true}
	case sq.And:
		return sq.And(parts(p, predicate))
	case sq.Or:
		return sq.Or(parts(p, part))
	default:
		return p
	}
}

func parts(list []sq.Sqlizer, each func(any) any) []sq.Sqlizer {
	out := make([]sq.Sqlizer, len(list))
	for i, p := range list {
		out[i], _ = each(p).(sq.Sqlizer)
	}
	return out
}

// predicate is part for WHERE, HAVING and sq.And. What has OR gets parentheses: squirrel joins conditions with a bare AND,
// which binds more tightly.
func predicate(p any) any {
	switch p := part(p).(type) {
	case string:
		return grouped(p)
	case equality, sq.And, sq.Or: // squirrel writes the parentheses of the last two
		return p
	case sq.Sqlizer:
		return group{p}
	default:
		return p
	}
}

// group is a condition of squirrel's, such as sq.Expr, which may have OR.
type group struct{ sq.Sqlizer }

// ToSql implements squirrel's Sqlizer.
func (g group) ToSql() (string, []any, error) {
	text, args, err := g.Sqlizer.ToSql()
	return grouped(text), args, err
}

func grouped(condition string) string {
	if strings.Contains(strings.ToLower(condition), "or") {
		return "(" + condition + ")"
	}
	return condition
}

// values is part for the arguments of INSERT and SET.
func values(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = value(v)
	}
	return out
}

// value leaves arguments alone and keeps nested builders' ?. A nested SELECT is a scalar and needs parentheses, which
// squirrel only writes in SET.
func value(v any) any {
	switch v.(type) {
	case SelectBuilder, sq.SelectBuilder:
		return scalar{part(v).(sq.SelectBuilder)}
	default:
		return v
	}
}

type scalar struct{ b sq.SelectBuilder }

// ToSql implements squirrel's Sqlizer.
func (s scalar) ToSql() (string, []any, error) {
	text, args, err := s.b.ToSql()
	return "(" + text + ")", args, err
}

// equality is sq.Eq, or sq.NotEq, as this package wants it written.
type equality struct {
	columns map[string]any
	not     bool
}

// ToSql implements squirrel's Sqlizer. Columns are sorted, so that the same condition is the same text.
func (e equality) ToSql() (string, []any, error) {
	if len(e.columns) == 0 {
		return "(1=1)", nil, nil
	}
	var args []any
	texts := make([]string, 0, len(e.columns))
	for _, column := range slices.Sorted(maps.Keys(e.columns)) {
		text, arg, err := e.one(column, e.columns[column])
		if err != nil {
			return "", nil, err
		}
		texts = append(texts, text)
		args = append(args, arg...)
	}
	return strings.Join(texts, " AND "), args, nil
}

func (e equality) one(column string, v any) (string, []any, error) {
	if isNil(v) {
		if e.not {
			return column + " IS NOT NULL", nil, nil
		}
		return column + " IS NULL", nil, nil
	}
	switch v.(type) {
	case sq.Sqlizer:
		return "", nil, errors.New("column " + column + " is compared with a builder in sq.Eq; write " +
			"sq.Expr(\"" + column + " = (?)\", sub) with a builder of squirrel's default format")
	case driver.Valuer, []byte:
		return column + e.operator(), []any{v}, nil
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice:
		if rv.Type().Elem().Kind() == reflect.Uint8 { // one value: net.IP, json.RawMessage
			return column + e.operator(), []any{v}, nil
		}
		if rv.IsNil() { // pgx sends a nil slice as NULL, which equals nothing and differs from nothing
			v = reflect.MakeSlice(rv.Type(), 0, 0).Interface()
		}
		return column + e.listOperator(), []any{v}, nil
	case reflect.Array:
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			return column + e.operator(), []any{v}, nil
		}
		list := reflect.MakeSlice(reflect.SliceOf(rv.Type().Elem()), rv.Len(), rv.Len())
		reflect.Copy(list, rv)
		return column + e.listOperator(), []any{list.Interface()}, nil
	default:
		return column + e.operator(), []any{v}, nil
	}
}

func (e equality) operator() string {
	if e.not {
		return " <> ?"
	}
	return " = ?"
}

func (e equality) listOperator() string {
	if e.not {
		return " <> ALL(?)"
	}
	return " = ANY(?)"
}

// isNil reports whether v is NULL as a single value: nil or a nil pointer. A nil slice is an empty list, and a nil
// Valuer decides for itself.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	if _, ok := v.(driver.Valuer); ok {
		return false
	}
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}

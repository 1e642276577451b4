package router

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Statement is SQL with its arguments: what [SQL] builds, any squirrel builder with numbered placeholders, or [Text].
type Statement interface {
	ToSql() (string, []any, error)
}

// Querier runs queries: [*DB], [*KeyDB], [*ShardDB], *txn.Tx, or anything of pgx.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Execer runs statements that return no rows.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Text is a statement written out, with numbered placeholders.
func Text(sql string, args ...any) Statement { return text{sql, args} }

type text struct {
	sql  string
	args []any
}

// ToSql implements Statement.
func (t text) ToSql() (string, []any, error) { return t.sql, t.args, nil }

// Exec runs a statement that returns no rows.
func Exec(ctx context.Context, db Execer, stmt Statement) (pgconn.CommandTag, error) {
	sql, args, err := stmt.ToSql()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return db.Exec(ctx, sql, args...)
}

// Get returns the one row of a query: no row is [ErrNoRows], more than one [ErrTooManyRows].
//
// T is a struct, whose fields take the columns of their names, or anything else that pgx can scan, which takes the
// only column. Columns and fields meet by the field's `db` tag, else by its name without regard to case and
// underscores; embedded structs count as their fields, and `db:"-"` leaves a field out. A column without a field is an
// error that names it, but for the library's own slot column. A field without a column keeps its zero value.
func Get[T any](ctx context.Context, db Querier, stmt Statement) (T, error) {
	var got, none T
	n := 0
	for v, err := range Each[T](ctx, db, stmt) {
		if err != nil {
			return none, err
		}
		if n++; n > 1 {
			return none, ErrTooManyRows
		}
		got = v
	}
	if n == 0 {
		return none, ErrNoRows
	}
	return got, nil
}

// Select returns all rows of a query, never nil without an error. T is as for [Get].
func Select[T any](ctx context.Context, db Querier, stmt Statement) ([]T, error) {
	list := []T{}
	for v, err := range each[T](ctx, db, stmt, func(rows int) { list = make([]T, 0, rows) }) {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Each runs a query when it is ranged over and gives its rows one by one; an error comes last, with the zero T. The
// connection is busy until the loop ends, also by break. T is as for [Get].
func Each[T any](ctx context.Context, db Querier, stmt Statement) iter.Seq2[T, error] {
	return each[T](ctx, db, stmt, nil)
}

// each is Each. With the first row ready is told how many there are without waiting, if that is known.
func each[T any](ctx context.Context, db Querier, stmt Statement, ready func(rows int)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		sql, args, err := stmt.ToSql()
		if err != nil {
			yield(none, err)
			return
		}
		got, err := db.Query(ctx, sql, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer got.Close()
		var scan scanner[T]
		for first := true; got.Next(); first = false {
			if held, ok := got.(interface{ ready() int }); first && ok && ready != nil {
				ready(held.ready())
			}
			v, err := scan.row(got)
			if err != nil {
				yield(none, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := got.Err(); err != nil {
			yield(none, err)
		}
	}
}

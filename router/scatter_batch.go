package router

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
)

// batchRead reads one shard where statements are not kept by name: as pgx does it, in whatever mode the connection has.
// It is a merge.Source once it was asked.
type batchRead struct {
	pgx.Rows // nil before the statement has answered
	conn     *pool.Conn
	first    bool // the first row was looked at, and not given out
}

// ask implements shardRead. What the result is made of is known only when it has come: when a type has no name yet it is
// asked for, and the statement sent again.
func (r *batchRead) ask(ctx context.Context, in *input) error {
	err := r.send(ctx, in)
	if err != nil || in.unnamed(r.FieldDescriptions()) == nil {
		return err
	}
	fields := slices.Clone(r.FieldDescriptions())
	r.Close()
	if _, err := in.learnTypes(ctx, r.conn, fields); err != nil {
		return err
	}
	return r.send(ctx, in)
}

func (r *batchRead) send(ctx context.Context, in *input) (err error) {
	var args []any
	if in.of.asText {
		args = append(args, pgx.QueryResultFormats{pgx.TextFormatCode})
	}
	for _, arg := range in.args {
		if keys, ok := arg.(plan.KeyArray); ok {
			arg = keys.Text()
		}
		args = append(args, arg)
	}
	if r.Rows, err = r.conn.Query(ctx, in.text, args...); err != nil {
		return err
	}
	r.first = r.Rows.Next()
	return r.Rows.Err()
}

// Next implements merge.Source.
func (r *batchRead) Next() bool {
	if r.first {
		r.first = false
		return true
	}
	return r.Rows != nil && r.Rows.Next()
}

// TypeMap implements merge.Source.
func (r *batchRead) TypeMap() *pgtype.Map { return r.conn.Conn().TypeMap() }

// Err implements merge.Source.
func (r *batchRead) Err() error {
	if r.Rows == nil {
		return nil
	}
	return ownedError(r.Rows.Err())
}

// Close implements merge.Source.
func (r *batchRead) Close() {
	if r.Rows != nil {
		r.Rows.Close()
	}
}

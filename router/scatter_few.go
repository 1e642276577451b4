package router

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// reads reports whether the statement was not placed because it reads keys of several shards, which can be asked
// together. A handle for one key has no such statements.
func (c *call) reads(err error) bool {
	_, several := err.(*MultiShardError) //nolint:errorlint // resolve returns it bare
	return several && c.plan.ReadOnly && c.key.IsZero()
}

// scatter reads from the shards of the statement's keys. why is what one shard could not do.
func (r *rows) scatter(why error) error {
	s := &scatterRows{}
	s.db, s.ctx, s.sql, s.args, s.bound, s.boundBy = r.db, r.ctx, r.sql, r.args, r.bound, r.snap.registry
	if err := s.start(); err != nil {
		return r.refuse(because(why, err))
	}
	r.Rows, r.foreign, r.node = s, true, nil
	return nil
}

// because gives a refusal to read several shards the form of one that several are needed.
func because(why, err error) error {
	var refusal *RefusedError
	var several *MultiShardError
	if errors.As(err, &refusal) && errors.As(why, &several) {
		several.Err = refusal
		return several
	}
	return err
}

// execSeveral is Exec of a statement that reads from several shards: the tag counts the rows.
func (db *DB) execSeveral(ctx context.Context, sql string, args []any, why error) (pgconn.CommandTag, error) {
	tag, err := db.Scatter().Exec(ctx, sql, args...)
	return tag, because(why, err)
}

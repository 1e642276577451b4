package router

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
)

// batchRead reads one shard where statements are not kept by name: as pgx does it, in whatever mode the connection has.
// It is a merge.Source once it was asked.
type batchRead struct {
	pgx.Rows // nil before the statement has answered
	conn     *pool.Conn
	batch    pgx.Batch
	results  pgx.BatchResults
	asText   bool
	ctx      context.Context
}

// ask sends the statement and everything around it at once, and reads what comes before the rows. What the result is made
// of is known only then: when a type has no name yet it is asked for, and the statement sent again.
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
	*r = batchRead{conn: r.conn}
	return r.send(ctx, in)
}

func (r *batchRead) send(ctx context.Context, in *input) error {
	r.ctx, r.asText = ctx, in.of.asText
	r.batch.QueuedQueries = make([]*pgx.QueuedQuery, 0, 4)
	r.batch.Queue(beginSnapshot)
	r.batch.Queue(ownsSlots, in.owned.text)
	if !r.asText {
		r.batch.Queue(in.text, in.args...)
		r.batch.Queue(endSnapshot)
	}
	r.results = r.conn.SendBatch(ctx, &r.batch)
	owns, err := r.answers()
	switch {
	case err != nil:
		return err
	case !owns:
		return errMoved
	case !r.asText:
		r.Rows, err = r.results.Query()
		return err
	}
	if err = r.results.Close(); err != nil {
		return err
	}
	// A batch has no choice of formats.
	r.Rows, err = r.conn.Query(ctx, in.text, append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, in.args...)...)
	return err
}

func (r *batchRead) answers() (owns bool, err error) {
	if _, err := r.results.Exec(); err != nil {
		return false, err
	}
	return owns, r.results.QueryRow().Scan(&owns)
}

// Close implements merge.Source. What ends the snapshot has nothing to say.
func (r *batchRead) Close() {
	if r.Rows != nil {
		r.Rows.Close()
	}
	if r.results == nil {
		return
	}
	if !r.asText || r.Rows == nil {
		_ = r.results.Close()
		return
	}
	if r.Err() == nil {
		ctx, cancel := context.WithTimeout(r.ctx, rollbackTime)
		defer cancel()
		_, _ = r.conn.Exec(ctx, endSnapshot)
	}
}

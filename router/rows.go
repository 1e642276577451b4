package router

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/shard"
)

// rows is what Query returns: the pool's rows, which are replaced when the statement is sent again before its first
// row, with errors that name the shard.
type rows struct {
	pgx.Rows
	call

	started bool // a row was given out, so the statement cannot be sent again
	foreign bool // Rows have their own retries and errors: those of several shards, and of what is observed
	done    bool
	err     error // of the statement, in its public form; set when done
}

// ready is how many rows are here; 0 is not known.
func (r *rows) ready() int {
	if several, ok := r.Rows.(*scatterRows); ok {
		return several.ready()
	}
	return 0
}

// slab holds rows that are handed out one after another: one allocation serves many statements. A row that is kept
// keeps its slab, so finish drops what it no longer needs.
type slab struct {
	rows [32]rows
	next int
}

// slabs is no pool of rows to be used again: a caller may ask closed rows for their error at any time.
var slabs = sync.Pool{New: func() any { return new(slab) }}

func (db *DB) newRows(ctx context.Context, key shard.Key, sql string, args []any) *rows {
	s := slabs.Get().(*slab)
	r := &s.rows[s.next]
	if s.next++; s.next < len(s.rows) {
		slabs.Put(s)
	}
	// Field by field: copying a whole call costs as much as routing it.
	r.db, r.ctx, r.sql, r.args, r.key = db, ctx, sql, args, key
	return r
}

// start sends the statement, again while that is allowed.
func (r *rows) start() error {
	for {
		args, err := r.resolve()
		if r.reads(err) {
			return r.scatter(err)
		}
		if err != nil {
			return r.observed(err)
		}
		got, err := r.node.query(r.ctx, r.tenant, r.plan.Text, args)
		if err == nil {
			r.Rows = got
			return nil
		}
		if !r.again(err) {
			return r.refuse(r.fail(err))
		}
	}
}

// observed sends a refused statement as it is where observe mode lets it run.
func (r *rows) observed(err error) error {
	s := r.observe(err)
	if s == nil {
		return r.refuse(err)
	}
	got, err := s.Query(r.ctx, r.sql, r.args...)
	if err != nil {
		return r.refuse(err)
	}
	r.Rows, r.foreign, r.node = got, true, nil
	return nil
}

// refuse makes r the rows of a statement that has no rows.
func (r *rows) refuse(err error) error {
	r.Rows = failedRows(err)
	r.finish(err)
	return err
}

// failedRows are rows that only have an error. pgx has no constructor for them but through a batch.
func failedRows(err error) pgx.Rows {
	got, _ := pgx.FailedBatchResults(&pgx.Batch{}, err).Query()
	return got
}

// Next implements pgx.Rows. The server's refusal of a statement arrives with the first row that is asked for, so this
// is where a statement that did not run is sent again.
func (r *rows) Next() bool {
	for {
		if r.Rows.Next() {
			r.started = true
			return true
		}
		if r.done {
			return false
		}
		err := r.Rows.Err()
		if err == nil || r.started || r.foreign || !r.again(err) {
			r.finish(r.fail(err))
			return false
		}
		if r.start() != nil {
			return false
		}
	}
}

// Err implements pgx.Rows.
func (r *rows) Err() error {
	if r.done {
		return r.err
	}
	return r.fail(r.Rows.Err())
}

// Close implements pgx.Rows.
func (r *rows) Close() {
	r.Rows.Close()
	if !r.done {
		r.finish(r.fail(r.Rows.Err()))
	}
}

// finish records the outcome and lets go of what only sending needs.
func (r *rows) finish(err error) {
	r.done, r.err = true, err
	r.ctx, r.args = nil, nil
}

// Scan implements pgx.Rows. It closes the rows on an error, as pgx does.
func (r *rows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

// Conn implements pgx.Rows. It is nil: what ran on the connection unread would reach whoever gets it next. [ShardDB] and
// a transaction's Conn are for that.
func (r *rows) Conn() *pgx.Conn { return nil }

// CommandTag implements pgx.Rows.
func (r *rows) CommandTag() pgconn.CommandTag { return r.Rows.CommandTag() }

// row is what QueryRow returns.
type row rows

// Scan implements pgx.Row, with the rules of pgx's own: [ErrNoRows] for no row, and the rest of several is dropped.
func (r *row) Scan(dest ...any) error {
	rs := (*rows)(r)
	if rs.done {
		return rs.err
	}
	defer rs.Close()
	if err := outlives(dest); err != nil {
		return err
	}
	if !rs.Next() {
		if rs.err == nil {
			return ErrNoRows
		}
		return rs.err
	}
	if err := rs.Rows.Scan(dest...); err != nil {
		return err
	}
	rs.Close()
	return rs.err
}

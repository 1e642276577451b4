package router

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/shard"
)

// ScatterDB reads from several shards. A statement's result is one that a single server with the rows of all shards
// could give; a statement for which that cannot be had is refused with a [*RefusedError] that says why, and so is
// everything that writes or locks. A statement for one key still goes to its shard alone.
//
// Each shard is read in a snapshot of its own. There is no snapshot over all shards: what is committed while the
// statement runs may be seen on one shard and not on another. Rows that exist twice because their slot is moving
// are seen once.
//
// A failure on any shard fails the statement with a [*ShardError] that names it. It is for all keys: [WithKey] does not
// restrict it.
type ScatterDB struct {
	db   *DB
	opts scatterOptions
}

// ScatterOption changes how [DB.Scatter] reads.
type ScatterOption func(*scatterOptions)

type scatterOptions struct {
	partial     func(missing []*ShardError)
	approximate bool
	budget      int64
	conns       int
}

// inTurns reports whether so many shards are not all read at once.
func (o *scatterOptions) inTurns(shards int) bool { return o.conns > 0 && o.conns < shards }

// Partial lets a statement go on without shards that cannot be reached: its rows are those of the others, and report is
// told, before the first row, which are missing and why. Without any shard that answers the statement fails. A shard
// that fails later, with a row given out, fails the statement all the same.
//
// The result is then not what a single server would give: sums are too small, and the first ten are not the first ten.
func Partial(report func(missing []*ShardError)) ScatterOption {
	return func(o *scatterOptions) { o.partial = report }
}

// Approximate accepts sums and averages of floats, whose last digits depend on the order in which they are added.
func Approximate() ScatterOption { return func(o *scatterOptions) { o.approximate = true } }

// MaxBytes bounds the memory of a statement whose rows must be held before the first one can be given out: groups,
// DISTINCT, and ordered rows where there are fewer connections than shards. Past it the statement fails with a
// [*TooLargeError]. Zero or negative means 64 MiB.
func MaxBytes(n int64) ScatterOption { return func(o *scatterOptions) { o.budget = max(n, 0) } }

// MaxConns bounds how many shards a statement reads at once. Zero or negative means all of them. With fewer, ordered
// rows are held under [MaxBytes] before the first is given out.
func MaxConns(n int) ScatterOption { return func(o *scatterOptions) { o.conns = max(n, 0) } }

// Scatter returns a handle that reads from every shard that has rows of the result. It costs a connection to each of
// them, all taken at once or none; where the process may not have so many, shards are read in turns.
func (db *DB) Scatter(opts ...ScatterOption) *ScatterDB {
	s := &ScatterDB{db: db}
	for _, o := range opts {
		o(&s.opts)
	}
	return s
}

// Query reads from the shards and returns one result. Connections are busy until the rows are closed or read to the
// end; an error of a shard may come with the first row or later.
func (s *ScatterDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.db.scatter(ctx, s.opts, sql, args)
}

// QueryRow is Query for the first row. Whatever goes wrong is the error of Scan, [ErrNoRows] when there is no row.
func (s *ScatterDB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := s.Query(ctx, sql, args...)
	if err != nil {
		return failedRow{err}
	}
	return firstRow{rows}
}

// Exec is Query without the rows. What writes is refused.
func (s *ScatterDB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	rows, err := s.Query(ctx, sql, args...)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	for rows.Next() { //nolint:revive // the tag counts them
	}
	rows.Close()
	return rows.CommandTag(), rows.Err()
}

func (db *DB) scatter(ctx context.Context, opts scatterOptions, sql string, args []any) (pgx.Rows, error) {
	r := &scatterRows{opts: opts}
	r.db, r.ctx, r.sql, r.args = db, ctx, sql, args
	return r, r.start()
}

// share is what one shard is asked for.
type share struct {
	*node
	owned *ownedSlots
	keys  []shard.Key // of a list, those that are the shard's own
}

// parts are the shards that have rows of the result, in the order of the map.
func (s *snapshot) parts(few bool, keys []shard.Key) ([]share, error) {
	if few && len(keys) == 0 {
		n, err := s.anyOwner()
		if err != nil {
			return nil, err
		}
		i := slices.Index(s.owners, n)
		return []share{{node: n, owned: &s.owned[i]}}, nil
	}
	all := make([]share, len(s.owners))
	for i, n := range s.owners {
		all[i] = share{node: n, owned: &s.owned[i]}
	}
	if err := s.giveOut(keys, all); err != nil {
		return nil, err
	}
	if few {
		all = slices.DeleteFunc(all, func(p share) bool { return len(p.keys) == 0 })
	}
	for _, p := range all {
		if p.node == nil {
			return nil, s.unconfigured()
		}
	}
	return all, nil
}

// giveOut gives each shard the keys that are its own.
func (s *snapshot) giveOut(keys []shard.Key, all []share) error {
	if len(keys) == 0 {
		return nil
	}
	counts, places := make([]int, len(all)), make([]int32, len(keys))
	for n, k := range keys {
		i := s.slots.Index(k.Slot())
		if i < 0 {
			return &UnknownShardError{Slot: k.Slot(), MapVersion: s.slots.Version()}
		}
		counts[i]++
		places[n] = int32(i)
	}
	room := make([]shard.Key, len(keys))
	for i, n := range counts {
		all[i].keys, room = room[:0:n], room[n:]
	}
	for n, i := range places {
		all[i].keys = append(all[i].keys, keys[n])
	}
	return nil
}

// unconfigured names the first shard of the map that this process does not know.
func (s *snapshot) unconfigured() error {
	i := slices.Index(s.owners, nil)
	return &UnknownShardError{Shard: s.slots.Shards()[i], Slot: s.owned[i].ranges[0].Lo, MapVersion: s.slots.Version()}
}

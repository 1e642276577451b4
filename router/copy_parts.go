package router

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
)

const defaultPart = 10_000

// CopyInParts is [DB.CopyFrom] for more shards than the process may have connections, or for more rows than one
// transaction should hold. It reads size rows at once (zero or negative means 10,000), which is what it holds in memory,
// and copies them to one shard after another, over one connection, each shard's rows in a transaction of their own. It
// returns how many rows were committed.
//
// So it is not atomic, on no shard: an error leaves what was committed before it. It is then a [*CopyPartsError] that
// says by number which rows of the source are there, and which may be. What is known not to have run is sent again as a
// statement is, also to where its slots have moved meanwhile.
func (db *DB) CopyInParts(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource, size int,
) (int64, error) {
	if err := cmpErr(db.open(), ctx.Err()); err != nil {
		return 0, err
	}
	key := contextKey(ctx)
	if !key.IsZero() && key.Err() != nil {
		return 0, key.Err()
	}
	snap := db.current.Load()
	if size <= 0 {
		size = defaultPart
	}
	p, err := newCopyPlan(snap, db.schema, key, table, columns)
	if err != nil {
		if s := db.observeCopy(snap, key, table, columns, err); s != nil {
			c := &observedCopy{on: s, table: table, columns: columns}
			return c.copyAll(ctx, src, size)
		}
		return 0, err
	}
	if !key.IsZero() && p.home == "" {
		if n, err := snap.owner(key.Slot()); err == nil {
			p.want = n.id // for messages
		}
	}
	c := &partCopy{db: db, plan: p, src: src}
	for !c.ended {
		part, err := c.read(size)
		if err == nil {
			err = c.send(ctx, part)
		}
		if err != nil {
			db.learnFrom(err)
			return c.copied, err
		}
	}
	return c.copied, nil
}

// partCopy is one CopyInParts.
type partCopy struct {
	db   *DB
	plan *copyPlan
	src  pgx.CopyFromSource

	ended  bool
	row    int64 // rows read
	done   int64 // rows of the parts that are committed or in progress
	copied int64 // rows committed
}

// read reads one part. Where the source fails within it, nothing of the part is sent.
func (c *partCopy) read(size int) ([]copyRow, error) {
	var part []copyRow
	for len(part) < size {
		if !c.src.Next() {
			c.ended = true
			return part, c.failed(nil, nil, c.src.Err())
		}
		c.row++
		values, err := c.src.Values()
		if err != nil {
			return nil, c.failed(nil, nil, err)
		}
		row, key, err := c.plan.row(values)
		if err != nil {
			return nil, c.failed(nil, nil, rowError(c.plan.table, c.row, err))
		}
		r := copyRow{number: c.row, values: row}
		if c.plan.kind != catalog.Home {
			r.slot = key.Slot()
		}
		part = append(part, r)
	}
	return part, nil
}

// send copies a part to the shards that own its rows now, one after another.
func (c *partCopy) send(ctx context.Context, rows []copyRow) error {
	c.done = c.row
	at := call{db: c.db, ctx: ctx}
	for len(rows) > 0 {
		at.snap = c.db.current.Load()
		n, err := c.owner(at.snap, rows[0])
		if err != nil {
			return c.failed(rows, nil, err)
		}
		these, others := c.of(at.snap, n, rows)
		source := &quietSource{CopyFromSource: &copyRows{rows: these}}
		copied, err := n.db.CopyFrom(as(ctx, pool.Batch), c.plan.ident, c.plan.columns, source)
		err = source.uncommitted(err)
		at.node = n
		switch {
		case err == nil:
			c.copied += copied
			rows, at.n = others, attempts{}
		case at.again(err): // by the map of then, which may have another owner for them
		case judge(err).Verdict == pgerr.InDoubt:
			return c.failed(others, these, writeError(n.id, at.snap.slots.Version(), int(at.n.sent), err))
		default:
			return c.failed(rows, nil, source.failure(ctx, n, c.plan, err))
		}
	}
	return nil
}

// owner is the shard of a row.
func (c *partCopy) owner(snap *snapshot, r copyRow) (*node, error) {
	if c.plan.home == "" {
		n, err := snap.owner(r.slot)
		if err != nil {
			return nil, err
		}
		return n, n.check()
	}
	n, ok := snap.nodes[c.plan.home]
	if !ok {
		return nil, &UnknownShardError{Shard: c.plan.home, MapVersion: snap.slots.Version()}
	}
	return n, n.check()
}

// of divides rows into those of n and the others.
func (c *partCopy) of(snap *snapshot, n *node, rows []copyRow) (these, others []copyRow) {
	for _, r := range rows {
		if at, err := c.owner(snap, r); err == nil && at == n {
			these = append(these, r)
		} else {
			others = append(others, r)
		}
	}
	return these, others
}

// failed says what is there, unless nothing is.
func (c *partCopy) failed(missing, inDoubt []copyRow, err error) error {
	if err == nil || c.copied == 0 && len(inDoubt) == 0 {
		return err
	}
	return &CopyPartsError{Table: c.plan.table, Through: c.done, Missing: numbers(missing), InDoubt: numbers(inDoubt), Err: err}
}

func numbers(rows []copyRow) []int64 {
	list := make([]int64, len(rows))
	for i, r := range rows {
		list[i] = r.number
	}
	return list
}

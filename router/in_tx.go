package router

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// InTx runs fn in one transaction on the shard of key and commits it when fn returns nil. fn runs again as a whole
// when the transaction is known to have been rolled back for a reason that passes (see package txn), so its effects
// belong inside the transaction; a lost reply to COMMIT is a [*txn.InDoubtError] and never runs it again.
//
// Statements in fn are scoped to key as on [DB.ForKey], and a statement for another key is a
// [*txn.ShardMismatchError], even where that key happens to live on the same shard today. At most one Options may be
// given.
func (db *DB) InTx(
	ctx context.Context, key shard.Key, fn func(ctx context.Context, tx *txn.Tx) error, opts ...txn.Options,
) error {
	if err := key.Err(); err != nil {
		return err
	}
	if err := db.open(); err != nil {
		return err
	}
	return db.closedCause(db.txns.Run(ctx, &keySource{db: db, key: key}, oneOption(opts), fn))
}

func oneOption(opts []txn.Options) txn.Options {
	switch len(opts) {
	case 0:
		return txn.Options{}
	case 1:
		return opts[0]
	default:
		panic("router: InTx takes at most one txn.Options")
	}
}

// keySource finds the shard of a key for each attempt of a transaction.
type keySource struct {
	db  *DB
	key shard.Key

	last *node // where the attempt before was
}

// Begin implements txn.Source.
func (s *keySource) Begin(ctx context.Context, attempt int) (txn.Attempt, error) {
	if attempt > 1 && s.last != nil {
		// The runner does not say why it asks again. One read of the map is cheap beside a transaction, and a shard
		// that refused the slot knows the newer map.
		_ = s.db.loader.refresh(ctx, s.last)
	}
	snap := s.db.current.Load()
	n, err := snap.owner(s.key.Slot())
	if err != nil {
		return txn.Attempt{}, err
	}
	s.last = n
	// A failed attempt names its shard too: retries are paid from that shard's budget, not from all shards'.
	if err := n.check(); err != nil {
		return txn.Attempt{Shard: n.id}, err
	}
	conn, err := n.db.ForKey(s.db.tenant(s.key)).Acquire(ctx)
	if err != nil {
		return txn.Attempt{Shard: n.id}, shardError(n.id, err)
	}
	return txn.Attempt{
		Conn: conn, Shard: n.id, MapVersion: snap.slots.Version(),
		Statements: &txStatements{db: s.db, key: s.key, snap: snap, node: n},
	}, nil
}

// txStatements routes the statements of one transaction. They are judged by the map and registry the transaction
// began with: it has one shard from its beginning to its end.
type txStatements struct {
	db   *DB
	key  shard.Key
	snap *snapshot
	node *node
}

// Check implements txn.Statements.
func (t *txStatements) Check(ctx context.Context, sql string, args []any) (string, []any, error) {
	c := call{db: t.db, ctx: ctx, sql: sql, args: args, key: t.key}
	sent, err := c.place(t.snap)
	if err != nil {
		if unknownName(err) {
			t.db.loader.poke() // for the next transaction; this one keeps its snapshot
		}
		return "", nil, err
	}
	if c.node != t.node {
		return "", nil, t.otherShard(&c)
	}
	return c.plan.Text, sent, nil
}

// otherShard is for home tables that live elsewhere.
func (t *txStatements) otherShard(c *call) error {
	e := &txn.ShardMismatchError{
		Table: c.plan.KeyTable, Columns: c.plan.KeyColumns, Want: t.node.id, Got: c.node.id, WantSlot: t.key.Slot(),
	}
	if e.Table == "" && len(c.plan.Tables) > 0 {
		e.Table = c.plan.Tables[0]
	}
	return e
}

// CheckCopy implements txn.CopyChecker.
func (t *txStatements) CheckCopy(
	_ context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) ([]string, pgx.CopyFromSource, error) {
	p, err := newCopyPlan(t.snap, t.db.schema, t.key, table, columns)
	if err != nil {
		return nil, nil, err
	}
	if p.home != "" && p.home != t.node.id {
		return nil, nil, &txn.ShardMismatchError{
			Table: p.table, Want: t.node.id, Got: p.home, WantSlot: t.key.Slot(),
		}
	}
	p.want = t.node.id
	return p.columns, &keyedSource{plan: p, src: src}, nil
}

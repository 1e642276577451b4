package router

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// DBTX is what sqlc's generated code asks for with pgx/v5. [*DB], [*KeyDB] and [*ShardDB] have it.
type DBTX interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

var (
	_ DBTX = (*DB)(nil)
	_ DBTX = (*KeyDB)(nil)
	_ DBTX = (*ShardDB)(nil)
)

// DB is an open cluster. Each statement says itself which key it is for and runs on that key's shard; one that does not
// is refused with a [*RefusedError] before anything is sent. [DB.ForKey] and [WithKey] supply a key to statements that
// name none, [DB.Shard] and [DB.EachShard] reach shards by name. [Config].Observe lets what is refused run while there is only
// one place where it can.
//
// It is safe for concurrent use. Statements outside [DB.InTx] commit by themselves, and are sent again only when it is
// proven that they did not run.
type DB struct {
	cfg    Config
	opts   options
	schema string

	instances map[string]*pool.Instance // never changed after Open
	nodes     map[shard.ID]*node        // never changed after Open
	leases    map[string]*leaseholder   // of every instance; never changed after Open
	plans     *plan.Cache
	txns      *txn.Runner
	loader    *loader
	unique    sync.Map  // uniqueOf -> [][]string: the sets of unique columns that [Page] has asked for
	observer  *observer // nil without Config.Observe
	renewals  renewals

	// current is replaced, never modified: a call loads it once and keeps that version to its end. Only the loader
	// stores it.
	current atomic.Pointer[snapshot]

	// cluster is the id that every connection's database must have; nil until Open has seen one.
	cluster atomic.Pointer[string]

	closing sync.Once
	closed  atomic.Bool
}

type keyOfContext struct{}

// WithKey returns a context in which statements on a [DB] are scoped to key, exactly as on [DB.ForKey]: for middleware
// that knows the request's tenant, where the statements do not name it. A handle's own key wins over it. With a key
// that is not usable, the zero Key as well, every statement is refused.
func WithKey(ctx context.Context, key shard.Key) context.Context {
	if key.IsZero() {
		key = shard.String("") // not usable either; the zero Key itself means further down that there is no scope
	}
	return context.WithValue(ctx, keyOfContext{}, key)
}

// contextKey returns the key of WithKey, or the zero Key.
func contextKey(ctx context.Context) shard.Key {
	key, _ := ctx.Value(keyOfContext{}).(shard.Key)
	return key
}

// Exec routes sql by its shard key and runs it on that shard. A statement that names no shard key is refused with
// [ErrNoShardKey]; pin it with [DB.ForKey], or use [DB.EachShard] to reach every shard.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return db.exec(ctx, contextKey(ctx), sql, args)
}

// Query routes as [DB.Exec] does and returns the rows. The connection is busy until they are closed or read to the end.
//
// A query for a list of keys that live on several shards is read from those, as [DB.Scatter] reads, each shard being
// asked for its own keys; one that cannot be read so exactly is a [*MultiShardError].
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return db.query(ctx, contextKey(ctx), sql, args)
}

// QueryRow routes as [DB.Exec] does. Whatever goes wrong is the error of Scan, [ErrNoRows] when there is no row.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return db.queryRow(ctx, contextKey(ctx), sql, args)
}

func (db *DB) exec(ctx context.Context, key shard.Key, sql string, args []any) (pgconn.CommandTag, error) {
	c := call{db: db, ctx: ctx, sql: sql, args: args, key: key}
	for {
		sent, err := c.resolve()
		if c.reads(err) {
			return db.execSeveral(ctx, sql, args, err)
		}
		if err != nil {
			if s := c.observe(err); s != nil {
				return s.Exec(ctx, c.sql, c.args...)
			}
			return pgconn.CommandTag{}, err
		}
		tag, err := c.node.exec(ctx, c.tenant, c.plan.Text, sent)
		if err == nil {
			return tag, nil
		}
		if !c.again(err) {
			return tag, c.fail(err)
		}
	}
}

func (db *DB) query(ctx context.Context, key shard.Key, sql string, args []any) (pgx.Rows, error) {
	r := db.newRows(ctx, key, sql, args)
	return r, r.start()
}

func (db *DB) queryRow(ctx context.Context, key shard.Key, sql string, args []any) pgx.Row {
	r := db.newRows(ctx, key, sql, args)
	_ = r.start() // Scan returns it
	return (*row)(r)
}

// Route says where a key lives now.
type Route struct {
	Slot       shard.Slot
	Shard      shard.ID
	Instance   string
	Database   string
	MapVersion uint64 // of the slot map that was asked
}

// Route returns where key lives, without asking any server. The answer is that of this moment: a slot may move.
func (db *DB) Route(key shard.Key) (Route, error) {
	if err := key.Err(); err != nil {
		return Route{}, err
	}
	s := db.current.Load()
	r := Route{Slot: key.Slot(), MapVersion: s.slots.Version()}
	n, err := s.owner(r.Slot)
	if err != nil {
		return r, err
	}
	r.Shard, r.Instance, r.Database = n.id, n.instance, n.database
	return r, nil
}

// ForKey returns a handle whose statements are all scoped to key.
func (db *DB) ForKey(key shard.Key) *KeyDB { return &KeyDB{db: db, key: key} }

// Config returns a copy of the configuration the DB was opened with.
func (db *DB) Config() Config { return db.cfg }

// Map returns the slot map in use.
func (db *DB) Map() *shard.Map { return db.current.Load().slots }

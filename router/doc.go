// Package router is the front door of Keyway: it sends each statement of a service to the one PostgreSQL database that
// has its rows, over connections that never exceed one budget.
//
// # Open
//
// A [Config] says which servers there are, which databases on them are shards, who connects, and how many connections
// all processes of the service may hold together. Fill it in code, or load it from YAML with the router/config package.
// [Init] makes a cluster of the databases once, or adopts one that exists; [Open] verifies that every address answers
// as what the configuration calls it, and connects.
//
//	cfg, err := config.Load("keyway.production.yaml")
//	db, err := router.Open(ctx, cfg)
//	defer db.Close()
//
// # Route
//
// Write SQL for one database. A statement runs on one shard when every sharded table in it is pinned to one key: by
// tenant_id = $1, a join on the key, the key column of an INSERT. One that is not is refused before anything is sent,
// with a [*RefusedError] that says what was not understood and what to write; it never goes to a default shard, and
// never to all of them.
//
//	_, err = db.Exec(ctx, "update orders set state = $1 where tenant_id = $2 and id = $3", "paid", tenant, id)
//	_, err = db.Exec(ctx, "update orders set state = $1 where id = $2", "paid", id) // ErrNoShardKey
//
// The methods are pgx's, so *DB is what sqlc's generated code takes. The functions [Get], [Select], [Each] and [Exec]
// take a statement value and a row type:
//
//	order, err := router.Get[Order](ctx, db, router.SQL.
//		Select("*").From("orders").Where(sq.Eq{"tenant_id": tenant, "id": id}))
//
// [DB.Explain] says where a statement would run and what would be sent; [DB.Route] says where a key lives.
//
// # Keys
//
// Where statements do not name the key, a handle does: [DB.ForKey], or [WithKey] in middleware. Both restrict every
// sharded table of a statement to the rows of that key, so that a forgotten condition can neither read nor change
// another tenant's rows.
//
//	n, err := router.Get[int64](ctx, db.ForKey(shard.Int64(tenant)), router.Text("select count(*) from orders"))
//
// # Transactions
//
// [DB.InTx] is an ordinary transaction on the shard of one key. It is run again as a whole when it is known to have
// been rolled back for a reason that passes. A lost reply to COMMIT is a *txn.InDoubtError, never a retry.
//
//	err = db.InTx(ctx, shard.Int64(tenant), func(ctx context.Context, tx *txn.Tx) error {
//		_, err := tx.Exec(ctx, "update orders set total = total + $1 where id = $2", 5, id)
//		return err
//	})
//
// # Batches, copies, every shard
//
// [DB.SendBatch] sends many statements in one round trip to each of their shards. [DB.CopyFrom] splits rows by key and
// copies to all shards at once, [DB.CopyInParts] to one after another. [DB.Shard] is one shard by name, where text is
// sent unread; [DB.EachShard] calls a function for every shard. Their names are longer because they cost more.
//
// # Scatter
//
// [DB.Scatter] is a handle for reads over many shards, and the only one: what is asked of all tenants is asked by name.
// Its results are those that one server with all rows could give, orders, groups and aggregates included; what cannot
// be had exactly is refused. Each shard is read in a snapshot of its own, and there is none over all of them.
//
//	top, err := router.Select[Order](ctx, db.Scatter(), router.SQL.
//		Select("*").From("orders").OrderBy("total DESC", "id").Limit(10))
//
// [Page] reads a query in pages, over one shard or many, at the same cost for each page; a cursor says where to go on.
//
// # Errors
//
// Nothing was sent: [*RefusedError] (and [ErrNoShardKey]), [*MultiShardError], *txn.ShardMismatchError,
// [*ShardDownError], [*UnknownShardError], [*DisagreementError], [*CursorError], and the pool's errors of waiting and
// connecting. The server refused: [*ShardError], through which errors.As reaches *pgconn.PgError; its text names the
// shard and holds no value. Unknown: *txn.InDoubtError, when the connection was lost while a write was under way.
//
// A statement outside a transaction is sent again only when it is proven not to have run: no connection could be
// made, the shard refused a slot that has moved (the slot map is then loaded anew), a cached plan was out of date. All
// of it is bounded by number, by time and by the context.
//
// # What stays true
//
// A DB routes by one immutable snapshot of the slot map and the registry of tables, replaced when the catalog's
// database notifies a change, when a poll finds one, or when a shard refuses a slot; never by an older one. Each new
// connection is asked which shard it has reached.
package router

// Package pool holds the connections to PostgreSQL servers, and never more than it was allowed.
//
// An [Instance] is one server. It has one limit for all its databases: a [Database] has its own idle connections, but
// they are closed for another database's sake when the limit is reached, so no database can starve another by having
// been busy earlier.
//
//	in, err := pool.New(pool.Config{Name: "pg-a", Conn: cc, Limit: 10})
//	app := in.Database("app", pool.DatabaseConfig{})
//	_, err = app.Exec(ctx, "update t set a = $1", 1)
//
// # The bound
//
// The limit is on sockets, not on borrowed connections. Each socket is charged one token before it is dialled, and the
// token comes back only when the server has closed its end: closing sends FIN, reads to EOF, and EOF arrives when the
// backend's process is gone and its slot in max_connections is free again. A pool that counts borrowed connections
// instead may have three times its maximum in backends while it replaces connections, or while a storm of cancelled
// queries has its backends still busy with them. Cancel requests take no token (they use no slot) and are two at most.
//
// Behind a pooler such as PgBouncer the bound is about the sockets to the pooler.
//
// # Waiting
//
// Callers wait in one order, by their arrival and their class ([WithClass]), and are handed the connection itself, by whoever returns one or by a dial in the
// background, whichever is first. Between databases the order is kept up to 10 ms: converting a connection from one
// database to another costs a close and a dial, which is not worth it for less. A database that has no connection at
// all is served in the strict order.
//
// # Several connections
//
// [AcquireMany] takes connections of several instances, all or none, and cannot deadlock with another AcquireMany.
// A caller that already holds a connection and acquires another one may have to wait for itself; AcquireTimeout ends
// that.
//
// # Other users of a server
//
// [Instance.Control] lends the connection that is kept back for LISTEN, probes and leases, which a busy pool cannot
// take. [Database.PgxPool] makes a real pgxpool whose sockets are charged to the same limit.
package pool

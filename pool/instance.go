package pool

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var errTODO = errors.New("pool: not yet")

// Instance is one server.
type Instance struct{ cfg Config }

// New makes an instance. It dials nothing.
func New(c Config) (*Instance, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Instance{cfg: c}, nil
}

// Name is Config.Name.
func (in *Instance) Name() string { return in.cfg.Name }

// Limit is the number of sockets allowed now.
func (in *Instance) Limit() int { return in.cfg.Limit }

// SetLimit changes the limit while running.
func (in *Instance) SetLimit(n int) error { return errTODO }

// Database gives access to one database of the instance. Call it once and keep it.
func (in *Instance) Database(name string, o DatabaseConfig) *Database {
	return &Database{in: in, name: name}
}

// Control takes the connection that is kept back for LISTEN, probes and leases.
func (in *Instance) Control(ctx context.Context, d *Database) (*Conn, error) { return nil, errTODO }

// Stat is a snapshot.
func (in *Instance) Stat() Stat { return Stat{} }

// Close ends the pool.
func (in *Instance) Close(ctx context.Context) error { return nil }

// Database is one database of an instance.
type Database struct {
	in   *Instance
	name string
}

// Name is the database's name.
func (d *Database) Name() string { return d.name }

// Instance is the server it is on.
func (d *Database) Instance() *Instance { return d.in }

// Acquire takes a connection.
func (d *Database) Acquire(ctx context.Context) (*Conn, error) { return nil, errTODO }

// Exec is [pgx.Conn.Exec] on a connection of the pool.
func (d *Database) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errTODO
}

// Query is [pgx.Conn.Query] on a connection of the pool.
func (d *Database) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return nil, errTODO
}

// QueryRow is [pgx.Conn.QueryRow] on a connection of the pool.
func (d *Database) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row { return nil }

// SendBatch is [pgx.Conn.SendBatch] on a connection of the pool.
func (d *Database) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return pgx.FailedBatchResults(b, errTODO)
}

// CopyFrom is [pgx.Conn.CopyFrom] on a connection of the pool.
func (d *Database) CopyFrom(ctx context.Context, t pgx.Identifier, cols []string, src pgx.CopyFromSource) (int64, error) {
	return 0, errTODO
}

// Begin starts a transaction.
func (d *Database) Begin(ctx context.Context) (pgx.Tx, error) { return d.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a transaction.
func (d *Database) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) { return nil, errTODO }

// Conn is a connection lent to the caller.
type Conn struct{ c *pgx.Conn }

// Conn is the pgx connection.
func (c *Conn) Conn() *pgx.Conn { return c.c }

// Database is where the connection belongs.
func (c *Conn) Database() *Database { return nil }

// Release gives the connection back.
func (c *Conn) Release() {}

// ReleaseClean gives it back after DISCARD ALL.
func (c *Conn) ReleaseClean() {}

// Discard closes it.
func (c *Conn) Discard() {}

// Exec is [pgx.Conn.Exec].
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return c.c.Exec(ctx, sql, args...)
}

// Query is [pgx.Conn.Query].
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return c.c.Query(ctx, sql, args...)
}

// QueryRow is [pgx.Conn.QueryRow].
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return c.c.QueryRow(ctx, sql, args...)
}

// SendBatch is [pgx.Conn.SendBatch].
func (c *Conn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return c.c.SendBatch(ctx, b)
}

// CopyFrom is [pgx.Conn.CopyFrom].
func (c *Conn) CopyFrom(ctx context.Context, t pgx.Identifier, cols []string, src pgx.CopyFromSource) (int64, error) {
	return c.c.CopyFrom(ctx, t, cols, src)
}

// Begin is [pgx.Conn.Begin].
func (c *Conn) Begin(ctx context.Context) (pgx.Tx, error) { return c.c.Begin(ctx) }

// BeginTx is [pgx.Conn.BeginTx].
func (c *Conn) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	return c.c.BeginTx(ctx, o)
}

// AcquireMany takes one connection of each of dbs, all or none; a database may be named several times.
func AcquireMany(ctx context.Context, dbs ...*Database) ([]*Conn, error) { return nil, errTODO }

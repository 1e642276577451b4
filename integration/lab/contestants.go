package lab

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/pool"
)

// User is the role that contestants connect as; [Prepare] makes it.
const User = "lab"

const database = "postgres"

// Prepare makes the role that contestants connect as, with a password where the cluster asks for one.
func Prepare(ctx context.Context, c *localpg.Cluster) error {
	conn, err := pgx.Connect(ctx, c.DSN(localpg.Superuser, database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	const password = "measured"
	if _, err := conn.Exec(ctx, fmt.Sprintf("create role %s login password '%s'", User, password)); err != nil {
		return err
	}
	if c.PasswordOf(localpg.Superuser) != "" {
		c.SetPassword(User, password)
	}
	return nil
}

// Contestant is a way of connecting that can be opened on a cluster.
type Contestant struct {
	Name string
	Open func(context.Context, *localpg.Cluster) (Way, error)
}

// Way runs statements.
type Way interface {
	// Do runs one statement and reads its result. It calls connected once it has its connection.
	Do(ctx context.Context, statement string, connected func()) error
	// Connects is how many connections were opened.
	Connects() int
	Close()
}

// PerQuery opens a connection for each statement and closes it.
func PerQuery() Contestant {
	return Contestant{"connect per query", func(_ context.Context, c *localpg.Cluster) (Way, error) {
		config, err := pgx.ParseConfig(c.DSN(User, database))
		return &perQuery{config: config}, err
	}}
}

type perQuery struct {
	config   *pgx.ConnConfig
	connects atomic.Int64
}

func (p *perQuery) Do(ctx context.Context, statement string, connected func()) error {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return err
	}
	p.connects.Add(1)
	connected()
	_, err = conn.Exec(ctx, statement)
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	return err
}

func (p *perQuery) Connects() int { return int(p.connects.Load()) }
func (p *perQuery) Close()        {}

// Pool is this project's pool with n connections.
func Pool(n int) Contestant {
	return Contestant{fmt.Sprintf("keyway, %d", n), func(_ context.Context, c *localpg.Cluster) (Way, error) {
		config, err := pgx.ParseConfig(c.DSN(User, database))
		if err != nil {
			return nil, err
		}
		in, err := pool.New(pool.Config{Name: "lab", Conn: config, Limit: n, Control: -1, AcquireTimeout: -1})
		if err != nil {
			return nil, err
		}
		return &ours{in, in.Database(database, pool.DatabaseConfig{})}, nil
	}}
}

type ours struct {
	in *pool.Instance
	db *pool.Database
}

func (p *ours) Do(ctx context.Context, statement string, connected func()) error {
	conn, err := p.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	connected()
	_, err = conn.Exec(ctx, statement)
	return err
}

func (p *ours) Connects() int { return int(p.in.Stat().Dials) }

func (p *ours) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = p.in.Close(ctx)
}

// PgxPool is a pgxpool with at most n connections.
func PgxPool(n int) Contestant {
	return Contestant{fmt.Sprintf("pgxpool, %d", n), func(ctx context.Context, c *localpg.Cluster) (Way, error) {
		config, err := pgxpool.ParseConfig(c.DSN(User, database))
		if err != nil {
			return nil, err
		}
		config.MaxConns = int32(n)
		p, err := pgxpool.NewWithConfig(ctx, config)
		return &theirs{p}, err
	}}
}

type theirs struct{ *pgxpool.Pool }

func (p *theirs) Do(ctx context.Context, statement string, connected func()) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	connected()
	_, err = conn.Exec(ctx, statement)
	return err
}

func (p *theirs) Connects() int { return int(p.Stat().NewConnsCount()) }

// DatabaseSQL is a database/sql pool with at most n connections, all of which it may keep idle.
func DatabaseSQL(n int) Contestant {
	return Contestant{fmt.Sprintf("database/sql, %d", n), func(_ context.Context, c *localpg.Cluster) (Way, error) {
		config, err := pgx.ParseConfig(c.DSN(User, database))
		if err != nil {
			return nil, err
		}
		way := &standard{}
		way.DB = stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(context.Context, *pgx.Conn) error {
			way.connects.Add(1)
			return nil
		}))
		way.SetMaxOpenConns(n)
		way.SetMaxIdleConns(n)
		return way, nil
	}}
}

type standard struct {
	*sql.DB
	connects atomic.Int64
}

func (p *standard) Do(ctx context.Context, statement string, connected func()) error {
	conn, err := p.Conn(ctx)
	if err != nil {
		return err
	}
	connected()
	_, err = conn.ExecContext(ctx, statement)
	if closing := conn.Close(); err == nil {
		err = closing
	}
	return err
}

func (p *standard) Connects() int { return int(p.connects.Load()) }
func (p *standard) Close()        { _ = p.DB.Close() }

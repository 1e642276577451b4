package router

import (
	"context"
	"fmt"

	"github.com/keyway-go/keyway/pool"
)

// statementAddress is where routed statements go.
func (in Instance) statementAddress() string {
	if in.Pooler != "" {
		return in.Pooler
	}
	return in.Primary
}

// sessionAddress is where goes what needs a session of its own.
func (in Instance) sessionAddress() string {
	if in.Direct != "" {
		return in.Direct
	}
	return in.Primary
}

// divided reports whether the two are different ways to the server.
func (in Instance) divided() bool { return in.statementAddress() != in.sessionAddress() }

// acquireSession takes a connection for statements that nobody has read: one of a session, so that what they leave
// behind can be discarded.
func (n *node) acquireSession(ctx context.Context) (*pool.Conn, error) {
	db, err := n.sessions()
	if err != nil {
		return nil, err
	}
	conn, err := db.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if db.Pooling() == pool.TransactionPooling { // the first connection has shown it
		conn.Release()
		return nil, n.noSession()
	}
	return conn, nil
}

// sessions is where a connection has a session of its own. The statements' own address is preferred: its idle
// connections serve both.
func (n *node) sessions() (*pool.Database, error) {
	for _, db := range []*pool.Database{n.db, n.direct} {
		if db.Pooling() != pool.TransactionPooling {
			return db, nil
		}
	}
	return nil, n.noSession()
}

func (n *node) noSession() error {
	return fmt.Errorf("%sshard %s: statements that nobody reads need a session of their own, and the address of instance %s "+
		"is a pooler in transaction mode; give instances.%s.direct, the address of the server itself",
		errPrefix, n.id, n.instance, n.instance)
}

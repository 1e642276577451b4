// Package oneserver finds out whether two addresses lead to one server.
//
// What a server says of itself does not decide it. Addresses differ between the ways to one server; a copy of a server
// has its system identifier; and servers that are started together can have started in the same microsecond. So the
// start only says that there is nothing to ask, where it differs.
package oneserver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"
)

// Conn is a connection to a database. A transaction of it must stay on one backend, as it does behind every pooler.
type Conn interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// leaveTime bounds the rollback after the context has ended.
const leaveTime = 5 * time.Second

// Ask reports whether a and b lead to one server: an advisory lock with a number drawn for this question, taken over a,
// is in the list of locks of b. A server has one such list for all its databases, every role may read it, and a standby
// allows both. The error says nothing either way.
func Ask(ctx context.Context, a, b Conn) (same bool, err error) {
	tx, err := a.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	number := drawn()
	if _, err := tx.Exec(ctx, "select pg_catalog.pg_advisory_xact_lock($1::bigint)", number); err != nil {
		return false, err
	}
	const held = `select exists (select from pg_catalog.pg_locks
		where locktype = 'advisory' and objsubid = 1 and (classid::bigint << 32 | objid::bigint) = $1::bigint)`
	err = b.QueryRow(ctx, held, number).Scan(&same)
	return same, err
}

// drawn is a random number from 0 on, so that its halves are those that the list of locks shows.
func drawn() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.NativeEndian.Uint64(b[:]) >> 1)
}

package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/keyway-go/keyway/internal/pgerr"
)

// session is one run on one shard: a connection that works and one that only
// holds the lock. Both end with close, whatever happened between.
type session struct {
	target Target
	opts   *options
	work   *pgx.Conn
	lock   *pgx.Conn // nil until acquire; runs nothing but the lock and its checks
}

func open(ctx context.Context, t Target, o *options) (*session, error) {
	work, err := connect(ctx, t)
	if err != nil {
		return nil, err
	}
	return &session{target: t, opts: o, work: work}, nil
}

// close also serves when ctx is over: saying goodbye to the server has a time of its own.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, c := range []*pgx.Conn{s.work, s.lock} {
		if c != nil {
			_ = c.Close(ctx) // the server drops the session either way
		}
	}
}

// connect opens a connection whose statements are cancelled on the server when
// their context ends. pgx by default only closes the socket, and a server in the
// middle of an ALTER TABLE notices that when it is done.
func connect(ctx context.Context, t Target) (*pgx.Conn, error) {
	c := t.Conn.Copy()
	c.RuntimeParams["application_name"] = "keyway migrate"
	// No prepared statements: DISCARD ALL between files would take them away.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.BuildContextWatcherHandler = func(p *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: p, DeadlineDelay: 10 * time.Second}
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("shard %s: connect to %s:%d as %s: %w", t.Shard, c.Host, c.Port, c.User, pgerr.ConnectCause(err))
	}
	return conn, nil
}

// message is what may be printed of an error: never DETAIL, and not the text of
// errors about data (class 22), which quotes the value.
func message(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped by the caller; a later run goes on here"
	case errors.Is(err, context.DeadlineExceeded):
		return "out of time; a later run goes on here"
	case !errors.As(err, &pg):
		return err.Error()
	case strings.HasPrefix(pg.Code, "22"):
		return "a value in the data does not fit its type (the server's message quotes it, and is left out here)"
	default:
		return pg.Message
	}
}

func code(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// pause sleeps for between half of d and d, so that runners which failed
// together do not come back together.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package lease

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// knockName is the application_name of connections that ask for a lease. They are counted in the budget's reserve and so
// do not bear the holder's name.
const knockName = "keyway lease"

// Knock opens a connection by c, which must lead to the server's home database, hands it to use and closes it. It is
// meant for [Connections.Knock]: one connection beside the pool, for as long as one request takes.
//
// The address may be a pooler's that shares backends: nothing is prepared by name, and where start-up parameters are
// refused there are none. What is asked names its schema and the isolation of its transaction, so it does not need them.
func Knock(ctx context.Context, c *pgx.ConnConfig, use func(*pgx.Conn) error) error {
	c = c.Copy()
	if c.RuntimeParams == nil {
		c.RuntimeParams = map[string]string{}
	}
	c.RuntimeParams["application_name"] = knockName
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	conn, err := pgx.ConnectConfig(ctx, c)
	if refusesParameter(err) {
		c.RuntimeParams = map[string]string{"application_name": knockName}
		conn, err = pgx.ConnectConfig(ctx, c)
	}
	if err != nil {
		return readError(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	return use(conn)
}

// refusesParameter recognises PgBouncer, which refuses the first start-up parameter that it does not track.
func refusesParameter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "08P01" && strings.Contains(pg.Message, "unsupported startup parameter")
}

package lease

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// knockName is the application_name of connections that ask for a lease. They are counted in the budget's reserve and so
// do not bear the holder's name.
const knockName = "keyway lease"

// Knock opens a connection by c, which must lead to the server's home database, hands it to use and closes it. It is
// meant for [Connections.Knock]: one connection beside the pool, for as long as one request takes.
func Knock(ctx context.Context, c *pgx.ConnConfig, use func(*pgx.Conn) error) error {
	c = c.Copy()
	if c.RuntimeParams == nil {
		c.RuntimeParams = map[string]string{}
	}
	c.RuntimeParams["application_name"] = knockName
	conn, err := pgx.ConnectConfig(ctx, c)
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

package router

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// ProbeStatements connects to a shard by the address that its statements take, over at most two connections of its own,
// and says what answers there. The error is about reaching it, or says why statements would be refused there, such as
// [*SettingsError].
func (c Config) ProbeStatements(ctx context.Context, id shard.ID) (pool.Pooling, error) {
	s, ok := c.Shards[id]
	if !ok {
		return pool.NoPooling, fmt.Errorf("shard %s: is not among the shards (%s)", id, joined(c.Shards))
	}
	cc, err := c.instanceConfig(s.Instance, App, c.Instances[s.Instance].statementAddress())
	if err != nil {
		return pool.NoPooling, fmt.Errorf("shard %s: %w", id, err)
	}
	pc := pool.Config{Name: s.Instance, Conn: cc, Limit: 2, Control: -1}
	if c.Password != nil {
		pc.Password = func(ctx context.Context, _ string) (string, error) { return c.Password(ctx, s.Instance, App) }
	}
	in, err := pool.New(pc)
	if err != nil {
		return pool.NoPooling, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = in.Close(ctx)
	}()
	pooling, err := in.Database(s.Database, pool.DatabaseConfig{
		AfterConnect: func(ctx context.Context, conn *pgx.Conn) error { return c.checkSettings(ctx, conn) },
	}).Inspect(ctx)
	if err != nil {
		return pooling, rootCause(err)
	}
	return pooling, nil
}

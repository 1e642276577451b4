package router

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
)

// allow gives the app role the rights of an application on the tables and sequences that the migrator makes from now
// on in the configured schema. It changes defaults only: tables that exist keep the rights they have, so an adopted
// database goes on as it was.
func (in *initializer) allow(ctx context.Context, id shard.ID) error {
	instance := in.cfg.Shards[id].Instance
	app, migrator := in.cfg.credential(instance, App).User, in.cfg.credential(instance, Migrator).User
	if in.leaveRights || app == migrator {
		return nil
	}
	schema, role := pgx.Identifier{in.cfg.schema()}.Sanitize(), pgx.Identifier{app}.Sanitize()
	for _, what := range []string{"select, insert, update, delete on tables", "usage, select on sequences"} {
		_, err := in.conns[id].Exec(ctx, fmt.Sprintf("alter default privileges in schema %s grant %s to %s", schema, what, role))
		if err != nil {
			return fmt.Errorf("give the app role its rights on future tables: %w", err)
		}
	}
	return nil
}

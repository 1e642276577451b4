package router

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/shard"
)

// settle makes the settings that statements are read by the app role's own in the shard's database, where statements
// take another way than sessions: a pooler does not pass start-up parameters on. Elsewhere the role is left alone.
//
// To set them for another role takes a superuser or CREATEROLE (with ADMIN OPTION on the role from PostgreSQL 16), but
// every role may set its own, so where the migrator may not, the app does it. Where neither can, nothing is changed:
// Open refuses such a shard with the statements to run, and so does the doctor.
func (in *initializer) settle(ctx context.Context, id shard.ID) error {
	s := in.cfg.Shards[id]
	if !in.cfg.Instances[s.Instance].divided() {
		return nil
	}
	err := in.setRole(ctx, in.conns[id], in.cfg.credential(s.Instance, App).User, s.Database)
	if pgerr.Code(err) != insufficientPrivilege {
		return err
	}
	cc, err := in.cfg.ConnConfig(id, App)
	if err != nil {
		return nil // no password of the app's here
	}
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil // nor a way in
	}
	defer func() { _ = conn.Close(ctx) }()
	return in.setRole(ctx, conn, cc.User, s.Database)
}

const insufficientPrivilege = "42501"

func (in *initializer) setRole(ctx context.Context, conn *pgx.Conn, role, database string) error {
	for _, s := range in.cfg.sessionSettings() {
		if _, err := conn.Exec(ctx, settingStatement(role, database, s)); err != nil {
			return err
		}
	}
	return nil
}

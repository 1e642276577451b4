package pgtest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestOwnedDatabaseHasNoSuperuser(t *testing.T) {
	c := pgtest.Shared(t)
	db, migrator, app := pgtest.Owned(t, c)
	ctx := context.Background()

	owner := pgtest.Conn(t, c, migrator, db)
	_, err := owner.Exec(ctx, "create schema app; create table app.t (id int); grant usage on schema app to "+app)
	require.NoError(t, err)

	user := pgtest.Conn(t, c, app, db)
	_, err = user.Exec(ctx, "select * from app.t")
	require.ErrorContains(t, err, "permission denied")

	var superusers int
	require.NoError(t, pgtest.Conn(t, c, localpg.Superuser, db).QueryRow(ctx,
		"select count(*) from pg_roles where rolsuper and rolname in ($1, $2)", migrator, app).Scan(&superusers))
	require.Zero(t, superusers)
}

package router_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Two tenants of one shard, and a table whose primary key does not hold the tenant: the row that conflicts may be the
// other one's.
func TestAnUpsertNeverChangesAnotherTenantsRow(t *testing.T) {
	f := initialised(t, 2)
	f.everywhere(`create table badges (id bigint primary key, tenant_id bigint not null, name text);
		select keyway.allow('badges', 'unique_per_shard'); select keyway.shard_table('badges', 'tenant_id')`)
	db := f.open()
	ctx := f.ctx()
	a, b := tenantOn(t, db, "s0", 0), tenantOn(t, db, "s0", 1)
	_, err := db.Exec(ctx, "insert into badges (id, tenant_id, name) values (1, $1, 'theirs')", b)
	require.NoError(t, err)
	name := func() string {
		s, err := router.Get[string](ctx, db, router.Text("select name from badges where tenant_id = $1", b))
		require.NoError(t, err)
		return s
	}

	scoped := db.ForKey(shard.Int64(a))
	for _, conflict := range []string{
		"on conflict (id) do update set name = excluded.name",
		"on conflict on constraint badges_pkey do update set name = excluded.name",
		"on conflict (id) do update set name = 'mine', tenant_id = excluded.tenant_id",
		"on conflict (id) do update set name = 'mine' where badges.name is not null",
	} {
		_, err = scoped.Exec(ctx, "insert into badges (id, name) values (1, 'mine') "+conflict)
		sentence(t, err, "another key", "excluded.tenant_id")
		_, err = db.Exec(ctx, "insert into badges (id, tenant_id, name) values (1, $1, 'mine') "+conflict, a)
		sentence(t, err, "another key", "ON CONFLICT (...)")
		require.Equal(t, "theirs", name(), conflict)
	}

	guarded := "insert into badges (id, name) values ($1, 'mine') on conflict (id) do update set name = excluded.name || '!' where badges.tenant_id = excluded.tenant_id"
	for _, c := range []struct {
		id   int64
		rows int64
	}{{1, 0}, {2, 1}, {2, 1}} {
		tag, err := scoped.Exec(ctx, guarded, c.id)
		require.NoError(t, err)
		require.Equal(t, c.rows, tag.RowsAffected())
	}
	require.Equal(t, "theirs", name())
	own, err := router.Get[string](ctx, scoped, router.Text("select name from badges"))
	require.NoError(t, err)
	require.Equal(t, "mine!", own)

	// MERGE sees the tenant's rows alone, so it would insert; the index says what is wrong.
	_, err = scoped.Exec(ctx, "merge into badges b using (values (1)) v (id) on b.id = v.id when matched then update set name = 'mine' when not matched then insert (id, name) values (v.id, 'mine')")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "23505", pg.Code)
	require.Equal(t, "theirs", name())
}

package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestAnApplicationReadsAndChangesNothing(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	app := s.connect(s.app)
	_, err := catalog.ReadIdentity(s.ctx(), app)
	require.NoError(t, err)
	_, err = catalog.ReadMap(s.ctx(), app)
	require.NoError(t, err)
	r, err := catalog.ReadRegistry(s.ctx(), app)
	require.NoError(t, err)
	require.Len(t, r.Tables(), 1)
	for _, sql := range []string{
		"delete from keyway.identity", "update keyway.map set version = 9", "delete from keyway.map_ranges",
		"insert into keyway.owned values (0, 1)", "delete from keyway.tables", "select * from keyway.directory",
		"select keyway.unshard_table('orders')", "select keyway.own('{}', '{}')", "select keyway.pin_key('a', 20000)",
		"select keyway.swap_map(1, 2, '{}', '{}', '{}')", "create table keyway.x ()", "drop table orders",
		"alter table orders disable trigger all", "select keyway.slot_of(1)", "truncate keyway.tables",
	} {
		_, err := app.Exec(s.ctx(), sql)
		codeOf(t, "42501", err)
	}
	require.ErrorContains(t, catalog.StoreMap(s.ctx(), app, s.mapOf(2), "s0"), "permission denied")
}

// A role without any right on the schema can write to the tables, and is told what to do when it tries to read it.
func TestARoleWithoutRightsOnTheSchemaWritesRows(t *testing.T) {
	s := single(t)
	stranger := pgtest.Role(t, s.cluster, "nosuperuser")
	pgtest.Exec(t, s.cluster, s.db, "grant connect on database "+s.db+" to "+stranger)
	t.Cleanup(func() { pgtest.Exec(t, s.cluster, s.db, "drop owned by "+stranger) })
	s.exec(ordersDDL + "create table notes (owner text not null, part uuid not null); select keyway.shard_table('notes', 'owner', 'part'); grant all on notes to public")

	_, err := catalog.ReadRegistry(s.ctx(), s.connect(stranger))
	require.ErrorContains(t, err, "has no right on the keyway schema")

	insert := "insert into orders values (1, 1); insert into notes values ('a', '0190163d-8694-739b-aea5-966c26f8ad90')"
	s.psql(stranger, insert) // first in its session, so that no plan of a mightier role is in the way
	s.rightSlots("orders", "tenant_id", 1)

	// With a search_path of its own making, nothing changes.
	s.exec("create schema evil; grant all on schema evil to public")
	s.psql(stranger, `
		create function evil.get_byte(bytea, int) returns int language sql as 'select 0';
		create function evil.shl(bigint, int) returns bigint language sql as 'select 0::bigint';
		create operator evil.<< (leftarg = bigint, rightarg = int, function = evil.shl);
		set search_path = evil, pg_catalog, public;
		delete from orders; delete from notes; `+insert)
	s.rightSlots("orders", "tenant_id", 1)
	require.Zero(t, value[int](s, "select count(*) from keyway.misplaced_rows('notes')"))

	// Many ranges are looked up in a table it may not read.
	s.own(2, stripes(20)...)
	s.psql(stranger, "delete from notes")
	s.psql(stranger, "insert into notes values ('b', '0190163d-8694-739b-aea5-966c26f8ad90') on conflict do nothing;"+
		"do $$ begin for i in 2..50 loop begin insert into orders values (i, i); exception when sqlstate 'KW001' then null; end; end loop; end $$")
}

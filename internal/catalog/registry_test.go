package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

const threeKinds = `
create table plans (code text primary key);
select keyway.reference_table('plans');
create table jobs (id bigint primary key, payload jsonb);
select keyway.home_table('jobs', 's3');
create table orders (
  id bigint not null, dropped int, owner uuid not null, tenant varchar(20) not null, note text,
  account text not null, primary key (tenant, owner, account, id));
alter table orders drop column dropped;
select keyway.shard_table('orders', 'tenant', 'owner', 'account as uuid');`

func (s *site) registry() *catalog.Registry {
	s.t.Helper()
	r, err := catalog.ReadRegistry(s.ctx(), s.conn)
	require.NoError(s.t, err)
	return r
}

func TestTheRegistryDescribesTheTables(t *testing.T) {
	s := single(t)
	empty := s.registry()
	require.Empty(t, empty.Tables())
	s.exec(threeKinds)
	r := s.registry()
	require.Empty(t, r.Drift())
	require.NotEqual(t, empty.Version, r.Version)

	var names []string
	for _, table := range r.Tables() {
		require.NotZero(t, table.OID)
		names = append(names, table.Schema+"."+table.Name)
	}
	require.Equal(t, []string{"public.jobs", "public.orders", "public.plans"}, names)

	jobs, ok := r.Table("public", "jobs")
	require.True(t, ok)
	require.Equal(t, catalog.Home, jobs.Kind)
	require.Equal(t, shard.ID("s3"), jobs.Home)
	plans, _ := r.Table("public", "plans")
	require.Equal(t, catalog.Reference, plans.Kind)
	require.Empty(t, plans.Home)

	orders, _ := r.Table("public", "orders")
	require.Equal(t, catalog.Sharded, orders.Kind)
	require.True(t, orders.HasSlot)
	require.Equal(t, []catalog.KeyColumn{{Name: "tenant", Type: shard.Text}, {Name: "owner", Type: shard.TypeUUID}, {Name: "account", Type: shard.TextUUID}}, orders.Key)
	require.Equal(t, 1, orders.KeyIndex("owner"))
	require.Equal(t, -1, orders.KeyIndex("id"))
	require.Equal(t, []catalog.Column{
		{Name: "id", Type: "bigint", OID: 20, NotNull: true},
		{Name: "owner", Type: "uuid", OID: 2950, NotNull: true},
		{Name: "tenant", Type: "character varying(20)", OID: 1043, NotNull: true},
		{Name: "note", Type: "text", OID: 25},
		{Name: "account", Type: "text", OID: 25, NotNull: true},
		{Name: "slot", Type: "smallint", OID: 21, NotNull: true},
	}, orders.Columns)
	note, ok := orders.Column("note")
	require.True(t, ok)
	require.Equal(t, "text", note.Type)
	_, ok = orders.Column("dropped")
	require.False(t, ok)
	_, ok = r.Table("other", "orders")
	require.False(t, ok)
}

// Plans are cached by the version, so it must change with anything a plan may depend on, also where no function of
// ours was called; and it must be the same on every shard that has the same tables, whose OIDs differ.
func TestTheVersionChangesWithTheTablesAndNotWithTheServer(t *testing.T) {
	s := single(t)
	s.exec(threeKinds)
	seen := map[int64]string{s.registry().Version: "at first"}
	require.Contains(t, seen, s.registry().Version, "reading changes nothing")
	for _, sql := range []string{
		"alter table plans add column price int",
		"alter table plans rename column price to cents",
		"alter table plans alter column cents type bigint",
		"alter table plans alter column cents set not null",
		"alter table plans drop column cents; alter table jobs add column at int",
		"select keyway.unshard_table('jobs')",
		"create table flags (name text); select keyway.home_table('flags', 's0')",
		"select keyway.unshard_table('flags'), keyway.home_table('flags', 's1')",
		"drop table flags",
		"alter table orders disable trigger \"~~keyway_1_fill\"",
	} {
		s.exec(sql)
		version := s.registry().Version
		require.NotContains(t, seen, version, sql)
		seen[version] = sql
	}

	other := single(t)
	other.exec("create table filler (); create type colour as enum ('a'); create table pictures (c colour); select keyway.reference_table('pictures')")
	twin := single(t)
	twin.exec("create type colour as enum ('a'); create table pictures (c colour); select keyway.reference_table('pictures')")
	require.NotEqual(t, other.registry().Tables()[0].Columns[0].OID, twin.registry().Tables()[0].Columns[0].OID)
	require.Equal(t, other.registry().Version, twin.registry().Version)
}

func TestATableThatIsNotAsRegisteredIsLeftOutAndNamed(t *testing.T) {
	s := single(t)
	s.exec(threeKinds)
	for name, c := range map[string]struct{ change, says string }{
		"dropped":              {"drop table orders", "select keyway.forget_table('public', 'orders')"},
		"renamed":              {"alter table orders rename to purchases", "does not exist"},
		"moved":                {"create schema other; alter table orders set schema other", "does not exist"},
		"key renamed":          {"alter table orders rename column owner to holder", "key column owner does not exist"},
		"key retyped":          {"alter table orders alter column owner type text", ""},
		"key made nullable":    {"alter table orders drop constraint orders_pkey, alter column owner drop not null", "owner may be NULL now"},
		"slot dropped":         {"alter table orders drop column slot cascade", "slot column does not exist"},
		"slot nullable":        {"alter table orders alter slot drop not null", "not a plain smallint not null"},
		"fill disabled":        {`alter table orders disable trigger "~~keyway_1_fill"`, "~~keyway_1_fill is missing or disabled"},
		"fill not always":      {`alter table orders enable trigger "~~keyway_1_refill"`, "~~keyway_1_refill is missing or disabled"},
		"all disabled":         {"alter table orders disable trigger user", "is missing or disabled"},
		"guard dropped":        {`drop trigger "~~keyway_3_delete" on orders`, "~~keyway_3_delete is missing"},
		"replaced by a view":   {"drop table orders; create view orders as select 1 as tenant", "does not exist"},
		"made anew, unsharded": {"drop table orders; create table orders (tenant text not null, owner uuid not null, account text not null)", "slot column does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.exec("begin")
			t.Cleanup(func() { s.exec("rollback") })
			if c.says == "" { // PostgreSQL itself refuses: a trigger's WHEN names the column
				s.refused("0A000", c.change)
				return
			}
			s.exec(c.change)
			r := s.registry()
			require.Len(t, r.Tables(), 2)
			_, ok := r.Table("public", "orders")
			require.False(t, ok)
			require.Len(t, r.Drift(), 1)
			drift := r.DriftOf("public", "orders")
			require.NotNil(t, drift)
			require.ErrorContains(t, drift, "table public.orders is not as registered: ")
			require.ErrorContains(t, drift, c.says)
			require.Nil(t, r.DriftOf("public", "jobs"))
		})
	}
}

func TestCallingShardTableAgainRepairs(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL + `insert into orders values (1, 1);
		alter table orders disable trigger user; drop trigger "~~keyway_3_delete" on orders; alter table orders replica identity nothing;
		insert into orders values (2, 2, 0, 77)`)
	require.Len(t, s.registry().Drift(), 1)
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.shard_table('orders', 'tenant_id')").Message, "in 1 rows")
	s.exec(`delete from orders where id = 2; select keyway.shard_table('orders', 'tenant_id')`)
	require.Empty(t, s.registry().Drift())
	s.exec("drop table orders;" + ordersDDL + "insert into orders values (1, 1)")
	s.rightSlots("orders", "tenant_id", 1)
	require.Empty(t, s.registry().Drift())
}

func TestADroppedTableMayBeForgotten(t *testing.T) {
	s := single(t)
	s.exec("create table t (k int not null); select keyway.allow('t', 'long_lock'), keyway.shard_table('t', 'k'); drop table t")
	s.own(2, stripes(4)...) // does not stumble over it
	s.exec("select keyway.forget_table('public', 't')")
	require.Empty(t, s.registry().Drift())
	s.exec("create table t (k int not null, other text not null); select keyway.shard_table('t', 'other')")
}

func TestListenersHearOfTheRegistry(t *testing.T) {
	s := single(t)
	listener := s.connect(s.app)
	_, err := listener.Exec(s.ctx(), "listen "+catalog.RegistryChannel)
	require.NoError(t, err)
	before := value[int](s, "select version from keyway.registry_version")
	s.exec("create table t (k int not null); select keyway.reference_table('t')")
	_, err = listener.WaitForNotification(s.ctx())
	require.NoError(t, err)
	require.Greater(t, value[int](s, "select version from keyway.registry_version"), before)
}

func TestARegistryMadeByHand(t *testing.T) {
	a := &catalog.Table{Schema: "b", Name: "a"}
	b := &catalog.Table{Schema: "a", Name: "b"}
	r := catalog.NewRegistry(3, a, b)
	require.Equal(t, []*catalog.Table{b, a}, r.Tables())
	require.Equal(t, int64(3), r.Version)
	require.Panics(t, func() { catalog.NewRegistry(1, a, a) })
}

package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
)

// TestTablesThatCannotBeShardedAreRefused has a case for each refusal: what is made, what is called, what the error
// says, and what its hint says to write instead.
func TestTablesThatCannotBeShardedAreRefused(t *testing.T) {
	const shardT = "select keyway.shard_table('t', 'k')"
	key := func(typ string) string { return "create table t (k " + typ + " not null)" }
	cases := map[string]struct{ make, call, says, hint string }{
		"char(n)":                 {key("char(5)"), shardT, "character(5), which cannot be a shard key: equal values may differ in trailing blanks", "text"},
		"numeric":                 {key("numeric"), shardT, "numeric, which cannot", "bigint"},
		"real":                    {key("real"), shardT, "real, which cannot", "bigint"},
		"double precision":        {key("double precision"), shardT, "double precision, which cannot", "bigint"},
		"date":                    {key("date"), shardT, "date, which cannot", "tenant"},
		"timestamp":               {key("timestamp"), shardT, "timestamp without time zone, which cannot", "tenant"},
		"timestamptz":             {key("timestamptz"), shardT, "timestamp with time zone, which cannot", "tenant"},
		"jsonb":                   {key("jsonb"), shardT, "jsonb, which cannot", "member"},
		"json":                    {key("json"), shardT, "json, which cannot", "member"},
		"boolean":                 {key("boolean"), shardT, "two values", "bigint"},
		"array":                   {key("int[]"), shardT, "integer[], which cannot", "bigint"},
		"inet":                    {key("inet"), shardT, "inet, which cannot", "bigint"},
		"enum":                    {"create type mood as enum ('a', 'b'); " + key("mood"), shardT, "enum label", "text with a CHECK"},
		"domain":                  {"create domain tenant as bigint; " + key("tenant"), shardT, "a domain cannot", "Use bigint"},
		"domain named citext":     {"create domain citext as text; " + key("citext"), shardT, "letter case", "lower"},
		"nondeterministic":        {"create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); " + key("text collate ci"), shardT, "nondeterministic", "collate \"C\""},
		"generated key":           {"create table t (a int not null, k int generated always as (a) stored not null)", shardT, "generated", "ordinary column"},
		"nullable key":            {"create table t (k int)", shardT, "may be NULL", "alter column k set not null"},
		"no such column":          {"create table t (a int)", shardT, `no column "k"`, "as PostgreSQL stores them"},
		"no column":               {key("int"), "select keyway.shard_table('t', variadic '{}')", "1 to 32 columns", "shard_table"},
		"column twice":            {key("int"), "select keyway.shard_table('t', 'k', 'k')", "twice", "once"},
		"key named slot":          {"create table t (slot smallint not null)", "select keyway.shard_table('t', 'slot')", "slot cannot be part", "Rename"},
		"integer as uuid":         {key("int"), "select keyway.shard_table('t', 'k as uuid')", "is not text", "Only text"},
		"empty key":               {key("text") + "; insert into t values ('')", shardT, "rows whose shard key is empty", "select * from t where keyway.slot_of"},
		"uuid spelled badly":      {key("text") + "; insert into t values ('A')", "select keyway.shard_table('t', 'k as uuid')", "not spelled in canonical form", "uuid_text"},
		"primary key":             {"create table t (id uuid primary key, k int not null)", shardT, "primary key t_pkey does not contain the shard key (k)", "Make it (k, id)"},
		"unique":                  {"create table t (k int not null, email text unique)", shardT, "unique index t_email_key does not contain", "keyway.allow('t', 'unique_per_shard')"},
		"unique by a collation":   {"create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); " + key("text") + "; create unique index on t (k collate ci)", shardT, "unique index t_k_idx compares the shard key by the collation ci, which may call values equal that are on two shards", "without COLLATE"},
		"unique by blanks":        {key("text") + "; create unique index on t (k bpchar_ops)", shardT, "unique index t_k_idx compares the shard key by the operator class bpchar_ops", "default operator class"},
		"unique on expression":    {"create table t (k int not null); create unique index on t ((k + 1))", shardT, "unique index t_expr_idx", "unique_per_shard"},
		"unique including":        {"create table t (k int not null, a int); create unique index on t (a) include (k)", shardT, "unique index", "Make it (k, a)"},
		"part of the key":         {"create table t (k int not null, l int not null, primary key (k))", "select keyway.shard_table('t', 'k', 'l')", "does not contain the shard key (k, l)", "(k, l)"},
		"exclusion":               {"create table t (k int not null, r int4range, exclude using gist (r with &&))", shardT, "exclusion constraint", "unique_per_shard"},
		"identity":                {"create table t (k int not null, id bigint generated always as identity)", shardT, "identity column id counts on each shard by itself", "keyway.shard_sequence('t', 'id')"},
		"serial":                  {"create table t (k int not null, id bigserial)", shardT, "serial column id", "keyway.allow('t', 'sequence_per_shard')"},
		"shared sequence":         {"create sequence q; create table t (k int not null, id bigint default nextval('q'))", shardT, "serial column id", "sequence_per_shard"},
		"view":                    {"create view t as select 1 as k", shardT, "it is a view", "the tables behind it"},
		"materialized view":       {"create materialized view t as select 1 as k", shardT, "materialized view", "tables behind it"},
		"sequence":                {"create sequence t", "select keyway.reference_table('t')", "it is a sequence", "Only ordinary"},
		"temporary":               {"create temp table t (k int not null)", shardT, "temporary table", "ordinary"},
		"unlogged":                {"create unlogged table t (k int not null)", shardT, "unlogged", "set logged"},
		"partition":               {"create table w (k int not null) partition by list (k); create table t partition of w for values in (1)", shardT, "it is a partition", "Register the whole: w."},
		"inheritance parent":      {key("int") + "; create table c () inherits (t)", shardT, "inheritance", "partitioning"},
		"inheritance child":       {"create table p (k int not null); create table t () inherits (p)", shardT, "inheritance", "partitioning"},
		"rule":                    {key("int") + "; create rule r as on insert to t do also notify x", shardT, "rule", "trigger"},
		"typed table":             {"create type ty as (k int); create table t of ty (k not null)", shardT, "typed table", "not of"},
		"system table":            {"select 1", "select keyway.reference_table('pg_class')", "belongs to the system", "own tables"},
		"keyway's own":            {"select 1", "select keyway.reference_table('keyway.tables')", "belongs to the system", "own tables"},
		"slot of another type":    {"create table t (k int not null, slot text)", shardT, "a column slot of type text", "rename column slot"},
		"slot with a meaning":     {"create table t (k int not null, slot smallint); insert into t values (1, 3)", shardT, "other values than the slots of its keys, in 1 rows", "rename column slot"},
		"generated slot":          {"create table t (k int not null, slot smallint generated always as (k) stored)", shardT, "generated", "drop expression"},
		"partitioned by slot":     {"create table t (k int not null, slot smallint) partition by range (slot)", shardT, "partitioned by slot", "another column"},
		"by slot expression":      {"create table t (k int not null, slot smallint) partition by range ((slot + 1))", shardT, "partitioned by slot", "another column"},
		"registered otherwise":    {"create table t (k int not null, l int not null); select keyway.shard_table('t', 'l')", shardT, "registered already, as sharded by l", "keyway.unshard_table('t')"},
		"registered as reference": {key("int") + "; select keyway.reference_table('t')", shardT, "registered already, as a reference table", "unshard_table"},
		"registered as home":      {key("int") + "; select keyway.home_table('t', 's0')", "select keyway.home_table('t', 's1')", "as a home table of s0", "unshard_table"},
		"home without a name":     {key("int"), "select keyway.home_table('t', '')", "not a shard's name", "such as s0"},
		"unshard unregistered":    {key("int"), "select keyway.unshard_table('t')", "not registered", "nothing to undo"},
		"audit of a reference":    {key("int") + "; select keyway.reference_table('t')", "select * from keyway.misplaced_rows('t')", "not registered as sharded", "sharded"},
		"unknown allowance":       {key("int"), "select keyway.allow('t', 'everything')", `"everything" is not something`, "unique_per_shard"},
		"forget what is there":    {key("int"), "select keyway.forget_table('sandbox', 't')", "still exists", "unshard_table"},
		"fk to unregistered": {"create table p (k int primary key); create table t (k int not null references p)", shardT,
			"references p, which is not registered", "Register p first"},
		"fk to home": {"create table p (k int primary key); select keyway.home_table('p', 's0'); create table t (k int not null references p)", shardT,
			"which is only on shard s0", "reference table"},
		"fk to other key": {"create table p (k int primary key); select keyway.shard_table('p', 'k'); create table t (k int not null, p int references p)", shardT,
			"does not pair the shard keys", "foreign key (k, ...) references p (k, ...)"},
		"fk to longer key": {"create table p (k int, l int, primary key (k, l)); select keyway.shard_table('p', 'k', 'l'); create table t (k int not null, l int, foreign key (k, l) references p)",
			shardT, "sharded by another key", "Shard both"},
		"fk from reference to sharded": {"create table p (k int primary key); select keyway.shard_table('p', 'k'); create table t (k int references p)",
			"select keyway.reference_table('t')", "not a reference table", "reference table"},
		"fk from home to sharded": {"create table p (k int primary key); select keyway.shard_table('p', 'k'); create table t (k int references p)",
			"select keyway.home_table('t', 's0')", "not all on the same shard", "reference table"},
		"fk from home to home": {"create table p (k int primary key); select keyway.home_table('p', 's1'); create table t (k int references p)",
			"select keyway.home_table('t', 's0')", "not all on the same shard", "reference table"},
		"fk from a registered table": {"create table t (k int primary key); select keyway.reference_table('t'); create table c (k int references t); " +
			"select keyway.reference_table('c'), keyway.unshard_table('t')", shardT, "of c (k) references t, which is not a reference table", "reference table"},
	}
	s := single(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.exec("create schema sandbox; set search_path = sandbox, public")
			t.Cleanup(func() {
				s.exec("reset search_path; drop schema sandbox cascade; drop table if exists pg_temp.t; delete from keyway.tables; delete from keyway.allowances")
			})
			s.exec(c.make)
			before := value[int](s, "select count(*) from keyway.tables")
			e := s.refused(catalog.CodeRefused, c.call)
			require.Contains(t, strings.ReplaceAll(e.Message, "sandbox.", ""), c.says)
			require.Contains(t, strings.ReplaceAll(e.Hint, "sandbox.", ""), c.hint)
			require.Equal(t, before, value[int](s, "select count(*) from keyway.tables"), "a refused table is not registered")
		})
	}
}

// TestAnOperatorClassOfTheUsersOwnProvesNothing: what an index of such a class calls equal may be on two shards.
func TestAnOperatorClassOfTheUsersOwnProvesNothing(t *testing.T) {
	s := single(t)
	_, err := s.connect("postgres").PgConn().Exec(s.ctx(), `
		create function tens(a int, b int) returns int language sql immutable as 'select sign(a / 10 - b / 10)::int';
		create function same(a int, b int) returns bool language sql immutable as 'select tens(a, b) = 0';
		create function less(a int, b int) returns bool language sql immutable as 'select tens(a, b) < 0';
		create operator public.= (leftarg = int, rightarg = int, function = same, commutator = operator(public.=));
		create operator public.<~ (leftarg = int, rightarg = int, function = less);
		create operator class by_tens for type int using btree as operator 1 <~, operator 3 public.=, function 1 tens(int, int);
		create table t (k int not null); create table e (k int not null);
		create unique index on t (k by_tens);
		alter table e add exclude using btree (k by_tens with operator(public.=));
		alter table t owner to `+s.migrator+"; alter table e owner to "+s.migrator).ReadAll()
	require.NoError(t, err)
	e := s.refused(catalog.CodeRefused, "select keyway.shard_table('t', 'k')")
	require.Contains(t, e.Message, "unique index t_k_idx compares the shard key by the operator class by_tens, which may call values equal")
	require.Contains(t, e.Hint, "the default operator class")
	e = s.refused(catalog.CodeRefused, "select keyway.shard_table('e', 'k')")
	require.Contains(t, e.Message, "exclusion constraint e_k_excl compares the shard key by the operator public.=(integer,integer)")
	s.exec("select keyway.allow('e', 'unique_per_shard')")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.shard_table('e', 'k')").Message, "may call values equal", "an upsert that names k could mean it")
	s.exec("create unique index on t (k); drop index t_k_idx; select keyway.shard_table('t', 'k')")
}

func TestForeignTablesAndOthersTablesAreRefused(t *testing.T) {
	s := single(t)
	super := s.connect("postgres")
	_, err := super.PgConn().Exec(s.ctx(), fmt.Sprintf(`
		create extension postgres_fdw; create server remote foreign data wrapper postgres_fdw;
		create foreign table far (k int not null) server remote; alter foreign table far owner to %s;
		create table theirs (k int not null)`, s.migrator)).ReadAll()
	require.NoError(t, err)
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.shard_table('far', 'k')").Message, "foreign table")
	e := s.refused(catalog.CodeRefused, "select keyway.shard_table('theirs', 'k')")
	require.Contains(t, e.Message, "owned by postgres")
	require.Contains(t, e.Hint, "a role that owns the table")
}

func TestRealCitextIsRefused(t *testing.T) {
	s := single(t)
	super := s.connect("postgres")
	if _, err := super.Exec(s.ctx(), "create extension citext schema public"); err != nil {
		t.Skipf("this server has no citext extension: %v", err)
	}
	s.exec("create table t (k citext not null)")
	require.Contains(t, s.refused(catalog.CodeRefused, "select keyway.shard_table('t', 'k')").Message, "letter case")
}

// TestWhatHoldsOverAllShardsIsAccepted has the neighbours of the refusals, so that a rule that refuses too much fails.
func TestWhatHoldsOverAllShardsIsAccepted(t *testing.T) {
	s := single(t)
	for name, sql := range map[string]string{
		"varchar":                    "create table t (k varchar(20) not null); select keyway.shard_table('t', 'k')",
		"deterministic ICU":          "create table t (k text collate \"de-x-icu\" not null); select keyway.shard_table('t', 'k')",
		"unique with the key":        "create table t (k int not null, email text, unique (email, k)); select keyway.shard_table('t', 'k')",
		"unique by a strict one":     "create table t (k text not null); create unique index on t (k collate \"C\"); select keyway.shard_table('t', 'k')",
		"unique by patterns":         "create table t (k text not null, v varchar(8) not null); create unique index on t (k text_pattern_ops, v varchar_pattern_ops); select keyway.shard_table('t', 'k', 'v')",
		"unique by all types":        "create table t (a smallint, b int, c bigint, d uuid, e varchar, f bytea, primary key (a, b, c, d, e, f)); select keyway.shard_table('t', 'f', 'e', 'd', 'c', 'b', 'a')",
		"excluded by the key":        "create table t (k text not null, l text, exclude using btree (k with =, l with =)); select keyway.shard_table('t', 'k')",
		"unique by both":             "create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table t (k text not null); create unique index on t (k collate ci, k); select keyway.shard_table('t', 'k')",
		"exclusion with the key":     "create table t (k int4range not null, a int not null, exclude using gist (k with =, k with &&)); select keyway.reference_table('t')",
		"allowed unique":             "create table t (id uuid primary key, k int not null); select keyway.allow('t', 'unique_per_shard'); select keyway.shard_table('t', 'k')",
		"allowed serial":             "create table t (k int not null, id serial); select keyway.allow('t', 'sequence_per_shard'); select keyway.shard_table('t', 'k')",
		"shard sequence":             "create table t (k int not null, id bigserial); select keyway.shard_sequence('t', 'id'); select keyway.shard_table('t', 'k')",
		"shard sequence of identity": "create table t (k int not null, id bigint generated always as identity); select keyway.shard_sequence('t', 'id'); select keyway.shard_table('t', 'k')",
		"fk to reference":            "create table p (id int primary key); select keyway.reference_table('p'); create table t (k int not null, p int references p); select keyway.shard_table('t', 'k')",
		"fk with the keys paired":    "create table p (a int primary key); select keyway.shard_table('p', 'a'); create table t (k int not null references p); select keyway.shard_table('t', 'k')",
		"fk by id under one tenant": "create table p (k int not null, id uuid primary key); select keyway.allow('p', 'unique_per_shard'), keyway.shard_table('p', 'k'); " +
			"create table t (k int not null, p uuid references p); select keyway.shard_table('t', 'k')",
		"fk to itself":         "create table t (k int, id int, up int, primary key (k, id), foreign key (k, up) references t); select keyway.shard_table('t', 'k')",
		"fk from home to home": "create table p (k int primary key); select keyway.home_table('p', 's0'); create table t (k int references p); select keyway.home_table('t', 's0')",
		"slot declared":        "create table t (k int not null, slot smallint not null, primary key (slot, k)); select keyway.shard_table('t', 'k')",
		"twice":                "create table t (k int not null); select keyway.shard_table('t', 'k'); select keyway.shard_table('t', 'k')",
		"weird names":          `create table "T ""x" ("K ""y" int not null, primary key ("K ""y")); select keyway.shard_table('"T ""x"', 'K "y'); insert into "T ""x" values (1); alter table "T ""x" rename to t`,
		"column named as uuid": `create table t ("k as uuid" int not null); select keyway.shard_table('t', 'k as uuid')`,
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.exec("create schema sandbox; set search_path = sandbox, public")
			t.Cleanup(func() {
				s.exec("reset search_path; drop schema sandbox cascade; delete from keyway.tables; delete from keyway.allowances")
			})
			s.exec(sql)
			s.exec("select * from t")
		})
	}
}

func TestATableWithRowsOfOtherShardsIsRefused(t *testing.T) {
	s := owning(t, stripes(2)...)
	s.exec("create table t (k bigint not null); insert into t select generate_series(1, 100)")
	e := s.refused(catalog.CodeRefused, "select keyway.shard_table('t', 'k')")
	require.Contains(t, e.Message, "of its rows belong to other shards")
	require.Contains(t, e.Hint, "keyway import")
	require.Zero(t, value[int](s, "select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'slot'"))
}

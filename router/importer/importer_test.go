package importer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/importer"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m, func() error { return goleak.Find() }) }

// world is a cluster of two shards on two servers, and an old database on the
// first of them.
type world struct {
	testing.TB
	cfg     router.Config
	db      *router.DB
	oldName string
	oldRole string
	old     *pgx.Conn // as its owner
	from    *pgx.ConnConfig
	servers []*localpg.Cluster
}

// newWorld initialises the cluster and runs schema on every shard.
func newWorld(t testing.TB, schema string) *world {
	t.Helper()
	w := &world{TB: t, servers: pgtest.SharedN(t, 2)}
	w.cfg = router.Config{
		Catalog: "s0", Budget: router.Budget{Connections: 12, Processes: 1},
		Instances: map[string]router.Instance{}, Shards: map[shard.ID]router.Shard{},
	}
	for i, c := range w.servers {
		db, migrator, app := pgtest.Owned(t, c)
		name := fmt.Sprintf("pg-%d", i)
		w.cfg.Instances[name] = router.Instance{Primary: c.Addr(), Credentials: router.Credentials{
			App: router.Credential{User: app}, Migrator: router.Credential{User: migrator},
		}}
		w.cfg.Shards[shard.ID(fmt.Sprintf("s%d", i))] = router.Shard{Instance: name, Database: db}
	}
	ctx := t.Context()
	_, err := router.Init(ctx, w.cfg, router.InitOptions{})
	require.NoError(t, err)
	w.everywhere(schema)
	w.db, err = router.Open(ctx, w.cfg, router.WithCloseGrace(time.Second))
	require.NoError(t, err)
	t.Cleanup(w.db.Close)

	w.oldName, w.oldRole, _ = pgtest.Owned(t, w.servers[0])
	w.old = pgtest.Conn(t, w.servers[0], w.oldRole, w.oldName)
	w.from, err = pgx.ParseConfig(w.servers[0].DSN(w.oldRole, w.oldName))
	require.NoError(t, err)
	return w
}

func (w *world) on(id shard.ID) *pgx.Conn {
	w.Helper()
	cc, err := w.cfg.ConnConfig(id, router.Migrator)
	require.NoError(w, err)
	conn, err := pgx.ConnectConfig(w.Context(), cc)
	require.NoError(w, err)
	w.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (w *world) everywhere(sql string) {
	w.Helper()
	for id := range w.cfg.Shards {
		_, err := w.on(id).Exec(w.Context(), sql)
		require.NoError(w, err)
	}
}

func (w *world) inOld(sql string) {
	w.Helper()
	_, err := w.old.Exec(w.Context(), sql)
	require.NoError(w, err)
}

func (w *world) run(o importer.Options) (*importer.Report, error) {
	o.From = w.from
	return importer.Run(w.Context(), w.db, o)
}

// count adds up a table's rows over the shards.
func (w *world) count(table string) (n int) {
	w.Helper()
	for id := range w.cfg.Shards {
		n += one[int](w, w.on(id), "select count(*) from "+table)
	}
	return n
}

// untouched checks that a failed import left no row, no connection and no lock.
func (w *world) untouched(tables ...string) {
	w.Helper()
	for _, table := range tables {
		require.Zero(w, w.count(table))
	}
	for _, c := range w.servers {
		conn := pgtest.Conn(w, c, localpg.Superuser, "postgres")
		require.Eventually(w, func() bool {
			return one[int](w, conn, "select count(*) from pg_stat_activity where application_name = 'keyway import'") == 0
		}, time.Minute, 20*time.Millisecond)
	}
}

func one[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

const bank = `
create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84));
create table pgbench_history (tid int, bid int, aid int not null, delta int, mtime timestamp, filler char(22));
create table pgbench_tellers (tid int primary key, bid int, tbalance int, filler char(84));
create table pgbench_branches (bid int primary key, bbalance int, filler char(88));
select keyway.shard_table('pgbench_accounts', 'aid');
select keyway.shard_table('pgbench_history', 'aid');
select keyway.reference_table('pgbench_tellers');
select keyway.reference_table('pgbench_branches');
`

func TestADatabaseOfPgbenchIsSplitByAccount(t *testing.T) {
	w := newWorld(t, bank)
	_, err := w.servers[0].Tool(t.Context(), w.oldRole, w.oldName, "pgbench", "", "-i", "-q", "-s", "1")
	require.NoError(t, err)
	_, err = w.servers[0].Tool(t.Context(), w.oldRole, w.oldName, "pgbench", "", "-t", "50", "-n")
	require.NoError(t, err)

	var last importer.Progress
	report, err := w.run(importer.Options{Progress: func(p importer.Progress) { last = p }})
	require.NoError(t, err)
	require.True(t, last.Done)
	require.EqualValues(t, 100_000+50+10+1, report.Rows)
	require.Empty(t, report.Absent)
	require.Empty(t, report.LeftBehind)
	for _, table := range report.Tables {
		switch table.Table {
		case "public.pgbench_accounts":
			require.EqualValues(t, 100_000, table.Rows)
			require.InDelta(t, 50_000, table.Shards["s0"], 2000)
			require.EqualValues(t, 100_000, table.Shards["s0"]+table.Shards["s1"])
		case "public.pgbench_tellers":
			require.Equal(t, map[shard.ID]int64{"s0": 10, "s1": 10}, table.Shards)
		}
	}
	// Counted and placed again, past the importer.
	for _, id := range []shard.ID{"s0", "s1"} {
		rows, err := w.on(id).Query(t.Context(), "select aid, slot from pgbench_accounts")
		require.NoError(t, err)
		var aid int64
		var slot int16
		_, err = pgx.ForEachRow(rows, []any{&aid, &slot}, func() error {
			r, err := w.db.Route(shard.Int64(aid))
			if err == nil && (r.Shard != id || r.Slot != shard.Slot(slot)) {
				err = fmt.Errorf("a row of %s is on %s with slot %d", r.Shard, id, slot)
			}
			return err
		})
		require.NoError(t, err)
	}
	require.Equal(t, one[int](t, w.old, "select sum(abalance) from pgbench_accounts"),
		one[int](t, w.on("s0"), "select sum(abalance) from pgbench_accounts")+one[int](t, w.on("s1"), "select sum(abalance) from pgbench_accounts"))
	require.True(t, one[bool](t, w.on("s0"), "select reltuples > 0 from pg_class where relname = 'pgbench_accounts'"), "it is analyzed")

	_, err = w.run(importer.Options{})
	var refused *importer.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "there are rows on shard")
}

func TestEveryTypeOfKeyAndEveryCharacterArrives(t *testing.T) {
	const plain = `
create table texts (k text primary key, v text, n numeric, d timestamptz, f float8, b bytea, a int[], j jsonb);
create table uuids (k uuid primary key, v text);
create table blobs (k bytea primary key, v text);
create table pairs (a bigint not null, b text not null, v text, primary key (a, b));
`
	w := newWorld(t, plain+`
select keyway.shard_table('texts', 'k'); select keyway.shard_table('uuids', 'k');
select keyway.shard_table('blobs', 'k'); select keyway.shard_table('pairs', 'a', 'b');`)
	w.inOld(plain)
	for i, odd := range []string{"tab\there", "new\nline", `back\slash`, `\N`, `\.`, "\b\f\r\v", "größe ☃ 🐘", `"quoted"`, "'", " padded ", `a\tb`} {
		_, err := w.old.Exec(t.Context(), `insert into texts values ($1, $1, 1.10, '2026-03-29 01:30+01', 'NaN', convert_to($1, 'UTF8'), '{1,NULL}', jsonb_build_object('a', $1::text))`, odd)
		require.NoError(t, err)
		_, err = w.old.Exec(t.Context(), "insert into blobs values (convert_to($1, 'UTF8'), null)", odd)
		require.NoError(t, err)
		_, err = w.old.Exec(t.Context(), "insert into pairs values ($1, $2, $2)", -i, odd)
		require.NoError(t, err)
	}
	w.inOld("insert into uuids select gen_random_uuid(), i from generate_series(1, 200) i")
	w.inOld("insert into texts (k, f) select 'k' || i, random() from generate_series(1, 200) i")

	report, err := w.run(importer.Options{})
	require.NoError(t, err)
	require.Len(t, report.Tables, 4)
	require.Equal(t, 211, w.count("texts"))
	require.Equal(t, 1, w.count(`texts where k = E'tab\there' and v = k and j->>'a' = k and b = convert_to(k, 'UTF8')`))
	require.Equal(t, 1, w.count(`pairs where b = E'\\N'`))
	for _, id := range []shard.ID{"s0", "s1"} {
		require.NotZero(t, one[int](t, w.on(id), "select count(*) from uuids"))
	}
}

func TestTablesComeAfterThoseTheyReferToAndSequencesGoOn(t *testing.T) {
	const plain = `
create table z_plans (id int generated always as identity primary key, name text);
create table a_jobs (id serial primary key, plan int references z_plans, twice int generated always as (id * 2) stored);
create table m_orders (tenant bigint not null, id bigint not null, plan int references z_plans, primary key (tenant, id));
create table b_items (tenant bigint not null, id bigint not null, n int, foreign key (tenant, id) references m_orders);
`
	w := newWorld(t, plain+`
select keyway.reference_table('z_plans'); select keyway.home_table('a_jobs', 's1');
select keyway.shard_table('m_orders', 'tenant'); select keyway.shard_table('b_items', 'tenant');
create table new_here (id int primary key); select keyway.reference_table('new_here');`)
	w.inOld(plain + `create table forgotten (a int); create view shown as select 1 as a;
insert into z_plans (name) values ('free'), ('paid');
insert into a_jobs (plan) select 1 from generate_series(1, 7);
insert into m_orders select i % 10, i, 2 from generate_series(1, 500) i;
insert into b_items select i % 10, i, 1 from generate_series(1, 500) i;`)

	report, err := w.run(importer.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"public.new_here"}, report.Absent)
	require.Equal(t, []string{"public.forgotten"}, report.LeftBehind)
	require.Equal(t, 500, w.count("b_items"))
	require.Equal(t, 0, one[int](t, w.on("s0"), "select count(*) from a_jobs"))
	require.Equal(t, 7, one[int](t, w.on("s1"), "select count(*) from a_jobs where twice = 2 * id"))
	require.Equal(t, 8, one[int](t, w.on("s1"), "insert into a_jobs (plan) values (1) returning id"), "the next number is free")
	require.Equal(t, 3, one[int](t, w.on("s0"), "insert into z_plans (name) values ('x') returning id"))
}

const single = "create table t (k bigint primary key, v text);"

func TestWhatCannotBeImportedIsRefusedBeforeAnythingIsCopied(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	refused := func(what string, o importer.Options) {
		t.Helper()
		_, err := w.run(o)
		var r *importer.RefusedError
		require.ErrorAs(t, err, &r)
		require.ErrorContains(t, err, what)
		w.untouched("t")
	}
	refused("none of the registered tables", importer.Options{})
	refused("is not registered", importer.Options{Tables: []string{"nope"}})
	w.inOld("create view t as select 1::bigint as k")
	refused("is a view", importer.Options{})
	w.inOld("drop view t; create table t (k bigint primary key, v text, more int, evenmore int)")
	refused("columns that the shards lack: more, evenmore", importer.Options{})
	w.inOld("drop table t; create table t (v text)")
	refused("no column k, which is part of the shard key", importer.Options{})

	own := w.from
	cc, err := w.cfg.ConnConfig("s0", router.Migrator)
	require.NoError(t, err)
	w.from = cc
	refused("the source is the database of the shard itself", importer.Options{})
	w.from = own

	_, err = importer.Run(t.Context(), w.db, importer.Options{})
	require.ErrorContains(t, err, "From is nil")
}

func TestASourceThatCannotBeReachedIsNamedWithoutItsPassword(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	w.from.Port, w.from.Password = 1, "do-not-print"
	_, err := w.run(importer.Options{})
	require.ErrorContains(t, err, "the source: connect to 127.0.0.1:1 as "+w.oldRole)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "do-not-print")
}

func TestARowWithoutAKeyStopsEverything(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	w.inOld("create table t (k bigint, v text); insert into t select i, 'secret' from generate_series(1, 50000) i; insert into t values (null, 'secret')")
	_, err := w.run(importer.Options{})
	require.ErrorContains(t, err, "table public.t: the source: row 50001: column k: the key is NULL")
	require.NotContains(t, err.Error(), "secret")
	w.untouched("t")
}

func TestAShardThatRefusesARowStopsAllShards(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	_, err := w.on("s1").Exec(t.Context(), "alter table t add check (v <> 'bad')")
	require.NoError(t, err)
	w.inOld(single + "insert into t select i, case when i > 30000 then 'bad' else 'good' end from generate_series(1, 60000) i")
	_, err = w.run(importer.Options{})
	require.ErrorContains(t, err, "table public.t: shard s1:")
	require.NotContains(t, err.Error(), "bad", "no row is quoted")
	w.untouched("t")
}

func TestRowsThatChangeOnTheirWayAreFound(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');"+`
create function shout() returns trigger language plpgsql as $$ begin new.v := upper(new.v); return new; end $$;
create trigger shout before insert on t for each row when (new.k = 77) execute function shout();`)
	w.inOld(single + "insert into t select i, 'v' || i from generate_series(1, 100) i")
	_, err := w.run(importer.Options{})
	var verify *importer.VerifyError
	require.ErrorAs(t, err, &verify)
	require.Equal(t, "checksum", verify.What)
	w.untouched("t")
}

func TestRowsThatGetLostAreFound(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');"+`
create function lose() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger lose before insert on t for each row when (new.k = 77) execute function lose();`)
	w.inOld(single + "insert into t select i, 'v' || i from generate_series(1, 100) i")
	_, err := w.run(importer.Options{})
	require.ErrorContains(t, err, "the rows of the source (100) and of the shards (99) differ")
	w.untouched("t")
}

func TestACommitThatFailsSaysWhatIsWhere(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	_, err := w.on("s1").Exec(t.Context(), `
create function late() returns trigger language plpgsql as $$ begin raise 'not on this shard'; end $$;
create constraint trigger late after insert on t deferrable initially deferred for each row execute function late();`)
	require.NoError(t, err)
	w.inOld(single + "insert into t select i, 'v' || i from generate_series(1, 100) i")
	_, err = w.run(importer.Options{})
	var partial *importer.PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []shard.ID{"s0"}, partial.Committed)
	require.Equal(t, []shard.ID{"s1"}, partial.Aborted)
	require.NotZero(t, one[int](t, w.on("s0"), "select count(*) from t"))
	require.Zero(t, one[int](t, w.on("s1"), "select count(*) from t"))
}

func TestACancelledImportLeavesNothing(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	w.inOld(single + "insert into t select i, repeat('x', 100) from generate_series(1, 100000) i")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	blocked, watch := w.on("s1"), w.on("s1")
	_, err := blocked.Exec(ctx, "begin; lock table t in exclusive mode")
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := importer.Run(ctx, w.db, importer.Options{From: w.from})
		failed <- err
	}()
	require.Eventually(t, func() bool {
		return one[int](t, watch, "select count(*) from pg_locks where relation = 't'::regclass and not granted") == 1
	}, time.Minute, 10*time.Millisecond)
	cancel()
	err = <-failed
	require.ErrorIs(t, err, context.Canceled)
	_, err = blocked.Exec(t.Context(), "rollback")
	require.NoError(t, err)

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	_, err = importer.Run(ctx, w.db, importer.Options{From: w.from, Progress: func(p importer.Progress) {
		if p.Step == importer.Copying {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	w.untouched("t")
}

func TestWritesToTheSourceDuringTheImportAreNotPartOfIt(t *testing.T) {
	w := newWorld(t, single+"select keyway.shard_table('t', 'k');")
	w.inOld(single + "insert into t select i, repeat('x', 100) from generate_series(1, 30000) i")
	report, err := w.run(importer.Options{Progress: func(p importer.Progress) {
		if p.Step == importer.Copying && !p.Done {
			w.inOld("insert into t select coalesce(max(k), 0) + 1 from t; delete from t where k = 1")
		}
	}})
	require.NoError(t, err)
	require.EqualValues(t, 30000, report.Rows)
	require.Equal(t, 30000, w.count("t"))
	require.True(t, strings.HasPrefix(report.Tables[0].Table, "public."))
}

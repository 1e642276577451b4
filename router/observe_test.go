package router_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// lines collects log lines of JSON.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) logger() router.Option {
	return router.WithLogger(slog.New(slog.NewJSONHandler(l, nil)))
}

// of are the lines with the message.
func (l *lines) of(t testing.TB, message string) (all []map[string]any) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(l.text()), "\n") {
		v := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		if v["msg"] == message {
			all = append(all, v)
		}
	}
	return all
}

// adopted is a cluster of two shards whose first one owns every slot.
func adopted(t testing.TB, observe ...string) *fixture {
	t.Helper()
	f := fresh(t, 2)
	_, err := router.Init(f.ctx(), f.cfg, router.InitOptions{Adopt: true})
	require.NoError(t, err)
	f.everywhere(shardedShop)
	f.cfg.Observe = observe
	return f
}

const oldShop = `
create table orders (tenant_id bigint not null, id bigint primary key, state text);
select keyway.adopt_table('orders', 'tenant_id');
create table invoices (tenant_id bigint not null, id bigint primary key);
select keyway.adopt_table('invoices', 'tenant_id');
create table plans (id int primary key, name text);
select keyway.reference_table('plans');
create table jobs (id int primary key, what text);
select keyway.home_table('jobs', 's0');
create table legacy (id int primary key, what text);
`

// old is an adopted cluster of one shard with oldShop, which tests share that only write rows.
var old struct {
	once sync.Once
	fixture
}

func onOldShop(t testing.TB, observe ...string) *fixture {
	t.Helper()
	old.once.Do(func() {
		f := &fixture{t: t, servers: []*localpg.Cluster{pgtest.Shared(t)}}
		f.configure(func(_ int, c *localpg.Cluster) (db, migrator, app string) {
			pgtest.Exec(t, c, "postgres", "create role old_owner login; create role old_app login")
			pgtest.Exec(t, c, "postgres", "create database old_shop owner old_owner")
			return "old_shop", "old_owner", "old_app"
		})
		_, err := router.Init(f.ctx(), f.cfg, router.InitOptions{Adopt: true})
		require.NoError(t, err)
		f.everywhere(oldShop)
		old.fixture = *f
	})
	f := old.fixture
	f.t = t
	f.cfg.Observe = observe
	_, err := f.migrator("s0").Exec(f.ctx(), `truncate orders, invoices, jobs, legacy, plans;
		insert into orders select 1 + n % 3, n, 'new' from generate_series(1, 9) n`)
	require.NoError(t, err)
	return &f
}

// observation finds the one of a statement.
func observation(t testing.TB, db *router.DB, statement string) router.Observation {
	t.Helper()
	for _, o := range db.Observed() {
		if o.Statement == statement {
			return o
		}
	}
	t.Fatalf("%q is not among %+v", statement, db.Observed())
	return router.Observation{}
}

func TestAnAdoptedDatabaseServesItsOldProgramAndCounts(t *testing.T) {
	f := onOldShop(t, "*")
	var log lines
	db := f.open(log.logger())
	ctx := f.ctx()
	for range 3 { // of one place
		var n int
		require.NoError(t, db.QueryRow(ctx, "select count(*) from orders where id < 471147114711").Scan(&n))
		require.Equal(t, 9, n)
	}
	tag, err := db.Exec(ctx, "update orders set state = 's3cret' where id in (1, 2)")
	require.NoError(t, err)
	require.EqualValues(t, 2, tag.RowsAffected())
	tag, err = db.Exec(ctx, "update orders set state = $1 where id = any(array[$2, 3, 4]::bigint[])", "s3cret", 1)
	require.NoError(t, err)
	require.EqualValues(t, 3, tag.RowsAffected())

	for _, unread := range []string{
		"set application_name = 's3cret'", "listen s3cret_1", "discard plans", "select pg_advisory_lock(471147114711), 's3cret'",
		"insert into legacy values (1, 's3cret'); insert into legacy values (2, 's3cret')", "do $$ begin perform 's3cret'; end $$",
		"insert into plans values (2, 's3cret') on conflict do nothing", "select * from legacy where what = 's3cret'",
	} {
		_, err := db.Exec(ctx, unread)
		require.NoError(t, err, unread)
	}
	var app string
	require.NoError(t, db.Shard("s0").QueryRow(ctx, "show application_name").Scan(&app))
	require.NotEqual(t, "s3cret", app, "what a statement leaves in its session is gone before the next one")

	ids, err := router.Select[int64](ctx, db, router.Text("select id from orders where tenant_id = $1", nil))
	require.NoError(t, err, "NULL as a key")
	require.Empty(t, ids)
	rows, err := db.Query(ctx, "select id from orders where tenant_id = $1", " 2")
	require.NoError(t, err, "a key that PostgreSQL would match and a hash would not")
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	require.Len(t, got, 3)
	err = db.QueryRow(ctx, "select id from orders where state = @state", pgx.NamedArgs{"state": "s3cret"}).Scan(new(int))
	require.NoError(t, err)
	_, err = db.Exec(ctx, "select id from orders where tenant_id = $1", pgx.QueryExecModeExec, 1)
	require.NoError(t, err, "pgx's option arguments")

	n, err := db.CopyFrom(ctx, pgx.Identifier{"legacy"}, []string{"id", "what"}, pgx.CopyFromRows([][]any{{7, "s3cret"}, {8, nil}}))
	require.NoError(t, err)
	require.EqualValues(t, 2, n)

	_, err = db.Exec(ctx, "update orders set nothing = 's3cret'")
	require.ErrorContains(t, err, "shard s0: ", "an error of the server names the shard")
	require.NotContains(t, err.Error(), "s3cret")

	o := observation(t, db, "select count(*) from orders where id < ?")
	require.Equal(t, []any{router.WouldScatter, "no shard key", int64(3)}, []any{o.Verdict, o.Reason, o.Count})
	require.Regexp(t, `^router_test\.TestAnAdoptedDatabaseServesItsOldProgramAndCounts observe_test\.go:\d+$`, o.Site)
	require.Contains(t, o.Hint, "db.Scatter")
	require.False(t, o.Last.Before(o.First))
	require.Equal(t, router.WouldBeRefused, observation(t, db, "update orders set state = ? where id in (?)").Verdict)
	require.Equal(t, "bad key", observation(t, db, "select id from orders where tenant_id = ?").Reason)
	require.Equal(t, "unknown table", observation(t, db, "copy public.legacy(id, what) from stdin").Reason)
	require.Equal(t, "unsupported", observation(t, db, "listen ?").Reason)
	require.Equal(t, int64(3), db.Observed()[0].Count, "most often first")
	stat := db.Stat().Observed
	require.Positive(t, stat.Scatter)
	var total int64
	for _, o := range db.Observed() {
		total += o.Count
	}
	require.Equal(t, total, stat.Scatter+stat.Refused)
	require.Zero(t, stat.NotKept)

	_, err = db.Exec(ctx, "select 1 from orders where tenant_id = $1", 1)
	require.NoError(t, err)
	require.Equal(t, stat, db.Stat().Observed, "what routes is not counted")

	db.Close()
	require.NotContains(t, log.text(), "s3cret")
	require.NotContains(t, log.text(), "471147114711")
	var logged int64
	for _, line := range log.of(t, router.ObservedMessage) {
		logged += int64(line["count"].(float64))
	}
	require.Equal(t, total, logged, "the rest is written at Close")
}

func TestABatchWithAnObservedStatementGoesWhole(t *testing.T) {
	f := onOldShop(t, "*")
	db := f.open()
	ctx := f.ctx()
	b := &pgx.Batch{}
	b.Queue("select count(*) from orders where tenant_id = $1", 1)
	b.Queue("update orders set state = 'paid'")
	b.Queue("set local work_mem = '1MB'")
	b.Queue("insert into legacy values (1, 'x')")
	results := db.SendBatch(ctx, b)
	var n int
	require.NoError(t, results.QueryRow().Scan(&n))
	require.Equal(t, 3, n)
	tag, err := results.Exec()
	require.NoError(t, err)
	require.EqualValues(t, 9, tag.RowsAffected())
	require.NoError(t, results.Close())
	require.Len(t, db.Observed(), 3, "%+v", db.Observed())

	b = &pgx.Batch{}
	b.Queue("delete from orders")
	b.Queue("select 1 / 0 from orders")
	require.Error(t, db.SendBatch(ctx, b).Close())
	require.NoError(t, db.QueryRow(ctx, "select count(*) from orders").Scan(&n))
	require.Equal(t, 9, n, "it is one transaction, as before")
}

func TestOnlyListedTablesAreObserved(t *testing.T) {
	f := onOldShop(t, "orders", "public.legacy")
	db := f.open()
	ctx := f.ctx()
	for sql, observed := range map[string]bool{
		"update orders set state = 'x'":                                    true,
		"update public.orders set state = 'x'":                             true,
		"select * from orders, invoices":                                   false,
		"update invoices set id = id":                                      false,
		"select * from orders o join plans on true, jobs":                  true,
		"with x as (select * from orders) select * from x":                 true,
		"with invoices as (select * from orders) select * from invoices":   false,
		"with orders as (select * from invoices) select * from orders":     false,
		"select * from orders where id in (select id from invoices)":       false,
		"select * from legacy":                                             true,
		"select * from legacy, pg_class":                                   false,
		"select * from other.orders":                                       false,
		"insert into plans values (9, 'x')":                                false,
		"set work_mem = '1MB'":                                             false,
		"truncate orders":                                                  false,
		"select pg_advisory_xact_lock(1)":                                  false,
		"with x as (insert into plans values (8, 'x')) select from orders": true,
		"select nextval('a') from jobs":                                    false,
	} {
		_, err := db.Exec(ctx, sql)
		var refused *router.RefusedError
		if observed {
			require.NoError(t, err, sql)
		} else {
			require.ErrorAs(t, err, &refused, sql)
		}
	}
	_, err := db.CopyFrom(ctx, pgx.Identifier{"plans"}, []string{"id"}, pgx.CopyFromRows([][]any{{5}}))
	require.ErrorContains(t, err, "reference table")
	_, err = db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"id"}, pgx.CopyFromRows(nil))
	require.NoError(t, err)
	b := &pgx.Batch{}
	b.Queue("update orders set state = 'y'")
	b.Queue("update invoices set id = id")
	err = db.SendBatch(ctx, b).Close()
	require.ErrorIs(t, err, router.ErrNoShardKey)
	n, err := router.Get[int](ctx, db, router.Text("select count(*) from orders where state = 'y'"))
	require.NoError(t, err)
	require.Zero(t, n, "nothing of the batch was sent")
}

func TestHandlesForOneKeyAreNeverObserved(t *testing.T) {
	f := onOldShop(t, "*")
	db := f.open()
	ctx := f.ctx()
	key := shard.Int64(1)
	var refused *router.RefusedError
	for _, sql := range []string{"select * from legacy", "set work_mem = '1MB'", "select * from orders, pg_class"} {
		for name, run := range map[string]func() error{
			"ForKey":       func() error { _, err := db.ForKey(key).Exec(ctx, sql); return err },
			"WithKey":      func() error { _, err := db.Exec(router.WithKey(ctx, key), sql); return err },
			"Query":        func() error { _, err := db.Query(router.WithKey(ctx, key), sql); return err },
			"unusable key": func() error { _, err := db.Exec(router.WithKey(ctx, shard.Key{}), sql); return err },
			"batch": func() error {
				b := &pgx.Batch{}
				b.Queue(sql)
				return db.SendBatch(router.WithKey(ctx, key), b).Close()
			},
			"InTx": func() error {
				return db.InTx(ctx, key, func(ctx context.Context, tx *txn.Tx) error { _, err := tx.Exec(ctx, sql); return err })
			},
		} {
			err := run()
			if name == "unusable key" {
				require.Error(t, err)
				continue
			}
			require.ErrorAs(t, err, &refused, "%s: %s", name, sql)
		}
	}
	_, err := db.CopyFrom(router.WithKey(ctx, key), pgx.Identifier{"legacy"}, []string{"id"}, pgx.CopyFromRows(nil))
	require.ErrorAs(t, err, &refused)
	require.Empty(t, db.Observed())
}

// shardedShop has tables whose slots can move, and no table that a second shard would have another copy of.
const shardedShop = `
create table orders (tenant_id bigint not null, id bigint not null, state text, primary key (tenant_id, id));
select keyway.shard_table('orders', 'tenant_id');
create table plans (id int primary key, name text);
select keyway.reference_table('plans');
`

func TestStatementsAreRefusedFromTheFirstMoveOn(t *testing.T) {
	f := adopted(t, "*")
	var log lines
	db := f.open(log.logger(), router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	tenant := tenantOn(t, db, "s0", 0)
	run := func() map[string]error {
		b := &pgx.Batch{}
		b.Queue("update orders set state = 'x'")
		_, exec := db.Exec(ctx, "update orders set state = 'x'")
		_, utility := db.Exec(ctx, "set work_mem = '1MB'")
		_, badKey := db.Exec(ctx, "select from orders where tenant_id = $1", nil)
		_, cp := db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"id"}, pgx.CopyFromRows(nil))
		return map[string]error{
			"Exec": exec, "SET": utility, "NULL": badKey, "CopyFrom": cp, "SendBatch": db.SendBatch(ctx, b).Close(),
			"QueryRow": db.QueryRow(ctx, "select count(*) from orders").Scan(new(int)),
		}
	}
	for name, err := range run() {
		require.NoError(t, err, name)
	}
	var refused *router.RefusedError
	_, err := db.Exec(ctx, "insert into plans values (1, 'free')")
	require.ErrorAs(t, err, &refused, "the other shard's copy would not have it")

	before := db.Stat().Observed
	next := f.move(shard.Int64(tenant).Slot(), "s0", "s1", nil)
	require.Eventually(t, func() bool { return db.Map().Version() == next.Version() }, time.Minute, time.Millisecond)
	for name, err := range run() {
		require.ErrorAs(t, err, &refused, name)
	}
	require.True(t, before.InForce)
	before.InForce = false
	require.Equal(t, before, db.Stat().Observed, "what was refused was not observed")
	ended := strings.Count(log.text(), "nothing is observed")
	require.Equal(t, 1, ended, "said once")
}

// TestAnOldMapLetsNothingRun: the shard itself is asked, as nothing refuses a read.
func TestAnOldMapLetsNothingRun(t *testing.T) {
	f := adopted(t, "*")
	db := f.open(router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	f.deaf(db)
	tenant := tenantOn(t, db, "s0", 0)
	require.NoError(t, db.QueryRow(ctx, "select count(*) from orders").Scan(new(int)))
	version := db.Map().Version()
	next := f.move(shard.Int64(tenant).Slot(), "s0", "s1", nil)
	require.Equal(t, version, db.Map().Version(), "nobody has told")
	require.ErrorIs(t, db.QueryRow(ctx, "select count(*) from orders").Scan(new(int)), router.ErrNoShardKey)
	require.Equal(t, next.Version(), db.Map().Version(), "it was learned from the shard")
	require.EqualValues(t, 1, db.Stat().Observed.Scatter)
}

// TestNoReadIsWrongWhileAFirstSlotMoves: whatever runs sees all rows; what cannot is refused.
func TestNoReadIsWrongWhileAFirstSlotMoves(t *testing.T) {
	f := adopted(t, "orders")
	db := f.open(router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	f.deaf(db) // only the shard's own answer can bring the news
	tenant := tenantOn(t, db, "s0", 0)
	_, err := db.Exec(ctx, "insert into orders (tenant_id, id) select n, n from generate_series(1, 500) n")
	require.NoError(t, err, "observed")
	var reads, refusals atomic.Int64
	var calls [4]atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			for ; ; calls[i].Add(1) {
				select {
				case <-stop:
					return
				default:
				}
				var n int
				err := db.QueryRow(ctx, "select count(*) from orders").Scan(&n)
				switch {
				case errors.Is(err, router.ErrNoShardKey):
					refusals.Add(1)
				case err != nil:
					t.Errorf("neither rows nor a refusal: %v", err)
					return
				case n != 500:
					t.Errorf("%d rows of 500", n)
					return
				default:
					reads.Add(1)
				}
			}
		})
	}
	until := func(n *atomic.Int64) {
		t.Helper()
		require.Eventually(t, func() bool { return n.Load() > 20 || t.Failed() }, time.Minute, time.Millisecond)
	}
	until(&reads)
	f.move(shard.Int64(tenant).Slot(), "s0", "s1", func() {
		// What was asked for while s0 owned all has ended; then the new owner has the row, and the old one's is removed.
		for i := range calls {
			n := calls[i].Load()
			require.Eventually(t, func() bool { return calls[i].Load() > n || t.Failed() }, time.Minute, time.Millisecond)
		}
		cleaner := f.superuser("s0")
		_, err := cleaner.Exec(ctx, "set session_replication_role = replica")
		require.NoError(t, err)
		_, err = cleaner.Exec(ctx, "alter table orders disable trigger all; delete from orders where tenant_id = "+fmt.Sprint(tenant))
		require.NoError(t, err)
	})
	until(&refusals)
	close(stop)
	wg.Wait()
}

func TestTwoPlacesOfOneTextAreTwoObservations(t *testing.T) {
	f := onOldShop(t, "*")
	db := f.open()
	ctx := f.ctx()
	list := func(id int) error {
		_, err := db.Exec(ctx, fmt.Sprintf("select id from orders where id in (%d, 5)", id))
		return err
	}
	require.NoError(t, list(1))
	require.NoError(t, list(2))
	_, err := router.Select[int](ctx, db, router.Text("SELECT ID FROM orders -- everything\nWHERE id IN ($1)", 7))
	require.NoError(t, err)
	all := db.Observed()
	require.Len(t, all, 2, "%+v", all)
	require.Equal(t, all[0].Fingerprint, all[1].Fingerprint)
	require.NotEqual(t, all[0].Site, all[1].Site)
	require.Equal(t, []int64{2, 1}, []int64{all[0].Count, all[1].Count})
	require.Contains(t, all[0].Site, "func1 observe_test.go:")
}

func TestObservationsAndTheirLogAreBounded(t *testing.T) {
	f := onOldShop(t, "*")
	var log lines
	db := f.open(log.logger(), router.WithPollInterval(time.Hour))
	ctx := f.ctx()
	clock := router.ObserverClock(db)
	b := &pgx.Batch{}
	for i := range router.MaxObservations + 5 {
		b.Queue(fmt.Sprintf("select %s id as c%d from orders", strings.Repeat("'s3cret', ", 300*((1000-i)/1000)), i))
	}
	require.NoError(t, db.SendBatch(ctx, b).Close())
	require.Len(t, db.Observed(), router.MaxObservations)
	require.Equal(t, router.ObservedStat{Scatter: router.MaxObservations + 5, NotKept: 5, InForce: true}, db.Stat().Observed)
	for _, o := range db.Observed() {
		require.LessOrEqual(t, len(o.Statement), 2048)
	}
	require.Len(t, log.of(t, router.ObservedMessage), router.MaxObservations)
	require.Len(t, log.of(t, router.NotKeptMessage), 1)
	again := func() {
		t.Helper()
		// Neither may fail: an error that asks for a look at the catalog makes the loader write what is due by then.
		_, err := db.Exec(ctx, "select id as last from orders")
		require.NoError(t, err)
		require.NoError(t, db.QueryRow(ctx, "select count(*) from orders").Scan(new(int)))
	}
	again()
	clock.Add(int64(time.Minute))
	again()
	notKept := log.of(t, router.NotKeptMessage)
	require.Len(t, notKept, 2, "once a minute")
	require.Equal(t, []float64{1, 7}, []float64{notKept[0]["count"].(float64), notKept[1]["count"].(float64)}, "with what came since")
}

func TestPagesAreObservedAsTheCallerWroteThem(t *testing.T) {
	f := onOldShop(t, "orders")
	db := f.open()
	const statement = "select id from orders where id < $1 order by tenant_id, id"
	var got []int64
	pages, cursor := int64(0), ""
	for pages == 0 || cursor != "" {
		page, err := router.Page[int64](f.ctx(), db, router.Text(statement, 100), router.PageOptions{Size: 4, After: cursor})
		require.NoError(t, err)
		got, cursor, pages = append(got, page.Rows...), page.Next, pages+1
	}
	require.Equal(t, []int64{3, 6, 9, 1, 4, 7, 2, 5, 8}, got)
	require.EqualValues(t, 3, pages)
	o := observation(t, db, strings.ReplaceAll(statement, "$1", "?"))
	require.Equal(t, router.WouldScatter, o.Verdict)
	require.Equal(t, pages, o.Count)
	require.Len(t, db.Observed(), 1, "the first page and those behind it are one statement")

	_, err := router.Page[int64](f.ctx(), db, router.Text("select id from orders order by state"), router.PageOptions{})
	sentence(t, err, "may have the same place")
	require.Len(t, db.Observed(), 1, "nothing ran")
}

func TestACopyInPartsIsObservedAndSaysWhatIsThere(t *testing.T) {
	f := onOldShop(t, "legacy")
	db := f.open()
	legacy, columns := pgx.Identifier{"legacy"}, []string{"id", "what"}
	rows := func(n, bad int) pgx.CopyFromSource {
		return pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			if i+1 == bad {
				return []any{1, "twice"}, nil
			}
			return []any{i + 1, "x"}, nil
		})
	}
	n, err := db.CopyInParts(f.ctx(), legacy, columns, rows(25, 0), 10)
	require.NoError(t, err)
	require.EqualValues(t, 25, n)
	o := observation(t, db, "copy public.legacy(id, what) from stdin")
	require.EqualValues(t, 1, o.Count, "one call, of three parts")

	_, err = f.migrator("s0").Exec(f.ctx(), "truncate legacy")
	require.NoError(t, err)
	n, err = db.CopyInParts(f.ctx(), legacy, columns, rows(25, 13), 10)
	require.EqualValues(t, 10, n)
	var parts *router.CopyPartsError
	require.ErrorAs(t, err, &parts)
	require.EqualValues(t, 20, parts.Through)
	require.Equal(t, []int64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, parts.Missing)
	require.Empty(t, parts.InDoubt)
	there, err := router.Select[int64](f.ctx(), db.Shard("s0"), router.Text("select id from legacy order by id"))
	require.NoError(t, err)
	require.Len(t, there, 10)

	_, err = db.CopyInParts(f.ctx(), pgx.Identifier{"invoices"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}), 0)
	sentence(t, err, "tenant_id")
}

func TestAnObservedCopyInPartsEndsWhenASlotIsElsewhere(t *testing.T) {
	f := adopted(t, "legacy")
	f.everywhere("create table legacy (id int primary key)")
	db := f.open()
	moved := false
	n, err := db.CopyInParts(f.ctx(), pgx.Identifier{"legacy"}, []string{"id"}, pgx.CopyFromSlice(30, func(i int) ([]any, error) {
		if i == 15 {
			f.move(7, "s0", "s1", nil)
			moved = true
		}
		return []any{i}, nil
	}), 10)
	require.True(t, moved)
	require.EqualValues(t, 10, n)
	var parts *router.CopyPartsError
	require.ErrorAs(t, err, &parts)
	require.Len(t, parts.Missing, 10)
	sentence(t, err, "not registered")
}

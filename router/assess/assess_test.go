package assess_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router/assess"
	"github.com/keyway-go/keyway/shard"
)

func TestATenantSchemaIsShardedByItsTenant(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	r := s.assess(s.options())
	require.Equal(t, "tenant_id", r.Key)
	require.False(t, r.KeyGiven)
	require.Equal(t, "public", r.Schema)
	require.Equal(t, "public.tenants", r.Candidates[0].Root)
	require.Equal(t, 1, r.Candidates[0].Nullable)
	require.InDelta(t, 0.25, *r.Candidates[0].LargestShare, 0.02, "a quarter of the orders is of one tenant")
	require.Greater(t, *r.Candidates[0].DistinctValues, 300.0)
	for name, want := range map[string]assess.Kind{
		"orders": assess.Sharded, "order_items": assess.Sharded, "users": assess.Sharded, "tenants": assess.Sharded,
		"invoices": assess.Sharded, "events": assess.Sharded, "plans": assess.Reference, "jobs": assess.Home,
		"notes": assess.Undecided, "audit": assess.Undecided,
	} {
		require.Equal(t, want, tableOf(t, r, name).Kind, name)
	}
	require.Equal(t, []string{"id"}, tableOf(t, r, "tenants").Key, "the table that the key names is sharded by what is referred to")
	require.Equal(t, []string{"tenant_id"}, tableOf(t, r, "orders").Key)
	require.Equal(t, int64(4000), tableOf(t, r, "orders").Rows)
	require.Equal(t, 2, tableOf(t, r, "events").Partitions)
	require.Equal(t, int64(1000), tableOf(t, r, "events").Rows, "of its partitions")
	require.Contains(t, tableOf(t, r, "notes").Because, "user_id leads to users")
	require.False(t, r.Clean())
}

func TestEveryObstacleIsNamedWithItsRemedy(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	o := s.options()
	o.Tables = map[string]assess.As{"notes": {Kind: assess.Sharded, Key: []string{"user_id"}}}
	r := s.assess(o)
	for _, want := range []struct {
		level                          assess.Level
		check, table, sentence, remedy string
	}{
		{assess.Problem, "foreign key", "public.notes", "refers to users, and does not pair the shard keys", "references users (tenant_id, ...)"},
		{assess.Problem, "key type", "public.audit", "tenant_id is numeric", "use bigint"},
		{assess.Problem, "nullable key", "public.invoices", "NULL in 10 % of the rows", "alter column tenant_id set not null"},
		{assess.Problem, "numbers", "public.invoices", "serial column id is integer", "type bigint"},
		{assess.Problem, "unlogged", "public.carts", "a crash empties it", "alter table carts set logged"},
		{assess.Problem, "rule", "public.sessions", "it has a rule", "trigger"},
		{assess.Problem, "slot column", "public.events", "slot of type text", "rename column slot"},
		{assess.Problem, "uniqueness", "public.users", "users_email_key (email) lacks tenant_id", "make it (tenant_id, email)"},
		{assess.Warning, "uniqueness", "public.order_items", "order_items_pkey (id) lacks tenant_id", "unique by themselves"},
		{assess.Warning, "numbers", "public.orders", "serial column id", "keyway.shard_sequence('orders', 'id')"},
		{assess.Warning, "numbers", "public.users", "identity column id", "keyway.shard_sequence('users', 'id')"},
		{assess.Warning, "primary key", "public.events", "no primary key", "contains tenant_id"},
		{assess.Warning, "triggers", "public.orders", "touch", "other keys"},
		{assess.Warning, "functions", "", "function spent names orders", "db.Shard(id)"},
		{assess.Warning, "views", "", "totals, big_orders", "write their query"},
		{assess.Note, "partitions", "public.events", "partitioned by at", "name the whole"},
		{assess.Note, "row security", "public.sessions", "on each shard", "policies"},
	} {
		found := false
		for _, x := range r.Obstacles {
			found = found || x.Level == want.level && x.Check == want.check && strings.Join(x.Tables, "") == want.table &&
				strings.Contains(x.Sentence, want.sentence) && strings.Contains(x.Remedy, want.remedy)
		}
		require.True(t, found, "%+v\n%+v", want, r.Obstacles)
	}
	for i := 1; i < len(r.Obstacles); i++ {
		require.False(t, r.Obstacles[i-1].Level == assess.Note && r.Obstacles[i].Level == assess.Problem, "worst first")
	}
	for _, x := range r.Obstacles {
		require.NotContains(t, x.Sentence, "order_items_tenant_id_order_id_fkey", "a foreign key that pairs the keys is none")
	}
}

func TestStatementsAreJudgedUnderTheProposal(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	for text, want := range map[string]assess.Verdict{
		"select * from orders where tenant_id = $1":            assess.OneKey,
		"insert into users (tenant_id, email) values ($1, $2)": assess.OneKey,
		"select * from tenants where id = $1":                  assess.OneKey,
		"select * from orders where tenant_id in ($1, $2)":     assess.KeyList,
		"select * from plans":                                  assess.AnyShard,
		"select now()":                                         assess.AnyShard,
		"update jobs set done = true where id = $1":            assess.HomeShard,
		"select count(*) from orders":                          assess.Scatters,
		"select * from orders where id = $1":                   assess.Scatters,
		"update orders set state = $1 where id = $2":           assess.Refused,
		"select * from notes":                                  assess.Refused,
		"select * from big_orders":                             assess.Refused,
		"select spent($1)":                                     assess.Refused,
		"vacuum orders":                                        assess.Utility,
		"/* job 'x' */ copy orders to stdout":                  assess.Utility,
		"select relname from pg_class":                         assess.Catalogs,
		"select * from information_schema.tables":              assess.Catalogs,
		"with o as (select * from orders where tenant_id = $1) select count(*) from o":             assess.OneKey,
		"select * from orders o join users u on u.id = o.user_id where o.tenant_id = $1":           assess.Refused,
		"select state, sum(total) from orders group by state order by state collate \"C\" limit 3": assess.Scatters,
	} {
		r := s.judged(text)
		require.Len(t, r.Statements.List, 1)
		require.Equal(t, want, r.Statements.List[0].Verdict, "%s: %+v", text, r.Statements.List[0])
		require.Equal(t, "file", r.Statements.Source)
	}
	r := s.judged("update orders set state = $1 where id = $2", "select * from notes", "select * from big_orders")
	require.Equal(t, 1, r.Statements.WithKey.Statements, "the update routes with a key from its caller")
	byText := make(map[string]assess.StatementReport)
	for _, x := range r.Statements.List {
		byText[x.Text] = x
	}
	require.True(t, byText["update orders set state = $1 where id = $2"].WithKey)
	require.Contains(t, byText["select * from notes"].Detail, "notes has no kind yet")
	require.Contains(t, byText["select * from notes"].Hint, "add tenant_id to it, filled from users")
	require.Contains(t, byText["select * from big_orders"].Detail, "is a view")
}

func TestTheShareIsOfCallsAndTimeAndTheCostliestComesFirst(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	list, err := assess.ReadStatements(strings.NewReader(`[
		{"query": "select * from orders where tenant_id = $1", "calls": 90, "milliseconds": 10},
		{"query": "update orders set state = $1 where id = $2", "calls": 5, "milliseconds": 30},
		{"query": "delete from orders where id = $1", "calls": 4, "milliseconds": 50},
		{"query": "select count(*) from orders", "calls": 1, "milliseconds": 10},
		{"query": "vacuum orders", "calls": 1000, "milliseconds": 1000}, "begin"]`))
	require.NoError(t, err)
	o := s.options()
	o.Statements = list
	r := s.assess(o).Statements
	require.Equal(t, assess.Share{Statements: 4, Calls: 100, Milliseconds: 100}, r.Share)
	require.Equal(t, assess.Share{Statements: 1, Calls: 90, Milliseconds: 10}, r.Routes)
	require.Equal(t, assess.Share{Statements: 3, Calls: 10, Milliseconds: 90}, r.WithKey)
	require.Equal(t, assess.Share{Statements: 2, Calls: 1001, Milliseconds: 1000}, r.ByVerdict[assess.Utility])
	require.Equal(t, "delete from orders where id = $1", r.List[0].Text)
	require.Empty(t, r.List[4].Text, "utility texts may hold values")
}

func TestAGivenKeyIsUsed(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	s.exec("alter table jobs add twice bigint generated always as (id * 2) stored")
	o := s.options()
	o.Key = "user_id"
	o.Tables = map[string]assess.As{"public.order_items": {Kind: assess.Sharded, Key: []string{"tenant_id", "order_id"}}}
	r := s.assess(o)
	require.True(t, r.KeyGiven)
	require.Equal(t, "user_id", r.Key)
	require.Len(t, r.Candidates, 1)
	require.Equal(t, []string{"id"}, tableOf(t, r, "users").Key)
	require.Equal(t, []string{"tenant_id", "order_id"}, tableOf(t, r, "order_items").Key)

	for part, change := range map[string]func(*assess.Options){
		`no table has a column "nope"`:          func(o *assess.Options) { o.Key = "nope" },
		"created_at of public.orders cannot be": func(o *assess.Options) { o.Key = "created_at" },
		`there is no table "nope"`: func(o *assess.Options) {
			o.Tables = map[string]assess.As{"nope": {Kind: assess.Sharded, Key: []string{"id"}}}
		},
		`table public.orders has no column "nope"`: func(o *assess.Options) {
			o.Tables = map[string]assess.As{"orders": {Kind: assess.Sharded, Key: []string{"nope"}}}
		},
		"a generated column is computed only after": func(o *assess.Options) {
			o.Tables = map[string]assess.As{"jobs": {Kind: assess.Sharded, Key: []string{"twice"}}}
		},
		"equal values of numeric may differ": func(o *assess.Options) {
			o.Tables = map[string]assess.As{"audit": {Kind: assess.Sharded, Key: []string{"tenant_id"}}}
		},
	} {
		o := s.options()
		change(&o)
		_, err := assess.Run(t.Context(), o)
		var wrong *assess.OptionsError
		require.True(t, errors.As(err, &wrong), part)
		require.ErrorContains(t, err, part)
	}
}

// The proposed migration is tried on the schema it was proposed for, without the obstacles.
func TestTheMigrationOfASchemaWithoutProblemsRuns(t *testing.T) {
	c := pgtest.Shared(t)
	db, owner, _ := pgtest.Owned(t, c)
	conn := pgtest.Conn(t, c, owner, db)
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	exec(`create table tenants (id bigint generated always as identity primary key, name text);
		create table plans (code text primary key);
		create table "order" (tenant_id bigint not null references tenants, id bigserial primary key, plan text references plans);
		create table lines (tenant_id bigint not null, id uuid primary key, order_id bigint references "order");
		create table "Notes" (tenant_id bigint not null, n int, primary key (tenant_id, n));
		create table jobs (id bigint primary key); insert into jobs select generate_series(1, 10); update jobs set id = id + 100; analyze;
		update jobs set id = id + 100; update jobs set id = id + 1000;`)
	s := &site{TB: t, cluster: c, db: db, reader: owner}
	r := s.assess(s.options())
	require.Zero(t, r.Count(assess.Problem), "%+v", r.Obstacles)
	require.Equal(t, "tenant_id", r.Key)
	require.Len(t, r.Tables, 6)
	id := catalog.Identity{ClusterID: catalog.NewClusterID(), Shard: "s0", Catalog: "s0"}
	require.NoError(t, catalog.Install(t.Context(), conn, id, catalog.Roles{}))
	m, err := shard.NewMap(1, []shard.Range{{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}})
	require.NoError(t, err)
	require.NoError(t, catalog.StoreMap(t.Context(), conn, m, "s0"))
	exec(strings.Join(r.Migration, "\n"))
	registry, err := catalog.ReadRegistry(t.Context(), conn)
	require.NoError(t, err)
	for _, table := range r.Tables {
		schema, name, _ := strings.Cut(table.Table, ".")
		got, ok := registry.Table(schema, name)
		require.True(t, ok, table.Table)
		require.Equal(t, string(table.Kind), string(got.Kind), table.Table)
	}
	again := s.assess(s.options())
	require.Len(t, again.Tables, 6, "the keyway schema is not the user's")
}

func TestPgbenchIsShardedByAccount(t *testing.T) {
	s := empty(t, pgtest.Shared(t))
	s.exec(`create table pgbench_branches (bid int primary key, bbalance int, filler char(88));
		create table pgbench_tellers (tid int primary key, bid int, tbalance int, filler char(84));
		create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84));
		create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
		insert into pgbench_branches values (1, 0); insert into pgbench_tellers select n, 1, 0 from generate_series(1, 10) n;
		insert into pgbench_accounts select n, 1, 0 from generate_series(1, 20000) n;
		grant select on all tables in schema public to ` + s.reader + "; analyze")
	r := s.judged("UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2", "SELECT abalance FROM pgbench_accounts WHERE aid = $1",
		"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)")
	require.Equal(t, "aid", r.Key, "%+v", r.Candidates)
	require.Equal(t, []string{"aid"}, tableOf(t, r, "pgbench_history").Key)
	require.Equal(t, 3, r.Statements.Routes.Statements)
	for _, c := range r.Candidates {
		if c.Column == "bid" {
			require.InDelta(t, 1, *c.DistinctValues, 0.01)
			return
		}
	}
	t.Fatal("bid is among the candidates, and has one value")
}

func TestAnEmptyDatabaseHasNothingToShard(t *testing.T) {
	s := empty(t, pgtest.Shared(t))
	r := s.assess(s.options())
	require.Empty(t, r.Tables)
	require.Empty(t, r.Key)
	require.Zero(t, r.Count(assess.Problem))
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(text), ":null", "lists are lists")
}

func TestARoleWithoutRightsLearnsWhatItMay(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	s.exec("revoke select on all tables in schema public from " + s.reader)
	r := s.assess(s.options())
	require.Equal(t, "tenant_id", r.Key)
	require.Nil(t, r.Candidates[0].DistinctValues)
	require.Nil(t, r.Candidates[0].LargestShare)
	require.Contains(t, r.Statements.Note, "shared_preload_libraries")
}

func TestTheServerIsOnlyAskedInATransactionThatCannotWrite(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	s.exec("alter role " + s.reader + " set log_statement = 'all'; alter role " + s.reader + " set search_path = public, pg_catalog;" +
		"create table pg_class (oid int); create view pg_stats as select 1 as one; grant select on pg_class, pg_stats to public")
	before, err := os.ReadFile(s.cluster.LogFile())
	require.NoError(t, err)
	require.Equal(t, "tenant_id", s.assess(s.options()).Key, "what is called as the catalogs are is not read in their place")
	after, err := os.ReadFile(s.cluster.LogFile())
	require.NoError(t, err)
	var sent []string
	for line := range strings.SplitSeq(string(after[len(before):]), "\n") {
		if _, sql, ok := strings.Cut(line, "LOG:  statement: "); ok {
			sent = append(sent, sql)
		}
	}
	require.Greater(t, len(sent), 5)
	require.Equal(t, "begin isolation level repeatable read read only", sent[0])
	for _, sql := range sent[1:] {
		verb, _, _ := strings.Cut(sql, " ")
		require.Contains(t, []string{"select", "set", "with", "--"}, verb, sql)
	}
}

func TestNoRowIsReadAndNothingIsWaitedFor(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	admin := pgtest.Conn(t, s.cluster, "postgres", s.db)
	counters := func() (sum int64) {
		_, err := admin.Exec(t.Context(), "select pg_stat_clear_snapshot()")
		require.NoError(t, err)
		require.NoError(t, admin.QueryRow(t.Context(), `select sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del)
			from pg_stat_user_tables`).Scan(&sum))
		return sum
	}
	alone := s.assess(s.options()).Took
	require.Eventually(t, func() bool { // a backend counts what it did when it ends, which may be after its client's Close
		var others int
		err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and "+
			"backend_type = 'client backend' and pid <> pg_backend_pid()").Scan(&others)
		return err == nil && others == 0
	}, time.Minute, 5*time.Millisecond)
	_, err := admin.Exec(t.Context(), "select pg_stat_force_next_flush()")
	require.NoError(t, err)
	before := counters()
	locker := pgtest.Conn(t, s.cluster, "postgres", s.db)
	tx, err := locker.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "lock table orders, users, events, tenants, order_items in access exclusive mode")
	require.NoError(t, err)
	r := s.assess(s.options())
	require.Equal(t, "tenant_id", r.Key)
	require.Less(t, r.Took, alone+2*time.Second, "the lock's timeout was not waited for")
	require.Equal(t, before, counters())
}

func TestAnIndexThatComparesTheKeyOtherwiseIsAnObstacle(t *testing.T) {
	s := empty(t, pgtest.Shared(t))
	s.exec(`create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		create table loose (org_id text not null, id int, primary key (org_id, id));
		create unique index by_blanks on loose (org_id bpchar_ops, id);
		create unique index by_case on loose (org_id collate ci, id);
		create unique index by_patterns on loose (org_id text_pattern_ops, id);
		create table other (org_id text not null, n int, u uuid, primary key (org_id, n, u))`)
	o := s.options()
	o.Key = "org_id"
	var said []string
	for _, x := range s.assess(o).Obstacles {
		if x.Check == "uniqueness" {
			said = append(said, x.Sentence)
		}
	}
	require.Len(t, said, 2)
	require.Contains(t, said[0], "by_blanks (id) lacks org_id")
	require.Contains(t, said[1], "by_case (id) lacks org_id")
}

func TestTablesAreWhatTheOptionsSay(t *testing.T) {
	s := shop(t, pgtest.Shared(t))
	o := s.options()
	o.Tables = map[string]assess.As{
		"users": {Kind: assess.Reference}, "public.plans": {Kind: assess.Home}, "notes": {Kind: assess.Home},
		"order_items": {Kind: assess.Sharded, Key: []string{"tenant_id", "order_id"}},
	}
	var err error
	o.Statements, err = assess.ReadStatements(strings.NewReader(`["select * from users where id = $1", "select * from notes", "select * from plans"]`))
	require.NoError(t, err)
	r := s.assess(o)
	for name, want := range map[string]assess.Kind{"users": assess.Reference, "plans": assess.Home, "notes": assess.Home, "orders": assess.Sharded} {
		require.Equal(t, want, tableOf(t, r, name).Kind, name)
	}
	require.Equal(t, "as you asked", tableOf(t, r, "users").Because)
	require.Empty(t, tableOf(t, r, "users").Key)
	verdicts := make(map[string]assess.Verdict)
	for _, x := range r.Statements.List {
		verdicts[x.Text] = x.Verdict
	}
	require.Equal(t, map[string]assess.Verdict{
		"select * from users where id = $1": assess.AnyShard, "select * from notes": assess.HomeShard, "select * from plans": assess.HomeShard,
	}, verdicts)
	require.Contains(t, r.Migration, "select keyway.reference_table('users');")
	require.Contains(t, r.Migration, "select keyway.home_table('notes', 's0');")
	for _, x := range r.Obstacles {
		require.False(t, x.Check == "key type" && x.Tables[0] == "public.users", "what was asked for has no key that could be wrong: %+v", x)
	}

	for part, as := range map[string]map[string]assess.As{
		"public.users and users are one table":      {"users": {Kind: assess.Home}, "public.users": {Kind: assess.Reference}},
		"is to be sharded; say by which column":     {"users": {Kind: assess.Sharded}},
		"reference table, which has no key":         {"users": {Kind: assess.Reference, Key: []string{"id"}}},
		"column tenant_id of public.users is named": {"users": {Kind: assess.Sharded, Key: []string{"tenant_id", "tenant_id"}}},
		"public.big_orders is a view":               {"big_orders": {Kind: assess.Home}},
		`is to be "undecided"`:                      {"users": {Kind: assess.Undecided}},
	} {
		o := s.options()
		o.Tables = as
		_, err := assess.Run(t.Context(), o)
		var wrong *assess.OptionsError
		require.True(t, errors.As(err, &wrong), part)
		require.ErrorContains(t, err, part)
	}
}

// TestWhatIsSaidFitsTheTable: of keys that are made in the database, of tables that name two keys, of partitions, and of
// lists that pg_stat_statements of PostgreSQL 18 shortens.
func TestWhatIsSaidFitsTheTable(t *testing.T) {
	s := empty(t, pgtest.Shared(t))
	s.exec(`create table accounts (id bigint generated always as identity primary key, slug text unique, parent_id bigint references accounts);
		create table orders (account_id bigint not null references accounts, id bigint not null, primary key (account_id, id));
		create table notes (account_id bigint not null references accounts, id bigint not null, primary key (account_id, id));
		create table transfers (id bigint primary key, source bigint not null references accounts, target bigint not null references accounts);
		create table old_notes (account_id varchar(10) not null, n int);
		create table camel ("accountId" bigint not null, id bigint primary key); create table accounting (id int primary key, accounts_no text);
		create table events (account_id bigint not null references accounts, n int not null, primary key (account_id, n)) partition by range (n);
		create table events_1 partition of events for values from (0) to (10);
		insert into orders select generate_series(1, 2), 1 where false; analyze`)
	o := s.options()
	o.Key = "account_id"
	var err error
	o.Statements, err = assess.ReadStatements(strings.NewReader(`["insert into accounts (slug) values ($1) returning id", "select * from events_1 where account_id = $1",
		"select * from orders where id in ($1 /*, ... */)", "insert into orders (id) values ($1)"]`))
	require.NoError(t, err)
	r := s.assess(o)
	for _, want := range []struct{ table, check, sentence, remedy string }{
		{"transfers", "undecided", "source or target could be its key", "--table transfers=source"},
		{"camel", "undecided", "accountId may be the key by another name", "--table camel=accountId"},
		{"old_notes", "key type", "character varying(10)", "type bigint using account_id::bigint"},
		{"accounts", "foreign key", "whose row has a key of its own", "drop it"},
		{"accounts", "uniqueness", "accounts_slug_key", "let a home table have it (slug with id)"},
		{"accounts", "numbers", "identity column id is the key", "make it in the program"},
	} {
		require.True(t, slices.ContainsFunc(r.Obstacles, func(x assess.Obstacle) bool {
			return x.Check == want.check && strings.Join(x.Tables, "") == "public."+want.table && strings.Contains(x.Sentence, want.sentence) &&
				strings.Contains(x.Remedy, want.remedy)
		}), "%+v\n%+v", want, r.Obstacles)
	}
	said := make(map[string]assess.StatementReport)
	for _, x := range r.Statements.List {
		said[x.Text] = x
	}
	require.Equal(t, assess.Reference, tableOf(t, r, "accounting").Kind)
	made := said["insert into accounts (slug) values ($1) returning id"]
	require.Contains(t, made.Hint, "make id in the program")
	require.False(t, made.WithKey, "nobody knows the key before")
	require.True(t, said["insert into orders (id) values ($1)"].WithKey)
	require.Contains(t, said["select * from events_1 where account_id = $1"].Detail, "is a partition")
	require.Contains(t, said["select * from events_1 where account_id = $1"].Hint, "name events")
	require.Contains(t, said, "select * from orders where id in ($1, ... )", "that there were more is said")
}

package differential

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// bankSchema is pgbench's (TPC-B), once by branch, where all that a transaction touches is on one shard, and once by account,
// where branches and tellers are the same everywhere. A primary key holds the shard key.
const bankSchema = `
create table pgbench_branches (bid int primary key, bbalance int, filler char(88));
create table pgbench_tellers (tid int not null, bid int not null, tbalance int, filler char(84), primary key (bid, tid));
create table pgbench_accounts (aid int not null, bid int not null, abalance int, filler char(84), primary key (bid, aid));
create table pgbench_history (tid int, bid int not null, aid int, delta int, mtime timestamp, filler char(22));
create table a_branches (bid int primary key, bbalance int);
create table a_accounts (aid int primary key, bid int, abalance int, filler char(84));
create table a_history (tid int, bid int, aid int not null, delta int, mtime timestamp);
insert into a_branches select b, 0 from generate_series(1, 12) b;
`

const bankRegister = `
select keyway.shard_table(t, 'bid') from unnest(array['pgbench_branches', 'pgbench_tellers', 'pgbench_accounts', 'pgbench_history']::regclass[]) t;
select keyway.shard_table('a_accounts', 'aid'), keyway.shard_table('a_history', 'aid'), keyway.reference_table('a_branches');
`

const (
	bankBranches = 12
	bankTellers  = 3  // of each branch
	bankAccounts = 20 // of each branch
)

// transaction is pgbench's tpcb-like script, with its own texts: they name no branch where it has none of them.
func transaction(r *rand.Rand, n int) (bid int, script []question) {
	bid = 1 + r.IntN(bankBranches)
	tid, aid, delta := (bid-1)*bankTellers+1+r.IntN(bankTellers), (bid-1)*bankAccounts+1+r.IntN(bankAccounts), r.IntN(10001)-5000
	return bid, []question{
		{sql: "UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2", args: []any{delta, aid}},
		{sql: "SELECT abalance FROM pgbench_accounts WHERE aid = $1", args: []any{aid}},
		{sql: "UPDATE pgbench_tellers SET tbalance = tbalance + $1 WHERE tid = $2", args: []any{delta, tid}},
		{sql: "UPDATE pgbench_branches SET bbalance = bbalance + $1 WHERE bid = $2", args: []any{delta, bid}},
		{sql: "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, timestamp '2026-01-01' + $5 * interval '1 hour')",
			args: []any{tid, bid, aid, delta, n}},
		{sql: "update a_accounts set abalance = abalance + $1 where aid = $2 returning bid, abalance", args: []any{delta, aid}},
		{sql: "insert into a_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, timestamp '2026-01-01' + $5 * interval '1 hour')",
			args: []any{tid, bid, aid, delta, n}},
	}
}

// TestDifferentialPgbench runs pgbench's transactions on the handle of their branch, its statements as they are written,
// and then asks what banks ask.
func TestDifferentialPgbench(t *testing.T) {
	o := newOracle(t, bankSchema, bankRegister)
	o.foreign = true
	fill := func(table string, columns []string, n int, row func(i int) []any) {
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = row(i + 1)
		}
		o.load(t, table, columns, rows)
	}
	fill("pgbench_branches", []string{"bid", "bbalance"}, bankBranches, func(i int) []any { return []any{i, 0} })
	fill("pgbench_tellers", []string{"tid", "bid", "tbalance"}, bankBranches*bankTellers, func(i int) []any { return []any{i, (i-1)/bankTellers + 1, 0} })
	for _, table := range []string{"pgbench_accounts", "a_accounts"} {
		fill(table, []string{"aid", "bid", "abalance", "filler"}, bankBranches*bankAccounts, func(i int) []any { return []any{i, (i-1)/bankAccounts + 1, 0, ""} })
	}
	r := rand.New(rand.NewPCG(1, 6))
	for n := range 60 {
		bid, script := transaction(r, n)
		db := o.set.DB.ForKey(shard.Int64(int64(bid)))
		for i, q := range script {
			var to querier = db
			if i >= 5 { // by account
				to = o.set.DB
			}
			s := statement{sql: q.sql, args: q.args}
			got, err := run(t.Context(), to, s)
			require.NoError(t, err, q.sql)
			want, err := run(t.Context(), o.one, s)
			require.NoError(t, err, q.sql)
			require.Equal(t, want, got, q.sql)
		}
	}
	o.ask(t, o.set.DB.Scatter(), bankQuestions)
	for _, table := range []string{"pgbench_accounts", "pgbench_tellers", "pgbench_branches", "a_accounts"} {
		o.compare(t, o.set.DB.Scatter(), table, fmt.Sprintf("select count(*), count(distinct t.bid) from %s t", table), nil, true)
	}
	_, err := o.set.DB.Exec(t.Context(), "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1")
	require.ErrorContains(t, err, "bid", "pgbench's own text names no branch")
	var refused *router.RefusedError
	require.ErrorAs(t, err, &refused)
}

var bankQuestions = []question{
	{name: "pgbench -S, by an account of any branch", sql: "SELECT abalance FROM pgbench_accounts WHERE aid = 27"},
	{name: "one account of one branch", sql: "SELECT abalance FROM pgbench_accounts WHERE aid = $1 and bid = $2", args: []any{27, 2}},
	{name: "one account, by account", sql: "select abalance, bid from a_accounts where aid = $1", args: []any{27}},
	{name: "accounts of a list, by account", sql: "select aid, abalance from a_accounts where aid = any($1)", args: []any{[]int32{1, 27, 99, 1000, 27}}},
	{name: "what must be equal", sql: "select sum(abalance), count(*) from pgbench_accounts"},
	{name: "and this", sql: "select sum(tbalance) from pgbench_tellers"},
	{name: "and that", sql: "select sum(bbalance) from pgbench_branches"},
	{name: "of all deltas", sql: "select sum(delta), count(*), min(mtime), max(mtime), avg(delta), stddev(delta) from pgbench_history"},
	{name: "branches whose books do not balance", sql: `select b.bid, b.bbalance, sum(a.abalance) from pgbench_branches b join pgbench_accounts a on a.bid = b.bid
		group by b.bid, b.bbalance having b.bbalance <> sum(a.abalance)`},
	{name: "branches' books", ordered: true, sql: `select b.bid, b.bbalance, (select sum(a.abalance) from pgbench_accounts a where a.bid = b.bid) as accounts,
		(select sum(t.tbalance) from pgbench_tellers t where t.bid = b.bid) as tellers, coalesce((select sum(h.delta) from pgbench_history h where h.bid = b.bid), 0) as history
		from pgbench_branches b order by b.bid`},
	{name: "books of accounts against their history", sql: `select a.bid, a.aid from pgbench_accounts a left join pgbench_history h on h.bid = a.bid and h.aid = a.aid
		group by a.bid, a.aid, a.abalance having a.abalance is distinct from coalesce(sum(h.delta), 0)`},
	{name: "richest accounts", ordered: true, sql: "select aid, abalance from pgbench_accounts order by abalance desc, aid limit 10"},
	{name: "poorest with ties", sql: "select abalance from pgbench_accounts order by abalance fetch first 3 rows with ties"},
	{name: "tellers by work", ordered: true, sql: `select t.tid, count(h.tid), coalesce(sum(abs(h.delta)), 0) as volume from pgbench_tellers t
		left join pgbench_history h on h.bid = t.bid and h.tid = t.tid group by t.bid, t.tid order by volume desc, t.tid`},
	{name: "days", ordered: true, sql: "select date(mtime), count(*), sum(delta), count(distinct aid) from pgbench_history group by date(mtime) order by date"},
	{name: "days' running balance", ordered: true, sql: "select mtime::date as day, sum(delta), sum(sum(delta)) over (order by mtime::date) from pgbench_history group by mtime::date order by day"},
	{name: "running balance of a branch", sql: "select bid, mtime, delta, sum(delta) over (partition by bid order by mtime) from pgbench_history"},
	{name: "last transaction of each branch", ordered: true, sql: "select distinct on (bid) bid, aid, delta, mtime from pgbench_history order by bid, mtime desc"},
	{name: "balances in classes", ordered: true, sql: "select width_bucket(abalance, -5000, 5000, 4) as class, count(*), min(abalance), max(abalance) from pgbench_accounts group by class order by class"},
	{name: "accounts without history", sql: "select count(*) from pgbench_accounts a where not exists (select from pgbench_history h where h.bid = a.bid and h.aid = a.aid)"},
	{name: "by the account alone", refused: "not co-located", says: "h.bid = a.bid", sql: "select count(*) from pgbench_accounts a join pgbench_history h on h.aid = a.aid",
		instead: "select count(*) from pgbench_accounts a join pgbench_history h on h.aid = a.aid and h.bid = a.bid"},
	{name: "by account: branches of all accounts", ordered: true, sql: `select b.bid, sum(a.abalance), count(*) from a_branches b join a_accounts a on a.bid = b.bid
		group by b.bid order by b.bid`},
	{name: "by account: history with its account", sql: "select a.bid, count(*), sum(h.delta) from a_accounts a join a_history h using (aid) group by a.bid"},
	{name: "by account: books", sql: "select aid from a_accounts a left join a_history h using (aid) group by aid, abalance having abalance <> coalesce(sum(delta), 0)"},
	{name: "median", sql: "select percentile_disc(0.5) within group (order by abalance), mode() within group (order by delta) from pgbench_accounts a join pgbench_history h using (bid, aid)"},
}

package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// tradeSchema is that of TPC-H, with the customer in orders and lineitem: what belongs to one customer is on one shard,
// and what all customers share is a reference table.
const tradeSchema = `
create table region (r_regionkey int primary key, r_name text not null);
create table nation (n_nationkey int primary key, n_name text not null, n_regionkey int not null);
create table part (p_partkey bigint primary key, p_name text not null, p_mfgr text, p_brand text not null, p_type text not null, p_size int not null,
	p_container text, p_retailprice numeric(15,2));
create table supplier (s_suppkey bigint primary key, s_name text not null, s_address text, s_nationkey int not null, s_phone text,
	s_acctbal numeric(15,2), s_comment text);
create table partsupp (ps_partkey bigint, ps_suppkey bigint, ps_availqty int not null, ps_supplycost numeric(15,2) not null, primary key (ps_partkey, ps_suppkey));
create table customer (c_custkey bigint primary key, c_name text not null, c_address text, c_nationkey int not null, c_phone char(15) not null,
	c_acctbal numeric(15,2), c_mktsegment char(10), c_comment text);
create table orders (o_custkey bigint not null, o_orderkey bigint not null, o_orderstatus char(1) not null, o_totalprice numeric(15,2) not null,
	o_orderdate date not null, o_orderpriority char(15), o_clerk text, o_shippriority int, o_comment text, primary key (o_custkey, o_orderkey));
create table lineitem (l_custkey bigint not null, l_orderkey bigint not null, l_linenumber int not null, l_partkey bigint not null, l_suppkey bigint not null,
	l_quantity numeric(15,2) not null, l_extendedprice numeric(15,2) not null, l_discount numeric(15,2) not null, l_tax numeric(15,2) not null,
	l_returnflag char(1), l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date,
	l_shipinstruct text, l_shipmode char(10), primary key (l_custkey, l_orderkey, l_linenumber));
`

const tradeRegister = `
select keyway.reference_table('region'), keyway.reference_table('nation'), keyway.reference_table('part'), keyway.reference_table('supplier'),
	keyway.reference_table('partsupp');
select keyway.shard_table('customer', 'c_custkey'); select keyway.shard_table('orders', 'o_custkey'); select keyway.shard_table('lineitem', 'l_custkey');
`

const (
	tradeParts     = 40
	tradeSuppliers = 15
	tradeCustomers = 120
)

// trade makes the rows.
type trade struct{ r *rand.Rand }

func (g trade) pick(of ...string) string { return of[g.r.IntN(len(of))] }

func (g trade) money(most int) string { return fmt.Sprintf("%d.%02d", g.r.IntN(most), g.r.IntN(100)) }

// maybe is the value, or NULL one time in ten.
func (g trade) maybe(v any) any {
	if g.r.IntN(10) == 0 {
		return nil
	}
	return v
}

func (g trade) day(from time.Time, days int) time.Time { return from.AddDate(0, 0, g.r.IntN(days)) }

// shared are the reference tables' rows, as SQL.
func (g trade) shared() string {
	var b strings.Builder
	for i, region := range []string{"AFRICA", "AMERICA", "ASIA", "EUROPE"} {
		fmt.Fprintf(&b, "insert into region values (%d, '%s');", i, region)
		for j := range 3 {
			fmt.Fprintf(&b, "insert into nation values (%d, 'NATION %d', %d);", 3*i+j, 3*i+j, i)
		}
	}
	for i := range tradeParts {
		fmt.Fprintf(&b, "insert into part values (%d, '%s part %d', 'Maker %d', 'Brand %d', '%s %s', %d, '%s', %s);", i, g.pick("green", "forest", "plain"), i,
			i%3, i%5, g.pick("PROMO", "ECONOMY", "MEDIUM"), g.pick("BRASS", "STEEL"), 1+g.r.IntN(8), g.pick("SM BOX", "MED BAG", "LG CASE"), g.money(900))
		for _, s := range g.r.Perm(tradeSuppliers)[:4] {
			fmt.Fprintf(&b, "insert into partsupp values (%d, %d, %d, %s);", i, s, 1+g.r.IntN(60), g.money(400))
		}
	}
	for i := range tradeSuppliers {
		fmt.Fprintf(&b, "insert into supplier values (%d, 'Supplier %d', null, %d, '%d-555', %s, '%s');", i, i, g.r.IntN(12), 10+g.r.IntN(5), g.money(9000),
			g.pick("fine", "fine", "fine", "Customer Complaints"))
	}
	return b.String()
}

func number(text string) pgtype.Numeric {
	var n pgtype.Numeric
	if err := n.Scan(text); err != nil {
		panic(err)
	}
	return n
}

// load makes the customers, few of them with many orders and some with none.
func (g trade) load(t *testing.T, o *oracle) {
	var customers, orders, lines [][]any
	begin, turn := time.Date(1994, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1995, 6, 17, 0, 0, 0, 0, time.UTC)
	for c := range int64(tradeCustomers) {
		customers = append(customers, []any{c, fmt.Sprintf("Customer %d", c), "somewhere", g.r.IntN(12), fmt.Sprintf("%d-%03d", 10+g.r.IntN(6), g.r.IntN(1000)),
			g.maybe(number(g.pick("-", "", "") + g.money(5000))), g.maybe(g.pick("BUILDING", "MACHINERY", "HOUSEHOLD")), g.maybe("word")})
		for n := range []int{0, 0, 3, 8, 20}[g.r.IntN(5)] {
			key, ordered := c*100+int64(n), g.day(begin, 900)
			status := g.pick("F", "O", "P")
			for line := range 1 + g.r.IntN(6) {
				ship := g.day(ordered, 120)
				receipt := g.maybe(g.day(ship, 30))
				returned := any("N")
				if ship.Before(turn) {
					returned = g.maybe(g.pick("R", "A"))
				}
				part := g.r.IntN(tradeParts)
				lines = append(lines, []any{c, key, line, part, g.r.IntN(tradeSuppliers), number(fmt.Sprint(1 + g.r.IntN(50))), number(g.money(60000)),
					number(fmt.Sprintf("0.%02d", g.r.IntN(11))), number(fmt.Sprintf("0.%02d", g.r.IntN(9))), returned, g.pick("O", "F"), ship,
					g.day(ordered, 120), receipt, g.pick("DELIVER IN PERSON", "NONE"), g.maybe(g.pick("AIR", "MAIL", "SHIP", "RAIL"))})
			}
			orders = append(orders, []any{c, key, status, number(g.money(300000)), ordered, g.maybe(g.pick("1-URGENT", "2-HIGH", "5-LOW")),
				fmt.Sprintf("Clerk %d", g.r.IntN(9)), 0, g.maybe(g.pick("plain", "special requests", "quick"))})
		}
	}
	o.load(t, "customer", []string{"c_custkey", "c_name", "c_address", "c_nationkey", "c_phone", "c_acctbal", "c_mktsegment", "c_comment"}, customers)
	o.load(t, "orders", []string{"o_custkey", "o_orderkey", "o_orderstatus", "o_totalprice", "o_orderdate", "o_orderpriority", "o_clerk", "o_shippriority",
		"o_comment"}, orders)
	o.load(t, "lineitem", []string{"l_custkey", "l_orderkey", "l_linenumber", "l_partkey", "l_suppkey", "l_quantity", "l_extendedprice", "l_discount", "l_tax",
		"l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate", "l_shipinstruct", "l_shipmode"}, lines)
	t.Logf("%d customers, %d orders, %d lines", len(customers), len(orders), len(lines))
}

// TestTradeIsAnsweredAsByOnePostgres asks what TPC-H asks, in this schema and with joins by the key.
func TestTradeIsAnsweredAsByOnePostgres(t *testing.T) {
	seed := setting(t, "KEYWAY_SEED", time.Now().UnixNano())
	t.Logf("KEYWAY_SEED=%d", seed)
	g := trade{rand.New(rand.NewPCG(uint64(seed), 3))}
	o := newOracle(t, tradeSchema+g.shared(), tradeRegister)
	g.load(t, o)
	o.ask(t, o.set.DB.Scatter(), tradeQuestions)
	busiest := int64(0)
	require.NoError(t, o.one.QueryRow(t.Context(), "select l_custkey from lineitem group by 1 order by count(*) desc, 1 limit 1").Scan(&busiest))
	for _, q := range tradeOfOne {
		o.compare(t, o.set.DB, q, q, []any{busiest}, true)
	}
	for _, q := range tradeOfHandle {
		unkeyed := strings.ReplaceAll(q, "$key", "true")
		columns, got, err := raw(t.Context(), o.set.DB.ForKey(shard.Int64(busiest)), unkeyed, nil, true)
		require.NoError(t, err, unkeyed)
		keyed := strings.ReplaceAll(q, "$key", fmt.Sprintf("l_custkey = %d and o_custkey = %[1]d", busiest))
		wantColumns, want, err := raw(t.Context(), o.one, keyed, nil, true)
		require.NoError(t, err, keyed)
		require.NotEmpty(t, want)
		require.Equal(t, wantColumns, columns)
		require.Equal(t, want, got, unkeyed)
	}
}

// tradeOfOne are questions of one customer, on db.
var tradeOfOne = []string{
	"select o_orderkey, o_orderdate, sum(l_extendedprice * (1 - l_discount)) as revenue from orders join lineitem on l_custkey = o_custkey and l_orderkey = o_orderkey where o_custkey = $1 group by 1, 2 order by revenue desc, 1 limit 10",
	"select c_name, n_name, count(o_orderkey) from customer join nation on n_nationkey = c_nationkey left join orders on o_custkey = c_custkey where c_custkey = $1 group by 1, 2 order by 1",
	"select p_brand, sum(l_quantity), avg(l_quantity) from lineitem join part on p_partkey = l_partkey where l_custkey = $1 group by 1 order by 1",
	"select o_orderkey from orders where o_custkey = $1 and (o_custkey, o_orderkey) in (select l_custkey, l_orderkey from lineitem where l_quantity > 10) order by 1",
	"select l_partkey, l_quantity from lineitem l where l_custkey = $1 and l_quantity > (select avg(l_quantity) from lineitem x where x.l_custkey = l.l_custkey) order by l_orderkey, l_linenumber",
}

// tradeOfHandle are questions of one customer whose text has no key, on its handle.
var tradeOfHandle = []string{
	"select o_orderpriority, count(*), max(l_shipdate) from orders join lineitem on l_orderkey = o_orderkey where $key group by 1 order by 1",
	"select o_orderkey, l_linenumber, rank() over (partition by o_orderkey order by l_extendedprice desc, l_linenumber) from orders join lineitem on l_orderkey = o_orderkey where $key order by 1, 2",
}

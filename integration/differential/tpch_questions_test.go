package differential

// tradeQuestions are TPC-H's twenty-two, by its numbers. Some are refused as one server is asked them.
var tradeQuestions = []question{
	{name: "1 pricing by status", ordered: true, sql: `
		select l_returnflag, l_linestatus, sum(l_quantity) as quantity, sum(l_extendedprice) as base, sum(l_extendedprice * (1 - l_discount)) as discounted,
			sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as charge, avg(l_quantity), avg(l_extendedprice) as price, avg(l_discount) as discount, count(*)
		from lineitem where l_shipdate <= date '1996-06-01' - interval '60 days' group by l_returnflag, l_linestatus order by 1, 2`},
	{name: "2 cheapest supplier of a part", ordered: true, sql: `
		select s_acctbal, s_name, n_name, p_partkey, p_mfgr from part, supplier, partsupp, nation, region
		where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_type like '%BRASS' and s_nationkey = n_nationkey and n_regionkey = r_regionkey
			and ps_supplycost = (select min(x.ps_supplycost) from partsupp x where x.ps_partkey = p_partkey)
		order by s_acctbal desc, n_name, s_name, p_partkey limit 100`},
	{name: "3 unshipped orders of most revenue", args: []any{"BUILDING"}, ordered: true, sql: `
		select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
		from customer join orders on o_custkey = c_custkey join lineitem on l_custkey = o_custkey and l_orderkey = o_orderkey
		where c_mktsegment = $1 and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
		group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate, l_orderkey limit 10`},
	{name: "3 joined by the order alone", ordered: true, refused: "not co-located", says: "lineitem.l_custkey = orders.o_custkey", sql: `
		select l_orderkey, sum(l_extendedprice) from orders join lineitem on l_orderkey = o_orderkey group by l_orderkey order by 2 desc, 1 limit 10`,
		instead: `select l_orderkey, sum(l_extendedprice) from orders join lineitem on l_orderkey = o_orderkey and lineitem.l_custkey = orders.o_custkey
			group by l_orderkey order by 2 desc, 1 limit 10`},
	{name: "4 late orders by priority", ordered: true, sql: `
		select o_orderpriority, count(*) as orders from orders where o_orderdate >= date '1995-01-01' and o_orderdate < date '1995-01-01' + interval '9 months'
			and exists (select from lineitem where l_custkey = o_custkey and l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
		group by o_orderpriority order by o_orderpriority`},
	{name: "5 revenue of local suppliers", ordered: true, sql: `
		select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, supplier, nation, region
		where c_custkey = o_custkey and l_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey
			and s_nationkey = n_nationkey and n_regionkey = r_regionkey group by n_name order by revenue desc, n_name`},
	{name: "6 what discounts cost", sql: `
		select sum(l_extendedprice * l_discount) as revenue from lineitem
		where l_shipdate >= '1995-01-01' and l_shipdate < '1996-01-01' and l_discount between 0.05 - 0.01 and 0.05 + 0.01 and l_quantity < 24`},
	{name: "7 trade between two regions", ordered: true, sql: `
		select supplier_nation, customer_nation, year, sum(volume) as revenue
		from (select n1.n_name as supplier_nation, n2.n_name as customer_nation, extract(year from l_shipdate) as year,
				l_extendedprice * (1 - l_discount) as volume
			from supplier, lineitem, orders, customer, nation n1, nation n2
			where s_suppkey = l_suppkey and o_orderkey = l_orderkey and o_custkey = l_custkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey
				and c_nationkey = n2.n_nationkey and n1.n_regionkey <> n2.n_regionkey) as shipping
		group by supplier_nation, customer_nation, year order by supplier_nation, customer_nation, year`},
	{name: "8 a nation's share of the market", ordered: true, sql: `
		select year, sum(case when nation = 'NATION 3' then volume else 0 end) / sum(volume) as share
		from (select extract(year from o_orderdate) as year, l_extendedprice * (1 - l_discount) as volume, n_name as nation
			from part, supplier, lineitem, orders, nation where p_partkey = l_partkey and s_suppkey = l_suppkey and o_custkey = l_custkey
				and l_orderkey = o_orderkey and s_nationkey = n_nationkey and p_type like 'ECONOMY%') as every
		group by year order by year`},
	{name: "9 profit by nation and year", ordered: true, sql: `
		select nation, year, sum(amount) as profit
		from (select n_name as nation, extract(year from o_orderdate) as year, l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount
			from part join partsupp on ps_partkey = p_partkey join lineitem on l_partkey = p_partkey and l_suppkey = ps_suppkey
				join orders on o_custkey = l_custkey and o_orderkey = l_orderkey join supplier on s_suppkey = l_suppkey
				join nation on n_nationkey = s_nationkey where p_name like '%green%' or p_name like '%plain%') as profit
		group by nation, year order by nation, year desc`},
	{name: "10 customers who sent goods back", ordered: true, sql: `
		select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name, c_address, c_phone, c_comment
		from customer, orders, lineitem, nation where c_custkey = o_custkey and l_custkey = c_custkey and l_orderkey = o_orderkey and l_returnflag = 'R'
			and c_nationkey = n_nationkey group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment
		order by revenue desc, c_custkey limit 20`},
	{name: "11 most valuable stock", ordered: true, sql: `
		select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier where ps_suppkey = s_suppkey
		group by ps_partkey having sum(ps_supplycost * ps_availqty) > (select sum(ps_supplycost * ps_availqty) * 0.01 from partsupp) order by value desc, 1`},
	{name: "12 late by way of shipping", ordered: true, sql: `
		select l_shipmode, sum(case when o_orderpriority in ('1-URGENT', '2-HIGH') then 1 else 0 end) as high,
			sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low
		from orders, lineitem where o_custkey = l_custkey and o_orderkey = l_orderkey and l_commitdate < l_receiptdate and l_shipdate < l_commitdate
		group by l_shipmode order by 1`},
	{name: "13 customers by number of orders", ordered: true, sql: `
		select orders, count(*) as customers
		from (select c_custkey, count(o_orderkey) as orders from customer left join orders on o_custkey = c_custkey and o_comment not like '%special%requests%'
			group by c_custkey) as per_customer
		group by orders order by customers desc, orders desc`},
	{name: "14 effect of promotions", sql: `
		select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as promo
		from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '1995-03-01'`},
	{name: "15 supplier of most revenue", ordered: true, sql: `
		with revenue as (select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total from lineitem group by l_suppkey)
		select s_suppkey, s_name, total from supplier, revenue where s_suppkey = supplier_no and total = (select max(total) from revenue) order by 1`},
	{name: "16 suppliers by kind of part", ordered: true, sql: `
		select p_brand, p_type, p_size, count(distinct ps_suppkey) as suppliers from partsupp, part where p_partkey = ps_partkey and p_brand <> 'Brand 3'
			and p_type not like 'MEDIUM%' and ps_suppkey not in (select s_suppkey from supplier where s_comment like '%Customer%Complaints%')
		group by p_brand, p_type, p_size order by suppliers desc, p_brand, p_type, p_size`},
	{name: "17 revenue of small orders", refused: "not co-located", says: "as a statement of its own", sql: `
		select sum(l_extendedprice) / 7.0 as yearly from lineitem l, part where p_partkey = l_partkey and p_brand = 'Brand 2'
			and l_quantity < (select 0.4 * avg(x.l_quantity) from lineitem x where x.l_partkey = p_partkey)`,
		instead: `select l_partkey, 0.4 * avg(l_quantity) from lineitem, part where p_partkey = l_partkey and p_brand = 'Brand 2' group by l_partkey`},
	{name: "18 customers with large orders", ordered: true, sql: `
		select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) from customer, orders, lineitem
		where (o_custkey, o_orderkey) in (select l_custkey, l_orderkey from lineitem group by l_custkey, l_orderkey having sum(l_quantity) > 120)
			and c_custkey = o_custkey and l_custkey = o_custkey and o_orderkey = l_orderkey
		group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice order by o_totalprice desc, o_orderdate, o_orderkey limit 100`},
	{name: "19 revenue by kinds of part", sql: `
		select sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem, part
		where p_partkey = l_partkey and p_brand = 'Brand 1' and p_container = 'SM BOX' and l_quantity between 1 and 11 and p_size between 1 and 5
			or p_partkey = l_partkey and p_brand = 'Brand 2' and p_container in ('MED BAG', 'LG CASE') and l_quantity between 10 and 40`},
	{name: "20 suppliers with too much of a part", ordered: true, refused: "not divided", says: "outer query", sql: `
		select s_name from supplier where s_suppkey in (select ps_suppkey from partsupp where ps_availqty > (select 0.5 * sum(l_quantity) from lineitem
			where l_partkey = ps_partkey and l_suppkey = ps_suppkey)) order by s_name`,
		instead: `select distinct s_name from supplier join partsupp on ps_suppkey = s_suppkey join lineitem on l_partkey = ps_partkey and l_suppkey = ps_suppkey
			group by s_name, ps_partkey, ps_suppkey, ps_availqty having ps_availqty > 0.5 * sum(l_quantity) order by s_name`},
	{name: "21 suppliers who kept orders waiting", ordered: true, sql: `
		select s_name, count(*) as waiting from supplier, lineitem l1, orders, nation
		where s_suppkey = l1.l_suppkey and o_custkey = l1.l_custkey and o_orderkey = l1.l_orderkey and l1.l_receiptdate > l1.l_commitdate and s_nationkey = n_nationkey
			and exists (select from lineitem l2 where l2.l_custkey = l1.l_custkey and l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
			and not exists (select from lineitem l3 where l3.l_custkey = l1.l_custkey and l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
				and l3.l_receiptdate > l3.l_commitdate)
		group by s_name order by waiting desc, s_name limit 100`},
	{name: "22 customers with money and no orders", ordered: true, refused: "not co-located", says: "as a statement of its own", sql: `
		select substring(c_phone from 1 for 2) as code, count(*), sum(c_acctbal) from customer where c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0)
			and not exists (select from orders where o_custkey = c_custkey) group by code order by code`,
		instead: `select substring(c_phone from 1 for 2) as code, count(*), sum(c_acctbal) from customer where c_acctbal > 1200.50
			and not exists (select from orders where o_custkey = c_custkey) group by code order by code`},
}

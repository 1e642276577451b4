# What PostgreSQL does by itself: types that it finds, names that it binds, rows that it takes apart; see TestDifferentialCorners.
# a key beside another type
select o.tenant_id, o.id from orders o where o.tenant_id = 2.0
select o.tenant_id, o.id from orders o where o.tenant_id = 2::float8
select o.tenant_id, o.id from orders o where o.tenant_id = '2'::numeric
select o.tenant_id, o.id from orders o where o.tenant_id = 2::oid
select o.tenant_id, o.id from orders o where o.tenant_id = 2::int2
select o.tenant_id, o.id from orders o where o.tenant_id = 2::real and o.id = 1.0
select o.tenant_id, o.id from orders o where o.tenant_id in (2, 2.5)
select o.tenant_id, o.id from orders o where o.tenant_id in (2, 3::float8)
select o.tenant_id, o.id from orders o where o.tenant_id in (2, null)
select o.tenant_id, o.id from orders o where o.tenant_id not in (2, null)
select o.tenant_id, o.id from orders o where o.tenant_id in ('2', 3)
select o.tenant_id, o.id from orders o where o.tenant_id in (2, o.id)
select o.tenant_id, o.id from orders o where o.tenant_id in ($1, o.id) -- 2
select o.tenant_id, o.id from orders o where o.tenant_id = all (array[2])
select o.tenant_id, o.id from orders o where o.tenant_id = all ('{}'::int[])
select o.tenant_id, o.id from orders o where o.tenant_id <> all (array[2, null])
select o.tenant_id, o.id from orders o where o.tenant_id = some (array[2, 3])
select o.tenant_id, o.id from orders o where o.tenant_id = any (array[2, 2.5])
select o.tenant_id, o.id from orders o where o.tenant_id = any ('{2,3}')
select o.tenant_id, o.id from orders o where o.tenant_id = any ((select array[2, 3])::bigint[])
select o.tenant_id, o.id from orders o where o.tenant_id between 2 and 2
select o.tenant_id, o.id from orders o where o.tenant_id between symmetric 3 and 2
select o.tenant_id, o.id from orders o where o.tenant_id between symmetric $1 and $2 -- 5 ;; 1
select o.tenant_id, o.id from orders o where (o.tenant_id = 2) is true
select o.tenant_id, o.id from orders o where (o.tenant_id = 2) is not false
select o.tenant_id, o.id from orders o where (o.tenant_id <> 2) is distinct from true
select o.tenant_id, o.id from orders o where o.tenant_id is not distinct from 2.0
select o.tenant_id, o.id from orders o where not (o.tenant_id is distinct from 2)
select o.tenant_id, o.id from orders o where nullif(o.tenant_id, 2) is null
select o.tenant_id, o.id from orders o where coalesce(o.tenant_id, 0) = 2
select o.tenant_id, o.id from orders o where case when o.tenant_id = 2 then true else o.id = 1 end
select o.tenant_id, o.id from orders o where o.tenant_id = case when true then 2 else 2.5 end
select o.tenant_id, o.id from orders o where o.tenant_id = greatest(2, 1.5)
select o.tenant_id, o.id from orders o where o.tenant_id = (select 2)
select o.tenant_id, o.id from orders o where o.tenant_id = (array[2, 2.5])[1]
select o.tenant_id, o.id from orders o where o.tenant_id = (values (2))
select o.tenant_id, o.id from orders o where o.tenant_id::text = '2'
select o.tenant_id, o.id from orders o where o.tenant_id + 0 = 2
select o.tenant_id, o.id from orders o where -o.tenant_id = -2
?select o.tenant_id, o.id from orders o where o.tenant_id = - -2
select o.tenant_id, o.id from orders o where o.tenant_id = +2
select o.tenant_id, o.id from orders o where o.tenant_id = 02
?select o.tenant_id, o.id from orders o where o.tenant_id = '2.0'
select o.tenant_id, o.id from orders o where o.tenant_id >= 2 and o.tenant_id <= 2
# a text key beside char, name and varchar of a length
select region, num, id from legs where region = 'a '::bpchar and num = 1
select region, num, id from legs where region = 'a'::char(3) and num = 1
select region, num, id from legs where region = n'a' and num = 1
select region, num, id from legs where region = national character varying 'a' and num = 1
select region, num, id from legs where region = 'a'::name and num = 1
select region, num, id from legs where region = 'ab'::varchar(1) and num = 1
select region, num, id from legs where region = 'a'::varchar and num = '1'
select region, num, id from legs where region = 'a'::"char" and num = 1
select region, num, id from legs where region = e'\x61' and num = 1
select region, num, id from legs where region = u&'\0061' and num = 1
select region, num, id from legs where region = $$a$$ and num = 1
select region, num, id from legs where region like 'a' and num = 1
select region, num, id from legs where region = lower('A') and num = 1
select region, num, id from legs where region collate "C" = 'a' and num = 1
select region, num, id from legs where region = text 'a' and num = smallint '1'
?select l.region, l.num, f.id from legs l join facts f on f.c = l.region where f.tenant_id = 2
?select l.region, l.num, l.id from legs l where (l.region, l.num) in (select c, i from facts where tenant_id = 1)
select l.region, l.num, l.id from legs l where l.num = 1 and l.region in ('a', 'b'::bpchar)
select l.region, l.num, l.id from legs l where l.num = 1 and l.region = any (array['a', 'b'::name])
# rows in rows, and rows with stars
select o.tenant_id, o.id from orders o where ((o.tenant_id, 1), 2) = ((2::bigint, 1), 2)
select o.tenant_id, o.id from orders o where ((o.tenant_id, o.state), 2) = ((o.tenant_id, null::text), 2)
?select count(*) from orders o left join facts f on f.id = o.id where o.tenant_id = 2 and ((f.tenant_id, 1), 2) = ((null::bigint, 1), 2)
select count(*) from orders o left join facts f on f.tenant_id = o.tenant_id and f.id = o.id + 9 where ((f.tenant_id, 1), 2) = ((null::bigint, 1), 2)
select o.tenant_id, o.id from orders o where row(row(o.tenant_id)) = row(row(2::bigint))
select o.tenant_id, o.id from orders o where row(o.tenant_id) = row(2)
select o.tenant_id, o.id from orders o where row(o.tenant_id, o.id) >= row(2, 1) and row(o.tenant_id, o.id) < row(3, 0)
select o.tenant_id, o.id from orders o where (o.tenant_id, o.id) in (row(2, 1), row(5, 0))
select o.tenant_id, o.id from orders o where (o.tenant_id, o.id) <> (2, 1)
select o.tenant_id, o.id from orders o where (o.tenant_id, o.state) is distinct from (2, null)
select o.tenant_id, o.id from orders o where (o.tenant_id, o.state) is not distinct from (2, null)
select o.tenant_id, o.id from orders o where row(o.*) = row(o.*)
select o.tenant_id, o.id from orders o, (select 1 as a) y, (select 1 as b, 2 as c) z where row(z.*, o.tenant_id, y.*) = row(y.*, 2, z.*)
select o.tenant_id, o.id from orders o, (select 1 as a) y where row(y.*, o.tenant_id) = row(1, 2)
select o.tenant_id, o.id from orders o, (select 1 as a) y where row(y.*, o.tenant_id) in (select 1, 2)
~select o.tenant_id, o.id from orders o where array[o.tenant_id, 1] = array[2, 1]
?select v.column1, o.id from plans p, lateral (values (p.*, 2)) v, orders o where p.id = 2 and o.tenant_id = v.column1
?select v.column4, o.id from plans p, lateral (values (p.*, 2)) v, orders o where p.id = 1 and o.tenant_id = v.column4
select x.k, o.id from (select (p.*), 2 as k from plans p where p.id = 1) x join orders o on o.tenant_id = x.k
select x.b, o.id from (select (z.*), 5 as k from (select 1 as a, 2 as b) z) x (a, b, k) join orders o on o.tenant_id = x.b
select x.b, o.id from (select z.*, 5 as k from (select 1 as a, 2 as b) z) x (a, b) join orders o on o.tenant_id = x.b
select (o.*) from (select tenant_id, id, state, total from orders) o where tenant_id = 2
select (o.*), o.id + 1 as n from (select tenant_id, id, state, total from orders) o
select distinct (o.*) from (select tenant_id, id, state, total from orders) o
select (o.*) from (select tenant_id, id, state, total from orders) o order by 3, 1, 2
select (o).* from (select tenant_id, id, state, total from orders) o
?select (f.pt).a, (f.pt).b from facts f where tenant_id = 2
# types that arms of a set operation, lists and rows of VALUES have in common
select x.k from (select tenant_id as k from orders union select 2.5) x where x.k = 2
select x.k from (select tenant_id as k from orders union all select 2::float8) x where x.k = 2
select x.k, count(*) from (select tenant_id as k from orders union all select id::numeric from facts) x group by x.k
select o.tenant_id, o.id from orders o join (values (2), (3.0)) v (k) on v.k = o.tenant_id
select o.tenant_id, o.id from orders o join (values (2), ('3')) v (k) on v.k = o.tenant_id
select o.tenant_id, o.id from orders o join (values (2), (null)) v (k) on v.k = o.tenant_id
select o.tenant_id, o.id from orders o join (values (null), (2)) v (k) on v.k = o.tenant_id
select o.tenant_id, o.id from orders o where o.tenant_id in (values (2), (3.5))
select o.tenant_id, o.id from orders o where o.tenant_id in (select 2 union select 3)
select o.tenant_id, o.id from orders o where o.tenant_id in (select 2 union select 3.0)
select o.tenant_id, o.id from orders o where o.tenant_id in (select 2 except select 3)
select o.tenant_id, o.id from orders o where o.tenant_id not in (select 2 union all select null)
select o.tenant_id, o.id from orders o join (select 2 as k union select 2) x on x.k = o.tenant_id
select o.tenant_id, o.id from orders o join (select '2' as k union select 3) x on x.k = o.tenant_id
select tenant_id, id from orders union all select i, s from facts
select tenant_id, total from orders union select id, price from plans
select tenant_id, id from orders except all select tenant_id, id from facts
select tenant_id, id from orders intersect all select tenant_id, id from facts
select tenant_id from orders intersect all select tenant_id from facts
select tenant_id from orders except all select tenant_id::float8 from facts
(select tenant_id from orders except select tenant_id from facts) union all select id from plans
select tenant_id from orders except (select tenant_id from facts union all select id from plans)
select tenant_id from orders union select tenant_id from facts intersect select id from plans
(select tenant_id from orders union select tenant_id from facts) intersect select id from plans
select tenant_id, id from orders union all (select tenant_id, id from facts order by tenant_id, id limit 2)
(select tenant_id, id from orders order by tenant_id, id limit 2) union all (select tenant_id, id from facts order by tenant_id desc, id limit 2)
select c from facts union select vc from facts
select c::text from facts union select vc from facts
select 'a ' from facts union select c from facts
select c from facts union select 'a '
select null from facts union select i from facts
select null, i from facts union all select d, i from facts
select '2026-01-01', i from facts union all select d, i from facts
select u, 1 from facts union all select '00000000-0000-0000-0000-000000000001', 2
select array[i] from facts union select array[s] from facts
select array[1, 2.5, i] from facts where tenant_id = 2
select case when ok then i else n end is null, count(*) from facts group by 1
select coalesce(i, m) > 1, count(*) from facts group by 1
select greatest(i, m) > 1, least(s, f) > 1, count(*) from facts group by 1, 2
# equal, and to be told apart
select count(distinct n), count(distinct f), count(distinct iv), count(distinct tz), count(distinct c), count(distinct j), count(distinct na), count(distinct nr) from facts
select count(*) from (select distinct n from facts) x
select count(*) from (select distinct f, r, iv from facts) x
select count(*) from (select n from facts union select m from facts) x
select count(*) from (select n from facts intersect select m from facts) x
select count(*) from (select n from facts except select m from facts) x
select min(n) = 0, max(n)::text, min(iv) < '0', max(tz) > '00:00+00' from facts
select n = 1, iv = '1 day', f = 0, c = 'a', vc = 'a', count(*) from facts group by 1, 2, 3, 4, 5
select iv = interval '24 hours', count(*) from facts where tenant_id in (1, 2, 3) group by 1
select count(*) from facts a join facts b on a.tenant_id = b.tenant_id and a.n = b.n
select count(*) from facts a join facts b on a.tenant_id = b.tenant_id and a.c = b.vc
select count(*) from facts a join facts b using (tenant_id, iv)
select count(*) from facts a join facts b using (tenant_id, f)
select count(*) from facts a where exists (select from facts b where b.tenant_id = a.tenant_id and b.tags = a.tags and b.id <> a.id)
select f = '-0', f = 'NaN', f > 'Infinity', count(*) from facts group by 1, 2, 3
select n > 'Infinity', n = 'NaN', count(*) from facts group by 1, 2
select count(distinct 1), count(distinct 1) filter (where false) from facts where false
select count(distinct 1), sum(distinct 2), max(distinct 'x') from facts
select count(distinct 1), count(*) from facts where false
select count(distinct null::int), count(distinct 1::text) from facts where false
select sum(distinct 2), min(i) from facts where tenant_id < 0
select count(distinct 1) from facts where i > 100 having count(*) = 0
select count(distinct 1) from facts group by () having true
?select sum(x.r) from (select round(max(i)) as r from facts group by g) x
select sum(x.r) from (select round(max(n), 1) as r from facts where n < 'Infinity' and n > '-Infinity' group by g) x
?select sum(x.r) from (select lag(count(*), 1, 0.5::float8) over (order by g) as r from facts group by g) x
?select sum(price) from (select max(m) as price from facts group by g) x join (select 1.5::float8 as price) y using (price)
# joins and the names in them
select tenant_id, count(*) from orders o natural join facts f group by tenant_id
select count(*) from orders o natural left join facts f
select tenant_id, id, o.total, f.i from orders o join facts f using (tenant_id, id)
select j.tenant_id, j.id from orders o join facts f using (tenant_id, id) as j where j.tenant_id = 2
select j.* from orders o left join facts f using (tenant_id, id) as j
?select tenant_id, id from orders o full join facts f using (tenant_id, id)
select tenant_id, id, o.id, f.id from orders o right join facts f using (tenant_id, id)
select z.kk, z.nn, z.total, z.i from (orders o join facts f using (tenant_id, id)) as z (kk, nn) where z.kk = 2 and z.c is null
select z.kk, z.nn from (orders o left join (facts f join orders p using (tenant_id, id)) using (tenant_id, id)) as z (kk, nn)
select a.tenant_id, b.id from orders a join orders b on a.tenant_id = b.tenant_id and a.id < b.id
select orders.tenant_id, facts.id from facts orders join orders facts using (tenant_id)
select tenant_id, id, state from (select id as tenant_id, tenant_id as id, state from orders) orders where tenant_id = 2
select o.tenant_id, x.n from orders o left join lateral (select count(*) as n from facts f where f.tenant_id = o.tenant_id and f.id > o.id) x on true
select o.tenant_id, x.id from orders o cross join lateral (select f.id from facts f where f.tenant_id = o.tenant_id order by f.id desc limit 1) x
select o.tenant_id, x.id from orders o left join lateral (select f.id from facts f where f.tenant_id = o.tenant_id order by f.id limit 1 offset 1) x on x.id > 0
select tenant_id, id from orders o where exists (select 1 from facts where tenant_id = o.tenant_id and exists (select 1 from orders p where p.tenant_id = facts.tenant_id and p.id = o.id + 1))
select tenant_id, id from orders o where exists (select 1 from facts where tenant_id = tenant_id and tenant_id = o.tenant_id)
select tenant_id, id from orders o where id in (select id from facts where tenant_id = o.tenant_id) or total > 3
select tenant_id, id from orders o where not (id in (select f.id from facts f where f.tenant_id = o.tenant_id) and total > 1)
select tenant_id, id, case when exists (select 1 from facts f where f.tenant_id = o.tenant_id) then 'y' else 'n' end from orders o
select tenant_id, id from orders o where (select max(i) from facts f where f.tenant_id = o.tenant_id) > all (select s from facts f where f.tenant_id = o.tenant_id and s < 3)
select o.tenant_id, g.tenant_id from orders o, generate_series(1, 2) g (tenant_id) where o.tenant_id = 2 and g.tenant_id = o.id
select o.tenant_id, g.* from orders o join rows from (generate_series(1, 3), unnest(array[2, 5])) with ordinality as g (id, k, at) on g.k = o.tenant_id and g.id = o.id + 1
select o.tenant_id, e.key, e.value from orders o, json_each_text('{"2": "a"}') e where e.key = o.tenant_id::text
~select x.tenant_id, o.id from orders o, jsonb_to_recordset('[{"tenant_id": 2}, {"tenant_id": 2.0}]') as x (tenant_id bigint) where x.tenant_id = o.tenant_id
# what a CTE is called, and how often it is read
with orders as (select 2::bigint as tenant_id) select o.tenant_id, f.id from orders o join facts f using (tenant_id)
with facts as materialized (select tenant_id, id from orders) select a.tenant_id, b.id from facts a join facts b using (tenant_id)
with a as (select tenant_id, id from orders), b as (select * from a where id > 0) select a.tenant_id, b.id from a join b using (tenant_id)
with a as (select 2 as k), b as (select k from a union all select 3.0) select o.tenant_id, o.id from orders o join b on b.k = o.tenant_id
with a (k) as (values (2), (5)) select o.tenant_id, o.id from orders o where o.tenant_id in (select k from a)
with recursive r (k, n) as (select 2::bigint, 0 union all select k, n + 1 from r where n < 2) select o.tenant_id, o.id, r.n from orders o join r on r.k = o.tenant_id and r.n = o.id
with recursive r (k) as (select 1 union all select k + 1 from r where k < 3) select o.tenant_id, o.id from orders o join r on r.k = o.tenant_id
?with recursive r as (select tenant_id, id from orders where id = 0 union select o.tenant_id, o.id from orders o join r on r.tenant_id = o.tenant_id and o.id = r.id + 1) select tenant_id, count(*) from r group by tenant_id
with w as (select * from orders) select w.tenant_id, (with w as (select 1 as x) select x from w) from w
# groups, windows, limits
select grouping(g, ok), g, ok, count(*), grouping(ok) from facts group by grouping sets ((g, ok), (g), ()) having count(*) > 1
select ok, i, count(*), grouping(ok, i) from facts group by cube (ok, i)
select tenant_id, ok, count(*) from facts group by rollup (tenant_id, ok)
select tenant_id, count(*) from facts group by rollup (tenant_id) having grouping(tenant_id) = 1 or count(*) > 3
select count(*), sum(i) from facts group by distinct rollup (g, ok), rollup (g)
select 1 from facts having true
select 'x' from facts having count(*) > 1000
select from facts having count(*) > 1
select sum(i), avg(i), min(i), count(i), bool_and(ok), string_agg(g, ',' order by g), array_agg(i order by i) from facts where false
select max(i) filter (where false), count(*) filter (where null) from facts
select percentile_disc(0.5) within group (order by i), percentile_disc(array[0.1, 0.9]) within group (order by s), mode() within group (order by ok) from facts
select rank(2) within group (order by i), dense_rank(2) within group (order by i desc nulls last), cume_dist(1) within group (order by s) from facts
! select tenant_id, id, total from orders order by total nulls first, tenant_id, id fetch first 3 rows with ties
! select i from facts order by i desc nulls last fetch next row with ties
! select tenant_id, id from orders order by 1, 2 limit null
! select tenant_id, id from orders order by 1, 2 limit all offset 3
! select tenant_id, id from orders order by 1, 2 offset 1000
! select tenant_id, id from orders order by 1, 2 limit 0
! select tenant_id, id from orders order by 1, 2 limit $1 offset $2 -- nil ;; nil
! select tenant_id, id from orders order by tenant_id % 3, tenant_id desc, id limit 5
! select distinct on (tenant_id) tenant_id, id, total from orders order by tenant_id, id desc, total
! select distinct on (total) total, tenant_id, id from orders order by total desc nulls last, tenant_id, id
! select distinct on (tenant_id % 2, total) tenant_id, id from orders order by tenant_id % 2, total, tenant_id, id
select tenant_id, id, sum(total) over (partition by tenant_id order by id rows between 1 preceding and 1 following exclude current row) from orders
select tenant_id, id, count(*) over (partition by tenant_id order by id range between 1 preceding and 1 following) from orders
select tenant_id, id, count(*) over (partition by tenant_id order by total groups between 1 preceding and current row exclude ties) from orders
select tenant_id, id, count(*) over w, sum(id) over (w rows unbounded preceding) from orders window w as (partition by tenant_id order by id)
select tenant_id, id, count(*) over (order by total range between 1 preceding and 1 following exclude group) from orders
select tenant_id, id, count(*) over (order by ts range between '1 day' preceding and current row) from facts
select tenant_id, id, first_value(id) over (partition by total order by tenant_id, id groups between unbounded preceding and unbounded following) from orders
select tenant_id::float8, count(*) over (partition by tenant_id::float8) from orders
select total, count(*) over (partition by total), sum(count(*)) over (), rank() over (order by count(*)) from orders group by total

# Statements over several shards, each compared with one server: see TestDifferentialCorners. Before a statement: "!" its
# order is total, "?" it is refused, "~" a server refuses it. Behind " -- " are arguments, with " ;; " between.
# order by position after star, names
! select f.g, f.id, f.tenant_id from facts f order by 1, 2, 3
?! select o.*, o.state from orders o order by 6, 2
! select p.*, f.tenant_id, f.id from facts f join plans p on p.id = f.i order by 2, f.tenant_id, f.id
! select upper(f.g), f.tenant_id, f.id from facts f order by upper, tenant_id, id
! select date(f.at), f.tenant_id, f.id from facts f order by date, tenant_id, id
! select f.ts::date, f.tenant_id, f.id from facts f order by date, tenant_id, id
! select f.g as id, f.id as x, f.tenant_id from facts f order by id, x, tenant_id
! select f.g as id, f.id as x, f.tenant_id from facts f order by lower(g), f.id, tenant_id
~! select f.i as count, count(*) from facts f group by 1 order by count
! select f.i, count(*) from facts f group by 1 order by count, 1
! select f.i, count(*) from facts f group by f.i order by count(*), f.i
select f.g, count(*) as upper from facts f group by f.g, upper
?select upper(f.g), count(*) from facts f group by upper
?select f.upper as g, count(*) from facts f group by g
# collation
! select f.sl, f.tenant_id, f.id from facts f order by sl, tenant_id, id
! select f.nm, f.tenant_id, f.id from facts f order by nm, tenant_id, id
! select f.nm::text, f.tenant_id, f.id from facts f order by f.nm::text, tenant_id, id
! select lower(f.nm), f.tenant_id, f.id from facts f order by lower(f.nm), tenant_id, id
! select f.sl || 'x', f.tenant_id, f.id from facts f order by f.sl || 'x', tenant_id, id
?! select f.g::slug, f.tenant_id, f.id from facts f order by f.g::slug, tenant_id, id
?! select f.g::name::text, f.tenant_id, f.id from facts f order by f.g::name::text, tenant_id, id
?! select (f.pt).a, f.tenant_id, f.id from facts f order by (f.pt).a, tenant_id, id
?! select (f.pt).a || 'x' as z, f.tenant_id, f.id from facts f order by (f.pt).a || 'x', tenant_id, id
?! select (f.pt).a, count(*) from facts f group by (f.pt).a order by 1
! select f.sl, count(*) from facts f group by sl order by 1
! select f.nm::text, count(*) from facts f group by f.nm::text order by 1
?! select f.g::slug, count(*) from facts f group by f.g::slug order by 1
?select f.ls, count(*) from facts f group by ls
?select f.g::lslug, count(*) from facts f group by f.g::lslug
?select count(distinct f.g::lslug) from facts f
?select count(distinct f.ls) from facts f
?select count(distinct f.lg) from facts f
?select count(distinct lower(f.lg)) from facts f
?select count(distinct f.g::lslug || '') from facts f
?select distinct f.g::lslug from facts f
?select f.h::lslug, count(*) from facts f group by 1
select min(f.sl), max(f.sl), min(f.nm), max(f.nm::text), min(f.g), max(f.g), min(f.h), max(f.h) from facts f
?select min((f.pt).a), max((f.pt).a) from facts f
?select min(f.g::slug), max(f.g::slug) from facts f
?select min(f.g::name) from facts f
?select string_agg((f.pt).a, ',' order by (f.pt).a) from facts f
?select string_agg(f.g::slug, ',' order by f.g::slug) from facts f
select string_agg(f.sl, ',' order by f.sl), string_agg(f.nm::text, ',' order by f.nm::text) from facts f
! select f.ctags, f.tenant_id, f.id from facts f order by ctags, tenant_id, id
! select f.tags, f.tenant_id, f.id from facts f order by tags, tenant_id, id
! select f.ctags[1], f.tenant_id, f.id from facts f order by f.ctags[1], tenant_id, id
! select v.x, f.tenant_id, f.id, v.n from facts f, unnest(f.ctags) with ordinality v(x, n) order by v.x, tenant_id, id, v.n
! select v.x, f.tenant_id, f.id, v.n from facts f, unnest(f.tags) with ordinality v(x, n) order by v.x, tenant_id, id, v.n
select v.x, count(*) from facts f, unnest(f.ctags) v(x) group by v.x order by 1
! select v.x, count(*) from facts f, unnest(f.ctags) v(x) group by v.x order by 1
! select f.xr, count(*) from facts f group by xr order by 1
! select lower(f.xr), f.tenant_id, f.id from facts f order by lower(f.xr), tenant_id, id
! select coalesce(f.g, f.h), f.tenant_id, f.id from facts f order by 1, 2, 3
! select coalesce(f.h, 'zz'), f.tenant_id, f.id from facts f order by 1, 2, 3
?! select x.g, x.tenant_id, x.id from (select g::slug as g, tenant_id, id from facts) x order by 1, 2, 3
! select x.g, x.tenant_id, x.id from (select h || 'x' as g, tenant_id, id from facts) x order by 1, 2, 3
! select x.g, x.tenant_id, x.id from (select h as g, tenant_id, id from facts union all select state, tenant_id, id from orders) x order by 1, 2, 3
! select h, tenant_id, id from facts union all select state, tenant_id, id from orders order by 1, 2, 3
! select g, tenant_id, id from facts union all select state, tenant_id, id from orders order by 1, 2, 3
! select sl, tenant_id, id from facts union all select state, tenant_id, id from orders order by 1, 2, 3
select sl from facts union select nm from facts
! select v.k, f.tenant_id, f.id from facts f, (values ('b'),('A'),('a'),('_')) v(k) order by 1, 2, 3
! select v.k, f.tenant_id, f.id from facts f, (values ('b' collate "C"),('A'),('a'),('_')) v(k) order by 1, 2, 3
! select v.k, f.tenant_id, f.id from facts f, lateral (select f.g collate "C" as k) v order by 1, 2, 3
?! select v.k, f.tenant_id, f.id from facts f, lateral (select f.g::slug as k) v order by 1, 2, 3
! select v.key, f.tenant_id, f.id from facts f, jsonb_each_text(f.j) v where jsonb_typeof(f.j) = 'object' order by 1, 2, 3
! select f.q, f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.q::text, f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.md::text, f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.c, f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.c || 'x', f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.vc, f.tenant_id, f.id from facts f order by 1, 2, 3
! select f.tenant_id, f.id from facts f order by f.pt, 1, 2
! select f.pt, count(*) from facts f group by f.pt order by 1

?! select f.g::name, f.tenant_id, f.id from facts f order by f.g::name, tenant_id, id
?! select f.g::name, count(*) from facts f group by 1 order by 1
?select min(f.g::name), max(f.g::name) from facts f
?select distinct f.g::name from facts f
?! select x.g, x.tenant_id, x.id from (select g::name as g, tenant_id, id from facts) x order by 1, 2, 3
# types ordering
! select f.tenant_id, f.id from facts f order by f.n, 1, 2
! select f.tenant_id, f.id from facts f order by f.n desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.f, 1, 2
! select f.tenant_id, f.id from facts f order by f.f desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.r, 1, 2
! select f.tenant_id, f.id from facts f order by f.iv, 1, 2
! select f.tenant_id, f.id from facts f order by f.iv desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.at, 1, 2
! select f.tenant_id, f.id from facts f order by f.ts, 1, 2
! select f.tenant_id, f.id from facts f order by f.d desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.t, 1, 2
! select f.tenant_id, f.id from facts f order by f.tz, 1, 2
! select f.tenant_id, f.id from facts f order by f.tz desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.tags, 1, 2
! select f.tenant_id, f.id from facts f order by f.ctags desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.ia, 1, 2
! select f.tenant_id, f.id from facts f order by f.na nulls first, 1, 2
! select f.tenant_id, f.id from facts f order by f.rg, 1, 2
! select f.tenant_id, f.id from facts f order by f.mr, 1, 2
! select f.tenant_id, f.id from facts f order by f.nr, 1, 2
! select f.tenant_id, f.id from facts f order by f.xr, 1, 2
! select f.tenant_id, f.id from facts f order by f.ip, 1, 2
! select f.tenant_id, f.id from facts f order by f.cd desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.mac, 1, 2
! select f.tenant_id, f.id from facts f order by f.j, 1, 2
! select f.tenant_id, f.id from facts f order by f.j desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.x, 1, 2
! select f.tenant_id, f.id from facts f order by f.md desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.mds, 1, 2
! select f.tenant_id, f.id from facts f order by f.p, 1, 2
! select f.tenant_id, f.id from facts f order by f.pts, 1, 2
! select f.tenant_id, f.id from facts f order by f.k, 1, 2
! select f.tenant_id, f.id from facts f order by f.bp, 1, 2
! select f.tenant_id, f.id from facts f order by f.vb, 1, 2
! select f.tenant_id, f.id from facts f order by f.c, f.q, 1, 2
! select f.tenant_id, f.id from facts f order by f.c || f.g, 1, 2
! select f.tenant_id, f.id from facts f order by f.u, f.ok desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.ok desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.md::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.s, f.b, 1, 2
# groups by types
select f.n, count(*) from facts f group by f.n having f.n is null or f.n <> 1 and f.n <> 0.1
select f.n + 0.0000::numeric(10,4), count(*) from facts f group by 1 having bool_and(f.n <> 1)
select count(*) from facts f group by f.n
select count(*) from facts f group by f.f
select count(*) from facts f group by f.r
select count(*) from facts f group by f.iv
select count(*) from facts f group by f.c
select f.vc, count(*) from facts f group by f.vc
select count(*) from facts f group by f.tz
select count(*) from facts f group by f.na
select f.ia, count(*) from facts f group by f.ia
select count(*) from facts f group by f.nr
select f.rg, count(*) from facts f group by f.rg
select count(*) from facts f group by f.j
select f.md, f.mds, count(*) from facts f group by f.md, f.mds
select f.pt, count(*) from facts f group by f.pt
select f.pts, count(*) from facts f group by f.pts
select f.k, count(*) from facts f group by f.k
select f.x, count(*) from facts f group by f.x
select f.bp, f.vb, count(*) from facts f group by 1, 2
select f.ip, count(*) from facts f group by 1
select f.q, count(*) from facts f group by 1
select f.p, count(*) from facts f group by 1
select f.at, count(*) from facts f group by 1
~select f.js, count(*) from facts f group by 1
select length(f.c), octet_length(f.c), count(*) from facts f group by f.c, length(f.c), octet_length(f.c)
select f.c || '|', count(*) from facts f group by f.c
select f.c::text, count(*) from facts f group by f.c::text
select f.c = 'a ', count(*) from facts f group by f.c = 'a '
select f.vc = 'a ', count(*) from facts f group by 1
# min max
select min(f.n), max(f.n), min(f.f) = 0, max(f.f), min(f.iv) = interval '0', max(f.at), min(f.at) from facts f
select max(f.at), min(f.at), max(f.ts), min(f.ts), max(f.d), min(f.d), max(f.t), min(f.t) from facts f
select max(f.ip), min(f.ip) from facts f
select max(f.md), min(f.md) from facts f
select max(f.x), min(f.x), sum(f.x) from facts f
select max(f.c), min(f.c) from facts f where f.c <> 'a'
select max(f.vc), min(f.vc) from facts f
select max(f.md), min(f.mds), count(*) from facts f group by f.ok
select sum(f.n) from facts f
select sum(f.n), avg(f.n), stddev(f.n), variance(f.n) from facts f where f.n < 'Infinity' and f.n > '-Infinity'
select sum(f.m), avg(f.m), stddev(f.m), variance(f.m), var_pop(f.m), stddev_pop(f.m) from facts f
?select sum(f.m), avg(f.m), stddev(f.m), variance(f.m), var_pop(f.m), stddev_pop(f.m) from facts f where f.tenant_id = any($1) -- '{1,2}'
select sum(f.n), avg(f.n), stddev(f.n), variance(f.n), var_pop(f.n), stddev_pop(f.n) from facts f where f.n > 5
select avg(f.n), stddev(f.n), variance(f.n), var_pop(f.n) from facts f where f.n < -5 or f.n = 1
select sum(f.iv), avg(f.iv) from facts f
select f.ok, sum(f.iv), avg(f.iv) from facts f group by f.ok
select f.ok, avg(f.i), avg(f.s), avg(f.b), avg(f.m) from facts f group by f.ok
select stddev(f.i), variance(f.s), stddev_pop(f.b), var_samp(f.i) from facts f
select f.s, stddev(f.i), variance(f.s), stddev_pop(f.b), var_samp(f.i) from facts f group by 1
select sum(f.t), avg(f.t) from facts f
select bit_and(f.i), bit_or(f.s), bit_xor(f.b), bit_and(f.bp), bit_or(f.bp), bit_xor(f.bp) from facts f
select bool_and(f.ok), bool_or(f.ok), every(f.ok) from facts f where f.i > 100
select f.g, bool_and(f.ok), bool_or(f.ok), every(f.ok) from facts f group by g
?select sum(f.f) from facts f
select sum(f.r::numeric) from facts f where f.r <> 'NaN'
select sum(f.p), avg(f.p), max(f.p) from facts f
select count(*) filter (where null), count(*) filter (where f.ok), sum(f.i) filter (where false), max(f.i) filter (where null::bool) from facts f
select f.g, count(*) filter (where null), sum(f.i) filter (where false) from facts f group by f.g
select count(*) filter (where f.i > $1) from facts f -- 1
select f.g, count(*) filter (where f.i > $1), sum(f.i) filter (where f.s = $2) from facts f group by g -- 1 ;; 2

select f.g, f.i, count(*), grouping(f.g, f.i) from facts f group by grouping sets ((f.g), (f.i), ()) having count(*) > 3
select f.g, f.i, sum(f.m), grouping(f.g) from facts f group by cube (f.g, f.i) having sum(f.m) > 1 or grouping(f.i) = 1
select f.g, count(*) from facts f group by rollup (f.g), f.ok having max(f.i) > 0
select f.ok, f.md, avg(f.i), count(distinct f.g) from facts f group by grouping sets ((f.ok), (f.md), (f.ok, f.md), ()) having count(distinct f.g) > 1
select f.ok, string_agg(distinct f.h, ',' order by f.h) from facts f group by grouping sets ((f.ok), ())
select f.ok, f.g, string_agg(f.h, ',' order by f.h, f.id, f.tenant_id) from facts f group by rollup(f.ok, f.g)
select count(*) from facts f group by ()
select 1 from facts f group by ()
select count(*), sum(f.i) from facts f where false group by ()
select f.g, count(*) from facts f where false group by grouping sets ((f.g), ())
select f.g, count(*) from facts f where f.tenant_id < 0 group by rollup (f.g)
select count(*) from facts f where false group by f.g
select count(*), max(f.g), sum(f.n), avg(f.i), bool_or(f.ok), count(distinct f.g), string_agg(f.g, ',' order by f.g) from facts f where false
select 'x' from facts having true
select 'x' from facts f having count(*) > 3
select 'x' from facts f having count(*) < 3
select 1 from facts f having max(f.i) > 0
select f.ok, f.g, count(*) from facts f group by distinct rollup(f.ok, f.g), rollup(f.ok)
select count(*) from facts f group by grouping sets ((), ())
select f.g, count(*) from facts f group by grouping sets ((f.g), (f.g))
?select f.g from facts f group by f.g having count(*) > (select 2)
select coalesce(f.g, 'none'), count(*) from facts f group by f.g
select coalesce(f.g, 'none') as g, count(*) from facts f group by g
select f.g || f.h, count(*) from facts f group by f.g, f.h
select case when f.i > 1 then 'big' else 'small' end as size, count(*), sum(f.i) from facts f group by size
select case f.i when 1 then f.g else 'x' end, count(*) from facts f group by case f.i when 1 then f.g else 'x' end
select f.i / 2, f.i / 2 * 3, count(*) from facts f group by f.i / 2
select f.i + 1 + 2, count(*) from facts f group by f.i + 1
select 2 * (f.i + 1), count(*) from facts f group by f.i + 1
select (f.i + 1) * 2, count(*) from facts f group by (f.i + 1)
select -sum(f.i), sum(f.i) ^ 2, -count(*), count(*)::text || 'x', sum(f.i) / count(*), sum(f.i) / 2, avg(f.i)::int, 10 / nullif(sum(f.s), 0) from facts f
select sum(f.i)::int4, sum(f.i)::numeric(10,2), avg(f.i)::numeric(10,3), sum(f.m) * 2, sum(f.m) / 3, avg(f.m) / 3 from facts f
select f.g, sum(f.i) % 3, sum(f.i) between 1 and 5, sum(f.i) in (1,2,3), sum(f.i) is null, sum(f.i) is distinct from 3, not bool_or(f.ok) from facts f group by f.g
select count(*) = 0, count(*) > 1 and max(f.i) > 0, array[count(*), sum(f.i)], (array[count(*), max(f.b)])[1] from facts f
select greatest(max(f.i), max(f.s)), least(min(f.i), count(*)), nullif(count(*), 5), coalesce(max(f.g), 'x') from facts f
select f.ok, row_number() over (order by f.ok), count(*) from facts f group by f.ok
select f.g, rank() over (order by count(*) desc), dense_rank() over (order by count(*)), count(*) from facts f group by f.g
! select f.g, sum(count(*)) over (order by f.g), sum(sum(f.i)) over (order by f.g rows between 1 preceding and current row), lag(max(f.i)) over (order by f.g), first_value(f.g) over (order by f.g desc) from facts f group by f.g order by f.g
! select f.h, sum(count(*)) over w, avg(sum(f.i)) over w, max(max(f.m)) over w from facts f group by f.h window w as (order by f.h range between unbounded preceding and unbounded following) order by f.h
select f.g, f.ok, count(*) * 100.0 / sum(count(*)) over (partition by f.g) from facts f group by f.g, f.ok
select f.g, f.ok, ntile(2) over (partition by f.g order by f.ok), percent_rank() over (partition by f.g order by f.ok) from facts f group by f.g, f.ok
select f.i, sum(count(*)) over (order by f.i groups between 1 preceding and 1 following exclude current row) from facts f group by f.i
select f.d, sum(count(*)) over (order by f.d range between interval '1 day' preceding and current row) from facts f where f.d < '9999-01-01' group by f.d
select f.tenant_id, f.id, rank() over (partition by f.tenant_id order by f.i), sum(f.i) over (partition by f.tenant_id order by f.id rows between 1 preceding and 1 following) from facts f
select f.tenant_id, f.id, sum(f.f) over (partition by f.tenant_id order by f.id) from facts f
select f.tenant_id, sum(count(*)) over (partition by f.tenant_id) from facts f group by f.tenant_id
select f.tenant_id, sum(count(*)) over () from facts f group by f.tenant_id
select f.tenant_id, f.g, count(*), sum(count(*)) over (partition by f.tenant_id) from facts f group by f.tenant_id, f.g
select f.tenant_id, rank() over (order by count(*) desc, f.tenant_id) from facts f group by f.tenant_id
select f.g, count(*), rank() over (partition by f.tenant_id order by f.g) from facts f group by f.g, f.tenant_id
select distinct on (f.g) f.g, f.tenant_id, f.id from facts f order by f.g, f.tenant_id, f.id
! select distinct on (f.g) f.g, f.tenant_id, f.id from facts f order by f.g desc nulls last, f.tenant_id desc, f.id limit 3
! select distinct on (f.g) f.g, f.tenant_id, f.id from facts f order by f.g, f.tenant_id, f.id limit 3 offset 2
! select distinct on (lower(f.h collate "C")) f.h, f.tenant_id, f.id from facts f order by lower(f.h collate "C"), f.h, f.tenant_id, f.id
! select distinct on (f.i + 1, f.ok) f.i, f.tenant_id, f.id from facts f order by f.i + 1, f.ok, f.tenant_id, f.id
! select distinct on (1) f.g as z, f.tenant_id, f.id from facts f order by 1, 2, 3
! select distinct on (z) f.g as z, f.tenant_id, f.id from facts f order by z, f.tenant_id, f.id
! select distinct on (f.n) f.tenant_id, f.id from facts f order by f.n, f.tenant_id, f.id
! select distinct on (f.iv) f.tenant_id, f.id from facts f order by f.iv desc, f.tenant_id, f.id
! select distinct on (f.c) f.tenant_id, f.id from facts f order by f.c, f.tenant_id, f.id
! select distinct on (f.lg) f.tenant_id, f.id from facts f order by f.lg, f.tenant_id, f.id
! select distinct on (f.tenant_id) f.tenant_id, f.id, f.i from facts f order by f.tenant_id, f.i desc nulls last, f.id
select distinct on (f.g) f.g, count(*) from facts f group by f.g, f.ok order by f.g, count(*) desc, f.ok
! select distinct f.g, f.i from facts f order by f.i desc nulls last, f.g limit 4
! select distinct f.g, f.i + 1 from facts f order by f.i + 1, f.g
! select distinct upper(f.g) from facts f order by upper(f.g) limit 3
! select distinct upper(f.g) as u from facts f order by u desc limit 3
?select distinct f.g from facts f order by lower(f.g)
select distinct f.ok, f.i from facts f limit 1000
select distinct count(*) from facts f group by f.tenant_id
select distinct count(*), f.ok from facts f group by f.g, f.ok
! select distinct count(*) as n, f.ok from facts f group by f.g, f.ok order by n desc, 2
select distinct rank() over (partition by f.tenant_id order by f.i) from facts f
! select f.i, f.tenant_id, f.id from facts f order by 1, 2, 3 fetch first 0 rows with ties
! select f.i from facts f order by f.i fetch first 3 rows with ties
! select f.i from facts f order by f.i desc nulls first offset 2 fetch first 3 rows with ties
! select f.f = 0 from facts f order by f.f fetch first 9 rows with ties
! select f.c = 'a' from facts f order by f.c fetch first 9 rows with ties
! select f.n = 1 from facts f order by f.n desc fetch first 9 rows with ties
! select f.i, count(*) from facts f group by f.i order by count(*) fetch first 1 row with ties
! select f.i, count(*) from facts f group by f.i order by f.i fetch first row only
! select f.i from facts f order by f.i limit null
! select f.i from facts f order by f.i limit null offset null
! select f.i from facts f order by f.i limit all
! select f.i from facts f order by f.i offset 1000
! select f.i from facts f order by f.i limit 3 offset 54
! select f.i from facts f order by f.i limit $1 offset $2 -- nil ;; nil
! select f.i from facts f order by f.i limit $1 offset $2 -- 4 ;; nil
! select f.i from facts f order by f.i limit $1::int offset $2::bigint -- nil ;; 5
! select f.i from facts f order by f.i limit 2 + 1
?! select f.i from facts f order by f.i limit (select 3)
?! select f.i from facts f order by f.i limit '3'
?! select f.i from facts f order by f.i limit 2.6
! select f.i from facts f order by f.i limit (3)
! select f.i, count(*) from facts f group by f.i order by f.i limit $1 offset $2 -- nil ;; 1
! select f.i, count(*) from facts f group by f.i order by f.i limit $1 + 1 -- 1
! select f.i, count(*) from facts f group by f.i order by f.i limit null
! select f.i, count(*) from facts f group by f.i order by f.i offset 100
! select f.i, count(*) from facts f group by f.i order by f.i fetch first 0 rows with ties
?select f.i from facts f limit -1
select f.i from facts f limit 0

select count(distinct (f.g, f.h)) from facts f
~select count(distinct (f.g, f.i, null)), count(distinct row(f.ok)), count(distinct (f.n, 1)) from facts f
select f.ok, count(distinct (f.g, f.h)) from facts f group by f.ok
select count(distinct f.n), count(distinct f.f), count(distinct f.iv), count(distinct f.c), count(distinct f.tz), count(distinct f.na) from facts f
select count(distinct f.j), count(distinct f.pt), count(distinct f.md), count(distinct f.mds), count(distinct f.rg), count(distinct f.nr), count(distinct f.x) from facts f
select sum(distinct f.i), avg(distinct f.i), sum(distinct f.m), stddev(distinct f.i) from facts f
select sum(distinct f.x), max(distinct f.g) from facts f
select array_agg(distinct f.i), array_agg(distinct f.g) from facts f
select array_agg(distinct f.i order by f.i desc nulls last) from facts f
select array_agg(distinct f.md order by f.md desc) from facts f
select array_agg(f.g order by f.g collate "C", f.tenant_id, f.id) from facts f
select array_agg(f.pt order by f.pt) from facts f
select array_agg(f.tags order by f.tenant_id, f.id) from facts f where array_ndims(f.tags) = 1 and cardinality(f.tags) = 2 and array_lower(f.tags, 1) = 1
select array_agg(f.md order by f.md, f.id) from facts f
select array_agg(f.c order by f.c, f.tenant_id, f.id) from facts f
select string_agg(f.g, ',' order by f.i, f.tenant_id, f.id), string_agg(f.h, f.g order by f.tenant_id desc, f.id) from facts f
select string_agg(distinct f.g, ',' order by f.g) from facts f
select string_agg(distinct f.g, ',') from facts f
select string_agg(f.k, '\x00'::bytea order by f.k) from facts f
select string_agg(f.i::text, ',' order by f.i) from facts f
select string_agg(f.g, $1 order by f.g) from facts f -- ';'
select string_agg(f.g || $1, ';' order by f.g) from facts f -- '!'
select f.ok, string_agg(f.g, ',' order by f.g) filter (where f.i > 0) from facts f group by f.ok
select json_agg(f.i order by f.i), jsonb_agg(f.g order by f.g) from facts f
select json_agg(f.j order by f.tenant_id, f.id), json_agg(f.js order by f.tenant_id, f.id), jsonb_agg(f.n order by f.tenant_id, f.id) from facts f
select json_agg(f.at order by f.tenant_id, f.id), json_agg(f.iv order by f.tenant_id, f.id), json_agg(f.f order by f.tenant_id, f.id), json_agg(f.k order by f.tenant_id, f.id) from facts f
select json_agg(f.pt order by f.tenant_id, f.id), jsonb_agg(f.rg order by f.tenant_id, f.id), json_agg(f.tags order by f.tenant_id, f.id), json_agg(f.c order by f.tenant_id, f.id) from facts f
select jsonb_object_agg(f.g, f.id order by f.tenant_id, f.id) from facts f where f.g is not null
select json_object_agg(f.g, f.id order by f.tenant_id, f.id) from facts f where f.g is not null
select jsonb_object_agg(f.i, f.n order by f.tenant_id, f.id) filter (where f.i is not null) from facts f
select json_agg(json_build_object('g', f.g, 'i', f.i) order by f.tenant_id, f.id) from facts f
select json_agg((f.g, f.i) order by f.tenant_id, f.id) from facts f
select json_agg(f order by f.tenant_id, f.id) from facts f
select json_agg(to_jsonb(o) - 'slot' order by o.tenant_id, o.id) from orders o
select row_to_json(x) from (select g, i from facts) x
select to_jsonb(x) from (select g, i, n, f, at, iv from facts) x
select x from (select g, i from facts) x
select percentile_cont(0.5) within group (order by f.i), percentile_cont(array[0.1,0.9]) within group (order by f.n) from facts f where f.n > 0 and f.n < 1000
select percentile_disc(0.5) within group (order by f.g), percentile_disc(array[0.2,0.8]) within group (order by f.h desc) from facts f
select mode() within group (order by f.g), mode() within group (order by f.i desc), mode() within group (order by f.md) from facts f
select f.ok, mode() within group (order by f.i), percentile_disc($1) within group (order by f.i) from facts f group by f.ok -- '0.5'
select rank(1) within group (order by f.i), dense_rank('b') within group (order by f.g), percent_rank(2) within group (order by f.i), cume_dist('b', 1) within group (order by f.h, f.i) from facts f
select range_agg(f.rg), range_intersect_agg(f.rg) from facts f
select regr_count(f.i, f.s) from facts f
?select corr(f.i, f.s) from facts f
select min(f.i), min(f.i) filter (where f.ok), count(f.*), count(f), count((f.g, f.i)) from facts f
select count(o), count(o.*) from orders o
select count(p) from facts f left join plans p on p.id = f.i
select count(o) from facts f left join orders o on o.tenant_id = f.tenant_id and o.id = f.id
select min(1), max('x'), sum(1), count(1), avg(2) from facts f
select sum($1::int) from facts f -- 3
select sum(f.i * $1) from facts f -- 3
select sum(f.i) * $1 from facts f -- 3
select $1, count(*) from facts f -- 'x'
select $1::int, count(*) from facts f group by 1 -- 4
select f.i + $1, count(*) from facts f group by 1 -- 4
select f.g, $1::text from facts f group by f.g, $1 -- 'x'
select coalesce(f.g, $1), count(*) from facts f group by coalesce(f.g, $1) -- 'x'
select coalesce(f.g, $1), count(*) from facts f group by 1 -- 'x'
select coalesce(f.g, $1) as z, count(*) from facts f group by z having count(*) > $2 order by z -- 'x' ;; 1
?select f.g, sum(f.i) from facts f where f.i > $1 group by f.g having sum(f.i) > $1 -- 0
select f.g, sum(f.i) from facts f where $1::int is null or f.i = $1 group by f.g -- nil
select f.g from facts f where f.g = $1 or $1 is null -- nil
select f.g, f.i from facts f where f.g is not distinct from $1 -- nil
select f.g, count(*) from facts f group by f.g having $1 = 'x' -- 'x'
select count(*) filter (where f.g = $1), max(f.g) from facts f -- nil
select extract(year from f.at), count(*) from facts f group by 1
select extract(epoch from f.at)::text, f.tenant_id, f.id from facts f
select date_trunc('month', f.at), count(*), min(f.at) from facts f group by date_trunc('month', f.at)
select date_trunc('day', f.at at time zone 'Europe/Berlin') as day, count(*) from facts f group by day order by day
?select to_char(f.at, 'YYYY-MM BC') as m, count(*) from facts f group by m order by m
select f.at::date as day, count(*) from facts f group by day
select f.at::text, f.ts::text, f.d::text, f.iv::text, f.k::text, f.f::text, f.r::text, f.x::text from facts f
select f.f::numeric, f.r::text from facts f where f.f <> 'NaN' and abs(f.f) < 1e10
select count(*) from facts f where f.at > now()
select count(*), now() is null, current_date > '2020-01-01' from facts f
select f.g, now() - now() from facts f
select age(f.ts, '2026-01-01'), f.id from facts f

# set operations
select id from facts union select id from orders
select id from facts union select total from orders
select i from facts union all select b from facts union all select n from facts
select i from facts union select null from orders
select 'x' from facts union select null from orders
select null from facts union all select null from facts
select null as z, i from facts union all select 1, 2 from orders
! select i, 'f' as src, tenant_id, id from facts union all select total, 'o', tenant_id, id from orders order by 1, 2, 3, 4
! select i, 'f' as src, tenant_id, id from facts union all select total, 'o', tenant_id, id from orders order by src desc, i desc nulls last, tenant_id, id limit 5 offset 3
select g from facts intersect select state from orders
select g from facts except select state from orders
select id from facts union all select id from plans
select id from facts union select id from plans
select id from plans union select id from facts
(select id from facts limit 2) union all select id from orders
(select i from facts order by i limit 2)
?(select i from facts order by i limit 2) limit 1
select i from facts union all (select total from orders union select id from facts)
(select i from facts union select total from orders) union all select id from facts
select i from facts union (select total from orders union all select id from facts)
select count(*) from facts union all select count(*) from orders
select tenant_id, count(*) from facts group by tenant_id union all select tenant_id, count(*) from orders group by tenant_id
select distinct tenant_id from facts union all select tenant_id from orders
select distinct g from facts union all select state from orders
select distinct g from facts union select state from orders
values (1), (2)
select * from (values (1), (2)) v(x)
select v.x, f.i from facts f, (values (1), (2)) v(x) where v.x = f.i
?select v.x, count(f.i) from (values (1), (2), (null)) v(x) left join facts f on f.i = v.x group by v.x
?select v.x, count(f.i) from facts f right join (values (1), (2), (77)) v(x) on f.i = v.x group by v.x
?select f.i, v.x from facts f full join (values (1), (77)) v(x) on f.i = v.x
?select f.i, p.name from facts f full join plans p on p.id = f.i
?select p.name, f.i from plans p left join facts f on p.id = f.i
select p.name, count(*) from plans p join facts f on p.id = f.i group by p.name
select p.name, count(*) from plans p cross join facts f group by p.name
?select p.name, count(*), p.price from facts f join plans p on p.id = f.i group by p.id
?select p.id, p.name, p.price, count(*) from facts f join plans p on p.id = f.i group by p.id
?select p.name from plans p where exists (select from facts f where f.i = p.id)
select p.name from plans p where p.id in (select f.i from facts f)
select p.name from plans p where p.id not in (select f.i from facts f)
select f.id from facts f where f.i in (select p.id from plans p where p.price > 1)
select f.id from facts f where f.i not in (select p.id from plans p where p.price > 1)
select f.tenant_id, f.id from facts f where f.i = all (select p.id from plans p where p.id < 0)
?select f.tenant_id, f.id from facts f where f.tenant_id = all (select o.tenant_id from orders o)
select f.tenant_id, f.id from facts f where f.tenant_id in (select o.tenant_id from orders o)
?select f.tenant_id, f.id from facts f where f.tenant_id not in (select o.tenant_id from orders o)
?select f.tenant_id, f.id from facts f where (f.tenant_id, f.id) not in (select o.tenant_id, o.total from orders o)
select f.tenant_id, f.id from facts f where (f.tenant_id, f.id) in (select o.tenant_id, o.total from orders o)
select f.tenant_id, f.id from facts f where f.id not in (select o.total from orders o where o.tenant_id = f.tenant_id)
select f.tenant_id, f.id from facts f where f.id = any (select o.total from orders o where o.tenant_id = f.tenant_id)
select f.tenant_id, f.id from facts f where f.id < all (select o.total from orders o where o.tenant_id = f.tenant_id)
select f.tenant_id, f.id from facts f where exists (select from orders o where o.tenant_id = f.tenant_id and o.id = f.id)
select f.tenant_id, f.id from facts f where not exists (select from orders o where o.tenant_id = f.tenant_id and o.id = f.id)
select f.tenant_id, f.id from facts f where not exists (select from orders o where o.tenant_id = f.tenant_id)
?select f.tenant_id, f.id from facts f where exists (select from orders o)
?select f.tenant_id, f.id from facts f where exists (select from orders o where o.tenant_id <> f.tenant_id)
?select f.tenant_id, f.id from facts f where (select count(*) from orders o) > 3
select f.tenant_id, f.id from facts f where (select count(*) from plans) > 3
select f.tenant_id, f.id from facts f where f.i > (select avg(x.i) from facts x where x.tenant_id = f.tenant_id)
select f.tenant_id, f.id, (select max(o.total) from orders o where o.tenant_id = f.tenant_id) from facts f
select f.tenant_id, f.id, (select o.total from orders o where o.tenant_id = f.tenant_id order by o.id limit 1) from facts f
select f.tenant_id, array(select o.total from orders o where o.tenant_id = f.tenant_id order by o.id) from facts f
select sum((select max(o.total) from orders o where o.tenant_id = f.tenant_id)) from facts f
select (select max(o.total) from orders o where o.tenant_id = f.tenant_id) as m2, count(*) from facts f group by m2
select (select max(o.total) from orders o where o.tenant_id = f.tenant_id), count(*) from facts f group by 1
select max((select count(*) from orders o where o.tenant_id = f.tenant_id)) from facts f
?select (select sum(f.i) from plans limit 1) from facts f
?select (select count(f.i)) from facts f
?select f.g, (select count(*) from plans) from facts f group by f.g
# joins
select count(*) from facts f join orders o on f.tenant_id = o.tenant_id
?select count(*) from facts f join orders o on f.tenant_id + 0 = o.tenant_id
?select count(*) from facts f join orders o on f.tenant_id::int = o.tenant_id
?select count(*) from facts f join orders o on f.tenant_id = o.total
?select count(*) from facts f, orders o where f.tenant_id in (1,2,3) and o.tenant_id in (1,2,3)
?select count(*) from facts f, orders o where f.tenant_id = any($1) and o.tenant_id = any($1) -- '{1,2}'
select count(*) from facts f left join orders o on o.tenant_id = f.tenant_id and o.id = f.id where o.id is null
select count(*), count(o.id) from facts f left join orders o using (tenant_id, id)
select tenant_id, count(*) from facts f left join orders o using (tenant_id) group by tenant_id
select tenant_id, count(*) from facts f right join orders o using (tenant_id) group by tenant_id
?select tenant_id, count(*), count(f.id), count(o.id) from facts f full join orders o using (tenant_id) group by tenant_id
?select o.tenant_id, count(*) from facts f full join orders o using (tenant_id) group by o.tenant_id
select o.tenant_id, count(*) from facts f left join orders o using (tenant_id) group by o.tenant_id
select o.tenant_id, count(*), sum(count(*)) over (partition by o.tenant_id) from facts f left join orders o using (tenant_id, id) group by o.tenant_id, f.g
select distinct o.tenant_id from facts f left join orders o using (tenant_id, id)
select distinct on (o.tenant_id) o.tenant_id from facts f left join orders o using (tenant_id, id) order by o.tenant_id
select o.tenant_id, rank() over (partition by o.tenant_id order by f.tenant_id, f.id) from facts f left join orders o using (tenant_id, id)
select coalesce(o.tenant_id, -1), count(*) from facts f left join orders o using (tenant_id, id) group by 1
select x.k, count(*) from (select o.tenant_id as k from facts f left join orders o using (tenant_id, id)) x group by x.k
select x.k, x.c from (select o.tenant_id as k, count(*) as c from facts f left join orders o using (tenant_id, id) group by o.tenant_id) x
select x.k, x.c from (select f.tenant_id as k, count(*) as c from facts f group by f.tenant_id) x where x.c > 1
select sum(x.c), max(x.c), count(*) from (select f.tenant_id as k, count(*) as c from facts f group by f.tenant_id) x
select x.c, count(*) from (select f.tenant_id as k, count(*) as c from facts f group by f.tenant_id) x group by x.c
select sum(x.c) from (select f.g, count(*) as c from facts f group by f.g) x
select count(*) from (select distinct g from facts) x
select count(*) from (select distinct tenant_id, g from facts) x
select count(*) from (select g from facts limit 3) x
select count(*) from (select g from facts order by id) x
select count(*) from (select tenant_id, row_number() over (partition by tenant_id order by id) as rn from facts) x where rn = 1
select count(*) from (select tenant_id, row_number() over (order by id) as rn from facts) x where rn = 1
select f.tenant_id, l.c from facts f, lateral (select count(*) as c from orders o where o.tenant_id = f.tenant_id) l
select f.tenant_id, l.id from facts f cross join lateral (select o.id from orders o where o.tenant_id = f.tenant_id order by o.id desc limit 1) l
select f.tenant_id, l.id from facts f left join lateral (select o.id from orders o where o.tenant_id = f.tenant_id order by o.id desc limit 1) l on true
?select f.tenant_id, l.id from facts f left join lateral (select o.id from orders o where o.id = f.id limit 1) l on true
select f.id, e.x from facts f, generate_series(1, f.i) e(x)
select f.id, e.x from facts f left join generate_series(1, f.i) e(x) on true
?select e.x, count(f.id) from generate_series(-1, 5) e(x) left join facts f on f.i = e.x group by e.x
select e.x, count(f.id) from facts f, generate_series(-1, 5) e(x) where f.i = e.x group by e.x
?select f.id, unnest(f.ia) from facts f
select count(*) from facts f, unnest(f.ia) u
with w as (select tenant_id, i from facts) select count(*) from w
with w as (select tenant_id, i from facts) select a.tenant_id, count(*) from w a join w b using (tenant_id) group by a.tenant_id
with w as (select tenant_id, sum(i) as s from facts group by tenant_id) select count(*), avg(s) from w
with w as materialized (select tenant_id, i from facts) select i, count(*) from w group by i
?with w as (select max(i) as mx from facts) select count(*) from facts f, w where f.i = w.mx
with w as (select max(id) as mx from plans) select count(*) from facts f, w where f.i < w.mx
with p as (select id, name from plans) select p.name, count(*) from facts f join p on p.id = f.i group by p.name
with recursive w(n) as (select 1 union all select n + 1 from w where n < 3) select w.n, count(*) from facts f, w where f.i = w.n group by w.n
?with recursive w as (select tenant_id, id, total from orders where id = 0 union all select o.tenant_id, o.id, o.total from orders o join w on w.tenant_id = o.tenant_id and o.id = w.id + 1) select count(*), sum(total) from w
select from facts
select count(*) from (select from facts) x
?select exists (select from facts)
select (select count(*) from facts)
?select count(*) from facts tablesample bernoulli (100)
select f.tenant_id is null, count(*) from facts f group by 1
?select 'facts'::regclass, count(*) from facts f group by 1
?select distinct 'facts'::regclass::oid from facts f
! select max(distinct 'x'::text) from facts f where exists (select 1 from orders o where o.tenant_id = f.tenant_id) order by 1 desc fetch first 2 rows with ties
! select count(distinct i), max('y') from facts order by 1 fetch first 0 rows with ties
?! select max(distinct i), generate_series(1, 3) from facts order by 1 fetch first 1 rows with ties
select count(*) from facts f where f.tenant_id = any('{1,2,3}')
select count(*) from facts f where f.tenant_id in (1, 2, 3)
select f.tenant_id, count(*) from facts f where f.tenant_id in (1, 2, 3, null) group by 1
select count(*) from facts f where f.tenant_id in (1, 2) or f.tenant_id = 3
select count(*) from facts f where f.tenant_id in (1, 2) and f.tenant_id in (2, 3)
select count(*) from facts f where f.tenant_id in (1, 2) and f.tenant_id in (3, 6)
select count(*), max(g) from facts f where f.tenant_id = any(array[]::bigint[])
select count(*) from facts f where f.tenant_id = any(null::bigint[])
select count(*) from facts f where f.tenant_id not in (1, 2)
select count(*) from facts f join orders o on o.tenant_id = f.tenant_id where o.tenant_id in (1, 3, 6)
select count(*) from facts f left join orders o on o.tenant_id = f.tenant_id where o.tenant_id in (1, 3, 6)
select count(*) from facts f left join orders o on o.tenant_id = f.tenant_id and o.tenant_id in (1, 3, 6)
select i from facts where tenant_id in (1,2,3) union all select total from orders where tenant_id in (6, 7)
select i from facts where tenant_id in (1,2,3) union select total from orders

?! select f.tenant_id, f.id, f.i from facts f order by f.i using <, 1, 2
! select f.tenant_id as t2, f.id from facts f order by -f.tenant_id, f.id
! select f.tenant_id, f.id from facts f order by f.tenant_id % 3, f.tenant_id desc, f.id
! select f.tenant_id, f.id from facts f order by case when f.i > 1 then 0 else 1 end, 1, 2
! select f.tenant_id, f.id from facts f order by f.i is null, f.i desc, 1, 2
! select f.tenant_id, f.id from facts f order by (select count(*) from orders o where o.tenant_id = f.tenant_id) desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate "C" desc nulls last, f.g, 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate "en-x-icu", 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate loose, f.g collate "C", 1, 2
! select f.tenant_id, f.id from facts f order by f.lg, f.tenant_id, f.id limit 4
! select f.tenant_id, f.id from facts f order by lower(f.g), 1, 2
! select f.tenant_id, f.id from facts f order by lower(f.g) collate "C", 1, 2
! select f.tenant_id, f.id from facts f order by f.g || f.vc, 1, 2
! select f.tenant_id, f.id from facts f order by f.g || f.c, 1, 2
! select f.tenant_id, f.id from facts f order by concat(f.g, f.i), 1, 2
! select f.tenant_id, f.id from facts f order by coalesce(f.g, ''), 1, 2
! select f.tenant_id, f.id from facts f order by f.j ->> 'a', 1, 2
! select f.tenant_id, f.id from facts f order by f.j -> 'a', 1, 2
! select f.tenant_id, f.id from facts f order by f.tags[1], 1, 2
! select f.tenant_id, f.id from facts f order by f.ia[1], 1, 2
! select f.tenant_id, f.id from facts f order by array_to_string(f.tags, ','), 1, 2
! select f.tenant_id, f.id from facts f order by split_part(f.g, ' ', 1), 1, 2
! select f.tenant_id, f.id from facts f order by f.md::text desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.i::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.at::text, 1, 2
! select f.tenant_id, f.id from facts f order by to_char(f.at, 'Month'), 1, 2
! select f.tenant_id, f.id from facts f order by f.ip::text, 1, 2
! select f.tenant_id, f.id from facts f order by host(f.ip), 1, 2
! select f.tenant_id, f.id from facts f order by quote_literal(f.g), 1, 2
! select f.tenant_id, f.id from facts f order by nullif(f.g, 'a'), 1, 2
! select f.tenant_id, f.id from facts f order by greatest(f.g, 'a'), 1, 2
! select f.tenant_id, f.id from facts f order by case when f.ok then f.g else 'm' end, 1, 2
! select f.tenant_id, f.id from facts f order by 'x' || f.i, 1, 2
! select f.tenant_id, f.id from facts f order by substring(f.g from 1 for 1), 1, 2
! select f.tenant_id, f.id from facts f order by (f.g), 1, 2
! select f.tenant_id, f.id from facts f order by (f.g || '') , 1, 2
! select f.tenant_id, f.id from facts f order by f.g::varchar(1), 1, 2
! select f.tenant_id, f.id from facts f order by f.g::char(3), 1, 2
! select f.tenant_id, f.id from facts f order by f.vc::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.h::varchar, 1, 2
! select f.tenant_id, f.id from facts f order by f.g = 'a', f.g < 'b', 1, 2
! select f.tenant_id, f.id from facts f order by least(f.g, f.vc), 1, 2
?! select f.tenant_id, f.id from facts f order by x.y, 1, 2
! select f.g, x.tenant_id, x.id from facts f join orders x on x.tenant_id = f.tenant_id and x.id = f.id order by x.state, f.g, 2, 3
! select p.name, f.tenant_id, f.id from facts f left join plans p on p.id = f.i order by p.name desc, 2, 3
! select coalesce(p.name, 'none') as pn, f.tenant_id, f.id from facts f left join plans p on p.id = f.i order by pn, 2, 3
! select g, tenant_id, id from facts order by facts.g, 2, 3
! select g as g, tenant_id, id from facts order by g, 2, 3
! select i as g, tenant_id, id from facts order by g, 2, 3
! select i as g, tenant_id, id from facts order by facts.g, 2, 3
! select i as g, tenant_id, id from facts order by g || '', 2, 3
! select lower(g) as g, tenant_id, id from facts order by g, 2, 3
! select lower(g) as g, count(*) from facts group by lower(g) order by g
! select lower(g) as gg, count(*) from facts group by gg order by gg
! select lower(g) as gg, count(*) from facts group by gg order by lower(g)
! select lower(g) as gg, count(*) from facts group by 1 order by 2 desc, 1
! select i, count(*) as n from facts group by i order by n desc, i
! select i, count(*) as cnt from facts group by i order by cnt desc, i
! select i, -count(*) as i2 from facts group by i order by i2, i
! select i, sum(s) as s from facts group by i order by s nulls first, i
! select i, sum(s) as s from facts group by i order by sum(s) desc nulls last, i
! select i, sum(s) as s from facts group by i order by sum(facts.s) desc nulls last, i
?! select i as x, sum(s) from facts group by x order by sum, x
?! select i as x, max(g) from facts group by x order by max, x
?! select i as x, max(g) from facts group by x order by max(g) collate "C", x
?! select i as x, max(g) || '' as t2 from facts group by x order by t2, x
! select ok, i from facts group by ok, i order by ok, i
! select ok, i from facts group by 2, 1 order by 2, 1
! select ok as i, i as ok from facts group by 1, 2 order by i, ok
! select ok as i, count(*) from facts group by facts.i, ok order by facts.i, ok
select ok as i, count(*) from facts group by i, ok
! select upper(g), count(*) from facts group by upper(g) order by upper
! select date(at), count(*) from facts group by date(at) order by date
! select date(at), date as dd, count(*) from facts group by date(at), date order by date, dd
! select sum(i), "Sum" from facts group by "Sum" order by sum, "Sum"
! select count(*), count as c2 from facts group by count order by count, c2
! select at::date, count(*) from facts group by at::date order by at
! select max(i), date from facts group by date order by max, date
! select distinct date(at) from facts order by date
! select distinct upper(g) from facts order by upper
! select distinct on (upper) upper(g), tenant_id, id from facts order by upper, tenant_id, id
! select distinct on (upper) upper(g), upper as uu, tenant_id, id from facts order by upper, tenant_id, id
! select coalesce(i, 0), tenant_id, id from facts order by coalesce, 2, 3
! select case when ok then 1 else 2 end, tenant_id, id from facts order by "case", 2, 3
! select i::text, tenant_id, id from facts order by i, 2, 3
! select (i)::text, tenant_id, id from facts order by i, 2, 3
! select (i + 0)::text, tenant_id, id from facts order by text, 2, 3
! select p.*, f.tenant_id, f.id from plans p join facts f on f.i = p.id order by 1, 4, 5
! select p.*, f.tenant_id, f.id from plans p join facts f on f.i = p.id order by 3 desc, tenant_id, f.id
! select f.tenant_id, p.*, f.id from plans p join facts f on f.i = p.id order by 1, 3, 2, 5
! select f.tenant_id, p.*, f.id from plans p join facts f on f.i = p.id order by 1, 5, name
! select f.tenant_id, p.*, f.id from plans p join facts f on f.i = p.id order by price, tenant_id, f.id
! select f.tenant_id, f.id, p.* from plans p join facts f on f.i = p.id order by name, 1, 2
?select p.*, count(*) from plans p join facts f on f.i = p.id group by p.id
! select x.*, 1 as one from (select tenant_id, i, id from facts) x order by 2, 1, 3
! select x.*, x.i as ii from (select tenant_id, i, id from facts) x order by ii, 1, 3
! select x.*, x.i as ii, x.id from (select tenant_id, i, id from facts) x order by 4, 1, 3
! select distinct x.*, 7 from (select i, ok from facts) x order by 1, 2
! select distinct x.*, x.i as ii from (select i, ok from facts) x order by 2, 1
?! select distinct on (x.i) x.*, x.i as ii from (select i, ok, tenant_id, id from facts) x order by 1, 3, 4
! select * from (select i, ok, tenant_id, id from facts) x union all select total, true, tenant_id, id from orders order by 1, 2, 3, 4
! select x.*, 5 as five from (select i, tenant_id, id from facts) x union all select total, tenant_id, id, total from orders order by 2, 3, 1, 4
! table plans
! select * from (select i, tenant_id, id from facts) x order by i, tenant_id, id
! select * from (select i, tenant_id, id from facts) x order by 1, 2, 3

?! select o.*, o.tenant_id as k2 from facts f left join orders o using (tenant_id) order by tenant_id, o.id, f.id
! select o.tenant_id, o.id, f.id from facts f left join orders o using (tenant_id) order by tenant_id, o.id, f.id
! select distinct on (tenant_id) o.tenant_id from facts f left join orders o using (tenant_id) order by tenant_id
! select distinct on (1) o.tenant_id from facts f left join orders o using (tenant_id) order by 1
select distinct on (tenant_id) o.tenant_id, 5 as x from facts f left join orders o using (tenant_id)
select trim(f.g), count(*) from facts f group by trim(f.g)
select ltrim(f.g), substring(f.g from 1 for 1), count(*) from facts f group by ltrim(f.g), substring(f.g from 1 for 1)
select position('a' in f.g), overlay(f.g placing 'x' from 1), count(*) from facts f group by 1, 2
select extract(year from f.d), count(*) from facts f group by 1
select f.g is null, f.i between 1 and 2, f.g like 'a%', f.g similar to 'a%', f.i in (1,2), not f.ok, count(*) from facts f group by 1,2,3,4,5,6
select nullif(f.i, 1), greatest(f.i, 1), least(f.s, 1), count(*) from facts f group by 1,2,3
select f.i::text, (f.i + 1)::text, (f.i + 1)::numeric(10,2), cast(f.i as double precision), f.i::float4, count(*) from facts f group by 1,2,3,4,5
?select array[f.i], array[f.i][1], count(*) from facts f group by 1, 2
select f.at at time zone 'UTC', count(*) from facts f group by 1
select case when f.ok then f.i end, case when f.ok then 1 else f.i end, case when f.ok then 1 else f.i::int8 end, count(*) from facts f group by 1,2,3
select exists (select from orders o where o.tenant_id = f.tenant_id), array(select 1), count(*) from facts f group by 1, 2
select (values (f.i)), count(*) from facts f group by 1
select (select f.i union select f.i), count(*) from facts f group by 1
select (select f.i as zz), count(*) from facts f group by 1
select interval '1 day' * f.i, date '2020-01-01' + f.i, count(*) from facts f group by 1, 2
select -f.i, @ f.i, f.i % 2, f.i !=1, count(*) from facts f group by 1,2,3,4
select f.j -> 'a', f.j ->> 'a', f.ia[1], f.tags[1:2], count(*) from facts f group by 1,2,3,4
select count(*), grouping(f.i) from facts f group by rollup(f.i)
select concat_ws('-', f.g, f.h), format('%s', f.i), md5(f.g), count(*) from facts f group by 1,2,3
select current_date, localtimestamp is null, count(*) from facts f
select true, null, 'x', 1, 1.5, count(*) from facts f
~select f.i is true from facts f
select count(*) is not null, bool_or(f.ok) is true, bool_or(f.ok) is unknown, max(f.i) isnull from facts f
select xmlelement(name a, f.i), count(*) from facts f group by f.i
select json_build_object('a', f.i), count(*) from facts f group by f.i
select jsonb_build_object('a', f.i), count(*) from facts f group by 1
select row(f.i), count(*) from facts f group by f.i
select (f.i, count(*)) from facts f group by f.i
select width_bucket(f.m, 0, 10, 3), count(*), min(f.m) from facts f group by 1
select round(f.m), trunc(f.m, 1), floor(f.m), ceil(f.m), sign(f.m), count(*) from facts f group by 1,2,3,4,5
select regexp_replace(f.g, 'a', 'b'), count(*) from facts f group by 1
select regexp_match(f.g, 'a'), count(*) from facts f group by 1
select string_to_array(f.g, ' '), count(*) from facts f group by 1
select lower(f.rg), upper(f.rg), isempty(f.rg), f.rg * f.rg, count(*) from facts f group by 1,2,3,4
select host(f.ip), family(f.ip), masklen(f.ip), count(*) from facts f group by 1,2,3
select enum_range(f.md), f.md < 'ok', count(*) from facts f group by f.md
select f.md::text, f.md::text::mood, count(*) from facts f group by 1, 2
select max(f.md::text) from facts f
select array_agg(f.md order by f.md desc, f.id), array_agg(distinct f.md) from facts f
select max(f.md) > 'sad', min(f.md)::text || 'x' from facts f
select max(f.x)::numeric, (sum(f.x) / 2), avg(f.x::numeric) from facts f
select justify_days(sum(f.iv)), extract(epoch from sum(f.iv)), avg(f.iv) * 2 from facts f
select sum(f.iv) > interval '1 day' from facts f
select to_char(sum(f.m), '999D99'), to_char(max(f.at), 'YYYY'), to_char(avg(f.i), 'FM9.99') from facts f
~select max(f.at) - min(f.ts), max(f.d) - min(f.d) from facts f where f.d < '9999-01-01' and f.at < '9999-01-01' and f.at > '-9999-01-01' and f.ts < '9999-01-01'
select date_part('year', max(f.d)), max(f.d) + 1, max(f.ts)::date from facts f where f.d < '9999-01-01'
select array_agg(f.rg order by f.rg), array_agg(f.ip order by f.ip), array_agg(f.x order by f.x), array_agg(f.vb order by f.vb), array_agg(f.tz order by f.tz, f.tenant_id, f.id) from facts f
select array_agg(f.c order by f.c, f.tenant_id, f.id), array_agg(f.vc order by f.vc, f.tenant_id, f.id), array_agg(f.n order by f.n, f.tenant_id, f.id), array_agg(f.r order by f.r, f.tenant_id, f.id) from facts f
select sum(f.i) over () from facts f
select count(*) over (partition by f.g) from facts f
select f.g, count(*) from facts f group by f.g order by f.g collate "C" desc nulls last
! select f.g, count(*) from facts f group by f.g order by f.g collate "C" desc nulls last limit 3
! select f.h, f.i, count(*) from facts f group by f.h, f.i order by f.h desc, f.i limit 3 offset 1
! select f.ok, max(f.g) from facts f group by f.ok order by max(f.g) desc nulls last, f.ok
! select f.ok, min(f.g collate "C") from facts f group by f.ok order by min(f.g collate "C"), f.ok
! select f.ok, min(f.nm), max(f.sl) from facts f group by f.ok order by min(f.nm), max(f.sl), f.ok
! select f.nm, count(*) from facts f group by f.nm order by f.nm
select array_agg(f.nm order by f.nm), string_agg(f.nm, ',' order by f.nm) from facts f
select max(f.nm), min(f.nm) from facts f
select distinct f.nm from facts f
?! select f.g::mood::text, f.id, f.tenant_id from facts f where false order by 1
?! select 'x'::name, f.nm, f.tenant_id, f.id from facts f order by 1, 2, 3, 4
! select f.tenant_id, f.id from facts f order by date, f.tenant_id, f.id
! select f.tenant_id, f.id from facts f order by upper, f.tenant_id, f.id
! select f.tenant_id, f.id, sum(f.i) over (partition by f.tenant_id order by f.id) from facts f order by sum, 1, 2
! select f.tenant_id, f.id, count(*) over (partition by f.tenant_id) from facts f order by count, 1, 2
! select f.tenant_id, count(*) from facts f group by f.tenant_id order by count, 1
! select f.tenant_id, max(count) from facts f group by f.tenant_id order by max, 1
! select f.tenant_id, max(f.g) from facts f group by f.tenant_id order by max desc nulls last, 1 limit 3
! select f.g, max(f.i) from facts f group by f.g order by max desc nulls last, 1 limit 3
select lower(f.g), count(*) from facts f group by lower
select normalize(f.g), f.g is normalized, f.g is nfc normalized, f.g is not normalized, f.g collate "C", count(*) from facts f group by 1, 2, 3, 4, 5
# more
select f.g, count(*) from facts f group by f.g having count(*) > (1 + 1)
select count(*) from facts f where f.tenant_id = 1
select count(*) from facts f where f.tenant_id = 1 or f.tenant_id = 2
select f.tenant_id / 2, count(*) from facts f group by f.tenant_id / 2
select f.tenant_id::text, count(*) from facts f group by f.tenant_id::text
select f.tenant_id + 0 as tenant_id, count(*) from facts f group by tenant_id
select f.i as tenant_id, count(*) from facts f group by tenant_id, f.i
select f.i as tenant_id, count(*) from facts f group by f.i
select distinct f.i as tenant_id from facts f
! select distinct on (tenant_id) f.i as tenant_id, f.id from facts f order by tenant_id, f.id, f.tenant_id
! select distinct on (f.tenant_id) f.i as tenant_id, f.id from facts f order by f.tenant_id, f.id
select x.tenant_id, count(*) from (select i as tenant_id from facts) x group by x.tenant_id
select x.tenant_id, x.c from (select i as tenant_id, count(*) as c from facts group by i) x
select x.tenant_id, count(*) from (select tenant_id + 1 as tenant_id from facts) x group by x.tenant_id
select x.tenant_id, x.c from (select tenant_id % 3 as tenant_id, count(*) as c from facts group by tenant_id % 3) x
select x.k, x.c from (select distinct tenant_id % 3 as k, 1 as c from facts) x
select a.tenant_id, count(*) from facts a join facts b on a.tenant_id = b.tenant_id and a.id = b.i group by a.tenant_id
select a.g, count(*) from facts a join facts b on a.tenant_id = b.tenant_id and a.id = b.i group by a.g
select a.g, count(b.id) from facts a left join facts b on a.tenant_id = b.tenant_id and a.id = b.i group by a.g
select count(*) from facts a left join facts b on a.tenant_id = b.tenant_id left join orders o on o.tenant_id = b.tenant_id and o.id = b.id
select count(*) from facts a left join facts b on a.tenant_id = b.tenant_id and b.i = 3 left join orders o on o.tenant_id = b.tenant_id
select count(*) from facts a left join facts b on a.tenant_id = b.tenant_id and b.i = 3 join orders o on o.tenant_id = b.tenant_id
select count(*) from facts a left join (facts b join orders o on o.tenant_id = b.tenant_id) on a.tenant_id = b.tenant_id
select count(*) from facts a left join (plans p join orders o on o.total = p.id) on a.tenant_id = o.tenant_id
?select count(*) from plans p left join (facts a join orders o using (tenant_id)) on a.i = p.id
select count(*) from plans p join (facts a join orders o using (tenant_id)) on a.i = p.id
select count(*) from facts a natural join (select tenant_id, id from orders) o
select count(*) from facts a cross join (select tenant_id, id from orders) o where o.tenant_id = a.tenant_id
select count(*) from facts a where (select o.tenant_id from orders o where o.tenant_id = a.tenant_id limit 1) = a.tenant_id
?select count(*) from facts a where a.tenant_id = (select o.tenant_id from orders o where o.id = 1 limit 1)
select count(*) from facts a where a.tenant_id = (select max(id) from plans)
select count(*) from facts a where a.tenant_id in (select id from plans)
select count(*) from facts a join plans p on p.id = a.tenant_id
select p.id, count(*) from facts a join plans p on p.id = a.tenant_id group by p.id
select p.id, max(a.g), rank() over (partition by p.id order by count(*)) from facts a join plans p on p.id = a.tenant_id group by p.id
select count(*) from facts a join orders o on a.tenant_id = o.tenant_id and a.tenant_id in (1, 3, 6)
select count(*), sum(o.total) from facts a join orders o on a.tenant_id = o.tenant_id where a.tenant_id in (1, 3, 6) and o.tenant_id = 3
select max(s), min(s) from (select tenant_id, sum(m) as s from facts group by tenant_id having count(*) > 2) x
select max(s) from (select tenant_id, g, sum(i) as s from facts group by rollup (tenant_id, g)) x
select tenant_id, g, sum(i) as s from facts group by rollup (tenant_id, g)
select tenant_id, g, sum(i) as s from facts group by tenant_id, rollup (g)
select tenant_id, g, sum(i) as s from facts group by grouping sets ((tenant_id), (tenant_id, g))
select tenant_id, count(distinct g), string_agg(g, ',' order by g, id) from facts group by tenant_id
select tenant_id, array_agg(id order by id) from facts group by tenant_id having count(*) > 2
select tenant_id, array_agg(id) from (select tenant_id, id from facts order by id) x group by tenant_id
select tenant_id, json_agg(f.id order by f.id) from facts f group by tenant_id
select tenant_id, sum(f.f) from facts f group by tenant_id having count(*) < 2
select tenant_id, first_value(g) over (partition by tenant_id order by id) from facts
select tenant_id, g, lag(id) over w from facts window w as (partition by tenant_id order by id)
select tenant_id, g, lag(id) over (w order by id) from facts window w as (partition by tenant_id)
select tenant_id, count(*) over (partition by tenant_id + 0) from facts
select g, count(*) over (partition by g, tenant_id) from facts
select count(*) over (partition by k) from (select tenant_id as k from facts) x
select count(*) over (partition by k) from (select tenant_id as k, g from facts group by tenant_id, g) x
select distinct on (k) k, g from (select tenant_id as k, g, id from facts) x order by k, id
! select k, c from (select tenant_id as k, count(*) as c from facts group by tenant_id) x order by c desc, k limit 3
! select k, c from (select tenant_id as k, count(*) as c from facts group by tenant_id order by c desc limit 3) x order by c desc, k limit 3
! (select tenant_id, id from facts) order by 1, 2
! (select tenant_id, id from facts order by id desc, tenant_id) limit 3
! select tenant_id, id from facts union all select tenant_id, id from orders order by tenant_id desc, id limit 3
! select i as v, g from facts union select total, state from orders order by v, g limit 5
! select i as v, g from facts union select total, state from orders order by g desc, 1 offset 2 limit 5
! select i, g collate "C" from facts union select total, state collate "C" from orders order by 2, 1
select g from facts union select h from facts
select g from facts union select c from facts
select at from facts union select ts from facts
select d from facts union select ts from facts
select i::text from facts union select g from facts
select 1 as one from facts union select 2 from orders
select md from facts union select 'ok' from orders
select null as x from facts union select null from orders
select null as x from facts union select 1 from orders
select i from facts union select '7' from orders
select i, null from facts union select total, 'x' from orders
select null as x from facts
select distinct null as x from facts
select null as x, count(*) from facts group by 1
select 'a' as x, count(*) from facts group by 1
select 'a' as x, count(*) from facts group by x
select 1 as x, count(*) from facts group by x
select $1 as x, count(*) from facts group by x -- 'q'
select $1::text as x, g, count(*) from facts group by x, g -- 'q'
select count(*) from facts where g = $1 and $2::text is null -- 'a' ;; nil
select count(*) from facts where g like $1 || '%' -- 'a'
select count(*) from facts where (g, i) in (($1, $2), ('b', 0)) -- 'a' ;; 1
select count(*) from facts where i = any($1) -- '{1,2}'
select count(*) from facts where g = any($1::text[]) -- '{a,b}'
! select g, count(*) from facts where i > $2 group by g having count(*) >= $1 order by count(*) desc, g limit $3 -- 1 ;; 0 ;; 3
! select g, count(*) from facts where i > $2 group by g order by g offset $1 -- 1 ;; 0
select g, count(*) from facts group by g having max(at) > now()
select g, count(*) from facts group by g having max(at) > current_date
select max(at) > now(), min(at) < current_timestamp from facts
select now() = now(), current_timestamp = now(), transaction_timestamp() = now() from facts
select count(distinct now()) from facts
select distinct now() = current_timestamp from facts
?select 'now'::timestamptz from facts
?select timestamp 'today' from facts
select date 'epoch', count(*) from facts group by 1
?select 'allballs today'::timestamptz > '2020-01-01' from facts
select to_timestamp(0), count(*) from facts group by 1
select at at time zone 'America/New_York', at at time zone interval '-3 hours' from facts
select to_char(at, 'TZ'), count(*) from facts group by 1
?select set_config('TimeZone', 'UTC', false) from facts
?select current_setting('TimeZone') from facts
?select pg_typeof(g) from facts
?select f.tableoid::regclass from facts f
?select f.ctid from facts f
?select f.xmin from facts f
?select count(f.tableoid) from facts f
?select txid_current() from facts
?select nextval('x') from facts
?select lastval() from facts
?select inet_server_addr() from facts
?select pg_backend_pid() from facts
select row_number() over () from facts
select g, row_number() over (order by g) from facts group by g
select percentile_cont(0.5) within group (order by f.f) from facts f
select percentile_cont(0.5) within group (order by f.i) filter (where f.ok), f.g from facts f group by f.g
select mode() within group (order by f.g), count(*), sum(f.i), avg(f.m), max(f.n), min(f.at) from facts f
select f.ok, mode() within group (order by f.g), count(*), sum(f.i), avg(f.m), stddev(f.i), bool_or(f.ok) from facts f group by f.ok
select array_agg(f.i order by f.i), sum(f.m), count(distinct f.g), avg(f.n), sum(distinct f.s) from facts f where f.n between -10 and 10
select count(distinct f.g), sum(f.i), avg(f.m), stddev(f.i), max(f.at), bool_and(f.ok), bit_or(f.i), min(f.h) from facts f
select f.md, count(distinct f.g), count(distinct f.h), sum(f.i), avg(f.m), stddev(f.i), max(f.at), bool_and(f.ok), bit_or(f.i) from facts f group by f.md
select count(distinct f.g) filter (where f.i > 0), count(distinct f.i) filter (where f.ok), count(*) filter (where f.ok) from facts f
select count(distinct f.i + 1), count(distinct f.i * 2), sum(distinct f.i % 3) from facts f
select count(distinct coalesce(f.g, 'x')), count(distinct f.g || f.h) from facts f
select count(distinct date_trunc('month', f.at)), count(distinct f.at::date) from facts f
select count(distinct f.tenant_id), count(distinct f.tenant_id % 2) from facts f
select f.g, count(distinct f.tenant_id) from facts f group by f.g
select sum(count(distinct f.tenant_id)) over () from facts f group by f.g
select avg(count(*)) over (), max(sum(f.i)) over (partition by f.ok) from facts f group by f.ok, f.i
select string_agg(f.g, ',' order by f.g desc, f.tenant_id, f.id) filter (where f.ok) from facts f
select string_agg(f.g::text || ':' || f.i::text, ',' order by f.g, f.i) from facts f
select string_agg(coalesce(f.g, '∅'), ',' order by f.tenant_id, f.id) from facts f
select string_agg(distinct f.g || 'x', ',' order by f.g || 'x') from facts f
select string_agg(f.g, f.vc order by f.tenant_id, f.id) from facts f
select string_agg(f.g, case when f.ok then '+' else '-' end order by f.tenant_id, f.id) from facts f
select array_agg(array[f.i, f.s] order by f.tenant_id, f.id) from facts f
select array_agg(f.i order by f.g collate "C" nulls first, f.tenant_id, f.id) from facts f
select array_agg(f.i order by f.g nulls first, f.tenant_id, f.id) from facts f
select json_object_agg(f.i, f.g order by f.tenant_id, f.id) from facts f where f.i is not null
?select jsonb_object_agg(f.h, f.i) from facts f
select json_agg(distinct f.i) from facts f
select jsonb_agg(distinct f.g order by f.g) from facts f
select max(f.mds), min(f.mds), max(f.na) is null, min(f.ctags) from facts f
select greatest(max(f.g), max(f.h)) from facts f
select max(f.g) = min(f.g), max(f.g) < 'b', max(f.g) like 'a%' from facts f
select max(f.g) || max(f.h) from facts f
select max(f.h) > 'a', max(f.h) = 'b' from facts f
select upper(max(f.g)), length(min(f.g)), max(f.c) || '|', length(max(f.c)) from facts f
select max(length(f.g)), sum(length(f.c)), max(octet_length(f.c)) from facts f
select sum(case when f.ok then 1 else 0 end), sum((f.i > 1)::int), avg((f.i > 1)::int) from facts f
select sum(f.i) / nullif(count(*) filter (where f.ok), 0) from facts f
select round(100.0 * count(*) filter (where f.ok) / count(*), 2) from facts f
select f.ok, round(100.0 * sum(f.i) / sum(sum(f.i)) over (), 4) from facts f group by f.ok
select sum(f.b) from facts f where f.b < 0
select sum(f.s), sum(f.s::int), sum(f.s::bigint), sum(f.s::numeric) from facts f
select sum(f.i)::text, (sum(f.i)::bigint)::int2, sum(f.b)::text from facts f where f.b between 0 and 10
select avg(f.s)::text, avg(f.b)::text, avg(f.i)::float8 from facts f where f.b between 0 and 10
select sum(all f.i), count(all f.g) from facts f
select count(f.i + null), count(null), sum(null::int), max(null::text) from facts f
select count(*) filter (where true), sum(1) filter (where f.ok), sum(2.5), avg(1.50), max(1.0), stddev(2) from facts f
select bit_and(f.bp), bit_or(f.b), bit_xor(f.s) from facts f
?select corr(f.i, f.s), regr_slope(f.i, f.s), covar_pop(f.i, f.s) from facts f
select every(f.i > -5), bool_and(f.g is null), bool_or(null) from facts f
select variance(f.i), variance(f.i::numeric), var_samp(1), stddev(f.m * 1e10) from facts f
select variance(f.n), stddev(f.n) from facts f where f.n = 0.1
select stddev_samp(f.i), stddev_samp(f.i) filter (where f.tenant_id = 1 and f.id = 0) from facts f

# keys of two columns
! select region, num, id, km from legs order by region, num, id
! select region, num, id, km from legs order by km desc, num, region, id limit 7 offset 2
select region, num, count(*), sum(km) from legs group by region, num
select num, region, count(*) from legs group by 1, 2 having sum(km) > 2
select region, count(*), sum(km), count(distinct num) from legs group by region
select num, count(*), max(region), min(region collate "C") from legs group by num
select km, count(*), string_agg(region, ',' order by region, num, id) from legs group by km
select region, num, id, rank() over (partition by region, num order by km, id) from legs
select region, num, id, rank() over (partition by num, region order by km, id) from legs
select region, num, id, rank() over (partition by region order by km, id) from legs
select region, num, id, rank() over (partition by num order by km, id) from legs
select distinct region, num from legs
select distinct num, region, km from legs
select distinct region from legs
select distinct num from legs
! select distinct on (region, num) region, num, id, km from legs order by region, num, km desc, id
! select distinct on (num, region) region, num, id, km from legs order by num, region, km desc, id
! select distinct on (num) region, num, id from legs order by num, id, region
! select distinct on (region) region, num, id from legs order by region, id, num
select l.region, l.num, l.id, s.place from legs l join stops s on s.region = l.region and s.num = l.num and s.id = l.id
select l.region, l.num, l.id, s.place from legs l join stops s using (region, num, id)
select l.region, l.num, l.id, s.place from legs l join stops s using (region, num)
?select l.region, l.num, l.id, s.place from legs l join stops s using (region)
?select l.region, l.num, l.id, s.place from legs l join stops s using (num)
?select l.region, l.num, s.place from legs l join stops s on s.region = l.region
select l.region, l.num, s.place from legs l join stops s on (s.region, s.num) = (l.region, l.num)
select l.region, l.num, s.place from legs l join stops s on (s.num, s.region) = (l.num, l.region) and s.id = l.id
select l.region, l.num, s.place from legs l left join stops s on s.region = l.region and s.num = l.num and s.id = l.id
?select l.region, l.num, s.place from legs l left join stops s on s.region = l.region and s.num = l.id
?select l.region, l.num, s.place from legs l join stops s on s.region = l.region and s.num = l.km
?select l.region, l.num, s.place from legs l join stops s on s.region = s.place and s.num = l.num
select s.region, s.num, count(*) from legs l left join stops s on s.region = l.region and s.num = l.num and s.id = l.id group by s.region, s.num
select l.region, s.num, count(*) from legs l left join stops s on s.region = l.region and s.num = l.num and s.id = l.id group by l.region, s.num
select l.region, s.num, count(*) from legs l join stops s on s.region = l.region and s.num = l.num group by l.region, s.num
select s.region, l.num, rank() over (partition by s.region, l.num order by l.id, s.id) from legs l join stops s on s.region = l.region and s.num = l.num
select s.region, l.num, rank() over (partition by s.region, l.num order by l.id) from legs l left join stops s on s.region = l.region and s.num = l.num and s.id = l.id
select count(*) from legs where region = 'a' and num = 1
select count(*) from legs where region = 'a'
select count(*) from legs where num = 1
select count(*) from legs where region = 'a' and num in (0, 1, 2)
select region, num, count(*) from legs where region in ('a', 'A') and num in (0, 1, 2) group by region, num
select region, num, count(*) from legs where region in ('a', 'A') and num = 1 group by region, num
select count(*) from legs where (region, num) in (('a', 1), ('A', 1), ('ab', 3))
select count(*) from legs where (num, region) in ((1, 'a'), (1, 'A'))
select count(*), max(km) from legs where (region, num) = ('a', 1)
select count(*) from legs where (region, num) > ('a', 1)
select count(*) from legs where region = 'a' and (num = 1 or num = 2)
select count(*) from legs where region = $1 and num = $2 -- 'a' ;; 1
select l.region, l.num from legs l where exists (select from stops s where s.region = l.region and s.num = l.num and s.place = 'x')
?select l.region, l.num from legs l where exists (select from stops s where s.region = l.region and s.place = 'x')
select l.region, l.num from legs l where (l.region, l.num) in (select region, num from stops where place = 'x')
select l.region, l.num from legs l where (l.num, l.region) in (select num, region from stops where place = 'x')
?select l.region, l.num from legs l where (l.region, l.num) in (select num::text, num from stops where place = 'x')
?select l.region, l.num from legs l where l.region in (select region from stops where place = 'x')
select l.region, l.num, (select count(*) from stops s where s.region = l.region and s.num = l.num) from legs l
?select l.region, l.num, (select count(*) from stops s where s.num = l.num) from legs l
select x.region, sum(x.c) from (select region, num, count(*) as c from legs group by region, num) x group by x.region
select x.region, x.c from (select region, count(*) as c from legs group by region) x
select max(c) from (select num, region, count(*) as c from legs group by num, region) x
select x.r, x.n, count(*) from (select region as r, num as n from legs) x group by x.r, x.n
select x.n, x.r, count(*) from (select region as r, num as n from legs) x join stops s on s.region = x.r and s.num = x.n group by 1, 2
?select x.n, x.r, count(*) from (select region || '' as r, num as n from legs) x join stops s on s.region = x.r and s.num = x.n group by 1, 2
with x as (select region, num, sum(km) as s from legs group by region, num) select count(*), avg(s) from x
with x as (select region, num, sum(km) as s from legs group by region, num) select x.region, x.num, x.s, s.place from x join stops s using (region, num)
select region, num from legs union select region, num from stops
! select region, num, id from legs union all select region, num, id from stops order by 1, 2, 3
select num, region from legs union select num, place from stops
select region, num, k from legs l, lateral (select count(*) as k from stops s where s.region = l.region and s.num = l.num) c
?select l.num, f.g, count(*) from legs l join facts f on f.tenant_id = l.num group by 1, 2
select region, num, grouping(region, num), count(*) from legs group by rollup (region, num)
select region, num, km, count(*) from legs group by region, num, rollup (km)
select count(distinct (region, num)), count(distinct region), count(distinct num) from legs
select count(*), sum(l.km) from legs l natural join (select region, num, id from stops) s

# odds and ends
! select f.tenant_id, f.id from facts f order by f.at::date, f.ts::time, 1, 2
! select f.tenant_id, f.id from facts f order by extract(year from f.d) desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.n::float8, 1, 2
! select f.tenant_id, f.id from facts f order by f.f::numeric, 1, 2
! select f.tenant_id, f.id from facts f order by -f.f, 1, 2
! select f.tenant_id, f.id from facts f order by abs(f.f) desc, f.f desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.n * f.n desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by array[f.i, f.s], 1, 2
! select f.tenant_id, f.id from facts f order by array[f.g, f.vc], 1, 2
! select f.tenant_id, f.id from facts f order by int4range(f.i, f.i + 2), 1, 2
! select f.tenant_id, f.id from facts f order by f.rg * int4range(1, 4), 1, 2
! select f.tenant_id, f.id from facts f order by to_jsonb(f.g), 1, 2
! select f.tenant_id, f.id from facts f order by jsonb_build_array(f.i, f.g), 1, 2
! select f.tenant_id, f.id from facts f order by f.j ->> 0, 1, 2
! select f.tenant_id, f.id from facts f order by f.j::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.js::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.iv * 2, 1, 2
! select f.tenant_id, f.id from facts f order by f.at + f.iv, 1, 2
! select f.tenant_id, f.id from facts f order by f.d + f.t, 1, 2
! select f.tenant_id, f.id from facts f order by f.tz at time zone 'UTC', 1, 2
! select f.tenant_id, f.id from facts f order by f.ip << '10.0.0.0/8', 1, 2
! select f.tenant_id, f.id from facts f order by network(f.ip), 1, 2
! select f.tenant_id, f.id from facts f order by f.bp::int, f.bp & B'100', 1, 2
! select f.tenant_id, f.id from facts f order by f.k || '\x01', length(f.k), 1, 2
! select f.tenant_id, f.id from facts f order by encode(f.k, 'hex'), 1, 2
! select f.tenant_id, f.id from facts f order by md5(f.g) desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.u::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.x * 2, 1, 2
! select f.tenant_id, f.id from facts f order by f.x::numeric, 1, 2
! select f.tenant_id, f.id from facts f order by f.ok and f.i > 0, 1, 2
! select f.tenant_id, f.id from facts f order by f.g is null, f.g > f.h collate "C", 1, 2
! select f.tenant_id, f.id from facts f order by initcap(f.g), reverse(f.g), 1, 2
! select f.tenant_id, f.id from facts f order by lpad(f.g, 3, '0'), 1, 2
! select f.tenant_id, f.id from facts f order by format('%s-%s', f.g, f.i), 1, 2
! select f.tenant_id, f.id from facts f order by f.g || f.h, 1, 2
! select f.tenant_id, f.id from facts f order by f.g || f.nm, 1, 2
! select f.tenant_id, f.id from facts f order by f.h < f.g, 1, 2
! select f.tenant_id, f.id from facts f order by translate(f.g, 'ab', 'xy'), 1, 2
! select f.tenant_id, f.id from facts f order by string_to_array(f.g, ' '), 1, 2
! select f.tenant_id, f.id from facts f order by f.md = 'ok', enum_first(f.md), 1, 2
! select f.tenant_id, f.id from facts f order by f.mds[1], 1, 2
~! select f.tenant_id, f.id from facts f order by f.tags || f.ctags, 1, 2
~! select f.tenant_id, f.id from facts f order by f.ctags || 'z', 1, 2
~! select f.tenant_id, f.id from facts f order by array_append(f.tags, f.h), 1, 2
! select f.tenant_id, f.id from facts f order by cardinality(f.tags), f.tags[2], 1, 2
! select f.tenant_id, f.id from facts f order by xr, lower(xr), 1, 2
! select f.tenant_id, f.id from facts f order by f.q::text, f.q::int, 1, 2
! select f.tenant_id, f.id from facts f order by (f.c || '')::char(2), 1, 2
! select f.tenant_id, f.id from facts f order by f.c collate "C" desc, f.c::text, 1, 2
! select f.tenant_id, f.id from facts f order by f.vc collate "de-x-icu", 1, 2
! select f.tenant_id, f.id from facts f order by f.vc collate pg_catalog."C" desc nulls last, 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate "default", 1, 2
! select f.tenant_id, f.id from facts f order by f.h collate "default", 1, 2
! select f.tenant_id, f.id from facts f order by f.h collate pg_catalog."default" desc, 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate ucs_basic, 1, 2
! select f.tenant_id, f.id from facts f order by f.g collate "und-x-icu", 1, 2
! select f.tenant_id, f.id from facts f order by f.ls, f.id, 1
! select f.tenant_id, f.id from facts f order by f.ls collate "C", 1, 2
select f.ls collate "C", count(*) from facts f group by f.ls collate "C"
select f.ls collate "C", count(*) from facts f group by 1
?select f.g collate loose, count(*) from facts f group by 1
?select count(distinct f.g collate loose), count(distinct f.lg collate "C") from facts f
select distinct f.lg collate "C" from facts f
select distinct on (f.lg collate "C") f.lg collate "C" from facts f
select min(f.lg collate "C"), max(f.ls collate "C") from facts f
select f.lg = 'a', count(*) from facts f group by f.lg = 'a'
select f.lg = 'A' collate "C", count(*) from facts f group by 1
select count(*) from facts f where f.lg = 'A'
select count(*) from facts f where f.lg in ('A', 'b')
select count(*) from facts a join facts b on a.tenant_id = b.tenant_id and a.lg = b.lg
?select upper(f.lg), count(*) from facts f group by upper(f.lg)
?select string_agg(distinct f.lg, ',' order by f.lg) from facts f
select mode() within group (order by f.lg) is null from facts f
select case when f.lg = 'a' then 'x' else 'y' end, count(*) from facts f group by 1
select case f.lg when 'a' then f.g else f.vc end, count(*) from facts f group by 1
?select case when f.i = 1 then f.lg else 'y' end, count(*) from facts f group by 1
select case when f.i = 1 then f.h else f.g end, count(*) from facts f group by 1
?select f.lg || '', count(*) from facts f group by f.lg || ''
?select f.lg::varchar, count(*) from facts f group by 1
?select coalesce(f.lg, f.g), count(*) from facts f group by 1
?select array[f.lg], count(*) from facts f group by 1
?select array_agg(distinct f.lg) from facts f
select row_number() over (partition by f.tenant_id, f.lg order by f.id), f.tenant_id, f.id from facts f
select rank() over (partition by f.tenant_id order by f.lg), f.tenant_id, f.id from facts f
select f.tenant_id, f.lg = lag(f.lg) over (partition by f.tenant_id order by f.id) from facts f
?select lg from facts union select state from orders
select distinct jsonb_build_object('a', f.lg)  from facts f
select to_jsonb(f.lg), count(*) from facts f group by 1
select f.xr, count(*) from facts f group by f.xr
select count(distinct f.pt), count(distinct f.xr), count(distinct f.pts) from facts f
select f.pt = row('a', 1)::pt, count(*) from facts f group by 1
select json_agg(f.g order by f.lg, f.tenant_id, f.id) from facts f
select array_agg(f.id order by f.lg, f.tenant_id, f.id) from facts f
select array_agg(f.lg order by f.lg, f.tenant_id, f.id) from facts f
select percentile_disc(0.5) within group (order by f.lg) is null from facts f
select max(f.lg) is null from facts f
select f.ok, max(f.lg) = 'a' from facts f group by f.ok
?select f.g from facts f where f.id = 0 group by f.g, f.lg having count(*) > 0
select xmlagg(xmlelement(name x, f.i) order by f.tenant_id, f.id)::text from facts f
select xmlforest(f.i as a)::text, count(*) from facts f group by f.i
select f.d, count(*) from facts f group by f.d having f.d < date '2026-01-02'
select f.md, count(*) from facts f group by f.md having f.md > 'sad'
select f.md, f.p, count(*) from facts f group by f.md, f.p order by f.md desc nulls last, f.p
! select f.md, f.p, count(*) from facts f group by f.md, f.p order by f.md desc nulls last, f.p limit 3
! select f.mds, count(*) from facts f group by f.mds order by f.mds desc limit 2
! select f.tz, count(*) from facts f group by f.tz order by f.tz limit 3
! select f.ip, count(*) from facts f group by f.ip order by f.ip desc nulls last limit 3
! select f.xr, count(*) from facts f group by f.xr order by f.xr limit 2
! select f.pt, count(*) from facts f group by f.pt order by f.pt limit 3
! select f.rg, count(*) from facts f group by f.rg order by f.rg desc limit 3
! select f.x, count(*), sum(f.x) from facts f group by f.x order by f.x limit 3
! select f.k, f.bp, count(*) from facts f group by f.k, f.bp order by f.k, f.bp
! select f.at, count(*) from facts f group by f.at order by f.at
! select f.ts, f.d, count(*) from facts f group by f.ts, f.d order by 1 desc, 2
! select date_trunc('day', f.at), count(*) from facts f group by 1 order by 1
! select date_trunc('day', f.at, 'Asia/Tokyo'), count(*) from facts f group by 1 order by 1
?! select date_bin('3 days', f.at, '2000-01-01') as b, count(*) from facts f where isfinite(f.at) group by b order by b
! select to_char(f.at, 'YYYY-MM-DD HH24 TZ'), count(*) from facts f group by 1 order by 1
! select extract(dow from f.d), extract(epoch from f.t), count(*) from facts f group by 1, 2 order by 1, 2
! select f.iv = '1 mon', count(*) from facts f group by 1 order by 1
! select justify_hours(f.iv) = '1 day', count(*) from facts f group by 1 order by 1
select sum(extract(epoch from f.iv)), avg(extract(epoch from f.iv)) from facts f
select sum(f.r::numeric), avg(f.f::numeric) from facts f where f.r not in ('NaN') and f.f not in ('NaN', 'Infinity', '-Infinity')
select max(f.r), min(f.r) = 0, max(f.f) from facts f
select count(*) filter (where f.f = 'NaN'), count(distinct f.f), count(distinct f.r) from facts f
select f.f = 0, count(*) from facts f group by f.f = 0
select abs(f.f), count(*) from facts f group by abs(f.f)
select f.f + 0.0, count(*) from facts f group by 1
select round(f.f), count(*) from facts f where f.f > 0 group by 1
select f.r::text, f.f::text, count(*) from facts f group by 1, 2
select f.n::text, count(*) from facts f group by 1
select trim_scale(f.n), count(*) from facts f group by 1
select f.n::int, count(*) from facts f where f.n between 0 and 10 group by 1
select scale(f.n), count(*) from facts f group by 1
select min(scale(f.n)), max(scale(f.n)) from facts f
select power(f.i, 2), sqrt(f.i), count(*) from facts f where f.i > 0 group by 1, 2
?select random() from facts
?select gen_random_uuid() from facts
?select f.i, generate_series(1, 2) from facts f
?select generate_series(1, 2), count(*) from facts f
~select count(*) from facts f, generate_series(1, 3) s where f.i = s
?select jsonb_array_elements(f.j) from facts f
select e.value, count(*) from facts f, jsonb_array_elements(case when jsonb_typeof(f.j) = 'array' then f.j else '[]' end) e group by e.value
select e.key, count(*) from facts f, jsonb_each(case when jsonb_typeof(f.j) = 'object' then f.j else '{}' end) e group by e.key
select x.a, count(*) from facts f, jsonb_to_record(case when jsonb_typeof(f.j) = 'object' then f.j else '{}' end) as x(a int) group by x.a
select count(*) from facts f where f.j @> '{"a":1}' or f.j ? 'b'
select count(*) from facts f where f.rg @> 2 or f.ia && array[2] or f.tags @> array['a']
?select 'a' 'b' from facts
# queries whose rows a server goes on with
! select 'facts' as what, count(*), sum(i) from facts union all select 'orders', count(*), sum(total) from orders union all select 'none', 0, null order by 1
! select what, n from (select 'a' as what, count(*) as n from facts union all select 'b', count(*) from orders) x order by n desc, what
select null, count(*) from facts union all select 1, 2
?select null, i from facts union all select 1, 2
?select $1, i from facts union all select 1, 2 -- 3
select null::int, i from facts union all select 1, 2
select 'x' union all select g from facts
select 'x', count(*) from facts union select g, 1 from facts
select c from facts union select vc from facts
select count(*) from facts union all select max(i) from facts union all select avg(m) from facts
(select g, h from facts order by h, g, tenant_id, id limit 3) union all (select state, state from orders order by state, tenant_id, id limit 2)
select g from facts union select h from facts
select g from facts union all select h from facts
select tenant_id, id from facts intersect select tenant_id, id from orders
select tenant_id, id from facts except select tenant_id, id from orders
select tenant_id, i from facts intersect all select tenant_id, total from orders
select tenant_id, i from facts except all select tenant_id, total from orders
! select tenant_id, id from facts except select tenant_id, id from orders order by 2, 1 limit 5
! select tenant_id, id from facts except all (select tenant_id, id from orders union select tenant_id, total from orders) order by tenant_id, id
select tenant_id, id from facts union all (select tenant_id, id from facts intersect select tenant_id, id from orders)
select tenant_id, id from facts union (select tenant_id, id from facts except select tenant_id, id from orders)
select id, tenant_id from facts intersect select tenant_id, id from orders
select f.tenant_id, o.id from facts f left join orders o using (tenant_id, id) except select tenant_id, id from orders
select o.tenant_id, o.id from facts f left join orders o using (tenant_id, id) except select tenant_id, id from orders where id > 0
select o.tenant_id, o.id from facts f left join orders o using (tenant_id, id) intersect all select o.tenant_id, o.id from facts f left join orders o using (tenant_id, id)
select region, num, id from legs except select region, num, id from stops
select num, region, id from legs intersect select num, region, id from stops
select region, num from legs except select region, id from stops
select num, id from legs intersect select num, id from stops
select sl, count(*) from facts group by sl intersect select sl, count(*) from facts group by sl
! select x.g, rank() over (order by x.g) from (select distinct h as g from facts) x order by x.g
! select x.sl, row_number() over (order by x.sl) from (select sl from facts group by sl) x order by sl
! select x.nm, row_number() over (order by x.nm) from (select nm from facts group by nm) x order by nm
! select x.y, row_number() over (order by x.y) from (select nm::text as y from facts group by nm::text) x order by y
! select x.g, x.h, x.g > 'a' as a, x.h > 'a' as b from (select g, h, tenant_id, id from facts order by tenant_id, id limit 15) x order by x.h, x.g, x.tenant_id, x.id
! select x.m, x.n from (select max(g) as m, min(h) as n, i from facts group by i) x order by x.n, x.m, x.i
select count(*) over (partition by x.lg) from (select lg, tenant_id, id from facts order by tenant_id, id limit 20) x
select count(*) from (select lg, tenant_id, id from facts order by tenant_id, id limit 30) x where x.lg = 'A'
select count(*) from (select ls, tenant_id, id from facts order by tenant_id, id limit 30) x where x.ls = 'A'
select count(*) from (select sl, tenant_id, id from facts order by tenant_id, id limit 30) x where x.sl < 'a'
! select x.*, length(x.c), x.c || '|', x.vc || '|', x.nm || '|' from (select tenant_id, id, c, vc, nm, bp, vb, n, m, f, r, iv, at, ts, d, t, tz, u, tags, ctags, ia, na from facts order by tenant_id, id limit 20) x order by 1, 2
! select x.* from (select tenant_id, id, rg, mr, nr, xr, ip, cd, mac, j, js, x, md, mds, p, pt, pts, k, date, upper, "Sum", count, q from facts order by tenant_id, id limit 20) x order by 1, 2
! select x.md, x.j, x.xr, x.pt, x.rg from (select md, j, xr, pt, rg, tenant_id, id from facts order by tenant_id, id limit 25) x order by x.md, x.xr, x.pt, x.j, x.rg, x.tenant_id, x.id
select count, upper, "Sum" from (select count(*), upper(h), sum(i) as "Sum" from facts group by h) x
select "?column?" from (select i % 2 + 1 from facts group by i % 2 + 1) x
select x.date from (select date(at), count(*) from facts group by date(at)) x
select x.a, x.b from (select g, count(*) from facts group by g) x (a, b)
?with facts as (select tenant_id, i from facts) select count(*) from facts a, facts b
with a as (select count(*) as c from facts), b as (select c + 1 as d from a) select c, d from b, a
with a (k, n) as (select g, count(*) from facts group by g), b as (select state as k, count(*) as n from orders group by state) select a.k, a.n, b.n from a full join b on a.k = b.k
with a as (select g, count(*) as n from facts group by g) select x.g, x.n, (select max(n) from a) from a x where x.n >= (select avg(n) from a)
with a as materialized (select tenant_id, id, g from facts where i = 1) select count(*) from a x join a y on x.g = y.g
?with a as (select g, count(*) as n from facts group by g) select 1
?with recursive r as (select count(*) as n from facts union all select n - 1 from r where n > 95) select n from r
?select (select count(*) from facts f where f.i = p.id) from plans p
?select p.id from plans p where exists (select 1 from facts f where f.i = p.id)
?select * from facts where n > (select avg(n) from facts where n < 1000)
?select g, count(*) * 100.0 / (select count(*) from facts) from facts group by g
select x.g, x.n * 100.0 / (select count(*) from facts) from (select g, count(*) as n from facts group by g) x
select x.g from (select g, count(*) as n from facts group by g) x where n > (select count(*) / 8 from facts)
select (select count(*) from facts) as a, (select max(total) from orders), exists (select 1 from facts where i = 77), array(select distinct h from facts order by h)
?select exists (select from facts)
select exists (select * from facts), not exists (select 1 from orders where total > 100)
select p.id, p.id in (select i from facts), p.id not in (select i from facts), p.id not in (select i from facts where i is not null) from plans p
select p.id from plans p where (p.id, 'a') in (select i, g from facts)
select p.id from plans p where p.id > all (select i from facts where i is not null)
select p.name, x.n from plans p left join (select i, count(*) as n from facts group by i) x on x.i = p.id
select p.name, sum(x.n) from plans p join (select i, count(*) as n from facts group by i) x on x.i = p.id group by p.name
! select p.id from plans p order by p.id limit (select count(*) from facts where i = 2)
select now() = (select max(now()) from facts), (select count(*) from facts where at < now())
select x.t = now(), x.c, now() is null from (select now() as t, count(*) as c from facts) x
select x.n + $1 from (select count(*) as n from facts where i > $2) x -- 1 ;; 1
?select x.n + $1 from (select count(*) as n from facts where i > $1) x -- 1
! select x.i from (select i, tenant_id, id from facts order by i, tenant_id, id limit $1) x order by x.tenant_id, x.id -- 5
?! select x.i from (select i, tenant_id, id from facts order by i, tenant_id, id offset 3) x order by x.tenant_id, x.id
?select x.i from (select g, i, count(*) from facts group by g, i) x offset 2
! select x.i from (select i, count(*) as c from facts group by i order by c desc, i limit 3 offset 1) x order by 1
! select x.i, x.c from (select i, count(*) as c from facts group by i order by c desc fetch first 1 row with ties) x order by 1
select row_to_json(x) from (select h, count(*) as n from facts group by h) x
select x from (select h, count(*) as n from facts group by h) x
select count(x), count(distinct x) from (select h, count(*) as n from facts group by h) x
?select array_agg(x.h) from (select h from facts group by h) x
select array_agg(x.h order by x.h), string_agg(x.h, ',' order by x.h desc), json_agg(x.n order by x.n, x.h) from (select h, count(*) as n from facts group by h) x
?select sum(x.f) from (select max(f) as f from facts group by h) x
?select avg(x.a) over () from (select max(f) as a from facts group by h) x
select sum(x.f::numeric) from (select max(i)::float8 as f from facts group by h) x
select sum(x.s), avg(x.a), max(x.m), stddev(x.c) from (select sum(n) filter (where n < 1e9 and n > -1e9) as s, avg(i) as a, max(m) as m, count(*) as c from facts group by h) x
select sum(x.s) from (select sum(s) as s from (select sum(i) as s from facts group by g) y group by s % 2) x
select count(*) from (select x.k from (select tenant_id % 4 as k from facts group by 1) x group by 1) z
select x.k, x.c from (select g as k, count(*) as c from facts group by g union all select state, count(*) from orders group by state) x where x.c > 1
select coalesce(x.k, 'none'), sum(x.c) from (select g as k, count(*) as c from facts group by g union all select state, count(*) from orders group by state) x group by 1
select count(*) from (select 1 from facts limit 7) x, (select 1 from orders limit 3) y
# windows over the rows of all shards
! select tenant_id, id, rank() over (order by g), dense_rank() over (order by h), ntile(3) over (order by h, tenant_id, id) from facts order by 1, 2
! select tenant_id, id, rank() over (order by sl), rank() over (order by nm), rank() over (order by g collate "C") from facts order by 1, 2
! select tenant_id, id, rank() over (order by nm::text) from facts order by 1, 2
?! select tenant_id, id, count(*) over (partition by lg) from facts order by 1, 2
! select tenant_id, id, rank() over (order by lg) from facts order by 1, 2
! select tenant_id, id, count(*) over (partition by n), count(*) over (partition by f), count(*) over (partition by iv), count(*) over (partition by c), rank() over (order by j) from facts order by 1, 2
! select tenant_id, id, sum(i) over v, count(*) over w from facts window w as (partition by g), v as (w order by tenant_id, id) order by 1, 2
! select tenant_id, id, count(*) over (order by d range between interval '1 day' preceding and current row) from facts order by 1, 2
! select tenant_id, id, lag(i, 1, -7) over (order by tenant_id, id), nth_value(h, 2) over (order by tenant_id, id), last_value(g) over (order by tenant_id, id rows between current row and 2 following exclude ties) from facts order by 1, 2
! select tenant_id, id, sum(m) filter (where ok) over (order by tenant_id, id), percent_rank() over (order by i), cume_dist() over (partition by ok order by i) from facts order by 1, 2
?select json_agg(i) over (order by tenant_id, id) from facts
?select string_agg(g, ',') over (order by tenant_id, id) from facts
?select sum(f) over (order by tenant_id, id) from facts
?select avg(i::float8) over (order by tenant_id, id) from facts
! select g, tenant_id, id from facts order by row_number() over (order by i desc nulls last, tenant_id, id)
! select distinct h, count(*) over (partition by h) from facts order by h
! select distinct on (h) h, row_number() over (order by tenant_id, id), tenant_id, id from facts order by h, tenant_id, id
! select x.*, row_number() over (order by x.h, x.tenant_id, x.id) as rn from (select tenant_id, id, h from facts) x order by rn
! select row_number() over (order by x.h, x.tenant_id, x.id) as rn, * from (select tenant_id, id, h from facts) x order by 4, 1
! select * from (select x.*, row_number() over (partition by x.g order by x.h, x.tenant_id, x.id) as rn from (select tenant_id, id, g, h from facts) x) y where rn <= 2 order by g, rn
?! select x.*, y.*, row_number() over (order by x.h, x.tenant_id, x.id) as rn from (select tenant_id, id, h from facts) x join plans y on y.id = 1 order by rn
?select distinct x.*, count(*) over () from (select h, ok from facts) x
! select tenant_id, id, i + row_number() over (order by tenant_id, id) * 2, case when rank() over (order by i) > 3 then h else 'low' end from facts order by 1, 2
! select tenant_id, id, (select count(*) from orders o where o.tenant_id = f.tenant_id) + count(*) over () from facts f order by 1, 2
! select tenant_id, id, rank() over (order by (select count(*) from orders o where o.tenant_id = f.tenant_id)) from facts f order by 1, 2
! select f.tenant_id, f.id, o.id, rank() over (order by o.total, f.i) from facts f left join orders o on o.tenant_id = f.tenant_id order by 1, 2, 3
! select tenant_id, id, rank() over (order by i + $1) from facts where i > $2 order by 1, 2 limit $3 -- 1 ;; 0 ;; 6
?! select tenant_id, id, rank() over (order by i) + $1 from facts where i > $1 order by 1, 2 -- 1
! select tenant_id, id, now() > at, rank() over (order by at < now()) from facts order by 1, 2
! select count(*) over (), 'x' as x, 1 from facts order by 1 limit 2
! select region, num, id, sum(km) over (partition by region order by num, id) from legs order by 1, 2, 3
# what a window gives has the collation of what it was given
! select tenant_id, id, lag(h) over (order by tenant_id, id) as x from facts order by x, tenant_id, id
! select tenant_id, id, lag(h) over (order by tenant_id, id) as x from facts order by 3, 1, 2
! select tenant_id, id from facts order by first_value(h) over (partition by tenant_id order by id), tenant_id, id
! select tenant_id, id, lag(h) over (order by tenant_id, id) > 'a', lag(sl) over (order by tenant_id, id) > 'a', lag(g) over (order by tenant_id, id) > 'a' from facts order by 1, 2
! select tenant_id, id, h > lag(h) over (order by tenant_id, id), lag(g) over (order by tenant_id, id) < g from facts order by 1, 2
! select tenant_id, id, case when count(*) over () > 1 then h end as x from facts order by x, tenant_id, id
! select distinct lag(h) over (order by tenant_id, id) as x from facts order by x
! select tenant_id, id, coalesce(lag(h, 1, h) over (order by tenant_id, id), 'B') as x from facts order by x, tenant_id, id
! select tenant_id, id, upper(h), lower(nm), rank() over (order by id) from facts order by 1, 2
! select tenant_id, id, upper(h) as x, rank() over (order by id) from facts order by x, 1, 2
! select tenant_id, id, lag(upper(h)) over (order by tenant_id, id) > 'A' from facts order by 1, 2
?select distinct lag(lg) over (order by tenant_id, id) from facts
! select tenant_id, id, lag(lg) over (order by tenant_id, id) = 'A' from facts order by 1, 2
# an array has the order of its query's rows
?select array(select i from facts)
?select array(select g from (select g, count(*) from facts group by g) x)
?select array(select g from facts union select state from orders)
?select array(select p.id from plans p where p.id in (select i from facts))
select array(select i from facts order by i, tenant_id, id)
select array(select g from facts union select state from orders order by 1)
select array(select p.id from plans p where p.id in (select i from facts) order by 1)
# names, numbers of rows and arguments that reach the ends of what there is
select count(*) as "rows", i as c1, s as c2 from facts group by c1, c2
! select count(*) as c1, i as rows from facts rows group by rows.i order by c1, rows
select rows.i, count(*) from facts as rows group by rows.i having max(rows.s) > 0
select i as "x""y z", count(*) as ";drop" from facts group by "x""y z"
select i as "éééééééééééééééééééééééééééé", count(*) from facts group by "éééééééééééééééééééééééééééé"
! select i from facts order by i limit 9223372036854775807 offset 9223372036854775807
! select i from facts order by i limit $1 offset $2 -- 9223372036854775807 ;; 9223372036854775807
! select i from facts order by i limit $1 offset $2 -- 9223372036854775807 ;; 5
! select i, count(*) from facts group by i order by i limit $1 offset $2 -- 9223372036854775807 ;; 9223372036854775807
! select distinct i from facts order by i limit $1 offset $2 -- 9223372036854775807 ;; 9223372036854775807
select max(i) from facts having max(i) is null
select i, s, grouping(i, s), count(*) from facts where false group by cube(i, s)
select sum(9223372036854775807::bigint), avg(9223372036854775807::bigint) from facts
select sum(null::numeric), avg(null::int), sum(null::interval) from facts
select percentile_cont('{0.1,null,0.9}'::float8[]) within group (order by f.i) from facts f
select percentile_disc(null) within group (order by f.i) from facts f
select rank(null) within group (order by i) from facts
# a whole row written with a star is one value, not its columns
?select json_agg(x.* order by x.i) from (select i from facts) x
select json_agg(row_to_json(x.*) order by x.i)::text from (select i from facts) x
select json_agg(row_to_json(x) order by x.i)::text from (select i from facts) x
?select count(distinct x.*) from (select i from facts) x
?select array_agg(distinct x.*) from (select i from facts) x
?select lag(x.*) over (order by x.i) from (select i from facts) x
?select rank() over (order by x.*) from (select i from facts) x
?select count(*) over (partition by row(x.*)) from (select i from facts) x
?! select x.i from (select i, tenant_id, id from facts) x order by x.*
?select distinct on (x.*) x.i from (select i from facts) x
?select mode() within group (order by (x.*)) from (select i from facts) x
select count(x.*), count(x.*) filter (where x.* is null), count(*) from (select i from facts) x
?! select x.i from (select i from facts) x order by x
?select distinct x from (select i from facts) x
?! select tenant_id, id from facts order by (i, g), 1, 2
# lists of keys of several columns
select region, num, id, km from legs where (region, num) in (('a', 1), ('b', 2), ('a', 1), ('A', 3))
select region, num, id, km from legs where (num, region) in ((1, 'a'), ('2', 'b'::text), (3::bigint, $1)) -- 'ab'
select region, num, id, km from legs where (region, num) in (('a', 1), (null, 2), ('b', null))
select count(*), sum(km) from legs where (region, num) in ((null, 2), ('b', null))
select region, num, id, km from legs where (region, num) in (('a', 1), ('', 2))
select region, num, id, km from legs where (region, num) in (('a', 1), ($1, 2)) -- ''
select region, num, id, km from legs where (region, num) not in (('a', 1), ('b', 2))
select region, num, id, km from legs where (region, num) in (('a', 1), ('b', 2)) or km = 1
select region, num, id, km from legs where not ((region, num) in (('a', 1), ('b', 2)))
select region, num, id, km from legs where (region, num) in (('a', 1), ('b', 2)) is not true
~select region, num, id, km from legs where (region, num) in (('a', 1), ('b', 'x'))
~select region, num, id, km from legs where (region, num) in (('a', 1), (2::int, 'b'::text))
select region, num, id, km from legs where (region, num, km) in (('a', 1, 1), ('b', 2, id), ('a', 2, num))
select region, num, id, km from legs where (region, num) in (('a', 1), ('b', (select max(id)::int from plans)))
select l.region, l.num, l.id, l.km, s.place from legs l join stops s using (region, num) where (region, num) in (('a', 1), ('b', 2), ('ab', 3))
select l.region, l.num, l.id, l.km, s.place from legs l left join stops s on s.region = l.region and s.num = l.num and (s.num, s.region) in ((1, 'a'), (2, 'b')) where l.num < 3
select l.region, l.num, l.id, l.km, s.place from legs l left join stops s on s.region = l.region and s.num = l.num where (l.region, l.num) in (('a', 1), ('b', 2)) and (s.num, s.region) in ((1, 'a'), (2, 'b'), (3, 'a'))
?select l.region, l.num, l.id, l.km, s.place from legs l cross join stops s where (l.region, l.num) in (('a', 1), ('b', 2), ('ab', 3), ('A', 0)) and (s.num, s.region) in ((1, 'a'), (2, 'b'), (0, 'a-b'))
select region, num, count(*) from legs where (region, num) in (('a', 1), ('b', 2), ('ab', 3)) group by region, num
select km, count(*) from legs where (region, num) in (('a', 1), ('b', 2), ('ab', 3)) group by km
! select region, num, id, km from legs where (region, num) in (('a', 1), ('b', 2), ('ab', 3)) order by km desc, region, num, id limit 3
select region, num from legs where (region, num) in (('a', 1), ('b', 2)) union all select region, num from stops where (region, num) in (('ab', 0), ('A', 3))
select region, num from legs where (region, num) in (('a', 1), ('b', 2)) except select region, num from stops where region = 'a' and num in (1, 2)
select region, num, id, km from legs where region = 'a' and num in (1, 2, 2, null)
select region, num, id, km from legs where region = any(array['a', 'b', null]) and num = any(array[1, 3])
select region, num, id, km from legs where region = any($1) and num = any($2::int[]) -- '{a,b,NULL}' ;; '{1,3,1}'
select region, num, id, km from legs where region = any($1) and num = any($1::text::int[]) -- '{1,2}'
select region, num, id, km from legs where region in ('a', 'b') and num = any('{}'::int[])
select region, num, id, km from legs where region in ('a', 'b') and num = any(null::int[])
select region, num, id, km from legs where region = 'a' and num between 1 and 2
select region, num, id, km from legs where (region, num) in (select * from unnest(array['a', 'b', 'ab'], array[1, 2]))
select region, num, id, km from legs where (region, num) in (select * from unnest(array['a', null, 'ab'], array[1, 2, null]))
select region, num, id, km from legs where (num, region) in (select n, r from unnest(array['a', 'b'], array[1, 2]::smallint[]) as u (r, n) where n > 1)
select region, num, id, km from legs where (region, num) in (select * from unnest($1::text[], $2::int[])) -- '{a,b,NULL,ab}' ;; '{1,2,3}'
select region, num, id, km from legs where (region, num) not in (select * from unnest(array['a', 'b'], array[1, 2]))
select region, num, id, km from legs where (region, num) not in (select * from unnest(array['a', 'b'], array[1]))
select region, num, id, km from legs where (region, num) = any (select * from unnest(array['a', 'b'], array[1, 2]))
select region, num, id, km from legs where (region, num) in (select unnest(array['a', 'b', 'ab']), unnest(array[1, 2]))
~select region, num, id, km from legs where (region, num) in (select * from unnest(array['a', 'b'], array['1', '2']))
~select region, num, id, km from legs where (region, num) in (select * from unnest(array['a', 'b']))
select l.region, l.num, l.id, l.km, u.n, u.at from legs l join unnest(array['a', 'b', 'a', null], array[1, 2, 1, 1]) with ordinality as u (r, n, at) on (u.r, u.n) = (l.region, l.num)
! select l.region, l.num, l.id, l.km, u.at from legs l join unnest(array['b', 'a', 'a'], array[2, 1, 1]) with ordinality as u (r, n, at) on (u.r, u.n) = (l.region, l.num) order by u.at desc, l.id
?select l.region, l.num, l.id, l.km, u.* from unnest(array['a', 'zz'], array[1, 1]) as u (r, n) left join legs l on (u.r, u.n) = (l.region, l.num)
select l.region, l.num, l.id, l.km from legs l join (values ('a', 1), ('b', 2), ('a', 1)) v (r, n) on v.r = l.region and v.n = l.num
select region, num, id, km from legs where (region, num) in (values ('a', 1), ('b', 2), (null, 1))
with v (r, n) as (values ('a', 1), ('b', 2)) select l.region, l.num, l.id, l.km from v x, v y, legs l where l.region = x.r and l.num = y.n
with v (r, n) as (values ('a', 1), ('b', 2)) select region, num, id, km from legs where region in (select r from v) and num in (select n from v)
with v (r, n) as (values ('a', 1), ('b', 2)) select region, num, id, km from legs where (region, num) in (select * from v) and exists (select from v where r = region and n <> num)
with recursive v (r, n) as (select * from (values ('a', 1), ('b', 2)) z (r, n) union select x.r, y.n from v x, (values (1), (2)) y (n)) select l.region, l.num, l.id, l.km from legs l join v on v.r = l.region and v.n = l.num
with v as materialized (select * from unnest(array['a', 'b'], array[1, 2]) as u (r, n)) select l.region, l.num, l.id, l.km from legs l, v x, v y where l.region = x.r and l.num = y.n and x.n <= y.n
select tenant_id, id, g from facts where tenant_id in (select unnest(array[1, 2, 5, 5, null])) and id < 2
select f.id, u.k from facts f join unnest(array[1, 2, 5, 5, null]::bigint[]) as u (k) on u.k = f.tenant_id
select tenant_id, id from facts where tenant_id = any(array[1, 2, 5, 5, null])
select tenant_id, id from facts where tenant_id = any(array['1', '2']::bigint[])
~select tenant_id, id from facts where tenant_id = any(array['1', '2'])
select tenant_id, id from facts where tenant_id = any(array[1, 2.0])
select tenant_id, id from facts where (tenant_id, id) in ((1, 0), (2, 1), (5, 2), (5, null))
?select tenant_id, id from facts where tenant_id in (select tenant_id from orders where tenant_id in (1, 2, 5) limit 100)
select tenant_id, id from facts where tenant_id in (select tenant_id from orders where tenant_id = any(array[1, $1::bigint, 5])) -- 2
select tenant_id, id from facts f where tenant_id in (select tenant_id from orders o where tenant_id = 2) and not exists (select from orders o where o.tenant_id = f.tenant_id and o.id = f.id)
# collations that are derived: see the section on collations above
! select l, count(*) from facts, unnest(tags) as l group by l order by count(*) desc, l
! select l, count(*) from facts, unnest(ctags) as l group by l order by l
! select l, count(*) from facts f cross join lateral unnest(array[f.h, f.g]) as l group by l order by l
! select t.t, count(distinct f.tenant_id) from facts f cross join unnest(f.tags) t group by t.t order by t.t
select array_agg(distinct t.x order by t.x) from facts f cross join unnest(f.ctags) t(x)
select string_agg(distinct t.x, ',' order by t.x) from facts f cross join unnest(f.tags) t(x)
! select distinct l from facts, unnest(tags) l order by l
! select distinct unnest from facts, unnest(ctags) order by unnest
! select s.w, count(*) from facts f, regexp_split_to_table(f.h, ' ') as s(w) group by s.w order by s.w
! select word, count(*) from facts f, string_to_table(f.g, ' ') as word group by word order by word
! select word, count(*) from facts f, unnest(string_to_array(f.h, ' ')) as word group by word order by word
! select field, count(*) from facts f, jsonb_object_keys(case when jsonb_typeof(f.j) = 'object' then f.j else '{}' end) field group by field order by field
! select e->>'a' as a, count(*) from facts f, jsonb_array_elements(case when jsonb_typeof(f.j) = 'array' then f.j else '[{"a":"b"},{"a":"B"}]' end) e group by 1 order by 1
! select e.value->>'a' as a, count(*) from facts f, jsonb_array_elements(case when jsonb_typeof(f.j) = 'array' then f.j else '[{"a":"b"},{"a":"B"}]' end) e group by 1 order by 1
! select value, count(*) from facts f, jsonb_array_elements_text(case when jsonb_typeof(f.j) = 'array' then f.j else '["b","B","a"]' end) group by value order by value
! select r.a, count(*) from facts f cross join lateral jsonb_to_record(jsonb_build_object('a', f.h)) as r(a text) group by r.a order by r.a
! select f.id, f.tenant_id from facts f order by (select o.state from orders o where o.tenant_id = f.tenant_id order by o.id limit 1), f.tenant_id, f.id
! select f.id, (select x.h from facts x where x.tenant_id = f.tenant_id and x.id = f.id) as h, f.tenant_id from facts f order by h, f.tenant_id, f.id
! select f.id, (select x.h from facts x where x.tenant_id = f.tenant_id and x.id = f.id) || f.g as h, f.tenant_id from facts f order by h, f.tenant_id, f.id
! select f.id, (array(select x.h from facts x where x.tenant_id = f.tenant_id order by x.id))[1] as h, f.tenant_id from facts f order by h, f.tenant_id, f.id
! select f.id, (select max(o.state) from orders o where o.tenant_id = f.tenant_id) as m, f.tenant_id from facts f order by m, f.tenant_id, f.id
! select coalesce(h, g) as tt, sum(i) from facts group by tt order by tt
! select coalesce(h, '?') as tt, count(*) from facts group by tt order by tt
! select h || '-' || g as tt, sum(i) from facts group by tt order by tt
! select lower(h) as tt, count(*) from facts group by tt order by tt
! select x.s, count(*) from (select upper(h) as s from facts) x group by x.s order by x.s
! select x.s, count(*) from (select upper(h) as s from facts) x group by x.s order by x.s || 'a'
~! select coalesce(x.s, x.y), count(*) from (select upper(h) as s, g collate "POSIX" as y from facts) x group by 1 order by 1
! select coalesce(x.s, g), count(*) from (select upper(h) as s, g from facts) x group by 1 order by 1
! select h from facts union select g from facts order by 1
! select h, count(*) from (select h from facts union all select state from orders) x group by h order by h
! select y, count(*) from (select g collate "POSIX" as y from facts union all select h from facts) x group by y order by y
?! select y, count(*) from (select g collate "POSIX" as y from facts union all select state from orders union all select h from facts) x group by y order by y
! select g, max(h), min(lower(h)) from facts group by g order by max(h), g
! select case when i > 1 then h else 'one' end as ss, count(*) from facts group by ss order by ss
! select case when i > 1 then g else 'one' end || sl as ss, count(*) from facts group by ss order by ss
! select nullif(h, g), count(*) from facts group by 1 order by 1
! select greatest(vc, h), count(*) from facts group by 1 order by 1
! select h::varchar(1), count(*) from facts group by 1 order by 1
! select (string_to_array(h, ''))[1], count(*) from facts group by 1 order by 1
! select j->>h, count(*) from facts group by 1 order by 1
! select length(h)::text, count(*) from facts group by 1 order by 1
! select nm::text || g, count(*) from facts group by 1 order by 1
! select lag(h) over (order by tenant_id, id) as p, tenant_id, id from facts order by p, tenant_id, id
! select v.x, count(*) from facts f, lateral (values (f.h), (f.g)) v(x) group by v.x order by v.x
! select distinct on (lower(h)) lower(h), id, tenant_id from facts order by lower(h), tenant_id, id
! select lower(h) as l, row_number() over (partition by lower(h) order by tenant_id, id) as n from facts order by l, n
? select lower(lg), count(*) from facts group by lower(lg)
?! select coalesce(g::slug, h), count(*) from facts group by 1 order by 1
# bounds that are computed, names that the library makes, numbers that each server gives
! select tenant_id, id from facts order by tenant_id, id limit 2+1
! select tenant_id, id from facts order by tenant_id, id limit 10*2 offset 3-1
! select tenant_id, id from facts order by tenant_id, id limit (2 + 3) * 2 offset (5-4)::int
! select tenant_id, id from facts order by tenant_id, id limit $1 offset ($2 - 1) * $1 -- 5 ;; 2
! select tenant_id, id from facts order by g, tenant_id, id limit $1 + 1 -- 5
! select g, count(*) from facts group by g order by g limit $1 offset $2::int * $1 -- 2 ;; 1
! select tenant_id, id from facts order by tenant_id, id limit $1 + 1 -- nil
! select tenant_id, id from facts order by tenant_id, id limit 3 offset $1 - 1 -- nil
! select tenant_id, id from facts order by tenant_id, id limit null + 1
select count(*) from (select 1 from facts limit 1 + 2) x
?! select tenant_id, id from facts order by tenant_id, id limit $1 - 7 -- 5
?! select tenant_id, id from facts order by tenant_id, id limit 2 - 3
?! select tenant_id, id from facts order by tenant_id, id limit 2000000000 * 2
?! select tenant_id, id from facts order by tenant_id, id limit 7 / 2
?! select tenant_id, id from facts order by tenant_id, id limit 2.5 + 1
! select id as keyway_order_1, tenant_id from facts order by keyway_order_1, lower(h), tenant_id
! select tenant_id as "keyway_order_1", id as keyway_order_2 from facts order by keyway_order_2, lower(g), keyway_order_1
! select distinct on (lower(h)) id as keyway_order_1, tenant_id from facts order by lower(h), keyway_order_1, tenant_id
?! select tenant_id, id from facts order by i::regclass, tenant_id, id
?select i::regtype::text, count(*) from facts group by 1
# calls that are columns: where no function of the name takes a row, f(x) is (x).f, and no aggregate
?select max(o) from orders o (tenant_id, id, state, max)
?select distinct sum(o) from orders o (tenant_id, id, state, sum)
?select count(*) from (select max(o) from orders o (tenant_id, id, state, max)) x
?select max(x) from (select total as max, tenant_id, id from orders) x
?select max(x.*) from (select total as max, tenant_id, id from orders) x
select max(x.max), sum(x.max) from (select total as max, tenant_id, id from orders) x
select count(o), count(o.*) from orders o (tenant_id, id, state, count)
select upper(z), date(z), count(*) from facts z group by upper(z), date(z)
! select upper(z), tenant_id, id from facts z order by z.upper desc nulls last, tenant_id, id
select min(md), max(md), min(p), max(p), sum(p), avg(p) from facts
select min(x.md), max(x.md), sum(x.p) from (select md, p from facts) x

with recursive r(a, b) as (select 1, 2 union all select a + 1, b from r where a < 5) search depth first by a, b set o select * from r order by o

with recursive r as materialized (select 1 as a union all select a from r) search breadth first by a set seq cycle a set is_cycle using path select * from r where not is_cycle

with recursive g(f, t) as (select f, t from edges where f = $1 union select e.f, e.t from edges e join g on e.f = g.t) cycle f, t set c to 'Y' default 'N' using p select * from g

with recursive x as (select 1) cycle a set b to date '2020-01-01' default null using c, y as (select 2) table y

with recursive a as (select * from b), b as (select 1) select * from a, b

with moved as (delete from a where x = $1 returning *), inserted as (insert into b select * from moved returning id), u as (update c set n = n + 1 from inserted i where i.id = c.id returning c.*) select (select count(*) from moved), (select count(*) from u)

with t as not materialized (select 1) insert into x with u as (select * from t) select * from u union all table t returning *

with w as (select 1 as k) update t set a = w.k from w where t.id = w.k

with w as (select 1 as k) delete from t using w where t.id = w.k returning t.*, w.k

select * from rows from (f(1) as (a int, b text collate "C"), generate_series(1, 3), s.g(x) as (c numeric(3,1)[])) with ordinality as r (p, q)

select * from lateral rows from (unnest($1::int[], $2::text[])) as u (a, b)

select mytype(3) 'x', s.mytype(1, 2) 'y', numeric(5, 2) '1.5', varchar(3) 'abc', bit(3) '101', bit varying(5) '1', timestamp(3) with time zone '2020-01-01', time(0) '10:00', interval(2) '1.234 s', character varying 'x', national character(3) 'y', n'z', dec '1', double precision '2'

select * from t order by a using <, b using operator(pg_catalog.>) nulls first, c asc nulls last, d desc

select a from t group by all a, b having count(*) > 1

select a from t group by distinct rollup (a, (b, c)), cube (d, e), grouping sets ((), a, (b, c), rollup (d), grouping sets (e, cube (f))), g + 1

select a, grouping(a, b), count(*) from t group by grouping sets ((a, b), (a), ()) order by grouping(a), 1 nulls first

select percentile_cont(array[0.25, 0.5]) within group (order by x desc), mode() within group (order by y using >) filter (where z), rank($1) within group (order by a, b nulls first) over (w) from t window w as ()

select sum(a) over (partition by b, c order by d rows between unbounded preceding and current row exclude ties), sum(a) over (w range between interval '1 day' preceding and '1 h'::interval following), sum(a) over (groups 2 preceding exclude group), lag(a, 1) over w, first_value(a) over (rows between 1 following and 3 following exclude no others) from t window w as (order by d)

select distinct on (a, lower(b)) a, b from t order by a, lower(b), c desc

select all a from only t as x (p, q), only (u), v *, s.w y

select * from t tablesample system (10), u as x tablesample s.bernoulli ($1) repeatable (42) where t.id = x.id

select * from a natural join b natural left outer join c natural right join d natural full join e natural inner join f

select * from (a left join b using (x, y) as j cross join c) as z (p), (d inner join lateral (select d.id) s on true)

select * from a join b join c on b.x = c.x on a.y = b.y full outer join d on false right join e using (k)

select a from t where (a, b) in ((1, 2), (3, 4)) and (c, d) = (select 1, 2) and row(e, f) is distinct from row(1, null) and (g, h) < (i, j) and row(k) is not null and (l).m.n is null and (row(1, 2)) = any (select 1, 2)

select array[]::int[], array[1, 2] || 3, (array[[1, 2], [3, 4]])[1:2][2], (array[1, 2, 3])[2:], a[:3], a[:], a[b[1]], array(select x from t order by y), '{1,2}'::int[3][], cast(a as int array), a::text array[4], (f(x))[1].y from t

select case a when 1 then 'x' when 2 then 'y' else null end, case when a is null then 1 end, coalesce(a, b), nullif(a, ''), greatest(1, 2, a), least(a)

select a collate "de_DE", a collate pg_catalog."C" < b, (a || b) collate x.y from t order by a collate "C" desc

select a at time zone 'utc' at time zone b, current_timestamp at time zone interval '1 h', timestamp '2020-01-01' - interval '1' year, a + interval '1-2' year to month * 3, interval '3 04:05:06' day to second(2), interval(3) '1 s', date '2020-02-30', time with time zone '10:00+1', extract(epoch from a - b), extract('isodow' from c), extract("Week" from d), (a, b) overlaps (c, interval '1 day') from t

select a operator(pg_catalog.=) b, a operator(+) b, operator(-) a, a <-> b, a <=> b, a ~~* b, a !~ b, a @-@ b, |/ a, ||/ b, @ c, a !! b, a -|- b, a &&& b, a ?# b, a <<| b, a |&> b, a ^@ b, a %% b, a *<> b, !! a, a >>= b, a |- b, ~ a & b # c | d << 1 >> 2 from t

select a like 'x%' escape '\', a not like b || '%', a ilike any (array['a', 'b']), a not ilike all (select x from y), a similar to 'x|y' escape '#', a not similar to b, a ~~ some ($1), a between symmetric 1 and 2, a not between asymmetric b and c, a = any ('{1}'::int[]), a <> all ($1), a > some (values (1), (2)), a is not unknown, a is not true, a isnull, b notnull, a is nfc normalized, b is not normalized from t

select trim(a), trim(both from a), trim(leading 'x' from a), trim(trailing from a), trim('x' from a, b), trim(both a, b), substring(a from 1), substring(a for 2), substring(a from 1 for 2), substring(a for 2 from 1), substring(a similar b escape c), substring(a, 1), overlay(a placing b from 1 for 2), overlay(a, b, 1), position('x' in a || b), normalize(a), normalize(a, nfkd), collation for (a), collation for ('x' collate "C") from t

select current_date, current_time(2), current_timestamp(0), localtime, localtimestamp(3), current_user, user, session_user, current_role, current_catalog, current_schema, pg_catalog.current_schema(), "current_date"

select f(), s.f(*), f(all a), f(distinct a, b order by a), f(a, variadic b), f(a => 1, "B" := 2), "F"(x), f(a order by b, c desc) filter (where d), count(*), left(a, 1), right(b, 2), overlaps(a, b, c, d), like(a, b), isnull(a) from t

select 1 as select, 2 as "from", 3 as order, a as table, b year_, c "Quoted ""x""", d äöü, e as day, 5 value, 6 name, 7 type from t

select t, t.*, s.t.*, t.a.b, (t).a, (s.t).b, ((t).a).b[1], $1.x, ($1).y.z, (select 1), (select r from r).x, (table u) from s.t

select 1 union select 2 union all select 3 intersect select 4 except all select 5 order by 1 limit 1 + 1 offset $1

(select 1 order by 1 limit 1) union all (select 2 offset 1) order by 1 desc nulls last fetch next 2 rows with ties

((select 1)) union ((values (1), (2))) except (table t) intersect distinct select 3

values (1, 'a'), (2, null), ($1, now()) order by 1 limit 1

select 1 limit all offset 3 rows for share of t skip locked

select * from t, u where t.a = u.a for no key update of t nowait for key share of s.u

select 1 offset 2 row fetch first (3 + 1) rows only

select 1 fetch first -1 row only

select * from t where current_date = any (select d from u where u.id = t.id) and not exists (select from v where v.x = t.x) and a in (select b from w) and (c, d) not in (select 1, 2)

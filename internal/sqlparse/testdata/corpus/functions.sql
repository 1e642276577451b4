select f(), f(1), f(a, b), s.f(a), "F"(a), f(a.*), f(*), count(*), count(distinct a), count(all a)

select string_agg(a, ',' order by b desc, c), array_agg(distinct a order by a nulls first), json_agg(t order by t.a), sum(distinct a + b)

select f(variadic array[1, 2]), f(a, variadic b), f(variadic x => y), array_agg(variadic a order by b)

select count(*) filter (where a > 1), sum(a) filter (where b) over (partition by c)

select percentile_cont(0.5) within group (order by a), mode() within group (order by b desc) filter (where c), rank(1, 2) within group (order by a, b)

select row_number() over (), rank() over (order by a), sum(a) over (partition by b, c order by d desc nulls last), max(a) over w, min(b) over (w order by c), lag(a, 1, 0) over (w)
from t window w as (partition by d), w2 as (w order by e rows unbounded preceding)

select sum(a) over (order by b rows between unbounded preceding and current row), sum(a) over (rows 5 preceding), sum(a) over (range between interval '1 day' preceding and interval '1 day' following), sum(a) over (order by b groups between current row and 2 following exclude ties)

select sum(a) over (rows between 1 + 2 preceding and unbounded following exclude current row), sum(a) over (rows unbounded preceding exclude no others), sum(a) over (range current row exclude group), first_value(a) over (rows between 2 following and 3 following)

select extract(year from a), extract(epoch from now() - b), extract('month' from c), extract("dow" from d), extract(second from e), extract(timezone_hour from f)

select position('a' in b), position(a || 'x' in b || 'y'), position(b'1' in c)

select substring(a from 1 for 2), substring(a from 2), substring(a for 3), substring(a for 2 from 1), substring(a, 1, 2), substring(a from 'x.y'), substring(a similar 'x#"y#"z' escape '#'), substring(a)

select overlay(a placing b from 1), overlay(a placing 'x' from 2 for 3), overlay(a, b, 1, 2)

select trim(a), trim(both from a), trim(both 'x' from a), trim(leading a from b), trim(trailing from c), trim(a from b), trim(from b), trim(a, b), trim(both a, b)

select normalize(a), normalize(a, nfc), normalize(a, NFKD)

select collation for (a), collation for (a || b)

select left(a, 1), right(a, 2), like(a, b), replace(a, b, c), "left"(a, 1)

select now(), pg_catalog.now(), now()::date, (now())::date, upper(lower(a)) || initcap(b)

select json_build_object('a', 1, 'b', a), jsonb_build_array(1, 2), to_jsonb(t), row_to_json(t), jsonb_set(a, '{b}', '1'), jsonb_path_query(a, '$.x ? (@ > 1)')

select generate_series(1, 3), unnest(array[1, 2]), (jsonb_each(a)).key, (f(a)).*

select nextval('s'), pg_advisory_xact_lock(1), set_config('a', 'b', true)

select f(a => 1), f(a := 1), f(1, b => 2, c => null), make_interval(days => 3), f("A" => 1)

select f(case when a then 1 end, (select 1), (1, 2), array[1], row(1), not b, a and b, a in (1, 2))

select count(*) + 1, -count(*), count(*)::int, not bool_and(a), sum(a) / nullif(count(*), 0), avg(a)::numeric(10, 2)

select max(a) over (partition by b order by c) - min(a) over (partition by b), sum(sum(a)) over (order by b) from t group by b

select date_trunc('day', a), date_part('year', b), to_char(c, 'YYYY'), age(d, e), a::date - b::date

select encode(sha256(a), 'hex'), md5(b), gen_random_uuid(), length(c), coalesce(d, e, f), regexp_replace(a, 'x', 'y', 'g')

select grouping(a), grouping(a, b + 1) from t group by cube (a, b + 1)

select xmin, ctid, tableoid::regclass from t

select user, "user", u.user from u

select ordinality, filter_, over_ from f() with ordinality over

select json '{}', json_object('{a,b}'), json_object(array['a', 'b'], array['c', 'd'])

select substring(a || b similar c escape d), substring(a is null similar b escape c), substring(a in (1) similar b = c escape d)
